//! FORMAT UNIT (MMC-6 6.5), READ FORMAT CAPACITIES (MMC-6 6.24) and BLANK (MMC-6 6.2).

use crate::Transfer;
use crate::layout::{Be16, Be32, Bits, Flag};

command! {
    /// FORMAT UNIT (MMC-6 6.5).
    pub struct FormatUnit: FORMAT_UNIT, 6 {
        /// Whether a parameter list follows; MMC drives require one.
        format_data: bool = Flag(1, 4),
        /// Whether a defect list of the host replaces the drive's.
        complete_list: bool = Flag(1, 3),
        /// 1 for every medium but a track of a CD-RW, which takes 7 (3 bits).
        format_code: u8 = Bits(1, 0, 3),
    }
    transfer: |command| if command.format_data { Transfer::Out(12) } else { Transfer::None }
}

command! {
    /// READ FORMAT CAPACITIES (MMC-6 6.24).
    pub struct ReadFormatCapacities: READ_FORMAT_CAPACITIES, 10 {
        /// Bytes that the answer may have.
        allocation_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}

open_enum! {
    /// What BLANK erases (MMC-6 table 246).
    pub BlankingType: u8 {
        /// The whole disc.
        DISC = 0 => "blank the disc",
        /// The program memory area, lead-in and the pregap of the first track.
        MINIMAL = 1 => "minimally blank the disc",
        /// The track at the given address.
        TRACK = 2 => "blank a track",
        /// The reservation of the last track.
        UNRESERVE_TRACK = 3 => "unreserve a track",
        /// The end of the track from the given address on.
        TRACK_TAIL = 4 => "blank a track tail",
        /// Lead-in and lead-out of the last session.
        UNCLOSE_SESSION = 5 => "unclose the last session",
        /// The last session.
        SESSION = 6 => "blank a session",
    }
}

command! {
    /// BLANK (MMC-6 6.2).
    pub struct Blank: BLANK, 12 {
        /// Whether the drive answers before it is done.
        immediate: bool = Flag(1, 4),
        /// What is erased (3 bits).
        blanking_type: BlankingType = Bits(1, 0, 3),
        /// The start address or the track number, as the blanking type asks for.
        address: u32 = Be32(2),
    }
    transfer: |_| Transfer::None
}
