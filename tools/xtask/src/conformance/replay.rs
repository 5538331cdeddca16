//! Runs the requests of a set against the set's scripted drive: on the core in this process, or on the binary.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use drive_host::{Host, Options, replay, requests};
use virtual_drive::script::ScriptDrive;

use super::answer::Answer;
use crate::binary::{Binary, Run};

/// The answers of the binary to the script `requests`, and what went wrong.
pub fn on_the_binary(
    binary: &Binary,
    seed: u64,
    drive: &Path,
    requests: &Path,
    adapter: &str,
) -> Result<(Vec<Answer>, String)> {
    let drive = format!("script:{}", drive.display());
    let played = binary.play(&Run { drive: &drive, adapter, script: requests, seed, more: &[] })?;
    Ok((played.answers, played.complaint))
}

/// The core's answers to the script `requests`, and what went wrong if they end early.
pub fn on_the_core(drive: &Path, requests: &Path, adapter: &str) -> Result<(Vec<Answer>, String)> {
    let target = ScriptDrive::load(drive)?;
    let name = requests.display().to_string();
    let text = fs::read_to_string(requests).with_context(|| name.clone())?;
    let lines = requests::parse(&name, &text)?;
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
