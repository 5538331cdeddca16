//! Disc images: ISO files, single files of raw sectors, and CUE sheets with their files.
//!
//! Sectors are read from the files when they are asked for; nothing is loaded beforehand, and nothing is ever written.

pub mod cue;
mod error;
mod file;
mod iso;
mod wave;

use std::path::Path;

use crate::disc::{Disc, generated};
use crate::nearest::hint;

pub use error::{ImageError, Problem};

/// What a name of a generated disc begins with.
const GENERATED: &str = "sim:";

/// Other image formats by the ends of their names, and how to get from them to one that is read here.
const OTHER_FORMATS: &[(&str, &str)] = &[
    ("toc", "convert it with toc2cue of cdrdao"),
    ("ccd", "its .img file can be opened, or described by a .cue sheet"),
    ("sub", "open the .img or .bin file beside it"),
    ("mds", "convert it to .iso or .bin and .cue"),
    ("mdf", "convert it to .iso with mdf2iso or iat"),
    ("nrg", "convert it to .iso with nrg2iso or iat"),
    ("chd", "convert it with chdman extractcd"),
    ("cdi", "convert it to .bin and .cue"),
];

/// Opens a disc: `sim:NAME` for one of [`generated::list`], else the image at this path.
///
/// A name that ends in `.cue` is a CUE sheet, any other a file of sectors. A file of 2048-byte blocks is a CD, DVD or
/// BD by its size; raw CD sectors are known by their sync pattern.
///
/// # Errors
/// [`ImageError`] names the file and line and says what to do.
pub fn open(path: &Path) -> Result<Disc, ImageError> {
    if let Some(name) = path.to_str().and_then(|text| text.strip_prefix(GENERATED)) {
        return generated::by_name(name).ok_or_else(|| {
            let known = generated::list();
            let hint = hint(name, known.iter().map(|(known, _)| *known));
            ImageError::new(path, Problem::UnknownDisc { hint })
        });
    }
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
    if let Some((_, advice)) = OTHER_FORMATS.iter().find(|(other, _)| *other == extension) {
        return Err(ImageError::new(path, Problem::OtherFormat { extension, advice }));
    }
    if extension == "cue" { cue::open(path) } else { iso::open(path) }
}
