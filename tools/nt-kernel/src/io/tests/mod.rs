//! The way of IRPs through small drivers.

use core::ffi::c_void;
use std::cell::Cell;

use nt_machine::findings::Rule;
use nt_machine::threads::{self, RunEnd};

use super::*;
use crate::layout::{
    DEVICE_OBJECT, IO_STATUS_BLOCK, IRP, IRP_MJ_DEVICE_CONTROL, IRP_MJ_FLUSH_BUFFERS, KEVENT, SL_PENDING_RETURNED,
};
use crate::testing::{clean, device, found, run_seeded};
use crate::{get, put, status, sync};

mod sins;
mod way;

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
    static SEEN: Cell<usize> = const { Cell::new(0) };
}

fn finish(irp: *mut IRP, result: i32, information: usize) -> i32 {
    put!(irp, IoStatus.Status, result);
    put!(irp, IoStatus.Information, information);
    complete(irp, 0);
    result
}

extern "win64" fn succeed(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    finish(irp, status::SUCCESS, 7)
}

extern "win64" fn warn(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    finish(irp, status::BUFFER_OVERFLOW, 0)
}

/// Marks the IRP pending and completes it later, on another thread.
extern "win64" fn pend(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    mark_pending(irp);
    sync::queue_work("completion", Box::new(move || _ = finish(irp, status::SUCCESS, 7)));
    status::PENDING
}

extern "win64" fn pass(device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    skip(irp);
    call_driver(lower(device), irp)
}

extern "win64" fn watch(device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    copy_to_next(irp);
    set_completion(irp, watched, 0x77 as *mut c_void, true, true, true);
    call_driver(lower(device), irp)
}

extern "win64" fn watched(device: *mut DEVICE_OBJECT, irp: *mut IRP, context: *mut c_void) -> i32 {
    assert_eq!(context as usize, 0x77);
    assert_eq!(get!(current(irp), DeviceObject), device);
    // The location left shows nothing of the request any more.
    let left = next(irp);
    assert_eq!((get!(left, MinorFunction), get!(left, Control), get!(left, Flags)), (0, 0, 0));
    assert_eq!(get!(left, MajorFunction), IRP_MJ_FLUSH_BUFFERS);
    CALLS.set(CALLS.get() + 1);
    if get!(irp, PendingReturned) != 0 {
        mark_pending(irp);
    }
    status::SUCCESS
}

extern "win64" fn stop(device: *mut DEVICE_OBJECT, irp: *mut IRP, _context: *mut c_void) -> i32 {
    SEEN.set(device as usize);
    CALLS.set(CALLS.get() + 1);
    let _ = irp;
    status::MORE_PROCESSING_REQUIRED
}

/// An IRP as a driver sends its own.
fn own_irp(device: *mut DEVICE_OBJECT) -> *mut IRP {
    let irp = allocate_irp(get!(device, StackSize));
    put!(next(irp), MajorFunction, IRP_MJ_FLUSH_BUFFERS);
    irp
}

fn flush(top: *mut DEVICE_OBJECT) -> Sent {
    send(top, |_, location| put!(location, MajorFunction, IRP_MJ_FLUSH_BUFFERS))
}

/// A device control as a driver builds it, waited for as drivers do.
fn control(device: *mut DEVICE_OBJECT, code: u32, buffers: Buffers) -> (i32, IO_STATUS_BLOCK) {
    let mut event = core::mem::MaybeUninit::<KEVENT>::uninit();
    let mut block = IO_STATUS_BLOCK { Status: 0x55, Information: 0x55 };
    let event = event.as_mut_ptr();
    sync::event_init(event, false, false);
    let irp = build_device_control(device, code, false, buffers, event, &raw mut block);
    let returned = call_driver(device, irp);
    if returned == status::PENDING {
        sync::wait(event, None);
    }
    // The status block is this function's: the request must be over before it goes.
    threads::block("the end of the request", None, &|| !irp::is_live(irp));
    (returned, block)
}
