//! Plug and play and power out of order.

use wdk_sys::{
    IRP_MN_REMOVE_DEVICE, IRP_MN_SET_POWER, IRP_MN_START_DEVICE, NTSTATUS, PIRP, STATUS_PENDING, STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL, WDFDEVICE,
};

use crate::irp;
use crate::kernel::{event, wait};

fn is(request: PIRP, minor: u32) -> bool {
    u32::from(irp::minor(request)) == minor
}

/// The bus below never hears of the start.
pub fn start_completed_early(_: WDFDEVICE, request: PIRP) -> Option<NTSTATUS> {
    is(request, IRP_MN_START_DEVICE).then(|| {
        irp::complete(request, STATUS_SUCCESS, 0);
        STATUS_SUCCESS
    })
}

/// The start is passed down, and its pending answer given for success.
pub fn start_not_waited_for(handle: WDFDEVICE, request: PIRP) -> Option<NTSTATUS> {
    is(request, IRP_MN_START_DEVICE).then(|| {
        irp::skip(request);
        let lower = wdf!(WdfDeviceWdmGetAttachedDevice(handle));
        let _ = kernel!(IofCallDriver(lower, request));
        STATUS_UNSUCCESSFUL
    })
}

pub fn remove_not_passed_down(_: WDFDEVICE, request: PIRP) -> Option<NTSTATUS> {
    is(request, IRP_MN_REMOVE_DEVICE).then(|| {
        irp::complete(request, STATUS_SUCCESS, 0);
        STATUS_SUCCESS
    })
}

/// A removal cannot be refused.
pub fn remove_refused(_: WDFDEVICE, request: PIRP) -> Option<NTSTATUS> {
    is(request, IRP_MN_REMOVE_DEVICE).then(|| {
        irp::complete(request, STATUS_UNSUCCESSFUL, 0);
        STATUS_UNSUCCESSFUL
    })
}

pub fn power_never_answered(_: WDFDEVICE, request: PIRP) -> Option<NTSTATUS> {
    is(request, IRP_MN_SET_POWER).then(|| {
        irp::mark_pending(request);
        STATUS_PENDING
    })
}

pub fn d0_exit_fails(_: WDFDEVICE) -> NTSTATUS {
    STATUS_UNSUCCESSFUL
}

pub fn removal_waits_for_ever(_: WDFDEVICE) {
    let mut never = event();
    let _ = wait((&raw mut never).cast(), None);
}
