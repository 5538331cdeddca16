//! Completion.

use std::rc::Rc;

use nt_kernel::layout::{IRP_INPUT_OPERATION, IRP_MJ_CREATE, IRP_MJ_DEVICE_CONTROL, IRP_MJ_READ, IRP_MJ_WRITE};
use nt_kernel::{get, io, put};
use nt_machine::findings::{self, Rule};

use super::{Origin, Place, Request, unregister};
use crate::client::Globals;
use crate::fail::{Violation, misuse, violation};
use crate::functions::Function;
use crate::objects::{self, Handle, Kind};
use crate::{file, queue, status};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfRequestComplete", request_complete as *const ()),
    ("WdfRequestCompleteWithInformation", complete_with_information as *const ()),
    ("WdfRequestCompleteWithPriorityBoost", complete_with_boost as *const ()),
];

/// The request that the driver completes, unless it is completed already: that ends the run.
fn to_complete(handle: Handle) -> Option<Rc<Request>> {
    if objects::freed_kind(handle) == Some(Kind::Request) {
        findings::fatal(Rule::DoubleCompletion, "Request", "the request was completed before");
    }
    let request = super::get(handle);
    if request.place.get() == Place::Done {
        findings::report(Rule::DoubleCompletion, "Request", "the request was completed or given away before");
        return None;
    }
    if request.origin != Origin::Io && !request.must_complete.get() {
        misuse("Request", "a request that the driver made is deleted, not completed");
        return None;
    }
    if request.place.get() == Place::Queued {
        misuse("Request", "the request waits in a queue: it is not the driver's to complete");
        return None;
    }
    if request.sending.is_sent() {
        misuse("Request", "completed while an I/O target has it");
        return None;
    }
    Some(request)
}

unsafe extern "win64" fn request_complete(_: Globals, request: Handle, status: i32) {
    if let Some(request) = to_complete(request) {
        by_driver(&request, status);
    }
}

unsafe extern "win64" fn complete_with_information(_: Globals, request: Handle, status: i32, information: usize) {
    if let Some(request) = to_complete(request) {
        put!(request.irp.get(), IoStatus.Information, information);
        by_driver(&request, status);
    }
}

unsafe extern "win64" fn complete_with_boost(_: Globals, request: Handle, status: i32, _boost: i8) {
    if let Some(request) = to_complete(request) {
        by_driver(&request, status);
    }
}

/// Completion that the driver asked for: with the checks of the framework's verifier.
fn by_driver(request: &Rc<Request>, status: i32) {
    if status == status::PENDING {
        misuse("Status", "a request cannot be completed with STATUS_PENDING");
    }
    if request.cancel_routine.get().is_some() {
        findings::report(Rule::CancelRoutine, "Request", "completed while it is marked cancelable");
        request.cancel_routine.set(None);
        io::set_cancel_routine(request.irp.get(), None);
    }
    check_information(request, status);
    complete(request, status);
}

/// Success may not claim more bytes than the sender's buffer holds.
fn check_information(request: &Request, status: i32) {
    let (irp, location) = (request.irp.get(), request.location());
    if !status::ok(status) {
        return;
    }
    let limit = match get!(location, MajorFunction) {
        IRP_MJ_READ | IRP_MJ_WRITE => get!(location, Parameters.Read.Length),
        IRP_MJ_DEVICE_CONTROL if get!(irp, RequestorMode) != 0 => {
            get!(location, Parameters.DeviceIoControl.OutputBufferLength)
        }
        _ => return,
    } as usize;
    let information = get!(irp, IoStatus.Information);
    if information > limit {
        findings::report(
            Rule::Information,
            "Information",
            format_args!(
                "{} completed with Information {information}, the buffer has {limit} bytes (bug check 0x10D/6.4)",
                request.describe()
            ),
        );
        put!(irp, IoStatus.Information, limit);
    }
}

/// Completes a request: status stored, children and contexts cleaned up, IRP completed, then the queue goes on and the
/// framework's reference is dropped.
pub fn complete(request: &Rc<Request>, status: i32) {
    let irp = request.irp.get();
    let location = request.location();
    let major = get!(location, MajorFunction);
    let status = status::for_system(status);
    put!(irp, IoStatus.Status, status);
    if major == IRP_MJ_DEVICE_CONTROL
        && get!(irp, RequestorMode) != 0
        && get!(location, Parameters.DeviceIoControl.IoControlCode) & 3 == 0
        && get!(location, Parameters.DeviceIoControl.OutputBufferLength) == 0
    {
        put!(irp, Flags, get!(irp, Flags) & !IRP_INPUT_OPERATION);
    }
    request.place.set(Place::Done);
    let handle = request.handle.get();
    // A format over the request's own memory lets it go with the request.
    request.sending.release_format();
    let memories: Vec<_> = request.buffers.borrow().memories().collect();
    for memory in memories {
        let references = objects::find(memory).map_or(0, |object| object.references());
        if references > 1 {
            violation(
                Violation::VerifierFatalError,
                "Request",
                format_args!("completed while {} references to the memory over its buffer are held", references - 1),
            );
        }
    }
    // Requests of the driver and reserved ones live on; those of the framework end with their IRP.
    let lives_on = request.origin != Origin::Io || !request.reserve.get().is_null();
    if lives_on {
        objects::delete_children(handle);
    } else {
        objects::begin_delete(handle);
    }
    request.buffers.borrow_mut().release();
    if let Some(device) = &request.device {
        unregister(irp, device.wdm.get());
        if major == IRP_MJ_CREATE {
            file::create_completed(device, request, status);
        }
    }
    request.irp.set(std::ptr::null_mut());
    io::complete(irp, 0);
    queue::left(request);
    if !request.reserve.get().is_null() {
        request.make_ready();
        queue::reserve::returned(request);
    } else if lives_on {
        request.queue.set(Handle::NULL);
        request.must_complete.set(false);
    } else {
        objects::end_delete(handle);
    }
}

impl Request {
    /// Makes a reserved request as it was before its IRP; its context keeps its content.
    fn make_ready(&self) {
        self.sending.reuse(&self.client);
        self.queue.set(Handle::NULL);
        self.file.set(Handle::NULL);
        self.presented.set(false);
        self.cancelled.set(false);
        self.acknowledged.set(None);
        self.stopping.set(false);
        self.place.set(Place::Outside);
    }

    /// Ends a request whose IRP goes on without it: `pass_on` gives the IRP away. The driver's handle is dead then.
    pub fn forget(self: &Rc<Self>, pass_on: impl FnOnce()) {
        let irp = self.irp.get();
        self.place.set(Place::Done);
        if let Some(device) = &self.device {
            unregister(irp, device.wdm.get());
        }
        let handle = self.handle.get();
        objects::begin_delete(handle);
        self.buffers.borrow_mut().release();
        self.irp.set(std::ptr::null_mut());
        pass_on();
        queue::left(self);
        objects::end_delete(handle);
    }
}
