//! READ DISC STRUCTURE (MMC-6 6.22), formerly READ DVD STRUCTURE, and its answers.
//!
//! [`StructureAnswer`] takes the header off. Its body is read by the types in [`dvd`], [`bd`], [`aacs`] and
//! [`common`]; formats that are not listed there (keys, areas and tables as recorded) are bytes without structure.

pub mod aacs;
pub mod bd;
pub mod common;
pub mod dvd;
pub mod formats;

pub use formats::{BdFormat, CommonFormat, DvdFormat, format_name};

use crate::bytes::{array_at, be16_at, clamp, counted16, put};
use crate::cdb::Transfer;
use crate::error::ParseError;
use crate::layout::{Be16, Be32, Bits, Byte};

open_enum! {
    /// The family of discs whose formats 00 to 7F are meant (byte 1, bits 3-0).
    pub MediaType: u8 {
        /// DVD and HD DVD.
        DVD = 0 => "DVD, HD DVD",
        /// Blu-ray Disc.
        BD = 1 => "BD",
    }
}

command! {
    /// READ DISC STRUCTURE.
    pub struct ReadDiscStructure: READ_DISC_STRUCTURE, 12 {
        /// The family of discs, 4 bits.
        media_type: MediaType = Bits(1, 0, 4),
        /// Logical block, border zone or pack number, by format.
        address: u32 = Be32(2),
        /// Layer, counted from 0.
        layer: u8 = Byte(6),
        /// The structure that is wanted: [`DvdFormat`], [`BdFormat`] or, from 0x80 on, [`CommonFormat`].
        format: u8 = Byte(7),
        /// Length of the answer buffer in bytes.
        allocation_length: u16 = Be16(8),
        /// Authentication grant of formats that need one, 2 bits.
        agid: u8 = Bits(10, 6, 2),
    }
    transfer: |command| Transfer::In(u32::from(command.allocation_length))
}

impl ReadDiscStructure {
    /// `format` of layer 0 for `media_type`, without address and grant.
    #[must_use]
    pub const fn new(media_type: MediaType, format: u8, allocation_length: u16) -> Self {
        Self { media_type, address: 0, layer: 0, format, allocation_length, agid: 0 }
    }
}

/// An answer: a header of four bytes and the structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StructureAnswer<'a> {
    /// Bytes that follow this field, as the drive claims; what is available, not what was received.
    pub data_length: u16,
    /// Reserved, but for the number of packs of a media key block and the room for LBA extents.
    pub reserved: [u8; 2],
    /// The structure, as far as both its length and what was received reach.
    pub body: &'a [u8],
}

impl<'a> StructureAnswer<'a> {
    /// Bytes of the header.
    pub const HEADER_LENGTH: usize = 4;

    /// The answer in `bytes`.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for fewer than four bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self {
            data_length: be16_at(bytes, 0)?,
            reserved: array_at(bytes, 2)?,
            body: clamp(counted16(bytes, 0)?, Self::HEADER_LENGTH, usize::MAX),
        })
    }

    /// The header before a body of `length` bytes.
    #[must_use]
    pub fn header(length: usize) -> [u8; 4] {
        let [high, low] = u16::try_from(length.saturating_add(2)).unwrap_or(u16::MAX).to_be_bytes();
        [high, low, 0, 0]
    }

    /// Writes header and `body` to `target`; the bytes written, or `None` if they do not fit.
    pub fn write(body: &[u8], target: &mut [u8]) -> Option<usize> {
        let length = body.len().checked_add(Self::HEADER_LENGTH).filter(|length| *length <= target.len())?;
        u16::try_from(length).ok()?;
        put(target, 0, &Self::header(body.len()));
        put(target, Self::HEADER_LENGTH, body);
        Some(length)
    }

    /// Packs of a media key block, of which this answer is one.
    #[must_use]
    pub const fn total_packs(&self) -> u8 {
        let [_, packs] = self.reserved;
        packs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, hex, prefixes, round_trip, total};

    /// MMC-6 6.22, command descriptor block.
    #[test]
    fn blocks() {
        let physical =
            ReadDiscStructure { layer: 1, ..ReadDiscStructure::new(MediaType::DVD, DvdFormat::PHYSICAL.0, 2052) };
        golden(physical, &hex("AD 00 00 00 00 00 01 00 08 04 00 00"), Direction::In, 2052);
        let disc_key =
            ReadDiscStructure { agid: 1, ..ReadDiscStructure::new(MediaType::DVD, DvdFormat::DISC_KEY.0, 2052) };
        golden(disc_key, &hex("AD 00 00 00 00 00 00 02 08 04 40 00"), Direction::In, 2052);
        let block = ReadDiscStructure::new(MediaType::BD, CommonFormat::AACS_MKB.0, 32_772);
        let block = ReadDiscStructure { address: 2, ..block };
        golden(block, &hex("AD 01 00 00 00 02 00 83 80 04 00 00"), Direction::In, 32_772);
        round_trip::<ReadDiscStructure>();
    }

    /// MMC-6 6.22, header of the answer.
    #[test]
    fn the_header_ends_the_body() {
        let bytes = hex("00 06 00 07 01 02 03 04 EE");
        let answer = StructureAnswer::parse(&bytes).unwrap();
        assert_eq!((answer.data_length, answer.total_packs(), answer.body), (6, 7, &[1, 2, 3, 4][..]));
        let lying = hex("FF FF 00 00 01");
        assert_eq!(
            StructureAnswer::parse(&lying).map(|answer| (answer.data_length, answer.body.len())),
            Ok((0xFFFF, 1))
        );
        assert_eq!(StructureAnswer::parse(&hex("00 00 00 00 01")).map(|answer| answer.body.len()), Ok(0));
        prefixes(&bytes, |bytes| StructureAnswer::parse(bytes).map(|answer| answer.body.len()));
        total(|bytes| StructureAnswer::parse(bytes).map(|answer| answer.total_packs()));
    }

    #[test]
    fn an_answer_is_written_whole_or_not_at_all() {
        let mut target = [0xEE; 8];
        assert_eq!(StructureAnswer::write(&[1, 2, 3], &mut target), Some(7));
        assert_eq!(target, [0, 5, 0, 0, 1, 2, 3, 0xEE]);
        assert_eq!(StructureAnswer::write(&[1; 5], &mut target), None);
    }
}
