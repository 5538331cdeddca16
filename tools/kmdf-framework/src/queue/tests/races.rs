//! Senders, cancellers and the driver at once, in many orders.

use std::rc::Rc;

use nt_machine::{irql, threads};

use super::*;

thread_local! {
    /// Requests that the driver has marked cancelable and will complete.
    static HELD: RefCell<VecDeque<Handle>> = const { RefCell::new(VecDeque::new()) };
    /// The driver's lock of that list and of the marks.
    static LOCK: Cell<Handle> = const { Cell::new(Handle::NULL) };
}

fn with_lock<R>(work: impl FnOnce() -> R) -> R {
    let () = wdf!(WdfSpinLockAcquire, LOCK.get());
    let result = work();
    let () = wdf!(WdfSpinLockRelease, LOCK.get());
    result
}

unsafe extern "win64" fn hold_request(_: Handle, request: Handle, _: usize, _: usize, _: u32) {
    let marked = with_lock(|| {
        let marked: i32 =
            wdf!(WdfRequestMarkCancelableEx, request, Some(cancel_held as unsafe extern "win64" fn(Handle)));
        if status::ok(marked) {
            HELD.with_borrow_mut(|held| held.push_back(request));
        }
        marked
    });
    if !status::ok(marked) {
        complete(request, status::CANCELLED);
    }
}

unsafe extern "win64" fn cancel_held(request: Handle) {
    with_lock(|| HELD.with_borrow_mut(|held| held.retain(|known| *known != request)));
    complete(request, status::CANCELLED);
}

/// Completes what the driver holds, one after another, as long as there are senders.
fn serve(outstanding: &Cell<u32>) {
    while outstanding.get() > 0 {
        threads::block("work", None, &|| outstanding.get() == 0 || HELD.with_borrow(|held| !held.is_empty()));
        let taken = with_lock(|| {
            let request = HELD.with_borrow_mut(VecDeque::pop_front)?;
            let unmarked: i32 = wdf!(WdfRequestUnmarkCancelable, request);
            status::ok(unmarked).then_some(request)
        });
        if let Some(request) = taken {
            complete(request, status::SUCCESS);
        }
    }
}

/// Sends one request and cancels it after that many scheduling points; it must come back once.
fn send_and_cancel(device: Handle, patience: u32, outstanding: &Cell<u32>) {
    let sent = send_control(device, 4);
    for _ in 0..patience {
        threads::point();
    }
    if sent.outcome().is_none() {
        sent.cancel();
    }
    threads::block("completion", None, &|| sent.outcome().is_some());
    assert!(matches!(sent.status(), Some(status::SUCCESS | status::CANCELLED)), "{:?}", sent.status());
    outstanding.set(outstanding.get() - 1);
}

fn race(dispatch_type: u32, scope: u32) {
    const SENDERS: u32 = 6;
    HELD.with_borrow_mut(VecDeque::clear);
    let config = WDF_IO_QUEUE_CONFIG {
        EvtIoDeviceControl: Some(hold_request),
        DefaultQueue: 1,
        Settings: if dispatch_type == 2 { 2 } else { 0 },
        ..queue_config(dispatch_type)
    };
    let device = device_with(
        |_| {},
        move |device| {
            let scoped = crate::structs::WDF_OBJECT_ATTRIBUTES { SynchronizationScope: scope, ..attributes() };
            create_queue(device, &config, &raw const scoped).unwrap();
            let mut lock = Handle::NULL;
            let none = std::ptr::null::<crate::structs::WDF_OBJECT_ATTRIBUTES>();
            let created: i32 = wdf!(WdfSpinLockCreate, none, &raw mut lock);
            assert_eq!(created, status::SUCCESS);
            LOCK.set(lock);
        },
    );
    let outstanding = Rc::new(Cell::new(SENDERS));
    for sender in 0..SENDERS {
        let outstanding = Rc::clone(&outstanding);
        let body = Box::new(move || send_and_cancel(device, sender * 3, &outstanding));
        threads::spawn("sender", irql::PASSIVE, body);
    }
    serve(&outstanding);
}

#[test]
fn every_request_of_a_sequential_queue_comes_back_once_whatever_the_order() {
    worlds(|| race(1, 4));
    worlds(|| race(1, 3));
}

#[test]
fn every_request_of_a_parallel_queue_comes_back_once_whatever_the_order() {
    worlds(|| race(2, 4));
    worlds(|| race(2, 3));
}
