//! Runs the requests of a set against its scripted drive.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::answer::Answer;
use crate::workspace;

/// The answers to `requests`, and the last thing that was said when something went wrong.
pub fn answers(drive: &Path, requests: &Path, adapter: &str) -> Result<(Vec<Answer>, String)> {
    let tool = workspace::target().join("release/cdromctl");
    let output = Command::new(&tool)
        .arg("--drive")
        .arg(format!("script:{}", drive.display()))
        .args(["--adapter", adapter, "--json", "batch"])
        .arg(requests)
        .output()
        .with_context(|| format!("cannot start {}", tool.display()))?;
    let lines = String::from_utf8_lossy(&output.stdout);
    let answers = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let complaint = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("none").to_owned();
    Ok((answers, complaint))
}
