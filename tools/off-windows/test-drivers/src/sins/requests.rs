//! Requests that are lost, answered twice, or answered wrongly.

use wdk_sys::{
    NTSTATUS, PDEVICE_OBJECT, PIRP, PVOID, STATUS_CANCELLED, STATUS_MORE_PROCESSING_REQUIRED, STATUS_PENDING,
    STATUS_SUCCESS, WDFDEVICE, WDFREQUEST,
};

use crate::irp;
use crate::skeleton::answer;

pub fn request_never_completed(_: WDFDEVICE, _: WDFREQUEST) {}

pub fn completed_twice(_: WDFDEVICE, request: WDFREQUEST) {
    wdf!(WdfRequestCompleteWithInformation(request, STATUS_SUCCESS, 0));
    wdf!(WdfRequestCompleteWithInformation(request, STATUS_SUCCESS, 0));
}

pub fn stale_handle(_: WDFDEVICE, request: WDFREQUEST) {
    wdf!(WdfRequestCompleteWithInformation(request, STATUS_SUCCESS, 0));
    let _ = wdf!(WdfRequestWdmGetIrp(request));
}

pub fn irp_completed_twice(_: WDFDEVICE, request: PIRP) -> NTSTATUS {
    irp::complete(request, STATUS_SUCCESS, 0);
    kernel!(IofCompleteRequest(request, 0));
    STATUS_SUCCESS
}

extern "C" fn canceled(request: WDFREQUEST) {
    wdf!(WdfRequestCompleteWithInformation(request, STATUS_CANCELLED, 0));
}

pub fn completed_cancelable(handle: WDFDEVICE, request: WDFREQUEST) {
    if wdf!(WdfRequestMarkCancelableEx(request, Some(canceled))) == STATUS_SUCCESS {
        wdf!(WdfRequestCompleteWithInformation(request, STATUS_SUCCESS, 0));
    } else {
        answer(handle, request);
    }
}

extern "C" fn irp_canceled(_: PDEVICE_OBJECT, _: PIRP) {}

pub fn irp_completed_with_cancel_routine(_: WDFDEVICE, request: PIRP) -> NTSTATUS {
    irp::set_cancel_routine(request, irp_canceled);
    irp::complete(request, STATUS_SUCCESS, 0);
    STATUS_SUCCESS
}

pub fn information_too_big(_: WDFDEVICE, request: WDFREQUEST) {
    wdf!(WdfRequestCompleteWithInformation(request, STATUS_SUCCESS, 0x1000));
}

pub fn pending_not_marked(_: WDFDEVICE, request: PIRP) -> NTSTATUS {
    irp::complete(request, STATUS_SUCCESS, 0);
    STATUS_PENDING
}

pub fn marked_but_not_pending(_: WDFDEVICE, request: PIRP) -> NTSTATUS {
    irp::mark_pending(request);
    irp::complete(request, STATUS_SUCCESS, 0);
    STATUS_SUCCESS
}

pub fn completed_with_pending(_: WDFDEVICE, request: PIRP) -> NTSTATUS {
    irp::mark_pending(request);
    irp::complete(request, STATUS_PENDING, 0);
    STATUS_PENDING
}

/// The lower driver has it, and completes it as well.
pub fn sent_and_completed(handle: WDFDEVICE, request: PIRP) -> NTSTATUS {
    let lower = wdf!(WdfDeviceWdmGetAttachedDevice(handle));
    irp::copy_to_next(request);
    let status = kernel!(IofCallDriver(lower, request));
    kernel!(IofCompleteRequest(request, 0));
    status
}

extern "C" fn stop(_: PDEVICE_OBJECT, _: PIRP, _: PVOID) -> NTSTATUS {
    STATUS_MORE_PROCESSING_REQUIRED
}

/// The completion is stopped, and nobody goes on with it.
pub fn stopped_and_forgotten(handle: WDFDEVICE, request: PIRP) -> NTSTATUS {
    let lower = wdf!(WdfDeviceWdmGetAttachedDevice(handle));
    irp::copy_to_next(request);
    irp::set_completion(request, stop, core::ptr::null_mut());
    irp::mark_pending(request);
    let _ = kernel!(IofCallDriver(lower, request));
    STATUS_PENDING
}

pub fn no_stack_left(handle: WDFDEVICE, request: PIRP) -> NTSTATUS {
    let lower = wdf!(WdfDeviceWdmGetAttachedDevice(handle));
    let small = kernel!(IoAllocateIrp(1, 0));
    if !small.is_null() {
        irp::advance(small);
        let _ = kernel!(IofCallDriver(lower, small));
        kernel!(IoFreeIrp(small));
    }
    irp::complete(request, STATUS_SUCCESS, 0);
    STATUS_SUCCESS
}
