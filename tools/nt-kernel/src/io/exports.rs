//! The I/O manager's exports.

use core::ffi::c_void;

use nt_machine::call::Export;
use nt_machine::irql::{APC, DISPATCH, PASSIVE};

use super::build::Buffers;
use super::irp::{self, Origin};
use super::{build, device};
use crate::exports::function;
use crate::layout::{
    DEVICE_OBJECT, DRIVER_OBJECT, FILE_OBJECT, FO_SYNCHRONOUS_IO, IO_COMPLETION_ROUTINE, IO_STATUS_BLOCK, IRP,
    IRP_ASSOCIATED_IRP, IRP_PAGING_IO, IRP_SYNCHRONOUS_API, KEVENT, PVOID, UNICODE_STRING,
};
use crate::objects;
use crate::{get, names, pool, put, raw, rtl, status};

extern "win64" fn allocate_irp(stack: i8, _quota: u8) -> *mut IRP {
    if pool::try_charge() { irp::allocate_irp(stack) } else { core::ptr::null_mut() }
}

extern "win64" fn allocate_irp_ex(_device: *mut DEVICE_OBJECT, stack: i8, quota: u8) -> *mut IRP {
    allocate_irp(stack, quota)
}

extern "win64" fn free_irp(request: *mut IRP) {
    irp::free_irp(request);
}

extern "win64" fn reuse_irp(request: *mut IRP, status: i32) {
    irp::reuse_irp(request, status);
}

extern "win64" fn initialise_irp(request: *mut IRP, size: u16, stack: i8) {
    irp::initialise_irp(request, size, stack);
}

extern "win64" fn size_of_irp(stack: i8) -> u16 {
    irp::size(stack) as u16
}

extern "win64" fn make_associated_irp(master: *mut IRP, stack: i8) -> *mut IRP {
    if !pool::try_charge() {
        return core::ptr::null_mut();
    }
    irp::check(master);
    let request = irp::allocate(stack, Origin::Associated);
    put!(request, Flags, IRP_ASSOCIATED_IRP);
    put!(request, SystemBuffer, master.cast());
    put!(request, Thread, get!(master, Thread));
    request
}

extern "win64" fn call_driver(device: *mut DEVICE_OBJECT, request: *mut IRP) -> i32 {
    super::call_driver(device, request)
}

extern "win64" fn complete_request(request: *mut IRP, boost: i8) {
    super::complete(request, boost);
}

extern "win64" fn cancel_irp(request: *mut IRP) -> u8 {
    u8::from(super::cancel(request))
}

extern "win64" fn acquire_cancel_spin_lock(irql: *mut u8) {
    raw::write(irql, super::acquire_cancel_lock());
}

extern "win64" fn release_cancel_spin_lock(irql: u8) {
    super::release_cancel_lock(irql);
}

extern "win64" fn set_completion_routine_ex(
    _device: *mut DEVICE_OBJECT,
    request: *mut IRP,
    routine: IO_COMPLETION_ROUTINE,
    context: PVOID,
    success: u8,
    error: u8,
    cancel: u8,
) -> i32 {
    irp::set_completion(request, routine, context, success != 0, error != 0, cancel != 0);
    status::SUCCESS
}

extern "win64" fn forward_irp_synchronously(device: *mut DEVICE_OBJECT, request: *mut IRP) -> u8 {
    u8::from(super::forward_synchronously(device, request))
}

extern "win64" fn build_device_io_control_request(
    code: u32,
    device: *mut DEVICE_OBJECT,
    input: *mut c_void,
    input_length: u32,
    output: *mut c_void,
    output_length: u32,
    internal: u8,
    event: *mut KEVENT,
    block: *mut IO_STATUS_BLOCK,
) -> *mut IRP {
    if !pool::try_charge() {
        return core::ptr::null_mut();
    }
    let buffers = Buffers { input: input.cast(), input_length, output: output.cast(), output_length };
    build::build_device_control(device, code, internal != 0, buffers, event, block)
}

extern "win64" fn build_synchronous_fsd_request(
    major: u32,
    device: *mut DEVICE_OBJECT,
    buffer: PVOID,
    length: u32,
    offset: *const i64,
    event: *mut KEVENT,
    block: *mut IO_STATUS_BLOCK,
) -> *mut IRP {
    if !pool::try_charge() {
        return core::ptr::null_mut();
    }
    let offset = if offset.is_null() { 0 } else { raw::read(offset) };
    build::build_fsd(device, major as u8, buffer.cast(), length, offset, event, block, false)
}

extern "win64" fn build_asynchronous_fsd_request(
    major: u32,
    device: *mut DEVICE_OBJECT,
    buffer: PVOID,
    length: u32,
    offset: *const i64,
    block: *mut IO_STATUS_BLOCK,
) -> *mut IRP {
    if !pool::try_charge() {
        return core::ptr::null_mut();
    }
    let offset = if offset.is_null() { 0 } else { raw::read(offset) };
    build::build_fsd(device, major as u8, buffer.cast(), length, offset, core::ptr::null_mut(), block, true)
}

extern "win64" fn delete_device(device: *mut DEVICE_OBJECT) {
    device::delete_device(device);
}

extern "win64" fn attach_device_to_stack(source: *mut DEVICE_OBJECT, target: *mut DEVICE_OBJECT) -> *mut DEVICE_OBJECT {
    device::attach(source, target)
}

extern "win64" fn attach_device_to_stack_safe(
    source: *mut DEVICE_OBJECT,
    target: *mut DEVICE_OBJECT,
    lower: *mut *mut DEVICE_OBJECT,
) -> i32 {
    raw::write(lower, device::attach(source, target));
    status::SUCCESS
}

extern "win64" fn detach_device(lower: *mut DEVICE_OBJECT) {
    device::detach(lower);
}

extern "win64" fn get_attached_device(device: *mut DEVICE_OBJECT) -> *mut DEVICE_OBJECT {
    device::attached_top(device)
}

fn referenced(device: *mut DEVICE_OBJECT) -> *mut DEVICE_OBJECT {
    if !device.is_null() {
        objects::reference(device.cast());
    }
    device
}

extern "win64" fn get_attached_device_reference(device: *mut DEVICE_OBJECT) -> *mut DEVICE_OBJECT {
    referenced(device::attached_top(device))
}

extern "win64" fn get_lower_device_object(device: *mut DEVICE_OBJECT) -> *mut DEVICE_OBJECT {
    referenced(device::lower(device))
}

extern "win64" fn get_device_attachment_base_ref(device: *mut DEVICE_OBJECT) -> *mut DEVICE_OBJECT {
    let mut base = device;
    while !device::lower(base).is_null() {
        base = device::lower(base);
    }
    referenced(base)
}

extern "win64" fn get_related_device_object(file: *mut FILE_OBJECT) -> *mut DEVICE_OBJECT {
    device::attached_top(get!(file, DeviceObject))
}

extern "win64" fn get_device_object_pointer(
    name: *mut UNICODE_STRING,
    access: u32,
    file: *mut *mut FILE_OBJECT,
    device: *mut *mut DEVICE_OBJECT,
) -> i32 {
    match crate::file::open_by_name(&rtl::string(name), access) {
        Ok((object, target)) => {
            raw::write(file, object);
            raw::write(device, target);
            status::SUCCESS
        }
        Err(error) => error,
    }
}

extern "win64" fn is_32bit_process(request: *mut IRP) -> u8 {
    u8::from(!request.is_null() && irp::with(request, |known| known.wow64).unwrap_or(false))
}

extern "win64" fn get_requestor_process(request: *mut IRP) -> PVOID {
    if get!(request, Thread).is_null() { core::ptr::null_mut() } else { crate::system::process() }
}

extern "win64" fn get_requestor_process_id(request: *mut IRP) -> u32 {
    if get!(request, Thread).is_null() { 0 } else { crate::system::PROCESS_ID }
}

extern "win64" fn is_operation_synchronous(request: *mut IRP) -> u8 {
    let file = get!(request, OriginalFileObject);
    let by_file = !file.is_null() && get!(file, Flags) & FO_SYNCHRONOUS_IO != 0;
    let flags = get!(request, Flags);
    u8::from(flags & IRP_SYNCHRONOUS_API != 0 || by_file && flags & IRP_PAGING_IO == 0)
}

/// Bits 17 to 19 of the flags hold the hint plus one.
const PRIORITY_SHIFT: u32 = 17;
const PRIORITY_NORMAL: u32 = 2;

extern "win64" fn get_io_priority_hint(request: *mut IRP) -> u32 {
    match (get!(request, Flags) >> PRIORITY_SHIFT) & 7 {
        0 => PRIORITY_NORMAL,
        hint => hint - 1,
    }
}

extern "win64" fn set_io_priority_hint(request: *mut IRP, hint: u32) -> i32 {
    if hint > 4 {
        return status::INVALID_PARAMETER;
    }
    let flags = get!(request, Flags) & !(7 << PRIORITY_SHIFT);
    put!(request, Flags, flags | (hint + 1) << PRIORITY_SHIFT);
    status::SUCCESS
}

extern "win64" fn set_hard_error_or_verify_device(request: *mut IRP, device: *mut DEVICE_OBJECT) {
    let thread = get!(request, Thread);
    if thread.is_null() {
        let text = "the IRP belongs to no thread, so there is none to tell";
        nt_machine::findings::report(nt_machine::findings::Rule::BadArgument, "Irp", text);
        return;
    }
    crate::system::set_device_to_verify(thread, device);
}

extern "win64" fn set_device_to_verify(thread: PVOID, device: *mut DEVICE_OBJECT) {
    crate::system::set_device_to_verify(thread, device);
}

extern "win64" fn get_device_to_verify(thread: PVOID) -> *mut DEVICE_OBJECT {
    crate::system::device_to_verify(thread)
}

extern "win64" fn allocate_driver_object_extension(
    driver: *mut DRIVER_OBJECT,
    id: PVOID,
    size: u32,
    extension: *mut PVOID,
) -> i32 {
    raw::write(extension, core::ptr::null_mut());
    if !pool::try_charge() {
        return status::INSUFFICIENT_RESOURCES;
    }
    match device::add_driver_extension(driver, id as usize, size as usize) {
        Some(block) => {
            raw::write(extension, block.cast());
            status::SUCCESS
        }
        None => status::OBJECT_NAME_COLLISION,
    }
}

extern "win64" fn get_driver_object_extension(driver: *mut DRIVER_OBJECT, id: PVOID) -> PVOID {
    device::driver_extension(driver, id as usize).map_or(core::ptr::null_mut(), <*mut u8>::cast)
}

extern "win64" fn register_shutdown_notification(device: *mut DEVICE_OBJECT) -> i32 {
    device::register_shutdown(device);
    status::SUCCESS
}

extern "win64" fn unregister_shutdown_notification(device: *mut DEVICE_OBJECT) {
    device::unregister_shutdown(device);
}

extern "win64" fn get_device_name(
    device: *mut DEVICE_OBJECT,
    information: *mut u8,
    length: u32,
    needed: *mut u32,
) -> i32 {
    let name = names::device_name(device).unwrap_or_default();
    let bytes: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let whole = size_of::<UNICODE_STRING>() + if bytes.is_empty() { 0 } else { bytes.len() + 2 };
    raw::write(needed, whole as u32);
    if (length as usize) < whole {
        return status::INFO_LENGTH_MISMATCH;
    }
    let text = information.wrapping_add(size_of::<UNICODE_STRING>());
    let buffer = if bytes.is_empty() { core::ptr::null_mut() } else { text.cast() };
    let maximum = if bytes.is_empty() { 0 } else { bytes.len() + 2 };
    let string = UNICODE_STRING { Length: bytes.len() as u16, MaximumLength: maximum as u16, Buffer: buffer };
    raw::write(information.cast(), string);
    if !bytes.is_empty() {
        raw::put_bytes(text, &bytes);
        raw::put_bytes(text.wrapping_add(bytes.len()), &[0, 0]);
    }
    status::SUCCESS
}

pub(crate) const EXPORTS: &[Export] = &[
    function("IoAllocateIrp", DISPATCH, allocate_irp as *const ()),
    function("IoAllocateIrpEx", DISPATCH, allocate_irp_ex as *const ()),
    function("IoFreeIrp", DISPATCH, free_irp as *const ()),
    function("IoReuseIrp", DISPATCH, reuse_irp as *const ()),
    function("IoInitializeIrp", DISPATCH, initialise_irp as *const ()),
    function("IoSizeofIrp", DISPATCH, size_of_irp as *const ()),
    function("IoMakeAssociatedIrp", DISPATCH, make_associated_irp as *const ()),
    function("IofCallDriver", DISPATCH, call_driver as *const ()),
    function("IoCallDriver", DISPATCH, call_driver as *const ()),
    function("PoCallDriver", DISPATCH, call_driver as *const ()),
    function("IofCompleteRequest", DISPATCH, complete_request as *const ()),
    function("IoCompleteRequest", DISPATCH, complete_request as *const ()),
    function("IoCancelIrp", DISPATCH, cancel_irp as *const ()),
    function("IoAcquireCancelSpinLock", DISPATCH, acquire_cancel_spin_lock as *const ()),
    function("IoReleaseCancelSpinLock", DISPATCH, release_cancel_spin_lock as *const ()),
    function("IoSetCompletionRoutineEx", DISPATCH, set_completion_routine_ex as *const ()),
    function("IoForwardIrpSynchronously", APC, forward_irp_synchronously as *const ()),
    function("IoBuildDeviceIoControlRequest", PASSIVE, build_device_io_control_request as *const ()),
    function("IoBuildSynchronousFsdRequest", PASSIVE, build_synchronous_fsd_request as *const ()),
    function("IoBuildAsynchronousFsdRequest", DISPATCH, build_asynchronous_fsd_request as *const ()),
    function("IoCreateDevice", APC, device::io_create_device as *const ()),
    function("IoDeleteDevice", APC, delete_device as *const ()),
    function("IoAttachDeviceToDeviceStack", DISPATCH, attach_device_to_stack as *const ()),
    function("IoAttachDeviceToDeviceStackSafe", DISPATCH, attach_device_to_stack_safe as *const ()),
    function("IoDetachDevice", DISPATCH, detach_device as *const ()),
    function("IoGetAttachedDevice", DISPATCH, get_attached_device as *const ()),
    function("IoGetAttachedDeviceReference", DISPATCH, get_attached_device_reference as *const ()),
    function("IoGetLowerDeviceObject", DISPATCH, get_lower_device_object as *const ()),
    function("IoGetDeviceAttachmentBaseRef", DISPATCH, get_device_attachment_base_ref as *const ()),
    function("IoGetRelatedDeviceObject", DISPATCH, get_related_device_object as *const ()),
    function("IoGetDeviceObjectPointer", PASSIVE, get_device_object_pointer as *const ()),
    function("IoIs32bitProcess", DISPATCH, is_32bit_process as *const ()),
    function("IoGetRequestorProcess", DISPATCH, get_requestor_process as *const ()),
    function("IoGetRequestorProcessId", DISPATCH, get_requestor_process_id as *const ()),
    function("IoIsOperationSynchronous", DISPATCH, is_operation_synchronous as *const ()),
    function("IoGetIoPriorityHint", DISPATCH, get_io_priority_hint as *const ()),
    function("IoSetIoPriorityHint", DISPATCH, set_io_priority_hint as *const ()),
    function("IoSetHardErrorOrVerifyDevice", DISPATCH, set_hard_error_or_verify_device as *const ()),
    function("IoSetDeviceToVerify", DISPATCH, set_device_to_verify as *const ()),
    function("IoGetDeviceToVerify", DISPATCH, get_device_to_verify as *const ()),
    function("IoAllocateDriverObjectExtension", APC, allocate_driver_object_extension as *const ()),
    function("IoGetDriverObjectExtension", DISPATCH, get_driver_object_extension as *const ()),
    function("IoRegisterShutdownNotification", PASSIVE, register_shutdown_notification as *const ()),
    function("IoRegisterLastChanceShutdownNotification", PASSIVE, register_shutdown_notification as *const ()),
    function("IoUnregisterShutdownNotification", PASSIVE, unregister_shutdown_notification as *const ()),
    function("ObQueryNameString", PASSIVE, get_device_name as *const ()),
];
