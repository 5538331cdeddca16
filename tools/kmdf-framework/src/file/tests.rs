//! File objects as a client sees them.

use std::cell::Cell;

use nt_kernel::get;
use nt_kernel::layout::FILE_OBJECT;
use nt_machine::findings::Rule;

use super::Handle;
use crate::device::init::InitHandle;
use crate::status;
use crate::structs::{WDF_FILEOBJECT_CONFIG, WDF_IO_QUEUE_CONFIG, WDF_OBJECT_ATTRIBUTES};
use crate::testing::*;

const CREATE: u8 = 0;
const CLOSE: u8 = 2;
const CLEANUP: u8 = 0x12;
const SEARCH: u32 = 4;
const OPTIONAL: u32 = 0x8000_0000;

thread_local! {
    static CREATE_STATUS: Cell<i32> = const { Cell::new(0) };
    static FILE: Cell<Handle> = const { Cell::new(Handle::NULL) };
}

unsafe extern "win64" fn on_create(device: Handle, request: Handle, file: Handle) {
    let owner: Handle = wdf!(WdfFileObjectGetDevice, file);
    assert_eq!(owner, device);
    log("create");
    FILE.set(file);
    wdf!(WdfRequestComplete, request, CREATE_STATUS.get())
}

unsafe extern "win64" fn on_cleanup(file: Handle) {
    assert_eq!(file, FILE.get());
    log("cleanup");
}

unsafe extern "win64" fn on_close(file: Handle) {
    assert_eq!(file, FILE.get());
    log("close");
}

unsafe extern "win64" fn on_context_cleanup(_: Handle) {
    log("context cleanup");
}

fn config(class: u32) -> WDF_FILEOBJECT_CONFIG {
    WDF_FILEOBJECT_CONFIG {
        Size: size_of::<WDF_FILEOBJECT_CONFIG>() as u32,
        EvtDeviceFileCreate: Some(on_create),
        EvtFileClose: Some(on_close),
        EvtFileCleanup: Some(on_cleanup),
        AutoForwardCleanupClose: 2,
        FileObjectClass: class,
    }
}

unsafe extern "win64" fn tell_file(_: Handle, request: Handle) {
    let file: Handle = wdf!(WdfRequestGetFileObject, request);
    log(if file.is_null() { "no file" } else { "file" });
    wdf!(WdfRequestComplete, request, status::SUCCESS)
}

fn device(config: WDF_FILEOBJECT_CONFIG, exclusive: bool) -> Handle {
    CREATE_STATUS.set(status::SUCCESS);
    device_with(
        move |init: InitHandle| {
            let watched = WDF_OBJECT_ATTRIBUTES { EvtCleanupCallback: Some(on_context_cleanup), ..attributes() };
            let () = wdf!(WdfDeviceInitSetFileObjectConfig, init, &raw const config, &raw const watched);
            let () = wdf!(WdfDeviceInitSetExclusive, init, u8::from(exclusive));
        },
        |device| {
            let config = WDF_IO_QUEUE_CONFIG { EvtIoDefault: Some(tell_file), DefaultQueue: 1, ..queue_config(1) };
            create_queue(device, &config, std::ptr::null()).unwrap();
        },
    )
}

fn control_of(device: Handle, file: *mut FILE_OBJECT) -> Sent {
    send_file(device, 0xE, file)
}

#[test]
fn a_file_lives_from_create_to_close_in_every_class() {
    for class in [2, 3, SEARCH, SEARCH | OPTIONAL] {
        assert_clean(&world(move || {
            let device = device(config(class), false);
            let file = file_object();
            assert_eq!(send_file(device, CREATE, file).status(), Some(status::SUCCESS));
            let contexts = (get!(file, FsContext) as usize, get!(file, FsContext2) as usize);
            let handle = FILE.get().0;
            assert_eq!(contexts, (if class == 2 { handle } else { 0 }, if class == 3 { handle } else { 0 }));
            let found: Handle = wdf!(WdfDeviceGetFileObject, device, file);
            assert_eq!(found, FILE.get());
            assert_eq!(control_of(device, file).status(), Some(status::SUCCESS));
            assert_eq!(send_file(device, CLEANUP, file).outcome(), Some((status::SUCCESS, 0)));
            assert_eq!(send_file(device, CLOSE, file).outcome(), Some((status::SUCCESS, 0)));
            assert_eq!(taken(), ["create", "file", "cleanup", "close", "context cleanup"]);
        }));
    }
}

#[test]
fn a_create_that_the_driver_fails_leaves_no_file_object() {
    assert_clean(&world(|| {
        let device = device(config(SEARCH), false);
        CREATE_STATUS.set(status::ACCESS_DENIED);
        let file = file_object();
        assert_eq!(send_file(device, CREATE, file).status(), Some(status::ACCESS_DENIED));
        let found: Handle = wdf!(WdfDeviceGetFileObject, device, file);
        assert!(found.is_null());
        assert_eq!(taken(), ["create", "context cleanup"]);
    }));
}

#[test]
fn an_exclusive_device_is_opened_once() {
    assert_clean(&world(|| {
        let device = device(config(SEARCH), true);
        let (first, second) = (file_object(), file_object());
        assert_eq!(send_file(device, CREATE, first).status(), Some(status::SUCCESS));
        assert_eq!(send_file(device, CREATE, second).status(), Some(status::ACCESS_DENIED));
        let _ = send_file(device, CLEANUP, first);
        let _ = send_file(device, CLOSE, first);
        assert_eq!(send_file(device, CREATE, second).status(), Some(status::SUCCESS));
    }));
}

#[test]
fn a_create_without_file_object_is_a_configuration_error() {
    assert_clean(&world(|| {
        let device = device(config(SEARCH | OPTIONAL), false);
        let sent = send_file(device, CREATE, std::ptr::null_mut());
        assert_eq!(sent.outcome(), Some((status::DEVICE_CONFIGURATION_ERROR, 0)));
    }));
}

#[test]
fn requests_of_unknown_files_need_the_optional_flag() {
    assert_clean(&world(|| {
        let device = device(config(SEARCH | OPTIONAL), false);
        assert_eq!(control_of(device, file_object()).status(), Some(status::SUCCESS));
        assert_eq!(control_of(device, std::ptr::null_mut()).status(), Some(status::SUCCESS));
        assert_eq!(taken(), ["no file", "no file"]);
    }));
    let findings = world(|| {
        let device = device(config(SEARCH), false);
        assert_eq!(control_of(device, file_object()).status(), Some(status::SUCCESS));
    });
    assert_eq!(rules(&findings), [Rule::BadArgument]);
}

#[test]
fn without_callbacks_creates_succeed_at_once() {
    assert_clean(&world(|| {
        let plain =
            WDF_FILEOBJECT_CONFIG { EvtDeviceFileCreate: None, EvtFileClose: None, EvtFileCleanup: None, ..config(1) };
        let device = device(plain, false);
        let file = file_object();
        for major in [CREATE, CLEANUP, CLOSE] {
            let sent = send_file(device, major, file);
            assert_eq!((sent.returned, sent.outcome()), (status::SUCCESS, Some((status::SUCCESS, 0))));
        }
    }));
}

#[test]
fn cleanup_cancels_what_waits_for_the_file() {
    assert_clean(&world(|| {
        let config = config(SEARCH);
        CREATE_STATUS.set(status::SUCCESS);
        let device = device_with(
            move |init: InitHandle| {
                let none = std::ptr::null::<WDF_OBJECT_ATTRIBUTES>();
                let () = wdf!(WdfDeviceInitSetFileObjectConfig, init, &raw const config, none);
            },
            |device| {
                let config = WDF_IO_QUEUE_CONFIG { DefaultQueue: 1, ..queue_config(3) };
                create_queue(device, &config, std::ptr::null()).unwrap();
            },
        );
        let (file, other) = (file_object(), file_object());
        assert_eq!(send_file(device, CREATE, other).status(), Some(status::SUCCESS));
        assert_eq!(send_file(device, CREATE, file).status(), Some(status::SUCCESS));
        let (mine, theirs) = (control_of(device, file), control_of(device, other));
        let _ = send_file(device, CLEANUP, file);
        assert_eq!((mine.status(), theirs.status()), (Some(status::CANCELLED), None));
        let _ = send_file(device, CLOSE, file);
        assert!(theirs.cancel());
    }));
}

#[test]
fn a_failing_allocation_fails_the_create() {
    assert_clean(&world(|| {
        let device = device(config(SEARCH), false);
        for nth in 1..=2 {
            nt_kernel::pool::set_failure(Some(nth));
            let sent = send_file(device, CREATE, file_object());
            nt_kernel::pool::set_failure(None);
            assert_eq!(sent.outcome(), Some((status::INSUFFICIENT_RESOURCES, 0)));
        }
        assert_eq!(send_file(device, CREATE, file_object()).status(), Some(status::SUCCESS));
    }));
}
