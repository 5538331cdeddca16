//! Requests as a client sees them.

use std::cell::Cell;

use nt_kernel::layout::MDL;
use nt_kernel::{get, io, put, raw};
use nt_machine::findings::Rule;
use nt_machine::memory;

use super::Handle;
use crate::device::init::InitHandle;
use crate::status;
use crate::structs::{WDF_IO_QUEUE_CONFIG, WDF_OBJECT_ATTRIBUTES, WDF_REQUEST_PARAMETERS};
use crate::testing::*;

thread_local! {
    static REQUEST: Cell<Handle> = const { Cell::new(Handle::NULL) };
}

unsafe extern "win64" fn keep(_: Handle, request: Handle) {
    REQUEST.set(request);
}

fn device_of_type(io_type: u32, attributes: Option<WDF_OBJECT_ATTRIBUTES>) -> Handle {
    device_with(
        move |init: InitHandle| {
            let () = wdf!(WdfDeviceInitSetIoType, init, io_type);
            if let Some(attributes) = &attributes {
                let () = wdf!(WdfDeviceInitSetRequestAttributes, init, std::ptr::from_ref(attributes));
            }
        },
        |device| {
            let config = WDF_IO_QUEUE_CONFIG { EvtIoDefault: Some(keep), DefaultQueue: 1, ..queue_config(2) };
            create_queue(device, &config, std::ptr::null()).unwrap();
        },
    )
}

fn request() -> Handle {
    REQUEST.get()
}

fn complete(status: i32) {
    wdf!(WdfRequestComplete, request(), status)
}

fn input(minimum: usize) -> Result<(usize, usize), i32> {
    retrieved(minimum, |minimum, buffer, length| {
        wdf!(WdfRequestRetrieveInputBuffer, request(), minimum, buffer, length)
    })
}

fn output(minimum: usize) -> Result<(usize, usize), i32> {
    retrieved(minimum, |minimum, buffer, length| {
        wdf!(WdfRequestRetrieveOutputBuffer, request(), minimum, buffer, length)
    })
}

fn retrieved(minimum: usize, call: impl Fn(usize, *mut usize, *mut usize) -> i32) -> Result<(usize, usize), i32> {
    let (mut buffer, mut length) = (1_usize, 1_usize);
    let status = call(minimum, &raw mut buffer, &raw mut length);
    if status::ok(status) {
        return Ok((buffer, length));
    }
    assert_eq!((buffer, length), (0, 0));
    Err(status)
}

/// A control with these lengths; system buffer, user buffer and Type3 pointer are numbers.
fn control(device: Handle, code: u32, lengths: (u32, u32), mode: u8, mdl: *mut MDL) -> Sent {
    send(device, 0xE, |irp| {
        let next = io::next(irp);
        put!(next, Parameters.DeviceIoControl.IoControlCode, code);
        put!(next, Parameters.DeviceIoControl.InputBufferLength, lengths.0);
        put!(next, Parameters.DeviceIoControl.OutputBufferLength, lengths.1);
        put!(next, Parameters.DeviceIoControl.Type3InputBuffer, 0x3000 as *mut _);
        put!(irp, SystemBuffer, 0x1000 as *mut _);
        put!(irp, UserBuffer, 0x2000 as *mut _);
        put!(irp, RequestorMode, mode);
        put!(irp, MdlAddress, mdl);
    })
}

const BUFFERED: u32 = 0x8000;
const OUT_DIRECT: u32 = 0x8002;
const NEITHER: u32 = 0x8003;

#[test]
fn buffers_follow_the_method_of_the_control() {
    assert_clean(&world(|| {
        let device = device_of_type(2, None);
        let small = status::BUFFER_TOO_SMALL;
        let none = std::ptr::null_mut();

        let sent = control(device, BUFFERED, (8, 16), 1, none);
        assert_eq!((input(8), output(16)), (Ok((0x1000, 8)), Ok((0x1000, 16))));
        assert_eq!((input(9), output(17)), (Err(small), Err(small)));
        complete(status::SUCCESS);
        assert!(sent.outcome().is_some());

        let sent = control(device, BUFFERED, (0, 0), 1, none);
        assert_eq!((input(0), output(0)), (Err(small), Err(small)));
        complete(status::SUCCESS);
        assert!(sent.outcome().is_some());

        let block = memory::allocate(memory::Kind::NonPagedPool, 16, 16, 0, "data");
        let mdl = nt_kernel::mdl::allocate(block, 16);
        nt_kernel::mdl::build_nonpaged(mdl);
        let sent = control(device, OUT_DIRECT, (8, 16), 1, mdl);
        assert_eq!((input(0), output(0)), (Ok((0x1000, 8)), Ok((block as usize, 16))));
        put!(sent.irp, MdlAddress, none);
        assert_eq!(output(0), Err(small));
        complete(status::SUCCESS);
        nt_kernel::mdl::free(mdl);
        memory::free(block);

        let sent = control(device, NEITHER, (8, 16), 0, none);
        assert_eq!((input(0), output(0)), (Ok((0x3000, 8)), Ok((0x2000, 16))));
        complete(status::SUCCESS);
        assert!(sent.outcome().is_some());
        let sent = control(device, NEITHER, (8, 0), 1, none);
        assert_eq!((input(0), output(0)), (Err(status::INVALID_DEVICE_REQUEST), Err(small)));
        complete(status::SUCCESS);
        assert!(sent.outcome().is_some());
    }));
}

fn sent_read(device: Handle, user: *mut u8) -> Sent {
    send(device, 3, |irp| {
        put!(io::next(irp), Parameters.Read.Length, 512);
        put!(irp, SystemBuffer, 0x1000 as *mut _);
        put!(irp, UserBuffer, user.cast());
    })
}

#[test]
fn buffers_of_transfers_follow_the_type_of_the_device() {
    for (io_type, expected) in [(1, Ok((0x2000, 512))), (2, Ok((0x1000, 512))), (3, Err(status::BUFFER_TOO_SMALL))] {
        assert_clean(&world(move || {
            let device = device_of_type(io_type, None);
            let sent = sent_read(device, 0x2000 as *mut u8);
            assert_eq!((input(0), output(0)), (Err(status::INVALID_DEVICE_REQUEST), expected));
            complete(status::SUCCESS);
            assert!(sent.outcome().is_some());
        }));
    }
}

#[test]
fn a_direct_buffer_is_mapped_when_it_is_asked_for() {
    assert_clean(&world(|| {
        let device = device_of_type(3, None);
        let data = memory::allocate(memory::Kind::User, 512, 16, 0, "data");
        let mdl = nt_kernel::mdl::allocate(data, 512);
        nt_kernel::mdl::probe_and_lock(mdl, true, nt_kernel::mdl::Lock::Write).unwrap();
        let sent = send(device, 3, |irp| {
            put!(io::next(irp), Parameters.Read.Length, 512);
            put!(irp, MdlAddress, mdl);
        });
        nt_kernel::pool::set_failure(Some(1));
        assert_eq!(output(0), Err(status::INSUFFICIENT_RESOURCES));
        nt_kernel::pool::set_failure(None);
        let (mapped, length) = output(512).unwrap();
        assert_eq!(length, 512);
        raw::write(mapped as *mut u8, 0x5A);
        assert_eq!(raw::read(data), 0x5A);
        let mut found: *mut MDL = std::ptr::null_mut();
        let status: i32 = wdf!(WdfRequestRetrieveOutputWdmMdl, request(), &raw mut found);
        assert_eq!((status, found), (status::SUCCESS, mdl));
        complete(status::SUCCESS);
        put!(sent.irp, MdlAddress, std::ptr::null_mut());
        nt_kernel::mdl::unlock(mdl);
        nt_kernel::mdl::free(mdl);
        memory::free(data);
    }));
}

#[test]
fn a_retrieved_memory_has_one_handle_and_dies_with_the_request() {
    let finding = fatal(|| {
        let device = device_of_type(2, None);
        let sent = control(device, BUFFERED, (8, 16), 1, std::ptr::null_mut());
        let memory = || {
            let mut memory = Handle::NULL;
            let status: i32 = wdf!(WdfRequestRetrieveOutputMemory, request(), &raw mut memory);
            assert_eq!(status, status::SUCCESS);
            memory
        };
        assert_eq!(memory(), memory());
        let mut size = 0_usize;
        let buffer: usize = wdf!(WdfMemoryGetBuffer, memory(), &raw mut size);
        assert_eq!((buffer, size), (0x1000, 16));
        complete(status::SUCCESS);
        assert!(sent.outcome().is_some());

        let _sent = control(device, BUFFERED, (8, 16), 1, std::ptr::null_mut());
        let () = wdf!(WdfObjectReferenceActual, memory(), 0_usize, 0_i32, std::ptr::null::<u8>());
        complete(status::SUCCESS);
    });
    assert!(finding.text.contains("0x10D/0x3"), "{}", finding.text);
}

#[test]
fn parameters_are_those_of_the_stack_location() {
    assert_clean(&world(|| {
        let device = device_of_type(2, None);
        let sent = control(device, BUFFERED, (8, 16), 1, std::ptr::null_mut());
        let mut parameters = WDF_REQUEST_PARAMETERS { Size: 40, MinorFunction: 9, Type: 9, Parameters: [9; 4] };
        let () = wdf!(WdfRequestGetParameters, request(), &raw mut parameters);
        let parameters = raw::read(&raw const parameters);
        assert_eq!((parameters.Type, parameters.MinorFunction), (0xE, 0));
        assert_eq!(parameters.Parameters, [16, 8, u64::from(BUFFERED), 0x3000]);
        let mode: u8 = wdf!(WdfRequestGetRequestorMode, request());
        let irp: usize = wdf!(WdfRequestWdmGetIrp, request());
        assert_eq!((mode, irp), (1, sent.irp as usize));
        let () = wdf!(WdfRequestSetInformation, request(), 5_usize);
        complete(status::SUCCESS);
        assert_eq!(sent.outcome(), Some((status::SUCCESS, 5)));
    }));
}

unsafe extern "win64" fn cleanup(request: Handle) {
    let irp: usize = wdf!(WdfRequestWdmGetIrp, request);
    log(format!("cleanup {}", irp != 0));
}

unsafe extern "win64" fn destroy(_: Handle) {
    log("destroy");
}

#[test]
fn contexts_of_requests_are_cleaned_up_before_completion_and_never_for_unseen_requests() {
    assert_clean(&world(|| {
        let watched = WDF_OBJECT_ATTRIBUTES {
            EvtCleanupCallback: Some(cleanup),
            EvtDestroyCallback: Some(destroy),
            ContextTypeInfo: context_type(8),
            ..attributes()
        };
        let device = device_of_type(2, Some(watched));
        let sent = control(device, BUFFERED, (0, 0), 1, std::ptr::null_mut());
        let context: *mut u64 = wdf!(WdfObjectGetTypedContextWorker, request(), watched.ContextTypeInfo);
        assert_eq!(raw::read(context), 0);
        complete(status::SUCCESS);
        assert!(sent.outcome().is_some());
        assert_eq!(taken(), ["cleanup true", "destroy"]);
        assert!(!memory::access(context as usize, 8, false));
        // A read of no bytes is completed without being seen.
        assert_eq!(send_read(device, 0).status(), Some(status::SUCCESS));
        assert_eq!(taken(), Vec::<String>::new());
    }));
}

#[test]
fn a_request_of_the_driver_is_created_reused_and_deleted() {
    assert_clean(&world(|| {
        driver();
        let mut request = Handle::NULL;
        let none = std::ptr::null::<WDF_OBJECT_ATTRIBUTES>();
        let status: i32 = wdf!(WdfRequestCreate, none, Handle::NULL, &raw mut request);
        assert_eq!(status, status::SUCCESS);
        let irp: usize = wdf!(WdfRequestWdmGetIrp, request);
        assert_eq!(irp, 0);
        let parameters = crate::structs::WDF_REQUEST_REUSE_PARAMS {
            Size: 24,
            Flags: 4,
            Status: status::NOT_SUPPORTED,
            NewIrp: std::ptr::null_mut(),
        };
        let reuse = |parameters: &crate::structs::WDF_REQUEST_REUSE_PARAMS| -> i32 {
            wdf!(WdfRequestReuse, request, std::ptr::from_ref(parameters))
        };
        assert_eq!(reuse(&parameters), status::INVALID_PARAMETER);
        assert_eq!(
            reuse(&crate::structs::WDF_REQUEST_REUSE_PARAMS { Flags: 2, ..parameters }),
            status::INVALID_PARAMETER
        );
        assert_eq!(reuse(&crate::structs::WDF_REQUEST_REUSE_PARAMS { Flags: 0, ..parameters }), status::SUCCESS);
        wdf!(WdfObjectDelete, request)
    }));
}

#[test]
fn an_irp_of_the_driver_is_wrapped_and_freed_with_the_request() {
    assert_clean(&world(|| {
        driver();
        let irp = io::allocate_irp(2);
        let mut request = Handle::NULL;
        let none = std::ptr::null::<WDF_OBJECT_ATTRIBUTES>();
        let status: i32 = wdf!(WdfRequestCreateFromIrp, none, irp, 1_u8, &raw mut request);
        assert_eq!(status, status::SUCCESS);
        assert_eq!(get!(irp, StackCount), 2);
        let () = wdf!(WdfObjectDelete, request);
        assert!(!memory::access(irp as usize, 8, false));
    }));
}

extern "win64" fn note_status(
    _: *mut nt_kernel::layout::DEVICE_OBJECT,
    irp: *mut nt_kernel::layout::IRP,
    _: *mut std::ffi::c_void,
) -> i32 {
    log(format!("{:#x}", get!(irp, IoStatus.Status)));
    status::MORE_PROCESSING_REQUIRED
}

#[test]
fn a_request_of_the_driver_with_an_irp_to_complete_survives_its_completion() {
    assert_clean(&world(|| {
        let device = device_of_type(2, None);
        let wdm: *mut nt_kernel::layout::DEVICE_OBJECT = wdf!(WdfDeviceWdmGetDeviceObject, device);
        // An IRP that the driver got outside of the framework: the current location is the driver's.
        let irp = io::allocate_irp(2);
        io::set_next_location(irp);
        put!(io::current(irp), DeviceObject, wdm);
        put!(io::next(irp), MajorFunction, 0xE);
        io::set_completion(irp, note_status, std::ptr::null_mut(), true, true, true);
        io::set_next_location(irp);
        put!(io::current(irp), DeviceObject, wdm);
        let mut request = Handle::NULL;
        let none = std::ptr::null::<WDF_OBJECT_ATTRIBUTES>();
        let status: i32 = wdf!(WdfRequestCreate, none, Handle::NULL, &raw mut request);
        assert_eq!(status, status::SUCCESS);
        let parameters =
            crate::structs::WDF_REQUEST_REUSE_PARAMS { Size: 24, Flags: 3, Status: status::NOT_SUPPORTED, NewIrp: irp };
        let status: i32 = wdf!(WdfRequestReuse, request, &raw const parameters);
        assert_eq!(status, status::SUCCESS);
        let () = wdf!(WdfRequestComplete, request, status::NOT_FOUND);
        assert_eq!(taken(), [format!("{:#x}", status::NOT_FOUND)]);
        let () = wdf!(WdfObjectDelete, request);
        io::free_irp(irp);
    }));
}

#[test]
fn a_request_of_the_driver_cannot_be_completed() {
    let findings = world(|| {
        driver();
        let mut request = Handle::NULL;
        let none = std::ptr::null::<WDF_OBJECT_ATTRIBUTES>();
        let _: i32 = wdf!(WdfRequestCreate, none, Handle::NULL, &raw mut request);
        let () = wdf!(WdfRequestComplete, request, status::SUCCESS);
        wdf!(WdfObjectDelete, request)
    });
    assert_eq!(rules(&findings), [Rule::BadArgument]);
}
