//! Disc images: ISO files, single files of raw sectors, and CUE sheets with their files.
//!
//! Sectors are read from the files when they are asked for; nothing is loaded beforehand, and nothing is ever written.

pub mod cue;
mod error;
mod file;
mod iso;
mod wave;

use std::path::Path;

use crate::disc::Disc;

pub use error::{ImageError, Problem};

/// Opens the disc image at `path`: a CUE sheet when the name ends in `.cue`, else a file of sectors.
///
/// A file of 2048-byte blocks is a CD, DVD or BD by its size; raw CD sectors are known by their sync pattern.
///
/// # Errors
/// [`ImageError`] names the file and line and says what to do.
pub fn open(path: &Path) -> Result<Disc, ImageError> {
    let is_cue = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("cue"));
    if is_cue { cue::open(path) } else { iso::open(path) }
}
