//! SET STREAMING (MMC-6 6.41) and SET CD SPEED (MMC-6 6.39): how fast the drive is to read and write.

use crate::cdb::Transfer;
use crate::layout::{Be16, Be32, Bits, Byte, Flag};

open_enum! {
    /// What the parameter list of SET STREAMING holds.
    pub StreamingType: u8 {
        /// One [`PerformanceDescriptor`].
        PERFORMANCE = 0 => "performance descriptor",
        /// Zones of the cache of defective block information.
        DEFECTIVE_BLOCK_CACHE = 5 => "defective block information cache zone descriptor",
    }
}

command! {
    /// SET STREAMING (MMC-6 6.41).
    pub struct SetStreaming: SET_STREAMING, 12 {
        /// What the parameter list holds.
        kind: StreamingType = Byte(8),
        /// Length of the parameter list in bytes.
        parameter_list_length: u16 = Be16(9),
    }
    transfer: |command| Transfer::Out(command.parameter_list_length.into())
}

impl SetStreaming {
    /// The command that a [`PerformanceDescriptor`] goes with.
    pub const PERFORMANCE: Self = Self { kind: StreamingType::PERFORMANCE, parameter_list_length: 28 };
}

record! {
    /// The parameter list of SET STREAMING: a range of blocks and the speeds wanted there.
    ///
    /// A speed is a size in kB of 1000 bytes and the time in milliseconds that it may take.
    pub struct PerformanceDescriptor: 28 {
        /// 0: the medium's default; 1: pure constant angular velocity (WRC, 2 bits).
        rotation_control: u8 = Bits(0, 3, 2),
        /// Whether the drive goes back to its defaults and ignores the rest (RDD).
        restore_defaults: bool = Flag(0, 2),
        /// Whether the command fails if the speed cannot be met, instead of taking the nearest.
        exact: bool = Flag(0, 1),
        /// Whether the host will read in no order (RA).
        random_access: bool = Flag(0, 0),
        /// First block.
        start_lba: u32 = Be32(4),
        /// Last block.
        end_lba: u32 = Be32(8),
        /// Size that is read within `read_time`.
        read_size: u32 = Be32(12),
        /// Time for `read_size`.
        read_time: u32 = Be32(16),
        /// Size that is written within `write_time`.
        write_size: u32 = Be32(20),
        /// Time for `write_size`.
        write_time: u32 = Be32(24),
    }
}

impl PerformanceDescriptor {
    /// Sets the drive back to its defaults.
    pub const RESTORE_DEFAULTS: Self = Self {
        rotation_control: 0,
        restore_defaults: true,
        exact: false,
        random_access: false,
        start_lba: 0,
        end_lba: 0,
        read_size: 0,
        read_time: 0,
        write_size: 0,
        write_time: 0,
    };
}

command! {
    /// SET CD SPEED (MMC-6 6.39); speeds in kB/s of 1000 bytes, 0xFFFF for the fastest.
    pub struct SetCdSpeed: SET_CD_SPEED, 12 {
        /// 0: constant linear velocity or anything but pure CAV; 1: pure constant angular velocity (2 bits).
        rotation_control: u8 = Bits(1, 0, 2),
        /// The read speed.
        read_speed: u16 = Be16(2),
        /// The write speed.
        write_speed: u16 = Be16(4),
    }
    transfer: |_| Transfer::None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, hex, prefixes, round_trip, total};

    #[test]
    fn set_streaming() {
        golden(SetStreaming::PERFORMANCE, &[0xB6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1C, 0], Direction::Out, 28);
        let cache = SetStreaming { kind: StreamingType::DEFECTIVE_BLOCK_CACHE, parameter_list_length: 0x0104 };
        golden(cache, &[0xB6, 0, 0, 0, 0, 0, 0, 0, 5, 1, 4, 0], Direction::Out, 0x0104);
        round_trip::<SetStreaming>();
    }

    #[test]
    fn performance_descriptor() {
        assert_eq!(PerformanceDescriptor::RESTORE_DEFAULTS.to_bytes()[..5], [4, 0, 0, 0, 0]);
        let bytes = hex("0b000000 00000010 0023053f 00001b90 000003e8 00000b28 000003e8");
        let descriptor = PerformanceDescriptor {
            rotation_control: 1,
            exact: true,
            random_access: true,
            restore_defaults: false,
            start_lba: 16,
            end_lba: 0x0023_053F,
            read_size: 7056,
            read_time: 1000,
            write_size: 2856,
            write_time: 1000,
        };
        assert_eq!(descriptor.to_bytes()[..], bytes);
        assert_eq!(PerformanceDescriptor::parse(&bytes), Ok(descriptor));
        prefixes(&bytes, PerformanceDescriptor::parse);
        total(PerformanceDescriptor::parse);
    }

    #[test]
    fn set_cd_speed() {
        let speed = SetCdSpeed { rotation_control: 1, read_speed: 0xFFFF, write_speed: 706 };
        golden(speed, &[0xBB, 1, 0xFF, 0xFF, 2, 0xC2, 0, 0, 0, 0, 0, 0], Direction::None, 0);
        round_trip::<SetCdSpeed>();
    }
}
