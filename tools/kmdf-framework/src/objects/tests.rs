//! Objects as a client sees them.

use nt_machine::findings::Rule;
use nt_machine::irql;

use super::Handle;
use crate::status;
use crate::structs::WDF_OBJECT_ATTRIBUTES;
use crate::testing::*;

unsafe extern "win64" fn cleanup(_: Handle) {
    log(format!("cleanup at {}", irql::current()));
}

unsafe extern "win64" fn destroy(_: Handle) {
    log("destroy");
}

fn create(attributes: &WDF_OBJECT_ATTRIBUTES) -> Result<Handle, i32> {
    let mut handle = Handle::NULL;
    let status: i32 = wdf!(WdfObjectCreate, std::ptr::from_ref(attributes), &raw mut handle);
    if status::ok(status) { Ok(handle) } else { Err(status) }
}

fn watched(parent: Handle) -> WDF_OBJECT_ATTRIBUTES {
    WDF_OBJECT_ATTRIBUTES {
        EvtCleanupCallback: Some(cleanup),
        EvtDestroyCallback: Some(destroy),
        ParentObject: parent,
        ..attributes()
    }
}

#[test]
fn attributes_are_validated_in_order() {
    assert_clean(&world(|| {
        let driver = driver();
        let refused = |change: fn(&mut WDF_OBJECT_ATTRIBUTES)| {
            let mut attributes = attributes();
            change(&mut attributes);
            create(&attributes).unwrap_err()
        };
        assert_eq!(refused(|a| a.Size = 8), status::INFO_LENGTH_MISMATCH);
        assert_eq!(refused(|a| a.ContextSizeOverride = 8), status::WDF_OBJECT_ATTRIBUTES_INVALID);
        assert_eq!(refused(|a| a.ExecutionLevel = 0), status::WDF_OBJECT_ATTRIBUTES_INVALID);
        assert_eq!(refused(|a| a.SynchronizationScope = 5), status::WDF_OBJECT_ATTRIBUTES_INVALID);
        assert_eq!(refused(|a| a.SynchronizationScope = 2), status::WDF_SYNCHRONIZATION_SCOPE_INVALID);
        assert_eq!(
            refused(|a| {
                a.ContextTypeInfo = context_type(16);
                a.ContextSizeOverride = 8;
            }),
            status::WDF_OBJECT_ATTRIBUTES_INVALID
        );
        wdf!(WdfObjectDelete, create(&watched(driver)).unwrap())
    }));
    assert_eq!(taken(), ["cleanup at 0", "destroy"]);
}

#[test]
fn a_context_is_found_by_its_type_and_is_zeroed() {
    assert_clean(&world(|| {
        driver();
        let (first, second) = (context_type(24), context_type(40));
        let handle = create(&WDF_OBJECT_ATTRIBUTES { ContextTypeInfo: first, ..attributes() }).unwrap();
        let context: *mut u8 = wdf!(WdfObjectGetTypedContextWorker, handle, first);
        assert_eq!(nt_kernel::raw::bytes(context, 24), [0; 24]);
        assert_eq!(context as usize % 16, 0);
        let none: *mut u8 = wdf!(WdfObjectGetTypedContextWorker, handle, second);
        assert!(none.is_null());
        let back: Handle = wdf!(WdfObjectContextGetObject, context);
        assert_eq!(back, handle);

        let more = WDF_OBJECT_ATTRIBUTES { ContextTypeInfo: second, ..attributes() };
        let mut added: *mut u8 = std::ptr::null_mut();
        let add = || -> i32 { wdf!(WdfObjectAllocateContext, handle, &raw const more, &raw const added) };
        assert_eq!(add(), status::SUCCESS);
        assert_eq!(add(), status::OBJECT_NAME_EXISTS);
        let found: *mut u8 = wdf!(WdfObjectGetTypedContextWorker, handle, second);
        added = nt_kernel::raw::read(&raw const added);
        assert_eq!(found, added);
        wdf!(WdfObjectDelete, handle)
    }));
}

#[test]
fn children_are_cleaned_up_before_their_parent_and_destroyed_after() {
    assert_clean(&world(|| {
        driver();
        let parent = create(&watched(Handle::NULL)).unwrap();
        let child = create(&watched(parent)).unwrap();
        let () = wdf!(WdfObjectReferenceActual, child, 0_usize, 0_i32, std::ptr::null::<u8>());
        let () = wdf!(WdfObjectDelete, parent);
        assert_eq!(taken(), ["cleanup at 0", "cleanup at 0", "destroy"]);
        let () = wdf!(WdfObjectDelete, child);
        let () = wdf!(WdfObjectDereferenceActual, child, 0_usize, 0_i32, std::ptr::null::<u8>());
        assert_eq!(taken(), ["destroy"]);
    }));
}

#[test]
fn a_passive_object_that_is_deleted_at_dispatch_is_disposed_later() {
    assert_clean(&world(|| {
        driver();
        let passive = WDF_OBJECT_ATTRIBUTES { ExecutionLevel: 2, ..watched(Handle::NULL) };
        let handle = create(&passive).unwrap();
        let old = irql::raise(irql::DISPATCH);
        let () = wdf!(WdfObjectDelete, handle);
        assert_eq!(taken(), Vec::<String>::new());
        irql::lower(old);
        super::wait_for_disposals();
        assert_eq!(taken(), ["cleanup at 0", "destroy"]);
        let other = create(&watched(Handle::NULL)).unwrap();
        let old = irql::raise(irql::DISPATCH);
        let () = wdf!(WdfObjectDelete, other);
        irql::lower(old);
        assert_eq!(taken(), ["cleanup at 2", "destroy"]);
    }));
}

#[test]
fn a_freed_handle_is_recognised() {
    let finding = fatal(|| {
        driver();
        let handle = create(&attributes()).unwrap();
        let () = wdf!(WdfObjectDelete, handle);
        wdf!(WdfObjectDelete, handle)
    });
    assert_eq!(finding.rule, Rule::BugCheck);
    assert!(finding.text.contains("0x10D/0x5") && finding.text.contains("freed"), "{}", finding.text);
    assert_eq!(finding.function, "WdfObjectDelete");
}

#[test]
fn a_handle_of_another_type_is_recognised() {
    let finding = fatal(|| {
        let driver = driver();
        wdf!(WdfIoQueueStart, driver)
    });
    assert!(finding.text.contains("expected WDFQUEUE") && finding.text.contains("WDFDRIVER"), "{}", finding.text);
}

#[test]
fn the_last_reference_of_an_object_that_was_not_deleted_is_fatal() {
    let finding = fatal(|| {
        driver();
        let handle = create(&attributes()).unwrap();
        wdf!(WdfObjectDereferenceActual, handle, 0_usize, 0_i32, std::ptr::null::<u8>())
    });
    assert!(finding.text.contains("0x10D/0x7"), "{}", finding.text);
}

#[test]
fn what_may_not_be_deleted_is_reported_and_stays() {
    let findings = world(|| {
        let driver = driver();
        let () = wdf!(WdfObjectDelete, driver);
        let back: *mut u8 = wdf!(WdfDriverWdmGetDriverObject, driver);
        assert_eq!(back, driver_object().cast());
    });
    assert_eq!(rules(&findings), [Rule::BadArgument]);
}

#[test]
fn an_allocation_that_fails_fails_the_creation() {
    assert_clean(&world(|| {
        driver();
        nt_kernel::pool::set_failure(Some(1));
        assert_eq!(create(&watched(Handle::NULL)), Err(status::INSUFFICIENT_RESOURCES));
        nt_kernel::pool::set_failure(None);
        assert_eq!(taken(), Vec::<String>::new());
    }));
}

#[test]
fn a_part_of_another_object_gets_no_context() {
    unsafe extern "win64" fn add_context(_: Handle, request: Handle) {
        let mut memory = Handle::NULL;
        let status: i32 = wdf!(WdfRequestRetrieveOutputMemory, request, &raw mut memory);
        assert_eq!(status, status::SUCCESS);
        let more = WDF_OBJECT_ATTRIBUTES { ContextTypeInfo: context_type(8), ..attributes() };
        let none = std::ptr::null_mut::<*mut u8>();
        let status: i32 = wdf!(WdfObjectAllocateContext, memory, &raw const more, none);
        assert_eq!(status, status::OBJECT_PATH_INVALID);
        wdf!(WdfRequestComplete, request, status::SUCCESS)
    }
    assert_clean(&world(|| {
        let device = device_with(
            |_| {},
            |device| {
                let config = crate::structs::WDF_IO_QUEUE_CONFIG {
                    EvtIoDefault: Some(add_context),
                    DefaultQueue: 1,
                    ..queue_config(1)
                };
                create_queue(device, &config, std::ptr::null()).unwrap();
            },
        );
        assert_eq!(send_read(device, 8).status(), Some(status::SUCCESS));
    }));
}
