//! `kmdf-host sweep`: every failure, one at a time.

use std::io::{BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use kmdf_host::{Failures, Sweep, Trial};
use virtual_drive::FaultKind;

use super::cli::{Only, Sweep as Options};
use super::{FOUND, image, lines};

/// Runs the command.
pub fn run(options: &Options) -> Result<ExitCode> {
    let setup = &options.setup;
    let chosen = |kind| options.only.is_empty() || options.only.contains(&kind);
    let (image, lines) = (image(setup)?, lines(setup)?);
    let sweep = Sweep {
        image: &image,
        path: &setup.sys.display().to_string(),
        drive: &|| virtual_drive::open(&setup.drive),
        adapter: setup.adapter,
        registry: &setup.registry,
        seed: setup.seed,
        lines: &lines,
        failures: Failures {
            allocations: chosen(Only::Allocations),
            commands: if chosen(Only::Commands) { FaultKind::ALL.to_vec() } else { Vec::new() },
            cancellations: chosen(Only::Cancellations),
        },
    };
    let trials = sweep.run(&progress)?;
    let bad = trials.iter().filter(|trial| !trial.faults.is_empty()).count();
    let mut output = BufWriter::new(std::io::stdout().lock());
    for trial in trials.iter().filter(|trial| options.json || !trial.faults.is_empty()) {
        give(&mut output, trial, options.json).context("standard output")?;
    }
    if !options.json {
        writeln!(output, "{} trials, {bad} not good", trials.len()).context("standard output")?;
    }
    output.flush().context("standard output")?;
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}

fn give(output: &mut impl Write, trial: &Trial, as_json: bool) -> std::io::Result<()> {
    if as_json {
        serde_json::to_writer(&mut *output, trial)?;
        return writeln!(output);
    }
    let place = trial.line.map_or("start".into(), |line| format!("line {line}"));
    writeln!(output, "{place}, {}: {}", trial.failure, trial.faults.join("; "))
}

/// Says how far it is, where a person watches.
fn progress(done: usize, all: usize) {
    if std::io::stderr().is_terminal() && (done.is_multiple_of(50) || done == all) {
        eprint!("\r{done} of {all} trials{}", if done == all { "\n" } else { "" });
    }
}
