//! What a PDB tells: which functions stand where, and every name in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use pdb::{AddressMap, DataSymbol, FallibleIterator, PDB, SymbolData};

/// The symbols of an image.
#[derive(Debug, Default)]
pub struct Symbols {
    /// Which image it belongs to.
    pub guid: [u8; 16],
    /// Functions with their bytes, by address.
    pub functions: Vec<Function>,
    /// Addresses of data, by name.
    pub data: BTreeMap<String, u32>,
    /// Every name of a function or of data.
    pub names: Vec<String>,
}

/// One function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Function {
    /// Where it begins, from the image's base.
    pub address: u32,
    /// How many bytes of code it has.
    pub size: u32,
    /// Its name with its path.
    pub name: String,
}

impl Symbols {
    /// Reads a PDB.
    pub fn read(path: &Path) -> Result<Self> {
        Self::of(path).with_context(|| format!("cannot read {}", path.display()))
    }

    fn of(path: &Path) -> Result<Self> {
        let mut file = PDB::open(File::open(path)?)?;
        let guid = file.pdb_information()?.guid.to_bytes_le();
        let mut symbols = Self { guid, ..Self::default() };
        let addresses = file.address_map()?;

        let debug = file.debug_information()?;
        let mut modules = debug.modules()?;
        while let Some(module) = modules.next()? {
            let Some(info) = file.module_info(&module)? else { continue };
            let mut records = info.symbols()?;
            while let Some(record) = records.next()? {
                match record.parse() {
                    Ok(SymbolData::Procedure(function)) => {
                        let name = function.name.to_string().into_owned();
                        symbols.names.push(name.clone());
                        if let Some(address) = function.offset.to_rva(&addresses) {
                            symbols.functions.push(Function { address: address.0, size: function.len, name });
                        }
                    }
                    Ok(SymbolData::Data(data)) => symbols.add_data(&data, &addresses),
                    _ => {}
                }
            }
        }
        let globals = file.global_symbols()?;
        let mut records = globals.iter();
        while let Some(record) = records.next()? {
            match record.parse() {
                Ok(SymbolData::Public(public)) => {
                    let name = public.name.to_string();
                    symbols.names.push(format!("{:#}", rustc_demangle::demangle(&name)));
                }
                Ok(SymbolData::Data(data)) => symbols.add_data(&data, &addresses),
                _ => {}
            }
        }
        symbols.functions.sort();
        symbols.functions.dedup_by_key(|function| function.address);
        symbols.names.sort();
        symbols.names.dedup();
        Ok(symbols)
    }

    fn add_data(&mut self, data: &DataSymbol<'_>, addresses: &AddressMap<'_>) {
        let name = data.name.to_string().into_owned();
        if let Some(address) = data.offset.to_rva(addresses) {
            self.data.insert(name.clone(), address.0);
        }
        self.names.push(name);
    }

    /// The function that holds an address.
    pub fn function_at(&self, address: u32) -> Option<&Function> {
        let after = self.functions.partition_point(|function| function.address <= address);
        let function = self.functions.get(after.checked_sub(1)?)?;
        (address - function.address < function.size).then_some(function)
    }
}
