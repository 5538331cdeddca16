//! A client that sends requests to the port driver below its device.

use std::cell::{Cell, RefCell};

use nt_kernel::layout::{DEVICE_OBJECT, IRP, PARAMETERS_OTHERS};
use nt_kernel::{get, io, pool, put, raw};
use nt_machine::findings::Rule;
use nt_machine::time::{self, SECOND};
use nt_machine::{irql, threads};

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
            if FILL.get() != 0 && !system_buffer.is_null() {
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

#[test]
fn an_asynchronous_send_comes_back_with_its_completion_parameters() {
    assert_clean(&world(|| {
        let target = target();
        let (input, _) = memory(b"command!");
        let (output, bytes) = memory(&[0; 16]);
        let request = request(target);
        assert_eq!(format_ioctl(target, request, BUFFERED, input, output), status::SUCCESS);
        set_completion(request, 7);
        PORT.set(Port::Answer(status::SUCCESS, 5));
        FILL.set(0xEE);
        assert!(send_async(request, target, NO_OPTIONS));
        assert_eq!(taken(), ["7: 0x0 5 type 14"]);
        assert_eq!(raw::bytes(bytes, 6), [0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0]);
        let seen = seen();
        assert_eq!((seen.major, seen.minor, seen.parameters), (14, 0, [16, 8, BUFFERED as usize, 0]));
        assert_eq!(seen.user_buffer, bytes);
        delete(&[request, input, output]);
    }));
}

#[test]
fn buffers_go_down_by_the_method_of_the_code() {
    assert_clean(&world(|| {
        let target = target();
        let (input, from) = memory(b"command!");
        let (output, to) = memory(&[0; 16]);
        let request = request(target);
        for code in [IN_DIRECT, OUT_DIRECT, NEITHER] {
            assert_eq!(format_ioctl(target, request, code, input, output), status::SUCCESS);
            set_completion(request, 0);
            assert!(send_async(request, target, NO_OPTIONS));
            let seen = seen();
            match code {
                NEITHER => assert_eq!((seen.parameters[3], seen.user_buffer), (from as usize, to)),
                _ => assert_eq!((seen.system_buffer, seen.has_mdl), (from, true)),
            }
        }
        delete(&[request, input, output]);
    }));
}

#[test]
fn others_carry_the_addresses_of_their_arguments() {
    assert_clean(&world(|| {
        let target = target();
        let (first, address) = memory(&[1; 32]);
        let mut bytes = 77_usize;
        let descriptor = WDF_MEMORY_DESCRIPTOR {
            Type: 3,
            u: WDF_MEMORY_DESCRIPTOR_u { HandleType: WDF_MEMORY_DESCRIPTOR_handle { Memory: first, Offsets: NO_PART } },
        };
        let none: *const WDF_MEMORY_DESCRIPTOR = std::ptr::null();
        PORT.set(Port::Answer(status::SUCCESS, 3));
        let status: i32 = wdf!(
            WdfIoTargetSendInternalIoctlOthersSynchronously,
            target,
            Handle::NULL,
            0x1234_u32,
            &raw const descriptor,
            none,
            none,
            NO_OPTIONS,
            &raw mut bytes
        );
        assert_eq!((status, bytes), (status::SUCCESS, 3));
        let seen = seen();
        assert_eq!((seen.major, seen.parameters), (15, [address as usize, 0, 0x1234, 0]));
        delete(&[first]);
    }));
}

fn send_ioctl(target: Handle, options: *const WDF_REQUEST_SEND_OPTIONS, bytes: *mut usize) -> i32 {
    let none: *const WDF_MEMORY_DESCRIPTOR = std::ptr::null();
    wdf!(WdfIoTargetSendIoctlSynchronously, target, Handle::NULL, BUFFERED, none, none, options, bytes)
}

#[test]
fn a_synchronous_sender_waits_for_what_is_pended() {
    assert_clean(&world(|| {
        let target = target();
        PORT.set(Port::Pend);
        let work = || {
            threads::block("the port's work", Some(time::now() + SECOND), &|| false);
            port_completes(status::SUCCESS, 12);
        };
        threads::spawn("port", irql::PASSIVE, Box::new(work));
        let mut bytes = 0;
        assert_eq!(send_ioctl(target, NO_OPTIONS, &raw mut bytes), status::SUCCESS);
        assert_eq!(bytes, 12);
    }));
}

#[test]
fn a_timeout_cancels_and_is_told_as_such_but_only_when_the_port_cancelled() {
    assert_clean(&world(|| {
        let target = target();
        PORT.set(Port::Pend);
        let begin = time::now();
        let limited = options(TIMEOUT, -3 * SECOND);
        assert_eq!(send_ioctl(target, &raw const limited, std::ptr::null_mut()), status::IO_TIMEOUT);
        assert_eq!(time::now() - begin, 3 * SECOND);
        PORT.set(Port::Deaf);
        let late = || {
            threads::block("the deaf port's work", Some(time::now() + 9 * SECOND), &|| false);
            port_completes(status::IO_DEVICE_ERROR, 0);
        };
        threads::spawn("port", irql::PASSIVE, Box::new(late));
        assert_eq!(send_ioctl(target, &raw const limited, std::ptr::null_mut()), status::IO_DEVICE_ERROR);
    }));
}

#[test]
fn an_asynchronous_timeout_is_told_to_the_completion_routine() {
    assert_clean(&world(|| {
        let target = target();
        let request = request(target);
        PORT.set(Port::Pend);
        assert_eq!(format_ioctl(target, request, BUFFERED, Handle::NULL, Handle::NULL), status::SUCCESS);
        set_completion(request, 1);
        assert!(send_async(request, target, &options(TIMEOUT, -SECOND)));
        threads::block("the time-out", Some(time::now() + 2 * SECOND), &|| false);
        assert_eq!(taken(), ["1: 0xc00000b5 0 type 14"]);
        delete(&[request]);
    }));
}

#[test]
fn a_sent_request_is_cancelled_through_its_port() {
    assert_clean(&world(|| {
        let target = target();
        let request = request(target);
        PORT.set(Port::Pend);
        assert_eq!(format_ioctl(target, request, BUFFERED, Handle::NULL, Handle::NULL), status::SUCCESS);
        set_completion(request, 1);
        let cancelled: u8 = wdf!(WdfRequestCancelSentRequest, request);
        assert_eq!(cancelled, 0);
        assert!(send_async(request, target, NO_OPTIONS));
        let cancelled: u8 = wdf!(WdfRequestCancelSentRequest, request);
        assert_eq!(cancelled, 1);
        assert_eq!(taken(), ["1: 0xc0000120 0 type 14"]);
        delete(&[request]);
    }));
}

#[test]
fn a_stopped_target_keeps_requests_and_sends_them_in_order() {
    assert_clean(&world(|| {
        let target = target();
        let requests: Vec<Handle> = (0..3).map(|_| request(target)).collect();
        let () = wdf!(WdfIoTargetStop, target, 3_i32);
        for (number, request) in requests.iter().enumerate() {
            assert_eq!(format_ioctl(target, *request, BUFFERED + 4 * number as u32, Handle::NULL, Handle::NULL), 0);
            set_completion(*request, number);
            assert!(send_async(*request, target, NO_OPTIONS));
        }
        SEEN.with_borrow(|seen| assert!(seen.is_empty()));
        let cancelled: u8 = wdf!(WdfRequestCancelSentRequest, requests[1]);
        assert_eq!(cancelled, 1);
        let started: i32 = wdf!(WdfIoTargetStart, target);
        assert_eq!(started, status::SUCCESS);
        assert_eq!(taken(), ["1: 0xc0000120 0 type 14", "0: 0x0 0 type 14", "2: 0x0 0 type 14"]);
        delete(&requests);
    }));
}

#[test]
fn states_of_a_target_decide_what_a_send_does() {
    assert_clean(&world(|| {
        let target = target();
        let request = request(target);
        let () = wdf!(WdfIoTargetPurge, target, 1_i32);
        assert_eq!(format_ioctl(target, request, BUFFERED, Handle::NULL, Handle::NULL), status::SUCCESS);
        set_completion(request, 1);
        assert!(!send_async(request, target, NO_OPTIONS));
        assert_eq!(status_of(request), status::INVALID_DEVICE_STATE);
        assert!(send_async(request, target, &options(IGNORE_TARGET_STATE, 0)));
        assert_eq!(taken(), ["1: 0x0 0 type 14"]);
        assert_eq!(send_ioctl(target, NO_OPTIONS, std::ptr::null_mut()), status::INVALID_DEVICE_STATE);
        delete(&[request]);
    }));
}

#[test]
fn purging_fails_what_waits_and_cancels_what_was_sent() {
    assert_clean(&world(|| {
        let target = target();
        let (sent, kept) = (request(target), request(target));
        for request in [sent, kept] {
            assert_eq!(format_ioctl(target, request, BUFFERED, Handle::NULL, Handle::NULL), status::SUCCESS);
            set_completion(request, usize::from(request == kept));
        }
        PORT.set(Port::Pend);
        assert!(send_async(sent, target, NO_OPTIONS));
        let () = wdf!(WdfIoTargetStop, target, 3_i32);
        assert!(send_async(kept, target, NO_OPTIONS));
        let () = wdf!(WdfIoTargetPurge, target, 1_i32);
        assert_eq!(taken(), ["1: 0xc0200206 0 type 14", "0: 0xc0000120 0 type 14"]);
        delete(&[sent, kept]);
    }));
}

#[test]
fn stopping_with_a_wait_ends_when_the_port_has_completed() {
    assert_clean(&world(|| {
        let target = target();
        let request = request(target);
        PORT.set(Port::Deaf);
        assert_eq!(format_ioctl(target, request, BUFFERED, Handle::NULL, Handle::NULL), status::SUCCESS);
        set_completion(request, 1);
        assert!(send_async(request, target, NO_OPTIONS));
        let work = || {
            threads::block("the port's work", Some(time::now() + SECOND), &|| false);
            port_completes(status::SUCCESS, 0);
        };
        threads::spawn("port", irql::PASSIVE, Box::new(work));
        let () = wdf!(WdfIoTargetStop, target, 2_i32);
        assert_eq!(taken(), ["1: 0x0 0 type 14"]);
        delete(&[request]);
    }));
}

#[test]
fn options_are_refused() {
    assert_clean(&world(|| {
        let target = target();
        let request = request(target);
        assert_eq!(format_ioctl(target, request, BUFFERED, Handle::NULL, Handle::NULL), status::SUCCESS);
        assert!(!send_async(request, target, &options(0x40, 0)));
        assert_eq!(status_of(request), status::INVALID_PARAMETER);
        assert!(!send_async(request, target, &options(SEND_AND_FORGET | TIMEOUT, 0)));
        assert!(!send_async(request, target, &options(SEND_AND_FORGET, 0)));
        assert_eq!(status_of(request), status::INVALID_DEVICE_STATE);
        let forget = options(SEND_AND_FORGET, 0);
        assert_eq!(send_ioctl(target, &raw const forget, std::ptr::null_mut()), status::INVALID_PARAMETER);
        delete(&[request]);
    }));
}

#[test]
fn a_location_of_the_driver_goes_down_as_it_is() {
    assert_clean(&world(|| {
        let target = target();
        let request = request(target);
        let irp: *mut IRP = wdf!(WdfRequestWdmGetIrp, request);
        let mut location = raw::read(io::next(irp));
        location.MajorFunction = 15;
        location.MinorFunction = 1;
        let () = wdf!(WdfRequestWdmFormatUsingStackLocation, request, &raw const location);
        PORT.set(Port::Answer(status::IO_DEVICE_ERROR, 9));
        assert!(send_async(request, target, &options(SYNCHRONOUS, 0)));
        assert_eq!((seen().major, seen().minor, status_of(request)), (15, 1, status::IO_DEVICE_ERROR));
        let mut reuse =
            WDF_REQUEST_REUSE_PARAMS { Size: 0x18, Flags: 0, Status: status::SUCCESS, NewIrp: std::ptr::null_mut() };
        let reused: i32 = wdf!(WdfRequestReuse, request, &raw mut reuse);
        assert_eq!((reused, status_of(request)), (status::SUCCESS, status::SUCCESS));
        delete(&[request]);
    }));
}

#[test]
fn a_part_outside_its_memory_is_refused() {
    assert_clean(&world(|| {
        let target = target();
        let request = request(target);
        let (input, _) = memory(b"12345678");
        let part = WDFMEMORY_OFFSET { BufferOffset: 4, BufferLength: 5 };
        let status: i32 = wdf!(
            WdfIoTargetFormatRequestForIoctl,
            target,
            request,
            BUFFERED,
            input,
            &raw const part,
            Handle::NULL,
            NO_PART
        );
        assert_eq!(status, status::INTEGER_OVERFLOW);
        delete(&[request, input]);
    }));
}

#[test]
fn a_remote_target_is_opened_over_a_device_and_closed() {
    assert_clean(&world(|| {
        let device = device_with(|_| {}, |_| {});
        let local = target_of(device);
        let lower: *mut DEVICE_OBJECT = wdf!(WdfIoTargetWdmGetTargetDeviceObject, local);
        let mut remote = Handle::NULL;
        let status: i32 = wdf!(WdfIoTargetCreate, device, std::ptr::null::<WDF_OBJECT_ATTRIBUTES>(), &raw mut remote);
        assert_eq!(status, status::SUCCESS);
        assert_eq!(send_ioctl(remote, NO_OPTIONS, std::ptr::null_mut()), status::INVALID_DEVICE_STATE);
        // SAFETY: the structure consists of numbers, pointers and optional functions; zero is a value of each.
        let mut params = unsafe { std::mem::zeroed::<WDF_IO_TARGET_OPEN_PARAMS>() };
        params.Size = size_of::<WDF_IO_TARGET_OPEN_PARAMS>() as u32;
        params.Type = 1;
        let opened: i32 = wdf!(WdfIoTargetOpen, remote, &raw const params);
        assert_eq!(opened, status::INVALID_PARAMETER);
        params.TargetDeviceObject = lower;
        PORT.set(Port::Answer(status::NOT_SUPPORTED, 0));
        let opened: i32 = wdf!(WdfIoTargetOpen, remote, &raw const params);
        assert_eq!(opened, status::SUCCESS);
        let opened: i32 = wdf!(WdfIoTargetOpen, remote, &raw const params);
        assert_eq!(opened, status::INVALID_DEVICE_STATE);
        PORT.set(Port::Answer(status::SUCCESS, 0));
        assert_eq!(send_ioctl(remote, NO_OPTIONS, std::ptr::null_mut()), status::SUCCESS);
        let () = wdf!(WdfIoTargetClose, remote);
        let state: i32 = wdf!(WdfIoTargetGetState, remote);
        assert_eq!(state, 4);
        delete(&[remote]);
    }));
}

#[test]
fn every_allocation_of_a_send_may_fail() {
    assert_clean(&world(|| {
        let target = target();
        let mut bytes = [0_u8; 8];
        let descriptor = WDF_MEMORY_DESCRIPTOR {
            Type: 1,
            u: WDF_MEMORY_DESCRIPTOR_u {
                BufferType: WDF_MEMORY_DESCRIPTOR_buffer { Buffer: bytes.as_mut_ptr().cast(), Length: 8 },
            },
        };
        let none: *const WDF_MEMORY_DESCRIPTOR = std::ptr::null();
        let mut failures = 0;
        for nth in 1.. {
            pool::set_failure(Some(nth));
            let status: i32 = wdf!(
                WdfIoTargetSendIoctlSynchronously,
                target,
                Handle::NULL,
                BUFFERED,
                &raw const descriptor,
                none,
                NO_OPTIONS,
                std::ptr::null_mut::<usize>()
            );
            if status == status::SUCCESS {
                break;
            }
            assert_eq!(status, status::INSUFFICIENT_RESOURCES, "allocation {nth}");
            failures = nth;
        }
        pool::set_failure(None);
        assert!(failures >= 2, "{failures}");
    }));
}

#[test]
fn a_second_send_stops_the_run() {
    let finding = fatal(|| {
        let target = target();
        let request = request(target);
        PORT.set(Port::Pend);
        assert_eq!(format_ioctl(target, request, BUFFERED, Handle::NULL, Handle::NULL), status::SUCCESS);
        set_completion(request, 1);
        assert!(send_async(request, target, NO_OPTIONS));
        send_async(request, target, NO_OPTIONS);
    });
    assert_eq!(finding.rule, Rule::BugCheck);
}

#[test]
fn sins_with_sent_requests_are_findings() {
    let findings = world(|| {
        let target = target();
        let unformatted = request(target);
        set_completion(unformatted, 0);
        assert!(!send_async(unformatted, target, NO_OPTIONS));
        assert_eq!(status_of(unformatted), status::REQUEST_NOT_ACCEPTED);
        let deleted = request(target);
        PORT.set(Port::Pend);
        assert_eq!(format_ioctl(target, deleted, BUFFERED, Handle::NULL, Handle::NULL), status::SUCCESS);
        set_completion(deleted, 1);
        assert!(send_async(deleted, target, NO_OPTIONS));
        delete(&[unformatted, deleted]);
        port_completes(status::SUCCESS, 0);
    });
    assert_eq!(rules(&findings), [Rule::BadArgument, Rule::BadArgument]);
}

thread_local! { static DOWN: Cell<(Handle, bool)> = const { Cell::new((Handle::NULL, true)) }; }

unsafe extern "win64" fn pass_on(_: Handle, request: Handle, _: usize, _: usize, _: u32) {
    let (target, with_routine) = DOWN.get();
    let () = wdf!(WdfRequestFormatRequestUsingCurrentType, request);
    if with_routine {
        let routine: EvtCompletion = Some(complete_upwards);
        let () = wdf!(WdfRequestSetCompletionRoutine, request, routine, 0_usize);
    }
    if !send_async(request, target, NO_OPTIONS) {
        let () = wdf!(WdfRequestComplete, request, status_of(request));
    }
}

unsafe extern "win64" fn complete_upwards(
    request: Handle,
    _: Handle,
    params: *mut WDF_REQUEST_COMPLETION_PARAMS,
    _: usize,
) {
    log(format!("{:#x}", raw::read(params).IoStatus[0]));
    let status: i32 = wdf!(WdfRequestGetStatus, request);
    let () = wdf!(WdfRequestComplete, request, status);
}

/// A device that passes device controls on; gives it and its target.
fn passing_on() -> (Handle, Handle) {
    let device = device_with(
        |_| {},
        |device| {
            let mut config = queue_config(2);
            config.DefaultQueue = 1;
            config.EvtIoDeviceControl = Some(pass_on);
            create_queue(device, &config, std::ptr::null()).expect("a queue");
        },
    );
    let target = target_of(device);
    DOWN.set((target, true));
    (device, target)
}

#[test]
fn a_request_from_io_goes_down_and_comes_back() {
    assert_clean(&world(|| {
        let (device, _) = passing_on();
        PORT.set(Port::Answer(status::IO_DEVICE_ERROR, 0));
        let sent = send_control(device, OUT_DIRECT);
        assert_eq!((sent.returned, sent.status()), (status::PENDING, Some(status::IO_DEVICE_ERROR)));
        assert_eq!((seen().major, seen().parameters[2]), (14, OUT_DIRECT as usize));
        DOWN.set((DOWN.get().0, false));
        let refused = send_control(device, OUT_DIRECT);
        assert_eq!(refused.status(), Some(status::INVALID_DEVICE_REQUEST));
    }));
}

#[test]
fn the_sender_of_a_kept_request_may_cancel_it() {
    assert_clean(&world(|| {
        let (device, target) = passing_on();
        let () = wdf!(WdfIoTargetStop, target, 3_i32);
        let [first, second] = [send_control(device, BUFFERED), send_control(device, BUFFERED)];
        assert_eq!(first.status(), None);
        assert!(first.cancel());
        assert_eq!((first.status(), second.status()), (Some(status::CANCELLED), None));
        let started: i32 = wdf!(WdfIoTargetStart, target);
        assert_eq!((started, second.status()), (status::SUCCESS, Some(status::SUCCESS)));
        SEEN.with_borrow(|seen| assert_eq!(seen.len(), 1));
    }));
}

#[test]
fn the_sender_of_a_sent_request_cancels_it_at_the_port() {
    assert_clean(&world(|| {
        let (device, _) = passing_on();
        PORT.set(Port::Pend);
        let sent = send_control(device, BUFFERED);
        assert!(sent.cancel());
        assert_eq!(sent.status(), Some(status::CANCELLED));
        assert_eq!(taken(), ["0xc0000120"]);
    }));
}

#[test]
fn a_framework_format_lends_the_buffers_of_a_request_from_io_and_gives_them_back() {
    assert_clean(&world(|| {
        unsafe extern "win64" fn format(_: Handle, request: Handle, _: usize, _: usize, _: u32) {
            let (target, _) = DOWN.get();
            let (input, _) = memory(b"command!");
            let irp: *mut IRP = wdf!(WdfRequestWdmGetIrp, request);
            let before: *mut u8 = get!(irp, SystemBuffer).cast();
            assert_eq!(format_ioctl(target, request, BUFFERED, input, Handle::NULL), status::SUCCESS);
            assert!(send_async(request, target, &options(SYNCHRONOUS, 0)));
            assert_ne!(seen().system_buffer, before);
            assert_eq!(get!(irp, SystemBuffer).cast::<u8>(), before);
            let () = wdf!(WdfRequestComplete, request, status::SUCCESS);
            delete(&[input]);
        }
        let device = device_with(
            |_| {},
            |device| {
                let mut config = queue_config(2);
                config.DefaultQueue = 1;
                config.EvtIoDeviceControl = Some(format);
                create_queue(device, &config, std::ptr::null()).expect("a queue");
            },
        );
        DOWN.set((target_of(device), true));
        assert_eq!(send_control(device, BUFFERED).status(), Some(status::SUCCESS));
    }));
}

#[test]
fn send_and_forget_gives_the_request_away() {
    assert_clean(&world(|| {
        unsafe extern "win64" fn forget(_: Handle, request: Handle, _: usize, _: usize, _: u32) {
            let (target, _) = DOWN.get();
            assert!(send_async(request, target, &options(SEND_AND_FORGET, 0)));
        }
        let device = device_with(
            |_| {},
            |device| {
                let mut config = queue_config(1);
                config.DefaultQueue = 1;
                config.EvtIoDeviceControl = Some(forget);
                create_queue(device, &config, std::ptr::null()).expect("a queue");
            },
        );
        DOWN.set((target_of(device), true));
        PORT.set(Port::Answer(status::IO_DEVICE_ERROR, 3));
        for _ in 0..2 {
            assert_eq!(send_control(device, NEITHER).outcome(), Some((status::IO_DEVICE_ERROR, 3)));
        }
    }));
}

#[test]
fn a_remote_target_is_opened_by_name_and_again_after_a_query() {
    assert_clean(&world(|| {
        let device = device_with(|_| {}, |_| {});
        let local = target_of(device);
        let lower: *mut DEVICE_OBJECT = wdf!(WdfIoTargetWdmGetTargetDeviceObject, local);
        let other = io::create_device(get!(lower, DriverObject), 0, Some(r"\Device\Other"), 0x22, 0).unwrap();
        put!(other, Flags, get!(other, Flags) & !nt_kernel::layout::DO_DEVICE_INITIALIZING);
        let mut remote = Handle::NULL;
        let status: i32 = wdf!(WdfIoTargetCreate, device, std::ptr::null::<WDF_OBJECT_ATTRIBUTES>(), &raw mut remote);
        assert_eq!(status, status::SUCCESS);
        // SAFETY: the structure consists of numbers, pointers and optional functions; zero is a value of each.
        let mut params = unsafe { std::mem::zeroed::<WDF_IO_TARGET_OPEN_PARAMS>() };
        params.Size = size_of::<WDF_IO_TARGET_OPEN_PARAMS>() as u32;
        params.Type = 3;
        let opened: i32 = wdf!(WdfIoTargetOpen, remote, &raw mut params);
        assert_eq!(opened, status::INVALID_DEVICE_REQUEST);
        params.Type = 2;
        params.TargetDeviceName = raw::read(unicode(r"\Device\Other"));
        params.DesiredAccess = 1;
        let opened: i32 = wdf!(WdfIoTargetOpen, remote, &raw mut params);
        assert_eq!((opened, params.FileInformation), (status::SUCCESS, 1));
        assert_eq!(send_ioctl(remote, NO_OPTIONS, std::ptr::null_mut()), status::SUCCESS);
        let () = wdf!(WdfIoTargetCloseForQueryRemove, remote);
        params.Type = 3;
        let opened: i32 = wdf!(WdfIoTargetOpen, remote, &raw mut params);
        assert_eq!(opened, status::SUCCESS);
        delete(&[remote]);
        let majors = SEEN.with_borrow(|seen| seen.iter().map(|seen| seen.major).collect::<Vec<_>>());
        assert_eq!(majors, [0, 27, 14, 18, 2, 0, 27, 18, 2]);
    }));
}
