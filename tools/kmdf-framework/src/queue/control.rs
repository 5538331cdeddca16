//! State functions: start, stop, drain, purge, and what they report.

use std::cell::Cell;
use std::rc::Rc;

use super::create::store_count;
use super::{Notice, Power, Queue, engine, pump, wait_until};
use crate::client::Globals;
use crate::fail::{Violation, misuse, violation};
use crate::functions::Function;
use crate::objects::{self, Handle, Life};
use crate::structs::EvtQueueState;

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfIoQueueGetState", get_state as *const ()),
    ("WdfIoQueueGetDevice", get_device as *const ()),
    ("WdfIoQueueStart", start as *const ()),
    ("WdfIoQueueStop", stop as *const ()),
    ("WdfIoQueueStopSynchronously", stop_synchronously as *const ()),
    ("WdfIoQueueDrain", drain as *const ()),
    ("WdfIoQueueDrainSynchronously", drain_synchronously as *const ()),
    ("WdfIoQueuePurge", purge as *const ()),
    ("WdfIoQueuePurgeSynchronously", purge_synchronously as *const ()),
    ("WdfIoQueueStopAndPurge", stop_and_purge as *const ()),
    ("WdfIoQueueStopAndPurgeSynchronously", stop_and_purge_synchronously as *const ()),
];

const ACCEPT: u32 = 1;
const DISPATCH: u32 = 2;
const NO_REQUESTS: u32 = 4;
const DRIVER_NO_REQUESTS: u32 = 8;
const PNP_HELD: u32 = 0x10;

unsafe extern "win64" fn get_state(_: Globals, queue: Handle, queued: *mut u32, owned: *mut u32) -> u32 {
    let queue = super::get(queue);
    store_count(queued, queue.waiting());
    store_count(owned, queue.owned());
    let bit = |set: bool, bit: u32| if set { bit } else { 0 };
    bit(queue.accepting.get(), ACCEPT)
        | bit(queue.delivering.get(), DISPATCH)
        | bit(queue.waiting() == 0, NO_REQUESTS)
        | bit(queue.owned() == 0, DRIVER_NO_REQUESTS)
        | bit(queue.power.get() == Power::Held, PNP_HELD)
}

unsafe extern "win64" fn get_device(_: Globals, queue: Handle) -> Handle {
    super::get(queue).device.handle.get()
}

/// The queue of a state function; one that is being deleted has no states any more.
fn to_change(handle: Handle) -> Rc<Queue> {
    let queue = super::get(handle);
    if objects::any(handle, "Queue").life() != Life::Alive {
        violation(Violation::QueueFatalError, "Queue", "the state of a queue changes that is being deleted");
    }
    queue
}

fn set_state(queue: &Queue, accept: Option<bool>, deliver: Option<bool>) {
    if let Some(accept) = accept {
        queue.accepting.set(accept && !queue.removed.get());
    }
    if let Some(deliver) = deliver {
        queue.delivering.set(deliver);
    }
}

fn request_notice(slot: &Cell<Option<Notice>>, callback: EvtQueueState, context: usize, what: &'static str) {
    if callback.is_none() {
        return;
    }
    if slot.get().is_some() {
        violation(Violation::QueueFatalError, "Queue", format_args!("{what} of an earlier call is still pending"));
    }
    slot.set(Some(Notice { callback, context, what }));
}

/// A synchronous form, called from a handler that owns a request of the queue, would wait for itself; the scheduler
/// finds that. Here the callback lock is checked: the handler of a serialised queue cannot end while it waits.
fn check_wait(queue: &Queue, function: &str) {
    if queue.lock.borrow().as_ref().is_some_and(|lock| lock.held()) {
        misuse("Queue", format_args!("{function} waits inside a callback of the same queue"));
    }
}

unsafe extern "win64" fn start(_: Globals, queue: Handle) {
    let queue = to_change(queue);
    queue.purging.set(false);
    set_state(&queue, Some(true), Some(true));
    if queue.waiting() > 0 && queue.ready_notice.get().is_some() {
        queue.ready_due.set(true);
    }
    pump(&queue);
}

unsafe extern "win64" fn stop(_: Globals, queue: Handle, callback: EvtQueueState, context: usize) {
    let queue = to_change(queue);
    request_notice(&queue.stop_notice, callback, context, "StopComplete");
    set_state(&queue, Some(true), Some(false));
    pump(&queue);
}

unsafe extern "win64" fn stop_synchronously(_: Globals, queue: Handle) {
    let queue = to_change(queue);
    check_wait(&queue, "WdfIoQueueStopSynchronously");
    set_state(&queue, Some(true), Some(false));
    pump(&queue);
    wait_until(&queue, "synchronous stop", &|| queue.owned() == 0);
}

unsafe extern "win64" fn drain(_: Globals, queue: Handle, callback: EvtQueueState, context: usize) {
    let queue = to_change(queue);
    request_notice(&queue.empty_notice, callback, context, "DrainComplete");
    set_state(&queue, Some(false), Some(true));
    pump(&queue);
}

unsafe extern "win64" fn drain_synchronously(_: Globals, queue: Handle) {
    let queue = to_change(queue);
    check_wait(&queue, "WdfIoQueueDrainSynchronously");
    set_state(&queue, Some(false), Some(true));
    pump(&queue);
    wait_until(&queue, "synchronous drain", &|| queue.is_empty());
}

fn begin_purge(queue: &Rc<Queue>) {
    queue.purging.set(true);
    engine::cancel_all(queue);
}

unsafe extern "win64" fn purge(_: Globals, queue: Handle, callback: EvtQueueState, context: usize) {
    let queue = to_change(queue);
    request_notice(&queue.empty_notice, callback, context, "PurgeComplete");
    set_state(&queue, Some(false), None);
    begin_purge(&queue);
}

unsafe extern "win64" fn purge_synchronously(_: Globals, queue: Handle) {
    let queue = to_change(queue);
    check_wait(&queue, "WdfIoQueuePurgeSynchronously");
    set_state(&queue, Some(false), None);
    begin_purge(&queue);
    wait_until(&queue, "synchronous purge", &|| queue.is_empty());
    queue.purging.set(false);
}

unsafe extern "win64" fn stop_and_purge(_: Globals, queue: Handle, callback: EvtQueueState, context: usize) {
    let queue = to_change(queue);
    request_notice(&queue.stop_notice, callback, context, "StopAndPurgeComplete");
    set_state(&queue, Some(true), Some(false));
    begin_purge(&queue);
}

unsafe extern "win64" fn stop_and_purge_synchronously(_: Globals, queue: Handle) {
    let queue = to_change(queue);
    check_wait(&queue, "WdfIoQueueStopAndPurgeSynchronously");
    set_state(&queue, Some(true), Some(false));
    begin_purge(&queue);
    wait_until(&queue, "synchronous stop and purge", &|| queue.owned() == 0);
    queue.purging.set(false);
}
