//! Queues at power transitions and at removal.

use std::rc::Rc;

use nt_machine::{call, threads};

use super::{Power, Queue, engine, find, find_request, insert, leave, pump, wait_until};
use crate::client::Globals;
use crate::device::Device;
use crate::fail::misuse;
use crate::functions::Function;
use crate::objects::{self, Handle};
use crate::request::{self, Place, Request};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[("WdfRequestStopAcknowledge", stop_acknowledge as *const ())];

const SUSPEND: u32 = 1;
const PURGE: u32 = 2;
const CANCELABLE: u32 = 0x1000_0000;

/// Leaving D0: every power-managed queue stops presenting; the driver is asked about what it owns, and waited for.
pub fn hold(device: &Rc<Device>) {
    for queue in device.io.queues().into_iter().filter(|queue| queue.power_managed) {
        if queue.power.replace(Power::Held) == Power::On {
            ask_to_stop(&queue, SUSPEND);
            wait_until(&queue, "power-down", &|| settled(&queue));
            end_stop(&queue);
        }
    }
}

/// Entering D0: the driver hears of what it still owns, then presenting goes on.
pub fn resume(device: &Rc<Device>) {
    for queue in device.io.queues().into_iter().filter(|queue| queue.power_managed) {
        if queue.power.get() == Power::On {
            continue;
        }
        for request in owned(&queue) {
            if !request.is_cancelled() {
                tell_resume(&queue, &request);
            }
        }
        queue.power.set(Power::On);
        if queue.waiting() > 0 && queue.ready_notice.get().is_some() {
            queue.ready_due.set(true);
        }
        pump(&queue);
    }
}

/// Removal: queues that are power-managed (or those that are not) take nothing any more, cancel what waits, ask the
/// driver to give up what it owns, and are waited for until they are empty.
pub fn purge(device: &Rc<Device>, power_managed: bool) {
    for queue in device.io.queues().into_iter().filter(|queue| queue.power_managed == power_managed) {
        queue.removed.set(true);
        queue.accepting.set(false);
        queue.purging.set(true);
        engine::cancel_all(&queue);
        ask_to_stop(&queue, PURGE);
        wait_until(&queue, "removal", &|| queue.is_empty());
        end_stop(&queue);
        queue.purging.set(false);
    }
}

fn owned(queue: &Queue) -> Vec<Rc<Request>> {
    let handles = queue.owned.borrow().clone();
    handles.into_iter().filter_map(find_request).collect()
}

/// Every driver-owned request was given up or acknowledged.
fn settled(queue: &Queue) -> bool {
    owned(queue).iter().all(|request| request.acknowledged.get().is_some())
}

fn ask_to_stop(queue: &Rc<Queue>, action: u32) {
    for request in owned(queue) {
        request.acknowledged.set(None);
        request.stopping.set(true);
    }
    let Some(callback) = queue.config.EvtIoStop else { return };
    for request in owned(queue) {
        if request.presenting.get() {
            // Its handler is about to be called in another thread: the driver hears of the stop after that.
            threads::block("a request that is being presented", None, &|| !request.presenting.get());
        }
        if request.place.get() != Place::Driver || request.is_cancelled() {
            continue;
        }
        let cancelable = if request.cancel_routine.get().is_some() { CANCELABLE } else { 0 };
        let (handle, this) = (queue.handle.get(), request.handle.get());
        let lock = queue.lock.borrow().clone();
        objects::run_locked(lock.as_ref(), || {
            // SAFETY: the driver configured the queue with this callback.
            call::driver("EvtIoStop", || unsafe { callback(handle, this, action | cancelable) });
        });
    }
}

fn end_stop(queue: &Queue) {
    for request in owned(queue) {
        request.stopping.set(false);
        request.acknowledged.set(None);
    }
}

fn tell_resume(queue: &Queue, request: &Request) {
    let Some(callback) = queue.config.EvtIoResume else { return };
    let (handle, this) = (queue.handle.get(), request.handle.get());
    let lock = queue.lock.borrow().clone();
    objects::run_locked(lock.as_ref(), || {
        // SAFETY: the driver configured the queue with this callback.
        call::driver("EvtIoResume", || unsafe { callback(handle, this) });
    });
}

unsafe extern "win64" fn stop_acknowledge(_: Globals, request: Handle, requeue: u8) {
    let Some(request) = request::owned(request) else { return };
    let Some(queue) = find(request.queue.get()) else { return };
    if request.place.get() != Place::Driver || !request.stopping.get() {
        misuse("Request", "acknowledged although the queue did not ask to stop it: the call is ignored");
        return;
    }
    if requeue == 0 {
        request.acknowledged.set(Some(false));
        return;
    }
    if request.cancel_routine.get().is_some() {
        misuse("Request", "given back while it is marked cancelable");
        return;
    }
    request.stopping.set(false);
    leave(&queue, request.handle.get());
    insert(&queue, &request, true);
}
