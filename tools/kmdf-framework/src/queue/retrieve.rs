//! Moving requests: forwarding, requeueing, taking them out of manual and sequential queues, finding them.

use std::rc::Rc;

use nt_kernel::raw;

use super::{Dispatching, Notice, Queue, engine, find, find_request, forward, insert, leave, pump};
use crate::client::Globals;
use crate::fail::misuse;
use crate::functions::Function;
use crate::objects::{self, Handle, Kind};
use crate::request::{self, Origin, Place, Request, accessors};
use crate::status;
use crate::structs::{EvtQueueState, WDF_REQUEST_PARAMETERS};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfIoQueueRetrieveNextRequest", retrieve_next as *const ()),
    ("WdfIoQueueRetrieveRequestByFileObject", retrieve_by_file as *const ()),
    ("WdfIoQueueFindRequest", find_request_of as *const ()),
    ("WdfIoQueueRetrieveFoundRequest", retrieve_found as *const ()),
    ("WdfIoQueueReadyNotify", ready_notify as *const ()),
    ("WdfRequestForwardToIoQueue", forward_to_queue as *const ()),
    ("WdfRequestRequeue", requeue as *const ()),
];

/// A place for a request handle: NULL until there is one.
fn hand_over(out: *mut Handle, find: impl FnOnce() -> Result<Rc<Request>, i32>) -> i32 {
    objects::store(out, "OutRequest", || find().map(|request| request.handle.get()))
}

fn retrieve(queue: &Rc<Queue>, fits: impl Fn(&Request) -> bool) -> Result<Rc<Request>, i32> {
    if matches!(queue.dispatching, Dispatching::Parallel(_)) {
        return Err(status::INVALID_DEVICE_STATE);
    }
    if !queue.may_deliver() {
        return Err(status::WDF_PAUSED);
    }
    engine::take(queue, fits).ok_or(status::NO_MORE_ENTRIES)
}

unsafe extern "win64" fn retrieve_next(_: Globals, queue: Handle, out: *mut Handle) -> i32 {
    let queue = super::get(queue);
    hand_over(out, || retrieve(&queue, |_| true))
}

unsafe extern "win64" fn retrieve_by_file(_: Globals, queue: Handle, file: Handle, out: *mut Handle) -> i32 {
    let queue = super::get(queue);
    let _ = objects::get::<crate::file::FileObject>(file, Kind::FileObject, "FileObject");
    hand_over(out, || retrieve(&queue, |request| request.file.get() == file))
}

unsafe extern "win64" fn find_request_of(
    _: Globals,
    queue: Handle,
    after: Handle,
    file: Handle,
    parameters: *mut WDF_REQUEST_PARAMETERS,
    out: *mut Handle,
) -> i32 {
    let queue = super::get(queue);
    hand_over(out, || {
        if !queue.is_manual() {
            return Err(status::INVALID_DEVICE_REQUEST);
        }
        let waiting: Vec<Handle> = queue.waiting.borrow().iter().copied().collect();
        let start = match after.is_null() {
            true => 0,
            false => 1 + waiting.iter().position(|known| *known == after).ok_or(status::NOT_FOUND)?,
        };
        let found = waiting[start..].iter().copied().filter_map(find_request);
        let found = found.into_iter().find(|request| file.is_null() || request.file.get() == file);
        let found = found.ok_or(status::NO_MORE_ENTRIES)?;
        objects::reference(found.handle.get());
        request::create::show(&found);
        if !parameters.is_null() {
            raw::write(parameters, accessors::parameters(&found));
        }
        Ok(found)
    })
}

unsafe extern "win64" fn retrieve_found(_: Globals, queue: Handle, found: Handle, out: *mut Handle) -> i32 {
    let queue = super::get(queue);
    let _ = request::get(found);
    hand_over(out, || {
        if !queue.is_manual() {
            return Err(status::INVALID_DEVICE_REQUEST);
        }
        if !queue.may_deliver() {
            return Err(status::WDF_PAUSED);
        }
        engine::take(&queue, |request| request.handle.get() == found).ok_or(status::NOT_FOUND)
    })
}

unsafe extern "win64" fn ready_notify(_: Globals, queue: Handle, callback: EvtQueueState, context: usize) -> i32 {
    let queue = super::get(queue);
    if !queue.is_manual() {
        return status::INVALID_DEVICE_REQUEST;
    }
    if callback.is_none() {
        if queue.delivering.get() {
            return status::INVALID_DEVICE_REQUEST;
        }
        queue.ready_notice.set(None);
        queue.ready_due.set(false);
        return status::SUCCESS;
    }
    if queue.ready_notice.get().is_some() {
        return status::INVALID_DEVICE_REQUEST;
    }
    queue.ready_notice.set(Some(Notice { callback, context, what: "EvtIoQueueReady" }));
    if queue.waiting() > 0 {
        queue.ready_due.set(true);
        pump(&queue);
    }
    status::SUCCESS
}

unsafe extern "win64" fn forward_to_queue(_: Globals, request: Handle, destination: Handle) -> i32 {
    let Some(request) = request::owned(request) else { return status::INVALID_DEVICE_REQUEST };
    let destination = super::get(destination);
    forward_checked(&request, &destination).err().unwrap_or(status::SUCCESS)
}

fn forward_checked(request: &Rc<Request>, destination: &Rc<Queue>) -> Result<(), i32> {
    let refuse = |why: &str| {
        misuse("Request", why);
        Err(status::INVALID_DEVICE_REQUEST)
    };
    match request.origin {
        Origin::Io => {
            if !request.device.as_ref().is_some_and(|device| Rc::ptr_eq(device, &destination.device)) {
                return refuse("forwarded to a queue of another device");
            }
        }
        // What the driver made may be queued if it can be completed from there.
        Origin::Driver | Origin::Irp => {
            if !request.client.at_least(11) || !request.must_complete.get() || request.irp.get().is_null() {
                return Err(status::INVALID_DEVICE_REQUEST);
            }
        }
    }
    if request.place.get() == Place::Queued {
        return refuse("forwarded while it waits in a queue");
    }
    if request.cancel_routine.get().is_some() {
        return refuse("forwarded while it is marked cancelable");
    }
    if request.queue.get() == destination.handle.get() {
        return refuse("forwarded to the queue that it came from");
    }
    forward(request, destination)
}

unsafe extern "win64" fn requeue(_: Globals, request: Handle) -> i32 {
    let Some(request) = request::owned(request) else { return status::INVALID_DEVICE_REQUEST };
    let Some(queue) = find(request.queue.get()) else { return status::INVALID_DEVICE_REQUEST };
    if !queue.is_manual() || request.place.get() != Place::Driver {
        return status::INVALID_DEVICE_REQUEST;
    }
    if request.cancel_routine.get().is_some() {
        misuse("Request", "requeued while it is marked cancelable");
        return status::INVALID_DEVICE_REQUEST;
    }
    leave(&queue, request.handle.get());
    insert(&queue, &request, true);
    status::SUCCESS
}
