//! Requests from I/O that go on to the port.

use nt_kernel::layout::IRP;
use nt_kernel::{get, raw};
use std::cell::Cell;

use super::*;
use crate::status;

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
fn a_request_from_io_may_be_formatted_with_its_own_memory() {
    assert_clean(&world(|| {
        unsafe extern "win64" fn format(_: Handle, request: Handle, _: usize, _: usize, _: u32) {
            let (target, _) = DOWN.get();
            let mut memory = Handle::NULL;
            let status: i32 = wdf!(WdfRequestRetrieveOutputMemory, request, &raw mut memory);
            assert_eq!(status, status::SUCCESS);
            assert_eq!(format_ioctl(target, request, BUFFERED, memory, memory), status::SUCCESS);
            assert!(send_async(request, target, &options(SYNCHRONOUS, 0)));
            let () = wdf!(WdfRequestCompleteWithInformation, request, status_of(request), 4_usize);
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
        PORT.set(Port::Answer(status::SUCCESS, 4));
        FILL.set(0x5A);
        let mut buffer = [1_u8; 8];
        let place = buffer.as_mut_ptr();
        let sent = send(device, 14, move |irp| {
            put!(irp, SystemBuffer, place.cast());
            let next = io::next(irp);
            put!(next, Parameters.DeviceIoControl.IoControlCode, BUFFERED);
            put!(next, Parameters.DeviceIoControl.OutputBufferLength, 8);
            put!(next, Parameters.DeviceIoControl.InputBufferLength, 8);
        });
        assert_eq!(sent.outcome(), Some((status::SUCCESS, 4)));
        assert_eq!(raw::bytes(place, 8), [0x5A, 0x5A, 0x5A, 0x5A, 1, 1, 1, 1]);
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
