//! What an installation file has to be: the syntax of each directive that is used, and the rules for packages that
//! Windows isolates (everything in the driver store, only keys of its own, nothing of its own to run).

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::parse::{Fault, Inf, Line, Section, fault};
use super::registry::registry;

type Rule = fn(&Inf, &mut Vec<Fault>);

/// All rules.
pub const RULES: &[Rule] = &[
    version,
    manufacturer,
    models,
    install_sections,
    references_lead_somewhere,
    no_section_is_forgotten,
    strings_are_defined,
    strings_are_used,
    files,
    services,
    framework,
    registry,
    variables,
    only_known_directives,
];

/// Applies every rule.
pub fn check(inf: &Inf) -> Vec<Fault> {
    let mut faults = Vec::new();
    RULES.iter().for_each(|rule| rule(inf, &mut faults));
    faults.sort_by_key(|fault| fault.at);
    faults
}

/// The name of the driver's service and, with endings, of its files.
const NAME: &str = "cdromrs";

/// Classes with their identifiers.
const CLASSES: &[(&str, &str)] = &[("CDROM", "{4D36E965-E325-11CE-BFC1-08002BE10318}")];

/// What port drivers call any drive.
const ANY_DRIVE: &str = "GenCdRom";

/// Folder of a package in the driver store, and the first build of Windows that loads from it.
const DRIVER_STORE: &str = "13";
const FIRST_BUILD: &str = ".10.0...16299";

/// What stampinf fills in.
const VARIABLES: &[&str] = &["$ARCH$", "$KMDFVERSION$", "$WINDOWS NT$"];

/// Values that a section has to have, with the values allowed; none: any.
fn require(inf: &Inf, section: &str, wanted: &[(&str, &[&str])], faults: &mut Vec<Fault>) {
    let Some(found) = inf.section(section) else {
        faults.push(fault(0, format!("there is no section [{section}]")));
        return;
    };
    for (key, allowed) in wanted {
        match found.line(key) {
            None => faults.push(fault(found.at, format!("[{section}] has no {key}"))),
            Some(line) => {
                let value = line.values.first().map_or("", String::as_str);
                if !allowed.is_empty() && !allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(value)) {
                    let allowed = allowed.join(" or ");
                    faults.push(fault(line.at, format!("{key} is \"{value}\"; it has to be {allowed}")));
                }
            }
        }
    }
}

fn version(inf: &Inf, faults: &mut Vec<Fault>) {
    let catalogue = format!("{NAME}.cat");
    require(
        inf,
        "Version",
        &[
            ("Signature", &["$WINDOWS NT$"]),
            ("Class", &[]),
            ("ClassGuid", &[]),
            ("Provider", &[]),
            ("CatalogFile", &[&catalogue]),
            ("DriverVer", &[]),
            ("PnpLockdown", &["1"]),
        ],
        faults,
    );
    let Some(version) = inf.section("Version") else { return };
    let own = (version.value("Class").unwrap_or(""), version.value("ClassGuid").unwrap_or(""));
    if !CLASSES.iter().any(|(name, id)| name.eq_ignore_ascii_case(own.0) && id.eq_ignore_ascii_case(own.1)) {
        faults.push(fault(version.at, format!("class {} does not have the identifier {}", own.0, own.1)));
    }
}

/// Each models section as the manufacturers name it, with its decoration.
fn model_sections(inf: &Inf) -> Vec<(usize, String)> {
    let lines = inf.section("Manufacturer").map_or(&[][..], |section| &section.lines);
    let names = |line: &Line| {
        let base = line.values.first().cloned().unwrap_or_default();
        let decorated = line.values.iter().skip(1).map(move |decoration| format!("{base}.{decoration}"));
        decorated.map(|name| (line.at, name)).collect::<Vec<_>>()
    };
    lines.iter().flat_map(names).collect()
}

/// Every processor is named, and only systems that load from the driver store.
fn manufacturer(inf: &Inf, faults: &mut Vec<Fault>) {
    let sections = model_sections(inf);
    if sections.is_empty() {
        faults.push(fault(0, "[Manufacturer] names no models for any system"));
    }
    for (at, name) in sections {
        if !name.contains(".NT$ARCH$") && !name.contains(".NTamd64") && !name.contains(".NTarm64") {
            faults.push(fault(at, format!("{name} does not say for which processor")));
        }
        if !name.ends_with(FIRST_BUILD) {
            faults.push(fault(at, format!("{name}: systems before 1709 do not load from the driver store")));
        }
    }
}

/// All lines of all models.
fn model_lines(inf: &Inf) -> Vec<&Line> {
    let sections = model_sections(inf);
    sections.iter().filter_map(|(_, name)| inf.section(name)).flat_map(|section| &section.lines).collect()
}

/// Any drive is matched, and no identifier twice.
fn models(inf: &Inf, faults: &mut Vec<Fault>) {
    let mut seen = BTreeSet::new();
    for line in model_lines(inf) {
        if line.key.is_none() || line.values.len() < 2 {
            faults.push(fault(line.at, "a model has a description, an install section and an identifier"));
        }
        for id in line.values.iter().skip(1) {
            if !seen.insert(id.to_ascii_lowercase()) {
                faults.push(fault(line.at, format!("{id} is there twice")));
            }
        }
    }
    if !seen.contains(&ANY_DRIVE.to_ascii_lowercase()) {
        faults.push(fault(0, format!("no model matches {ANY_DRIVE}")));
    }
}

/// Names of the install sections, without the ending for the system.
fn installs(inf: &Inf) -> BTreeSet<String> {
    model_lines(inf).iter().filter_map(|line| line.values.first().cloned()).collect()
}

/// Each model's section has what a driver needs.
fn install_sections(inf: &Inf, faults: &mut Vec<Fault>) {
    for install in installs(inf) {
        for ending in [".NT", ".NT.Services", ".NT.Wdf"] {
            let name = format!("{install}{ending}");
            if inf.section(&name).is_none() {
                faults.push(fault(0, format!("there is no section [{name}]")));
            }
        }
    }
}

/// Sections that lines of this section name, with the line.
fn references(section: &Section) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for line in &section.lines {
        let key = line.key.as_deref().unwrap_or("").to_ascii_lowercase();
        let names: &[String] = match key.as_str() {
            // A file can be named instead of a section, with a sign before it.
            "copyfiles" | "addreg" => &line.values,
            "addservice" => line.values.get(2..).unwrap_or_default(),
            "kmdfservice" => line.values.get(1..).unwrap_or_default(),
            "addfilter" => line.values.get(2..).unwrap_or_default(),
            _ => &[],
        };
        found.extend(names.iter().filter(|name| !name.starts_with('@')).map(|name| (line.at, name.as_str())));
    }
    if section.name.eq_ignore_ascii_case("DestinationDirs") {
        let named = section.lines.iter().filter_map(|line| Some((line.at, line.key.as_deref()?)));
        found.extend(named.filter(|(_, name)| !name.eq_ignore_ascii_case("DefaultDestDir")));
    }
    found
}

fn references_lead_somewhere(inf: &Inf, faults: &mut Vec<Fault>) {
    let named = inf.sections.iter().flat_map(references);
    let models = model_sections(inf);
    for (at, name) in named.chain(models.iter().map(|(at, name)| (*at, name.as_str()))) {
        if inf.section(name).is_none() {
            faults.push(fault(at, format!("there is no section [{name}]")));
        }
    }
}

/// Sections that Windows looks for by themselves.
const KNOWN: &[&str] =
    &["Version", "SourceDisksNames", "SourceDisksFiles", "DestinationDirs", "Manufacturer", "Strings"];
const INSTALL_ENDINGS: &[&str] = &[".NT", ".NT.HW", ".NT.Services", ".NT.Wdf", ".NT.Filters"];

fn no_section_is_forgotten(inf: &Inf, faults: &mut Vec<Fault>) {
    let mut named: BTreeSet<String> = KNOWN.iter().map(|name| name.to_ascii_lowercase()).collect();
    named.extend(model_sections(inf).into_iter().map(|(_, name)| name.to_ascii_lowercase()));
    for install in installs(inf) {
        named.extend(INSTALL_ENDINGS.iter().map(|ending| format!("{install}{ending}").to_ascii_lowercase()));
    }
    for section in &inf.sections {
        named.extend(references(section).into_iter().map(|(_, name)| name.to_ascii_lowercase()));
    }
    for section in inf.sections.iter().filter(|section| !named.contains(&section.name.to_ascii_lowercase())) {
        faults.push(fault(section.at, format!("nothing leads to [{}]", section.name)));
    }
}

/// Names between percent signs, with their lines; numbers are folders, two signs together are one that is meant.
fn tokens(inf: &Inf) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for line in inf.sections.iter().filter(|section| section.name != "Strings").flat_map(|section| &section.lines) {
        for text in line.key.iter().chain(&line.values) {
            let text = text.replace("%%", "");
            let names = text.split('%').skip(1).step_by(2).filter(|name| name.parse::<u32>().is_err());
            found.extend(names.map(|name| (line.at, name.to_ascii_lowercase())));
        }
    }
    found
}

fn strings_are_defined(inf: &Inf, faults: &mut Vec<Fault>) {
    let strings = inf.section("Strings");
    for (at, name) in tokens(inf) {
        if strings.is_none_or(|strings| strings.line(&name).is_none()) {
            faults.push(fault(at, format!("%{name}% is not in [Strings]")));
        }
    }
}

fn strings_are_used(inf: &Inf, faults: &mut Vec<Fault>) {
    let used: BTreeSet<_> = tokens(inf).into_iter().map(|(_, name)| name).collect();
    for line in inf.section("Strings").map_or(&[][..], |strings| &strings.lines) {
        if !line.key.as_ref().is_some_and(|key| used.contains(&key.to_ascii_lowercase())) {
            faults.push(fault(line.at, "the string is not used"));
        }
    }
}

/// Every file that is copied is on a disk, the disk is named, and it goes to the driver store.
fn files(inf: &Inf, faults: &mut Vec<Fault>) {
    let (disks, on_disk) = (inf.section("SourceDisksNames"), inf.section("SourceDisksFiles"));
    let folders = inf.section("DestinationDirs");
    let mut copied = BTreeSet::new();
    for copy in inf.sections.iter().flat_map(|section| &section.lines).filter(|line| line.is("CopyFiles")) {
        for name in &copy.values {
            let folder = folders.and_then(|folders| folders.value(name).or_else(|| folders.value("DefaultDestDir")));
            if folder != Some(DRIVER_STORE) {
                faults.push(fault(copy.at, format!("{name} does not go to the driver store, folder {DRIVER_STORE}")));
            }
            let names: Vec<_> = match (name.strip_prefix('@'), inf.section(name)) {
                (Some(file), _) => vec![(copy.at, file)],
                (None, Some(list)) => {
                    list.lines.iter().filter_map(|line| Some((line.at, line.values.first()?.as_str()))).collect()
                }
                (None, None) => Vec::new(),
            };
            for (at, file) in names {
                copied.insert(file.to_ascii_lowercase());
                let disk = on_disk.and_then(|files| files.value(file));
                if disk.is_none_or(|disk| disks.is_none_or(|disks| disks.line(disk).is_none())) {
                    faults.push(fault(at, format!("{file} is on no disk of [SourceDisksFiles]")));
                }
            }
        }
    }
    for line in on_disk.map_or(&[][..], |section| &section.lines) {
        if !line.key.as_ref().is_some_and(|file| copied.contains(&file.to_ascii_lowercase())) {
            faults.push(fault(line.at, "the file is not copied"));
        }
    }
}

/// One service, of our own name, for a driver in the driver store.
fn services(inf: &Inf, faults: &mut Vec<Fault>) {
    const FUNCTION_DRIVER: &str = "0x00000002";
    let binary = format!("%{DRIVER_STORE}%\\{NAME}.sys");
    for install in installs(inf) {
        let Some(section) = inf.section(&format!("{install}.NT.Services")) else { continue };
        let added: Vec<_> = section.lines.iter().filter(|line| line.is("AddService")).collect();
        let [line] = added.as_slice() else {
            faults.push(fault(section.at, "exactly one service has to be added"));
            continue;
        };
        let value = |index: usize| line.values.get(index).map_or("", String::as_str);
        if (value(0), value(1)) != (NAME, FUNCTION_DRIVER) {
            faults.push(fault(
                line.at,
                format!("the service has to be {NAME}, with {FUNCTION_DRIVER}: the device's own"),
            ));
        }
        if value(3).is_empty() {
            faults.push(fault(line.at, "no section for the event log"));
        }
        require(
            inf,
            value(2),
            &[
                ("DisplayName", &[]),
                ("ServiceType", &["1"]),
                ("StartType", &["0", "1", "3"]),
                ("ErrorControl", &["0", "1", "3"]),
                ("ServiceBinary", &[&binary]),
            ],
            faults,
        );
    }
}

/// The framework's version is that of the driver's manifest: stampinf is told it.
fn framework(inf: &Inf, faults: &mut Vec<Fault>) {
    for install in installs(inf) {
        let Some(section) = inf.section(&format!("{install}.NT.Wdf")) else { continue };
        let Some(line) = section.line("KmdfService") else {
            faults.push(fault(section.at, "no KmdfService"));
            continue;
        };
        if line.values.first().map(String::as_str) != Some(NAME) {
            faults.push(fault(line.at, format!("the framework's service has to be {NAME}")));
        }
        let name = line.values.get(1).map_or("", String::as_str);
        require(inf, name, &[("KmdfLibraryVersion", &["$KMDFVERSION$", "1.15"])], faults);
    }
}

/// Only what stampinf knows.
fn variables(inf: &Inf, faults: &mut Vec<Fault>) {
    let headings = inf.sections.iter().map(|section| (section.at, &section.name));
    let lines = inf.sections.iter().flat_map(|section| &section.lines);
    let texts = lines.flat_map(|line| line.key.iter().chain(&line.values).map(|text| (line.at, text)));
    for (at, text) in headings.chain(texts) {
        let rest = VARIABLES.iter().fold(text.clone(), |text, variable| text.replace(variable, ""));
        if rest.contains('$') {
            faults.push(fault(at, format!("{text}: stampinf does not know what to fill in")));
        }
    }
}

/// What install and service sections may say in an isolated package: no programs, no co-installers, nothing outside.
fn only_known_directives(inf: &Inf, faults: &mut Vec<Fault>) {
    let allowed: &[(&str, &[&str])] = &[
        (".NT", &["CopyFiles", "AddReg"]),
        (".NT.HW", &["AddReg"]),
        (".NT.Services", &["AddService"]),
        (".NT.Wdf", &["KmdfService"]),
        (".NT.Filters", &["AddFilter"]),
    ];
    for install in installs(inf) {
        for (ending, keys) in allowed {
            let Some(section) = inf.section(&format!("{install}{ending}")) else { continue };
            for line in section.lines.iter().filter(|line| !keys.iter().any(|key| line.is(key))) {
                let key = line.key.as_deref().unwrap_or("a line without key");
                faults
                    .push(fault(line.at, format!("{key} is not allowed in an isolated package's [{}]", section.name)));
            }
        }
    }
}
