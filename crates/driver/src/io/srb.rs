//! Port functions that are no SCSI command: SRBs by internal device control.

use core::cell::UnsafeCell;
use core::mem::offset_of;

use ioctl_dispatch::time::Ticks;
use wdk_sys::{NTSTATUS, PVOID};

use crate::km::device_object::DeviceObject;
use crate::km::event::Event;
use crate::km::irp::srb_location;
use crate::km::owned_irp::OwnedIrp;

/// IOCTL_SCSI_EXECUTE_NONE, where a control code lies. A port looks at the SRB.
const EXECUTE_NONE: u32 = 0x001B_0013;

/// How much longer than its own time-out a function may take before it is cancelled.
const PATIENCE_S: u32 = 120;

/// `SCSI_REQUEST_BLOCK`, as far as such functions use it.
#[repr(C)]
struct Srb {
    length: u16,
    function: u8,
    srb_status: u8,
    scsi_status: u8,
    path_id: u8,
    target_id: u8,
    lun: u8,
    queue_tag: u8,
    queue_action: u8,
    cdb_length: u8,
    sense_info_buffer_length: u8,
    srb_flags: u32,
    data_transfer_length: u32,
    time_out_value: u32,
    data_buffer: usize,
    sense_info_buffer: usize,
    next_srb: usize,
    original_request: PVOID,
    srb_extension: usize,
    internal_status: u32,
    _reserved: u32,
    cdb: [u8; 16],
}

/// Size of the structure, as its Length says.
const LENGTH: u16 = 0x58;
const _: () = assert!(size_of::<Srb>() == 0x58 && offset_of!(Srb, original_request) == 0x30);

/// An SRB function.
#[derive(Clone, Copy)]
pub struct Function {
    /// SRB_FUNCTION_...
    pub code: u8,
    /// SRB flags.
    pub flags: u32,
    /// QueueTag: SP_UNTAGGED (0xFF) where the function has one.
    pub queue_tag: u8,
    /// Time-out in seconds.
    pub timeout_s: u32,
}

/// Takes the drive for this driver.
pub const CLAIM: Function = Function { code: 0x01, flags: 0, queue_tag: 0, timeout_s: 0 };
/// Gives it back.
pub const RELEASE: Function = Function { code: 0x06, flags: 0, queue_tag: 0, timeout_s: 0 };

/// One IRP and one SRB for functions, one at a time. All bytes zero is one without memory and without event.
pub struct SrbChannel {
    irp: OwnedIrp,
    done: Event,
    srb: UnsafeCell<Srb>,
}

// SAFETY: its callers see to it that one thread at a time calls a function.
unsafe impl Sync for SrbChannel {}
// SAFETY: it belongs to no thread.
unsafe impl Send for SrbChannel {}

impl SrbChannel {
    /// Makes the event and allocates the IRP.
    ///
    /// # Errors
    /// STATUS_INSUFFICIENT_RESOURCES.
    pub fn initialize(&self, lower: DeviceObject) -> Result<(), NTSTATUS> {
        self.done.initialize_notification(false);
        self.irp.allocate(lower)
    }

    /// Sends a function and waits for it. PASSIVE_LEVEL.
    ///
    /// # Safety
    /// The channel is initialised, and no other thread is in this call.
    pub unsafe fn call(&self, lower: DeviceObject, function: Function) -> NTSTATUS {
        let srb = Srb {
            length: LENGTH,
            function: function.code,
            srb_status: 0,
            scsi_status: 0,
            path_id: 0,
            target_id: 0,
            lun: 0,
            queue_tag: function.queue_tag,
            queue_action: 0,
            cdb_length: 0,
            sense_info_buffer_length: 0,
            srb_flags: function.flags,
            data_transfer_length: 0,
            time_out_value: function.timeout_s,
            data_buffer: 0,
            sense_info_buffer: 0,
            next_srb: 0,
            original_request: self.irp.as_ptr().cast(),
            srb_extension: 0,
            internal_status: 0,
            _reserved: 0,
            cdb: [0; 16],
        };
        // SAFETY: nobody else uses the SRB, as the caller promises.
        unsafe { self.srb.get().write(srb) };
        let location = srb_location(0, EXECUTE_NONE, self.srb.get().cast());
        let limit = Ticks::seconds(u64::from(function.timeout_s.saturating_add(PATIENCE_S)));
        self.irp.call(lower, location, &self.done, limit)
    }

    /// Gives the memory back.
    pub fn free(&self) {
        self.irp.free();
    }
}
