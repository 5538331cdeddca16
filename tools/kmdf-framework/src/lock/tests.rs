//! Locks between simulated threads.

use nt_machine::findings::Rule;
use nt_machine::time::{self, SECOND};
use nt_machine::{irql, threads};

use crate::objects::Handle;
use crate::status;
use crate::structs::WDF_OBJECT_ATTRIBUTES;
use crate::testing::*;

const NO_ATTRIBUTES: *const WDF_OBJECT_ATTRIBUTES = std::ptr::null();

fn wait_lock() -> Handle {
    driver();
    let mut lock = Handle::NULL;
    let status: i32 = wdf!(WdfWaitLockCreate, NO_ATTRIBUTES, &raw mut lock);
    assert_eq!(status, status::SUCCESS);
    lock
}

fn spin_lock() -> Handle {
    driver();
    let mut lock = Handle::NULL;
    let status: i32 = wdf!(WdfSpinLockCreate, NO_ATTRIBUTES, &raw mut lock);
    assert_eq!(status, status::SUCCESS);
    lock
}

fn acquire(lock: Handle, timeout: Option<i64>) -> i32 {
    let pointer = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    wdf!(WdfWaitLockAcquire, lock, pointer)
}

fn release(lock: Handle) {
    wdf!(WdfWaitLockRelease, lock)
}

#[test]
fn a_wait_lock_excludes_and_times_out() {
    assert_clean(&world(|| {
        let lock = wait_lock();
        assert_eq!(acquire(lock, None), status::SUCCESS);
        let other = move || {
            assert_eq!(acquire(lock, Some(0)), status::TIMEOUT);
            let begin = time::now();
            assert_eq!(acquire(lock, Some(-SECOND)), status::TIMEOUT);
            assert_eq!(time::now() - begin, SECOND);
            assert_eq!(acquire(lock, None), status::SUCCESS);
            log("other");
            release(lock);
        };
        threads::spawn("other", irql::PASSIVE, Box::new(other));
        threads::block("the test", Some(time::now() + 3 * SECOND), &|| false);
        log("first");
        release(lock);
        assert_eq!(acquire(lock, Some(-SECOND)), status::SUCCESS);
        release(lock);
        settle();
        assert_eq!(taken(), ["first", "other"]);
    }));
}

#[test]
fn a_spin_lock_raises_and_restores_the_irql() {
    assert_clean(&world(|| {
        let lock = spin_lock();
        let () = wdf!(WdfSpinLockAcquire, lock);
        assert_eq!(irql::current(), irql::DISPATCH);
        let () = wdf!(WdfSpinLockRelease, lock);
        assert_eq!(irql::current(), irql::PASSIVE);
    }));
}

#[test]
fn recursion_and_foreign_release_end_the_run() {
    let recursion = fatal(|| {
        let lock = spin_lock();
        let () = wdf!(WdfSpinLockAcquire, lock);
        let () = wdf!(WdfSpinLockAcquire, lock);
    });
    assert_eq!(recursion.rule, Rule::Lock);
    let foreign = fatal(|| {
        let lock = wait_lock();
        assert_eq!(acquire(lock, None), status::SUCCESS);
        threads::spawn("other", irql::PASSIVE, Box::new(move || release(lock)));
        settle();
    });
    assert_eq!(foreign.rule, Rule::BugCheck);
}

#[test]
fn waiting_at_dispatch_level_is_a_finding() {
    let findings = world(|| {
        let lock = wait_lock();
        let old = irql::raise(irql::DISPATCH);
        assert_eq!(acquire(lock, Some(0)), status::SUCCESS);
        release(lock);
        assert_eq!(acquire(lock, None), status::SUCCESS);
        release(lock);
        irql::lower(old);
    });
    assert!(rules(&findings).contains(&Rule::Irql), "{findings:#?}");
}

/// Lets everything run that can.
fn settle() {
    threads::block("the others", Some(time::now() + 1), &|| false);
}

unsafe extern "win64" fn keeps_the_lock(_: Handle) {
    assert_eq!(acquire(HELD.get(), None), status::SUCCESS);
}

thread_local! { static HELD: std::cell::Cell<Handle> = const { std::cell::Cell::new(Handle::NULL) }; }

#[test]
fn a_wait_lock_held_across_a_return_is_a_finding() {
    let findings = world(|| {
        let device = device_with(|_| {}, |_| {});
        let mut lock = Handle::NULL;
        let status: i32 = wdf!(WdfWaitLockCreate, NO_ATTRIBUTES, &raw mut lock);
        assert_eq!(status, status::SUCCESS);
        HELD.set(lock);
        let attributes = WDF_OBJECT_ATTRIBUTES { ParentObject: device, ..attributes() };
        let config = crate::structs::WDF_WORKITEM_CONFIG {
            Size: size_of::<crate::structs::WDF_WORKITEM_CONFIG>() as u32,
            EvtWorkItemFunc: Some(keeps_the_lock),
            AutomaticSerialization: 0,
        };
        let mut item = Handle::NULL;
        let status: i32 = wdf!(WdfWorkItemCreate, &raw const config, &raw const attributes, &raw mut item);
        assert_eq!(status, status::SUCCESS);
        let () = wdf!(WdfWorkItemEnqueue, item);
        let () = wdf!(WdfWorkItemFlush, item);
    });
    assert_eq!(rules(&findings), [Rule::Lock]);
}
