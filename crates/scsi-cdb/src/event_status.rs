//! GET EVENT STATUS NOTIFICATION (MMC-6 6.7).

use crate::Transfer;
use crate::layout::{Be16, Byte, Flag};

command! {
    /// GET EVENT STATUS NOTIFICATION (MMC-6 6.7): the next event of the highest-priority class that is asked for.
    pub struct GetEventStatusNotification: GET_EVENT_STATUS_NOTIFICATION, 10 {
        /// Whether the drive answers at once; drives need not support the asynchronous form.
        polled: bool = Flag(1, 0),
        /// The classes asked for: bit n stands for class n.
        classes: u8 = Byte(4),
        /// Bytes that the answer may have.
        allocation_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}
