//! Kernel-mode images: loading and naming their addresses.

use std::path::PathBuf;

/// A loaded image.
#[derive(Debug)]
pub struct Image {
    /// Where it was loaded.
    pub base: usize,
    /// Bytes of address space.
    pub size: usize,
    /// The entry point.
    pub entry: usize,
    /// The file's path.
    pub path: String,
    /// Sections, in the file's order.
    pub sections: Vec<Section>,
}

/// A section of a loaded image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Where it was loaded.
    pub address: usize,
    /// Bytes in memory.
    pub size: usize,
    /// Characteristics from the section header.
    pub characteristics: u32,
}

/// Why an image can not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is no image for this machine.
    #[error("{path}: {text}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        text: String,
    },
}

pub(crate) fn set_up() {}
pub(crate) fn tear_down() {}

/// Loads an image: `resolve` gives the address for each imported module and name.
///
/// # Errors
/// When the file is no image for this machine.
pub fn load(file: &[u8], path: &str, resolve: &mut dyn FnMut(&str, &str) -> *const ()) -> Result<Image, LoadError> {
    let _ = (file, resolve);
    Err(LoadError::Format { path: path.into(), text: "images can not be loaded yet".to_owned() })
}

/// Names an address: `module!function+0x12 (file.rs:34)`.
pub fn symbolise(address: usize) -> String {
    format!("{address:#x}")
}

/// Whether an address is in a loaded image.
pub(crate) fn contains(address: usize) -> bool {
    let _ = address;
    false
}

/// Unloads an image; its address space stays inaccessible.
pub fn unload(image: Image) {
    drop(image);
}
