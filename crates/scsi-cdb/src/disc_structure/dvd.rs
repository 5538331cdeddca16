//! Structures of DVD, formats 00 to 7F of media type 0. Offsets count from the body, after the 4-byte header.

use crate::bytes::{bits, clamp};
use crate::layout::{Be16, Be24, Be32, Bits, Byte, Flag, Raw};

/// Bytes of the physical format, disc key and manufacturing structures as lead-in blocks.
pub const LEAD_IN_BLOCK_LENGTH: usize = 2048;

open_enum! {
    /// The book a DVD was made by.
    pub BookType: u8 {
        /// DVD-ROM.
        DVD_ROM = 0x0 => "DVD-ROM",
        /// DVD-RAM.
        DVD_RAM = 0x1 => "DVD-RAM",
        /// DVD-R.
        DVD_R = 0x2 => "DVD-R",
        /// DVD-RW.
        DVD_RW = 0x3 => "DVD-RW",
        /// HD DVD-ROM.
        HD_DVD_ROM = 0x4 => "HD DVD-ROM",
        /// HD DVD-RAM.
        HD_DVD_RAM = 0x5 => "HD DVD-RAM",
        /// HD DVD-R.
        HD_DVD_R = 0x6 => "HD DVD-R",
        /// DVD+RW.
        DVD_PLUS_RW = 0x9 => "DVD+RW",
        /// DVD+R.
        DVD_PLUS_R = 0xA => "DVD+R",
        /// DVD+RW of two layers.
        DVD_PLUS_RW_DL = 0xD => "DVD+RW DL",
        /// DVD+R of two layers.
        DVD_PLUS_R_DL = 0xE => "DVD+R DL",
    }
}

open_enum! {
    /// Diameter of a DVD.
    pub DiscSize: u8 {
        /// 120 mm.
        MM_120 = 0 => "120 mm",
        /// 80 mm.
        MM_80 = 1 => "80 mm",
    }
}

open_enum! {
    /// Highest rate at which a DVD is to be read.
    pub MaximumRate: u8 {
        /// 2.52 Mbit/s.
        MBPS_2_52 = 0x0 => "2.52 Mbit/s",
        /// 5.04 Mbit/s.
        MBPS_5_04 = 0x1 => "5.04 Mbit/s",
        /// 10.08 Mbit/s.
        MBPS_10_08 = 0x2 => "10.08 Mbit/s",
        /// 20.16 Mbit/s.
        MBPS_20_16 = 0x3 => "20.16 Mbit/s",
        /// 30.24 Mbit/s.
        MBPS_30_24 = 0x4 => "30.24 Mbit/s",
        /// Not specified.
        NOT_SPECIFIED = 0xF => "not specified",
    }
}

record! {
    /// Formats 00 and 10: physical format information; its first 17 bytes, the rest depends on the book.
    pub struct PhysicalFormat: 17 {
        /// The book.
        book_type: BookType = Bits(0, 4, 4),
        /// Version of the book's part.
        part_version: u8 = Bits(0, 0, 4),
        /// Diameter.
        disc_size: DiscSize = Bits(1, 4, 4),
        /// Highest rate.
        maximum_rate: MaximumRate = Bits(1, 0, 4),
        /// Number of layers less one; see [`Self::layers`].
        layers_field: u8 = Bits(2, 5, 2),
        /// Opposite track path: the second layer runs inwards.
        opposite_track_path: bool = Flag(2, 4),
        /// Kinds of areas: bit 0 embossed, bit 1 recordable, bit 2 rewritable.
        layer_type: u8 = Bits(2, 0, 4),
        /// Code of the linear density.
        linear_density: u8 = Bits(3, 4, 4),
        /// Code of the track density.
        track_density: u8 = Bits(3, 0, 4),
        /// First physical sector of the data area; 0x30000, or 0x31000 on DVD-RAM.
        data_start: u32 = Be24(5),
        /// Last physical sector of the data area.
        data_end: u32 = Be24(9),
        /// Last physical sector of layer 0 where the tracks run opposite.
        layer_0_end: u32 = Be24(13),
        /// There is a burst cutting area.
        bca: bool = Flag(16, 7),
    }
}

impl PhysicalFormat {
    /// Number of layers, from 1.
    #[must_use]
    pub const fn layers(&self) -> u8 {
        self.layers_field.saturating_add(1)
    }
}

open_enum! {
    /// The copy protection of a DVD.
    pub ProtectionSystem: u8 {
        /// None.
        NONE = 0x00 => "none",
        /// CSS or CPPM.
        CSS_OR_CPPM = 0x01 => "CSS or CPPM",
        /// CPRM.
        CPRM = 0x02 => "CPRM",
        /// AACS of an HD DVD.
        AACS_HD_DVD = 0x03 => "AACS of HD DVD",
        /// AACS of a BD.
        AACS_BD = 0x10 => "AACS of BD",
    }
}

record! {
    /// Format 01: copyright information.
    pub struct Copyright: 4 {
        /// The copy protection.
        protection_system: ProtectionSystem = Byte(0),
        /// Regions, one bit each; a set bit means not playable there.
        forbidden_regions: u8 = Byte(1),
    }
}

record! {
    /// Format 05: copyright management of one sector. The same byte precedes a title key.
    pub struct CopyrightManagement: 4 {
        /// The sector is copyrighted material.
        copyrighted: bool = Flag(0, 7),
        /// The sector has a structure of its protection system: it is scrambled, if the system is CSS.
        protected: bool = Flag(0, 6),
        /// Copy generations: 0 free, 2 one, 3 none.
        generations: u8 = Bits(0, 4, 2),
        /// Mode of protection, by system.
        protection_mode: u8 = Bits(0, 0, 4),
    }
}

record! {
    /// Format 09: medium status of a DVD-RAM. The write protection flags are as in
    /// [`WriteProtection`](crate::disc_structure::common::WriteProtection).
    pub struct RamMediumStatus: 4 {
        /// The medium is in a cartridge.
        cartridge: bool = Flag(0, 7),
        /// The medium has been, or may have been, taken out of its cartridge.
        taken_out: bool = Flag(0, 6),
        /// The medium says that it must not be written.
        medium_write_inhibited: bool = Flag(0, 3),
        /// The switch of the cartridge is set to protect.
        cartridge_protected: bool = Flag(0, 2),
        /// Protected for good in its disc definition structure.
        persistent_protected: bool = Flag(0, 1),
        /// Whether the medium may be written without a cartridge, a code.
        disc_type: u8 = Byte(1),
        /// Why writing is inhibited, a code.
        write_inhibit_reason: u8 = Byte(3),
    }
}

record! {
    /// Format 0A: spare areas of a DVD-RAM, in blocks.
    pub struct RamSpareArea: 12 {
        /// Unused in the primary area.
        unused_primary: u32 = Be32(0),
        /// Unused in the supplementary area.
        unused_supplementary: u32 = Be32(4),
        /// Allocated to the supplementary area.
        allocated_supplementary: u32 = Be32(8),
    }
}

record! {
    /// Format 0F: what distinguishes a DVD-R or DVD-RW, decimal digits in ASCII after a binary number.
    pub struct UniqueDiscId: 20 {
        /// A random number.
        random: u16 = Be16(2),
        /// Year.
        year: [u8; 4] = Raw(4),
        /// Month.
        month: [u8; 2] = Raw(8),
        /// Day.
        day: [u8; 2] = Raw(10),
        /// Hour.
        hour: [u8; 2] = Raw(12),
        /// Minute.
        minute: [u8; 2] = Raw(14),
        /// Second.
        second: [u8; 2] = Raw(16),
    }
}

record! {
    /// Format 11: the part of the disc information in the ADIP of a DVD+R or DVD+RW that names its maker. It begins as
    /// [`PhysicalFormat`] does.
    pub struct AdipIdentification: 31 {
        /// Manufacturer, in ASCII, zeros following.
        manufacturer: [u8; 8] = Raw(19),
        /// Type of the medium, in the manufacturer's words.
        media_type: [u8; 3] = Raw(27),
        /// Revision of the product.
        revision: u8 = Byte(30),
    }
}

record! {
    /// Formats 20 to 24: a size or an address of a disc of two layers.
    ///
    /// 20: blocks of layer 0. 21: first block of the shifted middle area. 22: blocks between layer jumps. 23: block of
    /// the manual layer jump. 24: block that is remapped.
    pub struct LayerParameter: 8 {
        /// The value is set and can no longer be changed (formats 20 and 21).
        fixed: bool = Flag(0, 7),
        /// The value.
        value: u32 = Be32(4),
    }
}

/// The characters of `field` before the zeros or spaces that fill it.
#[must_use]
pub fn trimmed(field: &[u8]) -> &[u8] {
    let end = field.iter().rposition(|byte| !matches!(byte, 0 | b' ')).map_or(0, |last| last.saturating_add(1));
    clamp(field, 0, end)
}

impl UniqueDiscId {
    /// The date and time as numbers: year, month, day, hour, minute, second. `None` if a digit is none.
    #[must_use]
    pub fn date(&self) -> Option<[u16; 6]> {
        Some([
            decimal(&self.year)?,
            decimal(&self.month)?,
            decimal(&self.day)?,
            decimal(&self.hour)?,
            decimal(&self.minute)?,
            decimal(&self.second)?,
        ])
    }
}

fn decimal(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |value, digit| {
        let digit = digit.is_ascii_digit().then_some(bits(*digit, 0, 4))?;
        value.checked_mul(10)?.checked_add(u16::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disc_structure::StructureAnswer;
    use crate::test_support::{hex, prefixes, total};

    /// MMC-6 6.22, DVD format 00: a video DVD of two layers, opposite track path.
    #[test]
    fn physical_format_is_read() {
        let bytes = hex("08 02 00 00  01 02 31 10  00 03 00 00  00 FC BF FF  00 20 4D 1F  80 00 00");
        let body = StructureAnswer::parse(&bytes).unwrap().body;
        let format = PhysicalFormat::parse(body).unwrap();
        assert_eq!((format.book_type, format.part_version), (BookType::DVD_ROM, 1));
        assert_eq!((format.disc_size, format.maximum_rate), (DiscSize::MM_120, MaximumRate::MBPS_10_08));
        assert_eq!((format.layers(), format.opposite_track_path, format.layer_type), (2, true, 1));
        assert_eq!((format.linear_density, format.track_density, format.bca), (1, 0, true));
        assert_eq!((format.data_start, format.data_end, format.layer_0_end), (0x3_0000, 0xFC_BFFF, 0x20_4D1F));
        assert_eq!(format.to_bytes(), body[..17]);
        prefixes(&body[..17], PhysicalFormat::parse);
    }

    /// MMC-6 6.22, DVD formats 01 and 05.
    #[test]
    fn copyright_is_read() {
        let copyright = Copyright::parse(&hex("01 FD 00 00")).unwrap();
        assert_eq!((copyright.protection_system, copyright.forbidden_regions), (ProtectionSystem::CSS_OR_CPPM, 0xFD));
        let sector = CopyrightManagement::parse(&hex("F0 00 00 00")).unwrap();
        assert!(sector.copyrighted && sector.protected);
        assert_eq!((sector.generations, sector.protection_mode), (3, 0));
        assert_eq!(sector.to_bytes(), [0xF0, 0, 0, 0]);
    }

    /// MMC-6 6.22, DVD formats 09 and 0A.
    #[test]
    fn ram_status_is_read() {
        let status = RamMediumStatus::parse(&hex("C4 10 00 00")).unwrap();
        assert!(status.cartridge && status.taken_out && status.cartridge_protected);
        assert!(!status.persistent_protected && !status.medium_write_inhibited);
        assert_eq!(status.to_bytes(), [0xC4, 0x10, 0, 0]);
        let spare = RamSpareArea::parse(&hex("00000A00 00000200 00000400")).unwrap();
        assert_eq!(
            (spare.unused_primary, spare.unused_supplementary, spare.allocated_supplementary),
            (2560, 512, 1024)
        );
    }

    /// MMC-6 6.22, DVD format 0F, and ECMA-349 for the ADIP.
    #[test]
    fn identifications_are_read() {
        let id = UniqueDiscId::parse(b"\0\0\x12\x3420240229235958\0\0").unwrap();
        assert_eq!((id.random, id.date()), (0x1234, Some([2024, 2, 29, 23, 59, 58])));
        assert_eq!(UniqueDiscId { day: *b"2x", ..id }.date(), None);
        let mut body = [0_u8; 31];
        body[19..].copy_from_slice(b"MCC\0\0\0\0\x00004\x05");
        let adip = AdipIdentification::parse(&body).unwrap();
        assert_eq!(
            (trimmed(&adip.manufacturer), trimmed(&adip.media_type), adip.revision),
            (&b"MCC"[..], &b"004"[..], 5)
        );
    }

    /// MMC-6 6.22, DVD format 20.
    #[test]
    fn layer_parameters_are_read() {
        let capacity = LayerParameter { fixed: true, value: 0x001F_D9B0 };
        assert_eq!(capacity.to_bytes(), hex("80 00 00 00 00 1F D9 B0")[..]);
        assert_eq!(LayerParameter::parse(&capacity.to_bytes()), Ok(capacity));
    }

    #[test]
    fn any_bytes_are_handled() {
        total(PhysicalFormat::parse);
        total(|bytes| UniqueDiscId::parse(bytes).map(|id| id.date()));
        total(|bytes| trimmed(bytes).len());
    }
}
