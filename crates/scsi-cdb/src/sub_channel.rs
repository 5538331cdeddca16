//! READ SUB-CHANNEL (MMC-3 5.27): audio status, position, media catalogue number, ISRC.

use crate::cdb::Transfer;
use crate::layout::{Be16, Byte, Flag};

open_enum! {
    /// Which sub-channel data READ SUB-CHANNEL returns (byte 3).
    pub SubChannelFormat: u8 {
        /// Current position.
        CURRENT_POSITION = 1 => "current position",
        /// Media catalogue number (UPC or bar code).
        MEDIA_CATALOG_NUMBER = 2 => "media catalogue number",
        /// International standard recording code of a track.
        ISRC = 3 => "ISRC",
    }
}

command! {
    /// READ SUB-CHANNEL.
    pub struct ReadSubChannel: READ_SUB_CHANNEL, 10 {
        /// Addresses as minute, second, frame instead of logical blocks.
        msf: bool = Flag(1, 1),
        /// Return Q sub-channel data after the header; without it only the 4-byte header comes back.
        subq: bool = Flag(2, 6),
        /// The data that is wanted.
        format: SubChannelFormat = Byte(3),
        /// Track whose ISRC is wanted; 0 for the other formats.
        track: u8 = Byte(6),
        /// Length of the answer buffer in bytes.
        allocation_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::In(u32::from(command.allocation_length))
}
