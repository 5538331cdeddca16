//! The sets: their list, their files, and requests as far as judging needs them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::{Answer, number_of};

/// One set: a drive, requests to it, and what the reference driver answered.
#[derive(Clone, Debug, Deserialize)]
pub struct Set {
    pub name: String,
    drive: String,
    requests: String,
    #[serde(default = "success")]
    underrun: String,
    #[serde(default, rename = "kw")]
    adapter: Option<Adapter>,
}

/// What differs from the usual adapter.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Adapter {
    align: Option<u32>,
    maxx: Option<u32>,
    breaks: Option<u32>,
}

fn success() -> String {
    "success".into()
}

impl Set {
    /// A pass-through port hides how the port below reports an under-run: sets about that cannot be judged.
    fn can_be_judged(&self) -> bool {
        self.underrun == "success"
    }

    /// The drive's script.
    pub fn drive(&self, root: &Path) -> PathBuf {
        root.join("drives").join(&self.drive).with_added_extension("jsonl")
    }

    /// The requests' script.
    pub fn requests(&self, root: &Path) -> PathBuf {
        root.join("requests").join(&self.requests).with_added_extension("jsonl")
    }

    /// The value of the tools' `--adapter` option.
    pub fn adapter(&self) -> String {
        let Adapter { align, maxx, breaks } = self.adapter.unwrap_or_default();
        format!(
            "alignment-mask={},max-transfer={},max-pages={}",
            align.unwrap_or(1),
            maxx.unwrap_or(65536),
            breaks.unwrap_or(17)
        )
    }

    /// Reads all that judging this set needs.
    pub fn load(&self, root: &Path, stale: &Stale) -> Result<Material> {
        let named = |folder: &str| root.join(folder).join(&self.name).with_added_extension("jsonl");
        let startup = named("startup");
        let start = if startup.exists() {
            let lines: Vec<(u64, Answer)> = read_lines(&startup)?;
            Some(lines.into_iter().flat_map(|(_, answer)| answer.commands).collect())
        } else {
            None
        };
        let requests = read_lines::<Value>(&self.requests(root))?.into_iter().collect();
        let wanted = read_lines::<Answer>(&named("results"))?.into_iter().map(|(_, answer)| answer).collect();
        let stale = stale.get(&self.name).cloned().unwrap_or_default();
        Ok(Material { name: self.name.clone(), requests, start, wanted, stale })
    }
}

/// Lines by set whose result shows old bytes of the reference's scratch buffer.
pub type Stale = HashMap<String, HashSet<u64>>;

/// What one set is judged with.
#[derive(Clone, Debug)]
pub struct Material {
    pub name: String,
    /// The request of each line.
    pub requests: BTreeMap<u64, Value>,
    /// The reference's commands of device start and first poll.
    pub start: Option<Vec<super::answer::Command>>,
    /// The reference's results.
    pub wanted: Vec<Answer>,
    /// Lines that are not judged.
    pub stale: HashSet<u64>,
}

/// What a request line asks for: a control code as `0x%08X`, or `read`, `write`, `flush`, `x_shutdown`; `None` for
/// lines that ask nothing of the driver.
pub fn subject(request: &Value) -> Option<String> {
    if let Some(code) = request.get("ioctl") {
        return Some(match code.as_str() {
            Some(name) if !name.to_ascii_lowercase().starts_with("0x") => name.to_owned(),
            _ => format!("0x{:08X}", number_of(Some(code))),
        });
    }
    ["read", "write", "flush", "x_shutdown"].into_iter().find(|key| request.get(key).is_some()).map(str::to_owned)
}

/// The list of sets below `root` that have results and can be judged, and the stale lines.
pub fn load(root: &Path) -> Result<(Vec<Set>, Stale)> {
    let mut sets: Vec<Set> = read_whole(&root.join("sets.json"))?;
    sets.retain(Set::can_be_judged);
    let path = root.join("stale.json");
    let stale = if path.exists() { read_whole(&path)? } else { Stale::new() };
    Ok((sets, stale))
}

fn read_whole<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// The objects of a JSON Lines file with their line numbers; blank lines and comments are skipped.
pub fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<(u64, T)>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut objects = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let object = serde_json::from_str(line).with_context(|| format!("{}, line {number}", path.display()))?;
        objects.push((number, object));
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_named_alike() {
        let of = |text: &str| subject(&serde_json::from_str(text).expect("a request line"));
        assert_eq!(of(r#"{"ioctl": "0x2d0944", "handle": "A"}"#).as_deref(), Some("0x002D0944"));
        assert_eq!(of(r#"{"ioctl": 147456}"#).as_deref(), Some("0x00024000"));
        assert_eq!(of(r#"{"ioctl": "IOCTL_CDROM_READ_TOC"}"#).as_deref(), Some("IOCTL_CDROM_READ_TOC"));
        assert_eq!(of(r#"{"flush": {}}"#).as_deref(), Some("flush"));
        assert_eq!(of(r#"{"open": "A"}"#), None);
    }

    #[test]
    fn the_adapter_option_has_the_usual_values_unless_told_otherwise() {
        let set = |text: &str| serde_json::from_str::<Set>(text).expect("a set");
        let usual = set(r#"{"name": "n", "drive": "d", "requests": "r"}"#);
        assert_eq!(usual.adapter(), "alignment-mask=1,max-transfer=65536,max-pages=17");
        let other = set(r#"{"name": "n", "drive": "d", "requests": "r", "kw": {"align": 3, "breaks": 9}}"#);
        assert_eq!(other.adapter(), "alignment-mask=3,max-transfer=65536,max-pages=9");
        assert!(usual.can_be_judged());
        assert!(!set(r#"{"name": "n", "drive": "d", "requests": "r", "underrun": "error"}"#).can_be_judged());
        assert_eq!(usual.drive(Path::new("x")), Path::new("x/drives/d.jsonl"));
    }
}
