//! READ TOC/PMA/ATIP (MMC-6 6.25): formats 0 to 5.

use super::Drive;
use super::command::{Answer, Command, Outcome, address_field, msf_of, with_length_16};
use super::fault::{Failure, Fault};
use crate::disc::{Disc, MediaFamily, MediaType, Session, Track, next_session_start};

/// Track number of the lead-out.
const LEAD_OUT: u8 = 0xAA;
/// ADR 1: Q holds a position.
const ADR_POSITION: u8 = 0x10;
/// ADR 5: multi-session points B0 and C0.
const ADR_MULTI_SESSION: u8 = 0x50;

impl Drive {
    /// READ TOC/PMA/ATIP: MSF bit, format in byte 2 (or in byte 9, as SFF-8020i had it), track or session number.
    pub(crate) fn read_toc(&mut self, command: &Command<'_>) -> Outcome {
        let spin = self.wake();
        let disc = self.ready_disc()?;
        let msf = command.bit(1, 1);
        let number = command.byte(6);
        let format = match (command.byte(2) & 0x0F, command.byte(9) >> 6) {
            (0, legacy) => legacy,
            (format, _) => format,
        };
        if format > 1 && disc.media.family() != MediaFamily::Cd {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        let body = match format {
            0 => track_list(disc, number, msf)?,
            1 => session_info(disc, msf)?,
            2 => raw_toc(disc, number)?,
            3 if is_recordable(disc) => program_memory(disc),
            4 if is_recordable(disc) => pregroove(disc),
            5 => [&[0, 0][..], disc.cd_text.as_deref().unwrap_or_default()].concat(),
            _ => return Err(Fault::InvalidFieldInCdb.into()),
        };
        let mut answer = Answer::cut(with_length_16(&body), command.be16(7));
        answer.took = spin;
        Ok(answer)
    }
}

fn is_recordable(disc: &Disc) -> bool {
    matches!(disc.media, MediaType::CdR | MediaType::CdRw)
}

/// Closed sessions with tracks; there must be one to have a table of contents.
fn complete_sessions(disc: &Disc) -> Result<Vec<&Session>, Failure> {
    let sessions: Vec<&Session> =
        disc.sessions.iter().filter(|session| session.closed && !session.tracks.is_empty()).collect();
    if sessions.is_empty() { Err(Fault::NoTableOfContents.into()) } else { Ok(sessions) }
}

fn number_of(track: &Track) -> u8 {
    u8::try_from(track.number).unwrap_or(u8::MAX)
}

fn session_number(session: &Session) -> u8 {
    u8::try_from(session.number).unwrap_or(u8::MAX)
}

/// Format 0: first and last track; then eight bytes for each track from `from` on, and for the lead-out.
fn track_list(disc: &Disc, from: u8, msf: bool) -> Result<Vec<u8>, Failure> {
    let sessions = complete_sessions(disc)?;
    let tracks: Vec<&Track> = sessions.iter().flat_map(|session| &session.tracks).collect();
    let (first, last) = (tracks[0], tracks[tracks.len() - 1]);
    if from > number_of(last) && from != LEAD_OUT {
        return Err(Fault::InvalidFieldInCdb.into());
    }
    let entry =
        |control: u8, number: u8, lba: i32| [[0, ADR_POSITION | control, number, 0], address_field(lba, msf)].concat();
    let mut body = vec![number_of(first), number_of(last)];
    for track in tracks.iter().filter(|track| number_of(track) >= from && from != LEAD_OUT) {
        body.extend(entry(track.control, number_of(track), track.start));
    }
    let lead_out = sessions.last().map_or(0, |session| session.lead_out);
    body.extend(entry(last.control, LEAD_OUT, lead_out));
    Ok(body)
}

/// Format 1: first and last complete session; the first track of the last.
fn session_info(disc: &Disc, msf: bool) -> Result<Vec<u8>, Failure> {
    let sessions = complete_sessions(disc)?;
    let (first, last) = (sessions[0], sessions[sessions.len() - 1]);
    let track = &last.tracks[0];
    let head = [session_number(first), session_number(last), 0, ADR_POSITION | track.control, number_of(track), 0];
    Ok([&head[..], &address_field(track.start, msf)].concat())
}

/// Format 2: the entries of Q in the lead-ins, eleven bytes each, from session `from` on.
fn raw_toc(disc: &Disc, from: u8) -> Result<Vec<u8>, Failure> {
    let sessions = complete_sessions(disc)?;
    let last = sessions.len() - 1;
    if from > session_number(sessions[last]) {
        return Err(Fault::InvalidFieldInCdb.into());
    }
    let multi_session = sessions.len() > 1 || is_recordable(disc);
    let mut body = vec![session_number(sessions[0]), session_number(sessions[last])];
    for (place, session) in sessions.iter().enumerate().filter(|(_, session)| session_number(session) >= from) {
        let mut entry = |adr_control: u8, point: u8, now: [u8; 3], zero: u8, position: [u8; 3]| {
            body.extend([session_number(session), adr_control, 0, point]);
            body.extend(now);
            body.push(zero);
            body.extend(position);
        };
        let (first_track, last_track) = (&session.tracks[0], &session.tracks[session.tracks.len() - 1]);
        let position = |control: u8| ADR_POSITION | control;
        entry(position(first_track.control), 0xA0, [0; 3], 0, [number_of(first_track), disc.disc_type, 0]);
        entry(position(last_track.control), 0xA1, [0; 3], 0, [number_of(last_track), 0, 0]);
        entry(position(last_track.control), 0xA2, [0; 3], 0, msf_of(session.lead_out));
        for track in &session.tracks {
            entry(position(track.control), number_of(track), [0; 3], 0, msf_of(track.start));
        }
        if multi_session {
            let control = first_track.control;
            let closed_for_good = place == last && !disc.is_appendable();
            let next = if closed_for_good {
                [0xFF; 3]
            } else {
                msf_of(next_session_start(session.number, session.lead_out) - crate::disc::PREGAP)
            };
            let pointers = if place == 0 { 2 } else { 1 };
            entry(ADR_MULTI_SESSION | control, 0xB0, next, pointers, last_lead_out(disc));
            if place == 0 {
                entry(ADR_MULTI_SESSION | control, 0xC0, [0; 3], 0, LEAD_IN_START);
            }
        }
    }
    Ok(body)
}

/// Where the lead-in of a recordable disc begins, on the clock that runs up to 00:00:00 at block -150.
pub(crate) const LEAD_IN_START: [u8; 3] = [97, 26, 65];

/// The latest start of the lead-out: what the medium has room for.
fn last_lead_out(disc: &Disc) -> [u8; 3] {
    msf_of(i32::try_from(disc.capacity).unwrap_or(i32::MAX))
}

/// Format 3: the entries of the program memory area: each track with its start and end.
fn program_memory(disc: &Disc) -> Vec<u8> {
    let mut body = vec![0, 0];
    for track in disc.tracks().filter(|track| track.next_writable.is_none() || track.reserved) {
        let session = u8::try_from(track.session).unwrap_or(u8::MAX);
        body.extend([session, ADR_POSITION | track.control, 0, number_of(track)]);
        body.extend(msf_of(track.end()));
        body.push(0);
        body.extend(msf_of(track.start));
    }
    body
}

/// Format 4: what is in the pre-groove: kind of disc, start of lead-in, last start of lead-out.
fn pregroove(disc: &Disc) -> Vec<u8> {
    let erasable = u8::from(disc.media == MediaType::CdRw) << 6;
    let mut body = vec![0, 0, 0xD0, 0x00, 0x80 | erasable | 0x08, 0];
    body.extend(LEAD_IN_START);
    body.push(0);
    body.extend(last_lead_out(disc));
    body.resize(2 + 24, 0);
    body
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cd, disc, hex};

    #[test]
    fn golden_tracks() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        assert_eq!(
            bench.data("43 00 00 00 00 00 00 00 FF 00"),
            hex("00 2A 01 04 \
                 00 10 01 00 00 00 00 00 \
                 00 12 02 00 00 00 12 2A \
                 00 11 03 00 00 00 29 9A \
                 00 14 04 00 00 00 62 0C \
                 00 14 AA 00 00 00 85 34")
        );
        assert_eq!(
            bench.data("43 02 00 00 00 00 04 00 FF 00"),
            hex("00 12 01 04 00 14 04 00 00 05 24 32 00 14 AA 00 00 07 24 32")
        );
        assert_eq!(bench.data("43 00 00 00 00 00 AA 00 FF 00"), hex("00 0A 01 04 00 14 AA 00 00 00 85 34"));
        assert_eq!(bench.sense("43 00 00 00 00 00 05 00 FF 00"), (5, 0x24, 0));
        assert_eq!(bench.data("43 00 00 00 00 00 00 00 04 00"), hex("00 2A 01 04"));
    }

    #[test]
    fn golden_sessions() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        let expected = hex("00 0A 01 02 00 14 04 00 00 00 62 0C");
        assert_eq!(bench.data("43 00 01 00 00 00 00 00 0C 00"), expected);
        assert_eq!(bench.data("43 00 00 00 00 00 00 00 0C 40"), expected);
    }

    #[test]
    fn golden_raw_table() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        assert_eq!(
            bench.data("43 02 02 00 00 00 00 01 00 00"),
            hex("00 91 01 02 \
                 01 10 00 A0 00 00 00 00 01 00 00 \
                 01 11 00 A1 00 00 00 00 03 00 00 \
                 01 11 00 A2 00 00 00 00 03 04 32 \
                 01 10 00 01 00 00 00 00 00 02 00 \
                 01 12 00 02 00 00 00 00 01 04 00 \
                 01 11 00 03 00 00 00 00 02 18 00 \
                 01 50 00 B0 05 22 32 02 07 24 32 \
                 01 50 00 C0 00 00 00 00 61 1A 41 \
                 02 14 00 A0 00 00 00 00 04 00 00 \
                 02 14 00 A1 00 00 00 00 04 00 00 \
                 02 14 00 A2 00 00 00 00 07 24 32 \
                 02 14 00 04 00 00 00 00 05 24 32 \
                 02 54 00 B0 FF FF FF 01 07 24 32")
        );
        assert_eq!(bench.data("43 02 02 00 00 00 02 01 00 00").len(), 4 + 55);
    }

    #[test]
    fn dvd_has_tracks_and_sessions_only() {
        let mut bench = Bench::ready("dvdrom-css", Some(disc("dvd-rom")));
        assert_eq!(
            bench.data("43 00 00 00 00 00 00 00 FF 00"),
            hex("00 12 01 01 00 14 01 00 00 00 00 00 00 14 AA 00 00 1E 84 80")
        );
        assert_eq!(bench.sense("43 00 02 00 00 00 00 00 FF 00"), (5, 0x24, 0));
    }

    #[test]
    fn recordable_discs_have_pregroove_and_program_memory() {
        let mut bench = Bench::ready("cdrw", Some(disc("cd-r-blank")));
        let data = bench.data("43 02 04 00 00 00 00 00 FF 00");
        assert_eq!(data, hex("00 1A 00 00 D0 00 88 00 61 1A 41 00 4F 3B 48 00 00 00 00 00 00 00 00 00 00 00 00 00"));
        assert_eq!(bench.data("43 02 03 00 00 00 00 00 FF 00"), hex("00 02 00 00"));
        assert_eq!(bench.sense("43 00 00 00 00 00 00 00 FF 00"), (3, 0x57, 0));
        assert_eq!(Bench::ready("cdrom", Some(cd())).sense("43 02 04 00 00 00 00 00 FF 00"), (5, 0x24, 0));
    }

    #[test]
    fn cd_text_is_given_as_recorded() {
        let disc = cd();
        let packs = disc.cd_text.clone().unwrap();
        let mut bench = Bench::ready("cdrom", Some(disc));
        let data = bench.data("43 00 05 00 00 00 00 FF FF 00");
        assert_eq!(data[4..], packs);
        assert_eq!(usize::from(data[0]) << 8 | usize::from(data[1]), packs.len() + 2);
    }
}
