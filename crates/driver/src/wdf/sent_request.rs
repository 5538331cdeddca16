//! The request that this driver sends again and again.

use core::ptr::null_mut;

use wdk_sys::{
    IO_STACK_LOCATION, NTSTATUS, PFN_WDF_REQUEST_COMPLETION_ROUTINE, STATUS_NOT_SUPPORTED, WDF_NO_SEND_OPTIONS,
    WDF_REQUEST_REUSE_PARAMS, WDFCONTEXT, WDFOBJECT, WDFREQUEST, call_unsafe_wdf_function_binding,
};

use crate::km::irp::Irp;
use crate::status;
use crate::wdf::object::{child_of, size_field};
use crate::wdf::target::Target;

/// Makes a request with an IRP for `target`.
///
/// # Errors
/// The framework's status.
pub fn create(parent: WDFOBJECT, target: Target) -> Result<WDFREQUEST, NTSTATUS> {
    let mut attributes = child_of(parent);
    let mut handle: WDFREQUEST = null_mut();
    // SAFETY: a live parent and an open target.
    status::check(unsafe {
        call_unsafe_wdf_function_binding!(WdfRequestCreate, &raw mut attributes, target.raw(), &raw mut handle)
    })?;
    Ok(handle)
}

/// Sends it with `location` and `system_buffer`; `done` is called once with `context`, maybe before this returns.
///
/// # Errors
/// Why it was not sent.
///
/// # Safety
/// A live request of this driver that is not on its way; the buffer stays as it is until the request has come back.
pub unsafe fn send(
    request: WDFREQUEST,
    target: Target,
    mut location: IO_STACK_LOCATION,
    system_buffer: *mut u8,
    done: PFN_WDF_REQUEST_COMPLETION_ROUTINE,
    context: WDFCONTEXT,
) -> Result<(), NTSTATUS> {
    let mut reuse = WDF_REQUEST_REUSE_PARAMS {
        Size: size_field::<WDF_REQUEST_REUSE_PARAMS>(),
        Flags: 0,
        Status: STATUS_NOT_SUPPORTED,
        NewIrp: null_mut(),
    };
    // SAFETY: as the caller promises.
    status::check(unsafe { call_unsafe_wdf_function_binding!(WdfRequestReuse, request, &raw mut reuse) })?;
    // SAFETY: as the caller promises.
    let irp = unsafe { call_unsafe_wdf_function_binding!(WdfRequestWdmGetIrp, request) };
    // SAFETY: the IRP that was allocated with the request, which this driver holds until it is sent.
    unsafe { Irp::new(irp) }.set_system_buffer(system_buffer);
    // SAFETY: as the caller promises; the IRP has a location for the target.
    unsafe { call_unsafe_wdf_function_binding!(WdfRequestWdmFormatUsingStackLocation, request, &raw mut location) };
    // SAFETY: as above.
    unsafe { call_unsafe_wdf_function_binding!(WdfRequestSetCompletionRoutine, request, done, context) };
    // SAFETY: formatted.
    let sent =
        unsafe { call_unsafe_wdf_function_binding!(WdfRequestSend, request, target.raw(), WDF_NO_SEND_OPTIONS.cast()) };
    // SAFETY: as the caller promises.
    if sent == 0 { Err(unsafe { status(request) }) } else { Ok(()) }
}

/// What came of the last attempt to send it.
///
/// # Safety
/// A live request of this driver that is not on its way.
pub unsafe fn status(request: WDFREQUEST) -> NTSTATUS {
    // SAFETY: as the caller promises.
    unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetStatus, request) }
}

/// Information that came back with it.
///
/// # Safety
/// A live request of this driver that is not on its way.
pub unsafe fn information(request: WDFREQUEST) -> u64 {
    // SAFETY: as the caller promises.
    unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetInformation, request) }
}

/// Asks the driver below to end it early. Nothing happens if it is not on its way.
///
/// # Safety
/// A live request of this driver, which is not sent again before this has returned.
pub unsafe fn cancel(request: WDFREQUEST) {
    // SAFETY: as the caller promises. What comes of it is seen in the request's completion.
    let _ = unsafe { call_unsafe_wdf_function_binding!(WdfRequestCancelSentRequest, request) };
}
