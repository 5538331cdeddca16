//! What the driver knows of a request, of the system, and of work of its own.

use crate::handle::HandleId;
use crate::ioctl::ControlCode;
use crate::time::Ticks;

/// `SL_OVERRIDE_VERIFY_VOLUME` of the stack location's flags.
pub const SL_OVERRIDE_VERIFY_VOLUME: u8 = 0x02;

/// `SL_REALTIME_STREAM` of the stack location's flags.
pub const SL_REALTIME_STREAM: u8 = 0x20;

/// Minor function of a read or write that has passed the verify check already.
pub const MINOR_VERIFY_CHECKED: u8 = 0x34;

/// The IRQL of the caller, as far as decisions depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Irql {
    /// PASSIVE_LEVEL.
    Passive,
    /// APC_LEVEL.
    Apc,
    /// DISPATCH_LEVEL or above.
    Dispatch,
}

/// The memory descriptor list of a direct-I/O buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mdl {
    /// `MmGetMdlVirtualAddress`.
    pub address: u64,
    /// `MmGetMdlByteCount`.
    pub byte_count: u32,
}

/// A device-control request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// IoControlCode as the caller gave it.
    pub code: ControlCode,
    /// InputBufferLength.
    pub input_length: u32,
    /// OutputBufferLength.
    pub output_length: u32,
    /// The file object, if it was opened through this device.
    pub handle: Option<HandleId>,
    /// RequestorMode is KernelMode.
    pub kernel_mode: bool,
    /// The caller is a 32-bit process on a 64-bit system.
    pub wow64: bool,
    /// Flags of the stack location.
    pub stack_flags: u8,
    /// IRQL on arrival.
    pub irql: Irql,
    /// Address of the system buffer; 0 if there is none.
    pub system_address: u64,
    /// The output MDL of a METHOD_OUT_DIRECT request.
    pub mdl: Option<Mdl>,
    /// `RAW_READ_INFO` that a kernel caller placed in Type3InputBuffer, captured once on arrival.
    pub type3_input: Option<[u8; 16]>,
}

impl Request {
    /// A request without buffers that the driver makes of itself, at PASSIVE_LEVEL.
    #[must_use]
    pub const fn of_driver(code: ControlCode) -> Self {
        Self {
            code,
            input_length: 0,
            output_length: 0,
            handle: None,
            kernel_mode: true,
            wow64: false,
            stack_flags: 0,
            irql: Irql::Passive,
            system_address: 0,
            mdl: None,
            type3_input: None,
        }
    }

    /// SL_OVERRIDE_VERIFY_VOLUME is set.
    #[must_use]
    pub const fn override_verify(&self) -> bool {
        self.stack_flags & SL_OVERRIDE_VERIFY_VOLUME != 0
    }
}

/// A read or write request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// A write; else a read.
    pub write: bool,
    /// Byte offset.
    pub offset: i64,
    /// Length in bytes.
    pub length: u32,
    /// The caller's buffer.
    pub mdl: Mdl,
    /// The file object, if it was opened through this device.
    pub handle: Option<HandleId>,
    /// Flags of the stack location.
    pub stack_flags: u8,
    /// Minor function of the stack location.
    pub minor: u8,
    /// IRP_PAGING_IO or IRP_SYNCHRONOUS_PAGING_IO.
    pub paging: bool,
}

impl Transfer {
    /// SL_OVERRIDE_VERIFY_VOLUME is set.
    #[must_use]
    pub const fn override_verify(&self) -> bool {
        self.stack_flags & SL_OVERRIDE_VERIFY_VOLUME != 0
    }
}

/// Work for the serial queue's worker, one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// A device-control request whose turn has come.
    Control(Request),
    /// A read or write whose turn has come.
    Transfer(Transfer),
    /// IRP_MJ_FLUSH_BUFFERS, with the queue stopped.
    Flush,
    /// IRP_MJ_SHUTDOWN, with the queue stopped.
    Shutdown,
    /// The commands of device start.
    Start,
    /// One media-change poll.
    Poll,
    /// The last handle of a file object is gone; its state is lent with the call.
    Cleanup,
    /// Give the drive its default speeds back after a media change.
    RestoreSpeed,
    /// Leave D0.
    PowerDown {
        /// Removal follows (D3Final).
        last: bool,
        /// `PoQueryWatchdogTime` in seconds, 0 if unknown.
        watchdog_s: u32,
    },
    /// Enter D0 again.
    PowerUp,
    /// The console display went on (true) or off.
    Display(bool),
}

/// The system's state at the time of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Interrupt time.
    pub now: Ticks,
    /// A file system is mounted on the device object (VPB_MOUNTED).
    pub mounted: bool,
    /// DO_VERIFY_VOLUME is set on the device object.
    pub verify: bool,
    /// The request in hand has been cancelled.
    pub cancelled: bool,
}
