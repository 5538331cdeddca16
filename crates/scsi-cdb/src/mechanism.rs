//! MECHANISM STATUS (MMC-6 6.10) and LOAD/UNLOAD MEDIUM (MMC-6 6.9).

use crate::Transfer;
use crate::layout::{Be16, Byte, Flag};

command! {
    /// MECHANISM STATUS (MMC-6 6.10): state of the loading mechanism and of a changer's slots.
    pub struct MechanismStatus: MECHANISM_STATUS, 12 {
        /// Bytes that the answer may have.
        allocation_length: u16 = Be16(8),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}

command! {
    /// LOAD/UNLOAD MEDIUM (MMC-6 6.9).
    pub struct LoadUnloadMedium: LOAD_UNLOAD_MEDIUM, 12 {
        /// Whether the drive answers before the operation is done.
        immediate: bool = Flag(1, 0),
        /// The LoUnlo bit: with [`Self::start`] clear, unload; with it set, load.
        load_unload: bool = Flag(4, 1),
        /// Whether the disc is to be played (spun up) after loading.
        start: bool = Flag(4, 0),
        /// The changer slot.
        slot: u8 = Byte(8),
    }
    transfer: |_| Transfer::None
}
