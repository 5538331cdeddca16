//! Runs the requests of a set on the core, against the set's scripted drive, in this process.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use drive_host::{Host, Options, replay, requests};
use virtual_drive::script::ScriptDrive;

use super::answer::Answer;

/// The answers to the script `requests`, and what went wrong if they end early.
pub fn answers(drive: &Path, requests: &Path, adapter: &str) -> Result<(Vec<Answer>, String)> {
    let target = ScriptDrive::load(drive)?;
    let name = requests.display().to_string();
    let text = fs::read_to_string(requests).with_context(|| name.clone())?;
    let lines = requests::parse_for_core(&name, &text)?;
    let adapter = adapter.parse().map_err(|error: String| anyhow!(error))?;
    let options = Options { adapter, ..Options::default() };
    let mut results = Vec::new();
    // A panic of the core is a fault of one line: the answers before it are judged.
    let ended = panic::catch_unwind(AssertUnwindSafe(|| -> Result<()> {
        let mut host = Host::start(Box::new(target), &options)?;
        replay::run(&mut host, &name, &lines, false, &mut |line| results.push(line))?;
        Ok(())
    }));
    let complaint = match ended {
        Ok(Ok(())) => "none".to_owned(),
        Ok(Err(error)) => format!("{error:#}"),
        Err(_) => "the core panicked".to_owned(),
    };
    // Through the file format, so that what is judged is what the tools print.
    let answers = results.iter().map(|line| Ok(serde_json::from_str(&serde_json::to_string(line)?)?));
    Ok((answers.collect::<Result<_>>()?, complaint))
}
