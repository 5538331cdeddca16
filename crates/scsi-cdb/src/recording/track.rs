//! RESERVE TRACK (MMC-6 6.31) and CLOSE TRACK/SESSION (MMC-6 6.3).

use crate::bytes::{be32_at, bit, flag};
use crate::layout::{Be16, Bits, Flag};
use crate::{Cdb, Command, Opcode, ParseError, Transfer};

open_enum! {
    /// What CLOSE TRACK SESSION closes; the exact effect depends on the medium (MMC-6 6.3).
    pub CloseFunction: u8 {
        /// Ends background formatting, or stops it for later restart.
        STOP_FORMAT = 0 => "stop background format",
        /// Closes the logical track.
        TRACK = 1 => "close track",
        /// Closes the last incomplete session.
        SESSION = 2 => "close session",
        /// Finalises a DVD+R with a lead-out up to the minimum radius.
        FINALIZE_MINIMAL = 5 => "finalise to minimum radius",
        /// Closes the last session and finalises the disc.
        FINALIZE = 6 => "finalise",
    }
}

command! {
    /// CLOSE TRACK SESSION (MMC-6 6.3).
    pub struct CloseTrackSession: CLOSE_TRACK_SESSION, 10 {
        /// Whether the drive answers before it is done.
        immediate: bool = Flag(1, 0),
        /// What is closed (3 bits).
        function: CloseFunction = Bits(2, 0, 3),
        /// The logical track, where the function closes one.
        track: u16 = Be16(4),
    }
    transfer: |_| Transfer::None
}

/// What RESERVE TRACK reserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrackReservation {
    /// This many blocks at the next writable address (ARSV 0).
    Size(u32),
    /// Splits the invisible track so that the next one starts at this block (ARSV 1).
    Address(u32),
}

/// RESERVE TRACK (MMC-6 6.31).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReserveTrack {
    /// The RMZ bit.
    pub rmz: bool,
    /// What is reserved.
    pub reservation: TrackReservation,
}

impl Command for ReserveTrack {
    const OPCODE: Opcode = Opcode::RESERVE_TRACK;

    fn cdb(&self) -> Cdb {
        let [opcode, rmz] = [Self::OPCODE.0, flag(self.rmz, 0)];
        Cdb::new10(match self.reservation {
            TrackReservation::Size(blocks) => {
                let [b3, b2, b1, b0] = blocks.to_be_bytes();
                [opcode, rmz, 0, 0, 0, b3, b2, b1, b0, 0]
            }
            TrackReservation::Address(lba) => {
                let [b3, b2, b1, b0] = lba.to_be_bytes();
                [opcode, rmz | flag(true, 1), b3, b2, b1, b0, 0, 0, 0, 0]
            }
        })
    }

    fn transfer(&self) -> Transfer {
        Transfer::None
    }

    fn parse(cdb: &[u8]) -> Result<Self, ParseError> {
        let block = crate::cdb::expect::<10>(cdb, Self::OPCODE)?;
        let [_, flags, ..] = block;
        let reservation = if bit(flags, 1) {
            TrackReservation::Address(be32_at(&block, 2)?)
        } else {
            TrackReservation::Size(be32_at(&block, 5)?)
        };
        Ok(Self { rmz: bit(flags, 0), reservation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, round_trip};

    #[test]
    fn close_track_session() {
        let close = CloseTrackSession { immediate: true, function: CloseFunction::TRACK, track: 0x0102 };
        golden(close, &[0x5B, 1, 1, 0, 1, 2, 0, 0, 0, 0], Direction::None, 0);
        let finalize = CloseTrackSession { immediate: false, function: CloseFunction::FINALIZE, track: 0 };
        golden(finalize, &[0x5B, 0, 6, 0, 0, 0, 0, 0, 0, 0], Direction::None, 0);
        round_trip::<CloseTrackSession>();
    }

    #[test]
    fn reserve_track() {
        let size = ReserveTrack { rmz: true, reservation: TrackReservation::Size(0x0102_0304) };
        golden(size, &[0x53, 1, 0, 0, 0, 1, 2, 3, 4, 0], Direction::None, 0);
        let address = ReserveTrack { rmz: false, reservation: TrackReservation::Address(0x0102_0304) };
        golden(address, &[0x53, 2, 1, 2, 3, 4, 0, 0, 0, 0], Direction::None, 0);
        round_trip::<ReserveTrack>();
    }
}
