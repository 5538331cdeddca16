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
    let mut compared = differences(&core, &played, &script);
    if !complaint.is_empty() {
        compared.different.push(complaint);
    }
    Ok(compared)
}

/// Compares the result lines of core and binary to the requests of `script`.
fn differences(core: &[Value], binary: &[Value], script: &str) -> Compared {
    let mut compared = Compared { lines: 0, different: Vec::new() };
    let requests: Vec<&str> = script.lines().collect();
    for ours in core.iter().filter(|line| !line["line"].is_null()) {
        compared.lines += 1;
        let number = &ours["line"];
        let Some(theirs) = binary.iter().find(|line| &line["line"] == number) else {
            compared.different.push(format!("line {number}: the binary gave no answer"));
            continue;
        };
        let index = number.as_u64().and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
        let request = index.and_then(|index| requests.get(index)).copied().unwrap_or("");
        let asked: Value = serde_json::from_str(request).unwrap_or_default();
        let judged = |field: &&str| !(names_the_machine(&asked) && OF_NAMES.contains(field));
        for field in FIELDS.into_iter().filter(judged).filter(|field| ours[field] != theirs[field]) {
            let text = |line: &Value| line[field].to_string().chars().take(200).collect::<String>();
            let difference = format!("line {number}, {field}: core {}, binary {}", text(ours), text(theirs));
            compared.different.push(difference);
        }
    }
    compared
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect()
    }

    #[test]
    fn every_field_counts_but_the_names_of_the_machine() {
        let script = "{\"open\": \"A\"}\n{\"ioctl\": \"0x004D0000\", \"handle\": \"A\", \"out_len\": 9}";
        let core = lines(
            "{\"line\": null, \"cause\": \"start\"}\n{\"line\": 1, \"status\": \"0x00000000\", \"commands\": []}\n\
             {\"line\": 2, \"status\": \"0x00000000\", \"out\": \"01\"}",
        );
        assert_eq!(differences(&core, &core, script).lines, 2);
        assert!(differences(&core, &core, script).different.is_empty());
        let other = lines(
            "{\"line\": 1, \"status\": \"0xC0000010\", \"commands\": [{\"cdb\": \"00\"}]}\n\
             {\"line\": 2, \"status\": \"0x00000000\", \"out\": \"02\"}",
        );
        assert_eq!(differences(&core, &other, script).different.len(), 2, "status and commands of line 1");
        assert_eq!(differences(&core, &other, "").different.len(), 3, "and the output of line 2");
        assert_eq!(differences(&core, &[], script).different.len(), 2, "lines without an answer");
    }
}
