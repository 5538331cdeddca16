//! Driver and device creation as a client sees them.

use std::cell::Cell;
use std::rc::Rc;

use nt_kernel::layout::{DEVICE_OBJECT, DO_BUFFERED_IO, DO_DEVICE_INITIALIZING, DO_DIRECT_IO, DO_POWER_PAGABLE, IRP};
use nt_kernel::{get, io, put};
use nt_machine::findings::Rule;

use super::init::InitHandle;
use crate::objects::Handle;
use crate::status;
use crate::structs::{
    EvtPreprocess, WDF_DRIVER_CONFIG, WDF_IO_QUEUE_CONFIG, WDF_OBJECT_ATTRIBUTES, WDF_REMOVE_LOCK_OPTIONS,
};
use crate::testing::*;

#[test]
fn a_driver_object_is_created_once_and_changes_the_wdm_object() {
    assert_clean(&world(|| {
        let _ = Box::leak(bound());
        let config = driver_config();
        let refused = |change: fn(&mut WDF_DRIVER_CONFIG)| {
            let mut config = driver_config();
            change(&mut config);
            create_driver(&config, std::ptr::null()).unwrap_err()
        };
        assert_eq!(refused(|c| c.Size = 8), status::INFO_LENGTH_MISMATCH);
        assert_eq!(refused(|c| c.DriverInitFlags = 0x100), status::INVALID_PARAMETER);
        assert_eq!(refused(|c| c.DriverInitFlags = 1), status::INVALID_PARAMETER);
        let driver = create_driver(&config, std::ptr::null()).unwrap();
        assert_eq!(refused(|_| {}), status::DRIVER_INTERNAL_ERROR);
        let wdm = driver_object();
        assert_eq!(get!(globals(), Driver), driver);
        assert_eq!(get!(globals(), DisplaceDriverUnload), 1);
        assert_eq!(get!(globals(), DriverTag), u32::from_le_bytes(*b"test"));
        assert!(get!(wdm, DriverUnload).is_some());
        assert!(get!(wdm, MajorFunction).iter().all(Option::is_some));
        let back: Handle = wdf!(WdfWdmDriverGetWdfDriverHandle, wdm);
        assert_eq!(back, driver);
    }));
}

unsafe extern "win64" fn cleanup(_: Handle) {
    log("cleanup");
}

unsafe extern "win64" fn destroy(_: Handle) {
    log("destroy");
}

fn watched() -> WDF_OBJECT_ATTRIBUTES {
    WDF_OBJECT_ATTRIBUTES { EvtCleanupCallback: Some(cleanup), EvtDestroyCallback: Some(destroy), ..attributes() }
}

#[test]
fn add_device_gives_what_its_callback_came_to() {
    assert_clean(&world(|| {
        driver();
        assert_eq!(add_device(|_| status::SUCCESS).0, status::SUCCESS);
        assert_eq!(add_device(|_| status::NO_SUCH_DEVICE).0, status::NO_SUCH_DEVICE);
        let filter = |init: InitHandle| {
            let () = wdf!(WdfFdoInitSetFilter, init);
            status::NO_SUCH_DEVICE
        };
        assert_eq!(add_device(filter).0, status::SUCCESS);
        let made = |init: InitHandle| {
            create_device(init, &raw const *Box::leak(Box::new(watched()))).unwrap();
            status::NO_SUCH_DEVICE
        };
        let (failed, pdo) = add_device(made);
        assert_eq!(failed, status::NO_SUCH_DEVICE);
        assert_eq!(taken(), ["cleanup", "destroy"]);
        assert!(get!(pdo, AttachedDevice).is_null());
    }));
}

#[test]
fn an_init_is_dead_after_its_callback() {
    let finding = fatal(|| {
        driver();
        let kept = Rc::new(Cell::new(InitHandle::NULL));
        let out = Rc::clone(&kept);
        add_device(move |init| {
            out.set(init);
            status::SUCCESS
        });
        wdf!(WdfDeviceInitSetExclusive, kept.get(), 1_u8)
    });
    assert_eq!(finding.function, "WdfDeviceInitSetExclusive");
}

fn wdm(device: Handle) -> *mut DEVICE_OBJECT {
    wdf!(WdfDeviceWdmGetDeviceObject, device)
}

#[test]
fn the_wdm_object_is_as_configured() {
    assert_clean(&world(|| {
        let device = device_with(
            |init| {
                let () = wdf!(WdfDeviceInitSetIoType, init, 3_u32);
                let () = wdf!(WdfDeviceInitSetDeviceType, init, 2_u32);
                let () = wdf!(WdfDeviceInitSetCharacteristics, init, 0x11_u32, 0_u8);
            },
            |device| {
                assert_ne!(get!(wdm(device), Flags) & DO_DEVICE_INITIALIZING, 0);
            },
        );
        let wdm = wdm(device);
        let flags = get!(wdm, Flags);
        assert_eq!(flags & (DO_DIRECT_IO | DO_BUFFERED_IO), DO_DIRECT_IO);
        assert_eq!(flags & DO_DEVICE_INITIALIZING, 0);
        assert_ne!(flags & DO_POWER_PAGABLE, 0);
        assert_eq!((get!(wdm, DeviceType), get!(wdm, Characteristics), get!(wdm, StackSize)), (2, 0x111, 2));
        let back: Handle = wdf!(WdfWdmDeviceGetWdfDeviceHandle, wdm);
        assert_eq!(back, device);
        let below: *mut DEVICE_OBJECT = wdf!(WdfDeviceWdmGetAttachedDevice, device);
        let pdo: *mut DEVICE_OBJECT = wdf!(WdfDeviceWdmGetPhysicalDevice, device);
        assert_eq!(below, pdo);
    }));
}

#[test]
fn the_first_context_is_the_device_extension() {
    assert_clean(&world(|| {
        driver();
        let info = context_type(32);
        let (status, _) = add_device(move |init| {
            let with_context = WDF_OBJECT_ATTRIBUTES { ContextTypeInfo: info, ..attributes() };
            let device = create_device(init, &raw const with_context).unwrap();
            let context: *mut u8 = wdf!(WdfObjectGetTypedContextWorker, device, info);
            assert_eq!(context, get!(wdm(device), DeviceExtension).cast());
            status::SUCCESS
        });
        assert_eq!(status, status::SUCCESS);
    }));
}

#[test]
fn a_taken_name_fails_the_creation_without_a_trace() {
    assert_clean(&world(|| {
        device_with(
            |init| {
                let status: i32 = wdf!(WdfDeviceInitAssignName, init, unicode(r"\Device\CdRom0"));
                assert_eq!(status, status::SUCCESS);
            },
            |_| {},
        );
        let (failed, pdo) = add_device(|init| {
            let _: i32 = wdf!(WdfDeviceInitAssignName, init, unicode(r"\Device\CdRom0"));
            create_device(init, &raw const *Box::leak(Box::new(watched()))).unwrap_err()
        });
        assert_eq!(failed, status::OBJECT_NAME_COLLISION);
        assert_eq!(taken(), Vec::<String>::new());
        assert!(get!(pdo, AttachedDevice).is_null());
    }));
}

#[test]
fn every_failing_allocation_undoes_the_device() {
    assert_clean(&world(|| {
        driver();
        for nth in 1.. {
            let tried = move |init: InitHandle| {
                nt_kernel::pool::set_failure(Some(nth));
                let named: i32 = wdf!(WdfDeviceInitAssignName, init, unicode(r"\Device\CdRom0"));
                let created = if status::ok(named) { create_device(init, std::ptr::null()).err() } else { Some(named) };
                nt_kernel::pool::set_failure(None);
                created.unwrap_or(status::SUCCESS)
            };
            let (status, pdo) = add_device(tried);
            if status == status::SUCCESS {
                assert!(nth > 2);
                return;
            }
            assert_eq!(status, status::INSUFFICIENT_RESOURCES);
            assert!(get!(pdo, AttachedDevice).is_null());
        }
    }));
}

#[test]
fn a_symbolic_link_is_made_once() {
    assert_clean(&world(|| {
        device_with(
            |init| {
                let _: i32 = wdf!(WdfDeviceInitAssignName, init, unicode(r"\Device\CdRom0"));
            },
            |device| {
                let link = |name: &str| -> i32 { wdf!(WdfDeviceCreateSymbolicLink, device, unicode(name)) };
                assert_eq!(link(""), status::INVALID_DEVICE_REQUEST);
                assert_eq!(link(r"\DosDevices\CdRom0"), status::SUCCESS);
                assert_eq!(link(r"\DosDevices\CdRom1"), status::INVALID_DEVICE_REQUEST);
            },
        );
        assert!(!io::links().is_empty());
    }));
}

unsafe extern "win64" fn give_back(device: Handle, irp: *mut IRP) -> i32 {
    log("preprocess");
    io::skip(irp);
    wdf!(WdfDeviceWdmDispatchPreprocessedIrp, device, irp)
}

unsafe extern "win64" fn swallow(_: Handle, irp: *mut IRP) -> i32 {
    log("swallow");
    put!(irp, IoStatus.Status, status::SUCCESS);
    io::complete(irp, 0);
    status::SUCCESS
}

fn assign(init: InitHandle, callback: EvtPreprocess, major: u8, minors: &'static [u8]) -> i32 {
    let pointer = if minors.is_empty() { std::ptr::null() } else { minors.as_ptr() };
    wdf!(WdfDeviceInitAssignWdmIrpPreprocessCallback, init, callback, major, pointer, minors.len() as u32)
}

unsafe extern "win64" fn complete_at_once(_: Handle, request: Handle, _: usize, _: usize, _: u32) {
    wdf!(WdfRequestComplete, request, status::SUCCESS)
}

#[test]
fn preprocess_callbacks_see_their_irps_first() {
    assert_clean(&world(|| {
        let device = device_with(
            |init| {
                assert_eq!(assign(init, Some(swallow), 0x1C, &[]), status::INVALID_PARAMETER);
                assert_eq!(assign(init, Some(swallow), 9, &[0, 1]), status::SUCCESS);
                assert_eq!(assign(init, Some(swallow), 9, &[2]), status::INVALID_DEVICE_REQUEST);
                assert_eq!(assign(init, Some(give_back), 0xE, &[]), status::SUCCESS);
                let options = WDF_REMOVE_LOCK_OPTIONS { Size: 8, Flags: 1 };
                let () = wdf!(WdfDeviceInitSetRemoveLockOptions, init, &raw const options);
            },
            |device| {
                let config = WDF_IO_QUEUE_CONFIG {
                    EvtIoDeviceControl: Some(complete_at_once),
                    DefaultQueue: 1,
                    ..queue_config(1)
                };
                create_queue(device, &config, std::ptr::null()).unwrap();
            },
        );
        assert_eq!(get!(wdm(device), StackSize), 4);
        assert_eq!(send(device, 9, |_| {}).status(), Some(status::SUCCESS));
        assert_eq!(taken(), ["swallow"]);
        assert_eq!(send_control(device, 4).status(), Some(status::SUCCESS));
        assert_eq!(taken(), ["preprocess"]);
    }));
}

unsafe extern "win64" fn in_caller(device: Handle, request: Handle) {
    log("caller");
    let status: i32 = wdf!(WdfDeviceEnqueueRequest, device, request);
    if !status::ok(status) {
        wdf!(WdfRequestComplete, request, status)
    }
}

#[test]
fn the_in_caller_context_callback_decides() {
    assert_clean(&world(|| {
        let device = device_with(
            |init| {
                let callback: crate::structs::EvtInCallerContext = Some(in_caller);
                let () = wdf!(WdfDeviceInitSetIoInCallerContextCallback, init, callback);
            },
            |device| {
                let config = WDF_IO_QUEUE_CONFIG { EvtIoDeviceControl: Some(complete_at_once), ..queue_config(1) };
                let queue = create_queue(device, &config, std::ptr::null()).unwrap();
                let status: i32 = wdf!(WdfDeviceConfigureRequestDispatching, device, queue, 0xE_u32);
                assert_eq!(status, status::SUCCESS);
            },
        );
        let served = send_control(device, 4);
        assert_eq!((served.returned, served.status()), (status::PENDING, Some(status::SUCCESS)));
        let refused = send_read(device, 8);
        assert_eq!((refused.returned, refused.status()), (status::PENDING, Some(status::INVALID_DEVICE_REQUEST)));
        assert_eq!(taken(), ["caller", "caller"]);
    }));
}

unsafe extern "win64" fn route(
    device: Handle,
    _: u8,
    _: u8,
    code: u32,
    queue: usize,
    irp: *mut IRP,
    context: usize,
) -> i32 {
    log(format!("route {code}"));
    if code == 4 {
        return wdf!(WdfDeviceWdmDispatchIrpToIoQueue, device, irp, Handle(queue), 0_u32);
    }
    wdf!(WdfDeviceWdmDispatchIrp, device, irp, context)
}

#[test]
fn a_dispatch_callback_chooses_the_queue() {
    assert_clean(&world(|| {
        let device = device_with(
            |_| {},
            |device| {
                let config = WDF_IO_QUEUE_CONFIG { EvtIoDeviceControl: Some(complete_at_once), ..queue_config(1) };
                let queue = create_queue(device, &config, std::ptr::null()).unwrap();
                let configure = |major: u8| -> i32 {
                    let callback: crate::structs::EvtDispatchIrp = Some(route);
                    wdf!(WdfDeviceConfigureWdmIrpDispatchCallback, device, Handle::NULL, major, callback, queue.0)
                };
                assert_eq!(configure(0), status::INVALID_PARAMETER);
                assert_eq!(configure(0xE), status::SUCCESS);
            },
        );
        assert_eq!(send_control(device, 4).status(), Some(status::SUCCESS));
        assert_eq!(send_control(device, 8).status(), Some(status::INVALID_DEVICE_REQUEST));
        assert_eq!(taken(), ["route 4", "route 8"]);
    }));
}

#[test]
fn a_bad_pointer_is_the_drivers_fault() {
    let finding = fatal(|| {
        let device = device_with(|_| {}, |_| {});
        let block = nt_machine::memory::allocate(nt_machine::memory::Kind::NonPagedPool, 96, 16, 0, "configuration");
        nt_machine::memory::free(block);
        let mut queue = Handle::NULL;
        let _: i32 = wdf!(WdfIoQueueCreate, device, block, std::ptr::null::<u8>(), &raw mut queue);
    });
    assert_eq!((finding.rule, finding.function.as_str()), (Rule::UseAfterFree, "WdfIoQueueCreate"));
}

unsafe extern "win64" fn canceled_on_queue(_: Handle, request: Handle) {
    log("canceled on queue");
    wdf!(WdfRequestComplete, request, status::CANCELLED)
}

#[test]
fn a_request_that_was_enqueued_from_the_callers_context_comes_back_when_it_is_cancelled() {
    assert_clean(&world(|| {
        let device = device_with(
            |init| {
                let callback: crate::structs::EvtInCallerContext = Some(in_caller);
                let () = wdf!(WdfDeviceInitSetIoInCallerContextCallback, init, callback);
            },
            |device| {
                let config = WDF_IO_QUEUE_CONFIG {
                    EvtIoCanceledOnQueue: Some(canceled_on_queue),
                    DefaultQueue: 1,
                    ..queue_config(3)
                };
                create_queue(device, &config, std::ptr::null()).unwrap();
            },
        );
        let sent = send_control(device, 4);
        assert!(sent.cancel());
        assert_eq!(sent.status(), Some(status::CANCELLED));
        assert_eq!(taken(), ["caller", "canceled on queue"]);
    }));
}

#[test]
fn a_request_that_the_driver_forgets_is_named_at_removal() {
    unsafe extern "win64" fn forget(_: Handle, _: Handle) {}
    let findings = world(|| {
        driver();
        let made = Rc::new(Cell::new(Handle::NULL));
        let out = Rc::clone(&made);
        let (status, _) = add_device(move |init| {
            let callback: crate::structs::EvtInCallerContext = Some(forget);
            let () = wdf!(WdfDeviceInitSetIoInCallerContextCallback, init, callback);
            out.set(create_device(init, std::ptr::null()).unwrap());
            status::SUCCESS
        });
        assert_eq!(status, status::SUCCESS);
        let _sent = send_control(made.get(), 4);
        super::get(made.get()).begin_removal();
    });
    assert_eq!(rules(&findings), [Rule::Lost]);
    assert!(findings[0].text.contains("code 0x4"), "{}", findings[0].text);
}
