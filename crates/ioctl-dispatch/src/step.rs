//! What the dispatcher asks the driver to do, and what it hears back.

use scsi_cdb::{Cdb, Command, Direction, Transfer};

use crate::ntstatus::NtStatus;
use crate::time::Ticks;

/// Where the data of a command lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the front of the scratch buffer.
    Scratch,
    /// In the caller's pages (the request's MDL), that many bytes after their start.
    Caller {
        /// Byte offset into the caller's buffer.
        offset: u32,
    },
}

/// One command for the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScsiCommand {
    /// The command descriptor block.
    pub cdb: Cdb,
    /// Which way data moves; [`Direction::None`] when `length` is 0.
    pub direction: Direction,
    /// Data length in bytes.
    pub length: u32,
    /// Time-out in seconds, 1 to 108000; 0 until the device's default is filled in.
    pub timeout_s: u32,
    /// Where the data lies.
    pub place: Place,
}

impl ScsiCommand {
    /// `command` with its data in the scratch buffer and the device's default time-out.
    pub fn new<C: Command>(command: &C) -> Self {
        Self::with_transfer(command.cdb(), command.transfer())
    }

    /// A block with its data in the scratch buffer and the device's default time-out.
    #[must_use]
    pub const fn with_transfer(cdb: Cdb, transfer: Transfer) -> Self {
        Self { cdb, direction: transfer.direction(), length: transfer.length(), timeout_s: 0, place: Place::Scratch }
    }

    /// The same command with a time-out of its own.
    #[must_use]
    pub const fn timeout(mut self, seconds: u32) -> Self {
        self.timeout_s = seconds;
        self
    }
}

/// What only the system can do and answers with a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformCall {
    /// Read `DefaultDvdRegion` of the service's `Parameters` key: value 0 if absent.
    ReadDefaultRegion,
    /// Read the REG_SZ named like the device below `\Registry\Machine\System\DISK` into a 20-byte buffer.
    ///
    /// Value: bits 63-32 the length in UTF-16 units, bits 31-16 the first unit, bits 15-0 the second.
    ReadSuggestedLink,
    /// Send `IOCTL_STORAGE_QUERY_PROPERTY` (standard query) for `property` to the port; the answer goes to the scratch
    /// buffer, value = its length.
    QueryPortProperty {
        /// `STORAGE_PROPERTY_ID`.
        property: u32,
    },
    /// Send `IOCTL_DISK_VOLUMES_ARE_READY` down in a request of our own, with the device number as input.
    VolumesAreReady,
    /// Send a port function that is no SCSI command, as an SRB by internal device control.
    PortFunction {
        /// The SRB function.
        function: PortFunction,
        /// Time-out in seconds.
        timeout_s: u32,
    },
    /// `IOCTL_STORAGE_ENABLE_IDLE_POWER` to the PDO.
    EnableIdlePower {
        /// WakeCapableHint.
        wake_capable: bool,
        /// D3ColdSupported.
        d3_cold: bool,
        /// D3IdleTimeout in milliseconds.
        timeout_ms: u32,
    },
    /// Query the D3Cold interface: SUCCESS if D3cold is reachable from the working state.
    QueryD3Cold,
    /// `IOCTL_STORAGE_GET_IDLE_POWERUP_REASON` to the PDO: value = reason.
    IdlePowerupReason,
}

/// SRB functions that are no SCSI command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortFunction {
    /// `SRB_FUNCTION_SHUTDOWN` (0x07).
    Shutdown,
    /// `SRB_FUNCTION_FLUSH` (0x08).
    Flush,
    /// `SRB_FUNCTION_LOCK_QUEUE` (0x18).
    LockQueue,
    /// `SRB_FUNCTION_UNLOCK_QUEUE` (0x19).
    UnlockQueue,
    /// `SRB_FUNCTION_QUIESCE_DEVICE` (0x1A).
    QuiesceDevice,
}

/// How a request or another piece of work ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// `IoStatus.Status`.
    pub status: NtStatus,
    /// `IoStatus.Information`.
    pub information: u64,
    /// The driver calls `IoSetHardErrorOrVerifyDevice` first, if the request has a thread.
    pub user_induced: bool,
}

impl Completion {
    /// Ends with `status` and `information`.
    #[must_use]
    pub const fn new(status: NtStatus, information: u64) -> Self {
        Self { status, information, user_induced: status.is_user_induced() }
    }
}

/// What the driver does next with the work in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this command to the port; resume with [`Outcome::Command`].
    Send(ScsiCommand),
    /// Wait that long, less if the request is cancelled; resume with [`Outcome::Waited`].
    Wait(Ticks),
    /// Ask the system; resume with [`Outcome::Platform`].
    Platform(PlatformCall),
    /// Complete; the work is over.
    Complete(Completion),
    /// Pass the request down unchanged, in the caller's thread, with this minor function if one is given; complete it
    /// as [`Dispatcher::passed_down`](crate::Dispatcher::passed_down) says. The work is over, but nothing else begins
    /// before that.
    Forward {
        /// `IRP_MN_SCSI_CLASS` for pass-through requests.
        minor: Option<u8>,
    },
    /// Move the request to the queue of those that wait for the volumes. The work is over.
    Park,
}

/// What the port said of one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortReply<'a> {
    /// The status of the pass-through request itself.
    pub status: NtStatus,
    /// ScsiStatus.
    pub scsi_status: u8,
    /// The sense bytes that were delivered.
    pub sense: &'a [u8],
    /// DataTransferLength on return: a claim, clamped to what was asked.
    pub transferred: u32,
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// Of [`Step::Send`].
    Command(PortReply<'a>),
    /// Of [`Step::Wait`].
    Waited,
    /// Of [`Step::Platform`].
    Platform {
        /// How it ended.
        status: NtStatus,
        /// What it gave, as the call describes.
        value: u64,
    },
}
