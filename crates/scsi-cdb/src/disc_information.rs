//! READ DISC INFORMATION (MMC-6 6.21): state of the disc, its sessions and its track resources.

use crate::cdb::Transfer;
use crate::layout::{Be16, Bits};

open_enum! {
    /// Which answer READ DISC INFORMATION gives (byte 1, bits 2-0; again in byte 2, bits 7-5 of the answer).
    pub DiscInformationType: u8 {
        /// Standard disc information.
        STANDARD = 0 => "standard",
        /// Track resources information.
        TRACK_RESOURCES = 1 => "track resources",
        /// POW (pseudo-overwrite) resources information.
        POW_RESOURCES = 2 => "POW resources",
    }
}

command! {
    /// READ DISC INFORMATION.
    pub struct ReadDiscInformation: READ_DISC_INFORMATION, 10 {
        /// The answer that is wanted, 3 bits.
        data_type: DiscInformationType = Bits(1, 0, 3),
        /// Length of the answer buffer in bytes.
        allocation_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::In(u32::from(command.allocation_length))
}
