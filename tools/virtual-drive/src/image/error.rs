//! What can be wrong with an image, said with the file, the line and what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// An image that cannot be opened.
#[derive(Debug)]
pub struct ImageError {
    /// The file that the problem is in.
    pub path: PathBuf,
    /// The line in a text file, from 1.
    pub line: Option<usize>,
    /// The problem.
    pub problem: Problem,
}

impl ImageError {
    pub(super) fn new(path: &Path, problem: Problem) -> Self {
        Self { path: path.to_path_buf(), line: None, problem }
    }

    pub(super) fn at(path: &Path, line: usize, problem: Problem) -> Self {
        Self { path: path.to_path_buf(), line: Some(line), problem }
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for ImageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// A problem of an image.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The system refused.
    #[error("{0}")]
    Io(io::Error),
    /// No generated disc has this name.
    #[error("there is no such generated disc{hint}")]
    UnknownDisc {
        /// Names that look alike.
        hint: String,
    },
    /// An image format that is not read.
    #[error(".{extension} files are not read here; {advice}")]
    OtherFormat {
        /// The end of the name.
        extension: String,
        /// What can be done instead.
        advice: &'static str,
    },
    /// The file holds nothing.
    #[error("the file is empty; an image needs at least one sector")]
    Empty,
    /// Neither an ISO file, nor raw sectors, nor a CUE sheet.
    #[error("cannot tell what this is: no file system and no raw data sectors; give the .cue sheet, or name it .iso")]
    UnknownContent,
    /// The size is no multiple of the sector size.
    #[error(
        "{bytes} bytes are not a whole number of {sector}-byte sectors ({} missing from the last); copy or download it again",
        missing(*bytes, *sector)
    )]
    PartialSector {
        /// Bytes in the file.
        bytes: u64,
        /// Bytes of a sector.
        sector: u64,
    },
    /// More sectors than a disc can have.
    #[error("{0} sectors are more than a disc can have")]
    TooManySectors(u64),
    /// A quoted word does not end.
    #[error("the quotation mark is not closed; add \" at the end of the name")]
    OpenQuote,
    /// A word that begins no known line.
    #[error("unknown keyword {0}; a CUE sheet has {known}", known = super::cue::KEYWORDS)]
    UnknownKeyword(String),
    /// A keyword with too few or too many words after it.
    #[error("{keyword} needs {form}")]
    WrongForm {
        /// The keyword.
        keyword: &'static str,
        /// What has to follow it.
        form: &'static str,
    },
    /// A word that is none of those allowed.
    #[error("{keyword} does not know {found}; use {allowed}")]
    UnknownOption {
        /// The keyword.
        keyword: &'static str,
        /// The word.
        found: String,
        /// The words that are allowed.
        allowed: &'static str,
    },
    /// A keyword that belongs elsewhere.
    #[error("{keyword} must come {place}")]
    Misplaced {
        /// The keyword.
        keyword: &'static str,
        /// Where it belongs.
        place: &'static str,
    },
    /// A number that does not follow the one before.
    #[error("{keyword} {found:02} is out of order; {expected} is expected here")]
    OutOfOrder {
        /// The keyword.
        keyword: &'static str,
        /// The number that was found.
        found: u16,
        /// What was expected.
        expected: String,
    },
    /// A time that is before the one of the INDEX before.
    #[error(
        "INDEX time {found} is out of order; it must be after {previous}, the time of the INDEX before it in this file"
    )]
    TimeOutOfOrder {
        /// The time.
        found: String,
        /// The time before.
        previous: String,
    },
    /// The first INDEX of a file is not at its beginning.
    #[error("the first INDEX of a file must be 00:00:00, not {0}; give what comes before it as INDEX 00")]
    FirstIndexNotZero(String),
    /// A track without INDEX 01.
    #[error("TRACK {0:02} has no INDEX 01; add one, it says where the track begins")]
    NoIndex(u16),
    /// A sheet without tracks.
    #[error("there is no TRACK; add at least one FILE with a TRACK and its INDEX 01")]
    NoTracks,
    /// A FILE that no track uses.
    #[error("no INDEX uses FILE \"{0}\"; remove the line or add the TRACK")]
    UnusedFile(String),
    /// A named file is not there.
    #[error("\"{name}\" is not in {}; put the file there or correct {keyword}", directory.display())]
    MissingFile {
        /// The keyword.
        keyword: &'static str,
        /// The name in the sheet.
        name: String,
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// A named file is shorter than the sheet says.
    #[error(
        "\"{name}\" has {present} bytes and this sheet needs at least {needed}; the file is cut short, copy it again"
    )]
    Truncated {
        /// The name in the sheet.
        name: String,
        /// Bytes in the file.
        present: u64,
        /// Bytes that the sheet needs.
        needed: u64,
    },
    /// A named file ends inside a sector.
    #[error(
        "\"{name}\" has {present} bytes and ends inside a sector of {sector}; {needed} are needed: the file is cut short or the TRACK mode is wrong"
    )]
    EndsInSector {
        /// The name in the sheet.
        name: String,
        /// Bytes in the file.
        present: u64,
        /// Bytes that whole sectors would make.
        needed: u64,
        /// Bytes of a sector.
        sector: u64,
    },
    /// A WAVE file that is no CD audio.
    #[error("\"{name}\" cannot be used as a WAVE file: {reason}; it must be PCM, 2 channels, 16 bits, 44100 Hz")]
    Wave {
        /// The name in the sheet.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A WAVE file with a data track.
    #[error("TRACK {0:02} is a data track but its FILE is WAVE; use BINARY")]
    WaveWithData(u16),
    /// A CD-TEXT file that is not made of packs.
    #[error("\"{name}\" has {bytes} bytes and is no CD-TEXT file; it must be packs of 18 bytes")]
    CdTextFile {
        /// The name in the sheet.
        name: String,
        /// Bytes in the file.
        bytes: usize,
    },
    /// More text than CD-TEXT can hold.
    #[error("the texts do not fit in the 253 packs of CD-TEXT; shorten TITLE, PERFORMER and the like")]
    CdTextTooLong,
    /// The tracks end beyond the last address of a CD.
    #[error("the tracks end at sector {0}, beyond the last of a CD (449849, 99:59:74)")]
    TooLong(i64),
}

const fn missing(bytes: u64, sector: u64) -> u64 {
    match bytes % sector {
        0 => 0,
        rest => sector - rest,
    }
}
