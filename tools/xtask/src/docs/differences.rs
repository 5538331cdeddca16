//! `docs/differences.md` and `conformance/differences.jsonl` name the same differences.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use regex::Regex;

use super::files;
use crate::conformance;

static HEADING: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^#{2,4} (D-\d{3})\b").ok());
static TEST: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"`(?:\w+::)*(\w+)`").ok());

/// What an entry says when no request of the sets shows it.
const NOT_IN_THE_SETS: &str = "Not in the sets.";

/// One entry of the page.
#[derive(Debug, Default, PartialEq, Eq)]
struct Entry {
    id: String,
    tests: Vec<String>,
    in_the_sets: bool,
}

/// Adds a fault for every entry without its counterpart, and for every named test that does not exist.
pub fn check(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    let page = root.join("docs/differences.md");
    let text = fs::read_to_string(&page).with_context(|| page.display().to_string())?;
    let listed = conformance::load_differences(&conformance::list())?.into_iter().map(|entry| entry.id).collect();
    let sources: Vec<String> = files(root, "rs")?.iter().map(fs::read_to_string).collect::<Result<_, _>>()?;
    let exists = |test: &str| sources.iter().any(|source| source.contains(&format!("fn {test}(")));
    compare(&entries(&text), &listed, exists, faults);
    Ok(())
}

fn compare(entries: &[Entry], listed: &BTreeSet<String>, exists: impl Fn(&str) -> bool, faults: &mut Vec<String>) {
    let mut described = BTreeSet::new();
    for Entry { id, tests, in_the_sets } in entries {
        if !described.insert(id.clone()) {
            faults.push(format!("docs/differences.md has {id} twice"));
        }
        if *in_the_sets && !listed.contains(id) {
            faults.push(format!("docs/differences.md: no set shows {id}, and it does not say \"{NOT_IN_THE_SETS}\""));
        }
        if !in_the_sets && listed.contains(id) {
            faults.push(format!("docs/differences.md: {id} says \"{NOT_IN_THE_SETS}\" but is listed for one"));
        }
        if tests.is_empty() {
            faults.push(format!("docs/differences.md: {id} names no test"));
        }
        for test in tests.iter().filter(|test| !exists(test)) {
            faults.push(format!("docs/differences.md: {id} names the test {test}, which does not exist"));
        }
    }
    for id in listed.difference(&described) {
        faults.push(format!("docs/differences.md does not describe {id} of conformance/differences.jsonl"));
    }
}

/// The entries of the page: a heading that begins with the number; `Test:` begins the line or paragraph of tests.
fn entries(text: &str) -> Vec<Entry> {
    let (Some(heading), Some(name)) = (HEADING.as_ref(), TEST.as_ref()) else { return Vec::new() };
    let mut entries: Vec<Entry> = Vec::new();
    let mut among_tests = false;
    for line in text.lines() {
        if let Some(found) = heading.captures(line) {
            entries.push(Entry { id: found[1].to_owned(), tests: Vec::new(), in_the_sets: true });
            among_tests = false;
            continue;
        }
        let Some(entry) = entries.last_mut() else { continue };
        let label = line.trim_start_matches(['-', '*', ' ']);
        among_tests = label.starts_with("Test") || among_tests && !line.trim().is_empty() && !line.starts_with("- ");
        entry.in_the_sets &= !line.contains(NOT_IN_THE_SETS);
        if among_tests {
            entry.tests.extend(name.captures_iter(line).map(|found| found[1].to_owned()));
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Differences\n\n## D-001 One\n\nReference: `this`.\n\n- **Test:** `ops::toc::one`,\n  `two`\n\n\
                        ## D-002 Two\n\n- **Test:** `three`. Not in the sets.\n";

    #[test]
    fn entries_are_read() {
        let of = |id: &str, tests: &[&str], in_the_sets| Entry {
            id: id.into(),
            tests: tests.iter().map(|test| (*test).to_owned()).collect(),
            in_the_sets,
        };
        assert_eq!(entries(PAGE), [of("D-001", &["one", "two"], true), of("D-002", &["three"], false)]);
    }

    #[test]
    fn every_kind_of_disagreement_is_a_fault() {
        let faults = |page: &str, listed: &[&str], known: &[&str]| {
            let mut faults = Vec::new();
            let listed = listed.iter().map(|id| (*id).to_owned()).collect();
            compare(&entries(page), &listed, |test| known.contains(&test), &mut faults);
            faults
        };
        let known = ["one", "two", "three"];
        assert!(faults(PAGE, &["D-001"], &known).is_empty());
        assert_eq!(faults(PAGE, &[], &known).len(), 1, "described, not listed");
        assert_eq!(faults(PAGE, &["D-001", "D-002"], &known).len(), 1, "said not to be listed");
        assert_eq!(faults(PAGE, &["D-001", "D-003"], &known).len(), 1, "listed, not described");
        assert_eq!(faults(PAGE, &["D-001"], &["one", "three"]).len(), 1, "a test that is not there");
        assert_eq!(faults("## D-001 x\n\nNothing.\n", &["D-001"], &known).len(), 1, "no test");
        assert_eq!(faults(&PAGE.repeat(2), &["D-001"], &known).len(), 2, "twice");
    }
}
