//! What reached the port, in order.

use std::time::Duration;

use scsi_cdb::{Cdb, Direction};

/// One thing that was sent to the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A command.
    Command(Box<SentCommand>),
    /// A port function that is no command.
    Function {
        /// SRB function code.
        code: u8,
        /// Time-out in seconds.
        timeout_s: u32,
    },
}

/// A command, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentCommand {
    /// The command descriptor block.
    pub cdb: Cdb,
    /// Which way the data goes.
    pub direction: Direction,
    /// The transfer length that was asked for.
    pub length: u32,
    /// Time-out in seconds.
    pub timeout_s: u32,
    /// Bytes moved.
    pub transferred: u32,
    /// SCSI status.
    pub scsi_status: u8,
    /// Status of the request where the port failed it.
    pub port_status: Option<u32>,
    /// What the SRB said, where the command came by one.
    pub srb: Option<Srb>,
    /// Sense bytes, if there were any.
    pub sense: Vec<u8>,
    /// The first [`DATA_KEPT`] bytes of a data-out command.
    pub data_out: Vec<u8>,
    /// The first [`DATA_KEPT`] bytes that the drive gave.
    pub data_in: Vec<u8>,
    /// Time the command took.
    pub duration: Duration,
}

/// What only a command that came by an SRB has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Srb {
    /// `SrbFlags`.
    pub flags: u32,
    /// `SrbStatus` at the end, without its flag bits.
    pub status: u8,
}

/// Most data bytes kept of a command.
pub const DATA_KEPT: usize = 4096;

/// On whose behalf something is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A request.
    Request,
    /// The driver's own work: `start`, `poll`, `close`, ...
    Own(&'static str),
}

/// Sees each command as soon as it has ended.
pub type Trace = Box<dyn FnMut(Cause, &Sent)>;

/// Keeps what was sent until somebody takes it.
#[derive(Default)]
pub struct Recorder {
    current: Option<&'static str>,
    requests: Vec<Sent>,
    own: Vec<(&'static str, Vec<Sent>)>,
    trace: Option<Trace>,
}

impl Recorder {
    /// Shows every further command to `trace`.
    pub fn set_trace(&mut self, trace: Trace) {
        self.trace = Some(trace);
    }

    /// A new piece of work begins, on whose behalf the next commands are.
    pub fn begin(&mut self, cause: Cause) {
        self.go_on(cause);
        if let Some(cause) = self.current {
            self.own.push((cause, Vec::new()));
        }
    }

    /// Work that began earlier goes on.
    pub fn go_on(&mut self, cause: Cause) {
        self.current = match cause {
            Cause::Request => None,
            Cause::Own(cause) => Some(cause),
        };
    }

    /// Keeps `sent`.
    pub fn add(&mut self, sent: Sent) {
        if let Some(trace) = &mut self.trace {
            trace(self.current.map_or(Cause::Request, Cause::Own), &sent);
        }
        match (self.current, self.own.last_mut()) {
            (Some(cause), Some((last, commands))) if *last == cause => commands.push(sent),
            (Some(cause), _) => self.own.push((cause, vec![sent])),
            (None, _) => self.requests.push(sent),
        }
    }

    /// Keeps `sent`, which belongs to a poll although a request is running; the work of a start stays one.
    pub fn add_for_poll(&mut self, sent: Sent) {
        let running = self.current;
        self.current = running.or(Some("poll"));
        self.add(sent);
        self.current = running;
    }

    /// Takes what was sent for requests.
    pub fn take_requests(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.requests)
    }

    /// Takes what was sent of the driver's own accord: a cause and commands for each piece of work that sent any.
    pub fn take_own(&mut self) -> Vec<(&'static str, Vec<Sent>)> {
        let mut own = std::mem::take(&mut self.own);
        own.retain(|(_, commands)| !commands.is_empty());
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_kept_by_cause() {
        let function = |code| Sent::Function { code, timeout_s: 10 };
        let mut recorder = Recorder::default();
        recorder.begin(Cause::Own("poll"));
        recorder.add(function(1));
        recorder.begin(Cause::Own("poll"));
        recorder.begin(Cause::Request);
        recorder.add(function(2));
        assert_eq!(recorder.take_own(), [("poll", vec![function(1)])]);
        assert_eq!(recorder.take_requests(), [function(2)]);
        assert!(recorder.take_own().is_empty() && recorder.take_requests().is_empty());
        recorder.add_for_poll(function(3));
        recorder.add(function(4));
        assert_eq!(
            (recorder.take_own(), recorder.take_requests()),
            (vec![("poll", vec![function(3)])], vec![function(4)])
        );
    }
}
