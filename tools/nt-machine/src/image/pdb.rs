//! Reading a program database.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use pdb::{FallibleIterator as _, PDB, SymbolData};

use super::symbols::{Function, Line, Symbols};

/// The functions and lines of a PDB; `None` when there is no such file or it can not be read.
pub(super) fn read(path: &Path) -> Option<Symbols> {
    let file = File::open(path).ok()?;
    parse(file).ok().filter(|symbols| !symbols.functions.is_empty())
}

fn parse(file: File) -> pdb::Result<Symbols> {
    let mut pdb = PDB::open(file)?;
    let addresses = pdb.address_map()?;
    let strings = pdb.string_table().ok();
    let mut symbols = Symbols::default();
    let mut files: BTreeMap<String, usize> = BTreeMap::new();
    let information = pdb.debug_information()?;
    let mut modules = information.modules()?;
    while let Some(module) = modules.next()? {
        let Some(info) = pdb.module_info(&module)? else { continue };
        let mut module_symbols = info.symbols()?;
        while let Some(symbol) = module_symbols.next()? {
            let Ok(SymbolData::Procedure(procedure)) = symbol.parse() else { continue };
            let Some(start) = procedure.offset.to_rva(&addresses) else { continue };
            let name = procedure.name.to_string().into_owned();
            symbols.functions.push(Function { start: start.0 as usize, size: procedure.len as usize, name });
        }
        let (Ok(program), Some(strings)) = (info.line_program(), &strings) else { continue };
        let mut lines = program.lines();
        while let Some(line) = lines.next()? {
            let Some(start) = line.offset.to_rva(&addresses) else { continue };
            let Ok(info) = program.get_file_info(line.file_index) else { continue };
            let Ok(path) = info.name.to_string_lossy(strings) else { continue };
            let next = files.len();
            let file = *files.entry(file_name(&path)).or_insert(next);
            symbols.lines.push(Line { start: start.0 as usize, file, line: line.line_start });
        }
    }
    add_publics(&mut pdb, &addresses, &mut symbols)?;
    let mut names: Vec<_> = files.into_iter().collect();
    names.sort_by_key(|name| name.1);
    symbols.files = names.into_iter().map(|name| name.0).collect();
    Ok(symbols)
}

/// Adds the public functions that no module describes, as those of assembly files.
fn add_publics(pdb: &mut PDB<'_, File>, addresses: &pdb::AddressMap<'_>, symbols: &mut Symbols) -> pdb::Result<()> {
    symbols.sort();
    let mut publics = Vec::new();
    let globals = pdb.global_symbols()?;
    let mut globals = globals.iter();
    while let Some(symbol) = globals.next()? {
        let Ok(SymbolData::Public(public)) = symbol.parse() else { continue };
        let Some(start) = public.offset.to_rva(addresses).filter(|_| public.function || public.code) else { continue };
        if symbols.name(start.0 as usize).is_none() {
            let name = public.name.to_string().into_owned();
            publics.push(Function { start: start.0 as usize, size: 0, name });
        }
    }
    symbols.functions.extend(publics);
    Ok(())
}

/// The last parts of a path, which are enough to find a file.
fn file_name(path: &str) -> String {
    let parts: Vec<&str> = path.split(['\\', '/']).collect();
    parts[parts.len().saturating_sub(2)..].join("/")
}
