//! The port driver below: takes a pass-through command to the drive and says how it went.

use std::time::Duration;

use drive_formats::adapter::{Adapter, device_descriptor};
use drive_formats::pass_through::TIMEOUTS;
use drive_formats::record::{DATA_KEPT, Recorder, Sent, SentCommand};
use drive_formats::srb::status_of;
use ioctl_dispatch::NtStatus;
use ioctl_dispatch::limits::TransferLimits;
use scsi_cdb::{Cdb, Direction};
use virtual_drive::{Completion, DataPhase, Request, Target};

use crate::clock::Clock;

/// Sense bytes that the driver has room for.
const SENSE_ROOM: usize = 18;

/// A command as it reaches the port.
#[derive(Clone, Copy, Debug)]
pub struct PortCommand {
    /// The command descriptor block.
    pub cdb: Cdb,
    /// Which way the data goes.
    pub direction: Direction,
    /// Time-out in seconds.
    pub timeout_s: u32,
}

/// What the port says of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortAnswer {
    /// Status of the request.
    pub status: NtStatus,
    /// SCSI status.
    pub scsi_status: u8,
    /// Sense bytes that were delivered.
    pub sense: Vec<u8>,
    /// Bytes moved.
    pub transferred: u32,
    /// Time the command took.
    pub duration: Duration,
}

/// The port, with the drive behind it.
pub struct Port {
    target: Box<dyn Target>,
    adapter: Adapter,
    inquiry: Vec<u8>,
    /// What was sent.
    pub recorder: Recorder,
    findings: Vec<String>,
}

impl Port {
    /// A port that finds `target`.
    #[must_use]
    pub fn new(mut target: Box<dyn Target>, adapter: Adapter) -> Self {
        let inquiry = target.inquiry(Duration::ZERO);
        Self { target, adapter, inquiry, recorder: Recorder::default(), findings: Vec::new() }
    }

    /// The adapter.
    #[must_use]
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// The drive.
    pub fn target(&mut self) -> &mut dyn Target {
        &mut *self.target
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

    /// The adapter's limits as the port enforces them.
    #[must_use]
    pub fn limits(&self) -> TransferLimits {
        let Adapter { alignment_mask, max_transfer, max_pages } = self.adapter;
        TransferLimits::new(max_transfer, max_pages, alignment_mask)
    }

    /// Notes something that a driver must not do.
    pub fn find(&mut self, finding: impl Into<String>) {
        self.findings.push(finding.into());
    }

    /// What was found since the last call.
    pub fn take_findings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.findings)
    }

    /// Whether a transfer of `length` bytes at `address` is within what the adapter can do; a finding if not.
    pub fn admits(&mut self, cdb: Cdb, address: u64, length: u32) -> bool {
        let limits = self.limits();
        let mask = u64::from(limits.alignment_mask);
        let problem = if length == 0 {
            None
        } else if address & mask != 0 {
            Some(format!("the data address {address:#x} does not suit the alignment mask {mask:#x}"))
        } else if length > limits.for_address(address) {
            Some(format!(
                "{length} bytes at page offset {:#x} are more than the adapter moves at once",
                address & 0xFFF
            ))
        } else {
            None
        };
        match problem {
            Some(problem) => {
                self.find(format!("{cdb:?}: {problem}"));
                false
            }
            None => true,
        }
    }

    /// Sends `command` with `data`, whose length is the transfer length, and lets the time pass that it takes.
    pub fn execute(&mut self, command: &PortCommand, data: &mut [u8], clock: &mut Clock) -> PortAnswer {
        let answer = self.execute_at(command, data, clock.now());
        clock.spend(answer.duration);
        answer
    }

    /// Sends `command` at time `now`.
    pub fn execute_at(&mut self, command: &PortCommand, data: &mut [u8], now: Duration) -> PortAnswer {
        if !TIMEOUTS.contains(&command.timeout_s) {
            self.find(format!("{:?}: a time-out of {} s", command.cdb, command.timeout_s));
        }
        let phase = match command.direction {
            _ if data.is_empty() => DataPhase::None,
            Direction::None => DataPhase::None,
            Direction::In => DataPhase::In(data.len()),
            Direction::Out => DataPhase::Out(data),
        };
        let data_out = if let DataPhase::Out(bytes) = phase { start_of(bytes) } else { Vec::new() };
        let limit = Duration::from_secs(u64::from(command.timeout_s));
        let reply = self.target.execute(Request::new(command.cdb.as_bytes(), phase, now).within(limit));
        let mut data_in = Vec::new();
        let mut transferred = reply.transferred.min(data.len());
        if command.direction == Direction::In {
            let moved = reply.data.len().min(data.len());
            data[..moved].copy_from_slice(&reply.data[..moved]);
            data_in = start_of(&reply.data[..moved]);
            transferred = transferred.min(moved);
        }
        let (mut status, scsi_status, mut sense) = match reply.completion {
            Completion::Status { status, sense } => (NtStatus::SUCCESS, status, sense),
            Completion::PortFailure(status) => (NtStatus(status), 0, Vec::new()),
            Completion::SrbStatus(srb) => (NtStatus(status_of(srb)), 0, Vec::new()),
        };
        let mut scsi_status = scsi_status;
        let mut duration = reply.duration;
        if duration > limit {
            (status, scsi_status, duration, transferred) = (NtStatus::IO_TIMEOUT, 0, limit, 0);
            sense.clear();
        }
        sense.truncate(SENSE_ROOM);
        let answer = PortAnswer {
            status,
            scsi_status,
            sense,
            transferred: u32::try_from(transferred).unwrap_or(u32::MAX),
            duration,
        };
        self.recorder.add(Sent::Command(Box::new(SentCommand {
            cdb: command.cdb,
            direction: if data.is_empty() { Direction::None } else { command.direction },
            length: u32::try_from(data.len()).unwrap_or(u32::MAX),
            timeout_s: command.timeout_s,
            transferred: answer.transferred,
            scsi_status,
            port_status: (status != NtStatus::SUCCESS).then_some(status.0),
            srb: None,
            sense: answer.sense.clone(),
            data_out,
            data_in,
            duration,
        })));
        answer
    }
}

fn start_of(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len().min(DATA_KEPT)].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use virtual_drive::script::ScriptDrive;
    use virtual_drive::{MediaAction, Reply};

    fn port(script: &str) -> Port {
        Port::new(Box::new(ScriptDrive::parse("drive", script).unwrap()), Adapter::default())
    }

    fn send(port: &mut Port, cdb: &[u8], data: &mut [u8]) -> PortAnswer {
        let command = PortCommand { cdb: Cdb::from_slice(cdb).unwrap(), direction: Direction::In, timeout_s: 10 };
        port.execute(&command, data, &mut Clock::Virtual(Duration::ZERO))
    }

    #[test]
    fn a_short_answer_is_a_success_with_a_true_count() {
        let mut port = port("{\"cdb\": \"12\", \"data\": \"05 80 05\"}");
        let mut data = [0xEE; 5];
        let answer = send(&mut port, &[0x12, 0, 0, 0, 5, 0], &mut data);
        assert_eq!((answer.status, answer.scsi_status, answer.transferred), (NtStatus::SUCCESS, 0, 3));
        assert_eq!(data, [5, 0x80, 5, 0xEE, 0xEE], "what the drive did not send is left alone");
        assert_eq!(port.recorder.take_requests().len(), 1, "the port's own INQUIRY is not recorded");
    }

    /// A drive that takes all the time it is given.
    struct Slow;

    impl Target for Slow {
        fn execute(&mut self, request: Request<'_>) -> Reply {
            Reply::good(Vec::new(), request.data).after(request.timeout)
        }

        fn act(&mut self, _: &MediaAction, _: Duration) -> Result<(), String> {
            Ok(())
        }

        fn describe(&self) -> String {
            "slow".into()
        }
    }

    #[test]
    fn the_drive_is_told_how_long_a_command_may_take() {
        let mut port = Port::new(Box::new(Slow), Adapter::default());
        assert_eq!(send(&mut port, &[0; 6], &mut []).duration, Duration::from_secs(10));
    }

    #[test]
    fn check_condition_is_a_success_with_sense_and_a_slow_drive_a_timeout() {
        let mut port = port(
            "{\"cdb\": \"00\", \"sense\": \"02/3A/01\"}\n{\"cdb\": \"01\", \"delay_ms\": 10001}\n\
             {\"cdb\": \"02\", \"x_srb\": \"0x0A\"}\n{\"cdb\": \"03\", \"port\": \"0xC00000C0\"}\n\
             {\"cdb\": \"04\", \"x_sense_raw\": \"700002000000000c000000003a01000000001111\"}",
        );
        let checked = send(&mut port, &[0; 6], &mut []);
        assert_eq!((checked.status, checked.scsi_status, checked.sense.len()), (NtStatus::SUCCESS, 2, 18));
        assert_eq!(send(&mut port, &[1; 6], &mut []).status, NtStatus::IO_TIMEOUT);
        assert_eq!(send(&mut port, &[1; 6], &mut []).duration, Duration::from_secs(10));
        assert_eq!(send(&mut port, &[2; 6], &mut []).status, NtStatus::DEVICE_NOT_CONNECTED);
        assert_eq!(send(&mut port, &[3; 6], &mut []).status, NtStatus::DEVICE_DOES_NOT_EXIST);
        assert_eq!(send(&mut port, &[4; 6], &mut []).sense.len(), 18);
    }

    #[test]
    fn limits_are_enforced_as_findings() {
        let mut port = port("");
        let cdb = Cdb::from_slice(&[0; 6]).unwrap();
        assert!(port.admits(cdb, 0x1000, 0x1_0000) && port.admits(cdb, 0x1001, 0));
        assert!(!port.admits(cdb, 0x1001, 2) && !port.admits(cdb, 0x1000, 0x1_0001));
        assert_eq!(port.take_findings().len(), 2);
    }
}
