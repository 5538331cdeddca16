//! READ TRACK INFORMATION (MMC-6 6.26): one track, found by block, track number or session number.

use crate::bytes::{counted16, padded};
use crate::cdb::Transfer;
use crate::disc_information::Split;
use crate::error::ParseError;
use crate::layout::{Be16, Be32, Bits, Flag};
use crate::toc::q::TrackControl;

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

open_enum! {
    /// How data is laid out in a track.
    pub DataMode: u8 {
        /// Mode 1; also what other than CD reports.
        MODE_1 = 0x1 => "mode 1",
        /// Mode 2.
        MODE_2 = 0x2 => "mode 2",
        /// Not known: no descriptor block in the track.
        UNKNOWN = 0xF => "unknown",
    }
}

record! {
    /// The answer (MMC-6 6.26), on CD, DVD and BD alike.
    pub struct TrackInformation: 48 {
        /// Bytes that follow this field, as the drive claims.
        data_length: u16 = Be16(0),
        /// Track number.
        track: u16 = Split { low: 2, high: 32 },
        /// Session of the track.
        session: u16 = Split { low: 3, high: 33 },
        /// State of layer jump recording, 2 bits.
        layer_jump_recording: u8 = Bits(5, 6, 2),
        /// Not closed as it should be.
        damaged: bool = Flag(5, 5),
        /// A second or later generation copy.
        copy: bool = Flag(5, 4),
        /// Control bits of the track.
        mode: TrackControl = Bits(5, 0, 4),
        /// Reserved by the host.
        reserved: bool = Flag(6, 7),
        /// Nothing recorded in it.
        blank: bool = Flag(6, 6),
        /// Written in packets or incrementally.
        packet: bool = Flag(6, 5),
        /// Packets of the fixed size in `fixed_packet_size`.
        fixed_packets: bool = Flag(6, 4),
        /// Layout of the data.
        data_mode: DataMode = Bits(6, 0, 4),
        /// Whether `last_recorded` is valid.
        last_recorded_valid: bool = Flag(7, 1),
        /// Whether `next_writable` is valid.
        next_writable_valid: bool = Flag(7, 0),
        /// First block.
        start: u32 = Be32(8),
        /// Next block to write.
        next_writable: u32 = Be32(12),
        /// Blocks that can still be written.
        free_blocks: u32 = Be32(16),
        /// Blocks of a packet, or the blocking factor.
        fixed_packet_size: u32 = Be32(20),
        /// Blocks of the track.
        size: u32 = Be32(24),
        /// Last block that was written.
        last_recorded: u32 = Be32(28),
        /// Read compatibility block of a DVD-R DL or DVD+RW.
        read_compatibility: u32 = Be32(36),
        /// Next layer jump of a DVD-R DL.
        next_layer_jump: u32 = Be32(40),
        /// Last layer jump of a DVD-R DL.
        last_layer_jump: u32 = Be32(44),
    }
}

/// Where the size of the track ends; MMC-1 drives stop there, later ones after 32, 36, 40 or 48 bytes.
const SHORTEST: usize = 28;

impl TrackInformation {
    /// The answer in `bytes`; what the drive left out at the end is zero and not valid.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] unless the answer reaches to the size of the track.
    pub fn from_answer(bytes: &[u8]) -> Result<Self, ParseError> {
        let bytes = counted16(bytes, 0)?;
        let mut answer = Self::parse(&padded::<{ Self::LENGTH }>(bytes, SHORTEST)?)?;
        answer.last_recorded_valid &= bytes.len() >= 32;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, hex, prefixes, round_trip, total};

    /// MMC-6 6.26, command descriptor block.
    #[test]
    fn blocks() {
        let command = ReadTrackInformation {
            open: false,
            address_type: TrackAddressType::TRACK,
            address: 0xFF,
            allocation_length: 48,
        };
        golden(command, &hex("52 01 00 00 00 FF 00 00 30 00"), Direction::In, 48);
        let command = ReadTrackInformation { open: true, address_type: TrackAddressType::LBA, ..command };
        golden(command, &hex("52 04 00 00 00 FF 00 00 30 00"), Direction::In, 48);
        round_trip::<ReadTrackInformation>();
    }

    /// MMC-6 6.26: the invisible track 258 of session 2 on a DVD+R.
    const INVISIBLE: &str = "
        00 2E 02 02 00 07 61 01  00 01 00 00 00 01 02 00
        00 0F 00 00 00 00 00 10  00 10 00 00 00 01 01 FF
        01 00 00 00 00 00 00 11  00 00 00 22 00 00 00 33";

    #[test]
    fn a_track_is_read() {
        let bytes = hex(INVISIBLE);
        let track = TrackInformation::from_answer(&bytes).unwrap();
        assert_eq!(
            (track.track, track.session, track.mode, track.data_mode),
            (258, 2, TrackControl(7), DataMode::MODE_1)
        );
        assert!(track.blank && track.packet && !track.reserved && !track.damaged);
        assert!(track.next_writable_valid && !track.last_recorded_valid);
        assert_eq!((track.start, track.next_writable, track.free_blocks), (0x1_0000, 0x1_0200, 0xF_0000));
        assert_eq!((track.fixed_packet_size, track.size, track.last_recorded), (16, 0x10_0000, 0x1_01FF));
        assert_eq!((track.read_compatibility, track.next_layer_jump, track.last_layer_jump), (0x11, 0x22, 0x33));
        assert_eq!(track.to_bytes()[..], bytes[..]);
        prefixes(&bytes, TrackInformation::from_answer);
    }

    #[test]
    fn older_answers_are_shorter() {
        let mut bytes = hex(INVISIBLE);
        bytes[1] = 26;
        bytes[7] = 3;
        let track = TrackInformation::from_answer(&bytes).unwrap();
        assert_eq!((track.track, track.size, track.last_recorded), (2, 0x10_0000, 0));
        assert!(!track.last_recorded_valid && track.next_writable_valid);
        assert!(TrackInformation::from_answer(&bytes[..27]).is_err());
    }

    #[test]
    fn any_bytes_are_handled() {
        total(TrackInformation::from_answer);
    }
}
