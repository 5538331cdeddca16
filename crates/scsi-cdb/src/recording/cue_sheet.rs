//! SEND CUE SHEET (MMC-6 6.36).

use crate::Transfer;
use crate::layout::Be24;

command! {
    /// SEND CUE SHEET (MMC-6 6.36): the plan of a session that is recorded at once.
    pub struct SendCueSheet: SEND_CUE_SHEET, 10 {
        /// Bytes of the cue sheet (24 bits), a multiple of 8.
        length: u32 = Be24(6),
    }
    transfer: |command| Transfer::Out(command.length)
}
