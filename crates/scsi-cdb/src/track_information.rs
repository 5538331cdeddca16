//! READ TRACK INFORMATION (MMC-6 6.26): one track, found by block, track number or session number.

use crate::cdb::Transfer;
use crate::layout::{Be16, Be32, Bits, Flag};

open_enum! {
    /// What the address of READ TRACK INFORMATION counts (byte 1, bits 1-0).
    pub TrackAddressType: u8 {
        /// A logical block of the track.
        LBA = 0 => "logical block address",
        /// The track number; 0 for the lead-in, 0xFF for the invisible or incomplete track.
        TRACK = 1 => "track number",
        /// A session, for its first track.
        SESSION = 2 => "session number",
    }
}

command! {
    /// READ TRACK INFORMATION.
    pub struct ReadTrackInformation: READ_TRACK_INFORMATION, 10 {
        /// Look for the first open track from the address on.
        open: bool = Flag(1, 2),
        /// What `address` counts, 2 bits.
        address_type: TrackAddressType = Bits(1, 0, 2),
        /// Logical block, track number or session number.
        address: u32 = Be32(2),
        /// Length of the answer buffer in bytes.
        allocation_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::In(u32::from(command.allocation_length))
}
