//! Threads, variables, tracing, probes.

use core::mem::transmute;
use std::cell::Cell;

use nt_machine::findings::Rule;
use nt_machine::threads;

use crate::layout::{HANDLE, PVOID};
use crate::objects::{self, Kind};
use crate::testing::{clean, found};
use crate::{export, raw, resolve, status, sync};

thread_local! {
    static STEPS: Cell<u32> = const { Cell::new(0) };
}

fn address(name: &str) -> *const () {
    export("ntoskrnl.exe", name).expect(name).address
}

extern "win64" fn body(context: PVOID) {
    sync::delay(-1000);
    STEPS.set(context as u32);
    // SAFETY: the export has this type.
    let terminate =
        unsafe { transmute::<*const (), extern "win64" fn(i32) -> i32>(address("PsTerminateSystemThread")) };
    terminate(0);
}

#[test]
fn a_system_thread_is_waited_for_by_its_object() {
    type Create = extern "win64" fn(*mut HANDLE, u32, PVOID, HANDLE, PVOID, *const (), usize) -> i32;
    type ByHandle = extern "win64" fn(HANDLE, u32, PVOID, u8, *mut PVOID, *mut u64) -> i32;
    clean(|| {
        STEPS.set(0);
        let null = core::ptr::null_mut();
        // SAFETY: the export has this type.
        let create = unsafe { transmute::<*const (), Create>(address("PsCreateSystemThread")) };
        // SAFETY: the export has this type.
        let by_handle = unsafe { transmute::<*const (), ByHandle>(address("ObReferenceObjectByHandle")) };
        let (mut handle, mut object) = (null, null);
        assert_eq!(create(&raw mut handle, 0, null, null, null, body as *const (), 5), status::SUCCESS);
        let kind = raw::read(resolve("ntoskrnl.exe", "PsThreadType").unwrap().cast::<PVOID>());
        assert_eq!(by_handle(handle, 0, kind, 0, &raw mut object, core::ptr::null_mut()), status::SUCCESS);
        let file = raw::read(resolve("ntoskrnl.exe", "IoFileObjectType").unwrap().cast::<PVOID>());
        assert_eq!(by_handle(handle, 0, file, 0, &raw mut object, core::ptr::null_mut()), status::OBJECT_TYPE_MISMATCH);
        objects::close(handle);
        assert_eq!(sync::wait(object, Some(0)), status::TIMEOUT);
        assert_eq!(sync::wait(object, None), status::SUCCESS);
        assert_eq!(STEPS.get(), 5);
        assert!(objects::is(object.cast(), Kind::Thread));
        objects::dereference(object.cast());
        assert!(objects::references().is_empty());
    });
}

#[test]
fn the_current_thread_can_be_referenced() {
    clean(|| {
        let own = threads::thread_object(threads::current());
        assert_eq!(objects::reference(own), 2);
        assert_eq!(objects::dereference(own), 1);
    });
}

#[test]
fn variables_keep_their_place() {
    clean(|| {
        let build = resolve("NTOSKRNL.EXE", "NtBuildNumber").unwrap();
        assert_eq!(raw::read(build.cast::<u32>()) & 0xFFFF, super::variables::BUILD);
        assert_eq!(resolve("ntoskrnl.exe", "NtBuildNumber"), Some(build));
        assert_eq!(resolve("WDFLDR.SYS", "NtBuildNumber"), None);
        // What is not there resolves too: to a stub that ends the run when it is called.
        assert!(resolve("ntoskrnl.exe", "NoSuchFunction").is_some());
    });
    found(Rule::Missing, "NoSuchFunction is not provided", || {
        let stub = resolve("ntoskrnl.exe", "NoSuchFunction").unwrap();
        // SAFETY: the stub takes no arguments.
        let stub = unsafe { transmute::<*const (), extern "win64" fn()>(stub) };
        stub();
    });
}

#[test]
fn trace_providers_must_be_unregistered() {
    type Register = extern "win64" fn(*const [u8; 16], PVOID, PVOID, *mut u64) -> i32;
    found(Rule::Leak, "is left", || {
        // SAFETY: the export has this type.
        let register = unsafe { transmute::<*const (), Register>(address("EtwRegister")) };
        let (mut handle, null, provider) = (0, core::ptr::null_mut(), [0_u8; 16]);
        register(&raw const provider, null, null, &raw mut handle);
        crate::check_at_unload();
    });
}

#[test]
fn bug_checks_and_refused_probes_end_the_run() {
    found(Rule::BugCheck, "bug check 0x9F (0x3, 0x0, 0x0, 0x0)", || {
        type BugCheck = extern "win64" fn(u32, usize, usize, usize, usize);
        // SAFETY: the export has this type.
        let bug_check = unsafe { transmute::<*const (), BugCheck>(address("KeBugCheckEx")) };
        bug_check(0x9F, 3, 0, 0, 0);
    });
    found(Rule::BugCheck, "C0000005", || {
        type Probe = extern "win64" fn(*mut u8, usize, u32);
        let block = crate::pool::allocate(false, 8, 1);
        // SAFETY: the export has this type.
        let probe = unsafe { transmute::<*const (), Probe>(address("ProbeForWrite")) };
        probe(block, 0, 1);
        probe(block, 8, 1);
    });
}
