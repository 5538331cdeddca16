//! A client that sends requests to the port driver below its device.

mod sending;
mod states;
mod upwards;

use std::cell::{Cell, RefCell};

use nt_kernel::layout::{DEVICE_OBJECT, IRP, PARAMETERS_OTHERS};
use nt_kernel::{get, io, put, raw};

use crate::objects::Handle;
use crate::status;
use crate::structs::*;
use crate::testing::*;

/// What the port does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    /// Completes it at once with this status and information.
    Answer(i32, usize),
    /// Pends it, to be completed by the test or cancelled.
    Pend,
    /// Pends it and does not hear of its cancellation.
    Deaf,
}

/// What the port saw: major, minor, parameters, system buffer, user buffer, MDL.
#[derive(Clone, Copy)]
struct Seen {
    major: u8,
    minor: u8,
    parameters: [usize; 4],
    system_buffer: *mut u8,
    user_buffer: *mut u8,
    has_mdl: bool,
}

thread_local! {
    static PORT: Cell<Port> = const { Cell::new(Port::Answer(0, 0)) };
    static SEEN: RefCell<Vec<Seen>> = const { RefCell::new(Vec::new()) };
    static PENDING: RefCell<Vec<*mut IRP>> = const { RefCell::new(Vec::new()) };
    static FILL: Cell<u8> = const { Cell::new(0) };
}

extern "win64" fn port(_: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    let location = io::current(irp);
    let PARAMETERS_OTHERS { Argument1, Argument2, Argument3, Argument4 } = get!(location, Parameters.Others);
    let system_buffer: *mut u8 = get!(irp, SystemBuffer).cast();
    let seen = Seen {
        major: get!(location, MajorFunction),
        minor: get!(location, MinorFunction),
        parameters: [Argument1, Argument2, Argument3, Argument4].map(|argument| argument as usize),
        system_buffer,
        user_buffer: get!(irp, UserBuffer).cast(),
        has_mdl: !get!(irp, MdlAddress).is_null(),
    };
    SEEN.with_borrow_mut(|all| all.push(seen));
    match PORT.get() {
        Port::Answer(status, information) => {
            let pages = get!(irp, MdlAddress);
            if FILL.get() != 0 && !pages.is_null() {
                raw::fill(nt_kernel::mdl::map(pages), FILL.get(), information);
            } else if FILL.get() != 0 && !system_buffer.is_null() {
                raw::fill(system_buffer, FILL.get(), information);
            }
            put!(irp, IoStatus.Status, status);
            put!(irp, IoStatus.Information, information);
            io::complete(irp, 0);
            status
        }
        mode => {
            io::mark_pending(irp);
            if mode == Port::Pend {
                io::set_cancel_routine(irp, Some(port_cancel));
            }
            PENDING.with_borrow_mut(|all| all.push(irp));
            status::PENDING
        }
    }
}

extern "win64" fn port_cancel(_: *mut DEVICE_OBJECT, irp: *mut IRP) {
    io::release_cancel_lock(get!(irp, CancelIrql));
    PENDING.with_borrow_mut(|all| all.retain(|pending| *pending != irp));
    finish(irp, status::CANCELLED, 0);
}

fn finish(irp: *mut IRP, status: i32, information: usize) {
    put!(irp, IoStatus.Status, status);
    put!(irp, IoStatus.Information, information);
    io::complete(irp, 0);
}

/// Completes the port's oldest pended request.
fn port_completes(status: i32, information: usize) {
    let irp = PENDING.with_borrow_mut(|all| all.remove(0));
    io::set_cancel_routine(irp, None);
    finish(irp, status, information);
}

fn seen() -> Seen {
    SEEN.with_borrow(|all| *all.last().expect("the port saw a request"))
}

/// A device over the port; gives its local target.
fn target() -> Handle {
    target_of(device_with(|_| {}, |_| {}))
}

fn target_of(device: Handle) -> Handle {
    SEEN.with_borrow_mut(Vec::clear);
    PENDING.with_borrow_mut(Vec::clear);
    FILL.set(0);
    PORT.set(Port::Answer(0, 0));
    let pdo: *mut DEVICE_OBJECT = wdf!(WdfDeviceWdmGetPhysicalDevice, device);
    put!(get!(pdo, DriverObject), MajorFunction, [Some(port as _); 28]);
    wdf!(WdfDeviceGetIoTarget, device)
}

fn request(target: Handle) -> Handle {
    let mut request = Handle::NULL;
    let status: i32 = wdf!(WdfRequestCreate, std::ptr::null::<WDF_OBJECT_ATTRIBUTES>(), target, &raw mut request);
    assert_eq!(status, status::SUCCESS);
    request
}

fn memory(bytes: &[u8]) -> (Handle, *mut u8) {
    let (mut memory, mut buffer) = (Handle::NULL, std::ptr::null_mut::<u8>());
    let status: i32 = wdf!(
        WdfMemoryCreate,
        std::ptr::null::<WDF_OBJECT_ATTRIBUTES>(),
        0x200_i32,
        0_u32,
        bytes.len(),
        &raw mut memory,
        &raw mut buffer
    );
    assert_eq!(status, status::SUCCESS);
    raw::put_bytes(buffer, bytes);
    (memory, buffer)
}

const NO_PART: *const WDFMEMORY_OFFSET = std::ptr::null();
const NO_OPTIONS: *const WDF_REQUEST_SEND_OPTIONS = std::ptr::null();

fn options(flags: u32, timeout: i64) -> WDF_REQUEST_SEND_OPTIONS {
    WDF_REQUEST_SEND_OPTIONS { Size: size_of::<WDF_REQUEST_SEND_OPTIONS>() as u32, Flags: flags, Timeout: timeout }
}

const TIMEOUT: u32 = 1;
const SYNCHRONOUS: u32 = 2;
const IGNORE_TARGET_STATE: u32 = 4;
const SEND_AND_FORGET: u32 = 8;

fn format_ioctl(target: Handle, request: Handle, code: u32, input: Handle, output: Handle) -> i32 {
    wdf!(WdfIoTargetFormatRequestForIoctl, target, request, code, input, NO_PART, output, NO_PART)
}

unsafe extern "win64" fn completed(
    _request: Handle,
    _target: Handle,
    params: *mut WDF_REQUEST_COMPLETION_PARAMS,
    context: usize,
) {
    let params = raw::read(params);
    log(format!("{context}: {:#x} {} type {}", params.IoStatus[0], params.IoStatus[1], params.Type));
}

fn set_completion(request: Handle, context: usize) {
    let routine: EvtCompletion = Some(completed);
    let () = wdf!(WdfRequestSetCompletionRoutine, request, routine, context);
}

fn send_async(request: Handle, target: Handle, options: *const WDF_REQUEST_SEND_OPTIONS) -> bool {
    let sent: u8 = wdf!(WdfRequestSend, request, target, options);
    sent != 0
}

fn reuse(request: Handle) {
    let params =
        WDF_REQUEST_REUSE_PARAMS { Size: 0x18, Flags: 0, Status: status::SUCCESS, NewIrp: std::ptr::null_mut() };
    let reused: i32 = wdf!(WdfRequestReuse, request, &raw const params);
    assert_eq!(reused, status::SUCCESS);
}

fn status_of(request: Handle) -> i32 {
    wdf!(WdfRequestGetStatus, request)
}

fn delete(objects: &[Handle]) {
    for object in objects {
        let () = wdf!(WdfObjectDelete, *object);
    }
}

const BUFFERED: u32 = 0x0022_0000;
const IN_DIRECT: u32 = BUFFERED | 1;
const OUT_DIRECT: u32 = BUFFERED | 2;
const NEITHER: u32 = BUFFERED | 3;

fn send_ioctl(target: Handle, options: *const WDF_REQUEST_SEND_OPTIONS, bytes: *mut usize) -> i32 {
    let none: *const WDF_MEMORY_DESCRIPTOR = std::ptr::null();
    wdf!(WdfIoTargetSendIoctlSynchronously, target, Handle::NULL, BUFFERED, none, none, options, bytes)
}
