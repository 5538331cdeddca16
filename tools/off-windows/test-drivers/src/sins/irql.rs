//! The wrong interrupt request level.

use core::ptr::null_mut;

use wdk_sys::{WDFDEVICE, WDFREQUEST};

use crate::kernel::{PAGED, allocate, event, free, lower, peek, raise, wait};
use crate::skeleton::answer;

const DISPATCH: u8 = 2;

pub fn wait_at_dispatch(handle: WDFDEVICE, request: WDFREQUEST) {
    let mut never = event();
    let old = raise(DISPATCH);
    let _ = wait((&raw mut never).cast(), Some(crate::kernel::TEN_MILLISECONDS));
    lower(old);
    answer(handle, request);
}

pub fn framework_above_its_level(handle: WDFDEVICE, request: WDFREQUEST) {
    let old = raise(DISPATCH);
    let mut string = null_mut();
    let _ = wdf!(WdfStringCreate(null_mut(), null_mut(), &raw mut string));
    lower(old);
    answer(handle, request);
}

pub fn kernel_above_its_level(handle: WDFDEVICE, request: WDFREQUEST) {
    let old = raise(DISPATCH);
    kernel!(KeFlushQueuedDpcs());
    lower(old);
    answer(handle, request);
}

pub fn kernel_below_its_level(handle: WDFDEVICE, request: WDFREQUEST) {
    let mut lock = 0;
    kernel!(KeAcquireSpinLockAtDpcLevel(&raw mut lock));
    kernel!(KeReleaseSpinLockFromDpcLevel(&raw mut lock));
    answer(handle, request);
}

pub fn returns_raised(handle: WDFDEVICE, request: WDFREQUEST) {
    answer(handle, request);
    raise(DISPATCH);
}

pub fn paged_pool_at_dispatch(handle: WDFDEVICE, request: WDFREQUEST) {
    let block = allocate(PAGED, 64);
    let old = raise(DISPATCH);
    peek(block);
    lower(old);
    free(block);
    answer(handle, request);
}

#[inline(never)]
// SAFETY: pageable on purpose.
#[unsafe(link_section = "PAGE")]
extern "C" fn pageable(byte: u8) -> u8 {
    core::hint::black_box(byte)
}

pub fn paged_code_at_dispatch(handle: WDFDEVICE, request: WDFREQUEST) {
    let old = raise(DISPATCH);
    pageable(old);
    lower(old);
    answer(handle, request);
}

pub fn paged_pool_allocated_at_dispatch(handle: WDFDEVICE, request: WDFREQUEST) {
    let old = raise(DISPATCH);
    let block = allocate(PAGED, 64);
    lower(old);
    if !block.is_null() {
        free(block);
    }
    answer(handle, request);
}
