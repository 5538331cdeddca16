//! I/O queues: delivery, cancellation inside queues, state functions, power.

pub(crate) mod control;
pub(crate) mod create;
mod engine;
pub(crate) mod power;
pub(crate) mod reserve;
pub(crate) mod retrieve;
#[cfg(test)]
mod tests;

pub use engine::pump;
pub use power::{hold, purge, resume};

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use nt_kernel::layout::{IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_READ, IRP_MJ_WRITE};
use nt_machine::threads;

use crate::device::Device;
use crate::objects::{self, Body, CallbackLock, Handle, Kind};
use crate::request::{self, Place, Request, cancel};
use crate::status;
use crate::structs::{EvtDispatchIrp, EvtQueueState, WDF_IO_QUEUE_CONFIG};

/// How a queue hands requests to the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatching {
    /// One at a time.
    Sequential,
    /// Up to that many at a time.
    Parallel(u32),
    /// When the driver asks.
    Manual,
}

/// Where a queue is with respect to its device's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Delivers.
    On,
    /// Holds its requests: the device is not in D0.
    Held,
}

/// A callback of a state function, with its context.
#[derive(Clone, Copy)]
pub(crate) struct Notice {
    callback: EvtQueueState,
    context: usize,
    what: &'static str,
}

/// What the framework keeps of a WDFQUEUE.
pub struct Queue {
    /// Its handle.
    pub handle: Cell<Handle>,
    /// The device it belongs to.
    pub device: Rc<Device>,
    /// How it hands out requests.
    pub dispatching: Dispatching,
    /// Held while the device is not in D0.
    pub power_managed: bool,
    config: WDF_IO_QUEUE_CONFIG,
    /// Callbacks at PASSIVE_LEVEL only.
    passive: bool,
    lock: RefCell<Option<Rc<CallbackLock>>>,
    waiting: RefCell<VecDeque<Handle>>,
    owned: RefCell<Vec<Handle>>,
    /// Driver-owned requests whose cancel routine is to be called.
    cancelled_owned: RefCell<VecDeque<Handle>>,
    /// Requests for `EvtIoCanceledOnQueue`; they are driver-owned.
    cancelled_waiting: RefCell<VecDeque<Handle>>,
    accepting: Cell<bool>,
    delivering: Cell<bool>,
    power: Cell<Power>,
    /// Final: accepting cannot be turned on again.
    removed: Cell<bool>,
    /// A purge is in progress: driver-owned requests count as cancelled.
    purging: Cell<bool>,
    stop_notice: Cell<Option<Notice>>,
    empty_notice: Cell<Option<Notice>>,
    ready_notice: Cell<Option<Notice>>,
    ready_due: Cell<bool>,
    /// Requests allocated ahead.
    pub(crate) reserve: RefCell<Option<Rc<reserve::Reserve>>>,
    /// The engine is to run in a work item or DPC.
    posted: Cell<bool>,
}

impl Body for Queue {
    fn created(&self, handle: Handle) {
        self.handle.set(handle);
    }

    fn dispose(&self, handle: Handle) {
        engine::dispose(self, handle);
    }
}

/// The queue of a handle that a driver passed.
#[must_use]
pub fn get(handle: Handle) -> Rc<Queue> {
    objects::get(handle, Kind::Queue, "Queue")
}

fn find(handle: Handle) -> Option<Rc<Queue>> {
    objects::find(handle)?.body()
}

/// A device's queues and the way to them.
#[derive(Default)]
pub struct DeviceIo {
    queues: RefCell<Vec<Handle>>,
    default: Cell<Handle>,
    by_type: RefCell<BTreeMap<u8, Handle>>,
    /// Dispatch callbacks by major function, with the driver's context.
    dispatchers: RefCell<BTreeMap<u8, (EvtDispatchIrp, usize)>>,
    removed: Cell<bool>,
}

impl DeviceIo {
    /// The default queue, NULL for none.
    #[must_use]
    pub fn default_queue(&self) -> Handle {
        self.default.get()
    }

    /// The queue for requests of a major function: the configured one, else the default one. Creates only go to a
    /// queue that was configured for them.
    #[must_use]
    pub fn queue_for(&self, major: u8) -> Option<Rc<Queue>> {
        let configured = self.by_type.borrow().get(&major).copied();
        let handle = configured.or_else(|| (major != 0).then(|| self.default.get()))?;
        find(handle)
    }

    /// The dispatch callback for a major function.
    pub(crate) fn dispatcher(&self, major: u8) -> Option<(EvtDispatchIrp, usize)> {
        self.dispatchers.borrow().get(&major).copied()
    }

    /// The device's queues, in order of creation.
    #[must_use]
    pub fn queues(&self) -> Vec<Rc<Queue>> {
        let handles = self.queues.borrow().clone();
        handles.into_iter().filter_map(find).collect()
    }

    /// Final removal began: no queue accepts requests again.
    pub fn forbid_accepting(&self) {
        self.removed.set(true);
        for queue in self.queues() {
            queue.removed.set(true);
            queue.accepting.set(false);
        }
    }

    fn forget(&self, handle: Handle) {
        self.queues.borrow_mut().retain(|known| *known != handle);
        self.by_type.borrow_mut().retain(|_, known| *known != handle);
        if self.default.get() == handle {
            self.default.set(Handle::NULL);
        }
    }
}

impl Queue {
    /// Requests waiting.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.borrow().len()
    }

    /// Requests with the driver.
    #[must_use]
    pub fn owned(&self) -> usize {
        self.owned.borrow().len()
    }

    /// True if a request of that major function has a handler here.
    #[must_use]
    pub fn handles(&self, major: u8) -> bool {
        let own = match major {
            IRP_MJ_READ => self.config.EvtIoRead.is_some(),
            IRP_MJ_WRITE => self.config.EvtIoWrite.is_some(),
            IRP_MJ_DEVICE_CONTROL => self.config.EvtIoDeviceControl.is_some(),
            IRP_MJ_INTERNAL_DEVICE_CONTROL => self.config.EvtIoInternalDeviceControl.is_some(),
            _ => false,
        };
        own || self.config.EvtIoDefault.is_some()
    }

    fn is_manual(&self) -> bool {
        self.dispatching == Dispatching::Manual
    }

    fn may_deliver(&self) -> bool {
        self.delivering.get() && self.power.get() == Power::On
    }

    fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty() && self.owned.borrow().is_empty()
    }

    /// What the driver has of this queue, for messages about waits.
    fn describe(&self) -> String {
        let owned: Vec<String> =
            self.owned.borrow().iter().filter_map(|handle| Some(find_request(*handle)?.describe())).collect();
        format!("{} waiting, with the driver: [{}]", self.waiting(), owned.join(", "))
    }
}

fn find_request(handle: Handle) -> Option<Rc<Request>> {
    objects::find(handle)?.body()
}

/// Puts a request into a queue, at its end (or at its head when it returns).
///
/// # Errors
/// WDF_BUSY if the queue does not accept requests; the request is the caller's still.
pub fn enqueue(queue: &Rc<Queue>, request: &Rc<Request>) -> Result<(), i32> {
    if !queue.accepting.get() {
        return Err(status::WDF_BUSY);
    }
    insert(queue, request, false);
    Ok(())
}

fn insert(queue: &Rc<Queue>, request: &Rc<Request>, at_head: bool) {
    let handle = request.handle.get();
    request.queue.set(queue.handle.get());
    request.place.set(Place::Queued);
    let was_empty = {
        let mut waiting = queue.waiting.borrow_mut();
        let was_empty = waiting.is_empty();
        if at_head {
            waiting.push_front(handle)
        } else {
            waiting.push_back(handle)
        }
        was_empty
    };
    if !cancel::set_routine(request.irp.get()) {
        cancelled_while_waiting(request);
        return;
    }
    if was_empty && queue.ready_notice.get().is_some() {
        queue.ready_due.set(true);
    }
    if queue.power.get() == Power::Held {
        queue.device.pnp.request_waits(&queue.device);
    }
    pump(queue);
}

/// Takes a request out of the waiting list; false if it is not there.
fn unqueue(queue: &Queue, handle: Handle) -> bool {
    let mut waiting = queue.waiting.borrow_mut();
    let Some(at) = waiting.iter().position(|known| *known == handle) else { return false };
    waiting.remove(at);
    true
}

/// The IRP of a waiting request was cancelled, and its cancel routine is cleared.
pub(crate) fn cancelled_while_waiting(request: &Rc<Request>) {
    let Some(queue) = find(request.queue.get()) else { return };
    if unqueue(&queue, request.handle.get()) {
        engine::drop_cancelled(&queue, request);
    }
}

/// A driver-owned request that was marked cancelable was cancelled.
pub(crate) fn cancelled_while_owned(request: &Rc<Request>) {
    let Some(queue) = find(request.queue.get()) else { return };
    queue.cancelled_owned.borrow_mut().push_back(request.handle.get());
    pump(&queue);
}

/// True while driver-owned requests of the queue count as cancelled.
pub(crate) fn cancels_owned(request: &Request) -> bool {
    request.client.at_least(11) && find(request.queue.get()).is_some_and(|queue| queue.purging.get())
}

/// A request left the driver for good: the queue that presented it goes on.
pub(crate) fn left(request: &Request) {
    let Some(queue) = find(request.queue.get()) else { return };
    leave(&queue, request.handle.get());
    pump(&queue);
}

fn leave(queue: &Queue, handle: Handle) {
    queue.owned.borrow_mut().retain(|known| *known != handle);
    queue.cancelled_owned.borrow_mut().retain(|known| *known != handle);
    queue.cancelled_waiting.borrow_mut().retain(|known| *known != handle);
}

/// Moves a driver-owned request to a queue.
///
/// # Errors
/// WDF_BUSY if the queue does not accept requests.
pub(crate) fn forward(request: &Rc<Request>, destination: &Rc<Queue>) -> Result<(), i32> {
    if !destination.accepting.get() {
        return Err(status::WDF_BUSY);
    }
    let source = find(request.queue.get());
    let handle = request.handle.get();
    if let Some(source) = &source {
        leave(source, handle);
    }
    insert(destination, request, false);
    if let Some(source) = source {
        pump(&source);
    }
    Ok(())
}

/// Cancels what waits for a file object: its last handle was closed.
pub(crate) fn cancel_file(device: &Device, file: Handle) {
    for queue in device.io.queues() {
        let waiting: Vec<Handle> = queue.waiting.borrow().iter().copied().collect();
        for handle in waiting {
            let Some(request) = find_request(handle) else { continue };
            if request.file.get() == file && cancel::clear_routine(request.irp.get()) {
                cancelled_while_waiting(&request);
            }
        }
    }
}

fn wait_until(queue: &Queue, what: &str, done: &dyn Fn() -> bool) {
    if !done() {
        let what = format!("{what} of a queue ({})", queue.describe());
        threads::block(&what, None, done);
    }
}

/// Completes a request that the driver never saw, or does not see any more.
fn complete_cancelled(request: &Rc<Request>) {
    nt_kernel::put!(request.irp.get(), IoStatus.Information, 0);
    request::complete(request, status::CANCELLED);
}
