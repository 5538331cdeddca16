//! Timers, DPCs and work items that outlive what they belong to.

use wdk_sys::{KDPC, KTIMER, LARGE_INTEGER, PDEVICE_OBJECT, PVOID, WDFDEVICE};

use crate::kernel::{NON_PAGED, TEN_MILLISECONDS, allocate, free};

unsafe extern "C" fn expired(_: *mut KDPC, _: PVOID, _: PVOID, _: PVOID) {}

#[inline(always)]
fn arm(timer: *mut KTIMER, dpc: *mut KDPC) {
    kernel!(KeInitializeTimer(timer));
    kernel!(KeInitializeDpc(dpc, Some(expired), core::ptr::null_mut()));
    kernel!(KeSetTimer(timer, LARGE_INTEGER { QuadPart: TEN_MILLISECONDS }, dpc));
}

pub fn timer_freed_armed(_: WDFDEVICE) {
    let size = size_of::<KTIMER>();
    let block = allocate(NON_PAGED, size + size_of::<KDPC>());
    if !block.is_null() {
        arm(block.cast(), block.wrapping_add(size).cast());
        free(block);
    }
}

/// An image's own variable: it is gone with the image.
struct Own<T>(core::cell::UnsafeCell<T>);

// SAFETY: only the unload routine uses it.
unsafe impl<T> Sync for Own<T> {}

static TIMER: Own<[u64; 8]> = Own(core::cell::UnsafeCell::new([0; 8]));
static DPC: Own<[u64; 8]> = Own(core::cell::UnsafeCell::new([0; 8]));

pub fn timer_armed_at_unload() {
    arm(TIMER.0.get().cast(), DPC.0.get().cast());
}

unsafe extern "C" fn worked(_: PDEVICE_OBJECT, _: PVOID) {}

pub fn work_item_at_unload() {
    // SAFETY: set when the driver was bound, and not changed since.
    let globals = unsafe { wdk_sys::WdfDriverGlobals };
    // SAFETY: the framework keeps the driver's handle there until the driver is gone.
    let driver = unsafe { (*globals).Driver };
    let object = wdf!(WdfDriverWdmGetDriverObject(driver));
    let item = kernel!(IoAllocateWorkItem(object.cast()));
    let none = core::ptr::null_mut();
    if !item.is_null() {
        kernel!(IoQueueWorkItem(item, Some(worked), wdk_sys::_WORK_QUEUE_TYPE::DelayedWorkQueue, none));
    }
}
