//! The port: commands and other requests of our own to the driver below.

use core::ptr::NonNull;

use ioctl_dispatch::NtStatus;
use ioctl_dispatch::step::{PortReply, ScsiCommand};
use ioctl_dispatch::time::Ticks;
use wdk_sys::{
    IO_STACK_LOCATION, NT_SUCCESS, NTSTATUS, PWDF_REQUEST_COMPLETION_PARAMS, STATUS_CANCELLED, STATUS_IO_TIMEOUT,
    WDFCONTEXT, WDFIOTARGET, WDFREQUEST,
};

use crate::device::Device;
use crate::io::pass_through::PassThrough;
use crate::km::event::{Event, Woken};
use crate::status;
use crate::wdf::sent_request;

/// How much longer than a command's own time-out the port may take before the command is cancelled. Ports keep the
/// time-out themselves, and stretch it while they reset a bus.
const PATIENCE: Ticks = Ticks::seconds(120);

/// Time for requests that are no commands.
const OTHER_LIMIT: Ticks = Ticks::seconds(120);

/// The one request that carries commands, with what it carries.
pub struct Port {
    request: WDFREQUEST,
    block: PassThrough,
}

// SAFETY: the request belongs to no thread.
unsafe impl Send for Port {}

impl Port {
    /// A port that sends `request`.
    pub const fn new(request: WDFREQUEST) -> Self {
        Self { request, block: PassThrough::new() }
    }

    /// Sends a command with its data at `data`, and waits for it. IRQL <= APC_LEVEL.
    pub fn execute(&mut self, device: &Device, command: &ScsiCommand, data: Option<NonNull<u8>>) -> PortReply<'_> {
        self.block.fill(command, data);
        let limit = Ticks(Ticks::seconds(u64::from(command.timeout_s)).0.saturating_add(PATIENCE.0));
        let block = (&raw mut self.block).cast();
        let (status, _) = self.transmit(device, PassThrough::location(), block, limit);
        if !NT_SUCCESS(status) {
            return refused(status::to_core(status));
        }
        PortReply {
            status: status::to_core(status),
            scsi_status: self.block.scsi_status(),
            sense: self.block.sense(),
            transferred: self.block.transferred(),
        }
    }

    /// Sends a device control with `buffer` for input and output, and waits for it. Gives the status and Information.
    pub fn control(&mut self, device: &Device, location: IO_STACK_LOCATION, buffer: &mut [u8]) -> (NTSTATUS, u64) {
        self.transmit(device, location, buffer.as_mut_ptr(), OTHER_LIMIT)
    }

    fn transmit(
        &mut self,
        device: &Device,
        location: IO_STACK_LOCATION,
        buffer: *mut u8,
        limit: Ticks,
    ) -> (NTSTATUS, u64) {
        let done = &device.port_done;
        done.clear();
        if device.in_hand.is_cancelled() {
            return (STATUS_CANCELLED, 0);
        }
        let context = core::ptr::from_ref(done).cast_mut().cast();
        // SAFETY: our own request, which has come back from its last journey; this waits until it does again.
        let sent =
            unsafe { sent_request::send(self.request, device.target(), location, buffer, Some(came_back), context) };
        if let Err(status) = sent {
            return (status, 0);
        }
        if device.in_hand.was_sent() {
            // SAFETY: our own request, which this thread sends.
            unsafe { sent_request::cancel(self.request) };
        }
        let late = done.wait_at_most(limit) == Woken::TimeOut;
        if late {
            // SAFETY: our own request, which this thread sends.
            unsafe { sent_request::cancel(self.request) };
            // The port has our memory until it gives the request back.
            done.wait();
        }
        device.in_hand.came_back();
        // SAFETY: our own request, which has come back.
        let status = unsafe { sent_request::status(self.request) };
        // SAFETY: as above.
        let information = unsafe { sent_request::information(self.request) };
        if late && status == STATUS_CANCELLED { (STATUS_IO_TIMEOUT, 0) } else { (status, information) }
    }
}

/// The reply to a command that did not reach the drive.
pub const fn refused(status: NtStatus) -> PortReply<'static> {
    PortReply { status, scsi_status: 0, sense: &[], transferred: 0 }
}

/// The request has come back; the context is the event.
extern "C" fn came_back(
    _request: WDFREQUEST,
    _target: WDFIOTARGET,
    _params: PWDF_REQUEST_COMPLETION_PARAMS,
    context: WDFCONTEXT,
) {
    // SAFETY: the sender passed a reference to an event and waits for it.
    let done = unsafe { &*context.cast::<Event>() };
    done.set();
}
