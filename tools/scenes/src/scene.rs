//! Scenes: a drive, and requests to it with what must come of them.

use std::time::Duration;

use anyhow::{Result, anyhow};
use drive_host::record::{Sent, SentCommand};
use drive_host::{Access, Host, Ioctl, Options, names};
use ioctl_dispatch::{HandleId, NtStatus};
use virtual_drive::sim;

/// A drive and what is asked of it, in order.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// The drive's name; `DISC` stands for the disc that was made.
    pub drive: &'static str,
    /// What people read.
    pub title: &'static str,
    /// The requests.
    pub acts: &'static [Act],
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// The control code's name.
    pub ioctl: &'static str,
    /// Input bytes in hex.
    input: &'static str,
    /// Zero bytes that follow them.
    zeros: usize,
    room: u32,
    status: NtStatus,
    /// The beginnings of the commands that must reach the drive, in order; `??` is any byte.
    sends: &'static [&'static str],
    /// Says what the answer means, or what is wrong with it.
    says: fn(&Seen<'_>) -> Says,
    /// Time that passes before.
    after_ms: u64,
    /// Requests that go before and are not shown; they too must do as specified.
    pub before: &'static [Act],
}

/// A sentence about an answer: what it means, or why it is wrong.
pub type Says = Result<String, String>;

/// What a request brought.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The output, up to Information.
    pub out: &'a [u8],
    /// The commands that reached the drive.
    pub commands: Vec<&'a SentCommand>,
}

impl Act {
    /// A request without buffers that sends nothing.
    #[must_use]
    pub const fn new(ioctl: &'static str, says: fn(&Seen<'_>) -> Says) -> Self {
        Self {
            ioctl,
            input: "",
            zeros: 0,
            room: 0,
            status: NtStatus::SUCCESS,
            sends: &[],
            says,
            after_ms: 0,
            before: &[],
        }
    }

    /// The same with these input bytes, in hex.
    #[must_use]
    pub const fn input(mut self, input: &'static str) -> Self {
        self.input = input;
        self
    }

    /// The same with that many zero bytes after the input.
    #[must_use]
    pub const fn zeros(mut self, zeros: usize) -> Self {
        self.zeros = zeros;
        self
    }

    /// The same with an output buffer of that length.
    #[must_use]
    pub const fn room(mut self, room: u32) -> Self {
        self.room = room;
        self
    }

    /// The same, which sends commands that begin like these.
    #[must_use]
    pub const fn sends(mut self, sends: &'static [&'static str]) -> Self {
        self.sends = sends;
        self
    }

    /// The same, which ends with this status.
    #[must_use]
    pub const fn fails(mut self, status: NtStatus) -> Self {
        self.status = status;
        self
    }

    /// The same after these requests.
    #[must_use]
    pub const fn before(mut self, before: &'static [Self]) -> Self {
        self.before = before;
        self
    }

    /// The same after that time.
    #[must_use]
    pub const fn after_ms(mut self, time: u64) -> Self {
        self.after_ms = time;
        self
    }
}

/// A started device with a program that has it open.
pub struct Stage {
    host: Host,
    handle: HandleId,
}

/// What came of an act.
#[derive(Debug)]
pub struct Line {
    /// `IoStatus.Status`.
    pub status: NtStatus,
    /// `IoStatus.Information`.
    pub information: u64,
    /// What reached the port.
    pub sent: Vec<Sent>,
    /// What the answer means.
    pub says: String,
    /// What is not as specified.
    pub fault: Option<String>,
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
        // What the start left over, the first look at the disc above all, is not to be seen among the requests.
        let check =
            Ioctl::new(names::control_code("IOCTL_STORAGE_CHECK_VERIFY2").map_err(|e| anyhow!(e))?, handle, &[], 0);
        let id = host.control(&check, None)?;
        host.wait(id)?;
        host.recorder().take_requests();
        Ok(Self { host, handle })
    }

    /// The request of `act`, as the driver gets it.
    ///
    /// # Errors
    /// The control code has no such name.
    pub fn request(&self, act: &Act) -> Result<Ioctl> {
        let code = names::control_code(act.ioctl).map_err(|error| anyhow!(error))?;
        let mut input = bytes(act.input);
        input.resize(input.len() + act.zeros, 0);
        Ok(Ioctl::new(code, self.handle, &input, act.room))
    }

    /// The host, to look at.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
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
        self.host.advance(Duration::from_millis(act.after_ms))?;
        self.host.recorder().take_requests();
        let ioctl = self.request(act)?;
        let id = self.host.control(&ioctl, None)?;
        let completed = self.host.wait(id)?;
        let sent = self.host.recorder().take_requests();
        let seen = Seen { out: completed.returned(), commands: sent.iter().filter_map(command).collect() };
        let said = (act.says)(&seen);
        let mut fault = None;
        if completed.status != act.status {
            fault = Some(format!("{:?} is specified", act.status));
        } else if let Some(other) = other_commands(act.sends, &seen.commands) {
            fault = Some(other);
        } else if let Err(wrong) = &said {
            fault = Some(wrong.clone());
        }
        let findings = self.host.take_findings();
        let fault = fault.or_else(|| (!findings.is_empty()).then(|| findings.join("; ")));
        let says = said.unwrap_or_default();
        Ok(Line { status: completed.status, information: completed.information, says, fault, sent })
    }
}

fn command(sent: &Sent) -> Option<&SentCommand> {
    match sent {
        Sent::Command(command) => Some(command),
        Sent::Function { .. } => None,
    }
}

/// What is wrong with the commands that were sent.
fn other_commands(patterns: &[&str], sent: &[&SentCommand]) -> Option<String> {
    let given: Vec<_> = sent.iter().map(|command| format!("{:?}", command.cdb)).collect();
    let same = patterns.len() == sent.len() && patterns.iter().zip(&given).all(|(pattern, cdb)| fits(pattern, cdb));
    (!same).then(|| format!("[{}] is specified, [{}] was sent", patterns.join(", "), given.join(", ")))
}

/// `cdb` begins as the pattern says; both are bytes in hex with spaces between.
fn fits(pattern: &str, cdb: &str) -> bool {
    let mut given = cdb.split(' ');
    pattern.split(' ').all(|byte| given.next().is_some_and(|own| byte == "??" || byte == own))
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().filter_map(|digit| digit.to_digit(16)).filter_map(|d| u8::try_from(d).ok()).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Reading of answers.
impl Seen<'_> {
    /// The byte at an offset; 0 past the end, as for all of these.
    #[must_use]
    pub fn u8(&self, at: usize) -> u8 {
        self.out.get(at).copied().unwrap_or(0)
    }

    /// A little-endian number of 16 bits.
    #[must_use]
    pub fn le16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.array(at))
    }

    /// A little-endian number of 32 bits.
    #[must_use]
    pub fn le32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    /// A little-endian number of 64 bits.
    #[must_use]
    pub fn le64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }

    /// A big-endian number of 16 bits.
    #[must_use]
    pub fn be16(&self, at: usize) -> u16 {
        u16::from_be_bytes(self.array(at))
    }

    /// A big-endian number of 32 bits.
    #[must_use]
    pub fn be32(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.array(at))
    }

    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        std::array::from_fn(|index| self.u8(at + index))
    }

    /// Printable characters of a part.
    #[must_use]
    pub fn text(&self, at: usize, length: usize) -> String {
        let part = self.out.iter().skip(at).take(length).copied();
        part.filter(|byte| (0x20..0x7F).contains(byte)).map(char::from).collect::<String>().trim().to_owned()
    }

    /// UTF-16 characters of a part.
    #[must_use]
    pub fn wide_text(&self, at: usize, length: usize) -> String {
        let units: Vec<u16> = (0..length / 2).map(|index| self.le16(at + 2 * index)).collect();
        String::from_utf16_lossy(&units)
    }

    /// `says` if there are that many output bytes.
    ///
    /// # Errors
    /// There are more or fewer.
    pub fn sized(&self, length: usize, says: impl Into<String>) -> Says {
        self.holds(self.out.len() == length, says, format!("{length} bytes are specified, not {}", self.out.len()))
    }

    /// `says` if `condition` holds.
    ///
    /// # Errors
    /// What is `wrong` if it does not.
    pub fn holds(&self, condition: bool, says: impl Into<String>, wrong: impl Into<String>) -> Says {
        if condition { Ok(says.into()) } else { Err(wrong.into()) }
    }
}

/// Acts without an output say what they do.
macro_rules! does {
    ($what:literal) => {
        |seen| seen.sized(0, $what)
    };
}
pub(crate) use does;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_beginnings() {
        assert!(fits("43 02 ?? 00", "43 02 99 00 00 00"));
        assert!(!fits("43 00", "43 02 99") && !fits("43 02", "43"));
        assert_eq!(bytes("0a FF 1"), [0x0A, 0xFF]);
    }

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
