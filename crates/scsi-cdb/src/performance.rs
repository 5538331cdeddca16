//! GET PERFORMANCE (MMC-6 6.8).

use crate::Transfer;
use crate::layout::{Be16, Be32, Bits, Byte};

open_enum! {
    /// What GET PERFORMANCE reports (MMC-6 6.8.2.6).
    pub PerformanceType: u8 {
        /// Speeds by address range, or exceptions from them.
        PERFORMANCE = 0 => "performance data",
        /// Areas that cannot be used.
        UNUSABLE_AREA = 1 => "unusable area data",
        /// Defects as a bit map.
        DEFECT_STATUS = 2 => "defect status data",
        /// Speeds at which the medium can be written.
        WRITE_SPEED = 3 => "write speed descriptor",
        /// Defective blocks, from an enhanced defect reporting drive.
        DEFECTIVE_BLOCKS = 4 => "defective block information",
        /// Zones of the drive's cache of defective block information.
        DEFECTIVE_BLOCK_CACHE = 5 => "defective block information cache zone",
    }
}

command! {
    /// GET PERFORMANCE (MMC-6 6.8).
    pub struct GetPerformance: GET_PERFORMANCE, 12 {
        /// How the type is to be reported (5 bits; for performance data see [`DataType`]).
        data_type: DataType = Bits(1, 0, 5),
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

/// The data type field for [`PerformanceType::PERFORMANCE`]: tolerance, write and except (MMC-6 table 291).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DataType(pub u8);

impl DataType {
    /// The nominal read performance within 10 % below and 20 % above, the only tolerance that MMC defines.
    pub const NOMINAL_READ: Self = Self(0x10);
    /// The nominal write performance, with the same tolerance.
    pub const NOMINAL_WRITE: Self = Self(0x14);

    /// The field made of `tolerance` (2 bits), `write`, and `exceptions` (2 bits).
    #[must_use]
    pub const fn new(tolerance: u8, write: bool, exceptions: u8) -> Self {
        use crate::bytes::{bits, field, flag};
        Self(field(bits(tolerance, 0, 2), 3) | flag(write, 2) | bits(exceptions, 0, 2))
    }

    /// The tolerance, 2 for every drive that follows MMC.
    #[must_use]
    pub const fn tolerance(self) -> u8 {
        crate::bytes::bits(self.0, 3, 2)
    }

    /// Whether write speeds are asked for instead of read speeds.
    #[must_use]
    pub const fn write(self) -> bool {
        crate::bytes::bit(self.0, 2)
    }

    /// 0: nominal performance; 1: all exceptions from it; 2: only those that last.
    #[must_use]
    pub const fn exceptions(self) -> u8 {
        crate::bytes::bits(self.0, 0, 2)
    }
}

impl From<u8> for DataType {
    fn from(bits: u8) -> Self {
        Self(bits)
    }
}

impl From<DataType> for u8 {
    fn from(data_type: DataType) -> Self {
        data_type.0
    }
}
