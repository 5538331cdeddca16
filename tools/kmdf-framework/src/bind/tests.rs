//! The loader handshake.

use nt_kernel::io;

use super::*;
use crate::testing::{
    Bind, SERVICE, assert_clean, bound_as, create_driver, driver_config, globals, log, rules, taken, unicode,
    version_bind, version_unbind, wdf, world,
};

fn try_bind(change: impl FnOnce(&mut Bind)) -> i32 {
    let driver = io::create_driver("testclient", SERVICE);
    let mut bind = Bind::new(15, 444);
    change(&mut bind);
    let mut globals: Globals = std::ptr::null_mut();
    let status = version_bind(driver, unicode(SERVICE), &raw mut bind.info, &raw mut globals);
    if status::ok(status) {
        assert_eq!(version_unbind(&raw mut bind.info, globals), status::SUCCESS);
    }
    status
}

#[test]
fn released_table_lengths_are_accepted() {
    assert_clean(&world(|| {
        for count in HISTORICAL_COUNTS {
            assert_eq!(try_bind(|bind| *bind = *Bind::new(33, count)), status::SUCCESS, "{count}");
        }
        for count in [0, 382, 384, 440, 457, 459, 1000] {
            assert_eq!(try_bind(|bind| bind.info.FuncCount = count), status::INVALID_PARAMETER, "{count}");
        }
    }));
}

#[test]
fn missing_pointers_are_refused() {
    assert_clean(&world(|| {
        assert_eq!(try_bind(|bind| bind.info.FuncTable = std::ptr::null_mut()), status::INVALID_PARAMETER);
        let driver = io::create_driver("testclient", SERVICE);
        let mut bind = Bind::new(15, 444);
        let mut globals: Globals = std::ptr::null_mut();
        let null = std::ptr::null_mut();
        assert_eq!(version_bind(driver, unicode(SERVICE), null, &raw mut globals), status::INVALID_PARAMETER);
        let none = std::ptr::null_mut();
        assert_eq!(version_bind(driver, unicode(SERVICE), &raw mut bind.info, none), status::INVALID_PARAMETER);
        assert_eq!(version_unbind(&raw mut bind.info, std::ptr::null_mut()), status::UNSUCCESSFUL);
    }));
}

#[test]
fn a_client_of_another_version_is_refused() {
    let findings = world(|| {
        assert!(!status::ok(try_bind(|bind| bind.info.Version.Major = 2)));
        assert!(!status::ok(try_bind(|bind| bind.info.Version.Minor = 35)));
    });
    assert_eq!(rules(&findings), [Rule::BadArgument, Rule::BadArgument]);
    assert!(findings[1].text.contains("1.35") && findings[1].text.contains("1.33"), "{}", findings[1].text);
}

#[test]
fn a_newer_client_that_accepts_an_older_framework_is_told() {
    assert_clean(&world(|| {
        let driver = io::create_driver("testclient", SERVICE);
        let bind = Bind::new(35, 460);
        let (minimum, mut newer, mut functions, mut structures) = (31_u32, 0_u8, 460_u32, 90_u32);
        let mut info = WDF_BIND_INFO2 {
            V1: bind.info,
            MinimumVersionRequired: &raw const minimum,
            ClientVersionHigherThanFramework: &raw mut newer,
            FuncCountPtr: &raw mut functions,
            StructCountPtr: &raw mut structures,
            StructTable: std::ptr::null_mut(),
        };
        info.V1.Size = size_of::<WDF_BIND_INFO2>() as u32;
        let mut globals: Globals = std::ptr::null_mut();
        let first = (&raw mut info).cast::<WDF_BIND_INFO>();
        assert_eq!(version_bind(driver, unicode(SERVICE), first, &raw mut globals), status::SUCCESS);
        assert_eq!((newer, functions, structures), (1, 458, 81));
        assert_eq!(version_unbind(first, globals), status::SUCCESS);
    }));
}

#[test]
fn both_forms_of_the_table_lead_to_the_same_functions() {
    assert_clean(&world(|| {
        for (minor, count) in [(0, 383), (13, 438), (15, 444), (33, 458)] {
            let mut bind = bound_as(minor, count);
            assert_eq!(bind.entry(116), functions::table_entry(116), "1.{minor}");
            assert_eq!(version_unbind(&raw mut bind.info, globals()), status::SUCCESS);
        }
    }));
}

unsafe extern "win64" fn cleanup(_: Handle) {
    log("cleanup");
}

#[test]
fn a_driver_object_that_is_left_is_deleted_by_the_unbind() {
    assert_clean(&world(|| {
        let mut bind = bound_as(15, 444);
        let attributes =
            crate::structs::WDF_OBJECT_ATTRIBUTES { EvtCleanupCallback: Some(cleanup), ..crate::testing::attributes() };
        create_driver(&driver_config(), &raw const attributes).unwrap();
        assert_eq!(version_unbind(&raw mut bind.info, globals()), status::SUCCESS);
        assert_eq!(taken(), ["cleanup"]);
    }));
}

#[test]
fn the_name_in_the_globals_is_that_of_the_service() {
    assert_clean(&world(|| {
        let _ = Box::leak(bound_as(15, 444));
        let name = get!(globals(), DriverName);
        assert_eq!(&name[..11], b"testclient\0");
    }));
}

#[test]
fn what_a_driver_leaves_behind_is_named_with_the_call_that_made_it() {
    let findings = world(|| {
        let mut bind = bound_as(15, 444);
        create_driver(&driver_config(), std::ptr::null()).unwrap();
        let mut object = Handle::NULL;
        let none = std::ptr::null::<crate::structs::WDF_OBJECT_ATTRIBUTES>();
        let status: i32 = wdf!(WdfObjectCreate, none, &raw mut object);
        assert_eq!(status, status::SUCCESS);
        let () = wdf!(WdfObjectReferenceActual, object, 0_usize, 0_i32, std::ptr::null::<u8>());
        assert_eq!(version_unbind(&raw mut bind.info, globals()), status::SUCCESS);
    });
    assert_eq!(rules(&findings), [Rule::Leak]);
    assert_eq!((findings[0].function.as_str(), findings[0].argument.as_str()), ("WdfObjectCreate", "WDFOBJECT"));
}

#[test]
fn a_call_above_the_functions_irql_is_a_finding() {
    let findings = world(|| {
        let driver = crate::testing::driver();
        let old = nt_machine::irql::raise(nt_machine::irql::DISPATCH);
        let path: *const u16 = wdf!(WdfDriverGetRegistryPath, driver);
        nt_machine::irql::lower(old);
        assert!(!path.is_null());
    });
    assert_eq!(rules(&findings), [Rule::Irql]);
    assert_eq!(findings[0].function, "WdfDriverGetRegistryPath");
}
