//! Sessions, tracks and indexes, and the distances between them.

use std::sync::Arc;

use super::source::SectorSource;

/// Sectors of the first pregap, and of the pregap of each session's first track (ECMA-130 clause 20).
pub const PREGAP: i32 = 150;
/// Sectors of the lead-in of a session after the first: one minute.
pub const LEAD_IN: i32 = 4500;
/// Sectors of the lead-out of the first session: one and a half minutes.
pub const FIRST_LEAD_OUT: i32 = 6750;
/// Sectors of the lead-out of each later session: half a minute.
pub const NEXT_LEAD_OUT: i32 = 2250;

/// The first address of the first track of the session after session `number`, whose lead-out begins at `lead_out`.
#[must_use]
pub const fn next_session_start(number: u16, lead_out: i32) -> i32 {
    let lead_out_length = if number <= 1 { FIRST_LEAD_OUT } else { NEXT_LEAD_OUT };
    lead_out.saturating_add(lead_out_length + LEAD_IN + PREGAP)
}

/// What the sectors of a track are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrackMode {
    /// CD audio.
    Audio,
    /// Data Mode 1; also the data of DVD and BD.
    Mode1,
    /// Data Mode 2 without sub-headers.
    Mode2,
    /// Data Mode 2 with sub-headers: each sector is Form 1 or Form 2 (CD-ROM XA, CD-i).
    Mode2Xa,
}

impl TrackMode {
    /// The data mode of READ TRACK INFORMATION: 1, 2, or 0xF for audio (MMC-6 table 500).
    #[must_use]
    pub const fn data_mode(self) -> u8 {
        match self {
            Self::Audio => 0x0F,
            Self::Mode1 => 0x01,
            Self::Mode2 | Self::Mode2Xa => 0x02,
        }
    }

    /// Whether the track holds data.
    #[must_use]
    pub const fn is_data(self) -> bool {
        !matches!(self, Self::Audio)
    }
}

/// Bits of the control nibble of sub-channel Q (ECMA-130 clause 22.3.1).
pub mod control {
    /// Audio with pre-emphasis of 50/15 us; incremental recording on a data track.
    pub const PRE_EMPHASIS: u8 = 0x1;
    /// Digital copy permitted.
    pub const COPY_PERMITTED: u8 = 0x2;
    /// Data track.
    pub const DATA: u8 = 0x4;
    /// Four-channel audio.
    pub const FOUR_CHANNEL: u8 = 0x8;
}

/// An index point of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    /// 0 (pregap) to 99.
    pub number: u8,
    /// First sector.
    pub lba: i32,
}

/// A run of sectors of a track that a source holds; sectors of a track in no extent are silence or zeros.
#[derive(Clone, Debug)]
pub struct Extent {
    /// First sector on the disc.
    pub lba: i32,
    /// Sectors.
    pub length: u32,
    /// Where the bytes come from.
    pub source: Arc<dyn SectorSource>,
    /// Number of the first sector in the source.
    pub offset: u64,
}

/// A track.
#[derive(Clone, Debug)]
pub struct Track {
    /// 1 to 99 on a CD.
    pub number: u16,
    /// The session it is in, from 1.
    pub session: u16,
    /// What its sectors are.
    pub mode: TrackMode,
    /// The control nibble, of bits in [`control`].
    pub control: u8,
    /// First sector of index 1.
    pub start: i32,
    /// Sectors from index 1 to the end, recorded or reserved.
    pub length: u32,
    /// All index points in ascending order; index 0 is present when the track has a pregap.
    pub indexes: Vec<Index>,
    /// International standard recording code, 12 characters.
    pub isrc: Option<[u8; 12]>,
    /// Recorded content, in ascending order, without overlap.
    pub extents: Vec<Extent>,
    /// For a track that is not closed: the next address to be written; `None` once complete.
    pub next_writable: Option<i32>,
    /// Whether the track's size was set by RESERVE TRACK before it was written.
    pub reserved: bool,
}

impl Track {
    /// A complete track of `length` zero sectors from `start`, with index 1 only.
    #[must_use]
    pub fn new(number: u16, session: u16, mode: TrackMode, start: i32, length: u32) -> Self {
        Self {
            number,
            session,
            mode,
            control: if mode.is_data() { control::DATA } else { 0 },
            start,
            length,
            indexes: vec![Index { number: 1, lba: start }],
            isrc: None,
            extents: Vec::new(),
            next_writable: None,
            reserved: false,
        }
    }

    /// The same track with a pregap of `sectors` before its start.
    #[must_use]
    pub fn with_pregap(mut self, sectors: i32) -> Self {
        self.indexes.retain(|index| index.number != 0);
        self.indexes.insert(0, Index { number: 0, lba: self.start - sectors });
        self
    }

    /// The same track with all sectors from index 1 on taken from `source`, from its sector `offset` on.
    #[must_use]
    pub fn with_source(mut self, source: Arc<dyn SectorSource>, offset: u64) -> Self {
        self.extents.push(Extent { lba: self.start, length: self.length, source, offset });
        self
    }

    /// First sector, pregap included.
    #[must_use]
    pub fn first(&self) -> i32 {
        self.indexes.first().map_or(self.start, |index| index.lba.min(self.start))
    }

    /// The sector after the last.
    #[must_use]
    pub fn end(&self) -> i32 {
        self.start.saturating_add_unsigned(self.length)
    }

    /// Sectors of the pregap.
    #[must_use]
    pub fn pregap(&self) -> u32 {
        self.first().abs_diff(self.start)
    }

    /// Whether `lba` is in the track, pregap included.
    #[must_use]
    pub fn contains(&self, lba: i32) -> bool {
        (self.first()..self.end()).contains(&lba)
    }

    /// The number of the index point that `lba` comes under.
    #[must_use]
    pub fn index_at(&self, lba: i32) -> u8 {
        self.indexes.iter().rev().find(|index| index.lba <= lba).map_or(0, |index| index.number)
    }
}

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// From 1.
    pub number: u16,
    /// In ascending order; empty in a session that was opened but has no track yet.
    pub tracks: Vec<Track>,
    /// First sector of the lead-out; in an open session, where it would begin if closed now.
    pub lead_out: i32,
    /// Whether the lead-in and lead-out are written.
    pub closed: bool,
}

impl Session {
    /// A closed session of `tracks`.
    #[must_use]
    pub fn closed(number: u16, tracks: Vec<Track>) -> Self {
        let lead_out = tracks.last().map_or(0, Track::end);
        Self { number, tracks, lead_out, closed: true }
    }
}
