//! A driver image: what its headers say, its sections, imports and places, and the two header fields that the linker
//! leaves for later.

use anyhow::{Context, Result, anyhow};
use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders, ImageThunkData, Import, PeFile64};

/// The parts of the file that the checks and the figures need.
#[derive(Debug)]
pub struct Image {
    /// Which processor, as the header has it.
    pub machine: pe::Machine,
    /// Header flags of the file.
    pub characteristics: pe::FileFlags,
    /// Header flags for the loader.
    pub dll_characteristics: pe::DllFlags,
    /// Which subsystem it is for.
    pub subsystem: pe::Subsystem,
    /// The oldest system that loads it.
    pub subsystem_version: (u16, u16),
    /// Where it begins.
    pub entry: u32,
    /// Where it would like to be loaded.
    pub base: u64,
    /// In the order of their addresses.
    pub sections: Vec<Section>,
    /// What it takes from others.
    pub imports: Vec<ImportedSymbol>,
    /// Address and size of each data directory.
    pub directories: Vec<(u32, u32)>,
    /// The checksum it claims, and the one it has.
    pub checksum: (u32, u32),
    /// Addresses of the words that hold an address.
    pub relocations: Vec<u32>,
    /// Whether there is a version among its resources.
    pub has_version: bool,
}

/// One section.
#[derive(Debug)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Its flags.
    pub characteristics: pe::SectionFlags,
    /// Where it begins, from the image's base.
    pub address: u32,
    /// How many bytes of memory it has.
    pub size: u32,
    /// Its bytes, as far as the file has them.
    pub data: Vec<u8>,
}

impl Section {
    /// Whether all of `flags` are set.
    pub fn is(&self, flags: pe::SectionFlags) -> bool {
        self.characteristics.0 & flags.0 == flags.0
    }

    /// Whether it holds the address.
    pub fn holds(&self, address: u32) -> bool {
        (self.address..self.address + self.size).contains(&address)
    }
}

/// One imported function.
#[derive(Debug, PartialEq, Eq)]
pub struct ImportedSymbol {
    /// The module it comes from.
    pub module: String,
    /// Its name, or its number.
    pub name: String,
    /// Where the loader puts its address.
    pub slot: u32,
}

impl Image {
    /// Takes a file apart.
    pub fn parse(file: &[u8]) -> Result<Self> {
        let parsed = PeFile64::parse(file).map_err(|error| anyhow!("this is no 64-bit PE image: {error}"))?;
        let headers = parsed.nt_headers();
        let optional = headers.optional_header();
        let header = headers.file_header();
        let sections = parsed
            .section_table()
            .iter()
            .map(|section| {
                let mut data = section.pe_data(file).map_err(|error| anyhow!("{error}"))?.to_vec();
                let size = section.virtual_size.get(LE);
                data.truncate(size as usize);
                Ok(Section {
                    name: String::from_utf8_lossy(section.raw_name()).into_owned(),
                    characteristics: section.characteristics.get(LE),
                    address: section.virtual_address.get(LE),
                    size,
                    data,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let directories = parsed.data_directories().iter().map(|entry| entry.address_range());
        Ok(Self {
            machine: header.machine.get(LE),
            characteristics: header.characteristics.get(LE),
            dll_characteristics: optional.dll_characteristics.get(LE),
            subsystem: optional.subsystem.get(LE),
            subsystem_version: (optional.major_subsystem_version.get(LE), optional.minor_subsystem_version.get(LE)),
            entry: optional.address_of_entry_point.get(LE),
            base: optional.image_base.get(LE),
            imports: imports(&parsed).map_err(|error| anyhow!("its imports: {error}"))?,
            relocations: relocations(&parsed, file).map_err(|error| anyhow!("its relocations: {error}"))?,
            has_version: has_version(&parsed, file).map_err(|error| anyhow!("its resources: {error}"))?,
            directories: directories.collect(),
            checksum: (optional.check_sum.get(LE), checksum(file)?),
            sections,
        })
    }

    /// The section that holds an address.
    pub fn section_at(&self, address: u32) -> Option<&Section> {
        self.sections.iter().find(|section| section.holds(address))
    }

    /// The bytes from an address to the end of its section.
    pub fn bytes_at(&self, address: u32) -> Option<&[u8]> {
        let section = self.section_at(address)?;
        section.data.get((address - section.address) as usize..)
    }

    /// Address and size of a data directory; nothing if it is empty.
    pub fn directory(&self, index: usize) -> Option<(u32, u32)> {
        self.directories.get(index).copied().filter(|(_, size)| *size != 0)
    }
}

fn imports(file: &PeFile64<'_>) -> object::Result<Vec<ImportedSymbol>> {
    let mut found = Vec::new();
    let Some(table) = file.import_table()? else { return Ok(found) };
    let mut descriptors = table.descriptors()?;
    while let Some(descriptor) = descriptors.next()? {
        let module = String::from_utf8_lossy(table.name(descriptor.name.get(LE))?).into_owned();
        let mut thunks = table.thunks(descriptor.original_first_thunk.get(LE))?;
        let mut slot = descriptor.first_thunk.get(LE);
        while let Some(thunk) = thunks.next::<pe::ImageNtHeaders64>()? {
            let name = match table.import::<pe::ImageNtHeaders64>(thunk)? {
                Import::Name(_, name) => String::from_utf8_lossy(name).into_owned(),
                Import::Ordinal(number) => format!("#{number}"),
            };
            found.push(ImportedSymbol { module: module.clone(), name, slot });
            slot += size_of_val(&thunk.raw()) as u32;
        }
    }
    Ok(found)
}

fn relocations(file: &PeFile64<'_>, data: &[u8]) -> object::Result<Vec<u32>> {
    let mut found = Vec::new();
    let Some(mut blocks) = file.data_directories().relocation_blocks(data, &file.section_table())? else {
        return Ok(found);
    };
    while let Some(block) = blocks.next()? {
        found.extend(block.filter(|place| place.typ == pe::IMAGE_REL_BASED_DIR64).map(|place| place.virtual_address));
    }
    Ok(found)
}

fn has_version(file: &PeFile64<'_>, data: &[u8]) -> object::Result<bool> {
    let Some(resources) = file.data_directories().resource_directory(data, &file.section_table())? else {
        return Ok(false);
    };
    Ok(resources.root()?.entries.iter().any(|entry| entry.name_or_id().id() == Some(pe::RT_VERSION)))
}

/// Where the optional header begins.
fn optional_header(file: &[u8]) -> Result<usize> {
    const LFANEW: usize = 0x3C;
    const FILE_HEADER: usize = 24;
    let at = file.get(LFANEW..LFANEW + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    Ok(at.context("the file is too short")? as usize + FILE_HEADER)
}

/// The sum that the loader of boot drivers compares: 16-bit words with carry, the field itself left out, and the length.
pub fn checksum(file: &[u8]) -> Result<u32> {
    let field = optional_header(file)? + 64;
    let mut sum = 0_u32;
    for (index, word) in file.chunks(2).enumerate() {
        if (field..field + 4).contains(&(index * 2)) {
            continue;
        }
        sum += u32::from(u16::from_le_bytes([word[0], word.get(1).copied().unwrap_or(0)]));
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    Ok(sum + file.len() as u32)
}

/// Makes a driver of what the linker made as a library: it is none, and its checksum is set.
pub fn finish(file: &mut [u8]) -> Result<()> {
    let optional = optional_header(file)?;
    let field = optional - 2;
    let flags = file.get(field..optional).and_then(|bytes| bytes.try_into().ok()).map(u16::from_le_bytes);
    let flags = flags.context("the file is too short")? & !pe::IMAGE_FILE_DLL.0;
    file[field..optional].copy_from_slice(&flags.to_le_bytes());
    let sum = checksum(file)?;
    file.get_mut(optional + 64..optional + 68).context("the file is too short")?.copy_from_slice(&sum.to_le_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least that has a checksum: where the headers are, and the headers.
    fn header() -> Vec<u8> {
        let mut file = vec![0; 0x40 + 24 + 112];
        file[0x3C] = 0x40;
        file
    }

    #[test]
    fn the_checksum_is_words_with_carry_and_the_length() {
        let mut file = header();
        let length = file.len() as u32;
        assert_eq!(checksum(&file).expect("a header"), 0x40 + length);
        let field = 0x40 + 24 + 64;
        file[field..field + 4].fill(0xFF);
        assert_eq!(checksum(&file).expect("a header"), 0x40 + length, "the field itself does not count");
        file.extend([0xFF, 0xFF, 0x01]);
        assert_eq!(checksum(&file).expect("a header"), 0x41 + length + 3, "0xFFFF + 0x40 + 1 carries");
    }

    #[test]
    fn finishing_makes_no_library_of_it_and_sets_the_checksum() {
        let mut file = header();
        file[0x40 + 22..0x40 + 24].copy_from_slice(&0x2022_u16.to_le_bytes());
        finish(&mut file).expect("a header");
        assert_eq!(file[0x40 + 22..0x40 + 24], 0x0022_u16.to_le_bytes());
        let field = 0x40 + 24 + 64;
        assert_eq!(file[field..field + 4], checksum(&file).expect("a header").to_le_bytes());
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        for length in [0, 0x3F, 0x41, 0x60] {
            let mut file = header();
            file.truncate(length);
            assert!(finish(&mut file).is_err(), "{length} bytes");
            assert!(Image::parse(&file).is_err(), "{length} bytes");
        }
    }
}
