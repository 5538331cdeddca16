//! Scenes: a drive, and requests to it with what must come of them.

use ioctl_dispatch::NtStatus;
use scsi_cdb::Opcode;

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
    says: fn(&Seen) -> Says,
    /// Time that passes before.
    after_ms: u64,
    /// Requests that go before and are not shown; they too must do as specified.
    pub before: &'static [Act],
}

/// A sentence about an answer: what it means, or why it is wrong.
pub type Says = Result<String, String>;

/// What a request brought.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `IoStatus.Status`.
    pub status: NtStatus,
    /// `IoStatus.Information`.
    pub information: u64,
    /// The output, up to Information.
    pub out: Vec<u8>,
    /// What reached the port, in order.
    pub sent: Vec<Asked>,
    /// What was found that a driver must not do.
    pub findings: Vec<String>,
}

/// One thing that reached the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A command, by its block.
    Command(Vec<u8>),
    /// A port function, by its SRB function code.
    Function(u8),
}

impl Asked {
    /// What people call it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Command(cdb) => {
                let opcode = cdb.first().copied().unwrap_or(0);
                Opcode(opcode).name().map_or_else(|| format!("{opcode:02X}"), Into::into)
            }
            Self::Function(code) => format!("port function {code:02X}"),
        }
    }
}

impl Act {
    /// A request without buffers that sends nothing.
    #[must_use]
    pub const fn new(ioctl: &'static str, says: fn(&Seen) -> Says) -> Self {
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

/// What came of an act.
#[derive(Debug)]
pub struct Line {
    /// `IoStatus.Status`.
    pub status: NtStatus,
    /// `IoStatus.Information`.
    pub information: u64,
    /// What reached the port.
    pub sent: Vec<Asked>,
    /// What the answer means.
    pub says: String,
    /// What is not as specified.
    pub fault: Option<String>,
}

impl Act {
    /// The input bytes.
    #[must_use]
    pub fn input_bytes(&self) -> Vec<u8> {
        let mut input = bytes(self.input);
        input.resize(input.len() + self.zeros, 0);
        input
    }

    /// The output buffer's length.
    #[must_use]
    pub const fn output_length(&self) -> u32 {
        self.room
    }

    /// Time that passes before, in milliseconds.
    #[must_use]
    pub const fn delay_ms(&self) -> u64 {
        self.after_ms
    }

    /// Judges what came of the request.
    #[must_use]
    pub fn judge(&self, seen: Seen) -> Line {
        let said = (self.says)(&seen);
        let fault = if seen.status == self.status {
            other_commands(self.sends, &seen.sent).or_else(|| said.clone().err())
        } else {
            Some(format!("{:?} is specified", self.status))
        };
        let fault = fault.or_else(|| (!seen.findings.is_empty()).then(|| seen.findings.join("; ")));
        let Seen { status, information, sent, .. } = seen;
        Line { status, information, sent, says: said.unwrap_or_default(), fault }
    }
}

/// What is wrong with the commands that were sent.
fn other_commands(patterns: &[&str], sent: &[Asked]) -> Option<String> {
    let block = |asked: &Asked| match asked {
        Asked::Command(cdb) => Some(cdb.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")),
        Asked::Function(_) => None,
    };
    let given: Vec<_> = sent.iter().filter_map(block).collect();
    let same = patterns.len() == given.len() && patterns.iter().zip(&given).all(|(pattern, cdb)| fits(pattern, cdb));
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
impl Seen {
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
}
