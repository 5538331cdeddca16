//! Compares our drive, our parsers and our image readers with those of others.
//!
//! Each [`Part`] asks a peer and us the same questions. A difference is allowed only when the part's table
//! explains it: who is right, by which clause of the standard.
#![forbid(unsafe_code)]

mod answer;
mod commands;
mod compare;
mod decoders;
mod discs;
mod expected;
mod fields;
mod fixture;
mod guest;
mod images;
mod iscsi;
mod part;
mod qemu;
mod report;
mod scene;
mod version;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;

use compare::Findings;
use part::{Context, Part};
use report::Report;

/// All parts, in the order they run.
const PARTS: &[Part] = &[qemu::PART, iscsi::PART, images::PART, decoders::PART, guest::PART];

#[derive(Parser)]
#[command(name = "peers", about = "Compares our drive and our tools with those of others.")]
struct Arguments {
    /// Run only this part; may be given again.
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
    /// Say everything as JSON.
    #[arg(long)]
    json: bool,
    /// List the parts.
    #[arg(long)]
    list: bool,
    /// Store what the peers say as fixtures in this directory.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Write the tables into this document.
    #[arg(long, value_name = "FILE")]
    write_docs: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the chosen parts; says whether every difference is explained.
fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    if arguments.list {
        for part in PARTS {
            println!("{:<10} {}", part.name, part.about);
        }
        return Ok(true);
    }
    if let Some(unknown) = arguments.only.iter().find(|name| PARTS.iter().all(|part| part.name != **name)) {
        let known: Vec<_> = PARTS.iter().map(|part| part.name).collect();
        anyhow::bail!("no part is named `{unknown}`; there are {}", known.join(", "));
    }
    let chosen =
        PARTS.iter().filter(|part| arguments.only.is_empty() || arguments.only.iter().any(|name| name == part.name));
    let mut reports = Vec::new();
    for part in chosen {
        let report = Report::judge(part, ask(part, arguments)?)?;
        if !arguments.json {
            print!("{report}");
        }
        reports.push(report);
    }
    if arguments.json {
        println!("{}", report::json(&reports));
    }
    if let Some(file) = &arguments.write_docs {
        report::write_docs(file, &reports)?;
    }
    Ok(reports.iter().all(Report::is_good))
}

/// Runs one part, or notes why it cannot run; a part that fails does not keep the others back.
fn ask(part: &Part, arguments: &Arguments) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    if let Err(reason) = part.install() {
        findings.skip(reason);
        return Ok(findings);
    }
    let scratch = tempfile::Builder::new().prefix("peers-").tempdir().context("no directory for temporary files")?;
    let context = Context { scratch: scratch.path().to_owned(), record: arguments.record.clone() };
    if let Err(error) = (part.run)(&context, &mut findings) {
        findings.failed = Some(format!("{error:#}"));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Our drive still agrees with what the peers said, or differs as their tables explain; no rule is left over.
    #[test]
    fn recorded_answers_are_replayed() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let mut replayed = Vec::new();
        for part in PARTS {
            let Ok(fixture) = std::fs::read_to_string(fixtures.join(format!("{}.jsonl", part.name))) else { continue };
            let discs = tempfile::tempdir().unwrap();
            let mut findings = Findings::default();
            fixture::replay(&fixture, discs.path(), &mut findings).unwrap();
            let report = Report::judge(part, findings).unwrap();
            assert!(report.is_good() && report.unused().next().is_none(), "{report}");
            replayed.push(part.name);
        }
        assert_eq!(replayed, ["qemu", "tgt"]);
    }

    #[test]
    fn parts_are_told_apart_and_their_tables_can_be_read() {
        for (place, part) in PARTS.iter().enumerate() {
            assert!(PARTS[..place].iter().all(|earlier| earlier.name != part.name));
            expected::Expected::parse(part.expected).expect(part.name);
        }
    }
}
