//! Every failure that could happen, one at a time: the n-th allocation, the n-th command, a cancellation at the n-th
//! scheduling point, for every n of the start and of each line of a script.
//!
//! Each trial is a run of its own: the lines before are played as they are, the line in question with the failure, the
//! next one as it is, then the device is removed and the driver unloaded. The trials run on all cores, each core's with
//! machines of their own; their order does not depend on that.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use drive_formats::Adapter;
use drive_formats::requests::{Action, Line};
use drive_formats::results::{Hex, ResultLine};
use serde::Serialize;
use virtual_drive::{CommandFault, FaultKind, Target};

use crate::host::{Host, HostError, Options, Stage};
use crate::inject::{Counts, Injection};
use crate::registry::Setting;
use crate::report::sentence;

/// STATUS_CANCELLED.
const CANCELLED: u32 = 0xC000_0120;
/// STATUS_INSUFFICIENT_RESOURCES.
const INSUFFICIENT_RESOURCES: u32 = 0xC000_009A;
/// STATUS_NO_MEMORY: what the kernel's string functions say.
const NO_MEMORY: u32 = 0xC000_0017;
/// STATUS_DEVICE_POWER_FAILURE: what START_DEVICE says when a callback of the way to D0 fails.
const DEVICE_POWER_FAILURE: u32 = 0xC000_009E;

/// STATUS_INVALID_PARAMETER: what the framework's loader says when it has no memory for a driver.
const INVALID_PARAMETER: u32 = 0xC000_000D;

/// What a load or start may end with for want of memory.
const START_FAILURES: [u32; 3] = [INSUFFICIENT_RESOURCES, DEVICE_POWER_FAILURE, INVALID_PARAMETER];

/// What is tried.
pub struct Sweep<'a> {
    /// The driver file's bytes.
    pub image: &'a [u8],
    /// Its path.
    pub path: &'a str,
    /// Makes the drive anew.
    pub drive: &'a (dyn Fn() -> Result<Box<dyn Target>, String> + Sync),
    /// The adapter above the drive.
    pub adapter: Adapter,
    /// Registry values.
    pub registry: &'a [Setting],
    /// Decides every choice of the scheduler.
    pub seed: u64,
    /// The script.
    pub lines: &'a [Line],
    /// Which failures are tried.
    pub failures: Failures,
}

/// Kinds of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    /// The n-th allocation fails.
    pub allocations: bool,
    /// The n-th command fails in each of these ways.
    pub commands: Vec<FaultKind>,
    /// The request is cancelled at its n-th scheduling point.
    pub cancellations: bool,
}

/// One trial and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// The script's line; `None` for load and start.
    pub line: Option<usize>,
    /// What failed, as `allocation 3`, `command 2:time-out` or `cancel at 17`; `nothing` in the first run.
    pub failure: String,
    /// The block of the command that failed.
    #[serde(skip_serializing_if = "Hex::is_empty")]
    pub command: Hex,
    /// Status of the line, or of the load or start.
    #[serde(serialize_with = "hex")]
    pub status: Option<u32>,
    /// What is wrong: findings, a status that the failure does not explain, an end of the run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

fn hex<S: serde::Serializer>(status: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
    match status {
        Some(status) => serializer.serialize_str(&format!("0x{status:08X}")),
        None => serializer.serialize_none(),
    }
}

/// Why nothing was tried.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The drive.
    #[error("{0}")]
    Drive(String),
    /// The driver file.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Without a failure it has faults already.
    #[error("nothing was made to fail, and yet: {0}")]
    Unsound(String),
}

/// A failure to try.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Index of the line; `None` for the start.
    at: Option<usize>,
    injection: Injection,
    /// The status without the failure.
    usual: Option<u32>,
}

impl Plan {
    fn name(&self) -> String {
        let Injection { allocation, command, cancel_at } = self.injection;
        match (allocation, command, cancel_at) {
            (Some(nth), ..) => format!("allocation {nth}"),
            (_, Some(CommandFault { nth, kind }), _) => format!("command {nth}:{kind}"),
            (.., Some(nth)) => format!("cancel at {nth}"),
            _ => "nothing".into(),
        }
    }

    /// Whether the failure explains the status.
    fn explains(&self, status: Option<u32>) -> bool {
        let Some(status) = status else { return false };
        let usual = self.usual == Some(status);
        match self.injection {
            Injection { allocation: Some(_), .. } => {
                let want = matches!(status, INSUFFICIENT_RESOURCES | NO_MEMORY);
                usual || want || (self.at.is_none() && START_FAILURES.contains(&status))
            }
            Injection { cancel_at: Some(_), .. } => usual || status == CANCELLED,
            // What a failed command means is the driver's to say.
            _ => true,
        }
    }
}

/// What a run showed of the line in question.
struct Seen {
    command: Vec<u8>,
    status: Option<u32>,
    faults: Vec<String>,
}

impl Sweep<'_> {
    /// Tries everything; `progress` hears how many of how many trials are done. Gives every trial, in order.
    ///
    /// # Errors
    /// The driver or the drive cannot be loaded, or breaks rules when nothing fails.
    pub fn run(&self, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<Vec<Trial>, SweepError> {
        let plans = self.plans()?;
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(plans.len()));
        let work = || {
            while let Some((index, plan)) =
                Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|index| Some((index, plans.get(index)?)))
            {
                let trial = self.trial(plan);
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done.push((index, trial));
                progress(done.len(), plans.len());
            }
        };
        let cores = thread::available_parallelism().map_or(1, Into::into);
        thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(index, _)| *index);
        Ok(done.into_iter().map(|(_, trial)| trial).collect())
    }

    fn host(&self, injection: Injection) -> Result<Host, SweepError> {
        let drive = (self.drive)().map_err(SweepError::Drive)?;
        Ok(Host::start(Options {
            adapter: self.adapter,
            registry: self.registry.to_vec(),
            seed: self.seed,
            injection,
            ..Options::new(self.image.to_vec(), self.path, drive)
        })?)
    }

    /// Runs without a failure, and makes a plan for each that could happen.
    fn plans(&self) -> Result<Vec<Plan>, SweepError> {
        let mut host = self.host(Injection::default())?;
        let mut plans = Vec::new();
        let mut faults = Vec::new();
        note(&host.take_opening(), None, &mut faults);
        if host.stage() != Stage::Started {
            return Err(SweepError::Unsound(format!("{} failed: {}", host.stage().failed(), faults.join("; "))));
        }
        self.plan(None, host.counts(), Some(host.start_status().cast_unsigned()), &mut plans);
        for (index, line) in self.lines.iter().enumerate() {
            let mut given = Vec::new();
            let played = host.play(line, &mut |line| given.push(line));
            let status = note(&given, Some(line.number), &mut faults);
            if let Err(error) = played {
                faults.push(error.to_string());
                break;
            }
            let counts = host.counts();
            let asked = match &line.action {
                Action::Request(request) if request.collect.is_none() => counts,
                Action::Open { .. } | Action::Close(_) => Counts { points: 0, ..counts },
                _ => continue,
            };
            self.plan(Some(index), asked, status, &mut plans);
        }
        let report = host.finish(&mut |_| {});
        faults.extend(report.findings.iter().map(sentence));
        if faults.is_empty() { Ok(plans) } else { Err(SweepError::Unsound(faults.join("; "))) }
    }

    fn plan(&self, at: Option<usize>, counts: Counts, usual: Option<u32>, plans: &mut Vec<Plan>) {
        let mut add = |injection| plans.push(Plan { at, injection, usual });
        if self.failures.allocations {
            for nth in 1..=counts.allocations {
                add(Injection { allocation: Some(nth), ..Injection::default() });
            }
        }
        for nth in 1..=counts.commands {
            for &kind in &self.failures.commands {
                add(Injection { command: Some(CommandFault { nth, kind }), ..Injection::default() });
            }
        }
        if self.failures.cancellations && at.is_some() {
            for nth in 1..=counts.points {
                add(Injection { cancel_at: Some(nth), ..Injection::default() });
            }
        }
    }

    fn trial(&self, plan: &Plan) -> Trial {
        let seen = match self.attempt(plan) {
            Ok(seen) => seen,
            Err(error) => Seen { command: Vec::new(), status: None, faults: vec![error.to_string()] },
        };
        let Seen { command, status, mut faults } = seen;
        if faults.is_empty() && !plan.explains(status) {
            let text = |status: Option<u32>| status.map_or("none".into(), |status| format!("{status:#010X}"));
            faults.push(format!("status {}, without the failure {}", text(status), text(plan.usual)));
        }
        let line = plan.at.and_then(|index| self.lines.get(index)).map(|line| line.number);
        Trial { line, failure: plan.name(), command: Hex(command), status, faults }
    }

    fn attempt(&self, plan: &Plan) -> Result<Seen, SweepError> {
        let none = Injection::default();
        let mut host = self.host(if plan.at.is_none() { plan.injection } else { none })?;
        let mut faults = Vec::new();
        note(&host.take_opening(), None, &mut faults);
        let mut status = Some(host.start_status().cast_unsigned());
        let mut command = if plan.at.is_none() { host.failed_command() } else { Vec::new() };
        // After a start that failed nothing can be asked; else, is the next request served?
        let last = plan.at.map_or(0, |at| at + 1);
        for (index, line) in self.lines.iter().enumerate().take(last + 1) {
            if host.stage() != Stage::Started || host.is_over() {
                break;
            }
            let here = plan.at == Some(index);
            host.set_injection(if here { plan.injection } else { none });
            let mut given = Vec::new();
            let played = host.play(line, &mut |line| given.push(line));
            let own = note(&given, Some(line.number), &mut faults);
            if here {
                (status, command) = (own, host.failed_command());
            }
            // A line after an open that failed has no handle.
            if let Err(error) = played.as_ref().map_err(ToString::to_string)
                && (here || host.is_over())
            {
                faults.push(error);
            }
        }
        let report = host.finish(&mut |_| {});
        for finding in report.findings.iter().map(sentence) {
            if !faults.contains(&finding) {
                faults.push(finding);
            }
        }
        Ok(Seen { command, status, faults })
    }
}

/// Collects what is wrong in result lines, and gives the status of the line of that number.
fn note(given: &[ResultLine], number: Option<usize>, faults: &mut Vec<String>) -> Option<u32> {
    for line in given {
        faults.extend(line.findings.iter().cloned());
    }
    let own = given.iter().find(|line| line.line.is_some() && line.line == number)?;
    own.outcome.as_ref()?.status
}
