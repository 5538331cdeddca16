//! What is left when the driver is unloaded.

use core::ptr::null_mut;

use wdk_sys::{_LOCK_OPERATION, NT_SUCCESS, OBJECT_ATTRIBUTES, ULONG, WDF_OBJECT_ATTRIBUTES, WDFDEVICE, WDFREQUEST};

use crate::kernel::{KERNEL_MODE, NON_PAGED, allocate, attributes, free};
use crate::skeleton::answer;

pub fn pool_left(_: WDFDEVICE) {
    allocate(NON_PAGED, 77);
}

pub fn mdl_left(_: WDFDEVICE) {
    let block = allocate(NON_PAGED, 64);
    let mdl = kernel!(IoAllocateMdl(block.cast(), 64, 0, 0, null_mut()));
    if !mdl.is_null() {
        kernel!(MmBuildMdlForNonPagedPool(mdl));
    }
    free(block);
}

pub fn pages_left_locked(_: WDFDEVICE) {
    let block = allocate(NON_PAGED, 64);
    let mdl = kernel!(IoAllocateMdl(block.cast(), 64, 0, 0, null_mut()));
    if !mdl.is_null() {
        kernel!(MmProbeAndLockPages(mdl, KERNEL_MODE, _LOCK_OPERATION::IoReadAccess));
        kernel!(IoFreeMdl(mdl));
    }
    free(block);
}

pub fn irp_left(_: WDFDEVICE) {
    kernel!(IoAllocateIrp(2, 0));
}

/// A driver's own object under the driver is deleted with it, but the reference keeps it.
pub fn object_reference_left(_: WDFDEVICE) {
    let mut object = null_mut();
    let none: *mut WDF_OBJECT_ATTRIBUTES = null_mut();
    if NT_SUCCESS(wdf!(WdfSpinLockCreate(none, &raw mut object))) {
        wdf!(WdfObjectReferenceActual(object.cast(), null_mut(), 0, null_mut()));
    }
}

pub fn request_left(handle: WDFDEVICE) {
    let mut request = null_mut();
    let mut own = attributes(handle.cast());
    let target = wdf!(WdfDeviceGetIoTarget(handle));
    if NT_SUCCESS(wdf!(WdfRequestCreate(&raw mut own, target, &raw mut request))) {
        wdf!(WdfObjectReferenceActual(request.cast(), null_mut(), 0, null_mut()));
    }
}

pub fn key_left(_: WDFDEVICE) {
    let mut name = text!("\\Registry\\Machine\\System\\CurrentControlSet\\Services");
    let mut object = OBJECT_ATTRIBUTES {
        Length: size_of::<OBJECT_ATTRIBUTES>() as ULONG,
        ObjectName: &raw mut name,
        Attributes: 0x240, // OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE
        ..OBJECT_ATTRIBUTES::default()
    };
    let mut key = null_mut();
    let _ = kernel!(ZwOpenKey(&raw mut key, 0x20019, &raw mut object));
}

pub fn device_reference_left(handle: WDFDEVICE) {
    let own = wdf!(WdfDeviceWdmGetDeviceObject(handle));
    kernel!(IoGetAttachedDeviceReference(own));
}

pub fn file_reference_left(handle: WDFDEVICE, request: WDFREQUEST) {
    let irp = wdf!(WdfRequestWdmGetIrp(request));
    let location = crate::irp::current(irp);
    // SAFETY: the location is valid.
    let file = unsafe { (*location).FileObject };
    if !file.is_null() {
        kernel!(ObfReferenceObject(file.cast()));
    }
    answer(handle, request);
}

pub fn link_left(_: WDFDEVICE) {
    let mut link = text!("\\DosDevices\\SinnersLink");
    let mut target = text!("\\Device\\Nowhere");
    let _ = kernel!(IoCreateSymbolicLink(&raw mut link, &raw mut target));
}

pub fn work_item_left(handle: WDFDEVICE) {
    let own = wdf!(WdfDeviceWdmGetDeviceObject(handle));
    kernel!(IoAllocateWorkItem(own));
}
