//! `cargo xtask conformance`: the sets of `conformance/` through the core or the driver's binary, every answer judged.

mod answer;
mod differences;
mod judge;
mod replay;
mod sets;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use regex::Regex;
use serde_json::json;

use crate::binary::Binary;
use crate::{parallel, workspace};
pub use answer::Answer;
use differences::Difference;
pub use differences::load as load_differences;
pub use judge::names_the_machine;
use judge::{Case, Counts, Verdict};
use sets::{Set, Stale};

/// What to replay and what to print.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Only sets whose name matches this regular expression.
    #[arg(long, value_name = "REGEX")]
    only: Option<Regex>,
    /// How many different cases to show of each set.
    #[arg(long, value_name = "N", default_value_t = 3)]
    verbose: usize,
    /// One JSON object a set, and one for the total.
    #[arg(long)]
    json: bool,
    /// The folder that holds the sets.
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,
    /// The list of differences that are meant.
    #[arg(long, value_name = "FILE")]
    allowed: Option<PathBuf>,
    /// Through the driver's binary in the user-mode host instead of the core alone.
    #[arg(long)]
    binary: bool,
    /// Seeds of the host's scheduler; every set is replayed with each.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "0,1,2", requires = "binary")]
    seeds: Vec<u64>,
    /// The driver's file; without it the driver is built.
    #[arg(long, value_name = "FILE", requires = "binary")]
    sys: Option<PathBuf>,
}

/// What the sets are replayed on.
#[derive(Clone, Copy, Debug)]
pub enum Through<'a> {
    /// The core alone, in this process.
    Core,
    /// The driver's binary in the host, with this seed.
    Binary(&'a Binary, u64),
}

/// The list of differences of this project.
pub fn list() -> PathBuf {
    workspace::root().join("conformance/differences.jsonl")
}

/// Replays and prints; true if there were cases and none is different.
pub fn run(options: &Options) -> Result<bool> {
    let root = options.root.clone().unwrap_or_else(|| workspace::root().join("conformance"));
    let (mut sets, stale) = sets::load(&root)?;
    if let Some(pattern) = &options.only {
        sets.retain(|set| pattern.is_match(&set.name));
        if sets.is_empty() {
            bail!("no set of {} matches {pattern}", root.display());
        }
    }
    let differences = load_differences(&options.allowed.clone().unwrap_or_else(list))?;
    let binary = if options.binary { Some(Binary::build(options.sys.as_deref())?) } else { None };
    let ways: Vec<_> = match &binary {
        Some(binary) => options.seeds.iter().map(|seed| Through::Binary(binary, *seed)).collect(),
        None => vec![Through::Core],
    };
    let replays: Vec<_> = ways.iter().flat_map(|way| sets.iter().map(|set| (*way, set))).collect();
    let verdicts = parallel::map(&replays, |(way, set)| {
        judge_one(*way, set, &root, &stale, &differences).with_context(|| set.name.clone())
    })?;
    let mut total = Counts::default();
    for ((way, set), verdict) in replays.iter().zip(&verdicts) {
        total += verdict.counts;
        let name = match way {
            Through::Binary(_, seed) if ways.len() > 1 => format!("{} (seed {seed})", set.name),
            _ => set.name.clone(),
        };
        print(&name, &verdict.counts, options.json);
        for case in verdict.different.iter().take(if options.json { 0 } else { options.verbose }) {
            show(case);
        }
    }
    if options.only.is_none() && !options.json {
        for (index, entry) in differences.iter().enumerate() {
            if !verdicts.iter().any(|verdict| verdict.used.contains(&index)) {
                println!("listed difference never seen: {} (line {} of the list)", entry.id, entry.line);
            }
        }
    }
    print("total", &total, options.json);
    Ok(total.cases > 0 && total.different == 0)
}

fn judge_one(way: Through<'_>, set: &Set, root: &Path, stale: &Stale, differences: &[Difference]) -> Result<Verdict> {
    let material = set.load(root, stale)?;
    let (drive, requests, adapter) = (set.drive(root), set.requests(root), set.adapter());
    let (answers, complaint) = match way {
        Through::Core => replay::on_the_core(&drive, &requests, &adapter)?,
        Through::Binary(binary, seed) => replay::on_the_binary(binary, seed, &drive, &requests, &adapter)?,
    };
    let mut verdict = judge::judge(&material, &answers, differences, &complaint);
    if matches!(way, Through::Binary(..)) && !complaint.is_empty() {
        verdict.complain(&complaint);
    }
    Ok(verdict)
}

fn print(name: &str, counts: &Counts, as_json: bool) {
    let Counts { cases, equal, meant, different } = counts;
    if as_json {
        println!("{}", json!({"set": name, "cases": cases, "equal": equal, "meant": meant, "different": different}));
    } else {
        println!("{name:<28} {cases:>5} cases, {equal:>5} equal, {meant:>4} meant, {different:>5} different");
    }
}

fn show(case: &Case) {
    match case.line {
        Some(line) => println!("  line {line}: {}", case.request),
        None => println!("  start, or the whole run"),
    }
    for deviation in &case.deviations {
        println!("    {:<11} reference {}", deviation.field, deviation.reference);
        println!("                here      {}", deviation.here);
    }
}
