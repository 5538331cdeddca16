//! Runs a request script on a host.

use std::collections::BTreeMap;

use ioctl_dispatch::HandleId;
use ioctl_dispatch::ioctl::ControlCode;
use ioctl_dispatch::request::{Mdl, Transfer};

use crate::host::{Host, HostError, Ioctl, RequestId};
use crate::memory::Memory;
use crate::record::{Cause, Sent};
use crate::requests::{Action, Kind, Line, Request};
use crate::results::{CommandLine, OutcomeLine, ResultLine};

/// Why a script ended early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A line cannot be done.
    #[error("{file}:{line}: {message}")]
    Line {
        /// The script's name.
        file: String,
        /// Line number.
        line: usize,
        /// Why.
        message: String,
    },
    /// The session ended.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// A script that runs.
struct Replay<'a> {
    host: &'a mut Host,
    file: &'a str,
    whole_output: bool,
    handles: BTreeMap<String, HandleId>,
    /// Asynchronous requests by label; `None` once the result has been given.
    pending: BTreeMap<String, Option<Pending>>,
    emit: &'a mut dyn FnMut(ResultLine),
}

/// A request that nobody waited for yet.
struct Pending {
    line: usize,
    id: RequestId,
    /// What was sent while its own line ran.
    sent: Vec<Sent>,
}

/// Runs `lines` of `file` on `host`, which has been started; `emit` gets the result lines as they come, those of the
/// start first. Handles that are still open at the end are closed.
///
/// # Errors
/// A line cannot be done, or the session ended.
pub fn run(
    host: &mut Host,
    file: &str,
    lines: &[Line],
    whole_output: bool,
    emit: &mut dyn FnMut(ResultLine),
) -> Result<(), ReplayError> {
    let mut replay = Replay { host, file, whole_output, handles: BTreeMap::new(), pending: BTreeMap::new(), emit };
    replay.give_own();
    for line in lines {
        replay.line(line)?;
        replay.give_ended();
        replay.give_own();
    }
    for handle in replay.host.open_handles() {
        replay.host.close(handle, Cause::Own("close"))?;
        replay.give_ended();
        replay.give_own();
    }
    Ok(())
}

impl Replay<'_> {
    fn line(&mut self, line: &Line) -> Result<(), ReplayError> {
        let number = line.number;
        let file = self.file;
        let fail = |message: String| ReplayError::Line { file: file.into(), line: number, message };
        let mut outcome = OutcomeLine { status: Some(0), ..OutcomeLine::default() };
        match &line.action {
            Action::Open { label, access } => {
                if self.handles.contains_key(label) {
                    return Err(fail(format!("handle `{label}` is open already; close it first or use another label")));
                }
                let handle = self.host.open(*access);
                self.handles.insert(label.clone(), handle);
            }
            Action::Close(label) => {
                let handle = self.handle(label).map_err(fail)?;
                self.host.close(handle, Cause::Request)?;
                self.handles.remove(label);
            }
            Action::Request(request) => {
                let handle = match &request.handle {
                    Some(label) => Some(self.handle(label).map_err(fail)?),
                    None => None,
                };
                let id = submit(self.host, request, handle)?.map_err(fail)?;
                if let Some(label) = &request.collect {
                    self.host.run_ready()?;
                    let sent = self.host.recorder().take_requests();
                    self.pending.insert(label.clone(), Some(Pending { line: number, id, sent }));
                    return Ok(());
                }
                outcome = OutcomeLine::new(&self.host.wait(id)?.ended(), self.whole_output);
            }
            Action::Wait(label) => {
                outcome.status = None;
                let pending = self.pending.get_mut(label);
                let pending =
                    pending.ok_or_else(|| fail(format!("no asynchronous request is labelled `{label}`")))?.take();
                // Without one it ended while another line ran, and its result was given then.
                if let Some(pending) = pending {
                    let completed = self.host.wait(pending.id)?;
                    self.give(pending.line, OutcomeLine::new(&completed.ended(), self.whole_output), pending.sent);
                }
            }
            Action::Advance(time) => self.host.advance(*time)?,
            Action::Media(action) => self.host.act(action).map_err(fail)?,
            Action::Mounted(mounted) => self.host.system().mounted = *mounted,
            Action::Verify(verify) => self.host.system().verify = *verify,
            Action::Pnp(_) | Action::Power(_) => return Err(fail("this line needs the kernel binary".into())),
        }
        let sent = self.host.recorder().take_requests();
        self.give(number, outcome, sent);
        Ok(())
    }

    fn handle(&self, label: &str) -> Result<HandleId, String> {
        self.handles.get(label).copied().ok_or_else(|| {
            let open: Vec<&str> = self.handles.keys().map(String::as_str).collect();
            format!("handle `{label}` is not open (open are: {})", open.join(", "))
        })
    }

    fn give(&mut self, line: usize, outcome: OutcomeLine, sent: Vec<Sent>) {
        let commands = sent.into_iter().map(CommandLine::from).collect();
        let verify_flag = self.host.system().verify;
        let findings = self.host.take_findings();
        (self.emit)(ResultLine {
            line: Some(line),
            cause: None,
            outcome: Some(outcome),
            verify_flag,
            commands,
            findings,
        });
    }

    /// Gives the results of asynchronous requests that ended meanwhile.
    fn give_ended(&mut self) {
        let labels: Vec<String> = self.pending.keys().cloned().collect();
        for label in labels {
            let Some(slot) = self.pending.get_mut(&label) else { continue };
            let Some(completed) = slot.as_ref().and_then(|pending| self.host.take_ended(pending.id)) else { continue };
            if let Some(pending) = slot.take() {
                self.give(pending.line, OutcomeLine::new(&completed.ended(), self.whole_output), pending.sent);
            }
        }
    }

    /// Gives what the driver did of its own accord.
    fn give_own(&mut self) {
        for (cause, sent) in self.host.recorder().take_own() {
            let commands = sent.into_iter().map(CommandLine::from).collect();
            let findings = self.host.take_findings();
            (self.emit)(ResultLine { cause: Some(cause), commands, findings, ..ResultLine::default() });
        }
    }
}

/// Hands a request to the driver; the inner error is a sentence about the line.
fn submit(
    host: &mut Host,
    request: &Request,
    handle: Option<HandleId>,
) -> Result<Result<RequestId, String>, HostError> {
    let transfer = |write, offset, length| Transfer {
        write,
        offset,
        length,
        mdl: Mdl { address: 0, byte_count: 0 },
        handle,
        stack_flags: request.stack_flags,
        minor: request.minor,
        paging: false,
    };
    if request.minor != 0 && !matches!(request.kind, Kind::Read { .. } | Kind::Write { .. }) {
        return Ok(Err("`x_minor` has a meaning for `read` and `write` only".into()));
    }
    match &request.kind {
        Kind::Ioctl { code, input, output_length } => {
            let ioctl = Ioctl {
                code: ControlCode(*code),
                handle,
                input: input.clone(),
                output_length: *output_length,
                kernel_mode: request.kernel_mode,
                wow64: request.wow64,
                stack_flags: request.stack_flags,
                mdl_offset: request.mdl_offset,
            };
            host.control(&ioctl, request.cancel_after)
        }
        Kind::Read { offset, length } => {
            let memory = Memory::for_read(*length, request.mdl_offset);
            host.transfer(transfer(false, *offset, *length), memory, request.cancel_after)
        }
        Kind::Write { offset, data } => {
            let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
            let memory = Memory::for_write(data.clone(), request.mdl_offset);
            host.transfer(transfer(true, *offset, length), memory, request.cancel_after)
        }
        Kind::Flush => host.flush(false, handle),
        Kind::Shutdown => host.flush(true, handle),
    }
    .map(Ok)
}
