//! Discs: sessions, tracks, sectors, and what can be written to them.
//!
//! A [`Disc`] is what lies in the drive. Its sectors come from sources (an image file, a formula) read on demand, and
//! from an overlay that keeps what was written since; the source is never changed. Addresses are logical blocks;
//! negative ones are the first pregap.

pub mod cd_text;
mod dvd_bd;
pub mod generated;
mod layout;
mod media;
mod read;
pub mod sector;
mod source;
mod structures;
pub mod subchannel;
mod volume;
mod write;

use std::collections::BTreeMap;

use thiserror::Error;

pub(crate) use dvd_bd::add_structures;
pub use layout::{
    Extent, FIRST_LEAD_OUT, Index, LEAD_IN, NEXT_LEAD_OUT, PREGAP, Session, Track, TrackMode, control,
    next_session_start,
};
pub use media::{MediaFamily, MediaType, Recording};
pub use sector::SectorKind;
pub use source::{Formula, Memory, SectorForm, SectorSource};
pub use structures::{Aacs, Css, StructureKey, Structures};
pub use volume::Volume;
pub use write::WriteError;

/// Sense key, additional sense code and its qualifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenseCode {
    /// Sense key.
    pub key: u8,
    /// Additional sense code.
    pub asc: u8,
    /// Additional sense code qualifier.
    pub ascq: u8,
}

impl SenseCode {
    /// A code from its three parts.
    #[must_use]
    pub const fn new(key: u8, asc: u8, ascq: u8) -> Self {
        Self { key, asc, ascq }
    }
}

/// The disc status of READ DISC INFORMATION.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiscState {
    /// Nothing is recorded.
    Blank,
    /// Recorded, and more can be appended.
    Appendable,
    /// Nothing can be appended; overwritable media in use are complete too.
    Complete,
}

/// How the layers of a DVD or BD follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layers {
    /// One or two.
    pub count: u8,
    /// The last block of layer 0.
    pub first_end: u32,
    /// Whether the second layer runs back from the rim (opposite track path).
    pub opposite: bool,
}

/// A disc.
#[derive(Clone, Debug)]
pub struct Disc {
    /// The kind of medium.
    pub media: MediaType,
    /// Whether and how it is recorded.
    pub state: DiscState,
    /// Sessions in ascending order.
    pub sessions: Vec<Session>,
    /// Disc type of the TOC, point A0: 0x00 CD-DA or CD-ROM, 0x10 CD-i, 0x20 CD-ROM XA.
    pub disc_type: u8,
    /// Media catalogue number, 13 digits.
    pub catalog: Option<[u8; 13]>,
    /// CD-TEXT packs of 18 bytes each, as in the lead-in.
    pub cd_text: Option<Vec<u8>>,
    /// Layers of a DVD or BD.
    pub layers: Option<Layers>,
    /// DVD and BD structures.
    pub structures: Structures,
    /// Content scrambling, when the disc is protected by it.
    pub css: Option<Css>,
    /// AACS, when the disc is protected by it.
    pub aacs: Option<Aacs>,
    /// Blocks from 0 that the medium has room for; the recorded size on pressed discs.
    pub capacity: u32,
    /// Whether an overwritable medium is formatted.
    pub formatted: bool,
    defects: BTreeMap<i32, SenseCode>,
    overlay: BTreeMap<i32, (SectorForm, Vec<u8>)>,
}

/// Why a sector cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The sector is marked as defective.
    #[error("block {lba} is defective")]
    Defect {
        /// The sector.
        lba: i32,
        /// What the drive says of it.
        sense: SenseCode,
    },
    /// The address is not in a track.
    #[error("block {0} is outside all tracks")]
    OutOfRange(i32),
    /// The address is in a track but nothing was written there.
    #[error("block {0} is not recorded")]
    Blank(i32),
    /// The sector has no 2048 bytes of user data: audio, or Mode 2 other than Form 1.
    #[error("block {0} is not of a mode with 2048 bytes of user data")]
    WrongMode(i32),
    /// The image file failed.
    #[error("block {lba}: {message}")]
    Image {
        /// The sector.
        lba: i32,
        /// What the system said.
        message: String,
    },
}

impl ReadError {
    /// The sense a drive gives for it.
    #[must_use]
    pub const fn sense(&self) -> SenseCode {
        match self {
            Self::Defect { sense, .. } => *sense,
            Self::OutOfRange(_) => SenseCode::new(0x05, 0x21, 0x00),
            Self::Blank(_) => SenseCode::new(0x08, 0x00, 0x00),
            Self::WrongMode(_) => SenseCode::new(0x05, 0x64, 0x00),
            Self::Image { .. } => SenseCode::new(0x04, 0x44, 0x00),
        }
    }
}

impl Disc {
    /// A pressed or complete disc of `sessions`.
    #[must_use]
    pub fn complete(media: MediaType, sessions: Vec<Session>) -> Self {
        let capacity = sessions.last().map_or(0, |session| u32::try_from(session.lead_out).unwrap_or(0));
        let formatted = media.recording() == Recording::RandomOverwrite;
        Self { state: DiscState::Complete, sessions, formatted, ..Self::blank_medium(media, capacity) }
    }

    /// A blank, unformatted medium with room for `capacity` blocks.
    #[must_use]
    pub const fn blank_medium(media: MediaType, capacity: u32) -> Self {
        Self {
            media,
            state: DiscState::Blank,
            sessions: Vec::new(),
            disc_type: 0,
            catalog: None,
            cd_text: None,
            layers: None,
            structures: Structures::new(),
            css: None,
            aacs: None,
            capacity,
            formatted: false,
            defects: BTreeMap::new(),
            overlay: BTreeMap::new(),
        }
    }

    /// All tracks in ascending order.
    pub fn tracks(&self) -> impl DoubleEndedIterator<Item = &Track> {
        self.sessions.iter().flat_map(|session| &session.tracks)
    }

    /// The track with this number.
    #[must_use]
    pub fn track(&self, number: u16) -> Option<&Track> {
        self.tracks().find(|track| track.number == number)
    }

    /// The track that `lba` is in, pregap included.
    #[must_use]
    pub fn track_at(&self, lba: i32) -> Option<&Track> {
        self.tracks().find(|track| track.contains(lba))
    }

    /// The session with this number.
    #[must_use]
    pub fn session(&self, number: u16) -> Option<&Session> {
        self.sessions.iter().find(|session| session.number == number)
    }

    /// Marks `lba` as defective: reading it gives `sense`.
    pub fn add_defect(&mut self, lba: i32, sense: SenseCode) {
        self.defects.insert(lba, sense);
    }

    /// The sense of a defective sector.
    #[must_use]
    pub fn defect_at(&self, lba: i32) -> Option<SenseCode> {
        self.defects.get(&lba).copied()
    }
}
