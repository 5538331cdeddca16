//! What a driver image has to be, rule by rule.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use object::pe;
use serde::Deserialize;

use super::image::{Image, Section};
use super::symbols::Symbols;
use super::{Arch, stack};
use crate::workspace;

/// What a driver may import.
pub type Imports = BTreeMap<String, Allowed>;

/// One function that a driver may import.
#[derive(Deserialize, Debug)]
pub struct Allowed {
    module: String,
    /// Which lists of exports have it.
    evidence: Vec<String>,
    /// Set where not every Windows 10 has it.
    only_since: Option<String>,
}

/// Reads the table of imports.
pub fn imports() -> Result<Imports> {
    let path = workspace::root().join("tools/off-windows/tables/imports.json");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// The image with what is needed to judge it.
pub struct Subject<'a> {
    /// The image.
    pub image: &'a Image,
    /// Its file.
    pub file: &'a [u8],
    /// Its symbols.
    pub symbols: &'a Symbols,
    /// What it is called, without ending.
    pub name: &'a str,
    /// What it is built for.
    pub arch: Arch,
}

type Rule = fn(&Subject<'_>, &mut Vec<String>);

/// What holds for every driver.
const RULES: &[Rule] =
    &[headers, entry, sections, init_is_discarded, directories, checksum, debug_information, no_framework_sections];

/// Checks what holds for every driver; gives what is wrong.
pub fn check(subject: &Subject<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    RULES.iter().for_each(|rule| rule(subject, &mut faults));
    faults
}

/// Checks what holds for the driver that is shipped; gives what is wrong.
pub fn check_shipped(subject: &Subject<'_>, allowed: &Imports) -> Vec<String> {
    let mut faults = check(subject);
    imports_exist(subject, allowed, &mut faults);
    no_formatting(subject, &mut faults);
    no_local_paths(subject, &mut faults);
    faults
}

/// The headers' fields.
fn headers(subject: &Subject<'_>, faults: &mut Vec<String>) {
    let image = subject.image;
    let machine = match subject.arch {
        Arch::X86_64 => pe::IMAGE_FILE_MACHINE_AMD64,
        Arch::Aarch64 => pe::IMAGE_FILE_MACHINE_ARM64,
    };
    if image.machine != machine {
        faults.push(format!("it is for machine {:#06x}, not {:#06x}", image.machine.0, machine.0));
    }
    if image.subsystem != pe::IMAGE_SUBSYSTEM_NATIVE {
        faults.push(format!("its subsystem is {}, not native", image.subsystem.0));
    }
    if image.subsystem_version != (10, 0) {
        faults.push(format!("its subsystem's version is {:?}, not 10.0", image.subsystem_version));
    }
    if image.characteristics.0 & pe::IMAGE_FILE_EXECUTABLE_IMAGE.0 == 0 {
        faults.push("it is not marked as executable".to_owned());
    }
    if image.characteristics.0 & pe::IMAGE_FILE_DLL.0 != 0 {
        faults.push("it is marked as a library".to_owned());
    }
    let wanted = [
        ("DYNAMIC_BASE", pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE),
        ("HIGH_ENTROPY_VA", pe::IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA),
        ("NX_COMPAT", pe::IMAGE_DLLCHARACTERISTICS_NX_COMPAT),
        ("FORCE_INTEGRITY", pe::IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY),
    ];
    for (name, flag) in wanted {
        if image.dll_characteristics.0 & flag.0 == 0 {
            faults.push(format!("{name} is not set"));
        }
    }
}

/// It begins with code.
fn entry(subject: &Subject<'_>, faults: &mut Vec<String>) {
    let section = subject.image.section_at(subject.image.entry);
    if !section.is_some_and(|section| section.is(pe::IMAGE_SCN_MEM_EXECUTE)) {
        faults.push(format!("its entry, {:#x}, is not in a section of code", subject.image.entry));
    }
}

/// Nothing can be both written and run.
fn sections(subject: &Subject<'_>, faults: &mut Vec<String>) {
    for section in &subject.image.sections {
        if section.is(pe::IMAGE_SCN_MEM_WRITE | pe::IMAGE_SCN_MEM_EXECUTE) {
            faults.push(format!("section {} can be written and run", section.name));
        }
    }
}

/// What is only for the start is given back after it.
fn init_is_discarded(subject: &Subject<'_>, faults: &mut Vec<String>) {
    let kept = |section: &&Section| is_init(section) && !section.is(pe::IMAGE_SCN_MEM_DISCARDABLE);
    for section in subject.image.sections.iter().filter(kept) {
        faults.push(format!("section {} is not discardable", section.name));
    }
}

/// Code and data for the start only.
pub fn is_init(section: &Section) -> bool {
    section.name.starts_with("INIT")
}

/// What must be there, and what must not.
fn directories(subject: &Subject<'_>, faults: &mut Vec<String>) {
    let there = [
        ("unwind information", pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION),
        ("relocations", pe::IMAGE_DIRECTORY_ENTRY_BASERELOC),
        ("imports", pe::IMAGE_DIRECTORY_ENTRY_IMPORT),
        ("debug directory", pe::IMAGE_DIRECTORY_ENTRY_DEBUG),
    ];
    for (name, index) in there {
        if subject.image.directory(index).is_none() {
            faults.push(format!("it has no {name}"));
        }
    }
    let absent = [
        ("exports", pe::IMAGE_DIRECTORY_ENTRY_EXPORT),
        ("thread-local storage", pe::IMAGE_DIRECTORY_ENTRY_TLS),
        ("delayed imports", pe::IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT),
    ];
    for (name, index) in absent {
        if subject.image.directory(index).is_some() {
            faults.push(format!("it has {name}"));
        }
    }
}

/// The loader of boot drivers compares it.
fn checksum(subject: &Subject<'_>, faults: &mut Vec<String>) {
    let (claimed, true_one) = subject.image.checksum;
    if claimed != true_one {
        faults.push(format!("its checksum is {claimed:#x}, and should be {true_one:#x}"));
    }
}

/// The PDB is that of the image, and is looked for by its name alone.
fn debug_information(subject: &Subject<'_>, faults: &mut Vec<String>) {
    const SIGNATURE: &[u8] = b"RSDS";
    let file = subject.file;
    let record = file.windows(SIGNATURE.len()).position(|bytes| bytes == SIGNATURE).and_then(|at| file.get(at + 4..));
    let Some((guid, rest)) = record.and_then(|record| record.split_at_checked(16)) else {
        faults.push("it does not name its PDB".to_owned());
        return;
    };
    if guid != subject.symbols.guid {
        faults.push("the PDB beside it belongs to another image".to_owned());
    }
    let name: Vec<u8> = rest.iter().skip(4).copied().take_while(|byte| *byte != 0).collect();
    let expected = format!("{}.pdb", subject.name.replace('-', "_"));
    if name != expected.as_bytes() {
        faults.push(format!("it names its PDB {}, not {expected}", String::from_utf8_lossy(&name)));
    }
}

/// The entry stub serves no class extensions and no shared context types.
fn no_framework_sections(subject: &Subject<'_>, faults: &mut Vec<String>) {
    for section in subject.image.sections.iter().filter(|section| section.name.starts_with(".kmdf")) {
        faults.push(format!("section {}: the entry stub does not serve it", section.name));
    }
}

/// Only ntoskrnl.exe and WDFLDR.SYS, and there only what every Windows 10 has.
fn imports_exist(subject: &Subject<'_>, allowed: &Imports, faults: &mut Vec<String>) {
    for import in &subject.image.imports {
        let whole = format!("{}!{}", import.module, import.name);
        match allowed.get(&import.name) {
            None => faults.push(format!("{whole} is not in tools/off-windows/tables/imports.json")),
            Some(row) if row.module != import.module => faults.push(format!("{whole} is in {}", row.module)),
            Some(row) => {
                if row.evidence.is_empty() {
                    faults.push(format!("{whole}: nothing shows that it exists"));
                }
                if let Some(since) = &row.only_since {
                    faults.push(format!("{whole} exists only since {since}"));
                }
            }
        }
    }
    if !subject.image.has_version {
        faults.push("it has no version resource".to_owned());
    }
}

/// Nothing panics with a message: those who would are named where the calls can be followed.
fn no_formatting(subject: &Subject<'_>, faults: &mut Vec<String>) {
    const FORMATTING: &[&str] = &["core::fmt", "panic_fmt"];
    let formats = |name: &str| FORMATTING.iter().any(|part| name.contains(part));
    let names: Vec<_> = subject.symbols.names.iter().filter(|name| formats(name)).map(String::as_str).collect();
    if names.is_empty() {
        return;
    }
    let callers = match subject.arch {
        Arch::X86_64 => stack::callers(subject.image, subject.symbols, formats),
        Arch::Aarch64 => vec!["(see what the x86_64 build says)".to_owned()],
    };
    faults.push(format!(
        "it can panic with a message: it holds {}, called by {}",
        names.join(", "),
        callers.join(", ")
    ));
}

/// Nothing of the machine that built it.
fn no_local_paths(subject: &Subject<'_>, faults: &mut Vec<String>) {
    let root = workspace::root().display().to_string();
    let home = std::env::home_dir().map(|home| home.display().to_string());
    for path in [Some(root), home].into_iter().flatten().filter(|path| path.len() > 1) {
        if subject.file.windows(path.len()).any(|bytes| bytes == path.as_bytes()) {
            faults.push(format!("it holds the path {path}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::image::ImportedSymbol;
    use super::*;

    fn section(name: &str, flags: u32, address: u32) -> Section {
        let characteristics = pe::SectionFlags(flags);
        Section { name: name.to_owned(), characteristics, address, size: 0x100, data: vec![0; 0x100] }
    }

    fn import(module: &str, name: &str) -> ImportedSymbol {
        ImportedSymbol { module: module.to_owned(), name: name.to_owned(), slot: 0 }
    }

    fn good() -> Image {
        let mut directories = vec![(0, 0); 16];
        for index in [1, 2, 3, 5, 6] {
            directories[index] = (0x1000, 8);
        }
        Image {
            machine: pe::IMAGE_FILE_MACHINE_AMD64,
            characteristics: pe::FileFlags(0x22),
            dll_characteristics: pe::DllFlags(0x1E0),
            subsystem: pe::IMAGE_SUBSYSTEM_NATIVE,
            subsystem_version: (10, 0),
            entry: 0x1000,
            base: 0,
            sections: vec![section(".text", 0x6000_0020, 0x1000), section("INIT", 0x6200_0020, 0x2000)],
            imports: vec![import("ntoskrnl.exe", "IofCallDriver"), import("WDFLDR.SYS", "WdfVersionBind")],
            directories,
            checksum: (7, 7),
            relocations: Vec::new(),
            has_version: true,
        }
    }

    const GUID: [u8; 16] = [5; 16];

    fn faults(image: &Image, symbols: &Symbols) -> Vec<String> {
        let file = [b"RSDS", &GUID[..], &[1, 0, 0, 0], b"cdromrs.pdb\0"].concat();
        let subject = Subject { image, file: &file, symbols, name: "cdromrs", arch: Arch::X86_64 };
        check_shipped(&subject, &imports().expect("the table"))
    }

    fn symbols(names: &[&str]) -> Symbols {
        Symbols { guid: GUID, names: names.iter().map(|name| (*name).to_owned()).collect(), ..Symbols::default() }
    }

    #[test]
    fn a_driver_passes() {
        assert_eq!(faults(&good(), &symbols(&["cdromrs::driver_entry"])), [""; 0]);
    }

    type Sin = fn(&mut Image);

    /// What is changed, and a part of the fault that must be told.
    const SINS: &[(Sin, &str)] = &[
        (|image| image.machine = pe::IMAGE_FILE_MACHINE_ARM64, "it is for machine"),
        (|image| image.subsystem = pe::IMAGE_SUBSYSTEM_WINDOWS_GUI, "not native"),
        (|image| image.subsystem_version = (6, 0), "not 10.0"),
        (|image| image.characteristics = pe::FileFlags(0x2022), "a library"),
        (|image| image.characteristics = pe::FileFlags(0x20), "not marked as executable"),
        (|image| image.dll_characteristics = pe::DllFlags(0x160), "FORCE_INTEGRITY"),
        (|image| image.dll_characteristics = pe::DllFlags(0x0E0), "NX_COMPAT"),
        (|image| image.dll_characteristics = pe::DllFlags(0x1A0), "DYNAMIC_BASE"),
        (|image| image.entry = 0x9000, "is not in a section of code"),
        (|image| image.sections.push(section("X", 0xE000_0020, 0x3000)), "can be written and run"),
        (|image| image.sections.push(section("INITDATA", 0xC000_0040, 0x3000)), "not discardable"),
        (|image| image.sections.push(section(".kmdftyp", 0x4000_0040, 0x3000)), "the entry stub does not serve it"),
        (|image| image.directories[3] = (0, 0), "no unwind information"),
        (|image| image.directories[0] = (0x1000, 8), "it has exports"),
        (|image| image.checksum = (0, 7), "its checksum"),
        (|image| image.has_version = false, "no version resource"),
        (|image| image.imports.push(import("ntoskrnl.exe", "NtMadeUp")), "is not in tools"),
        (|image| image.imports.push(import("hal.dll", "IofCallDriver")), "is in ntoskrnl.exe"),
        (|image| image.imports.push(import("ntoskrnl.exe", "ExAllocatePool2")), "exists only since"),
    ];

    #[test]
    fn each_sin_is_told() {
        for (sin, told) in SINS {
            let mut image = good();
            sin(&mut image);
            let faults = faults(&image, &symbols(&[]));
            assert!(faults.iter().any(|fault| fault.contains(told)), "{told}: {faults:?}");
        }
    }

    #[test]
    fn formatting_and_foreign_symbols_are_told() {
        let told = faults(&good(), &symbols(&["core::fmt::write"]));
        assert!(told.iter().any(|fault| fault.contains("core::fmt::write")), "{told:?}");
        let told = faults(&good(), &Symbols { guid: [6; 16], ..Symbols::default() });
        assert!(told.iter().any(|fault| fault.contains("belongs to another image")), "{told:?}");
    }
}
