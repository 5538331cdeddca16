//! The rules of judging: what counts as equal, as meant, as different.
//!
//! A case is one request line of a set, or the commands of its device start and first poll. Its status, Information,
//! output bytes and commands (block, direction, length, time-out, data sent) must be the reference's. Not judged are
//! answers to requests that the driver only passes down (they are the port's words; that no command of our own is sent
//! is judged), the machine's own unique id and link names, and lines that the set marks as stale.

use std::collections::{BTreeSet, HashMap};
use std::ops::AddAssign;

use serde::Serialize;
use serde_json::Value;

use super::answer::{Answer, Command, shortened};
use super::differences::Difference;
use super::sets::{Material, subject};

/// STATUS_NOT_SUPPORTED: what the reference's port said to requests that were passed down to it.
const NOT_SUPPORTED: u64 = 0xC000_00BB;

/// Codes whose answers name this machine: the mounted device's unique id and its suggested link name.
const NAMES_OF_THE_MACHINE: [&str; 2] = ["0x004D0000", "0x004D000C"];

/// Whether the answer to `request` names this machine.
pub fn names_the_machine(request: &Value) -> bool {
    subject(request).is_some_and(|subject| NAMES_OF_THE_MACHINE.contains(&subject.as_str()))
}

/// How many cases there were of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub cases: usize,
    pub equal: usize,
    pub meant: usize,
    pub different: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.cases += other.cases;
        self.equal += other.equal;
        self.meant += other.meant;
        self.different += other.different;
    }
}

/// What came of a set.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    pub counts: Counts,
    /// The cases that are different, in order.
    pub different: Vec<Case>,
    /// Indices of the listed differences that covered something.
    pub used: BTreeSet<usize>,
}

/// A case that is different.
#[derive(Clone, Debug)]
pub struct Case {
    /// The request's line; `None` for the device start.
    pub line: Option<u64>,
    pub request: Value,
    pub deviations: Vec<Deviation>,
}

/// One field that is not as the reference has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    pub field: &'static str,
    pub reference: String,
    pub here: String,
}

impl Verdict {
    /// What the host found belongs to no line, and is never meant.
    pub fn complain(&mut self, complaint: &str) {
        self.counts.cases += 1;
        self.counts.different += 1;
        let deviation = Deviation { field: "findings", reference: "none".into(), here: complaint.to_owned() };
        self.different.push(Case { line: None, request: Value::Null, deviations: vec![deviation] });
    }
}

/// Judges the `answers` to a set. `complaint` is what the tool said last when answers are missing.
pub fn judge(material: &Material, answers: &[Answer], differences: &[Difference], complaint: &str) -> Verdict {
    let mut verdict = Verdict::default();
    if let Some(wanted) = &material.start {
        judge_start(material, wanted, answers, differences, &mut verdict);
    }
    let given: HashMap<u64, &Answer> =
        answers.iter().filter_map(|answer| answer.line.map(|line| (line, answer))).collect();
    for wanted in &material.wanted {
        let Some(line) = wanted.line else { continue };
        let Some(request) = material.requests.get(&line) else { continue };
        let Some(subject) = subject(request) else { continue };
        if material.stale.contains(&line) || wanted.hang || wanted.not_reached {
            continue;
        }
        let deviations = match given.get(&line) {
            Some(have) => compare(&subject, wanted, have),
            None => vec![Deviation { field: "missing", reference: "an answer".into(), here: complaint.to_owned() }],
        };
        let is_meant = |deviation: &Deviation, used: &mut BTreeSet<usize>| {
            let listed = |entry: &Difference| entry.covers(&material.name, &subject, line, deviation.field);
            let found = differences.iter().position(listed).filter(|_| !NEVER_MEANT.contains(&deviation.field));
            used.extend(found);
            found.is_some()
        };
        let some = !deviations.is_empty();
        let left: Vec<_> = deviations.into_iter().filter(|deviation| !is_meant(deviation, &mut verdict.used)).collect();
        verdict.counts.cases += 1;
        match (some, left.is_empty()) {
            (false, _) => verdict.counts.equal += 1,
            (true, true) => verdict.counts.meant += 1,
            (true, false) => {
                verdict.counts.different += 1;
                verdict.different.push(Case { line: Some(line), request: request.clone(), deviations: left });
            }
        }
    }
    verdict
}

/// The commands of device start and first poll are one case; what polling sends after them is not looked at.
fn judge_start(
    material: &Material,
    wanted: &[Command],
    answers: &[Answer],
    differences: &[Difference],
    verdict: &mut Verdict,
) {
    let of_start =
        |answer: &&Answer| answer.line.is_none() && matches!(answer.cause.as_deref(), Some("start" | "poll"));
    let sent: Vec<&Command> = answers.iter().filter(of_start).flat_map(|answer| &answer.commands).collect();
    verdict.counts.cases += 1;
    if sent.len() >= wanted.len() && wanted.iter().zip(&sent).all(|(want, have)| want == *have) {
        verdict.counts.equal += 1;
    } else if let Some(index) = differences.iter().position(|entry| entry.covers_start(&material.name)) {
        verdict.used.insert(index);
        verdict.counts.meant += 1;
    } else {
        verdict.counts.different += 1;
        let at = wanted.iter().zip(&sent).take_while(|(want, have)| want == *have).count();
        let shown =
            |command: Option<&Command>| format!("command {at}: {}", command.map_or("none".into(), ToString::to_string));
        let deviation =
            Deviation { field: "start", reference: shown(wanted.get(at)), here: shown(sent.get(at).copied()) };
        verdict.different.push(Case { line: None, request: Value::Null, deviations: vec![deviation] });
    }
}

/// Deviations that no entry can cover.
const NEVER_MEANT: [&str; 2] = ["missing", "findings"];

/// The fields in which `have` is not as the reference's answer `want`.
fn compare(subject: &str, want: &Answer, have: &Answer) -> Vec<Deviation> {
    let mut deviations = Vec::new();
    let mut check = |field, same: bool, reference: String, here: String| {
        if !same {
            deviations.push(Deviation { field, reference, here });
        }
    };
    let passed_down = want.status == NOT_SUPPORTED && want.commands.is_empty();
    if !passed_down {
        let status = |answer: &Answer| format!("0x{:08X}", answer.status);
        check("status", want.status == have.status, status(want), status(have));
        if !NAMES_OF_THE_MACHINE.contains(&subject) {
            let information = |answer: &Answer| answer.information.to_string();
            check("information", want.information == have.information, information(want), information(have));
            check("out", want.out == have.out, shortened(&want.out).into(), shortened(&have.out).into());
        }
    }
    let commands = |answer: &Answer| {
        let each: Vec<_> = answer.commands.iter().map(ToString::to_string).collect();
        format!("[{}]", each.join(", "))
    };
    check("commands", want.commands == have.commands, commands(want), commands(have));
    check("findings", have.findings.is_empty(), "none".into(), have.findings.join("; "));
    deviations
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
