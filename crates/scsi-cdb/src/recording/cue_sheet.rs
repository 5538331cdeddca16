//! SEND CUE SHEET: the plan of a session that is recorded in one go (MMC-6 6.35).

use crate::address::Msf;
use crate::bytes::{array_at, bits, field};
use crate::cdb::Transfer;
use crate::error::ParseError;
use crate::layout::{Be24, Bits, Byte, Flag, MsfAt};

command! {
    /// SEND CUE SHEET (MMC-6 6.35).
    pub struct SendCueSheet: SEND_CUE_SHEET, 10 {
        /// Length of the cue sheet in bytes (24 bits): 8 for each [`CueEntry`].
        length: u32 = Be24(6),
    }
    transfer: |command| Transfer::Out(command.length)
}

record! {
    /// Where a track or an index of it starts, and what is recorded from there on.
    pub struct CuePosition: 8 {
        /// The control field of sub-channel Q: audio or data, pre-emphasis, copying (4 bits).
        control: u8 = Bits(0, 4, 4),
        /// The mode of sub-channel Q, 1 (4 bits).
        adr: u8 = Bits(0, 0, 4),
        /// The track: 0 for the lead-in, 0xAA for the lead-out.
        track: u8 = Byte(1),
        /// The index within the track, 0 for a pregap.
        index: u8 = Byte(2),
        /// What the host sends of the sub-channels (2 bits).
        sub_channel_form: u8 = Bits(3, 6, 2),
        /// What the host sends of each sector, and of which kind the sector is (6 bits).
        main_form: u8 = Bits(3, 0, 6),
        /// Whether the copy bit alternates, for a copy that must not be copied (SCMS).
        alternate_copy: bool = Flag(4, 7),
        /// The absolute time.
        time: Msf = MsfAt(5),
    }
}

/// An entry of a cue sheet; the mode of sub-channel Q tells the kinds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CueEntry {
    /// A place on the disc (mode 1).
    Position(CuePosition),
    /// A part of the media catalogue number (mode 2), of which two entries make 13 digits and a zero.
    Catalog {
        /// The control field.
        control: u8,
        /// ASCII digits.
        digits: [u8; 7],
    },
    /// A part of a track's international standard recording code (mode 3), of which two entries make 12 characters.
    Isrc {
        /// The control field.
        control: u8,
        /// The track.
        track: u8,
        /// ASCII letters and digits.
        characters: [u8; 6],
    },
    /// The bytes of an entry of another mode.
    Other([u8; 8]),
}

impl CueEntry {
    /// Length in bytes.
    pub const LENGTH: usize = 8;

    /// The entry at the start of `bytes`.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for fewer than 8 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let entry: [u8; 8] = array_at(bytes, 0)?;
        let [first, track, ..] = entry;
        let control = bits(first, 4, 4);
        Ok(match bits(first, 0, 4) {
            1 => Self::Position(CuePosition::parse(&entry)?),
            2 => Self::Catalog { control, digits: array_at(&entry, 1)? },
            3 => Self::Isrc { control, track, characters: array_at(&entry, 2)? },
            _ => Self::Other(entry),
        })
    }

    /// The entry on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 8] {
        match *self {
            Self::Position(position) => position.to_bytes(),
            Self::Catalog { control, digits: [a, b, c, d, e, f, g] } => [field(control, 4) | 2, a, b, c, d, e, f, g],
            Self::Isrc { control, track, characters: [a, b, c, d, e, f] } => {
                [field(control, 4) | 3, track, a, b, c, d, e, f]
            }
            Self::Other(bytes) => bytes,
        }
    }

    /// The entries of a cue sheet, in order; a last one that is cut off is left out.
    pub fn iter(cue_sheet: &[u8]) -> impl Iterator<Item = Self> {
        cue_sheet.chunks_exact(Self::LENGTH).map_while(|entry| Self::parse(entry).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, hex, prefixes, round_trip, total};
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn command() {
        let command = SendCueSheet { length: 0x01_0028 };
        golden(command, &[0x5D, 0, 0, 0, 0, 0, 1, 0, 0x28, 0], Direction::Out, 0x01_0028);
        round_trip::<SendCueSheet>();
    }

    #[test]
    fn entries() {
        let sheet = hex("02 31323334353637 03 01 414243444546 41 00 00 14 00 00 00 00 \
             41 01 01 d0 80 00 02 00 01 aa 01 14 00 32 05 4a 05 00 00 00 00 00 00 00");
        let position = |control, track, index, form: (u8, u8), alternate_copy, time| {
            let (sub_channel_form, main_form) = form;
            CueEntry::Position(CuePosition {
                control,
                adr: 1,
                track,
                index,
                sub_channel_form,
                main_form,
                alternate_copy,
                time,
            })
        };
        let expected = [
            CueEntry::Catalog { control: 0, digits: *b"1234567" },
            CueEntry::Isrc { control: 0, track: 1, characters: *b"ABCDEF" },
            position(4, 0, 0, (0, 0x14), false, Msf::new(0, 0, 0)),
            position(4, 1, 1, (3, 0x10), true, Msf::new(0, 2, 0)),
            position(0, 0xAA, 1, (0, 0x14), false, Msf::new(50, 5, 74)),
            CueEntry::Other([5, 0, 0, 0, 0, 0, 0, 0]),
        ];
        assert_eq!(CueEntry::iter(&sheet).collect::<Vec<_>>(), expected);
        assert_eq!(expected.iter().flat_map(CueEntry::to_bytes).collect::<Vec<_>>(), sheet);
        assert_eq!(CueEntry::iter(&sheet[..47]).count(), 5);
        prefixes(&sheet[..8], CueEntry::parse);
    }

    #[test]
    fn any_bytes_are_handled() {
        total(|bytes| CueEntry::iter(bytes).count());
        proptest!(|(bytes: [u8; 8])| {
            let entry = CueEntry::parse(&bytes).unwrap();
            prop_assert_eq!(CueEntry::parse(&entry.to_bytes()), Ok(entry));
        });
    }
}
