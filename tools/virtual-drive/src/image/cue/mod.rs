//! CUE sheets (CDRWIN) with their binary and WAVE files.
//!
//! The parser is our own: the crates looked at (`cuna`, `rcue`) keep neither the sessions nor the line of each
//! statement, which the messages need.

mod layout;
mod sheet;

use std::fs;
use std::path::Path;

use super::error::{ImageError, Problem};
use crate::disc::Disc;

pub use sheet::{FileEntry, FileKind, IndexEntry, KEYWORDS, Sheet, TrackEntry, parse};

/// Opens the sheet at `path` and the files it names.
///
/// Times are positions in their file. Sector 0 of the first file is block 0 of the disc: the first pregap of 150
/// sectors is never in a file. A later session begins at the distance that lead-out, lead-in and pregap have on a disc;
/// a pregap that its first track has in the file or by PREGAP counts for the 150.
///
/// # Errors
/// [`ImageError`] names the file and line and says what to do.
pub fn open(path: &Path) -> Result<Disc, ImageError> {
    let bytes = fs::read(path).map_err(|error| ImageError::new(path, Problem::Io(error)))?;
    layout::build(path, &parse(path, &decode(&bytes))?)
}

/// UTF-16 with a byte order mark, UTF-8, else ISO 8859-1.
fn decode(bytes: &[u8]) -> String {
    let utf_16 = |order: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks_exact(2).map(move |unit| order([unit[0], unit[1]]));
        char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match bytes {
        [0xFF, 0xFE, ..] => return utf_16(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => return utf_16(u16::from_be_bytes),
        _ => {}
    }
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect(), str::to_owned)
}
