//! Loading an image: sections, relocations, imports, the load configuration's promises.

use std::path::Path;

use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders as _, ImageOptionalHeader as _, ImageThunkData as _, Import, PeFile64};

use super::{IMAGES, Image, Known, Section};
use crate::memory::{self, PAGE, Protection};
use crate::random;
use crate::unwind::RuntimeFunction;

/// Why an image can not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is no image, or a damaged one.
    #[error("the file is no PE image, or a damaged one")]
    Format(#[from] object::read::Error),
    /// The image is for another machine, or needs what drivers do not have.
    #[error("the image {0}")]
    Unsupported(String),
    /// An import has no name.
    #[error("the image imports ordinal {ordinal} of {module}")]
    Ordinal {
        /// The module.
        module: String,
        /// The ordinal.
        ordinal: u16,
    },
    /// An import was resolved to nothing.
    #[error("the image imports {module}!{name}, which nobody provides")]
    Unresolved {
        /// The module.
        module: String,
        /// The function.
        name: String,
    },
}

/// Bytes of the largest image that is believed.
const LARGEST: usize = 256 << 20;

/// Loads an image: `resolve` gives the address for each imported module and name; null fails the load.
///
/// # Errors
/// When the file is no image for this machine or an import is not resolved.
pub fn load(file: &[u8], path: &str, resolve: &mut dyn FnMut(&str, &str) -> *const ()) -> Result<Image, LoadError> {
    let parsed = PeFile64::parse(file)?;
    check(&parsed)?;
    let optional = parsed.nt_headers().optional_header();
    let size = (optional.size_of_image() as usize).next_multiple_of(PAGE);
    if !(PAGE..=LARGEST).contains(&size) {
        return Err(LoadError::Unsupported(format!("claims a size of {size} bytes")));
    }
    let name = Path::new(path).file_stem().map_or_else(|| path.into(), |stem| stem.to_string_lossy());
    let base = memory::reserve(&name, size);
    memory::protect_extent(base, size, Protection::ReadWrite);
    let mut mapped = Mapped { base, size };

    let headers = file.get(..optional.size_of_headers() as usize).unwrap_or(file);
    mapped.write(0, headers)?;
    let mut sections = Vec::new();
    for section in parsed.section_table().iter() {
        let start = section.virtual_address.get(LE) as usize;
        let data = section.pe_data(file)?;
        let in_memory = (section.virtual_size.get(LE) as usize).max(data.len());
        mapped.write(start, data)?;
        let in_memory = in_memory.next_multiple_of(PAGE);
        mapped.range(start, in_memory)?;
        if !start.is_multiple_of(PAGE) {
            return Err(LoadError::Unsupported(format!("has a section at {start:#x}, within a page")));
        }
        let name = String::from_utf8_lossy(section.raw_name()).into_owned();
        let characteristics = section.characteristics.get(LE).0;
        sections.push(Section { name, address: base + start, size: in_memory, characteristics });
    }

    relocate(&parsed, file, &mut mapped)?;
    bind(&parsed, &mut mapped, resolve)?;
    configure(&parsed, &mut mapped)?;

    memory::protect_extent(base, size, Protection::Read);
    for section in sections.iter().filter(|section| section.size != 0) {
        let protection = section.protection();
        memory::protect_extent(section.address, section.size, protection);
        if section.is_pageable() {
            memory::add_paged(section.address, section.size, protection);
        }
    }
    let known = Known {
        name: name.into_owned(),
        path: path.to_owned(),
        base,
        size,
        file: file.to_vec(),
        symbols: None,
        functions: function_table(&parsed, &mapped)?,
        unloaded: false,
    };
    IMAGES.with_borrow_mut(|images| images.push(known));
    let entry = base + optional.address_of_entry_point() as usize;
    Ok(Image { base, size, entry, path: path.to_owned(), sections })
}

fn check(parsed: &PeFile64<'_>) -> Result<(), LoadError> {
    let unsupported = |text: &str| Err(LoadError::Unsupported(text.to_owned()));
    let headers = parsed.nt_headers();
    if headers.file_header().machine.get(LE) != pe::IMAGE_FILE_MACHINE_AMD64 {
        return unsupported("is not for x86-64");
    }
    if headers.file_header().characteristics.get(LE).0 & pe::IMAGE_FILE_RELOCS_STRIPPED.0 != 0 {
        return unsupported("has no relocations");
    }
    if (headers.optional_header().section_alignment() as usize) < PAGE {
        return unsupported("has sections that share pages");
    }
    for (index, what) in [
        (pe::IMAGE_DIRECTORY_ENTRY_TLS, "thread-local storage"),
        (pe::IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT, "delayed imports"),
    ] {
        if parsed.data_directory(index).is_some() {
            return Err(LoadError::Unsupported(format!("has {what}")));
        }
    }
    Ok(())
}

/// The image's memory while it is being filled.
struct Mapped {
    base: usize,
    size: usize,
}

impl Mapped {
    fn range(&self, offset: usize, size: usize) -> Result<usize, LoadError> {
        let inside = offset.checked_add(size).is_some_and(|end| end <= self.size);
        let outside = || LoadError::Unsupported(format!("refers to offset {offset:#x}, which is outside of it"));
        inside.then_some(self.base + offset).ok_or_else(outside)
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), LoadError> {
        let address = self.range(offset, bytes.len())?;
        // SAFETY: the range is in the image's own pages, writable while it is loaded; `bytes` is not among them.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), address as *mut u8, bytes.len()) };
        Ok(())
    }

    fn read(&self, offset: usize) -> Result<u64, LoadError> {
        let address = self.range(offset, 8)?;
        // SAFETY: the range is in the image's own pages; any bytes are a number.
        Ok(unsafe { (address as *const u64).read_unaligned() })
    }

    fn write_address(&mut self, offset: usize, address: usize) -> Result<(), LoadError> {
        self.write(offset, &address.to_le_bytes())
    }
}

/// Adds the distance between the preferred and the real base to every address in the image.
fn relocate(parsed: &PeFile64<'_>, file: &[u8], mapped: &mut Mapped) -> Result<(), LoadError> {
    let delta = (mapped.base as u64).wrapping_sub(parsed.nt_headers().optional_header().image_base());
    let Some(mut blocks) = parsed.data_directories().relocation_blocks(file, &parsed.section_table())? else {
        return Ok(());
    };
    while let Some(block) = blocks.next()? {
        for relocation in block {
            match relocation.typ {
                pe::IMAGE_REL_BASED_ABSOLUTE => {}
                pe::IMAGE_REL_BASED_DIR64 => {
                    let offset = relocation.virtual_address as usize;
                    let address = mapped.read(offset)?.wrapping_add(delta);
                    mapped.write(offset, &address.to_le_bytes())?;
                }
                other => return Err(LoadError::Unsupported(format!("has a relocation of type {other:?}"))),
            }
        }
    }
    Ok(())
}

/// Fills the import address table.
fn bind(
    parsed: &PeFile64<'_>,
    mapped: &mut Mapped,
    resolve: &mut dyn FnMut(&str, &str) -> *const (),
) -> Result<(), LoadError> {
    let Some(table) = parsed.import_table()? else { return Ok(()) };
    let mut descriptors = table.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let module = String::from_utf8_lossy(table.name(descriptor.name.get(LE))?).into_owned();
        let addresses = descriptor.first_thunk.get(LE);
        let names = match descriptor.original_first_thunk.get(LE) {
            0 => addresses,
            names => names,
        };
        let mut names = table.thunks(names)?;
        let mut slot = addresses as usize;
        while let Some(thunk) = names.next::<pe::ImageNtHeaders64>()? {
            if thunk.is_ordinal() {
                return Err(LoadError::Ordinal { module, ordinal: thunk.ordinal() });
            }
            if let Import::Name(_, name) = table.import::<pe::ImageNtHeaders64>(thunk)? {
                let name = String::from_utf8_lossy(name);
                let address = resolve(&module, &name);
                if address.is_null() {
                    return Err(LoadError::Unresolved { module, name: name.into_owned() });
                }
                mapped.write_address(slot, address as usize)?;
            }
            slot += 8;
        }
    }
    Ok(())
}

/// Where the function table is in memory, and how many entries it has.
fn function_table(parsed: &PeFile64<'_>, mapped: &Mapped) -> Result<(usize, usize), LoadError> {
    let Some(directory) = parsed.data_directory(pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION) else { return Ok((0, 0)) };
    let (start, size) = directory.address_range();
    Ok((mapped.range(start as usize, size as usize)?, size as usize / size_of::<RuntimeFunction>()))
}

/// Offsets in the load configuration that the loader has to serve.
mod configuration {
    pub const SECURITY_COOKIE: u32 = 0x58;
    pub const GUARD_CHECK: u32 = 0x70;
    pub const GUARD_DISPATCH: u32 = 0x78;
}

/// `ret`, for the pointer of control flow guard that checks a target.
const GUARD_CHECK: &[u8] = &[0xC3];
/// `jmp rax`, for the pointer that checks and calls.
const GUARD_DISPATCH: &[u8] = &[0xFF, 0xE0];

/// Seeds the stack cookie and lets control flow guard pass everything.
fn configure(parsed: &PeFile64<'_>, mapped: &mut Mapped) -> Result<(), LoadError> {
    let Some(directory) = parsed.data_directory(pe::IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG) else { return Ok(()) };
    let start = directory.virtual_address.get(LE);
    let size = mapped.read(start as usize)? as u32;
    let base = mapped.base;
    // After relocation the fields are addresses in this image.
    let field = |mapped: &Mapped, offset: u32| -> Result<Option<usize>, LoadError> {
        if offset + 8 > size {
            return Ok(None);
        }
        let address = mapped.read((start + offset) as usize)? as usize;
        Ok(address.checked_sub(base).filter(|_| address != 0))
    };
    if let Some(cookie) = field(mapped, configuration::SECURITY_COOKIE)? {
        // Its upper 16 bits are zero, which stops string functions from copying it.
        mapped.write(cookie, &((random::next() >> 16) | 1).to_le_bytes())?;
    }
    for (offset, code) in [(configuration::GUARD_CHECK, GUARD_CHECK), (configuration::GUARD_DISPATCH, GUARD_DISPATCH)] {
        if let Some(pointer) = field(mapped, offset)? {
            mapped.write_address(pointer, memory::code("control flow guard", code))?;
        }
    }
    Ok(())
}
