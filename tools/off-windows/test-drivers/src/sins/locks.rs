//! Locks that are not one's own, taken twice, or taken along.

use core::ptr::null_mut;

use wdk_sys::{NT_SUCCESS, WDF_OBJECT_ATTRIBUTES, WDFDEVICE, WDFREQUEST, WDFWAITLOCK};

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
