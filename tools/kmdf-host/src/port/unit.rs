//! The logical unit: the drive behind the port, what is recorded of it, and the failures that are put in between.

use std::time::Duration;

use drive_formats::Adapter;
use drive_formats::adapter::device_descriptor;
use drive_formats::pass_through::TIMEOUTS;
use drive_formats::record::{DATA_KEPT, Recorder, Sent, SentCommand, Srb};
use drive_formats::srb::status_of;
use scsi_cdb::{Cdb, Direction, Opcode};
use virtual_drive::{CommandFault, Completion, DataPhase, FaultKind, Faulty, MediaAction, Reply, Request, Target};

/// A command as it reaches the drive.
#[derive(Clone, Debug)]
pub struct Command {
    /// The command descriptor block.
    pub cdb: Cdb,
    /// Which way the data goes.
    pub direction: Direction,
    /// Transfer length.
    pub length: usize,
    /// What is sent of a data-out command.
    pub data_out: Vec<u8>,
    /// Time-out in seconds.
    pub timeout_s: u32,
    /// Room for sense data.
    pub sense_room: usize,
    /// `SrbFlags`, where the command came by an SRB.
    pub srb_flags: Option<u32>,
    /// The driver made the request itself; else it passes on a program's.
    pub own: bool,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// SRB status, without flag bits.
    pub srb_status: u8,
    /// Status of the request, as a port gives it for this SRB status.
    pub status: u32,
    /// SCSI status.
    pub scsi_status: u8,
    /// All sense data; the room for it is the command's.
    pub sense: Vec<u8>,
    /// Data from the drive.
    pub data: Vec<u8>,
    /// Bytes moved.
    pub transferred: usize,
    /// Time that it takes.
    pub duration: Duration,
}

const SRB_SUCCESS: u8 = 0x01;
const SRB_ERROR: u8 = 0x04;
const SRB_BUSY: u8 = 0x05;
const TIMEOUT: u8 = 0x09;

/// SRB statuses that stand for the NTSTATUS of a port's failure; any other is SRB_STATUS_ERROR.
const BY_STATUS: &[(u32, u8)] = &[
    (0xC000_00B5, TIMEOUT),  // STATUS_IO_TIMEOUT
    (0xC000_009D, 0x0A),     // STATUS_DEVICE_NOT_CONNECTED: SRB_STATUS_SELECTION_TIMEOUT
    (0xC000_00C0, 0x08),     // STATUS_DEVICE_DOES_NOT_EXIST: SRB_STATUS_NO_DEVICE
    (0xC000_000E, 0x08),     // STATUS_NO_SUCH_DEVICE
    (0xC000_0056, 0x08),     // STATUS_DELETE_PENDING
    (0xC000_00A3, SRB_BUSY), // STATUS_DEVICE_NOT_READY
    (0x8000_0005, 0x12),     // STATUS_BUFFER_OVERFLOW: SRB_STATUS_DATA_OVERRUN
    (0xC000_0010, 0x06),     // STATUS_INVALID_DEVICE_REQUEST: SRB_STATUS_INVALID_REQUEST
    (0xC000_000D, 0x06),     // STATUS_INVALID_PARAMETER
    (0xC000_0001, 0x16),     // STATUS_UNSUCCESSFUL: SRB_STATUS_REQUEST_FLUSHED
];

/// Sense bytes that are recorded: what class drivers have room for.
const SENSE_KEPT: usize = 18;

/// BUSY, QUEUE FULL.
const BUSY: [u8; 2] = [0x08, 0x28];

/// Time that an SRB without a time-out may take, in seconds.
const LONGEST: u32 = *TIMEOUTS.end();

/// The drive and what stands between it and the port.
pub struct Unit {
    target: Faulty,
    /// The adapter.
    pub adapter: Adapter,
    inquiry: Vec<u8>,
    /// What was sent.
    pub recorder: Recorder,
}

impl Unit {
    /// The unit that an adapter finds at start.
    #[must_use]
    pub fn new(mut target: Box<dyn Target>, adapter: Adapter) -> Self {
        let inquiry = target.inquiry(Duration::ZERO);
        Self { target: Faulty::new(target), adapter, inquiry, recorder: Recorder::default() }
    }

    /// The descriptor of `STORAGE_PROPERTY_ID` `property`, if the port has it.
    #[must_use]
    pub fn descriptor(&self, property: u32) -> Option<Vec<u8>> {
        match property {
            0 => Some(device_descriptor(&self.inquiry)),
            1 => Some(self.adapter.descriptor()),
            _ => None,
        }
    }

    /// Does something to the drive by hand.
    ///
    /// # Errors
    /// What the drive says.
    pub fn act(&mut self, action: &MediaAction, now: Duration) -> Result<(), String> {
        self.target.act(action, now)
    }

    /// From here on counts commands anew and makes one fail.
    pub fn set_fault(&mut self, fault: Option<CommandFault>) {
        self.target.faults().set(fault);
    }

    /// Commands since the count began.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.target.faults().commands()
    }

    /// The block of the command that was made to fail; empty before.
    #[must_use]
    pub fn failed(&self) -> Vec<u8> {
        self.target.faults().failed()
    }

    /// The drive was pulled out: it answers no more.
    pub fn take_away(&mut self) {
        self.target.faults().take_away();
    }

    /// Whether the drive is gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.target.faults().is_gone()
    }

    /// One line about the drive.
    #[must_use]
    pub fn describe(&self) -> String {
        self.target.describe()
    }

    /// Sends `command` at time `now`.
    pub fn execute(&mut self, command: &Command, now: Duration) -> Answer {
        let limit = Duration::from_secs(u64::from(if command.timeout_s == 0 { LONGEST } else { command.timeout_s }));
        let mut reply = self.reply(command, now, limit);
        if reply.duration > limit {
            reply = FaultKind::TimeOut.reply().after(limit);
        }
        let answer = answer(command, reply);
        // A class driver asks for events to poll, never on behalf of a request, even while one runs.
        let polls = command.own && command.cdb.opcode() == Opcode::GET_EVENT_STATUS_NOTIFICATION;
        let sent = Sent::Command(Box::new(sent(command, &answer)));
        if polls {
            self.recorder.add_for_poll(sent);
        } else {
            self.recorder.add(sent);
        }
        answer
    }

    fn reply(&mut self, command: &Command, now: Duration, limit: Duration) -> Reply {
        let data = match command.direction {
            _ if command.length == 0 => DataPhase::None,
            Direction::None => DataPhase::None,
            Direction::In => DataPhase::In(command.length),
            Direction::Out => DataPhase::Out(&command.data_out),
        };
        self.target.execute(Request::new(command.cdb.as_bytes(), data, now).within(limit))
    }
}

fn answer(command: &Command, reply: Reply) -> Answer {
    let data = if command.direction == Direction::In { start_of(&reply.data, command.length) } else { Vec::new() };
    let moved = if command.direction == Direction::In { data.len() } else { command.length };
    let mut answer = Answer {
        srb_status: SRB_SUCCESS,
        status: 0,
        scsi_status: 0,
        sense: Vec::new(),
        transferred: reply.transferred.min(moved),
        data,
        duration: reply.duration,
    };
    match reply.completion {
        Completion::Status { status, sense } => {
            answer.scsi_status = status;
            answer.srb_status = match status {
                0x00 => SRB_SUCCESS,
                status if BUSY.contains(&status) => SRB_BUSY,
                _ => SRB_ERROR,
            };
            answer.status = status_of(answer.srb_status);
            answer.sense = sense;
        }
        Completion::PortFailure(status) => {
            let known = BY_STATUS.iter().find(|(known, _)| *known == status);
            answer.srb_status = known.map_or(SRB_ERROR, |(_, srb)| *srb);
            answer.status = status;
        }
        Completion::SrbStatus(srb) => (answer.srb_status, answer.status) = (srb & 0x3F, status_of(srb)),
    }
    if answer.srb_status == TIMEOUT {
        (answer.transferred, answer.data) = (0, Vec::new());
    }
    answer
}

/// What is recorded, in the terms of a pass-through port: an SCSI status is no failure of the request.
fn sent(command: &Command, answer: &Answer) -> SentCommand {
    let failed = answer.status != 0 && answer.scsi_status == 0;
    SentCommand {
        cdb: command.cdb,
        direction: if command.length == 0 { Direction::None } else { command.direction },
        length: u32::try_from(command.length).unwrap_or(u32::MAX),
        timeout_s: command.timeout_s,
        transferred: u32::try_from(answer.transferred).unwrap_or(u32::MAX),
        scsi_status: answer.scsi_status,
        port_status: failed.then_some(answer.status),
        srb: command.srb_flags.map(|flags| Srb { flags, status: answer.srb_status }),
        sense: start_of(&answer.sense, SENSE_KEPT),
        data_out: start_of(&command.data_out, DATA_KEPT),
        data_in: start_of(&answer.data, DATA_KEPT),
        duration: answer.duration,
    }
}

fn start_of(bytes: &[u8], most: usize) -> Vec<u8> {
    bytes[..bytes.len().min(most)].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use virtual_drive::script::ScriptDrive;

    fn unit(script: &str) -> Unit {
        Unit::new(Box::new(ScriptDrive::parse("drive", script).unwrap()), Adapter::default())
    }

    fn command(cdb: &[u8], length: usize) -> Command {
        Command {
            cdb: Cdb::from_slice(cdb).unwrap(),
            direction: Direction::In,
            length,
            data_out: Vec::new(),
            timeout_s: 10,
            sense_room: 18,
            srb_flags: None,
            own: true,
        }
    }

    #[test]
    fn answers_are_told_in_both_terms() {
        let mut unit = unit(
            "{\"cdb\": \"00\", \"sense\": \"02/3A/01\"}\n{\"cdb\": \"01\", \"delay_ms\": 10001}\n\
             {\"cdb\": \"02\", \"x_srb\": \"0x0A\"}\n{\"cdb\": \"03\", \"port\": \"0xC00000C0\"}\n\
             {\"cdb\": \"04\", \"status\": \"0x08\"}\n{\"cdb\": \"05\", \"data\": \"010203\"}",
        );
        for (opcode, expected) in [
            (0, (SRB_ERROR, 0xC000_0185, 0x02, 18, 0)),
            (1, (TIMEOUT, 0xC000_00B5, 0, 0, 0)),
            (2, (0x0A, 0xC000_009D, 0, 0, 0)),
            (3, (0x08, 0xC000_00C0, 0, 0, 0)),
            (4, (SRB_BUSY, 0xC000_00A3, 0x08, 0, 0)),
            (5, (SRB_SUCCESS, 0, 0, 0, 3)),
        ] {
            let answer = unit.execute(&command(&[opcode, 0, 0, 0, 0, 0], 8), Duration::ZERO);
            let Answer { srb_status, status, scsi_status, sense, transferred, .. } = answer;
            assert_eq!((srb_status, status, scsi_status, sense.len(), transferred), expected, "{opcode}");
        }
        assert_eq!(unit.recorder.take_requests().len(), 6, "the port's own INQUIRY is not recorded");
    }

    #[test]
    fn the_nth_command_fails_and_a_drive_that_is_gone_stays_gone() {
        let mut unit = unit("{\"cdb\": \"00\"}");
        let send = |unit: &mut Unit| unit.execute(&command(&[0; 6], 0), Duration::ZERO);
        unit.set_fault(Some(CommandFault { nth: 2, kind: FaultKind::TimeOut }));
        assert_eq!(send(&mut unit).srb_status, SRB_SUCCESS);
        let late = send(&mut unit);
        assert_eq!((late.srb_status, late.duration), (TIMEOUT, Duration::from_secs(10)));
        assert_eq!(send(&mut unit).srb_status, SRB_SUCCESS);
        unit.set_fault(Some(CommandFault { nth: 1, kind: FaultKind::DeviceGone }));
        assert_eq!((send(&mut unit).status, send(&mut unit).status), (0xC000_00C0, 0xC000_00C0));
        assert_eq!(unit.commands(), 2);
    }
}
