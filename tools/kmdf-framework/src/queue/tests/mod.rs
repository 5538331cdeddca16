//! Queues as a client sees them.

mod cancelling;
mod delivery;
mod moving;
mod power;
mod races;
mod reserve;
mod serialised;
mod state;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use super::Handle;
use crate::status;
use crate::structs::WDF_IO_QUEUE_CONFIG;
use crate::testing::*;

thread_local! {
    static SEEN: RefCell<VecDeque<Handle>> = const { RefCell::new(VecDeque::new()) };
    static QUEUE: Cell<Handle> = const { Cell::new(Handle::NULL) };
    static COMPLETE_INSIDE: Cell<bool> = const { Cell::new(false) };
}

fn next_seen() -> Handle {
    SEEN.with_borrow_mut(VecDeque::pop_front).expect("a presented request")
}

fn complete(request: Handle, status: i32) {
    wdf!(WdfRequestComplete, request, status)
}

unsafe extern "win64" fn on_control(_: Handle, request: Handle, _: usize, _: usize, code: u32) {
    log(format!("control {code}"));
    SEEN.with_borrow_mut(|seen| seen.push_back(request));
    if COMPLETE_INSIDE.get() {
        complete(request, status::SUCCESS);
    }
}

unsafe extern "win64" fn on_read(_: Handle, request: Handle, length: usize) {
    log(format!("read {length}"));
    complete(request, status::SUCCESS);
}

unsafe extern "win64" fn on_cancel(request: Handle) {
    log("cancel");
    complete(request, status::CANCELLED);
}

unsafe extern "win64" fn on_canceled_on_queue(_: Handle, request: Handle) {
    log("canceled on queue");
    complete(request, status::CANCELLED);
}

unsafe extern "win64" fn on_state(_: Handle, context: usize) {
    log(format!("state {context}"));
}

fn config(dispatch_type: u32) -> WDF_IO_QUEUE_CONFIG {
    let mut config = queue_config(dispatch_type);
    if dispatch_type != 3 {
        config.EvtIoDeviceControl = Some(on_control);
    }
    config
}

/// A device whose default queue is configured so.
fn device(config: WDF_IO_QUEUE_CONFIG) -> Handle {
    SEEN.with_borrow_mut(VecDeque::clear);
    COMPLETE_INSIDE.set(false);
    let config = WDF_IO_QUEUE_CONFIG { DefaultQueue: 1, ..config };
    device_with(|_| {}, move |device| QUEUE.set(create_queue(device, &config, std::ptr::null()).unwrap()))
}

fn second_queue(device: Handle, config: &WDF_IO_QUEUE_CONFIG) -> Handle {
    create_queue(device, config, std::ptr::null()).unwrap()
}

fn state() -> u32 {
    let none = std::ptr::null_mut::<u32>();
    wdf!(WdfIoQueueGetState, QUEUE.get(), none, none)
}

fn mark_ex(request: Handle) -> i32 {
    wdf!(WdfRequestMarkCancelableEx, request, Some(on_cancel as unsafe extern "win64" fn(Handle)))
}

fn retrieve(queue: Handle) -> Result<Handle, i32> {
    let mut request = Handle::NULL;
    let status: i32 = wdf!(WdfIoQueueRetrieveNextRequest, queue, &raw mut request);
    if status::ok(status) { Ok(request) } else { Err(status) }
}

const STATE: Option<unsafe extern "win64" fn(Handle, usize)> = Some(on_state);
