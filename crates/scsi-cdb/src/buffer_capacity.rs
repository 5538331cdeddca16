//! READ BUFFER CAPACITY (MMC-6 6.18).

use crate::Transfer;
use crate::layout::{Be16, Flag};

command! {
    /// READ BUFFER CAPACITY (MMC-6 6.18).
    pub struct ReadBufferCapacity: READ_BUFFER_CAPACITY, 10 {
        /// Whether the answer counts blocks instead of bytes.
        in_blocks: bool = Flag(1, 0),
        /// Bytes that the answer may have.
        allocation_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}
