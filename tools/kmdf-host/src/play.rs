//! Playing the lines of request scripts.

use std::time::Duration;

use drive_formats::record::{Cause, Sent};
use drive_formats::requests::{Action, Kind, Line, Pnp, Request};
use drive_formats::results::{CommandLine, GIVEN_UP, Hex, OutcomeLine, ResultLine};
use nt_kernel::file::File;
use nt_kernel::layout::{DO_VERIFY_VOLUME, VPB_MOUNTED};
use nt_kernel::{get, put};
use nt_machine::time;

use crate::host::{Host, Stage};
use crate::inject::{self, Counter};
use crate::manager::{pnp, power};
use crate::port;
use crate::program::{self, Ongoing};
use crate::report::sentence;
use crate::thread;

/// Why a script ended early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlayError {
    /// A line cannot be done.
    #[error("line {line}: {message}")]
    Line {
        /// Line number.
        line: usize,
        /// Why.
        message: String,
    },
    /// A fatal finding ended the run.
    #[error("line {line}: the run ended with a finding; what follows cannot be played")]
    Over {
        /// Line number.
        line: usize,
    },
}

/// An asynchronous request that nobody waited for yet.
pub(crate) struct Pending {
    line: usize,
    handle: Option<String>,
    ongoing: Ongoing,
    /// What was sent while its own line ran.
    sent: Vec<Sent>,
}

/// Virtual time that a request may take while the drive has nothing to do.
const PATIENCE: i64 = 600 * time::SECOND;

/// Virtual time that one command may take.
const LONGEST_COMMAND: i64 = 108_000 * time::SECOND;

impl Host {
    /// Plays a line; `emit` gets its result line, and those of what the driver did of its own accord.
    ///
    /// # Errors
    /// The line cannot be done, or the run ended.
    pub fn play(&mut self, line: &Line, emit: &mut dyn FnMut(ResultLine)) -> Result<(), PlayError> {
        self.counter = Counter::begin(&self.injection);
        let played = self.act(line, emit);
        inject::forget_cancellation();
        self.give_ended(emit);
        self.give_own(emit);
        played?;
        if self.over { Err(PlayError::Over { line: line.number }) } else { Ok(()) }
    }

    fn act(&mut self, line: &Line, emit: &mut dyn FnMut(ResultLine)) -> Result<(), PlayError> {
        let number = line.number;
        let fail = |message: String| PlayError::Line { line: number, message };
        if self.over {
            return Err(PlayError::Over { line: number });
        }
        if self.stage != Stage::Started && !matches!(line.action, Action::Advance(_) | Action::Media(_)) {
            let what = if self.stage == Stage::Removed { "was removed" } else { "did not start" };
            return Err(fail(format!("the device {what}; only `advance_ms`, `media` and `button` can be played now")));
        }
        recorder(Cause::Request);
        let mut outcome = OutcomeLine { status: Some(0), ..OutcomeLine::default() };
        let mut notes = Vec::new();
        match &line.action {
            Action::Open { label, access } => {
                if self.handles.contains_key(label) {
                    return Err(fail(format!("handle `{label}` is open already; close it first or use another label")));
                }
                let opened = program::open(self.fdo(), *access);
                self.over |= thread::until("an open", &|| opened.done(), thread::PATIENCE).is_err();
                if let Some(opened) = opened.result() {
                    outcome.status = Some(opened.status.cast_unsigned());
                    self.handles.extend(opened.file.map(|file| (label.clone(), file)));
                }
                self.settle();
            }
            Action::Close(label) => {
                self.handle(label).map_err(fail)?;
                self.close(label);
            }
            Action::Request(request) => {
                let ongoing = self.begin_request(request).map_err(fail)?;
                self.cancel_when_asked(&ongoing, request.cancel_after);
                if let Some(label) = &request.collect {
                    self.settle();
                    let sent = port::with(|port| port.unit.recorder.take_requests());
                    let handle = request.handle.clone();
                    self.pending.insert(label.clone(), Some(Pending { line: number, handle, ongoing, sent }));
                    return Ok(());
                }
                outcome = self.wait(&ongoing, &mut notes);
            }
            Action::Wait(label) => {
                outcome.status = None;
                let pending = self.pending.get_mut(label);
                let pending =
                    pending.ok_or_else(|| fail(format!("no asynchronous request is labelled `{label}`")))?.take();
                // Without one it ended while another line ran, and its result was given then.
                if let Some(pending) = pending {
                    let mut notes = Vec::new();
                    let outcome = self.wait(&pending.ongoing, &mut notes);
                    self.give(pending.line, outcome, pending.sent, notes, emit);
                }
            }
            Action::Advance(time) => {
                if self.pending.values().all(Option::is_none) {
                    recorder(Cause::Own("poll"));
                }
                self.pass(*time);
            }
            Action::Media(action) => {
                let now = port::session_time();
                port::with(|port| port.unit.act(action, now)).map_err(fail)?;
            }
            Action::Mounted(mounted) => {
                let vpb = get!(self.fdo(), Vpb);
                if vpb.is_null() {
                    return Err(fail(
                        "the driver's device has no volume parameter block: nothing can be mounted".into(),
                    ));
                }
                let flags = get!(vpb, Flags) & !VPB_MOUNTED;
                put!(vpb, Flags, flags | if *mounted { VPB_MOUNTED } else { 0 });
            }
            Action::Verify(verify) => {
                let flags = get!(self.fdo(), Flags) & !DO_VERIFY_VOLUME;
                put!(self.fdo(), Flags, flags | if *verify { DO_VERIFY_VOLUME } else { 0 });
            }
            Action::Pnp(event) => {
                let event = *event;
                if event == Pnp::Remove && !self.handles.is_empty() {
                    return Err(fail("the PnP manager removes a device only when its last handle is closed".into()));
                }
                if event == Pnp::SurpriseRemove {
                    port::with(|port| port.unit.take_away());
                }
                let pdo = self.pdo;
                if let Ok(ended) = self.call("the PnP manager", move || pnp::play(pdo, event)) {
                    outcome.status = Some(ended.status.cast_unsigned());
                    outcome.information = ended.information as u64;
                    if nt_kernel::status::success(ended.status) && pnp::changes_state(event) {
                        self.changed = Some(event);
                    }
                }
                if event == Pnp::Remove {
                    self.stage = Stage::Removed;
                }
                self.settle();
            }
            Action::Power(change) => {
                let (pdo, change) = (self.pdo, *change);
                if let Ok(ended) = self.call("the power manager", move || power::play(pdo, change)) {
                    outcome.status = Some(ended.status.cast_unsigned());
                }
                self.settle();
            }
        }
        let sent = port::with(|port| port.unit.recorder.take_requests());
        self.give(number, outcome, sent, notes, emit);
        Ok(())
    }

    fn handle(&self, label: &str) -> Result<File, String> {
        self.handles.get(label).copied().ok_or_else(|| {
            let open: Vec<&str> = self.handles.keys().map(String::as_str).collect();
            format!("handle `{label}` is not open (open are: {})", open.join(", "))
        })
    }

    fn begin_request(&self, request: &Request) -> Result<Ongoing, String> {
        let file = request.handle.as_deref().map(|label| self.handle(label)).transpose()?;
        if request.minor != 0 && !matches!(request.kind, Kind::Read { .. } | Kind::Write { .. }) {
            return Err("`x_minor` has a meaning for `read` and `write` only".into());
        }
        Ok(program::begin(self.fdo(), file, request))
    }

    /// Arranges the cancellation that the line, or the injection, asks for.
    fn cancel_when_asked(&self, ongoing: &Ongoing, after: Option<Duration>) {
        if let Some(after) = after {
            let ongoing = ongoing.clone();
            let due = time::now() + i64::try_from(after.as_nanos() / 100).unwrap_or(i64::MAX);
            let action = Box::new(move || ongoing.cancel());
            time::timer_set(due, nt_machine::irql::PASSIVE, "cancels the request", action);
        }
        if let Some(nth) = self.injection.cancel_at {
            let ongoing = ongoing.clone();
            inject::cancel_at(nth, Box::new(move || ongoing.cancel()));
        }
    }

    /// Waits for a request, and for what it set off as far as that needs no time.
    fn wait(&mut self, ongoing: &Ongoing, notes: &mut Vec<String>) -> OutcomeLine {
        let mut patience = 0;
        while !self.over && !ongoing.done() {
            match thread::wait(&|| ongoing.done(), PATIENCE) {
                Ok(true) => {}
                Ok(false) if port::with(|port| port.outstanding()) > 0 && patience < LONGEST_COMMAND => {
                    patience += PATIENCE;
                }
                Ok(false) => {
                    notes.push(GIVEN_UP.into());
                    let cancelled = ongoing.clone();
                    let end = ongoing.clone();
                    let _ = self.call("cancels the request", move || cancelled.cancel());
                    self.over |= thread::until("a cancelled request", &|| end.done(), thread::PATIENCE).is_err();
                    break;
                }
                Err(_) => self.over = true,
            }
        }
        inject::forget_cancellation();
        // What the driver does from here on is its own work: a poll whose time came meanwhile.
        recorder(Cause::Own("poll"));
        self.settle();
        match ongoing.result() {
            Some(result) => OutcomeLine::new(&result.ended(), self.whole_output),
            None => OutcomeLine { out: Hex::default(), ..OutcomeLine::default() },
        }
    }

    /// Cancels what still waits for the handle, then closes it.
    fn close(&mut self, label: &str) {
        for pending in self.pending.values().flatten().filter(|pending| pending.handle.as_deref() == Some(label)) {
            let ongoing = pending.ongoing.clone();
            let done = pending.ongoing.clone();
            if !self.over && thread::call("cancels a request", move || ongoing.cancel()).is_err() {
                self.over = true;
            }
            self.over |= thread::until("a cancelled request", &|| done.done(), thread::PATIENCE).is_err();
        }
        if let Some(file) = self.handles.remove(label)
            && !self.over
        {
            let closed = file.close();
            self.over |= thread::until("a close", &|| closed.done(), thread::PATIENCE).is_err();
        }
        self.settle();
    }

    /// Cancels the asynchronous requests that nobody waited for.
    pub(crate) fn end_pending(&mut self, emit: &mut dyn FnMut(ResultLine)) {
        let all: Vec<Pending> = std::mem::take(&mut self.pending).into_values().flatten().collect();
        for pending in all {
            if !pending.ongoing.done() {
                let ongoing = pending.ongoing.clone();
                let _ = self.call("cancels a request", move || ongoing.cancel());
            }
            let mut notes = Vec::new();
            let outcome = self.wait(&pending.ongoing, &mut notes);
            self.give(pending.line, outcome, pending.sent, notes, emit);
        }
    }

    /// Closes the handles that a script left open.
    pub(crate) fn close_all(&mut self, emit: &mut dyn FnMut(ResultLine)) {
        let labels: Vec<String> = self.handles.keys().cloned().collect();
        for label in labels {
            port::with(|port| port.unit.recorder.begin(Cause::Own("close")));
            self.close(&label);
            self.give_own(emit);
        }
    }

    fn give(
        &mut self,
        line: usize,
        outcome: OutcomeLine,
        sent: Vec<Sent>,
        notes: Vec<String>,
        emit: &mut dyn FnMut(ResultLine),
    ) {
        let fdo = self.fdo();
        let findings = self.take_findings().iter().map(sentence).chain(notes).collect();
        emit(ResultLine {
            line: Some(line),
            cause: None,
            outcome: Some(outcome),
            verify_flag: !fdo.is_null() && get!(fdo, Flags) & DO_VERIFY_VOLUME != 0,
            commands: sent.into_iter().map(CommandLine::from).collect(),
            findings,
        });
    }

    /// Gives the results of asynchronous requests that ended meanwhile.
    fn give_ended(&mut self, emit: &mut dyn FnMut(ResultLine)) {
        let labels: Vec<String> = self.pending.keys().cloned().collect();
        for label in labels {
            let Some(slot) = self.pending.get_mut(&label) else { continue };
            let Some(pending) = slot.take_if(|pending| pending.ongoing.done()) else { continue };
            let outcome = self.wait(&pending.ongoing, &mut Vec::new());
            self.give(pending.line, outcome, pending.sent, Vec::new(), emit);
        }
    }

    /// Gives what the driver did of its own accord.
    pub(crate) fn give_own(&mut self, emit: &mut dyn FnMut(ResultLine)) {
        for (cause, sent) in port::with(|port| port.unit.recorder.take_own()) {
            let commands = sent.into_iter().map(CommandLine::from).collect();
            let findings = self.take_findings().iter().map(sentence).collect();
            emit(ResultLine { cause: Some(cause), commands, findings, ..ResultLine::default() });
        }
    }

    /// A start that failed shows its status in the line of its commands.
    pub(crate) fn note_failure(&mut self, opening: &mut Vec<ResultLine>) {
        let findings: Vec<String> = self.take_findings().iter().map(sentence).collect();
        if self.stage == Stage::Started && findings.is_empty() {
            return;
        }
        if opening.is_empty() {
            opening.push(ResultLine { cause: Some("start"), ..ResultLine::default() });
        }
        let first = &mut opening[0];
        first.findings.extend(findings);
        if self.stage != Stage::Started {
            let status = Some(self.status.cast_unsigned());
            first.outcome = Some(OutcomeLine { status, ..OutcomeLine::default() });
        }
    }
}

/// Says on whose behalf the next commands are.
fn recorder(cause: Cause) {
    port::with(|port| port.unit.recorder.begin(cause));
}
