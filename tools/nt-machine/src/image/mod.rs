//! Kernel-mode images: loading, and naming their addresses.

mod load;
mod pdb;
mod symbols;

use std::cell::RefCell;
use std::sync::Arc;

use crate::call;
use crate::memory::{self, Protection};
pub use load::{LoadError, load};
use symbols::Symbols;

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
    /// Bytes in memory, in whole pages.
    pub size: usize,
    /// Characteristics of the section header.
    pub characteristics: u32,
}

impl Section {
    /// Whether its memory may not be touched at DISPATCH_LEVEL.
    pub fn is_pageable(&self) -> bool {
        self.name.starts_with("PAGE")
    }

    /// Whether its memory is given back once the driver's entry point has returned.
    pub fn is_discardable(&self) -> bool {
        self.characteristics & object::pe::IMAGE_SCN_MEM_DISCARDABLE.0 != 0
    }

    fn protection(&self) -> Protection {
        let has = |flag: object::pe::SectionFlags| self.characteristics & flag.0 != 0;
        match (has(object::pe::IMAGE_SCN_MEM_EXECUTE), has(object::pe::IMAGE_SCN_MEM_WRITE)) {
            (true, true) => Protection::ReadWriteExecute,
            (true, false) => Protection::ReadExecute,
            (false, true) => Protection::ReadWrite,
            (false, false) => Protection::Read,
        }
    }
}

/// What the machine keeps of an image, after its end as well.
struct Known {
    name: String,
    path: String,
    base: usize,
    size: usize,
    /// The file, until its symbols are wanted.
    file: Vec<u8>,
    symbols: Option<Arc<Symbols>>,
    /// The function table: where it is and its number of entries.
    functions: (usize, usize),
    unloaded: bool,
}

thread_local! {
    static IMAGES: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn set_up() {
    drop(IMAGES.take());
}

pub(crate) fn tear_down() {
    drop(IMAGES.take());
}

/// Makes the sections that are only wanted during initialisation inaccessible, as the system does after a driver's
/// entry point has returned.
pub fn discard(image: &Image) {
    for section in image.sections.iter().filter(|section| section.is_discardable()) {
        memory::forget_paged(section.address);
        memory::protect_extent(section.address, section.size, Protection::None);
    }
}

/// Unloads an image; its address space stays inaccessible, and its addresses keep their names.
pub fn unload(image: Image) {
    for section in &image.sections {
        memory::forget_paged(section.address);
    }
    memory::protect_extent(image.base, image.size, Protection::None);
    IMAGES.with_borrow_mut(|images| {
        if let Some(known) = images.iter_mut().find(|known| known.base == image.base) {
            known.unloaded = true;
        }
    });
}

/// Names an address: `module!function+0x12 (file.rs:34)`.
pub fn symbolise(address: usize) -> String {
    name(address, address)
}

/// Names a return address: function and line are those of the call before it. A return address in the host is what a
/// driver's function leaves that ends by jumping to the kernel's.
pub(crate) fn symbolise_return(address: usize) -> String {
    if contains(address.saturating_sub(1)) {
        name(address, address.saturating_sub(1))
    } else {
        call::callback().map_or_else(|| "the host".to_owned(), |callback| format!("the end of {callback}"))
    }
}

fn name(address: usize, inside: usize) -> String {
    let named = IMAGES.with_borrow_mut(|images| {
        let known = images.iter_mut().find(|known| (known.base..known.base + known.size).contains(&inside))?;
        let offset = inside - known.base;
        let symbols = known.symbols();
        let named = symbols.name(offset);
        let unloaded = if known.unloaded { " (unloaded)" } else { "" };
        Some(match named {
            Some(named) => {
                let line = named.line.map(|(file, line)| format!(" ({file}:{line})")).unwrap_or_default();
                let from_start = address - known.base - named.start;
                format!("{}!{}+{from_start:#x}{line}{unloaded}", known.name, named.function)
            }
            None => format!("{}+{:#x}{unloaded}", known.name, address - known.base),
        })
    });
    named.unwrap_or_else(|| format!("{address:#x}"))
}

impl Known {
    fn symbols(&mut self) -> Arc<Symbols> {
        let file = std::mem::take(&mut self.file);
        Arc::clone(self.symbols.get_or_insert_with(|| symbols::of(&self.path, file)))
    }
}

/// Whether an address is in an image, loaded or unloaded. Signal handlers ask, too: while the list is being changed
/// the answer is no.
pub(crate) fn contains(address: usize) -> bool {
    IMAGES.with(|images| {
        let Ok(images) = images.try_borrow() else { return false };
        images.iter().any(|known| (known.base..known.base + known.size).contains(&address))
    })
}

/// The base and the function table, with its number of entries, of the loaded image that holds an address.
pub(crate) fn function_table(address: usize) -> Option<(usize, usize, usize)> {
    IMAGES.with_borrow(|images| {
        let known = images.iter().find(|known| (known.base..known.base + known.size).contains(&address))?;
        (!known.unloaded).then_some((known.base, known.functions.0, known.functions.1))
    })
}

/// Whether an address is in an image that was unloaded.
pub(crate) fn is_unloaded(address: usize) -> bool {
    IMAGES.with_borrow(|images| {
        images.iter().any(|known| known.unloaded && (known.base..known.base + known.size).contains(&address))
    })
}

/// The address of a function of the image, by its symbol.
pub fn function(image: &Image, name: &str) -> Option<usize> {
    IMAGES.with_borrow_mut(|images| {
        let known = images.iter_mut().find(|known| known.base == image.base)?;
        known.symbols().start_of(name).map(|offset| image.base + offset)
    })
}

#[cfg(test)]
mod tests;
