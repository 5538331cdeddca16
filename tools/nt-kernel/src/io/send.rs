//! Sending an IRP of the host and waiting for it, as the PnP and power managers do.

use std::cell::Cell;
use std::rc::Rc;

use nt_machine::threads;

use super::irp;
use crate::layout::{DEVICE_OBJECT, IO_STACK_LOCATION, IRP, PVOID};
use crate::{get, put, status};

/// What became of an IRP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The final status.
    pub status: i32,
    /// The final information.
    pub information: usize,
}

extern "win64" fn stop_here(_device: *mut DEVICE_OBJECT, _irp: *mut IRP, context: PVOID) -> i32 {
    // SAFETY: the context is the box that `start` leaked, and completion comes once.
    let done = unsafe { Box::from_raw(context.cast::<Box<dyn FnOnce()>>()) };
    done();
    status::MORE_PROCESSING_REQUIRED
}

/// Sends an IRP to a device and waits for it. `prepare` fills the first location and what else it wants of the IRP, whose
/// status is NOT_SUPPORTED before. Runs on a simulated thread, below DISPATCH_LEVEL.
pub fn send(device: *mut DEVICE_OBJECT, prepare: impl FnOnce(*mut IRP, *mut IO_STACK_LOCATION)) -> Sent {
    let request = irp::allocate_irp(get!(device, StackSize));
    put!(request, IoStatus.Status, status::NOT_SUPPORTED);
    prepare(request, super::next(request));
    let done = Rc::new(Cell::new(false));
    let flag = done.clone();
    let context: Box<Box<dyn FnOnce()>> = Box::new(Box::new(move || flag.set(true)));
    super::set_completion(request, stop_here, Box::into_raw(context).cast(), true, true, true);
    super::call_driver(device, request);
    threads::block("an IRP of the host", None, &|| done.get());
    let sent = Sent { status: get!(request, IoStatus.Status), information: get!(request, IoStatus.Information) };
    irp::free_irp(request);
    sent
}

/// `IoForwardIrpSynchronously`: false when no location is left.
#[must_use]
pub fn forward_synchronously(device: *mut DEVICE_OBJECT, request: *mut IRP) -> bool {
    if get!(request, StackCount) <= 1 || get!(request, CurrentLocation) <= 1 {
        return false;
    }
    super::copy_to_next(request);
    let done = Rc::new(Cell::new(false));
    let flag = done.clone();
    let context: Box<Box<dyn FnOnce()>> = Box::new(Box::new(move || flag.set(true)));
    super::set_completion(request, stop_here, Box::into_raw(context).cast(), true, true, true);
    super::call_driver(device, request);
    threads::block("an IRP sent on", None, &|| done.get());
    true
}
