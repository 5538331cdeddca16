//! `cargo xtask twice`: the whole request table, through the core and through the driver's binary, line by line.
//!
//! The script is that of the conformance suite which asks every control code with every boundary; the drives are all
//! those in software that have a name. What one of the two answers otherwise is shown. Polls are left out: they belong
//! to no line.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use drive_host::{Host, Options as HostOptions, replay, requests};
use regex::Regex;
use serde_json::{Value, json};
use virtual_drive::sim;

use crate::binary::{Binary, Run};
use crate::conformance::names_the_machine;
use crate::{parallel, workspace};

/// What to ask whom.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Only drives whose name matches this regular expression.
    #[arg(long, value_name = "REGEX")]
    only: Option<Regex>,
    /// The request script; without one, that of the whole table.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// The seed of the host's scheduler.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The driver's file; without it the driver is built.
    #[arg(long, value_name = "FILE")]
    sys: Option<PathBuf>,
    /// How many different lines to show of each drive.
    #[arg(long, value_name = "N", default_value_t = 3)]
    verbose: usize,
    /// One JSON object a drive.
    #[arg(long)]
    json: bool,
}

/// What came of one drive.
struct Compared {
    lines: usize,
    different: Vec<String>,
}

/// Compares and prints; true if nothing differs.
pub fn run(options: &Options) -> Result<bool> {
    let script = options.script.clone().unwrap_or_else(|| workspace::root().join("conformance/requests/std.jsonl"));
    let wanted = |name: &&str| options.only.as_ref().is_none_or(|pattern| pattern.is_match(name));
    let drives: Vec<&str> = sim::list().iter().map(|(name, _)| *name).filter(wanted).collect();
    if drives.is_empty() {
        bail!("no drive has such a name; `cdromctl --drive sim:list` lists them");
    }
    let binary = Binary::build(options.sys.as_deref())?;
    let compared = parallel::map(&drives, |name| {
        let run = Run { drive: &format!("sim:{name}"), adapter: "", script: &script, seed: options.seed, more: &[] };
        compare(name, &binary, &run).with_context(|| (*name).to_owned())
    })?;
    let (mut lines, mut different) = (0, 0);
    for (name, Compared { lines: asked, different: found }) in drives.iter().zip(&compared) {
        lines += asked;
        different += found.len();
        if options.json {
            println!("{}", json!({"drive": name, "lines": asked, "different": found.len()}));
            continue;
        }
        println!("{name:<20} {asked:>5} lines, {:>5} different", found.len());
        found.iter().take(options.verbose).for_each(|text| println!("  {text}"));
    }
    if !options.json {
        println!("{lines} lines on {} drives, {different} different", drives.len());
    }
    Ok(lines > 0 && different == 0)
}

fn compare(name: &str, binary: &Binary, run: &Run<'_>) -> Result<Compared> {
    let (core, script) = on_the_core(name, run)?;
    let (played, complaint) = binary.lines(run)?;
    let mut different = Vec::new();
    let mut lines = 0;
    let of_line = |lines: &[Value], number: &Value| lines.iter().find(|line| &line["line"] == number).cloned();
    for ours in core.iter().filter(|line| !line["line"].is_null()) {
        lines += 1;
        let number = &ours["line"];
        let request = number.as_u64().and_then(|n| script.lines().nth(usize::try_from(n).ok()? - 1)).unwrap_or("");
        let Some(theirs) = of_line(&played, number) else {
            different.push(format!("line {number}: the binary gave no answer"));
            continue;
        };
        let asked: Value = serde_json::from_str(request).unwrap_or_default();
        for field in FIELDS.iter().filter(|field| !(names_the_machine(&asked) && OF_NAMES.contains(field))) {
            if ours[field] != theirs[field] {
                let text = |value: &Value| value.to_string().chars().take(200).collect::<String>();
                different.push(format!(
                    "line {number}, {field}: core {}, binary {}",
                    text(&ours[field]),
                    text(&theirs[field])
                ));
            }
        }
    }
    if !complaint.is_empty() {
        different.push(complaint);
    }
    Ok(Compared { lines, different })
}

/// What is compared of a line.
const FIELDS: [&str; 6] = ["status", "information", "out", "changed_beyond", "verify_flag", "commands"];

/// What of it names the machine, where a request asks for names.
const OF_NAMES: [&str; 3] = ["information", "out", "changed_beyond"];

fn on_the_core(drive: &str, run: &Run<'_>) -> Result<(Vec<Value>, String)> {
    let name = run.script.display().to_string();
    let text = fs::read_to_string(run.script).with_context(|| name.clone())?;
    let lines = requests::parse(&name, &text)?;
    let target = sim::open(drive).map_err(|error| anyhow!(error))?;
    let mut host = Host::start(Box::new(target), &HostOptions::default())?;
    let mut results = Vec::new();
    replay::run(&mut host, &name, &lines, false, &mut |line| results.push(serde_json::to_value(line)))?;
    Ok((results.into_iter().collect::<Result<_, _>>()?, text))
}
