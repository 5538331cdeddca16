//! The end of requests.

use ioctl_dispatch::{Completion, NtStatus};
use wdk_sys::ntddk::IoSetHardErrorOrVerifyDevice;

use crate::device::Device;
use crate::km::irp::Irp;
use crate::status;
use crate::wdf::request::Request;

/// Ends `request` as the core says.
pub fn finish(device: &Device, request: Request, completion: Completion) {
    note_user_induced(device, request.irp(), completion);
    request.complete(status::to_system(completion.status), completion.information);
}

/// Lets the file system know which device its user has to look at.
pub fn note_user_induced(device: &Device, irp: Irp, completion: Completion) {
    if completion.user_induced && irp.has_thread() {
        // SAFETY: an IRP that this driver holds and that belongs to a thread; our own device object.
        unsafe { IoSetHardErrorOrVerifyDevice(irp.as_ptr(), device.own().as_ptr()) };
    }
}

/// Ends `request` with `status`, by the rule of all completions, and Information 0.
pub fn fail(device: &Device, request: Request, status: NtStatus) {
    let completion =
        device.core.with(|dispatcher| dispatcher.completion(status, 0)).unwrap_or(Completion::new(status, 0));
    finish(device, request, completion);
}
