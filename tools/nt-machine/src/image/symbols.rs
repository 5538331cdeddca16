//! Names of an image's addresses, from its PDB or from the symbols inside it.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use object::LittleEndian as LE;
use object::read::coff::Symbol as _;
use object::read::pe::{ImageNtHeaders as _, PeFile64};
use object::{Object as _, pe};

use super::pdb;

/// A function: offset in the image, bytes (0: up to the next one), name.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) start: usize,
    pub(super) size: usize,
    pub(super) name: String,
}

/// Code of one source line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) start: usize,
    /// Index into the files.
    pub(super) file: usize,
    pub(super) line: u32,
}

/// What is known of an image.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    /// Sorted by start.
    pub(super) functions: Vec<Function>,
    /// Sorted by start.
    pub(super) lines: Vec<Line>,
    pub(super) files: Vec<String>,
    /// Where sections start, in order: no function goes on from one to the next.
    sections: Vec<usize>,
}

/// A named offset.
pub(super) struct Named<'a> {
    pub(super) function: &'a str,
    pub(super) start: usize,
    pub(super) line: Option<(&'a str, u32)>,
}

impl Symbols {
    pub(super) fn sort(&mut self) {
        self.functions.sort_by_key(|function| function.start);
        self.lines.sort_by_key(|line| line.start);
        self.sections.sort_unstable();
    }

    pub(super) fn name(&self, offset: usize) -> Option<Named<'_>> {
        let index = self.functions.partition_point(|function| function.start <= offset).checked_sub(1)?;
        let function = &self.functions[index];
        let section = |offset| self.sections.partition_point(|&start| start <= offset);
        let ended = function.size != 0 && offset >= function.start + function.size;
        if ended || section(function.start) != section(offset) {
            return None;
        }
        let line =
            self.lines.partition_point(|line| line.start <= offset).checked_sub(1).map(|index| self.lines[index]);
        let line = line.filter(|line| line.start >= function.start);
        let line = line.and_then(|line| Some((self.files.get(line.file)?.as_str(), line.line)));
        Some(Named { function: &function.name, start: function.start, line })
    }

    pub(super) fn start_of(&self, name: &str) -> Option<usize> {
        self.functions.iter().find(|function| function.name == name).map(|function| function.start)
    }
}

/// The symbols of a file. Reading them takes long compared with a run, so the process keeps them.
pub(super) fn of(path: &str, file: Vec<u8>) -> Arc<Symbols> {
    static KNOWN: Mutex<BTreeMap<(String, u64), Arc<Symbols>>> = Mutex::new(BTreeMap::new());
    let mut hasher = DefaultHasher::new();
    file.hash(&mut hasher);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(known.entry((path.to_owned(), hasher.finish())).or_insert_with(|| Arc::new(read(path, &file))))
}

fn read(path: &str, file: &[u8]) -> Symbols {
    let from_pdb = pdb_files(path, file).into_iter().find_map(|pdb| pdb::read(&pdb));
    let mut symbols = from_pdb.or_else(|| coff(file)).unwrap_or_default();
    for function in &mut symbols.functions {
        function.name = format!("{:#}", rustc_demangle::demangle(&function.name));
    }
    if let Ok(parsed) = PeFile64::parse(file) {
        let starts = parsed.section_table().iter().map(|section| section.virtual_address.get(LE) as usize);
        symbols.sections = starts.collect();
    }
    symbols.sort();
    symbols
}

/// Where the PDB may be: beside the file under the file's own name, or under the name that the file gives.
fn pdb_files(path: &str, file: &[u8]) -> Vec<PathBuf> {
    let path = Path::new(path);
    let mut files = vec![path.with_extension("pdb")];
    if let Ok(Some(view)) =
        PeFile64::parse(file).and_then(|parsed| parsed.pdb_info().map(|info| info.map(|info| info.path().to_vec())))
    {
        let full = String::from_utf8_lossy(&view).into_owned();
        if let Some(name) = full.rsplit(['\\', '/']).next() {
            files.push(path.with_file_name(name));
        }
    }
    files
}

/// The symbols that GNU tools leave in the image.
fn coff(file: &[u8]) -> Option<Symbols> {
    let parsed = PeFile64::parse(file).ok()?;
    let table = parsed.nt_headers().symbols(file).ok()?;
    let sections = parsed.section_table();
    let mut functions = Vec::new();
    for (_, symbol) in table.iter() {
        let Some(index) = symbol.section() else { continue };
        let Ok(section) = sections.section(index) else { continue };
        let is_code = section.characteristics.get(LE).0 & pe::IMAGE_SCN_CNT_CODE.0 != 0;
        // Sections have symbols too, named after them.
        if !is_code || symbol.has_aux_section() {
            continue;
        }
        let Ok(name) = symbol.name(table.strings()) else { continue };
        let start = (section.virtual_address.get(LE) + symbol.value()) as usize;
        functions.push(Function { start, size: 0, name: String::from_utf8_lossy(name).into_owned() });
    }
    (!functions.is_empty()).then(|| Symbols { functions, ..Symbols::default() })
}
