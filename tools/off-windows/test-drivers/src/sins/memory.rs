//! Memory that is not the driver's, or no longer.

use core::ptr::null_mut;

use wdk_sys::{STATUS_SUCCESS, WDFDEVICE, WDFREQUEST};

use crate::kernel::{NON_PAGED, TAG, allocate, attributes, free, peek, poke};
use crate::skeleton::{Device, answer, device};

/// Blocks lie against an inaccessible page with their front and with their back in turn: one of two shows each overrun.
const BOTH_WAYS: usize = 2;

/// The size of blocks: a multiple of nothing.
const SIZE: usize = 45;

#[inline(always)]
fn with_blocks(sin: impl Fn(*mut u8)) {
    for _ in 0..BOTH_WAYS {
        let block = allocate(NON_PAGED, SIZE);
        if block.is_null() {
            return;
        }
        sin(block);
        free(block);
    }
}

pub fn pool_read_behind(handle: WDFDEVICE, request: WDFREQUEST) {
    with_blocks(|block| {
        // Alignment can leave a few bytes between block and page.
        (0..16).for_each(|more| {
            peek(block.wrapping_add(SIZE + more));
        });
    });
    answer(handle, request);
}

pub fn pool_read_before(handle: WDFDEVICE, request: WDFREQUEST) {
    with_blocks(|block| {
        peek(block.wrapping_sub(1));
    });
    answer(handle, request);
}

pub fn pool_write_behind(handle: WDFDEVICE, request: WDFREQUEST) {
    with_blocks(|block| poke(block.wrapping_add(SIZE), 0));
    answer(handle, request);
}

pub fn pool_write_before(handle: WDFDEVICE, request: WDFREQUEST) {
    with_blocks(|block| poke(block.wrapping_sub(1), 0));
    answer(handle, request);
}

fn buffer(request: WDFREQUEST) -> (*mut u8, usize) {
    let (mut buffer, mut length) = (null_mut(), 0);
    let _ = wdf!(WdfRequestRetrieveOutputBuffer(request, 1, &raw mut buffer, &raw mut length));
    (buffer.cast(), length)
}

pub fn request_buffer_behind(handle: WDFDEVICE, request: WDFREQUEST) {
    let (buffer, length) = buffer(request);
    poke(buffer.wrapping_add(length), 0);
    answer(handle, request);
}

pub fn request_buffer_before(handle: WDFDEVICE, request: WDFREQUEST) {
    let (buffer, _) = buffer(request);
    poke(buffer.wrapping_sub(1), 0);
    answer(handle, request);
}

pub fn mapping_behind(handle: WDFDEVICE, request: WDFREQUEST) {
    let (buffer, length) = buffer(request);
    (0..8).for_each(|more| poke(buffer.wrapping_add(length + more), 0));
    answer(handle, request);
}

pub fn context_behind(handle: WDFDEVICE, request: WDFREQUEST) {
    let context: *mut u8 = device(handle).cast();
    (0..64).for_each(|more| poke(context.wrapping_add(size_of::<Device>() + more), 0));
    answer(handle, request);
}

pub fn context_before(handle: WDFDEVICE, request: WDFREQUEST) {
    let context: *mut u8 = device(handle).cast();
    (1..64).for_each(|less| poke(context.wrapping_sub(less), 0));
    answer(handle, request);
}

pub fn pool_after_free(handle: WDFDEVICE, request: WDFREQUEST) {
    let block = allocate(NON_PAGED, SIZE);
    if !block.is_null() {
        free(block);
        peek(block);
    }
    answer(handle, request);
}

pub fn buffer_after_completion(handle: WDFDEVICE, request: WDFREQUEST) {
    let (buffer, _) = buffer(request);
    answer(handle, request);
    poke(buffer, 0);
}

pub fn irp_after_completion(handle: WDFDEVICE, request: WDFREQUEST) {
    let irp: *mut u8 = wdf!(WdfRequestWdmGetIrp(request)).cast();
    answer(handle, request);
    // Whoever issued the IRP may need a while to give its memory back.
    for _ in 0..20 {
        let mut delay = wdk_sys::LARGE_INTEGER { QuadPart: crate::kernel::TEN_MILLISECONDS };
        let _ = kernel!(KeDelayExecutionThread(0, 0, &raw mut delay));
        peek(irp.wrapping_add(0x38));
    }
}

pub fn context_of_deleted(handle: WDFDEVICE, request: WDFREQUEST) {
    let mut own = attributes(handle.cast());
    own.ContextTypeInfo = crate::skeleton::DEVICE.info();
    let mut lock = null_mut();
    if wdf!(WdfSpinLockCreate(&raw mut own, &raw mut lock)) == STATUS_SUCCESS {
        let context = crate::skeleton::DEVICE.of(lock.cast());
        wdf!(WdfObjectDelete(lock.cast()));
        peek(context);
    }
    answer(handle, request);
}

pub fn pool_freed_twice(_: WDFDEVICE) {
    let block = allocate(NON_PAGED, SIZE);
    free(block);
    free(block);
}

pub fn pool_freed_inside(_: WDFDEVICE) {
    let block = allocate(NON_PAGED, SIZE);
    free(block.wrapping_add(16));
}

pub fn pool_freed_with_other_tag(_: WDFDEVICE) {
    let block = allocate(NON_PAGED, SIZE);
    kernel!(ExFreePoolWithTag(block.cast(), TAG ^ 0x2000_0000));
}
