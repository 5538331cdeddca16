//! What a drive is asked and what it answers.

use std::path::PathBuf;
use std::time::Duration;

/// The data phase that the initiator offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataPhase<'a> {
    /// No data.
    None,
    /// Room for that many bytes from the drive.
    In(usize),
    /// Bytes for the drive.
    Out(&'a [u8]),
}

/// One command as it reaches the drive.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The command descriptor block, 1 to 16 bytes.
    pub cdb: &'a [u8],
    /// The data phase that the initiator is ready for.
    pub data: DataPhase<'a>,
    /// Virtual time since the session began.
    pub now: Duration,
    /// How long a drive outside of this program may take.
    pub timeout: Duration,
}

impl<'a> Request<'a> {
    /// A command that may take a minute.
    #[must_use]
    pub const fn new(cdb: &'a [u8], data: DataPhase<'a>, now: Duration) -> Self {
        Self { cdb, data, now, timeout: Duration::from_secs(60) }
    }

    /// The same command, which may take this long.
    #[must_use]
    pub const fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The drive gave a SCSI status; `sense` is empty unless the status is CHECK CONDITION (0x02).
    Status {
        /// SCSI status byte.
        status: u8,
        /// Sense data, fixed or descriptor format.
        sense: Vec<u8>,
    },
    /// The port failed the request with this NTSTATUS; the drive said nothing.
    PortFailure(u32),
    /// The port ended the request with this SRB status (without flag bits); the drive said nothing.
    SrbStatus(u8),
}

/// A drive's answer to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// How the command ended.
    pub completion: Completion,
    /// Data for the initiator, never longer than [`DataPhase::In`] allows.
    pub data: Vec<u8>,
    /// Bytes that the drive took of [`DataPhase::Out`], or gave: the transfer count.
    pub transferred: usize,
    /// Time the command took.
    pub duration: Duration,
}

impl Reply {
    /// GOOD with `data`, cut to what `phase` allows, in no time.
    #[must_use]
    pub fn good(mut data: Vec<u8>, phase: DataPhase<'_>) -> Self {
        let transferred = match phase {
            DataPhase::None => {
                data.clear();
                0
            }
            DataPhase::In(room) => {
                data.truncate(room);
                data.len()
            }
            DataPhase::Out(bytes) => {
                data.clear();
                bytes.len()
            }
        };
        Self {
            completion: Completion::Status { status: 0x00, sense: Vec::new() },
            data,
            transferred,
            duration: Duration::ZERO,
        }
    }

    /// CHECK CONDITION with 18 bytes of fixed-format sense.
    #[must_use]
    pub fn check_condition(key: u8, asc: u8, ascq: u8) -> Self {
        let mut sense = vec![0; 18];
        sense[0] = 0x70;
        sense[2] = key & 0x0F;
        sense[7] = 10;
        sense[12] = asc;
        sense[13] = ascq;
        Self {
            completion: Completion::Status { status: 0x02, sense },
            data: Vec::new(),
            transferred: 0,
            duration: Duration::ZERO,
        }
    }

    /// The same answer after `duration`.
    #[must_use]
    pub fn after(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }
}

/// What a person or a test does to a drive by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaAction {
    /// Take the disc out (the tray opens and closes again, empty).
    Remove,
    /// Put in a disc: an image file or `sim:NAME`.
    Insert(PathBuf),
    /// Press the eject button.
    EjectButton,
}

/// INQUIRY for 36 bytes of standard data.
pub const INQUIRY_36: [u8; 6] = [0x12, 0, 0, 0, 36, 0];

/// A drive that answers commands.
pub trait Target {
    /// Executes one command.
    fn execute(&mut self, request: Request<'_>) -> Reply;

    /// The standard INQUIRY data, as a port reads it when it finds the drive.
    fn inquiry(&mut self, now: Duration) -> Vec<u8> {
        self.execute(Request::new(&INQUIRY_36, DataPhase::In(36), now)).data
    }

    /// Does something to the drive by hand.
    ///
    /// # Errors
    /// A sentence that says what cannot be done and why.
    fn act(&mut self, action: &MediaAction, now: Duration) -> Result<(), String>;

    /// One line for people: what this drive is.
    fn describe(&self) -> String;
}
