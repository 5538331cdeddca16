//! SET STREAMING (MMC-6 6.40) and SET CD SPEED (MMC-3 5.39).

use crate::Transfer;
use crate::layout::{Be16, Bits, Byte};

command! {
    /// SET STREAMING (MMC-6 6.40).
    pub struct SetStreaming: SET_STREAMING, 12 {
        /// What the parameter list holds: 0 a [`PerformanceDescriptor`], 5 DBI cache zone descriptors.
        kind: u8 = Byte(8),
        /// Bytes of the parameter list.
        parameter_list_length: u16 = Be16(9),
    }
    transfer: |command| Transfer::Out(command.parameter_list_length.into())
}

command! {
    /// SET CD SPEED (MMC-3 5.39); speeds in kB/s of 1000 bytes, 0xFFFF for the fastest.
    pub struct SetCdSpeed: SET_CD_SPEED, 12 {
        /// 0: constant linear velocity, non-pure constant angular velocity; 1: pure constant angular velocity (2 bits).
        rotation_control: u8 = Bits(1, 0, 2),
        /// The read speed.
        read_speed: u16 = Be16(2),
        /// The write speed.
        write_speed: u16 = Be16(4),
    }
    transfer: |_| Transfer::None
}
