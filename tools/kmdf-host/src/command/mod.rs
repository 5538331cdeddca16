//! The command line, and what it prints.

mod cli;
mod sweep;

use std::io::{BufWriter, Read, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use drive_formats::requests::{self, Line};
use drive_formats::results::ResultLine;
use kmdf_host::{Counts, FindingLine, Host, Injection, Options, Report, Stage, sentence};

use cli::{At, Cli, Command, Run, Setup};

/// Exit codes.
const FOUND: u8 = 1;
const UNUSABLE: u8 = 2;

/// Runs the command.
pub fn main() -> ExitCode {
    let code = match Cli::parse().command {
        Command::Run(options) => run(&options),
        Command::Sweep(options) => sweep::run(&options),
    };
    match code {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kmdf-host: {error:#}");
            ExitCode::from(UNUSABLE)
        }
    }
}

/// Where result lines go.
struct Output {
    stdout: BufWriter<std::io::StdoutLock<'static>>,
    failed: Option<std::io::Error>,
    notes: bool,
}

impl Output {
    fn give(&mut self, line: &ResultLine) {
        self.notes |= !line.findings.is_empty();
        let written = serde_json::to_writer(&mut self.stdout, line)
            .map_err(std::io::Error::from)
            .and_then(|()| self.stdout.write_all(b"\n"));
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
    }
}

fn run(options: &Run) -> Result<ExitCode> {
    let setup = &options.setup;
    let path = setup.sys.display().to_string();
    let image = image(setup)?;
    let drive = virtual_drive::open(&setup.drive)
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("--drive {}", setup.drive))?;
    let lines = lines(setup)?;
    if options.cancel_at.is_some() && options.at == At::Start {
        bail!("--cancel-at cancels a request: say with --at in which line of the script");
    }
    let injection =
        Injection { allocation: options.fail_allocation, command: options.fail_command, cancel_at: options.cancel_at };
    let at = |here: At| if options.at == here { injection } else { Injection::default() };
    let mut host = Host::start(Options {
        adapter: setup.adapter,
        registry: setup.registry.clone(),
        seed: setup.seed,
        trace: options.trace,
        whole_output: options.whole_output,
        injection: at(At::Start),
        ..Options::new(image, &path, drive)
    })
    .with_context(|| format!("--sys {path}"))?;
    let mut output = Output { stdout: BufWriter::new(std::io::stdout().lock()), failed: None, notes: false };
    for line in host.take_opening() {
        output.give(&line);
    }
    if options.count {
        count("start", host.counts());
    }
    let mut ended = None;
    if host.stage() != Stage::Started && !host.is_over() {
        let status = nt_kernel::status::name(host.start_status());
        ended = Some(format!("the device did not start: {} gave {status}", host.stage().failed()));
    }
    for line in &lines {
        if ended.is_some() || host.is_over() {
            break;
        }
        host.set_injection(at(At::Line(line.number)));
        if let Err(error) = host.play(line, &mut |line| output.give(&line)) {
            let script = setup.script.as_ref().map_or_else(String::new, |file| file.display().to_string());
            ended = Some(format!("{script}, {error}"));
        }
        if options.count {
            count(&format!("line {}", line.number), host.counts());
        }
    }
    let report = host.finish(&mut |line| output.give(&line));
    output.stdout.flush().map_or_else(Err, |()| output.failed.map_or(Ok(()), Err)).context("standard output")?;
    tell(options, &report);
    if let Some(ended) = &ended {
        eprintln!("kmdf-host: {ended}");
    }
    let good = report.findings.is_empty() && ended.is_none() && !output.notes;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}

fn image(setup: &Setup) -> Result<Vec<u8>> {
    std::fs::read(&setup.sys).with_context(|| format!("--sys {}", setup.sys.display()))
}

fn lines(setup: &Setup) -> Result<Vec<Line>> {
    let Some(file) = &setup.script else { return Ok(Vec::new()) };
    let name = file.display().to_string();
    let text = read(file).with_context(|| format!("--script {name}"))?;
    Ok(requests::parse(&name, &text)?)
}

fn read(file: &std::path::Path) -> std::io::Result<String> {
    if file.as_os_str() != "-" {
        return std::fs::read_to_string(file);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

fn count(what: &str, counts: Counts) {
    let Counts { allocations, commands, points } = counts;
    eprintln!("{what}: {allocations} allocations, {commands} commands, {points} scheduling points");
}

fn tell(options: &Run, report: &Report) {
    for finding in &report.findings {
        if options.json {
            let line = serde_json::to_string(&FindingLine::from(finding)).unwrap_or_default();
            eprintln!("{line}");
        } else {
            eprintln!("{}", sentence(finding));
        }
    }
    if options.footprint {
        eprintln!("{}", report.footprint);
    }
}
