//! What the kernel's headers inline: access to an IRP and its stack locations.

use wdk_sys::{IO_STACK_LOCATION, NTSTATUS, PIRP, PVOID};

/// `Tail.Overlay.CurrentStackLocation`, whose path through unnamed unions differs from one kit to the next.
const CURRENT: usize = 0xB8;

fn current_field(irp: PIRP) -> *mut *mut IO_STACK_LOCATION {
    // SAFETY: the field is inside every IRP.
    unsafe { irp.byte_add(CURRENT) }.cast()
}

/// The driver's own stack location.
pub fn current(irp: PIRP) -> *mut IO_STACK_LOCATION {
    // SAFETY: the pointer is always valid memory of the IRP.
    unsafe { *current_field(irp) }
}

/// The lower driver's.
pub fn next(irp: PIRP) -> *mut IO_STACK_LOCATION {
    // SAFETY: there is one below, as long as the stack has not ended.
    unsafe { current(irp).sub(1) }
}

/// Gives the lower driver a copy of the driver's own location, without its completion routine.
pub fn copy_to_next(irp: PIRP) {
    // SAFETY: there is a location below.
    unsafe { core::ptr::copy_nonoverlapping(current(irp), next(irp), 1) };
    // SAFETY: the location is valid.
    let next = unsafe { &mut *next(irp) };
    next.CompletionRoutine = None;
    next.Control = 0;
}

/// Minor function of the driver's own location.
pub fn minor(irp: PIRP) -> u8 {
    // SAFETY: the location is valid.
    unsafe { (*current(irp)).MinorFunction }
}

/// Lets the lower driver use the driver's own location.
pub fn skip(irp: PIRP) {
    // SAFETY: the location above is the upper driver's, or the end of the IRP.
    let above = unsafe { current(irp).add(1) };
    // SAFETY: inside the IRP.
    unsafe { *current_field(irp) = above };
    // SAFETY: inside the IRP.
    unsafe { (*irp).CurrentLocation += 1 };
}

/// Makes the next location the driver's own.
pub fn advance(irp: PIRP) {
    let below = next(irp);
    // SAFETY: inside the IRP.
    unsafe { *current_field(irp) = below };
    // SAFETY: inside the IRP.
    unsafe { (*irp).CurrentLocation -= 1 };
}

/// Ends the IRP with that status and count.
#[inline(always)]
pub fn complete(irp: PIRP, status: NTSTATUS, information: u64) {
    set_status(irp, status, information);
    kernel!(IofCompleteRequest(irp, 0));
}

/// Writes the status block.
pub fn set_status(irp: PIRP, status: NTSTATUS, information: u64) {
    // SAFETY: inside the IRP.
    unsafe { (*irp).IoStatus.Information = information };
    // SAFETY: inside the IRP.
    let block = unsafe { &raw mut (*irp).IoStatus };
    // SAFETY: the status is the block's first word.
    unsafe { block.cast::<NTSTATUS>().write(status) };
}

/// Sets the pending bit of the driver's own location.
pub fn mark_pending(irp: PIRP) {
    // SAFETY: the location is valid.
    unsafe { (*current(irp)).Control |= 1 };
}

/// Stores a cancel routine.
pub fn set_cancel_routine(irp: PIRP, routine: unsafe extern "C" fn(wdk_sys::PDEVICE_OBJECT, PIRP)) {
    // SAFETY: inside the IRP.
    unsafe { (*irp).CancelRoutine = Some(routine) };
}

/// Sets a completion routine in the lower driver's location, for all cases.
pub fn set_completion(
    irp: PIRP,
    routine: unsafe extern "C" fn(wdk_sys::PDEVICE_OBJECT, PIRP, PVOID) -> NTSTATUS,
    context: PVOID,
) {
    let next = next(irp);
    // SAFETY: the location is valid.
    let next = unsafe { &mut *next };
    next.CompletionRoutine = Some(routine);
    next.Context = context;
    next.Control = 0xE0;
}
