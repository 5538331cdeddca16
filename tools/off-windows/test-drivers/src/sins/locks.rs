//! Locks that are not one's own, taken twice, or taken along.

use core::ffi::c_void;
use core::ptr::null_mut;

use wdk_sys::{
    _WORK_QUEUE_TYPE, KEVENT, NT_SUCCESS, PDEVICE_OBJECT, PVOID, WDF_OBJECT_ATTRIBUTES, WDFDEVICE, WDFREQUEST,
    WDFWAITLOCK,
};

use crate::kernel::{NON_PAGED, allocate, attributes, event, free, lower, raise, wait};
use crate::skeleton::answer;

fn spin_lock() -> *mut u64 {
    let lock: *mut u64 = allocate(NON_PAGED, 8).cast();
    if !lock.is_null() {
        // SAFETY: eight bytes, aligned.
        unsafe { lock.write(0) };
    }
    lock
}

fn wait_lock(device: WDFDEVICE) -> WDFWAITLOCK {
    let mut own: WDF_OBJECT_ATTRIBUTES = attributes(device.cast());
    let mut lock = null_mut();
    let _ = wdf!(WdfWaitLockCreate(&raw mut own, &raw mut lock));
    lock
}

pub fn spin_lock_not_owned(_: WDFDEVICE) {
    let lock = spin_lock();
    let old = raise(2);
    kernel!(KeReleaseSpinLock(lock.cast(), old));
    lower(old);
    free(lock.cast());
}

pub fn wait_lock_not_owned(handle: WDFDEVICE) {
    wdf!(WdfWaitLockRelease(wait_lock(handle)));
}

/// What a worker is to release, and how it tells that it has.
struct Order {
    lock: *mut c_void,
    done: KEVENT,
}

type Worker = unsafe extern "C" fn(PDEVICE_OBJECT, PVOID);

/// Has a thread of the system work on the lock.
fn elsewhere(device: WDFDEVICE, lock: *mut c_void, worker: Worker) {
    let mut order = Order { lock, done: event() };
    let own = wdf!(WdfDeviceWdmGetDeviceObject(device));
    let item = kernel!(IoAllocateWorkItem(own));
    if !item.is_null() {
        let order: *mut Order = &raw mut order;
        kernel!(IoQueueWorkItem(item, Some(worker), _WORK_QUEUE_TYPE::DelayedWorkQueue, order.cast()));
        // SAFETY: the order is on this stack, and whole.
        let _ = wait(unsafe { &raw mut (*order).done }.cast(), None);
        kernel!(IoFreeWorkItem(item));
    }
}

fn finished(order: *mut Order) {
    // SAFETY: whoever gave the order waits for this event.
    let done = unsafe { &raw mut (*order).done };
    kernel!(KeSetEvent(done, 0, 0));
}

pub fn wait_lock_released_by_other(handle: WDFDEVICE) {
    unsafe extern "C" fn worker(_: PDEVICE_OBJECT, order: PVOID) {
        let order: *mut Order = order.cast();
        // SAFETY: whoever gave the order waits.
        let lock = unsafe { (*order).lock };
        wdf!(WdfWaitLockRelease(lock.cast()));
        finished(order);
    }
    let lock = wait_lock(handle);
    let _ = wdf!(WdfWaitLockAcquire(lock, null_mut()));
    elsewhere(handle, lock.cast(), worker);
}

pub fn mutex_released_by_other(handle: WDFDEVICE) {
    unsafe extern "C" fn worker(_: PDEVICE_OBJECT, order: PVOID) {
        let order: *mut Order = order.cast();
        // SAFETY: whoever gave the order waits.
        let mutex = unsafe { (*order).lock };
        kernel!(KeReleaseMutex(mutex.cast(), 0));
        finished(order);
    }
    let mut mutex = [0u64; 7]; // a KMUTEX
    let mutex: *mut c_void = (&raw mut mutex).cast();
    kernel!(KeInitializeMutex(mutex.cast(), 0));
    let _ = wait(mutex, None);
    elsewhere(handle, mutex, worker);
    kernel!(KeReleaseMutex(mutex.cast(), 0));
}

pub fn spin_lock_held_on_return(handle: WDFDEVICE, request: WDFREQUEST) {
    answer(handle, request);
    let mut own = attributes(handle.cast());
    let mut lock = null_mut();
    if NT_SUCCESS(wdf!(WdfSpinLockCreate(&raw mut own, &raw mut lock))) {
        wdf!(WdfSpinLockAcquire(lock));
    }
}

pub fn wait_lock_held_on_return(handle: WDFDEVICE, request: WDFREQUEST) {
    answer(handle, request);
    let _ = wdf!(WdfWaitLockAcquire(wait_lock(handle), null_mut()));
}

pub fn spin_lock_taken_twice(_: WDFDEVICE) {
    let lock = spin_lock();
    let old = kernel!(KeAcquireSpinLockRaiseToDpc(lock.cast()));
    let inner = kernel!(KeAcquireSpinLockRaiseToDpc(lock.cast()));
    kernel!(KeReleaseSpinLock(lock.cast(), inner));
    kernel!(KeReleaseSpinLock(lock.cast(), old));
    free(lock.cast());
}

pub fn mutex_not_owned(_: WDFDEVICE) {
    let mut mutex = [0u64; 7]; // a KMUTEX
    kernel!(KeInitializeMutex((&raw mut mutex).cast(), 0));
    kernel!(KeReleaseMutex((&raw mut mutex).cast(), 0));
}

/// The framework holds the device's lock while it calls.
pub fn callback_lock_twice(handle: WDFDEVICE, request: WDFREQUEST) {
    wdf!(WdfObjectAcquireLock(handle.cast()));
    answer(handle, request);
    wdf!(WdfObjectReleaseLock(handle.cast()));
}

/// A device without synchronisation has no lock.
pub fn lock_not_there(handle: WDFDEVICE) {
    wdf!(WdfObjectAcquireLock(handle.cast()));
    let mut never = event();
    let _ = wait((&raw mut never).cast(), Some(0));
    wdf!(WdfObjectReleaseLock(handle.cast()));
}
