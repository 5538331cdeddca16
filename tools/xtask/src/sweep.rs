//! `cargo xtask sweep`: every failure of every request, one at a time, through the driver's binary.
//!
//! The host lets the n-th allocation fail, the n-th command in each way, and cancels at the n-th scheduling point, for
//! every n of load, start and each request of the scenes, and looks for broken rules and statuses that nothing explains.
//! What a failed command means is compared with the core: it must say the same.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use drive_host::{Host, HostError, Options as HostOptions, replay, requests};
use regex::Regex;
use scenes::{all, make_disc};
use serde::Deserialize;
use virtual_drive::{CommandFault, Faulty, sim};

use crate::binary::{Binary, Run, ScriptFile};
use crate::workspace;

/// What to try.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Only scenes whose title matches this regular expression.
    #[arg(long, value_name = "REGEX")]
    only: Option<Regex>,
    /// The seed of the host's scheduler.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The driver's file; without it the driver is built.
    #[arg(long, value_name = "FILE")]
    sys: Option<PathBuf>,
    /// How many trials to show of each scene that are not good.
    #[arg(long, value_name = "N", default_value_t = 5)]
    verbose: usize,
}

/// GET EVENT STATUS NOTIFICATION: a poll, which belongs to no line and may come before one or within it.
const POLL: &str = "4a";

/// A line of the host's sweep.
#[derive(Debug, Deserialize)]
struct Trial {
    line: Option<u64>,
    failure: String,
    #[serde(default)]
    command: String,
    status: Option<String>,
    #[serde(default)]
    faults: Vec<String>,
}

/// What the system does rather than a program: reads and writes with more than one command, flush, shutdown, the clean-up
/// of a handle with locks.
const SYSTEM: &str = r#"{"open": "A"}
{"read": {"offset": 0, "length": 133120}, "handle": "A"}
{"read": {"offset": 2048, "length": 4096}, "handle": "A", "x_mdl_offset": 512}
{"write": {"offset": 4096, "data": "00112233"}, "handle": "A"}
{"ioctl": "IOCTL_STORAGE_EJECTION_CONTROL", "handle": "A", "in": "01"}
{"ioctl": "IOCTL_DVD_START_SESSION", "handle": "A", "out_len": 4}
{"flush": {}, "handle": "A"}
{"x_shutdown": {}}
{"close": "A"}
{"read": {"offset": 0, "length": 2048}}
"#;

/// Tries and prints; true if every trial is good.
pub fn run(options: &Options) -> Result<bool> {
    let sheet = make_disc(&workspace::target().join("sweep"))?;
    let binary = Binary::build(options.sys.as_deref())?;
    let scenes = all()
        .into_iter()
        .map(|scene| (scene.title, scene.drive.replace("DISC", &sheet.display().to_string()), scene.script().text));
    let system =
        ("DVD writer with a DVD-RAM: reads, writes, flush, shutdown, clean-up", "dvdwriter-ram".into(), SYSTEM.into());
    let wanted = |(title, ..): &(&str, String, String)| options.only.as_ref().is_none_or(|only| only.is_match(title));
    let (mut trials, mut bad) = (0, 0);
    for (index, (title, drive, script)) in scenes.chain([system]).filter(wanted).enumerate() {
        let file = ScriptFile::new(&format!("sweep-{index}"), &script)?;
        let run = Run {
            drive: &format!("sim:{drive}"),
            adapter: "",
            script: file.path(),
            seed: options.seed,
            more: &["--json"],
        };
        let found = of_scene(&binary, &run, &drive, &script).with_context(|| title.to_owned())?;
        let wrong: Vec<_> = found.iter().filter(|trial| !trial.faults.is_empty()).collect();
        println!("{title:<70} {:>5} trials, {:>4} not good", found.len(), wrong.len());
        for Trial { line, failure, status, faults, .. } in wrong.iter().take(options.verbose) {
            let place = line.map_or("start".into(), |line| format!("line {line}"));
            println!("  {place}, {failure}: {} ({})", faults.join("; "), status.as_deref().unwrap_or("no status"));
        }
        trials += found.len();
        bad += wrong.len();
    }
    println!("{trials} trials, {bad} not good");
    Ok(trials > 0 && bad == 0)
}

fn of_scene(binary: &Binary, run: &Run<'_>, drive: &str, script: &str) -> Result<Vec<Trial>> {
    let output = binary.command("sweep", run).output()?;
    let text = String::from_utf8(output.stdout).context("trials")?;
    let mut trials: Vec<Trial> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("a trial")?;
    if trials.is_empty() {
        bail!("no trials: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut known = BTreeMap::new();
    for trial in &mut trials {
        let Some(fault) = trial.failure.strip_prefix("command ") else { continue };
        let fault: CommandFault = fault.parse().map_err(|error: String| anyhow!(error))?;
        let mut core = |nth| -> Result<Core> {
            let fault = CommandFault { nth, ..fault };
            let key = (trial.line, nth, fault.kind);
            match known.entry(key) {
                Entry::Occupied(entry) => Ok(Core::clone(entry.get())),
                Entry::Vacant(entry) => Ok(entry.insert(on_the_core(drive, script, trial.line, fault)?).clone()),
            }
        };
        // Polls come between at other moments: the same command may be one earlier or later.
        let same = |core: &Core| core.command == trial.command;
        let nearby = [0, -1, 1, -2, 2, -3, 3].into_iter().filter_map(|by| fault.nth.checked_add_signed(by));
        let Some(core) = nearby.map(&mut core).find(|core| core.as_ref().map_or(true, same)).transpose()? else {
            if !trial.command.starts_with(POLL) {
                trial.faults.push("the core sends no such command".into());
            }
            continue;
        };
        let given =
            trial.status.as_deref().and_then(|text| u32::from_str_radix(text.trim_start_matches("0x"), 16).ok());
        if !agree(trial.line, core.status, given) {
            trial.faults.push(format!("the core says {:#010X}", core.status.unwrap_or_default()));
        }
    }
    Ok(trials)
}

/// What the core did when a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Core {
    /// The block of that command in hex; empty if there were not as many.
    command: String,
    /// Status of the line or start.
    status: Option<u32>,
}

/// Whether core and binary say the same. Of a start the framework tells only whether it succeeded.
fn agree(line: Option<u64>, core: Option<u32>, binary: Option<u32>) -> bool {
    let failed = |status: Option<u32>| status.is_none_or(|status| status >= 0x8000_0000);
    if line.is_some() { core == binary } else { failed(core) == failed(binary) }
}

/// What the core says of `line`, or of the start, when a command of it fails.
fn on_the_core(drive: &str, script: &str, line: Option<u64>, fault: CommandFault) -> Result<Core> {
    let line = line.map(usize::try_from).transpose()?;
    let target = Faulty::new(Box::new(sim::open(drive).map_err(|error| anyhow!(error))?));
    let faults = target.faults();
    if line.is_none() {
        faults.set(Some(fault));
    }
    let core = |status| Core { command: faults.failed().iter().map(|byte| format!("{byte:02x}")).collect(), status };
    let mut host = match Host::start(Box::new(target), &HostOptions::default()) {
        Err(HostError::Start(status)) => return Ok(core(Some(status.0))),
        other => other?,
    };
    let Some(line) = line else { return Ok(core(Some(0))) };
    let mut lines = requests::parse("script", script)?;
    lines.retain(|each| each.number <= line);
    let before = lines.iter().rev().nth(1).map(|line| line.number);
    let mut status = None;
    replay::run(&mut host, "script", &lines, false, &mut |result| {
        if result.line == Some(line) && status.is_none() {
            status = result.outcome.as_ref().and_then(|outcome| outcome.status);
        }
        if result.line.is_some() && result.line == before {
            faults.set(Some(fault));
        }
    })?;
    Ok(core(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_fails_at_the_command_of_the_line() {
        let script = "{\"open\": \"A\"}\n{\"ioctl\": \"IOCTL_CDROM_READ_TOC\", \"handle\": \"A\", \"out_len\": 804}\n\
                      {\"ioctl\": \"IOCTL_STORAGE_CHECK_VERIFY\", \"handle\": \"A\"}";
        let status = |line, fault: &str| {
            on_the_core("cdrom-data", script, line, fault.parse().expect("a fault")).expect("an answer").status
        };
        assert_eq!(status(Some(2), "1:device-gone"), Some(0xC000_000E), "STATUS_NO_SUCH_DEVICE");
        assert_eq!(status(Some(2), "99:device-gone"), Some(0));
        assert_eq!(status(Some(1), "1:device-gone"), Some(0), "an open sends nothing");
        assert_eq!(status(None, "99:device-gone"), Some(0));
    }

    #[test]
    fn of_starts_only_success_is_compared() {
        assert!(agree(None, Some(0xC000_0185), Some(0xC000_009E)));
        assert!(!agree(None, Some(0), Some(0xC000_009E)));
        assert!(!agree(Some(3), Some(0xC000_0185), Some(0xC000_009E)));
    }
}
