//! `cargo xtask cost`: instructions that the driver's binary spends on each request, counted by callgrind.
//!
//! A script is played up to the request, and again with the request repeated; what the repetitions add, divided by their
//! number, is the request's. The driver's code is in no file that callgrind knows, so it is told from the host's.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use regex::Regex;
use scenes::{all, make_disc};
use serde_json::json;

use crate::binary::{Binary, Run, ScriptFile};
use crate::parallel;
use crate::workspace::{has_program, output_of, target};

/// What to count.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Only requests whose name matches this regular expression.
    #[arg(long, value_name = "REGEX")]
    only: Option<Regex>,
    /// The driver's file; without it the driver is built.
    #[arg(long, value_name = "FILE")]
    sys: Option<PathBuf>,
    /// One JSON object a request.
    #[arg(long)]
    json: bool,
}

/// How often a request is played in the two runs that are compared, the first pair that goes well: callgrind does not bear
/// the signal by which the host looks for endless loops, which comes after some seconds of processor time.
const TIMES: [(u64, u64); 3] = [(1, 5), (1, 3), (0, 1)];

/// A request with what goes before.
struct Case {
    name: String,
    drive: String,
    before: Vec<String>,
    line: String,
}

/// Instructions of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spent {
    driver: u64,
    all: u64,
}

/// Counts and prints.
pub fn run(options: &Options) -> Result<bool> {
    if !has_program("valgrind") {
        bail!("valgrind counts the instructions; install it, on Debian `apt-get install valgrind`");
    }
    let sheet = make_disc(&target().join("cost"))?;
    let mut cases = cases(&sheet.display().to_string());
    cases.retain(|case| options.only.as_ref().is_none_or(|only| only.is_match(&case.name)));
    let binary = Binary::build(options.sys.as_deref())?;
    let numbered: Vec<_> = cases.iter().enumerate().collect();
    let spent = parallel::map(&numbered, |(index, case)| Ok(of_case(&binary, *index, case)))?;
    if !options.json {
        println!("{:<44} {:>10} {:>14}", "request", "driver", "with the host");
    }
    for (case, spent) in cases.iter().zip(&spent) {
        match spent {
            Ok(Spent { driver, all }) if options.json => {
                println!("{}", json!({"request": case.name, "driver": driver, "all": all}));
            }
            Ok(Spent { driver, all }) => println!("{:<44} {driver:>10} {all:>14}", case.name),
            Err(error) => eprintln!("{}: not counted: {error:#}", case.name),
        }
    }
    Ok(!cases.is_empty())
}

/// Each control code once, in the place of the scenes where it comes first, and a read.
fn cases(disc: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for scene in all() {
        let script = scene.script();
        let lines: Vec<String> = script.text.lines().map(str::to_owned).collect();
        for (number, act, shown) in &script.acts {
            if !*shown || cases.iter().any(|case| case.name == act.ioctl) {
                continue;
            }
            let at = usize::try_from(*number).unwrap_or(usize::MAX) - 1;
            cases.push(Case {
                name: act.ioctl.to_owned(),
                drive: scene.drive.replace("DISC", disc),
                before: lines[..at].to_vec(),
                line: lines[at].clone(),
            });
        }
    }
    cases.push(Case {
        name: "read of 64 KiB".into(),
        drive: "cdrom-data".into(),
        before: vec![json!({"open": "A"}).to_string()],
        line: json!({"read": {"offset": 0x8000, "length": 0x1_0000}, "handle": "A"}).to_string(),
    });
    cases
}

fn of_case(binary: &Binary, index: usize, case: &Case) -> Result<Spent> {
    let played = |times: u64| {
        let repeated = (0..times).map(|_| &case.line);
        let text: String = case.before.iter().chain(repeated).map(|line| format!("{line}\n")).collect();
        let name = format!("cost-{index}-{times}");
        let file = ScriptFile::new(&name, &text)?;
        let out = target().join("scripts").join(format!("{name}.callgrind"));
        let run = Run { drive: &format!("sim:{}", case.drive), adapter: "", script: file.path(), seed: 0, more: &[] };
        let host = binary.command("run", &run);
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--vgdb=no", &format!("--callgrind-out-file={}", out.display())]);
        output_of(command.arg(host.get_program()).args(host.get_args()))?;
        Ok::<_, anyhow::Error>(sum(&std::fs::read_to_string(&out).with_context(|| out.display().to_string())?))
    };
    let pair = |(few, many)| Some((many - few, played(few).ok()?, played(many).ok()?));
    let counted = TIMES.into_iter().find_map(pair);
    let (times, once, often) = counted.context("callgrind ended early, however few the repetitions")?;
    let each = |once: u64, often: u64| often.saturating_sub(once) / times;
    Ok(Spent { driver: each(once.driver, often.driver), all: each(once.all, often.all) })
}

/// Adds up the costs of a callgrind profile: those of code without a file, and all.
fn sum(profile: &str) -> Spent {
    let mut spent = Spent { driver: 0, all: 0 };
    let mut objects = HashMap::new();
    let (mut unknown, mut of_call) = (false, false);
    for line in profile.lines() {
        let of_callee = line.strip_prefix("cob=");
        if let Some(object) = of_callee.or_else(|| line.strip_prefix("ob=")) {
            // An object has its name where it comes first, be it that of a called function.
            let (number, name) = object.split_once(' ').unwrap_or((object, ""));
            if !name.is_empty() {
                objects.insert(number, name == "???");
            }
            if of_callee.is_none() {
                unknown = objects.get(number).copied().unwrap_or(false);
            }
        } else if line.starts_with("calls=") {
            of_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '*')) {
            // The line after a call is what the called function spent, which has lines of its own.
            if !std::mem::take(&mut of_call) {
                let cost = line.split(' ').nth(1).and_then(|cost| cost.parse().ok()).unwrap_or(0);
                spent.all += cost;
                spent.driver += if unknown { cost } else { 0 };
            }
        }
    }
    spent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_those_of_functions_themselves() {
        let profile = "events: Ir\n\nob=(1) /host\nfn=(1) main\n10 100\ncob=(2) ???\ncfn=(2) 0x1\ncalls=1 0\n11 900\n+2 7\n\n\
                       ob=(2)\nfn=(2)\n0 30\ncalls=2 0\n* 5\nob=(1)\nfn=(3) f\n* 5\nob=(2)\nfn=(4)\n+1 5\n";
        assert_eq!(sum(profile), Spent { driver: 35, all: 147 });
    }
}
