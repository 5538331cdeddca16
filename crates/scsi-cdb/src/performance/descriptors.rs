//! The descriptors of the answers to GET PERFORMANCE. Speeds are in kB/s of 1000 bytes.

use super::PerformanceDescription;
use crate::error::ParseError;
use crate::layout::{Be16, Be32, Bits, Flag};

record! {
    /// Speeds within a range of blocks; between its ends the speed changes evenly.
    pub struct NominalPerformance: 16 {
        /// First block.
        start_lba: u32 = Be32(0),
        /// Speed at the first block.
        start_speed: u32 = Be32(4),
        /// Last block.
        end_lba: u32 = Be32(8),
        /// Speed at the last block.
        end_speed: u32 = Be32(12),
    }
}

record! {
    /// A place that takes longer than the nominal speed lets expect.
    pub struct ExceptionPerformance: 6 {
        /// The block.
        lba: u32 = Be32(0),
        /// The delay there, in units of 100 microseconds.
        time: u16 = Be16(4),
    }
}

record! {
    /// A speed at which the medium can be written.
    pub struct WriteSpeed: 16 {
        /// 0: the medium's default; 1: pure constant angular velocity (2 bits).
        rotation_control: u8 = Bits(0, 3, 2),
        /// The RDD bit, which restores defaults when the speed goes back to the drive with SET STREAMING.
        restore_defaults: bool = Flag(0, 2),
        /// Whether the speed holds for the whole of the medium.
        exact: bool = Flag(0, 1),
        /// Whether the speed suits a mix of reading and writing (MRW).
        mixed_read_write: bool = Flag(0, 0),
        /// The last block of the medium.
        end_lba: u32 = Be32(4),
        /// Speed of reading.
        read_speed: u32 = Be32(8),
        /// Speed of writing.
        write_speed: u32 = Be32(12),
    }
}

record! {
    /// Blocks that cannot be used.
    pub struct UnusableArea: 8 {
        /// First block.
        lba: u32 = Be32(0),
        /// Number of blocks.
        blocks: u32 = Be32(4),
    }
}

record! {
    /// A block that is or seems defective.
    pub struct DefectiveBlock: 8 {
        /// The block.
        lba: u32 = Be32(0),
        /// Kind of defect (3 bits), as the drive classes it.
        error_kind: u8 = Bits(4, 5, 3),
    }
}

record! {
    /// A zone of the drive's cache of defective block information.
    pub struct DefectiveBlockCacheZone: 8 {
        /// The first block of the zone.
        start_lba: u32 = Be32(0),
        /// Entries that the zone still takes.
        remaining_entries: u16 = Be16(4),
    }
}

macro_rules! descriptions {
    ($($name:ident),*) => { $(
        impl PerformanceDescription for $name {
            const LENGTH: usize = Self::LENGTH;

            fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
                Self::parse(bytes)
            }
        }
    )* };
}

descriptions!(
    NominalPerformance,
    ExceptionPerformance,
    WriteSpeed,
    UnusableArea,
    DefectiveBlock,
    DefectiveBlockCacheZone
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::hex;

    #[test]
    fn write_speed() {
        let bytes = hex("0b000000 00057e3f 00001b90 00000b28");
        let speed = WriteSpeed {
            rotation_control: 1,
            restore_defaults: false,
            exact: true,
            mixed_read_write: true,
            end_lba: 0x0005_7E3F,
            read_speed: 7056,
            write_speed: 2856,
        };
        assert_eq!(WriteSpeed::parse(&bytes), Ok(speed));
        assert_eq!(speed.to_bytes()[..], bytes);
    }

    #[test]
    fn defects() {
        let block = DefectiveBlock { lba: 256, error_kind: 2 };
        assert_eq!(block.to_bytes(), [0, 0, 1, 0, 0x40, 0, 0, 0]);
        assert_eq!(DefectiveBlock::parse(&block.to_bytes()), Ok(block));
        let zone = DefectiveBlockCacheZone { start_lba: 256, remaining_entries: 9 };
        assert_eq!(zone.to_bytes(), [0, 0, 1, 0, 0, 9, 0, 0]);
        assert_eq!(DefectiveBlockCacheZone::parse(&zone.to_bytes()), Ok(zone));
    }
}
