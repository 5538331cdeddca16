//! Requests that are passed down.

use ioctl_dispatch::{Completion, NtStatus};
use wdk_sys::{PWDF_REQUEST_COMPLETION_PARAMS, WDFCONTEXT, WDFIOTARGET, WDFREQUEST};

use crate::device::Device;
use crate::io::complete::finish;
use crate::io::request_context::RequestContext;
use crate::km::event::Event;
use crate::km::irp::srb_location;
use crate::status;
use crate::wdf::request::Request;

/// IRP_MN_SCSI_CLASS.
const SCSI_CLASS: u8 = 1;

/// Passes an SRB of a driver above down.
pub fn internal(device: &Device, request: Request) {
    let location = srb_location(SCSI_CLASS, 0, request.irp().location().srb());
    let sent = request.send_down(device.target(), location, Some(complete_as_below), core::ptr::null_mut());
    if let Err(request) = sent {
        let status = request.status();
        request.complete(status, 0);
    }
}

/// Passes a request down as it is, without waiting; it ends with just what the driver below says.
pub fn unserialized(device: &Device, request: Request) {
    let location = request.irp().location().copy();
    let sent = request.send_down(device.target(), location, Some(complete_as_below), core::ptr::null_mut());
    if let Err(request) = sent {
        let status = request.status();
        request.complete(status, 0);
    }
}

/// Ends a request as the driver below has ended it.
extern "C" fn complete_as_below(
    request: WDFREQUEST,
    _target: WDFIOTARGET,
    _params: PWDF_REQUEST_COMPLETION_PARAMS,
    _context: WDFCONTEXT,
) {
    // SAFETY: the ownership that was given away with the request comes back here.
    let request = unsafe { Request::from_raw(request) };
    let (status, information) = (request.status(), request.information());
    request.complete(status, information);
}

/// Passes a request down in its caller's thread, with `minor` if one is given, and waits. IRQL <= APC_LEVEL.
///
/// Gives the request back with its status and Information.
pub fn and_wait(device: &Device, request: Request, minor: Option<u8>) -> (Request, NtStatus, u64) {
    let mut location = request.irp().location().copy();
    if let Some(minor) = minor {
        location.MinorFunction = minor;
    }
    let handle = request.raw();
    let done: *const Event = &raw const request.context::<RequestContext>().event;
    // SAFETY: the context lives as long as the request, which nobody completes before this has returned.
    let done = unsafe { &*done };
    done.clear();
    let context = core::ptr::from_ref(done).cast_mut().cast();
    match request.send_down(device.target(), location, Some(came_back), context) {
        Err(request) => {
            let status = status::to_core(request.status());
            (request, status, 0)
        }
        Ok(()) => {
            done.wait();
            // SAFETY: the routine gave the ownership back to this thread.
            let request = unsafe { Request::from_raw(handle) };
            let (status, information) = (status::to_core(request.status()), request.information());
            (request, status, information)
        }
    }
}

/// Wakes the thread that waits for the request and owns it from now on.
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

/// Sends a create down in its caller's thread and ends it as the driver below says.
pub fn create(device: &Device, request: Request) -> Completion {
    request.context::<RequestContext>().event.initialize_synchronization(false);
    let (request, status, information) = and_wait(device, request, None);
    let completion = Completion::new(status, information);
    finish(device, request, completion);
    completion
}
