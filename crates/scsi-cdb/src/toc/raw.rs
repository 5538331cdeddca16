//! Format 2: the Q sub-channel entries of every lead-in ("full TOC").

use crate::address::Msf;
use crate::layout::{Bits, Byte, MsfAt};
use crate::toc::answer::{TocAnswer, descriptor};
use crate::toc::q::{Adr, TrackControl};
use crate::toc::time_code::TimeCode;

/// Bytes that hold any raw TOC of a disc with few sessions; the length in the answer tells when it was not enough.
pub const USUAL_RAW_TOC: u16 = 2048;

open_enum! {
    /// The POINT of a lead-in entry; 1 to 99 are tracks for ADR 1 and skipped intervals for ADR 5.
    pub Point: u8 {
        /// PMIN is the first track of the session, PSEC its disc type.
        FIRST_TRACK = 0xA0 => "A0 first track",
        /// PMIN is the last track of the session.
        LAST_TRACK = 0xA1 => "A1 last track",
        /// Start of the lead-out.
        LEAD_OUT = 0xA2 => "A2 lead-out",
        /// Where the next program area may start and the outermost lead-out.
        NEXT_PROGRAM_AREA = 0xB0 => "B0 next program area",
        /// Numbers of skipped intervals and tracks.
        SKIP_COUNTS = 0xB1 => "B1 skip counts",
        /// Tracks to skip.
        SKIP_TRACKS_1 = 0xB2 => "B2 skipped tracks",
        /// Tracks to skip, continued.
        SKIP_TRACKS_2 = 0xB3 => "B3 skipped tracks",
        /// Tracks to skip, continued.
        SKIP_TRACKS_3 = 0xB4 => "B4 skipped tracks",
        /// Special information 1 of the ATIP and the start of the first lead-in.
        FIRST_LEAD_IN = 0xC0 => "C0 first lead-in",
        /// Copy of additional information 1 of the ATIP.
        ATIP_COPY = 0xC1 => "C1 copy of ATIP",
    }
}

open_enum! {
    /// The disc type in PSEC of point A0.
    pub SessionType: u8 {
        /// CD-DA, or CD-ROM of mode 1.
        CD_DA_OR_ROM = 0x00 => "CD-DA or CD-ROM",
        /// CD-i.
        CD_I = 0x10 => "CD-i",
        /// CD-ROM XA.
        CD_ROM_XA = 0x20 => "CD-ROM XA",
    }
}

record! {
    /// A Q sub-channel entry of a lead-in or of the PMA.
    pub struct RawEntry: 11 {
        /// Session whose lead-in holds the entry; reserved in the PMA.
        session: u8 = Byte(0),
        /// What the entry carries.
        adr: Adr = Bits(1, 4, 4),
        /// Control bits.
        control: TrackControl = Bits(1, 0, 4),
        /// Track number of the area itself, 0.
        tno: u8 = Byte(2),
        /// What the entry is about.
        point: Point = Byte(3),
        /// MIN, SEC and FRAME, as the drive sent them.
        time: Msf = MsfAt(4),
        /// ZERO; a count of pointers for point B0.
        zero: u8 = Byte(7),
        /// PMIN, PSEC and PFRAME, as the drive sent them.
        p_time: Msf = MsfAt(8),
    }
}

descriptor!(RawEntry);

/// The meaning of a [`RawEntry`] of a lead-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawItem {
    /// Point A0: first track and type of the session.
    FirstTrack {
        /// Its number.
        track: u8,
        /// The type of the session.
        session_type: SessionType,
    },
    /// Point A1: last track of the session.
    LastTrack {
        /// Its number.
        track: u8,
    },
    /// Point A2: the lead-out.
    LeadOut {
        /// Its start.
        start: Msf,
    },
    /// Points 1 to 99 with ADR 1: a track.
    Track {
        /// Its number.
        track: u8,
        /// Its start.
        start: Msf,
    },
    /// Point B0: the disc may take another session.
    NextProgramArea {
        /// Start of the next program area; `None` if there can be none (FF:FF:FF).
        start: Option<Msf>,
        /// Number of different entries with ADR 5.
        pointers: u8,
        /// Latest start of the outermost lead-out.
        outermost_lead_out: Msf,
    },
    /// Point B1: how many skipped intervals and tracks follow.
    SkipCounts {
        /// Intervals (points 1 to 40).
        intervals: u8,
        /// Tracks (points B2 to B4).
        tracks: u8,
    },
    /// Points B2 to B4: up to seven tracks to skip, 0 where unused.
    SkipTracks {
        /// Their numbers.
        tracks: [u8; 7],
    },
    /// Points 1 to 40 with ADR 5: an interval to skip on playback.
    SkipInterval {
        /// Its number.
        number: u8,
        /// Its start.
        start: Msf,
        /// Its end.
        end: Msf,
    },
    /// Point C0: optimum recording power (MIN), application code (FRAME) and the start of the first lead-in.
    FirstLeadIn {
        /// Optimum recording power, as in the ATIP.
        recording_power: u8,
        /// Application code, as in the ATIP.
        application_code: u8,
        /// Start of the lead-in of the first session.
        start: Msf,
    },
    /// Any other entry.
    Other,
}

impl RawEntry {
    /// What the entry says, its times read as `code`.
    #[must_use]
    pub fn item(&self, code: TimeCode) -> RawItem {
        let (time, p_time) = (code.decode_msf(self.time), code.decode_msf(self.p_time));
        match (self.adr, self.point) {
            (Adr::POSITION, Point(point)) if track_number(code, point).is_some() => {
                RawItem::Track { track: code.decode(point), start: p_time }
            }
            (Adr::POSITION, Point::FIRST_TRACK) => {
                RawItem::FirstTrack { track: p_time.minute, session_type: SessionType(self.p_time.second) }
            }
            (Adr::POSITION, Point::LAST_TRACK) => RawItem::LastTrack { track: p_time.minute },
            (Adr::POSITION, Point::LEAD_OUT) => RawItem::LeadOut { start: p_time },
            (Adr::MULTI_SESSION, Point(number @ 0x01..=0x40)) => {
                RawItem::SkipInterval { number: code.decode(number), start: p_time, end: time }
            }
            (Adr::MULTI_SESSION, Point::NEXT_PROGRAM_AREA) => RawItem::NextProgramArea {
                start: (self.time != Msf::new(0xFF, 0xFF, 0xFF)).then_some(time),
                pointers: self.zero,
                outermost_lead_out: p_time,
            },
            (Adr::MULTI_SESSION, Point::SKIP_COUNTS) => {
                RawItem::SkipCounts { intervals: p_time.minute, tracks: p_time.second }
            }
            (Adr::MULTI_SESSION, Point::SKIP_TRACKS_1 | Point::SKIP_TRACKS_2 | Point::SKIP_TRACKS_3) => {
                let tracks = [
                    time.minute,
                    time.second,
                    time.frame,
                    code.decode(self.zero),
                    p_time.minute,
                    p_time.second,
                    p_time.frame,
                ];
                RawItem::SkipTracks { tracks }
            }
            (Adr::MULTI_SESSION, Point::FIRST_LEAD_IN) => RawItem::FirstLeadIn {
                recording_power: self.time.minute,
                application_code: self.time.frame,
                start: p_time,
            },
            _ => RawItem::Other,
        }
    }

    /// Whether the start of a track or lead-out is possible only as BCD (`Some(true)`) or only as binary (`Some(false)`).
    fn must_be_bcd(&self) -> Option<bool> {
        if self.adr != Adr::POSITION || !matches!(self.point.0, 1..=0x99 | 0xA2) {
            return None;
        }
        let Msf { minute, second, frame } = self.p_time;
        let bcd = [minute, second, frame].iter().all(|byte| TimeCode::is_bcd(*byte));
        match (bcd, second < 60 && frame < 75) {
            (true, false) => Some(true),
            (false, _) => Some(false),
            (true, true) => None,
        }
    }
}

/// One session of a raw TOC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawSession {
    /// Its number.
    pub session: u8,
    /// Number of its first track.
    pub first_track: u8,
    /// Number of its last track.
    pub last_track: u8,
    /// Its disc type.
    pub session_type: SessionType,
    /// Start of its lead-out.
    pub lead_out: Msf,
}

/// The answer to [`TocFormat::RAW_TOC`](crate::toc::TocFormat::RAW_TOC).
///
/// The header has the numbers of the first and the last complete session.
pub type RawToc<'a> = TocAnswer<'a, RawEntry>;

impl<'a> RawToc<'a> {
    /// How this drive writes times: BCD if some time is impossible in binary and none is impossible in BCD.
    #[must_use]
    pub fn time_code(&self) -> TimeCode {
        let mut code = TimeCode::Binary;
        for entry in self.descriptors() {
            match entry.must_be_bcd() {
                Some(true) => code = TimeCode::Bcd,
                Some(false) => return TimeCode::Binary,
                None => {}
            }
        }
        code
    }

    /// All entries with their meaning.
    pub fn items(&self) -> impl Iterator<Item = (RawEntry, RawItem)> + Clone + use<'a> {
        let code = self.time_code();
        self.descriptors().map(move |entry| (entry, entry.item(code)))
    }

    /// The session `session`, if its points A0, A1 and A2 are all there.
    #[must_use]
    pub fn session(&self, session: u8) -> Option<RawSession> {
        let (mut first, mut last, mut lead_out) = (None, None, None);
        for (_, item) in self.items().filter(|(entry, _)| entry.session == session) {
            match item {
                RawItem::FirstTrack { track, session_type } => first = Some((track, session_type)),
                RawItem::LastTrack { track } => last = Some(track),
                RawItem::LeadOut { start } => lead_out = Some(start),
                _ => {}
            }
        }
        let (first_track, session_type) = first?;
        Some(RawSession { session, first_track, last_track: last?, session_type, lead_out: lead_out? })
    }

    /// The complete sessions from the first to the last of the header.
    pub fn sessions(&self) -> impl Iterator<Item = RawSession> + use<'a> {
        let toc = *self;
        (self.header().first..=self.header().last).filter_map(move |session| toc.session(session))
    }

    /// The tracks of all sessions in the drive's order: number, entry, start.
    pub fn tracks(&self) -> impl Iterator<Item = (u8, RawEntry, Msf)> + Clone + use<'a> {
        self.items().filter_map(|(entry, item)| match item {
            RawItem::Track { track, start } => Some((track, entry, start)),
            _ => None,
        })
    }
}

pub(crate) fn track_number(code: TimeCode, point: u8) -> Option<u8> {
    Some(code.decode(point)).filter(|track| point < 0xA0 && (1..=99).contains(track))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::test_support::{hex, prefixes, total};

    /// MMC-6 6.25, format 2: an enhanced CD, three audio tracks and a second session with one XA data track.
    const ENHANCED_CD: &str = "
        00 91 01 02
        01 10 00 A0 00 00 00 00 01 00 00
        01 10 00 A1 00 00 00 00 03 00 00
        01 10 00 A2 00 00 00 00 0C 22 05
        01 10 00 01 00 00 00 00 00 02 00
        01 12 00 02 00 00 00 00 04 10 20
        01 10 00 03 00 00 00 00 08 20 2D
        01 50 00 B0 0F 04 05 02 4F 3B 4A
        01 50 00 C0 78 00 00 00 61 1B 15
        02 14 00 A0 00 00 00 00 04 20 00
        02 14 00 A1 00 00 00 00 04 00 00
        02 14 00 A2 00 00 00 00 14 0A 1E
        02 14 00 04 00 00 00 00 0F 06 05
        02 54 00 B0 FF FF FF 01 4F 3B 4A";

    #[test]
    fn a_disc_of_two_sessions_is_read() {
        let bytes = hex(ENHANCED_CD);
        let toc = RawToc::parse(&bytes).unwrap();
        assert_eq!((toc.time_code(), toc.is_truncated(), toc.descriptors().count()), (TimeCode::Binary, false, 13));
        let sessions: Vec<_> = toc.sessions().collect();
        assert_eq!(
            sessions,
            [
                RawSession {
                    session: 1,
                    first_track: 1,
                    last_track: 3,
                    session_type: SessionType::CD_DA_OR_ROM,
                    lead_out: Msf::new(12, 34, 5),
                },
                RawSession {
                    session: 2,
                    first_track: 4,
                    last_track: 4,
                    session_type: SessionType::CD_ROM_XA,
                    lead_out: Msf::new(20, 10, 30),
                },
            ]
        );
        let tracks: Vec<_> = toc.tracks().map(|(track, entry, start)| (track, entry.control.0, start)).collect();
        assert_eq!(
            tracks,
            [
                (1, 0, Msf::new(0, 2, 0)),
                (2, 2, Msf::new(4, 16, 32)),
                (3, 0, Msf::new(8, 32, 45)),
                (4, 4, Msf::new(15, 6, 5)),
            ]
        );
        let next: Vec<_> = toc
            .items()
            .filter_map(|(_, item)| match item {
                RawItem::NextProgramArea { start, .. } => Some(start),
                _ => None,
            })
            .collect();
        assert_eq!(next, [Some(Msf::new(15, 4, 5)), None]);
        assert!(toc.items().any(|(_, item)| matches!(item, RawItem::FirstLeadIn { recording_power: 0x78, .. })));
        let rebuilt: Vec<u8> = toc.descriptors().flat_map(|entry| entry.to_bytes()).collect();
        assert_eq!(rebuilt, toc.list());
        prefixes(&bytes, |bytes| RawToc::parse(bytes).map(|toc| toc.sessions().count()));
    }

    #[test]
    fn times_in_bcd_are_recognised() {
        let bytes = hex("00 2E 01 01
             01 10 00 A0 00 00 00 00 01 00 00
             01 10 00 A1 00 00 00 00 10 00 00
             01 10 00 A2 00 00 00 00 45 59 74
             01 14 00 10 00 00 00 00 04 16 32");
        let toc = RawToc::parse(&bytes).unwrap();
        assert_eq!(toc.time_code(), TimeCode::Bcd);
        assert_eq!(
            toc.session(1).map(|session| (session.last_track, session.lead_out)),
            Some((10, Msf::new(45, 59, 74)))
        );
        assert_eq!(toc.tracks().map(|(track, _, start)| (track, start)).next(), Some((10, Msf::new(4, 16, 32))));
    }

    #[test]
    fn any_bytes_are_handled() {
        total(|bytes| RawToc::parse(bytes).map(|toc| (toc.sessions().count(), toc.items().count())));
    }
}
