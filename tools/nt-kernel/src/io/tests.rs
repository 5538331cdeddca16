//! The way of IRPs through small drivers.

use core::ffi::c_void;
use std::cell::Cell;

use nt_machine::findings::Rule;
use nt_machine::threads::{self, RunEnd};

use super::*;
use crate::layout::{
    DEVICE_OBJECT, IO_STATUS_BLOCK, IRP, IRP_MJ_DEVICE_CONTROL, IRP_MJ_FLUSH_BUFFERS, KEVENT, SL_PENDING_RETURNED,
};
use crate::testing::{clean, device, found, run_seeded};
use crate::{get, put, status, sync};

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
    static SEEN: Cell<usize> = const { Cell::new(0) };
}

fn finish(irp: *mut IRP, result: i32, information: usize) -> i32 {
    put!(irp, IoStatus.Status, result);
    put!(irp, IoStatus.Information, information);
    complete(irp, 0);
    result
}

extern "win64" fn succeed(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    finish(irp, status::SUCCESS, 7)
}

extern "win64" fn warn(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    finish(irp, status::BUFFER_OVERFLOW, 0)
}

/// Marks the IRP pending and completes it later, on another thread.
extern "win64" fn pend(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    mark_pending(irp);
    sync::queue_work("completion", Box::new(move || _ = finish(irp, status::SUCCESS, 7)));
    status::PENDING
}

extern "win64" fn pass(device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    skip(irp);
    call_driver(lower(device), irp)
}

extern "win64" fn watch(device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    copy_to_next(irp);
    set_completion(irp, watched, 0x77 as *mut c_void, true, true, true);
    call_driver(lower(device), irp)
}

extern "win64" fn watched(device: *mut DEVICE_OBJECT, irp: *mut IRP, context: *mut c_void) -> i32 {
    assert_eq!(context as usize, 0x77);
    assert_eq!(get!(current(irp), DeviceObject), device);
    // The location left shows nothing of the request any more.
    let left = next(irp);
    assert_eq!((get!(left, MinorFunction), get!(left, Control), get!(left, Flags)), (0, 0, 0));
    assert_eq!(get!(left, MajorFunction), IRP_MJ_FLUSH_BUFFERS);
    CALLS.set(CALLS.get() + 1);
    if get!(irp, PendingReturned) != 0 {
        mark_pending(irp);
    }
    status::SUCCESS
}

extern "win64" fn stop(device: *mut DEVICE_OBJECT, irp: *mut IRP, _context: *mut c_void) -> i32 {
    SEEN.set(device as usize);
    CALLS.set(CALLS.get() + 1);
    let _ = irp;
    status::MORE_PROCESSING_REQUIRED
}

/// An IRP as a driver sends its own.
fn own_irp(device: *mut DEVICE_OBJECT) -> *mut IRP {
    let irp = allocate_irp(get!(device, StackSize));
    put!(next(irp), MajorFunction, IRP_MJ_FLUSH_BUFFERS);
    irp
}

fn flush(top: *mut DEVICE_OBJECT) -> Sent {
    send(top, |_, location| put!(location, MajorFunction, IRP_MJ_FLUSH_BUFFERS))
}

#[test]
fn a_fresh_irp_points_past_its_locations() {
    clean(|| {
        let irp = allocate_irp(3);
        assert_eq!((get!(irp, StackCount), get!(irp, CurrentLocation)), (3, 4));
        assert_eq!(current(irp) as usize, irp as usize + 0xD0 + 3 * 0x48);
        assert_eq!(usize::from(get!(irp, Size)), 0xD0 + 3 * 0x48);
        free_irp(irp);
    });
}

#[test]
fn a_request_passes_down_and_up() {
    for bottom in [succeed as crate::layout::DRIVER_DISPATCH, pend] {
        clean(move || {
            CALLS.set(0);
            let port = device("port", bottom, None);
            let class = device("class", watch, Some(port));
            let filter = device("filter", pass, Some(class));
            assert_eq!(get!(filter, StackSize), 3);
            assert_eq!(attached_top(port), filter);
            assert_eq!(flush(filter), Sent { status: status::SUCCESS, information: 7 });
            assert_eq!(CALLS.get(), 1);
        });
    }
}

#[test]
fn pending_is_marked_upward_where_nobody_asks() {
    extern "win64" fn copy_only(device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        copy_to_next(irp);
        call_driver(lower(device), irp)
    }
    // If the location above were not marked, returning PENDING from `copy_only` would be a finding.
    clean(|| {
        let port = device("port", pend, None);
        assert_eq!(flush(device("class", copy_only, Some(port))).status, status::SUCCESS);
    });
}

#[test]
fn a_warning_counts_as_an_error_for_completion_routines() {
    for (success, error, expected) in [(true, false, 0), (false, true, 1)] {
        clean(move || {
            CALLS.set(0);
            let port = device("port", warn, None);
            let irp = own_irp(port);
            // An own location above catches the IRP whatever happens.
            let outer = allocate_irp(2);
            set_next_location(outer);
            put!(next(outer), MajorFunction, IRP_MJ_FLUSH_BUFFERS);
            set_completion(irp, stop, core::ptr::null_mut(), true, true, true);
            call_driver(port, irp);
            CALLS.set(0);
            free_irp(irp);
            set_completion(outer, stop, core::ptr::null_mut(), success, error, false);
            if error {
                call_driver(port, outer);
            }
            free_irp(outer);
            assert_eq!(CALLS.get(), expected);
        });
    }
}

#[test]
fn the_routine_of_the_allocating_driver_gets_no_device() {
    clean(|| {
        SEEN.set(1);
        let port = device("port", succeed, None);
        let irp = own_irp(port);
        set_completion(irp, stop, core::ptr::null_mut(), true, true, true);
        assert_eq!(call_driver(port, irp), status::SUCCESS);
        assert_eq!(SEEN.get(), 0);
        reuse_irp(irp, status::UNSUCCESSFUL);
        assert_eq!((get!(irp, IoStatus.Status), get!(irp, CurrentLocation)), (status::UNSUCCESSFUL, 2));
        free_irp(irp);
    });
}

#[test]
fn an_unset_major_function_fails() {
    clean(|| {
        let driver = create_driver("bare", r"\Registry\Machine\System\CurrentControlSet\Services\bare");
        let bare = create_device(driver, 0, None, 0x22, 0).unwrap();
        assert_eq!(flush(bare), Sent { status: status::INVALID_DEVICE_REQUEST, information: 0 });
    });
}

#[test]
fn completing_twice_is_found() {
    extern "win64" fn twice(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        finish(irp, status::SUCCESS, 0);
        finish(irp, status::SUCCESS, 0)
    }
    found(Rule::DoubleCompletion, "completed already", || {
        flush(device("port", twice, None));
    });
}

#[test]
fn pending_without_mark_is_found_and_mark_without_pending() {
    extern "win64" fn unmarked(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        sync::queue_work("completion", Box::new(move || _ = finish(irp, status::SUCCESS, 0)));
        status::PENDING
    }
    extern "win64" fn marked(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        mark_pending(irp);
        finish(irp, status::SUCCESS, 0)
    }
    found(Rule::BadArgument, "without marking the IRP pending", || {
        flush(device("port", unmarked, None));
    });
    found(Rule::BadArgument, "marked the IRP pending, and returned another status", || {
        flush(device("port", marked, None));
    });
}

#[test]
fn a_forgotten_request_is_found() {
    extern "win64" fn forget(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        mark_pending(irp);
        status::PENDING
    }
    extern "win64" fn drop_it(_device: *mut DEVICE_OBJECT, _irp: *mut IRP) -> i32 {
        status::SUCCESS
    }
    let (end, _) = run_seeded(0, || _ = flush(device("port", forget, None)));
    assert!(matches!(end, RunEnd::Stuck(_)), "{end:?}");
    found(Rule::Lost, "without completing the IRP", || {
        flush(device("port", drop_it, None));
    });
    found(Rule::Lost, r"never completed by \Driver\port", || {
        let port = device("port", forget, None);
        let irp = own_irp(port);
        set_completion(irp, stop, core::ptr::null_mut(), true, true, true);
        call_driver(port, irp);
        crate::check_at_unload();
    });
}

#[test]
fn sins_around_completion_are_found() {
    extern "win64" fn with_lock(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        let lock =
            nt_machine::memory::allocate(nt_machine::memory::Kind::NonPagedPool, 8, 8, 0, "lock").cast::<usize>();
        crate::raw::write(lock, 0);
        let irql = sync::acquire_spin_lock(lock);
        finish(irp, status::SUCCESS, 0);
        sync::release_spin_lock(lock, irql);
        status::SUCCESS
    }
    extern "win64" fn as_pending(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        finish(irp, status::PENDING, 0)
    }
    extern "win64" fn other_status(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        finish(irp, status::UNSUCCESSFUL, 0);
        status::SUCCESS
    }
    found(Rule::Lock, "completed while holding a spin lock", || {
        flush(device("port", with_lock, None));
    });
    found(Rule::BadArgument, "completed with status STATUS_PENDING", || {
        flush(device("port", as_pending, None));
    });
    found(Rule::BadArgument, "and completed the IRP with STATUS_UNSUCCESSFUL", || {
        flush(device("port", other_status, None));
    });
}

#[test]
fn too_few_locations_and_lost_irps_end_the_run() {
    found(Rule::BugCheck, "NO_MORE_IRP_STACK_LOCATIONS", || {
        let port = device("port", succeed, None);
        let class = device("class", watch, Some(port));
        let irp = allocate_irp(1);
        put!(next(irp), MajorFunction, IRP_MJ_FLUSH_BUFFERS);
        call_driver(class, irp);
    });
    found(Rule::Lost, "its completion routine did not stop it", || {
        let port = device("port", succeed, None);
        call_driver(port, own_irp(port));
    });
    found(Rule::UseAfterFree, "the IRP is gone", || {
        let port = device("port", succeed, None);
        let irp = own_irp(port);
        free_irp(irp);
        call_driver(port, irp);
    });
    found(Rule::Lost, "freed while", || {
        let port = device("port", pend, None);
        let irp = own_irp(port);
        call_driver(port, irp);
        free_irp(irp);
    });
}

#[test]
fn cancellation_calls_the_routine_with_the_lock_held() {
    extern "win64" fn cancelled(_device: *mut DEVICE_OBJECT, irp: *mut IRP) {
        CALLS.set(CALLS.get() + 1);
        assert_eq!(nt_machine::irql::current(), 2);
        release_cancel_lock(get!(irp, CancelIrql));
        finish(irp, status::CANCELLED, 0);
    }
    extern "win64" fn hold(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        mark_pending(irp);
        set_cancel_routine(irp, Some(cancelled));
        SEEN.set(irp as usize);
        status::PENDING
    }
    clean(|| {
        CALLS.set(0);
        SEEN.set(0);
        let port = device("port", hold, None);
        threads::spawn(
            "canceller",
            0,
            Box::new(|| {
                threads::block("the request", None, &|| SEEN.get() != 0);
                assert!(cancel(SEEN.get() as *mut IRP));
            }),
        );
        assert_eq!(flush(port).status, status::CANCELLED);
        assert_eq!(CALLS.get(), 1);
    });
    found(Rule::CancelRoutine, "completed with its cancel routine set", || {
        extern "win64" fn sloppy(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
            set_cancel_routine(irp, Some(cancelled));
            finish(irp, status::SUCCESS, 0)
        }
        flush(device("port", sloppy, None));
    });
}

/// A device control as a driver builds it, waited for as drivers do.
fn control(device: *mut DEVICE_OBJECT, code: u32, buffers: Buffers) -> (i32, IO_STATUS_BLOCK) {
    let mut event = core::mem::MaybeUninit::<KEVENT>::uninit();
    let mut block = IO_STATUS_BLOCK { Status: 0x55, Information: 0x55 };
    let event = event.as_mut_ptr();
    sync::event_init(event, false, false);
    let irp = build_device_control(device, code, false, buffers, event, &raw mut block);
    let returned = call_driver(device, irp);
    if returned == status::PENDING {
        sync::wait(event, None);
    }
    // The status block is this function's: the request must be over before it goes.
    threads::block("the end of the request", None, &|| !irp::is_live(irp));
    (returned, block)
}

#[test]
fn a_built_device_control_brings_its_output_at_the_end() {
    extern "win64" fn answer(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        assert_eq!(get!(current(irp), MajorFunction), IRP_MJ_DEVICE_CONTROL);
        let buffer = get!(irp, SystemBuffer).cast::<u8>();
        assert_eq!(crate::raw::bytes(buffer, 4), [1, 2, 3, 0xA5]);
        mark_pending(irp);
        sync::queue_dpc(
            "completion",
            Box::new(move || {
                crate::raw::put_bytes(buffer, b"abcd");
                finish(irp, status::SUCCESS, 2);
            }),
        );
        status::PENDING
    }
    clean(|| {
        let port = device("port", answer, None);
        let (mut input, mut output) = ([1, 2, 3], [9_u8; 4]);
        let buffers =
            Buffers { input: input.as_mut_ptr(), input_length: 3, output: output.as_mut_ptr(), output_length: 4 };
        let (returned, block) = control(port, 0x0022_2000, buffers);
        assert_eq!((returned, block.Status, block.Information), (status::PENDING, status::SUCCESS, 2));
        assert_eq!(&output, b"ab\x09\x09");
    });
}

#[test]
fn an_error_at_once_is_told_by_the_return_value_alone() {
    extern "win64" fn fail(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        finish(irp, status::INVALID_PARAMETER, 0)
    }
    clean(|| {
        let port = device("port", fail, None);
        let null = core::ptr::null_mut();
        let buffers = Buffers { input: null, input_length: 0, output: null, output_length: 0 };
        let (returned, block) = control(port, 0x0022_2000, buffers);
        assert_eq!((returned, block.Status, block.Information), (status::INVALID_PARAMETER, 0x55, 0x55));
    });
}

#[test]
fn the_pending_bit_is_in_the_current_location() {
    clean(|| {
        let irp = allocate_irp(1);
        set_next_location(irp);
        mark_pending(irp);
        assert_eq!(get!(current(irp), Control), SL_PENDING_RETURNED);
        skip(irp);
        free_irp(irp);
    });
}

#[test]
fn success_at_once_leaves_nothing_to_come() {
    extern "win64" fn succeed_raised(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        let old = nt_machine::irql::raise(2);
        finish(irp, status::SUCCESS, 7);
        nt_machine::irql::lower(old);
        status::SUCCESS
    }
    let routines: [crate::layout::DRIVER_DISPATCH; 2] = [succeed, succeed_raised];
    for routine in routines {
        clean(move || {
            let port = device("port", routine, None);
            let null = core::ptr::null_mut();
            let buffers = Buffers { input: null, input_length: 0, output: null, output_length: 0 };
            let mut block = IO_STATUS_BLOCK { Status: 0x55, Information: 0x55 };
            let irp = build_device_control(port, 0x0022_2003, false, buffers, core::ptr::null_mut(), &raw mut block);
            irp::with(irp, |known| known.output = None);
            assert_eq!(call_driver(port, irp), status::SUCCESS);
            assert!(!irp::is_live(irp));
            assert_eq!((block.Status, block.Information), (status::SUCCESS, 7));
        });
    }
}
