//! Recording beside the writing itself: FORMAT UNIT (MMC-6 6.5), BLANK (6.2), RESERVE TRACK (6.31), CLOSE TRACK
//! SESSION (6.3), SEND OPC INFORMATION (6.38), SEND CUE SHEET (6.36), SYNCHRONIZE CACHE (6.41).

use std::time::Duration;

use super::Drive;
use super::capacity::format_types;
use super::command::{Answer, Command, Outcome};
use super::fault::{Failure, Fault};
use super::mode_data::WRITE_PARAMETERS;
use crate::disc::{Disc, DiscState, MediaFamily, Recording, Session, Track, TrackMode};

/// Bytes of an entry of a cue sheet.
const CUE_ENTRY: usize = 8;
/// Track number of the lead-out in a cue sheet.
const LEAD_OUT: u8 = 0xAA;
/// Session at once in page 05.
const SESSION_AT_ONCE: u8 = 0x02;
/// Formatting, blanking and closing.
const FORMAT_TIME: Duration = Duration::from_secs(60);
const QUICK_FORMAT_TIME: Duration = Duration::from_secs(10);
const BLANK_TIME: Duration = Duration::from_secs(120);
const QUICK_BLANK_TIME: Duration = Duration::from_secs(30);
const CLOSE_TRACK_TIME: Duration = Duration::from_secs(5);
const CLOSE_SESSION_TIME: Duration = Duration::from_secs(20);
const CALIBRATION_TIME: Duration = Duration::from_secs(2);
const FLUSH_TIME: Duration = Duration::from_millis(100);

/// A track of a cue sheet that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CueTrack {
    /// Track number.
    pub(crate) number: u8,
    /// Control nibble.
    pub(crate) control: u8,
    /// What its sectors are.
    pub(crate) mode: TrackMode,
    /// First sector of index 1.
    pub(crate) start: i32,
    /// Start of the next track or of the lead-out.
    pub(crate) end: i32,
}

impl Drive {
    /// The disc, when this drive can write its kind.
    pub(crate) fn writable_disc(&mut self) -> Result<&mut Disc, Failure> {
        let model = self.model;
        let disc = self.ready_disc_mut()?;
        if model.can_write(disc.media) { Ok(disc) } else { Err(Fault::CannotWriteIncompatible.into()) }
    }

    /// A byte of the write parameters page.
    pub(crate) fn write_parameter(&self, offset: usize) -> u8 {
        self.modes.current(WRITE_PARAMETERS).and_then(|page| page.get(offset)).copied().unwrap_or(0)
    }

    /// FORMAT UNIT: a header and one format descriptor; without them, all of the disc.
    pub(crate) fn format_unit(&mut self, command: &Command<'_>) -> Outcome {
        let format_code = command.byte(1) & 7;
        let has_data = command.bit(1, 4);
        if has_data && format_code != 1 {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        self.writable_disc()?;
        let (immediate, blocks, kind) = if has_data {
            let list = command.parameters(12)?;
            let length = u16::from_be_bytes([list[2], list[3]]);
            if length != 8 {
                return Err(Fault::InvalidFieldInParameterList.into());
            }
            let blocks = u32::from_be_bytes([list[4], list[5], list[6], list[7]]);
            (list[1] & 0x02 != 0, Some(blocks), Some(list[8] >> 2))
        } else {
            (false, None, None)
        };
        let disc = self.writable_disc()?;
        if !disc.media.is_erasable() {
            return Err(Fault::CannotWriteIncompatible.into());
        }
        if kind.is_some_and(|kind| !format_types(disc.media).any(|known| known == kind)) {
            return Err(Fault::InvalidFieldInParameterList.into());
        }
        let whole = disc.capacity;
        let blocks = match blocks {
            None | Some(0 | u32::MAX) => whole,
            Some(blocks) if blocks > whole => return Err(Fault::InvalidFieldInParameterList.into()),
            Some(blocks) => blocks,
        };
        disc.format(blocks)?;
        self.events.push_feature_change();
        let quick = matches!(kind, Some(0x15 | 0x26 | 0x30 | 0x31));
        let time = if quick { QUICK_FORMAT_TIME } else { FORMAT_TIME };
        Ok(self.take_time(time, immediate, Fault::FormatInProgress))
    }

    /// BLANK: the whole disc (type 0) or the minimum (type 1).
    pub(crate) fn blank(&mut self, command: &Command<'_>) -> Outcome {
        let time = match command.byte(1) & 7 {
            0 => BLANK_TIME,
            1 => QUICK_BLANK_TIME,
            _ => return Err(Fault::InvalidFieldInCdb.into()),
        };
        let disc = self.writable_disc()?;
        if !disc.media.is_erasable() || disc.media.recording() == Recording::RandomOverwrite && !is_dvd_minus_rw(disc) {
            return Err(Fault::CannotWriteIncompatible.into());
        }
        disc.blank()?;
        self.cue = None;
        self.events.push_feature_change();
        Ok(self.take_time(time, command.bit(1, 4), Fault::OperationInProgress))
    }

    /// RESERVE TRACK: blocks in bytes 5 to 8.
    pub(crate) fn reserve_track(&mut self, command: &Command<'_>) -> Outcome {
        if command.byte(1) & 3 != 0 {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        let blocks = command.be32(5);
        let disc = self.writable_disc()?;
        if disc.media.recording() != Recording::Sequential {
            return Err(Fault::CannotWriteIncompatible.into());
        }
        let granule = disc.media.ecc_blocks();
        disc.reserve_track(blocks.checked_next_multiple_of(granule).ok_or(Fault::AddressOutOfRange)?)?;
        Ok(Answer::after(CLOSE_TRACK_TIME))
    }

    /// CLOSE TRACK SESSION: function 1 closes a track, 2 a session, 3, 5 and 6 the disc. Overwritable media have
    /// nothing to close.
    pub(crate) fn close_track_session(&mut self, command: &Command<'_>) -> Outcome {
        let (immediate, function, number) = (command.bit(1, 0), command.byte(2) & 7, command.be16(4));
        let more_sessions = self.write_parameter(3) & 0xC0 != 0;
        let disc = self.writable_disc()?;
        if disc.is_overwritable() && disc.media.recording() == Recording::RandomOverwrite {
            return Ok(Answer::done());
        }
        if !disc.is_appendable() {
            return Err(Fault::CannotWriteIncompatible.into());
        }
        let empty = disc.sessions.last().is_none_or(|session| session.closed || session.tracks.is_empty());
        let time = match function {
            1 => {
                let number = if number == 0xFF { disc.next_track_number() } else { number };
                let open = disc.track(number).is_some_and(|track| track.next_writable.is_some());
                if !open {
                    return Err(Fault::InvalidFieldInCdb.into());
                }
                disc.close_track(number)?;
                CLOSE_TRACK_TIME
            }
            2 | 3 | 5 | 6 if empty => return Err(Fault::NothingToClose.into()),
            2 => {
                // DVD+R and BD-R say by the function what stays open; the others by page 05.
                let by_function = matches!(disc.media.profile(), 0x1B | 0x2B | 0x41);
                disc.close_session(!by_function && !more_sessions)?;
                CLOSE_SESSION_TIME
            }
            3 | 5 | 6 => {
                disc.close_session(true)?;
                CLOSE_SESSION_TIME
            }
            _ => return Err(Fault::InvalidFieldInCdb.into()),
        };
        self.cue = None;
        self.events.push_feature_change();
        Ok(self.take_time(time, immediate, Fault::LongWriteInProgress))
    }

    /// SEND OPC INFORMATION: calibrates when told to, or takes a list of eight-byte entries.
    pub(crate) fn send_opc(&mut self, command: &Command<'_>) -> Outcome {
        let calibrate = command.bit(1, 0);
        let length = usize::from(command.be16(7));
        self.writable_disc()?;
        if !length.is_multiple_of(8) {
            return Err(Fault::ParameterListLength.into());
        }
        if calibrate {
            return Ok(Answer::after(CALIBRATION_TIME));
        }
        command.parameters(length)?;
        Ok(Answer::done())
    }

    /// SYNCHRONIZE CACHE: everything is on the disc already; a session at once ends here when its last block came.
    pub(crate) fn synchronize_cache(&mut self, command: &Command<'_>) -> Outcome {
        let immediate = command.bit(1, 1);
        let more_sessions = self.write_parameter(3) & 0xC0 != 0;
        let complete = self.cue.as_ref().and_then(|tracks| tracks.last()).map(|track| track.end);
        if let Some(end) = complete {
            let disc = self.writable_disc()?;
            let written = disc.tracks().next_back().is_some_and(|track| track.next_writable == Some(end));
            if written {
                disc.close_session(!more_sessions)?;
                self.cue = None;
                self.events.push_feature_change();
                return Ok(self.take_time(CLOSE_SESSION_TIME, immediate, Fault::LongWriteInProgress));
            }
        }
        Ok(self.take_time(FLUSH_TIME, immediate, Fault::LongWriteInProgress))
    }

    /// SEND CUE SHEET: size in bytes 6 to 8; lays out the tracks that the next writes fill.
    pub(crate) fn send_cue_sheet(&mut self, command: &Command<'_>) -> Outcome {
        let size = usize::try_from(command.be24(6)).unwrap_or(usize::MAX);
        let sheet = command.parameters(size)?;
        if self.write_parameter(2) & 0x0F != SESSION_AT_ONCE {
            return Err(Fault::CommandSequence.into());
        }
        let disc = self.writable_disc()?;
        if disc.media.family() != MediaFamily::Cd || !disc.is_appendable() || disc.open_track().is_some() {
            return Err(Fault::CannotWriteIncompatible.into());
        }
        let first = disc.next_writable_address().ok_or(Fault::CannotWriteIncompatible)?;
        let tracks = parse_cue_sheet(sheet, first, disc.next_track_number(), disc.capacity)
            .ok_or(Fault::InvalidFieldInParameterList)?;
        lay_out(disc, &tracks);
        self.cue = Some(tracks);
        Ok(Answer::done())
    }
}

fn is_dvd_minus_rw(disc: &Disc) -> bool {
    matches!(disc.media.profile(), 0x13 | 0x14)
}

/// The tracks of a cue sheet (MMC-6 6.36.3): lead-in first, addresses ascending, lead-out last.
fn parse_cue_sheet(sheet: &[u8], first: i32, first_number: u16, capacity: u32) -> Option<Vec<CueTrack>> {
    let (entries, rest) = sheet.as_chunks::<CUE_ENTRY>();
    if !rest.is_empty() || entries.first()?[1] != 0 || entries.last()?[1] != LEAD_OUT {
        return None;
    }
    let mut tracks: Vec<CueTrack> = Vec::new();
    let mut position = first - crate::disc::PREGAP;
    for entry in &entries[1..] {
        let [control_adr, number, index, form, _, minute, second, frame] = *entry;
        // Catalogue number and ISRC come in entries of their own kinds.
        if matches!(control_adr & 0x0F, 2 | 3) {
            continue;
        }
        if control_adr & 0x0F != 1 || second >= 60 || frame >= 75 {
            return None;
        }
        let lba = (i32::from(minute) * 60 + i32::from(second)) * 75 + i32::from(frame) - 150;
        if lba < position {
            return None;
        }
        position = lba;
        if index != 1 {
            continue;
        }
        if let Some(previous) = tracks.last_mut() {
            previous.end = lba;
        }
        if number == LEAD_OUT {
            break;
        }
        let expected = first_number + u16::try_from(tracks.len()).ok()?;
        let starts_well = !tracks.is_empty() || lba == first;
        if u16::from(number) != expected || !starts_well {
            return None;
        }
        let mode = match form >> 4 {
            0 => TrackMode::Audio,
            1 => TrackMode::Mode1,
            2 | 3 => TrackMode::Mode2Xa,
            _ => return None,
        };
        tracks.push(CueTrack { number, control: control_adr >> 4, mode, start: lba, end: lba });
    }
    let fits = u32::try_from(tracks.last()?.end).is_ok_and(|end| end <= capacity);
    (fits && tracks.iter().all(|track| track.end > track.start)).then_some(tracks)
}

/// Puts the tracks on the disc as reserved ones, in a session of their own.
fn lay_out(disc: &mut Disc, tracks: &[CueTrack]) {
    let reuse = disc.sessions.last().is_some_and(|session| !session.closed);
    let number = disc.sessions.last().map_or(1, |session| session.number + u16::from(!reuse));
    let planned = tracks.iter().map(|cue| {
        let mut track = Track::new(u16::from(cue.number), number, cue.mode, cue.start, cue.end.abs_diff(cue.start));
        track.control = cue.control;
        track.reserved = true;
        track.next_writable = Some(cue.start);
        track
    });
    let lead_out = tracks.last().map_or(0, |track| track.end);
    if reuse && let Some(session) = disc.sessions.last_mut() {
        session.tracks.extend(planned);
        session.lead_out = lead_out;
    } else {
        let tracks = planned.collect();
        disc.sessions.push(Session { number, tracks, lead_out, closed: false });
    }
    disc.state = DiscState::Appendable;
}

#[cfg(test)]
#[path = "recording_tests.rs"]
mod tests;
