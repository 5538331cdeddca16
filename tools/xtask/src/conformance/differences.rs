//! Differences that are meant (`conformance/differences.jsonl`).

use std::path::Path;

use anyhow::{Context, Result};
use regex::Regex;
use serde::Deserialize;

use super::sets::read_lines;

/// One listed difference. Absent keys match everything.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The entry's line in the list.
    pub line: u64,
    /// Its entry in `docs/differences.md`.
    pub id: String,
    set: Option<Regex>,
    ioctl: Option<Regex>,
    lines: Option<(u64, u64)>,
    field: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    set: Option<String>,
    ioctl: Option<String>,
    lines: Option<(u64, u64)>,
    field: Option<String>,
    #[serde(rename = "why")]
    _why: String,
}

/// The fields that an entry may name.
const FIELDS: [&str; 5] = ["start", "status", "information", "out", "commands"];

impl Difference {
    fn new(line: u64, entry: Entry) -> Result<Self> {
        if let Some(field) = entry.field.as_deref() {
            anyhow::ensure!(FIELDS.contains(&field), "\"{field}\" is none of the fields {}", FIELDS.join(", "));
        }
        let pattern = |text: Option<String>| text.map(|text| Regex::new(&text)).transpose();
        Ok(Self {
            line,
            id: entry.id,
            set: pattern(entry.set)?,
            ioctl: pattern(entry.ioctl)?,
            lines: entry.lines,
            field: entry.field,
        })
    }

    /// Covers a difference in `field` of that line of the set.
    pub fn covers(&self, set: &str, subject: &str, line: u64, field: &str) -> bool {
        self.covers_set(set)
            && self.ioctl.as_ref().is_none_or(|pattern| pattern.is_match(subject))
            && self.lines.is_none_or(|(first, last)| (first..=last).contains(&line))
            && self.field.as_deref().is_none_or(|own| own == field)
    }

    /// Covers a difference in the commands of the set's device start. Only an entry that says so does.
    pub fn covers_start(&self, set: &str) -> bool {
        self.covers_set(set) && self.field.as_deref() == Some("start")
    }

    fn covers_set(&self, set: &str) -> bool {
        self.set.as_ref().is_none_or(|pattern| pattern.is_match(set))
    }
}

/// Reads the list; a file that is not there is an empty one.
pub fn load(path: &Path) -> Result<Vec<Difference>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    read_lines::<Entry>(path)?
        .into_iter()
        .map(|(line, entry)| Difference::new(line, entry).with_context(|| format!("{}, line {line}", path.display())))
        .collect()
}

#[cfg(test)]
pub fn from_text(text: &str) -> Result<Vec<Difference>> {
    let lines = (1..).zip(text.lines().map(str::trim).filter(|line| !line.is_empty()));
    lines.map(|(line, text)| Difference::new(line, serde_json::from_str(text)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_narrows() {
        let list = from_text(
            r#"{"id": "D-001", "set": "^a_", "ioctl": "0x0033", "lines": [10, 20], "field": "out", "why": "…"}"#,
        )
        .expect("an entry");
        let covers = |set, subject, line, field| list[0].covers(set, subject, line, field);
        assert!(covers("a_cd2s.std", "0x003350C0", 10, "out") && covers("a_cd2s.std", "0x003350C0", 20, "out"));
        assert!(!covers("var_a_", "0x003350C0", 10, "out"));
        assert!(!covers("a_cd2s.std", "0x00024000", 10, "out"));
        assert!(!covers("a_cd2s.std", "0x003350C0", 9, "out") && !covers("a_cd2s.std", "0x003350C0", 21, "out"));
        assert!(!covers("a_cd2s.std", "0x003350C0", 10, "status"));
        assert!(!list[0].covers_start("a_cd2s.std"));
    }

    #[test]
    fn entries_say_what_is_wrong_with_them() {
        for (text, complaint) in [
            (r#"{"id": "D-001", "why": "…", "feild": "out"}"#, "feild"),
            (r#"{"id": "D-001", "why": "…", "field": "outt"}"#, "outt"),
            (r#"{"why": "…"}"#, "id"),
            (r#"{"id": "D-001"}"#, "why"),
            (r#"{"id": "D-001", "why": "…", "set": "("}"#, "regex"),
        ] {
            let error = format!("{:#}", from_text(text).expect_err(text));
            assert!(error.contains(complaint), "{error}");
        }
    }
}
