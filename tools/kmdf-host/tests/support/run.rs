//! A driver in the host, from start to unload.

use std::path::Path;

use drive_formats::requests;
use drive_formats::results::ResultLine;
use kmdf_host::{Counts, Host, Injection, Options, Stage};
use nt_machine::findings::Finding;

/// A drive with a data disc.
pub const DRIVE: &str = "sim:cdrom-data";

/// What is to be run.
pub struct Run<'a> {
    /// The driver's file.
    pub driver: &'a Path,
    /// The drive below it.
    pub drive: &'a str,
    /// Request lines.
    pub script: &'a str,
    /// The scheduler's seed.
    pub seed: u64,
    /// Registry values.
    pub registry: Vec<String>,
    /// What goes wrong, and in which stage of the run: 0 is load and start, n the n-th line of the script. The script ends
    /// with the line after it.
    pub injection: Option<(usize, Injection)>,
}

impl<'a> Run<'a> {
    /// With nothing special.
    pub fn new(driver: &'a Path, script: &'a str) -> Run<'a> {
        Run { driver, drive: DRIVE, script, seed: 0, registry: Vec::new(), injection: None }
    }
}

/// What came of a run.
pub struct Outcome {
    /// How far the driver got before its removal.
    pub stage: Stage,
    /// Status of the step that failed, or success.
    pub start_status: u32,
    /// Result lines of the script, in order.
    pub lines: Vec<ResultLine>,
    /// How many allocations, commands and scheduling points there were in each stage.
    pub counts: Vec<Counts>,
    /// Rules broken.
    pub findings: Vec<Finding>,
}

impl Outcome {
    /// Status and information of the script's lines, one after the other.
    pub fn answers(&self) -> Vec<(u32, u64)> {
        let outcomes = self.lines.iter().filter(|line| line.line.is_some()).filter_map(|line| line.outcome.as_ref());
        outcomes.filter_map(|outcome| Some((outcome.status?, outcome.information))).collect()
    }

    /// Status of a line's answer.
    pub fn status_of(&self, number: usize) -> Option<u32> {
        let line = self.lines.iter().find(|line| line.line == Some(number))?;
        line.outcome.as_ref()?.status
    }

    /// The findings, as the command prints them.
    pub fn complaints(&self) -> String {
        self.findings.iter().map(|finding| format!("  {finding}\n")).collect()
    }
}

/// Runs it.
pub fn run(run: &Run<'_>) -> Outcome {
    let drive = virtual_drive::open(run.drive).expect("the drive is there");
    let image = std::fs::read(run.driver).expect("the driver is built");
    let lines = requests::parse("script", run.script).expect("the script is well-formed");
    let at = |here: usize| match run.injection {
        Some((stage, injection)) if stage == here => injection,
        _ => Injection::default(),
    };
    let last = run.injection.map_or(lines.len(), |(stage, _)| lines.len().min(stage + 1));
    let mut host = Host::start(Options {
        registry: run.registry.iter().map(|setting| setting.parse().expect("a registry value")).collect(),
        seed: run.seed,
        injection: at(0),
        ..Options::new(image, &run.driver.display().to_string(), drive)
    })
    .expect("the image loads");
    let mut results = host.take_opening();
    let mut counts = vec![host.counts()];
    let start_status = host.start_status().cast_unsigned();
    let stage = host.stage();
    if stage == Stage::Started {
        for (index, line) in lines.iter().enumerate().take(last) {
            host.set_injection(at(index + 1));
            let played = host.play(line, &mut |line| results.push(line));
            counts.push(host.counts());
            if played.is_err() {
                break;
            }
        }
    }
    let report = host.finish(&mut |line| results.push(line));
    Outcome { stage, start_status, lines: results, counts, findings: report.findings }
}
