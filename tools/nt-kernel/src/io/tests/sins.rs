//! What must be found.

use super::*;

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

#[test]
fn irps_moved_out_of_their_locations_are_found() {
    extern "win64" fn skip_twice(device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        skip(irp);
        skip(irp);
        call_driver(lower(device), irp)
    }
    found(Rule::BadArgument, "moved up beyond its last", || {
        let port = device("port", succeed, None);
        let class = device("class", skip_twice, Some(port));
        let irp = own_irp(class);
        put!(irp, StackCount, 2);
        call_driver(class, irp);
    });
    found(Rule::BadArgument, "moved down beyond its first", || {
        let irp = allocate_irp(1);
        set_next_location(irp);
        set_next_location(irp);
        complete(irp, 0);
    });
    found(Rule::BadArgument, "an IRP with 127 stack locations", || _ = allocate_irp(127));
    found(Rule::BadArgument, "0 stack locations", || _ = allocate_irp(0));
}
