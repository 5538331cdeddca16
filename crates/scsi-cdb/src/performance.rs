//! GET PERFORMANCE: how fast the drive reads and writes, and where not (MMC-6 6.7).

mod descriptors;

pub use descriptors::{
    DefectiveBlock, DefectiveBlockCacheZone, ExceptionPerformance, NominalPerformance, UnusableArea, WriteSpeed,
};

use crate::bytes::{bit, bits, clamp, field, flag};
use crate::cdb::Transfer;
use crate::error::ParseError;
use crate::layout::{Be16, Be32, Bits, Byte, Flag};

open_enum! {
    /// What GET PERFORMANCE reports.
    pub PerformanceType: u8 {
        /// Speeds by address range, or exceptions from them.
        PERFORMANCE = 0 => "performance data",
        /// Areas that cannot be used.
        UNUSABLE_AREA = 1 => "unusable area data",
        /// Defects as a bit map.
        DEFECT_STATUS = 2 => "defect status data",
        /// Speeds at which the medium can be written.
        WRITE_SPEED = 3 => "write speed descriptor",
        /// Defective blocks, from a drive with enhanced defect reporting.
        DEFECTIVE_BLOCKS = 4 => "defective block information",
        /// Zones of the drive's cache of defective block information.
        DEFECTIVE_BLOCK_CACHE = 5 => "defective block information cache zone",
    }
}

command! {
    /// GET PERFORMANCE (MMC-6 6.7).
    pub struct GetPerformance: GET_PERFORMANCE, 12 {
        /// How the type is to be reported (5 bits).
        data_type: PerformanceDataType = Bits(1, 0, 5),
        /// The block from which on the report is wanted.
        starting_lba: u32 = Be32(2),
        /// The most descriptors the answer may have.
        max_descriptors: u16 = Be16(8),
        /// What is asked for.
        kind: PerformanceType = Byte(10),
    }
    transfer: |command| {
        let descriptors = u32::from(command.max_descriptors).saturating_mul(command.descriptor_length());
        Transfer::In(descriptors.saturating_add(8))
    }
}

impl GetPerformance {
    /// Bytes of one descriptor of the answer.
    #[must_use]
    pub const fn descriptor_length(&self) -> u32 {
        match self.kind {
            PerformanceType::PERFORMANCE if self.data_type.exceptions() != 0 => 6,
            PerformanceType::PERFORMANCE | PerformanceType::WRITE_SPEED => 16,
            PerformanceType::DEFECT_STATUS => 2048,
            _ => 8,
        }
    }
}

/// The data type field; for [`PerformanceType::PERFORMANCE`] it is made of tolerance, write and except.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PerformanceDataType(pub u8);

impl PerformanceDataType {
    /// The nominal read performance, with the only tolerance that MMC defines: 10 % below to 20 % above.
    pub const NOMINAL_READ: Self = Self::new(2, false, 0);
    /// The nominal write performance, with the same tolerance.
    pub const NOMINAL_WRITE: Self = Self::new(2, true, 0);

    /// The field made of `tolerance` (2 bits), `write`, and `exceptions` (2 bits).
    #[must_use]
    pub const fn new(tolerance: u8, write: bool, exceptions: u8) -> Self {
        Self(field(bits(tolerance, 0, 2), 3) | flag(write, 2) | bits(exceptions, 0, 2))
    }

    /// The tolerance, 2 for every drive that follows MMC.
    #[must_use]
    pub const fn tolerance(self) -> u8 {
        bits(self.0, 3, 2)
    }

    /// Whether write speeds are asked for instead of read speeds.
    #[must_use]
    pub const fn write(self) -> bool {
        bit(self.0, 2)
    }

    /// 0: nominal performance; 1: all exceptions from it; 2: exceptions that cost much time.
    #[must_use]
    pub const fn exceptions(self) -> u8 {
        bits(self.0, 0, 2)
    }
}

impl From<u8> for PerformanceDataType {
    fn from(bits: u8) -> Self {
        Self(bits)
    }
}

impl From<PerformanceDataType> for u8 {
    fn from(data_type: PerformanceDataType) -> Self {
        data_type.0
    }
}

record! {
    /// The first eight bytes of the answer.
    pub struct PerformanceHeader: 8 {
        /// Bytes that follow these four.
        data_length: u32 = Be32(0),
        /// Whether the descriptors are about writing.
        write: bool = Flag(4, 1),
        /// Whether the descriptors are exceptions instead of nominal speeds.
        except: bool = Flag(4, 0),
    }
}

/// The answer to GET PERFORMANCE: the header, then descriptors of the type that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Performance<'a> {
    /// The header.
    pub header: PerformanceHeader,
    /// What was received of the descriptors, and no more than the header claims.
    pub descriptors: &'a [u8],
}

/// A descriptor of an answer to GET PERFORMANCE.
pub trait PerformanceDescription: Sized {
    /// Length in bytes.
    const LENGTH: usize;

    /// The descriptor at the start of `bytes`.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for fewer than [`Self::LENGTH`] bytes.
    fn parse(bytes: &[u8]) -> Result<Self, ParseError>;
}

impl<'a> Performance<'a> {
    /// The answer in the bytes that were received.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for fewer than 8 bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let header = PerformanceHeader::parse(bytes)?;
        let claimed = usize::try_from(header.data_length.saturating_sub(4)).unwrap_or(usize::MAX);
        Ok(Self { header, descriptors: clamp(bytes, PerformanceHeader::LENGTH, claimed) })
    }

    /// The whole descriptors in order, read as `D`; the command that was sent tells which type it is.
    ///
    /// ```
    /// # use scsi_cdb::performance::{Performance, UnusableArea};
    /// let bytes = [0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 16];
    /// let answer = Performance::parse(&bytes)?;
    /// let areas = answer.iter::<UnusableArea>();
    /// assert!(areas.eq([UnusableArea { lba: 256, blocks: 16 }]));
    /// # Ok::<(), scsi_cdb::ParseError>(())
    /// ```
    pub fn iter<D: PerformanceDescription>(&self) -> impl Iterator<Item = D> + use<'a, D> {
        self.descriptors.chunks_exact(D::LENGTH.max(1)).map_while(|chunk| D::parse(chunk).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, hex, prefixes, round_trip, total};
    use std::vec::Vec;

    #[test]
    fn command() {
        let nominal = GetPerformance {
            data_type: PerformanceDataType::NOMINAL_WRITE,
            starting_lba: 0,
            max_descriptors: 200,
            kind: PerformanceType::PERFORMANCE,
        };
        golden(nominal, &[0xAC, 0x14, 0, 0, 0, 0, 0, 0, 0, 0xC8, 0, 0], Direction::In, 3208);
        let data_type = PerformanceDataType::default();
        let speeds = GetPerformance { data_type, kind: PerformanceType::WRITE_SPEED, ..nominal };
        golden(speeds, &[0xAC, 0, 0, 0, 0, 0, 0, 0, 0, 0xC8, 3, 0], Direction::In, 3208);
        let data_type = PerformanceDataType::new(2, false, 1);
        let exceptions = GetPerformance { data_type, starting_lba: 0x0102_0304, max_descriptors: 2, ..nominal };
        golden(exceptions, &[0xAC, 0x11, 1, 2, 3, 4, 0, 0, 0, 2, 0, 0], Direction::In, 20);
        round_trip::<GetPerformance>();
    }

    #[test]
    fn data_type_is_made_of_three_fields() {
        assert_eq!(PerformanceDataType::NOMINAL_READ.0, 0x10);
        let all = PerformanceDataType::new(3, true, 2);
        assert_eq!((all.0, all.tolerance(), all.write(), all.exceptions()), (0x1E, 3, true, 2));
    }

    #[test]
    fn nominal_performance() {
        let bytes = hex("00000014 02000000 00000000 00000b28 0023053f 00001b90");
        let answer = Performance::parse(&bytes).unwrap();
        assert_eq!(answer.header, PerformanceHeader { data_length: 20, write: true, except: false });
        let speed = NominalPerformance { start_lba: 0, start_speed: 2856, end_lba: 0x0023_053F, end_speed: 7056 };
        assert_eq!(answer.iter().collect::<Vec<NominalPerformance>>(), [speed]);
        assert_eq!(answer.header.to_bytes(), bytes[..8]);
        assert_eq!(speed.to_bytes(), bytes[8..]);
        prefixes(&bytes, Performance::parse);
    }

    #[test]
    fn descriptors_end_with_the_claim_or_with_the_bytes() {
        let mut bytes = hex("00000010 01000000 00000010 0064 00000020 00c8 ff");
        let exceptions =
            |bytes: &[u8]| -> Vec<_> { Performance::parse(bytes).unwrap().iter::<ExceptionPerformance>().collect() };
        let first = ExceptionPerformance { lba: 16, time: 100 };
        let second = ExceptionPerformance { lba: 32, time: 200 };
        assert_eq!(exceptions(&bytes), [first, second]);
        assert_eq!(exceptions(&bytes[..19]), [first]);
        bytes[3] = 0x0F;
        assert_eq!(exceptions(&bytes), [first]);
        bytes[3] = 0;
        assert_eq!(exceptions(&bytes), []);
    }

    #[test]
    fn any_bytes_are_handled() {
        total(|bytes| {
            Performance::parse(bytes).map(|answer| {
                answer.iter::<NominalPerformance>().count()
                    + answer.iter::<ExceptionPerformance>().count()
                    + answer.iter::<WriteSpeed>().count()
                    + answer.iter::<UnusableArea>().count()
                    + answer.iter::<DefectiveBlock>().count()
                    + answer.iter::<DefectiveBlockCacheZone>().count()
            })
        });
    }
}
