//! What the decoders said, kept in `decoders/facts.jsonl`: `{"peer": …}`, and
//! `{"scene": …, "question": …, "tool": …, "facts": …}`, the question with sense data only.

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::Facts;

/// One line.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Line {
    /// A tool with its version.
    Peer {
        /// Name and version.
        peer: String,
    },
    /// What a tool said.
    Said {
        /// The drive, or `sense`.
        scene: String,
        /// Which sense data.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        question: Option<String>,
        /// The tool.
        tool: String,
        /// What it said.
        facts: Facts,
    },
}

/// Reads what was kept.
#[cfg(test)]
pub(super) fn parse(text: &str) -> anyhow::Result<Vec<Line>> {
    text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

/// Collects what the tools say.
#[derive(Debug, Default)]
pub(super) struct Recorder(Vec<Line>);

impl Recorder {
    /// Keeps the version of a tool.
    pub fn peer(&mut self, peer: &str) {
        self.0.push(Line::Peer { peer: peer.into() });
    }

    /// Keeps what a tool said.
    pub fn said(&mut self, scene: &str, question: Option<&str>, tool: &str, facts: &Facts) {
        let ([scene, tool], question) = ([scene, tool].map(str::to_owned), question.map(str::to_owned));
        self.0.push(Line::Said { scene, question, tool, facts: facts.clone() });
    }

    /// Writes everything to `directory/name/facts.jsonl`.
    pub fn write(&self, directory: &Path, name: &str) -> anyhow::Result<()> {
        let lines: Vec<String> = self.0.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        let directory = directory.join(name);
        let file = directory.join("facts.jsonl");
        std::fs::create_dir_all(&directory)?;
        std::fs::write(&file, lines.join("\n") + "\n").with_context(|| file.display().to_string())
    }
}
