//! The engine of a queue: runs whenever something has changed, and does in a fixed order what is to be done.
//!
//! Callbacks run in the thread that made the change: in the sender's dispatch call, in a completion, in a start. A
//! completion inside a handler presents the next request on the same stack. Where the queue's level or its callback
//! lock forbid that, the engine is posted to a work item or a DPC.

use std::rc::Rc;

use nt_kernel::layout::{IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_READ, IRP_MJ_WRITE};
use nt_kernel::{get, io, put, sync};
use nt_machine::{call, irql};

use super::{Dispatching, Notice, Queue, complete_cancelled, find, find_request, unqueue, wait_until};
use crate::objects::{self, Handle, Life};
use crate::request::{self, Place, Request, cancel};
use crate::status;

/// Does what is to be done.
pub fn pump(queue: &Rc<Queue>) {
    if must_post(queue) {
        post(queue);
        return;
    }
    while step(queue) {}
}

/// Callbacks cannot run here: above PASSIVE_LEVEL for a passive queue, or inside the queue's own callback lock.
fn must_post(queue: &Queue) -> bool {
    let held = queue.lock.borrow().as_ref().is_some_and(|lock| lock.held());
    held || (queue.passive && irql::current() > 0)
}

fn post(queue: &Rc<Queue>) {
    if queue.posted.replace(true) || !has_work(queue) {
        return;
    }
    let handle = queue.handle.get();
    let run = Box::new(move || {
        let Some(queue) = find(handle) else { return };
        queue.posted.set(false);
        pump(&queue);
    });
    let mutex = queue.lock.borrow().as_ref().is_none_or(|lock| lock.is_passive());
    if queue.passive || mutex {
        sync::queue_work("presenting requests of a queue", run);
    } else {
        sync::queue_dpc("presenting requests of a queue", run);
    }
}

/// Whether a step would do something.
fn has_work(queue: &Queue) -> bool {
    let callbacks = !queue.cancelled_owned.borrow().is_empty() || !queue.cancelled_waiting.borrow().is_empty();
    let notices = (queue.owned.borrow().is_empty() && has(&queue.stop_notice))
        || (queue.is_empty() && has(&queue.empty_notice))
        || queue.ready_due.get();
    let work = callbacks || notices || can_present(queue);
    if !work {
        queue.posted.set(false);
    }
    work
}

fn has(notice: &std::cell::Cell<Option<Notice>>) -> bool {
    notice.get().is_some()
}

/// Does the first thing that is to be done; false when there is nothing.
fn step(queue: &Rc<Queue>) -> bool {
    let cancelled = queue.cancelled_owned.borrow_mut().pop_front();
    if let Some(handle) = cancelled {
        if let Some(request) = find_request(handle) {
            locked(queue, || cancel::deliver(&request));
        }
        return true;
    }
    let cancelled = queue.cancelled_waiting.borrow_mut().pop_front();
    if let Some(handle) = cancelled {
        cancelled_on_queue(queue, handle);
        return true;
    }
    // No borrow may live on into a callback: the counts are taken before.
    let stopped = if queue.owned() == 0 { queue.stop_notice.take() } else { None };
    if let Some(notice) = stopped {
        queue.purging.set(false);
        notify(queue, notice);
        return true;
    }
    let emptied = if queue.is_empty() { queue.empty_notice.take() } else { None };
    if let Some(notice) = emptied {
        queue.purging.set(false);
        notify(queue, notice);
        return true;
    }
    if queue.may_deliver() && queue.ready_due.replace(false) {
        if let Some(notice) = queue.ready_notice.get() {
            notify(queue, notice);
        }
        return true;
    }
    present_next(queue)
}

fn locked(queue: &Queue, work: impl FnOnce()) {
    let lock = queue.lock.borrow().clone();
    objects::run_locked(lock.as_ref(), work);
}

fn notify(queue: &Queue, notice: Notice) {
    let Some(callback) = notice.callback else { return };
    let handle = queue.handle.get();
    locked(queue, || {
        // SAFETY: the driver passed callback and context to the state function.
        call::driver(notice.what, || unsafe { callback(handle, notice.context) });
    });
}

fn cancelled_on_queue(queue: &Queue, request: Handle) {
    let Some(callback) = queue.config.EvtIoCanceledOnQueue else { return };
    let handle = queue.handle.get();
    locked(queue, || {
        // SAFETY: the driver configured the queue with this callback.
        call::driver("EvtIoCanceledOnQueue", || unsafe { callback(handle, request) });
    });
}

fn can_present(queue: &Queue) -> bool {
    let room = match queue.dispatching {
        Dispatching::Sequential => queue.owned.borrow().is_empty(),
        Dispatching::Parallel(limit) => queue.owned.borrow().len() < limit as usize,
        Dispatching::Manual => false,
    };
    room && queue.may_deliver() && !queue.waiting.borrow().is_empty()
}

/// Presents the request at the head; false when none can be presented.
fn present_next(queue: &Rc<Queue>) -> bool {
    if !can_present(queue) {
        return false;
    }
    let Some(request) = take(queue, |_| true) else { return false };
    request.presenting.set(true);
    present(queue, &request);
    true
}

/// Takes the first waiting request that fits and makes it the driver's. Zero-length transfers that the queue does not
/// want are completed on the way.
pub(super) fn take(queue: &Rc<Queue>, fits: impl Fn(&Request) -> bool) -> Option<Rc<Request>> {
    loop {
        let handles: Vec<Handle> = queue.waiting.borrow().iter().copied().collect();
        // One whose cancel routine was called already is on its way out.
        let request = handles
            .into_iter()
            .filter_map(find_request)
            .find(|request| fits(request) && get!(request.irp.get(), CancelRoutine).is_some())?;
        if !cancel::clear_routine(request.irp.get()) {
            continue;
        }
        unqueue(queue, request.handle.get());
        if !queue.config_allows_zero() && is_zero_length(&request) {
            put!(request.irp.get(), IoStatus.Information, 0);
            request.queue.set(Handle::NULL);
            request::complete(&request, status::SUCCESS);
            continue;
        }
        own(queue, &request);
        return Some(request);
    }
}

fn is_zero_length(request: &Request) -> bool {
    let location = request.location();
    matches!(request.major(), IRP_MJ_READ | IRP_MJ_WRITE) && get!(location, Parameters.Read.Length) == 0
}

/// Makes a request the driver's.
fn own(queue: &Queue, request: &Request) {
    request.place.set(Place::Driver);
    request.presented.set(true);
    request.acknowledged.set(None);
    request::create::show(request);
    queue.owned.borrow_mut().push(request.handle.get());
}

fn present(queue: &Rc<Queue>, request: &Rc<Request>) {
    let location = request.location();
    let (handle, this) = (queue.handle.get(), request.handle.get());
    let config = &queue.config;
    let length = get!(location, Parameters.Read.Length) as usize;
    let output = get!(location, Parameters.DeviceIoControl.OutputBufferLength) as usize;
    let input = get!(location, Parameters.DeviceIoControl.InputBufferLength) as usize;
    let code = get!(location, Parameters.DeviceIoControl.IoControlCode);
    match request.major() {
        IRP_MJ_READ if config.EvtIoRead.is_some() => {
            handler(queue, request, "EvtIoRead", config.EvtIoRead, |callback| {
                // SAFETY: the driver configured the queue with this handler.
                unsafe { callback(handle, this, length) }
            });
        }
        IRP_MJ_WRITE if config.EvtIoWrite.is_some() => {
            handler(queue, request, "EvtIoWrite", config.EvtIoWrite, |callback| {
                // SAFETY: the driver configured the queue with this handler.
                unsafe { callback(handle, this, length) }
            });
        }
        IRP_MJ_DEVICE_CONTROL if config.EvtIoDeviceControl.is_some() => {
            handler(queue, request, "EvtIoDeviceControl", config.EvtIoDeviceControl, |callback| {
                // SAFETY: the driver configured the queue with this handler.
                unsafe { callback(handle, this, output, input, code) }
            });
        }
        IRP_MJ_INTERNAL_DEVICE_CONTROL if config.EvtIoInternalDeviceControl.is_some() => {
            handler(queue, request, "EvtIoInternalDeviceControl", config.EvtIoInternalDeviceControl, |callback| {
                // SAFETY: the driver configured the queue with this handler.
                unsafe { callback(handle, this, output, input, code) }
            });
        }
        _ if config.EvtIoDefault.is_some() => {
            handler(queue, request, "EvtIoDefault", config.EvtIoDefault, |callback| {
                // SAFETY: the driver configured the queue with this handler.
                unsafe { callback(handle, this) }
            });
        }
        _ => {
            request.presenting.set(false);
            put!(request.irp.get(), IoStatus.Information, 0);
            request::complete(request, status::INVALID_DEVICE_REQUEST);
        }
    }
}

fn handler<F: Copy>(queue: &Queue, request: &Request, what: &'static str, callback: Option<F>, invoke: impl FnOnce(F)) {
    let Some(callback) = callback else { return };
    const { assert!(size_of::<F>() == size_of::<usize>(), "a callback is a function pointer") };
    // SAFETY: of that size, and any function pointer is a number.
    let address = unsafe { std::mem::transmute_copy::<F, usize>(&callback) };
    locked(queue, || {
        request.presenting.set(false);
        io::given_to(request.irp.get(), what, address);
        call::driver(what, || invoke(callback));
    });
}

/// A request was taken out of the queue because it is cancelled: the driver gets it back if it has seen it before and
/// wants to know, else it is completed.
pub(super) fn drop_cancelled(queue: &Rc<Queue>, request: &Rc<Request>) {
    if request.presented.get() && queue.config.EvtIoCanceledOnQueue.is_some() {
        own(queue, request);
        queue.cancelled_waiting.borrow_mut().push_back(request.handle.get());
        pump(queue);
        return;
    }
    complete_cancelled(request);
}

/// Cancels everything that waits, and calls the cancel routines of driver-owned requests that are marked.
pub(super) fn cancel_all(queue: &Rc<Queue>) {
    let waiting: Vec<Handle> = queue.waiting.borrow().iter().copied().collect();
    for request in waiting.into_iter().filter_map(find_request) {
        if cancel::clear_routine(request.irp.get()) && unqueue(queue, request.handle.get()) {
            drop_cancelled(queue, &request);
        }
    }
    let owned = queue.owned.borrow().clone();
    for request in owned.into_iter().filter_map(find_request) {
        let marked = request.cancel_routine.get().is_some();
        if marked && cancel::clear_routine(request.irp.get()) {
            request.cancelled.set(true);
            queue.cancelled_owned.borrow_mut().push_back(request.handle.get());
        }
    }
    pump(queue);
}

/// Disposal of the queue object: nothing is accepted, what waits is cancelled, what the driver has is waited for.
pub(super) fn dispose(queue: &Queue, handle: Handle) {
    queue.accepting.set(false);
    queue.removed.set(true);
    if let Some(shared) = find(handle) {
        debug_assert!(objects::find(handle).is_some_and(|object| object.life() < Life::Destroyed));
        cancel_all(&shared);
        wait_until(queue, "deletion", &|| queue.is_empty());
    }
    let reserve = queue.reserve.take();
    if let Some(reserve) = reserve {
        reserve.delete_requests();
    }
    queue.device.io.forget(handle);
}
