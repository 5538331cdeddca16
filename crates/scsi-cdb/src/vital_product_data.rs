//! Vital product data: the pages that INQUIRY returns on request (SPC-3 7.6).

use crate::bytes::{be16_at, bit, bits, clamp, put, u8_at};
use crate::error::ParseError;
use crate::text::trim;

open_enum! {
    /// Page codes (SPC-3 7.6.1).
    pub VpdPage: u8 {
        /// Which pages there are.
        SUPPORTED_PAGES = 0x00 => "Supported VPD Pages",
        /// The serial number.
        UNIT_SERIAL_NUMBER = 0x80 => "Unit Serial Number",
        /// Names of the device.
        DEVICE_IDENTIFICATION = 0x83 => "Device Identification",
    }
}

/// One page, cut to the bytes that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VitalProductData<'a> {
    /// Which page it is.
    pub page: VpdPage,
    /// What follows the four bytes of the header.
    pub body: &'a [u8],
    /// Bytes that the body has by the header; more than `body` if the answer was cut.
    pub claimed_length: u16,
}

impl<'a> VitalProductData<'a> {
    /// The page in `bytes`, of which at least the 4 bytes of its header must be there.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for less.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let claimed_length = be16_at(bytes, 2)?;
        Ok(Self { page: VpdPage(u8_at(bytes, 1)?), body: clamp(bytes, 4, claimed_length.into()), claimed_length })
    }

    /// The page in `bytes` if it is `page`.
    ///
    /// # Errors
    /// As [`Self::parse`], and [`ParseError::WrongCode`] for another page.
    pub fn parse_as(page: VpdPage, bytes: &'a [u8]) -> Result<Self, ParseError> {
        match Self::parse(bytes)? {
            found if found.page == page => Ok(found),
            found => Err(ParseError::WrongCode { expected: page.0, found: found.page.0 }),
        }
    }

    /// Page 80h: the serial number without the padding around it.
    #[must_use]
    pub fn serial_number(&self) -> &'a [u8] {
        trim(self.body)
    }

    /// Page 83h: the designators that are there in full.
    pub fn designators(&self) -> impl Iterator<Item = Designator<'a>> + use<'a> {
        let mut rest = self.body;
        core::iter::from_fn(move || {
            let (designator, tail) = Designator::split(rest)?;
            rest = tail;
            Some(designator)
        })
    }

    /// Page 00h: the codes of the pages that there are.
    pub fn supported_pages(&self) -> impl Iterator<Item = VpdPage> + use<'a> {
        self.body.iter().copied().map(VpdPage)
    }
}

/// A name of the device, of its port or of its target (SPC-3 7.6.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Designator<'a> {
    /// The protocol that the name belongs to; `None` if the field is not valid.
    pub protocol: Option<u8>,
    /// How the bytes are coded: 1 binary, 2 ASCII, 3 UTF-8.
    pub code_set: u8,
    /// What is named: 0 the logical unit, 1 the port, 2 the target.
    pub association: u8,
    /// What kind of name it is: 1 vendor's with T10 vendor identification, 2 EUI-64, 3 NAA, 8 SCSI name string.
    pub kind: u8,
    /// The name.
    pub bytes: &'a [u8],
}

impl<'a> Designator<'a> {
    fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&[first, second, _, length], rest) = bytes.split_first_chunk()?;
        let (name, tail) = rest.split_at_checked(length.into())?;
        let designator = Self {
            protocol: bit(second, 7).then_some(bits(first, 4, 4)),
            code_set: bits(first, 0, 4),
            association: bits(second, 4, 2),
            kind: bits(second, 0, 4),
            bytes: name,
        };
        Some((designator, tail))
    }
}

/// Writes a page of device type `peripheral` (the first byte of standard INQUIRY data) to the start of `buffer`, cut to
/// its length; returns the number of bytes written.
pub fn emit(peripheral: u8, page: VpdPage, body: &[u8], buffer: &mut [u8]) -> usize {
    let [high, low] = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
    put(buffer, 0, &[peripheral, page.0, high, low]).saturating_add(put(buffer, 4, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{hex, prefixes, total};

    #[test]
    fn serial_number() {
        let bytes = hex("05 80 00 08 20 20 4B 31 32 33 20 00 FF");
        let page = VitalProductData::parse_as(VpdPage::UNIT_SERIAL_NUMBER, &bytes).unwrap();
        assert_eq!((page.serial_number(), page.claimed_length), (&b"K123"[..], 8));
        let other = VitalProductData::parse_as(VpdPage::DEVICE_IDENTIFICATION, &bytes);
        assert_eq!(other, Err(ParseError::WrongCode { expected: 0x83, found: 0x80 }));
        let mut buffer = [0_u8; 64];
        let length = emit(5, page.page, page.body, &mut buffer);
        assert_eq!(buffer[..length], bytes[..12]);
        prefixes(&bytes, VitalProductData::parse);
    }

    #[test]
    fn designators() {
        let bytes = hex("05 83 00 14 | 02 01 00 04 41 42 43 44 | 61 93 00 02 50 01 | 01 02 00 FF 00 00");
        let page = VitalProductData::parse(&bytes).unwrap();
        let found: std::vec::Vec<_> = page.designators().collect();
        let vendor = Designator { protocol: None, code_set: 2, association: 0, kind: 1, bytes: b"ABCD" };
        let port = Designator { protocol: Some(6), code_set: 1, association: 1, kind: 3, bytes: &[0x50, 0x01] };
        assert_eq!(found, [vendor, port], "the third claims more than there is");
    }

    #[test]
    fn supported_pages() {
        let bytes = hex("05 00 00 03 00 80 83");
        let pages = VitalProductData::parse(&bytes).unwrap();
        assert!(pages.supported_pages().any(|page| page == VpdPage::DEVICE_IDENTIFICATION));
        assert_eq!(pages.supported_pages().count(), 3);
    }

    #[test]
    fn nothing_panics() {
        total(|bytes| {
            VitalProductData::parse(bytes).map(|page| (page.serial_number().len(), page.designators().count()))
        });
    }
}
