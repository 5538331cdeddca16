//! INQUIRY: what the device is and who made it (SPC-3 6.4, MMC-6 6.8).

use crate::bytes::bit;
use crate::bytes::{flag, put, u8_at};
use crate::cdb::Transfer;
use crate::error::ParseError;
use crate::layout::{Be16, Bits, Byte, Flag, Layout, Raw};
use crate::text::Text;

command! {
    /// INQUIRY, for the standard data or for one page of vital product data.
    pub struct Inquiry: INQUIRY, 6 {
        /// The vital product data page, or `None` for the standard data.
        vpd_page: Option<u8> = VpdPage,
        /// Room for the answer, in bytes.
        allocation_length: u16 = Be16(3),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}

open_enum! {
    /// What kind of device answers (SPC-3 6.4.2); named are those of interest to a CD-ROM driver.
    pub PeripheralType: u8 {
        /// Disk.
        DIRECT_ACCESS = 0x00 => "direct access",
        /// Write-once optical disk of the old kind.
        WRITE_ONCE = 0x04 => "write once",
        /// CD, DVD and Blu-ray drives.
        CD_DVD = 0x05 => "CD/DVD",
        /// Optical memory, such as magneto-optical disks.
        OPTICAL_MEMORY = 0x07 => "optical memory",
        /// Medium changer.
        MEDIUM_CHANGER = 0x08 => "medium changer",
        /// No device.
        UNKNOWN = 0x1F => "unknown",
    }
}

record! {
    /// The standard data up to the revision (SPC-3 6.4.2): the 36 bytes that every device has.
    pub struct StandardInquiry: 36 {
        /// Whether a device of this type is connected (0), could be (1), or cannot be (3).
        peripheral_qualifier: u8 = Bits(0, 5, 3),
        /// The type of device.
        peripheral_type: PeripheralType = Bits(0, 0, 5),
        /// Whether the medium can be taken out.
        removable: bool = Flag(1, 7),
        /// The SPC version that the device claims; 0 for none, which is what ATAPI devices claim.
        version: u8 = Byte(2),
        /// The format of this data: 2 for SCSI-2 and later; 1 is common in ATAPI devices.
        response_data_format: u8 = Bits(3, 0, 4),
        /// Bytes that follow byte 4 when all of the data is read: 31 for the 36 bytes here.
        additional_length: u8 = Byte(4),
        /// Who made it.
        vendor: Text<8> = Raw(8),
        /// Product.
        product: Text<16> = Raw(16),
        /// Revision of the firmware.
        revision: Text<4> = Raw(32),
    }
}

impl StandardInquiry {
    /// Bytes in the whole of the data, up to 260; old ATAPI drives leave the length zero where they mean 36 bytes.
    #[must_use]
    pub fn total_length(&self) -> u16 {
        match self.additional_length {
            0 => 36,
            length => u16::from(length).saturating_add(5),
        }
    }
}

/// The page code in byte 2, which counts only with the flag in byte 1.
struct VpdPage;

impl Layout<Option<u8>> for VpdPage {
    fn get(&self, block: &[u8]) -> Result<Option<u8>, ParseError> {
        match bit(u8_at(block, 1)?, 0) {
            true => u8_at(block, 2).map(Some),
            false => Ok(None),
        }
    }

    fn set(&self, block: &mut [u8], value: Option<u8>) {
        put(block, 1, &[flag(value.is_some(), 0), value.unwrap_or(0)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, hex, prefixes, round_trip, total};

    #[test]
    fn command() {
        let standard = Inquiry { vpd_page: None, allocation_length: 36 };
        golden(standard, &[0x12, 0, 0, 0, 0x24, 0], Direction::In, 36);
        let vpd = Inquiry { vpd_page: Some(0x83), allocation_length: 0x0102 };
        golden(vpd, &[0x12, 1, 0x83, 1, 2, 0], Direction::In, 0x0102);
        round_trip::<Inquiry>();
    }

    /// A DVD writer's answer.
    #[test]
    fn standard_data() {
        let bytes = hex(
            "05 80 00 32 5B 00 00 00 48 4C 2D 44 54 2D 53 54 44 56 44 52 41 4D 20 47 48 32 34 4E 53 43 30 20 4C 59 30 30",
        );
        let data = StandardInquiry::parse(&bytes).unwrap();
        assert_eq!(data.peripheral_type, PeripheralType::CD_DVD);
        assert!(data.removable);
        assert_eq!((data.vendor.trimmed(), data.product.trimmed()), (&b"HL-DT-ST"[..], &b"DVDRAM GH24NSC0"[..]));
        assert_eq!((data.revision.0, data.version, data.response_data_format), (*b"LY00", 0, 2));
        assert_eq!(data.total_length(), 96);
        let emitted = data.to_bytes();
        assert_eq!(StandardInquiry::parse(&emitted), Ok(data));
        assert_eq!(emitted[4..], bytes[4..]);
        prefixes(&bytes, StandardInquiry::parse);
        total(StandardInquiry::parse);
    }

    #[test]
    fn a_length_of_zero_means_36() {
        let mut bytes = [0_u8; 36];
        assert_eq!(StandardInquiry::parse(&bytes).map(|data| data.total_length()), Ok(36));
        bytes[4] = 0xFF;
        assert_eq!(StandardInquiry::parse(&bytes).map(|data| data.total_length()), Ok(260));
    }
}
