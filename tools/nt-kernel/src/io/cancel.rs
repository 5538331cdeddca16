//! Cancellation.

use std::cell::Cell;

use nt_machine::call;
use nt_machine::findings::{self, Rule};
use nt_machine::memory::{self, Kind};

use super::{current, irp};
use crate::layout::{DRIVER_CANCEL, IRP};
use crate::{get, put, raw, sync};

thread_local! {
    static LOCK: Cell<*mut usize> = const { Cell::new(core::ptr::null_mut()) };
}

pub(super) fn reset() {
    LOCK.set(core::ptr::null_mut());
}

/// The global cancel spin lock, in a block of its own.
fn lock() -> *mut usize {
    if LOCK.get().is_null() {
        let block = memory::allocate(Kind::Object, size_of::<usize>(), 8, 0, "the cancel spin lock").cast::<usize>();
        raw::write(block, 0);
        LOCK.set(block);
    }
    LOCK.get()
}

/// Takes the cancel spin lock and gives the IRQL there was.
#[must_use]
pub fn acquire_cancel_lock() -> u8 {
    sync::acquire_spin_lock(lock())
}

/// Releases the cancel spin lock.
pub fn release_cancel_lock(irql: u8) {
    sync::release_spin_lock(lock(), irql);
}

/// Sets the cancel routine and gives the one there was.
pub fn set_cancel_routine(request: *mut IRP, routine: Option<DRIVER_CANCEL>) -> Option<DRIVER_CANCEL> {
    let old = get!(request, CancelRoutine);
    put!(request, CancelRoutine, routine);
    old
}

/// Cancels an IRP: true when a cancel routine was there to be called.
pub fn cancel(request: *mut IRP) -> bool {
    irp::check(request);
    let irql = acquire_cancel_lock();
    put!(request, Cancel, 1);
    let Some(routine) = set_cancel_routine(request, None) else {
        release_cancel_lock(irql);
        return false;
    };
    if get!(request, CurrentLocation) > get!(request, StackCount) + 1 {
        findings::fatal(Rule::BugCheck, "Irp", "a cancel routine on a completed IRP (CANCEL_STATE_IN_COMPLETED_IRP)");
    }
    put!(request, CancelIrql, irql);
    let top = get!(request, CurrentLocation) > get!(request, StackCount);
    let device = if top { core::ptr::null_mut() } else { get!(current(request), DeviceObject) };
    // The routine releases the lock, to the IRQL in the IRP: for the crossing that is a change, so it is made around it.
    let held = call::release(lock() as usize);
    debug_assert!(held, "the lock was just taken");
    run_with_lock(routine, device, request, irql);
    true
}

fn run_with_lock(routine: DRIVER_CANCEL, device: *mut crate::layout::DEVICE_OBJECT, request: *mut IRP, irql: u8) {
    // Seen from outside, the routine is called at the old IRQL and comes back at it; within, the lock is held.
    nt_machine::irql::lower(irql);
    call::driver("cancel routine", || {
        nt_machine::irql::raise(nt_machine::irql::DISPATCH);
        call::hold(lock() as usize, "cancel spin lock");
        routine(device, request);
    });
}
