//! A scene on the core alone.

use std::time::Duration;

use anyhow::{Result, anyhow};
use drive_host::record::Sent;
use drive_host::{Access, Host, Ioctl, Options, names};
use ioctl_dispatch::HandleId;
use virtual_drive::sim;

use crate::scene::{Act, Asked, Line, Seen};

/// What a program does before the first request of a scene: what the start left over, the first look at the disc above
/// all, is not to be seen among the requests.
pub const PRELUDE: &str = "IOCTL_STORAGE_CHECK_VERIFY2";

/// A started device with a program that has it open.
pub struct Stage {
    host: Host,
    handle: HandleId,
    sent: Vec<Sent>,
}

impl Stage {
    /// Starts the device on the drive with this name.
    ///
    /// # Errors
    /// There is no such drive, or it does not start.
    pub fn new(drive: &str) -> Result<Self> {
        let drive = sim::open(drive).map_err(|error| anyhow!(error))?;
        let mut host = Host::start(Box::new(drive), &Options::default())?;
        let handle = host.open(Access::ReadWrite);
        let check = Ioctl::new(names::control_code(PRELUDE).map_err(|e| anyhow!(e))?, handle, &[], 0);
        let id = host.control(&check, None)?;
        host.wait(id)?;
        host.recorder().take_requests();
        Ok(Self { host, handle, sent: Vec::new() })
    }

    /// The request of `act`, as the driver gets it.
    ///
    /// # Errors
    /// The control code has no such name.
    pub fn request(&self, act: &Act) -> Result<Ioctl> {
        let code = names::control_code(act.ioctl).map_err(|error| anyhow!(error))?;
        Ok(Ioctl::new(code, self.handle, &act.input_bytes(), act.output_length()))
    }

    /// The host, to look at.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// What the last act sent, with the drive's answers.
    #[must_use]
    pub fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// Sends the request of `act` and judges what comes of it.
    ///
    /// # Errors
    /// The session ended, or the control code has no such name.
    pub fn play(&mut self, act: &Act) -> Result<Line> {
        for act in act.before {
            let line = self.play(act)?;
            if line.fault.is_some() {
                return Ok(line);
            }
        }
        self.host.advance(Duration::from_millis(act.delay_ms()))?;
        self.host.recorder().take_requests();
        let ioctl = self.request(act)?;
        let id = self.host.control(&ioctl, None)?;
        let completed = self.host.wait(id)?;
        self.sent = self.host.recorder().take_requests();
        Ok(act.judge(Seen {
            status: completed.status,
            information: completed.information,
            out: completed.returned().to_vec(),
            sent: self.sent.iter().map(asked).collect(),
            findings: self.host.take_findings(),
        }))
    }
}

fn asked(sent: &Sent) -> Asked {
    match sent {
        Sent::Command(command) => Asked::Command(command.cdb.as_bytes().to_vec()),
        Sent::Function { code, .. } => Asked::Function(*code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ioctl_dispatch::NtStatus;

    /// A demo that takes everything for right shows nothing.
    #[test]
    fn what_is_not_as_specified_is_a_fault() {
        let mut stage = Stage::new("cdrom-data").expect("a drive");
        let mut fault = |act: Act| stage.play(&act).expect("an answer").fault;
        let check = Act::new("IOCTL_STORAGE_CHECK_VERIFY", |seen| seen.sized(4, "ready")).room(4);
        assert_eq!(fault(check.sends(&["00 00 00 00 00 00"])), None);
        assert!(fault(check).expect("a command too many").contains("was sent"));
        assert!(fault(check.sends(&["00", "00"])).expect("one too few").contains("was sent"));
        assert!(fault(check.sends(&["25"])).expect("another command").contains("was sent"));
        assert!(fault(check.sends(&["00"]).fails(NtStatus::NOT_FOUND)).expect("a status").contains("NOT_FOUND"));
        assert!(fault(check.sends(&["00"]).room(0)).expect("an output").contains("4 bytes"));
    }
}
