//! States of targets, and remote targets.

use nt_kernel::layout::DEVICE_OBJECT;
use nt_kernel::{get, io, put, raw};
use nt_machine::time::{self, SECOND};
use nt_machine::{irql, threads};

use super::*;
use crate::status;

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
