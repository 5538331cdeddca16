//! READ SUB-CHANNEL (MMC-3 5.27): audio status, position, media catalogue number, ISRC.

use crate::bytes::{counted16, padded};
use crate::cdb::Transfer;
use crate::error::ParseError;
use crate::layout::{Be16, Be32, Bits, Byte, Flag, Raw};
use crate::toc::q::{Adr, DiscAddress, TrackControl};

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

open_enum! {
    /// What the drive does with audio (byte 1 of every answer).
    pub AudioStatus: u8 {
        /// The drive does not report it.
        NOT_SUPPORTED = 0x00 => "not supported or not valid",
        /// Playing.
        PLAYING = 0x11 => "play in progress",
        /// Paused.
        PAUSED = 0x12 => "play paused",
        /// Played to the end.
        COMPLETED = 0x13 => "play completed",
        /// Stopped by an error.
        ERROR = 0x14 => "play stopped by an error",
        /// Nothing to report; also what follows a status that was reported once.
        NO_STATUS = 0x15 => "no current audio status",
    }
}

record! {
    /// The header of every answer, and the whole answer without [`ReadSubChannel::subq`].
    pub struct SubChannelHeader: 4 {
        /// What the drive does with audio.
        audio_status: AudioStatus = Byte(1),
        /// Bytes that follow the header, as the drive claims.
        data_length: u16 = Be16(2),
    }
}

record! {
    /// The answer to [`SubChannelFormat::CURRENT_POSITION`].
    pub struct CurrentPosition: 16 {
        /// What the drive does with audio.
        audio_status: AudioStatus = Byte(1),
        /// Bytes that follow this field.
        data_length: u16 = Be16(2),
        /// The format of the answer.
        format: SubChannelFormat = Byte(4),
        /// What the Q sub-channel carries here.
        adr: Adr = Bits(5, 4, 4),
        /// Control bits of the track.
        control: TrackControl = Bits(5, 0, 4),
        /// Track number.
        track: u8 = Byte(6),
        /// Index number; 0 in a pregap.
        index: u8 = Byte(7),
        /// Position on the disc, in the form that the command asked for.
        absolute: DiscAddress = Be32(8),
        /// Position from the start of the track, in the form that the command asked for; negative in a pregap.
        relative: DiscAddress = Be32(12),
    }
}

record! {
    /// The answer to [`SubChannelFormat::MEDIA_CATALOG_NUMBER`].
    pub struct MediaCatalogNumber: 24 {
        /// What the drive does with audio.
        audio_status: AudioStatus = Byte(1),
        /// Bytes that follow this field.
        data_length: u16 = Be16(2),
        /// The format of the answer.
        format: SubChannelFormat = Byte(4),
        /// Whether the disc has a number.
        valid: bool = Flag(8, 7),
        /// Its 13 digits in ASCII.
        digits: [u8; 13] = Raw(9),
        /// Frame of the number on the disc.
        frame: u8 = Byte(23),
    }
}

record! {
    /// The answer to [`SubChannelFormat::ISRC`].
    pub struct TrackIsrc: 24 {
        /// What the drive does with audio.
        audio_status: AudioStatus = Byte(1),
        /// Bytes that follow this field.
        data_length: u16 = Be16(2),
        /// The format of the answer.
        format: SubChannelFormat = Byte(4),
        /// What the Q sub-channel carries here.
        adr: Adr = Bits(5, 4, 4),
        /// Control bits of the track.
        control: TrackControl = Bits(5, 0, 4),
        /// Track number.
        track: u8 = Byte(6),
        /// Whether the track has a code.
        valid: bool = Flag(8, 7),
        /// Its 12 characters in ASCII: country, owner, year, serial number.
        code: [u8; 12] = Raw(9),
        /// Frame of the code on the disc.
        frame: u8 = Byte(22),
    }
}

/// Gives the records above a parser that goes by the length and the format of the answer.
macro_rules! from_answer {
    ($($name:ident: $format:ident, $shortest:literal;)*) => { $(
        impl $name {
            /// The answer in `bytes`; what the drive left out at the end is zero.
            ///
            /// # Errors
            /// [`ParseError::TooShort`] for an answer that lacks more than padding, [`ParseError::WrongCode`] for
            /// another format.
            pub fn from_answer(bytes: &[u8]) -> Result<Self, ParseError> {
                let answer = Self::parse(&padded::<{ Self::LENGTH }>(counted16(bytes, 2)?, $shortest)?)?;
                match (answer.format, SubChannelFormat::$format) {
                    (found, expected) if found == expected => Ok(answer),
                    (found, expected) => Err(ParseError::WrongCode { expected: expected.0, found: found.0 }),
                }
            }
        }
    )* };
}

from_answer! {
    CurrentPosition: CURRENT_POSITION, 16;
    MediaCatalogNumber: MEDIA_CATALOG_NUMBER, 22;
    TrackIsrc: ISRC, 21;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{Lba, Msf};
    use crate::cdb::Direction;
    use crate::test_support::{golden, hex, prefixes, round_trip, total};

    /// MMC-3 5.27, command descriptor block.
    #[test]
    fn blocks() {
        let mut command = ReadSubChannel {
            msf: true,
            subq: true,
            format: SubChannelFormat::CURRENT_POSITION,
            track: 0,
            allocation_length: 16,
        };
        golden(command, &hex("42 02 40 01 00 00 00 00 10 00"), Direction::In, 16);
        command =
            ReadSubChannel { msf: false, format: SubChannelFormat::ISRC, track: 7, allocation_length: 24, ..command };
        golden(command, &hex("42 00 40 03 00 00 07 00 18 00"), Direction::In, 24);
        round_trip::<ReadSubChannel>();
    }

    /// MMC-3 5.27, format 1.
    #[test]
    fn a_position_is_read() {
        let bytes = hex("00 11 00 0C  01 10 03 01  00 0A 14 1E  00 00 05 0A");
        let position = CurrentPosition::from_answer(&bytes).unwrap();
        assert_eq!((position.audio_status, position.adr), (AudioStatus::PLAYING, Adr::POSITION));
        assert_eq!((position.track, position.index), (3, 1));
        assert_eq!((position.absolute.msf(), position.relative.msf()), (Msf::new(10, 20, 30), Msf::new(0, 5, 10)));
        assert_eq!(position.to_bytes(), *bytes.as_array::<16>().unwrap());
        assert_eq!(SubChannelHeader::parse(&bytes).unwrap().audio_status, AudioStatus::PLAYING);
        prefixes(&bytes, CurrentPosition::from_answer);
        let pregap = CurrentPosition::from_answer(&hex("0015000C 01140200 00001000 FFFFFF9C")).unwrap();
        assert_eq!((pregap.absolute.lba(), pregap.relative.lba()), (Lba(4096), Lba(-100)));
    }

    /// MMC-3 5.27, formats 2 and 3.
    #[test]
    fn catalogue_number_and_isrc_are_read() {
        let bytes = b"\0\x15\0\x14\x02\0\0\0\x800123456789012\0\x2A";
        let number = MediaCatalogNumber::from_answer(bytes).unwrap();
        assert_eq!((number.valid, &number.digits, number.frame), (true, b"0123456789012", 0x2A));
        assert_eq!(&number.to_bytes(), bytes);
        let bytes = b"\0\x15\0\x14\x03\x10\x05\0\x80GBAYE6700001\0\x11\0";
        let isrc = TrackIsrc::from_answer(bytes).unwrap();
        assert_eq!((isrc.track, isrc.valid, &isrc.code, isrc.frame), (5, true, b"GBAYE6700001", 0x11));
        assert_eq!(&isrc.to_bytes(), bytes);
        assert_eq!(TrackIsrc::from_answer(&bytes[..21]).map(|isrc| isrc.frame), Ok(0));
        assert!(MediaCatalogNumber::from_answer(bytes).is_err(), "the format differs");
    }

    #[test]
    fn any_bytes_are_handled() {
        total(CurrentPosition::from_answer);
        total(MediaCatalogNumber::from_answer);
        total(TrackIsrc::from_answer);
        total(SubChannelHeader::parse);
    }
}
