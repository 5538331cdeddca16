//! Cancelability of requests that the driver owns, and the cancel routine of all requests from I/O.

use std::rc::Rc;

use nt_kernel::layout::{DEVICE_OBJECT, IRP};
use nt_kernel::{get, io};
use nt_machine::call;

use super::{Origin, Place, Request, by_irp, owned};
use crate::client::Globals;
use crate::fail::{misuse, require_callback};
use crate::functions::Function;
use crate::objects::Handle;
use crate::structs::EvtObject;
use crate::{queue, status};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfRequestMarkCancelable", mark as *const ()),
    ("WdfRequestMarkCancelableEx", mark_ex as *const ()),
    ("WdfRequestUnmarkCancelable", unmark as *const ()),
    ("WdfRequestIsCanceled", is_cancelled as *const ()),
];

/// The cancel routine of every IRP that the framework holds or that the driver marked cancelable.
pub(crate) extern "win64" fn on_cancel(device: *mut DEVICE_OBJECT, irp: *mut IRP) {
    io::release_cancel_lock(get!(irp, CancelIrql));
    let Some(request) = by_irp(irp, device) else { return };
    match request.place.get() {
        Place::Queued => queue::cancelled_while_waiting(&request),
        Place::Driver => queue::cancelled_while_owned(&request),
        Place::Outside | Place::Done => {}
    }
}

/// Clears the IRP's cancel routine. False: it was called already, or is about to be.
pub(crate) fn clear_routine(irp: *mut IRP) -> bool {
    io::set_cancel_routine(irp, None).is_some()
}

/// Sets the IRP's cancel routine. False: the IRP is cancelled and the routine will not be called.
pub(crate) fn set_routine(irp: *mut IRP) -> bool {
    io::set_cancel_routine(irp, Some(on_cancel));
    get!(irp, Cancel) == 0 || !clear_routine(irp)
}

/// A request that may be marked: from I/O, presented by a queue, not marked yet.
fn markable(request: Handle, routine: EvtObject) -> Option<Rc<Request>> {
    require_callback(routine.is_some(), "EvtRequestCancel");
    let request = owned(request)?;
    if request.origin != Origin::Io || request.place.get() != Place::Driver {
        misuse("Request", "only a request that a queue presented to the driver can be marked cancelable");
        return None;
    }
    if request.cancel_routine.get().is_some() {
        misuse("Request", "the request is marked cancelable already");
        return None;
    }
    Some(request)
}

/// Marks. False: the request is cancelled already and is not marked.
fn try_mark(request: &Rc<Request>, routine: EvtObject) -> bool {
    if request.is_cancelled() || queue::cancels_owned(request) {
        return false;
    }
    request.cancel_routine.set(routine);
    if set_routine(request.irp.get()) {
        return true;
    }
    request.cancel_routine.set(None);
    false
}

unsafe extern "win64" fn mark(_: Globals, request: Handle, routine: EvtObject) {
    let Some(request) = markable(request, routine) else { return };
    if !try_mark(&request, routine) {
        request.cancel_routine.set(routine);
        queue::cancelled_while_owned(&request);
    }
}

unsafe extern "win64" fn mark_ex(_: Globals, request: Handle, routine: EvtObject) -> i32 {
    let Some(request) = markable(request, routine) else { return status::INVALID_DEVICE_REQUEST };
    if try_mark(&request, routine) { status::SUCCESS } else { status::CANCELLED }
}

unsafe extern "win64" fn unmark(_: Globals, request: Handle) -> i32 {
    let Some(request) = owned(request) else { return status::INVALID_DEVICE_REQUEST };
    if request.origin != Origin::Io || request.place.get() != Place::Driver {
        misuse("Request", "only a request that a queue presented to the driver can be marked cancelable");
        return status::INVALID_DEVICE_REQUEST;
    }
    if request.cancel_routine.get().is_none() {
        // Either it was never marked, or its cancel routine is on its way.
        if !request.is_cancelled() {
            misuse("Request", "the request is not marked cancelable");
        }
        return status::CANCELLED;
    }
    if clear_routine(request.irp.get()) {
        request.cancel_routine.set(None);
        return status::SUCCESS;
    }
    status::CANCELLED
}

unsafe extern "win64" fn is_cancelled(_: Globals, request: Handle) -> u8 {
    let Some(request) = owned(request) else { return 0 };
    if request.cancel_routine.get().is_some() {
        misuse("Request", "the answer means nothing while the request is marked cancelable");
    }
    u8::from(request.is_cancelled())
}

/// Calls the driver's cancel routine of a marked request; it completes the request.
pub(crate) fn deliver(request: &Rc<Request>) {
    let Some(routine) = request.cancel_routine.take() else { return };
    // SAFETY: the driver marked the request with this routine.
    call::driver("EvtRequestCancel", || unsafe { routine(request.handle.get()) });
}
