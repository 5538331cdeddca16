//! What an installation file may write into the registry.

use std::collections::BTreeSet;

use super::parse::{Fault, Inf, fault};

/// Only keys of the device and of the service, with known types.
pub fn registry(inf: &Inf, faults: &mut Vec<Fault>) {
    let added = inf.sections.iter().flat_map(|section| &section.lines).filter(|line| line.is("AddReg"));
    let mut names: BTreeSet<&str> = added.flat_map(|line| &line.values).map(String::as_str).collect();
    let services = inf.sections.iter().flat_map(|section| &section.lines).filter(|line| line.is("AddService"));
    let logs: Vec<_> = services.filter_map(|line| line.values.get(3)).collect();
    names.extend(logs.iter().filter_map(|name| inf.section(name)?.lines.first().map(|_| name.as_str())));
    for line in names.iter().filter_map(|name| inf.section(name)).flat_map(|section| &section.lines) {
        if line.is("AddReg") {
            continue;
        }
        let value = |index: usize| line.values.get(index).map_or("", String::as_str);
        if value(0) != "HKR" {
            faults.push(fault(line.at, format!("{} is a key of others; only HKR is the package's own", value(0))));
        }
        if line.values.len() != 5 {
            faults.push(fault(line.at, "a value has a root, a key, a name, flags and data, and here one datum"));
        }
        if let Some(what) = wrong_datum(value(2), value(3), value(4)) {
            faults.push(fault(line.at, what));
        }
    }
}

/// What is wrong with a value of the registry.
fn wrong_datum(name: &str, flags: &str, datum: &str) -> Option<String> {
    const NO_CLOBBER: u32 = 0x2;
    const APPEND: u32 = 0x8;
    let Some(flags) = flags.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
        return Some(format!("the flags \"{flags}\" are no hexadecimal number"));
    };
    match flags & !(NO_CLOBBER | APPEND) {
        0x0001_0001 => datum.parse::<u32>().is_err().then(|| format!("{datum} is no number")),
        0x0000_0000 if name == "Security" => wrong_sddl(datum),
        0x0000_0000 | 0x0001_0000 | 0x0002_0000 => None,
        other => Some(format!("{other:#010x} is no type of value that is used here")),
    }
}

/// What is wrong with a security descriptor: protected, each entry allowing known rights to a known party, and the
/// system and administrators allowed all.
fn wrong_sddl(text: &str) -> Option<String> {
    const RIGHTS: &[&str] = &["GA", "GR", "GW", "GX"];
    const PARTIES: &[&str] = &["SY", "BA", "WD", "RC", "AU", "BU", "AC"];
    let Some(entries) = text.strip_prefix("D:P(").and_then(|text| text.strip_suffix(')')) else {
        return Some("the security descriptor is no protected list, D:P(…)".to_owned());
    };
    let entries: Vec<Vec<&str>> = entries.split(")(").map(|entry| entry.split(';').collect()).collect();
    for entry in &entries {
        let &["A", "", rights, "", "", party] = entry.as_slice() else {
            return Some(format!("the entry {} does not allow something to somebody", entry.join(";")));
        };
        let pairs: Vec<_> = rights.as_bytes().chunks(2).map(String::from_utf8_lossy).collect();
        if pairs.iter().any(|right| !RIGHTS.contains(&right.as_ref())) || !PARTIES.contains(&party) {
            return Some(format!("{rights} for {party}: unknown rights or party"));
        }
    }
    let all = |party: &str| entries.iter().any(|entry| entry.get(2) == Some(&"GA") && entry.get(5) == Some(&party));
    (!all("SY") || !all("BA")).then(|| "the system and administrators have to have all rights".to_owned())
}
