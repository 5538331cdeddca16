//! READ DISC INFORMATION (MMC-6 6.21) and READ TRACK INFORMATION (6.26).

use super::Drive;
use super::command::{Answer, Command, Outcome, msf_of, with_length_16};
use super::fault::{Failure, Fault};
use super::toc::LEAD_IN_START;
use crate::disc::{Disc, DiscState, LEAD_IN, MediaFamily, MediaType, PREGAP, Recording, Track, TrackMode, control};

/// The open end of a disc: the session and track that come next.
struct OpenEnd {
    session: u16,
    first_track: u16,
    last_track: u16,
    /// 0 empty, 1 incomplete, 3 complete.
    state: u8,
}

/// The last session, be it only the empty one that the next track would open.
fn open_end(disc: &Disc) -> OpenEnd {
    let appendable = disc.is_appendable();
    match disc.sessions.last() {
        Some(session) if !session.closed => OpenEnd {
            session: session.number,
            first_track: session.tracks.first().map_or_else(|| disc.next_track_number(), |track| track.number),
            last_track: disc.next_track_number().max(session.tracks.last().map_or(0, |track| track.number)),
            state: if session.tracks.is_empty() { 0 } else { 1 },
        },
        Some(session) if !appendable => OpenEnd {
            session: session.number,
            first_track: session.tracks.first().map_or(1, |track| track.number),
            last_track: session.tracks.last().map_or(1, |track| track.number),
            state: 3,
        },
        last => {
            let next = disc.next_track_number();
            OpenEnd {
                session: last.map_or(1, |session| session.number + 1),
                first_track: next,
                last_track: next,
                state: 0,
            }
        }
    }
}

impl Drive {
    /// READ DISC INFORMATION, data type 0: 34 bytes.
    pub(crate) fn read_disc_information(&mut self, command: &Command<'_>) -> Outcome {
        if command.byte(1) & 7 != 0 {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        let disc = self.ready_disc()?;
        let cd = disc.media.family() == MediaFamily::Cd;
        let end = open_end(disc);
        let status = match (disc.media, disc.state) {
            // Overwritten anywhere: the status says nothing.
            (MediaType::DvdRam | MediaType::BdRe, DiscState::Complete) => 3,
            (_, DiscState::Blank) => 0,
            (_, DiscState::Appendable) => 1,
            (_, DiscState::Complete) => 2,
        };
        let erasable = u8::from(disc.media.is_erasable()) << 4;
        let [session_high, session_low] = end.session.to_be_bytes();
        let [first_high, first_low] = end.first_track.to_be_bytes();
        let [last_high, last_low] = end.last_track.to_be_bytes();
        // Unrestricted use; the background format of DVD+RW is complete.
        let background = if disc.media == MediaType::DvdPlusRw && disc.formatted { 3 } else { 0 };
        let mut body = vec![erasable | end.state << 2 | status, 1, session_low, first_low, last_low, 0x20 | background];
        body.push(if cd { disc.disc_type } else { 0 });
        body.extend([session_high, first_high, last_high]);
        body.extend([0; 4]);
        body.extend(match (cd, disc.next_writable_address()) {
            (false, _) => [0; 8],
            (true, None) => [0xFF; 8],
            (true, Some(next)) => {
                let open = disc.sessions.last().filter(|session| !session.closed);
                let start = open.and_then(|session| session.tracks.first()).map_or(next, |track| track.start);
                let [minute, second, frame] =
                    if end.session == 1 { LEAD_IN_START } else { msf_of(start - PREGAP - LEAD_IN) };
                let [last_minute, last_second, last_frame] = msf_of(disc.capacity.cast_signed());
                [0, minute, second, frame, 0, last_minute, last_second, last_frame]
            }
        });
        body.extend([0; 10]);
        Ok(Answer::cut(with_length_16(&body), command.be16(7)))
    }

    /// READ TRACK INFORMATION: by block, by track number (0xFF: the open or invisible one), or by session.
    pub(crate) fn read_track_information(&mut self, command: &Command<'_>) -> Outcome {
        let disc = self.ready_disc()?;
        let number = command.be32(2);
        let end = open_end(disc);
        let track = match command.byte(1) & 3 {
            0 => {
                let lba = number.cast_signed();
                disc.track_at(lba).cloned().or_else(|| invisible_track(disc).filter(|track| lba >= track.start))
            }
            1 if number == 0xFF => disc.open_track().cloned().or_else(|| invisible_track(disc)),
            1 => {
                let wanted = u16::try_from(number).map_err(|_| Fault::InvalidFieldInCdb)?;
                disc.track(wanted).cloned().or_else(|| invisible_track(disc).filter(|track| track.number == wanted))
            }
            2 => {
                let wanted = u16::try_from(number).map_err(|_| Fault::InvalidFieldInCdb)?;
                disc.session(wanted)
                    .and_then(|session| session.tracks.first().cloned())
                    .or_else(|| invisible_track(disc).filter(|_| wanted == end.session))
            }
            _ => None,
        };
        let missing = if command.byte(1) & 3 == 0 { Fault::AddressOutOfRange } else { Fault::InvalidFieldInCdb };
        let track = track.ok_or_else(|| Failure::from(missing))?;
        Ok(Answer::cut(with_length_16(&track_information(disc, &track)), command.be16(7)))
    }
}

/// The track after the last, as long as there is room for it.
fn invisible_track(disc: &Disc) -> Option<Track> {
    if disc.open_track().is_some() {
        return None;
    }
    let start = disc.next_writable_address()?;
    let mut track = Track::new(disc.next_track_number(), open_end(disc).session, TrackMode::Mode1, start, 0);
    track.next_writable = Some(start);
    Some(track)
}

/// Everything after the length: 34 bytes on CD, 46 on DVD and BD.
fn track_information(disc: &Disc, track: &Track) -> Vec<u8> {
    let cd = disc.media.family() == MediaFamily::Cd;
    let overwritable = disc.is_overwritable();
    let open = track.next_writable;
    let blank = open == Some(track.start);
    let free = match (open, track.reserved) {
        (None, _) => 0,
        (Some(next), true) => track.end().abs_diff(next),
        (Some(_), false) => disc.free_blocks(),
    };
    let size = if open.is_some() && !track.reserved { track.length.saturating_add(free) } else { track.length };
    let last_recorded = open.unwrap_or_else(|| track.end()) - 1;
    let fixed_packets = (overwritable || !cd) && disc.media.recording() != Recording::ReadOnly;
    let incremental = u8::from(fixed_packets) << 5 | u8::from(fixed_packets) << 4;
    let flags = u8::from(track.reserved) << 7 | u8::from(blank) << 6 | incremental;
    let copy = u8::from(track.control & control::COPY_PERMITTED != 0) << 4;
    let last_is_known = !cd && !blank && disc.media.recording() == Recording::Sequential;
    let validity = u8::from(last_is_known) << 1 | u8::from(open.is_some());
    let [track_high, track_low] = track.number.to_be_bytes();
    let [session_high, session_low] = track.session.to_be_bytes();
    let packet = if fixed_packets { disc.media.ecc_blocks() } else { 0 };
    let data_mode = if blank { 0x0F } else { track.mode.data_mode() };
    let mut body = vec![track_low, session_low, 0, copy | track.control, flags | data_mode, validity];
    body.extend(track.start.to_be_bytes());
    body.extend(open.unwrap_or(0).to_be_bytes());
    body.extend(free.to_be_bytes());
    body.extend(packet.to_be_bytes());
    body.extend(size.to_be_bytes());
    body.extend(if last_is_known { last_recorded } else { 0 }.to_be_bytes());
    body.extend([track_high, session_high, 0, 0]);
    if !cd {
        body.extend([0; 12]);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cd, disc, hex};

    const DISC: &str = "51 00 00 00 00 00 00 00 22 00";

    #[test]
    fn golden_disc_information() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        let complete = "00 20 0E 01 02 04 04 20 00 00 00 00 00 00 00 00 FF FF FF FF FF FF FF FF";
        assert_eq!(bench.data(DISC), [hex(complete), vec![0; 10]].concat());
        let mut bench = Bench::ready("cdrw", Some(disc("cd-rw-blank")));
        let blank = "00 20 10 01 01 01 01 20 00 00 00 00 00 00 00 00 00 61 1A 41 00 4F 3B 48";
        assert_eq!(bench.data(DISC), [hex(blank), vec![0; 10]].concat());
        let mut bench = Bench::ready("cdrw", Some(disc("cd-r-appendable")));
        let data = bench.data(DISC);
        assert_eq!(data[..8], hex("00 20 01 01 02 02 02 20"));
        // The lead-in of session 2 follows the lead-out of session 1 at once: block 3000 + 6750, 02:12:00.
        assert_eq!(data[16..20], hex("00 02 0C 00"));
        let mut bench = Bench::ready("dvdwriter", Some(disc("dvd-ram")));
        assert_eq!(bench.data(DISC)[..8], hex("00 20 1F 01 01 01 01 20"));
        assert_eq!(bench.sense("51 01 00 00 00 00 00 00 22 00"), (5, 0x24, 0));
    }

    #[test]
    fn golden_track_information() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        let track_4 = hex(
            "00 22 04 02 00 04 01 00 00 00 62 0C 00 00 00 00 00 00 00 00 00 00 00 00 00 00 23 28 00 00 00 00 00 00 00 00",
        );
        assert_eq!(bench.data("52 01 00 00 00 04 00 00 FF 00"), track_4);
        assert_eq!(bench.data("52 00 00 00 62 18 00 00 FF 00"), track_4);
        assert_eq!(bench.data("52 02 00 00 00 02 00 00 FF 00"), track_4);
        assert_eq!(bench.sense("52 01 00 00 00 05 00 00 FF 00"), (5, 0x24, 0));
        assert_eq!(bench.sense("52 01 00 00 00 FF 00 00 FF 00"), (5, 0x24, 0));
        assert_eq!(bench.sense("52 00 00 FF 62 70 00 00 FF 00"), (5, 0x21, 0));
    }

    #[test]
    fn golden_invisible_track() {
        let mut bench = Bench::ready("cdrw", Some(disc("cd-r-blank")));
        let expected = hex(
            "00 22 01 01 00 04 4F 01 00 00 00 00 00 00 00 00 00 05 7D A7 00 00 00 00 00 05 7D A7 00 00 00 00 00 00 00 00",
        );
        assert_eq!(bench.data("52 01 00 00 00 FF 00 00 FF 00"), expected);
        assert_eq!(bench.data("52 01 00 00 00 01 00 00 FF 00"), expected);
        assert_eq!(bench.data("52 00 00 00 00 00 00 00 FF 00"), expected);
        let mut bench = Bench::ready("dvdwriter", Some(disc("dvd-r-blank")));
        assert_eq!(bench.data("52 01 00 00 00 FF 00 00 FF 00").len(), 48);
    }
}
