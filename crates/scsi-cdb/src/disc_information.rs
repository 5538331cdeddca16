//! READ DISC INFORMATION (MMC-6 6.21): state of the disc, its sessions and its track resources.

use crate::bytes::{clamp, counted16, padded, put, u8_at};
use crate::cdb::Transfer;
use crate::error::ParseError;
use crate::layout::{Be16, Be32, Bits, Byte, Flag, Layout, Raw};

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

open_enum! {
    /// How much is on the disc.
    pub DiscStatus: u8 {
        /// Nothing.
        EMPTY = 0 => "empty",
        /// Something, and more can be appended.
        INCOMPLETE = 1 => "incomplete",
        /// Everything; only to be read or, if erasable, to be erased.
        FINALIZED = 2 => "finalised",
        /// Neither applies: media written at random.
        OTHER = 3 => "other",
    }
}

open_enum! {
    /// State of the last session.
    pub SessionState: u8 {
        /// Nothing in it.
        EMPTY = 0 => "empty",
        /// Something in it.
        INCOMPLETE = 1 => "incomplete",
        /// A border or session that is damaged or reserved.
        DAMAGED = 2 => "damaged or reserved",
        /// Closed; only on a disc that is finalised.
        COMPLETE = 3 => "complete",
    }
}

open_enum! {
    /// State of background formatting.
    pub BackgroundFormat: u8 {
        /// Not formatted, or not of the kind that is formatted in the background.
        NONE = 0 => "not formatted in background",
        /// Begun and suspended.
        STARTED = 1 => "started",
        /// Running.
        IN_PROGRESS = 2 => "in progress",
        /// Done.
        COMPLETE = 3 => "complete",
    }
}

open_enum! {
    /// The type of a CD.
    pub DiscType: u8 {
        /// CD-DA or CD-ROM.
        CD_DA_OR_ROM = 0x00 => "CD-DA or CD-ROM",
        /// CD-i.
        CD_I = 0x10 => "CD-i",
        /// CD-ROM XA or double density CD.
        CD_ROM_XA_OR_DDCD = 0x20 => "CD-ROM XA or DDCD",
        /// Not known, or no CD.
        UNDEFINED = 0xFF => "undefined",
    }
}

record! {
    /// The standard answer (MMC-6 6.21, data type 0) without its OPC tables.
    pub struct DiscInformation: 34 {
        /// Bytes that follow this field, as the drive claims.
        data_length: u16 = Be16(0),
        /// Which answer this is.
        data_type: DiscInformationType = Bits(2, 5, 3),
        /// The disc can be erased or overwritten.
        erasable: bool = Flag(2, 4),
        /// State of the last session.
        last_session: SessionState = Bits(2, 2, 2),
        /// State of the disc.
        status: DiscStatus = Bits(2, 0, 2),
        /// First track of the disc.
        first_track: u8 = Byte(3),
        /// Number of sessions, an empty or incomplete last one included.
        sessions: u16 = Split { low: 4, high: 9 },
        /// First track of the last session.
        first_track_of_last_session: u16 = Split { low: 5, high: 10 },
        /// Last track of the last session, an invisible one included.
        last_track_of_last_session: u16 = Split { low: 6, high: 11 },
        /// Whether `disc_identification` is valid.
        disc_identification_valid: bool = Flag(7, 7),
        /// Whether `bar_code` is valid.
        bar_code_valid: bool = Flag(7, 6),
        /// For unrestricted use.
        unrestricted_use: bool = Flag(7, 5),
        /// Whether `application_code` is valid.
        application_code_valid: bool = Flag(7, 4),
        /// An MRW disc whose defect tables may not be up to date.
        mrw_dirty: bool = Flag(7, 2),
        /// State of background formatting.
        background_format: BackgroundFormat = Bits(7, 0, 2),
        /// Type of the disc.
        disc_type: DiscType = Byte(8),
        /// Number recorded in the PMA.
        disc_identification: u32 = Be32(12),
        /// Start of the last session's lead-in; 00, hour, minute, second and frame on CD, all ones if there is none.
        last_lead_in: u32 = Be32(16),
        /// Latest possible start of the last session's lead-out, in the same form.
        last_lead_out: u32 = Be32(20),
        /// Digits of the bar code.
        bar_code: [u8; 8] = Raw(24),
        /// Application code.
        application_code: u8 = Byte(32),
        /// Number of OPC tables that follow.
        opc_tables: u8 = Byte(33),
    }
}

/// Where the tracks of the last session end; drives before MMC-2 may stop soon after.
const SHORTEST: usize = 8;

impl DiscInformation {
    /// The answer in `bytes`; what the drive left out at the end is zero and not valid.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for fewer than 8 bytes, [`ParseError::WrongCode`] for another data type.
    pub fn from_answer(bytes: &[u8]) -> Result<Self, ParseError> {
        let bytes = counted16(bytes, 0)?;
        let mut answer = Self::parse(&padded::<{ Self::LENGTH }>(bytes, SHORTEST)?)?;
        if answer.data_type != DiscInformationType::STANDARD {
            let expected = DiscInformationType::STANDARD.0;
            return Err(ParseError::WrongCode { expected, found: answer.data_type.0 });
        }
        answer.disc_identification_valid &= bytes.len() >= 16;
        answer.bar_code_valid &= bytes.len() >= 32;
        answer.application_code_valid &= bytes.len() >= 33;
        Ok(answer)
    }

    /// The OPC tables after the fixed part of the answer, as many as were received whole.
    pub fn opc_entries(bytes: &[u8]) -> impl Iterator<Item = OpcEntry> + Clone + '_ {
        let bytes = counted16(bytes, 0).unwrap_or(&[]);
        let count = u8_at(bytes, 33).map_or(0, usize::from);
        let tables = clamp(bytes, Self::LENGTH, usize::MAX);
        tables.chunks_exact(OpcEntry::LENGTH).take(count).filter_map(|bytes| OpcEntry::parse(bytes).ok())
    }
}

record! {
    /// An OPC table: what optimum power calibration found for one speed.
    pub struct OpcEntry: 8 {
        /// Speed in kilobytes a second.
        speed: u16 = Be16(0),
        /// Values of the drive's own.
        values: [u8; 6] = Raw(2),
    }
}

record! {
    /// The track resources answer (MMC-6 6.21, data type 1).
    pub struct TrackResources: 12 {
        /// Bytes that follow this field, as the drive claims.
        data_length: u16 = Be16(0),
        /// Which answer this is.
        data_type: DiscInformationType = Bits(2, 5, 3),
        /// Tracks that the disc can have.
        maximum_tracks: u16 = Be16(4),
        /// Tracks that are assigned.
        assigned_tracks: u16 = Be16(6),
        /// Tracks that can be appendable at the same time.
        maximum_appendable_tracks: u16 = Be16(8),
        /// Tracks that are appendable.
        appendable_tracks: u16 = Be16(10),
    }
}

record! {
    /// The POW resources answer (MMC-6 6.21, data type 2).
    pub struct PowResources: 16 {
        /// Bytes that follow this field, as the drive claims.
        data_length: u16 = Be16(0),
        /// Which answer this is.
        data_type: DiscInformationType = Bits(2, 5, 3),
        /// Replacements that are left.
        remaining_replacements: u32 = Be32(4),
        /// Entries of the reallocation map that are left.
        remaining_map_entries: u32 = Be32(8),
        /// Updates that are left.
        remaining_updates: u32 = Be32(12),
    }
}

/// A 16-bit number whose bytes are not neighbours.
pub(crate) struct Split {
    /// Offset of the low byte.
    pub(crate) low: usize,
    /// Offset of the high byte.
    pub(crate) high: usize,
}

impl Layout<u16> for Split {
    fn get(&self, block: &[u8]) -> Result<u16, ParseError> {
        Ok(u16::from_be_bytes([u8_at(block, self.high)?, u8_at(block, self.low)?]))
    }

    fn set(&self, block: &mut [u8], value: u16) {
        let [high, low] = value.to_be_bytes();
        put(block, self.high, &[high]);
        put(block, self.low, &[low]);
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, hex, prefixes, round_trip, total};

    /// MMC-6 6.21, command descriptor block.
    #[test]
    fn blocks() {
        let command = ReadDiscInformation { data_type: DiscInformationType::STANDARD, allocation_length: 34 };
        golden(command, &hex("51 00 00 00 00 00 00 00 22 00"), Direction::In, 34);
        let command = ReadDiscInformation { data_type: DiscInformationType::POW_RESOURCES, allocation_length: 16 };
        golden(command, &hex("51 02 00 00 00 00 00 00 10 00"), Direction::In, 16);
        round_trip::<ReadDiscInformation>();
    }

    /// MMC-6 6.21, data type 0: an appendable CD-R of two sessions with one OPC table.
    const APPENDABLE: &str = "
        00 28 05 01 02 04 05 A0 20 00 00 00 12 34 56 78
        00 0F 04 05 00 4F 3B 4A 00 00 00 00 00 00 00 00
        00 01 1B 90 01 02 03 04 05 06";

    #[test]
    fn a_disc_is_read() {
        let bytes = hex(APPENDABLE);
        let disc = DiscInformation::from_answer(&bytes).unwrap();
        assert_eq!((disc.status, disc.last_session), (DiscStatus::INCOMPLETE, SessionState::INCOMPLETE));
        assert_eq!((disc.sessions, disc.first_track_of_last_session, disc.last_track_of_last_session), (2, 4, 5));
        assert!(disc.disc_identification_valid && disc.unrestricted_use && !disc.erasable && !disc.bar_code_valid);
        assert_eq!((disc.disc_type, disc.disc_identification), (DiscType::CD_ROM_XA_OR_DDCD, 0x1234_5678));
        assert_eq!((disc.last_lead_in, disc.last_lead_out), (0x000F_0405, 0x004F_3B4A));
        assert_eq!(disc.to_bytes()[..], bytes[..34]);
        let opc: Vec<_> = DiscInformation::opc_entries(&bytes).collect();
        assert_eq!(opc, [OpcEntry { speed: 0x1B90, values: [1, 2, 3, 4, 5, 6] }]);
        prefixes(&bytes, DiscInformation::from_answer);
    }

    #[test]
    fn short_answers_are_read_as_far_as_they_go() {
        let mut bytes = hex(APPENDABLE);
        bytes[1] = 8;
        let disc = DiscInformation::from_answer(&bytes).unwrap();
        assert_eq!((disc.sessions, disc.last_lead_out, disc.disc_identification_valid), (2, 0, false));
        assert_eq!(DiscInformation::opc_entries(&bytes).count(), 0);
        bytes[1] = 5;
        assert_eq!(DiscInformation::from_answer(&bytes), Err(ParseError::TooShort { needed: 8, found: 7 }));
        assert!(DiscInformation::from_answer(&hex("00 0A 20 00 00 63 00 01 00 01 00 01")).is_err());
    }

    /// MMC-6 6.21, data types 1 and 2.
    #[test]
    fn resources_are_read() {
        let tracks = TrackResources::parse(&hex("00 0A 20 00 00 63 00 02 00 63 00 01")).unwrap();
        assert_eq!((tracks.data_type, tracks.maximum_tracks), (DiscInformationType::TRACK_RESOURCES, 99));
        assert_eq!((tracks.assigned_tracks, tracks.appendable_tracks), (2, 1));
        let pow = PowResources::parse(&hex("00 0E 40 00 00000010 00000020 00000030")).unwrap();
        assert_eq!((pow.remaining_replacements, pow.remaining_map_entries, pow.remaining_updates), (16, 32, 48));
    }

    #[test]
    fn any_bytes_are_handled() {
        total(DiscInformation::from_answer);
        total(|bytes| DiscInformation::opc_entries(bytes).count());
        total(TrackResources::parse);
        total(PowResources::parse);
    }
}
