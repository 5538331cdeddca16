//! Waits, timers, DPCs and locks, on structures in pool.

use std::cell::{Cell, RefCell};

use nt_machine::findings::Rule;
use nt_machine::irql::{self, APC, DISPATCH, PASSIVE};
use nt_machine::threads::{self, RunEnd};
use nt_machine::time;

use super::*;
use crate::layout::{FAST_MUTEX, IO_REMOVE_LOCK, KDPC, KEVENT, KMUTANT, KSEMAPHORE, KTIMER, PVOID};
use crate::testing::{clean, device, found, run_seeded};
use crate::{export, get, pool, put, status};

thread_local! {
    static LOG: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

const MS: i64 = 10_000;

fn log(what: &'static str) {
    LOG.with_borrow_mut(|log| log.push(what));
}

fn block<T>() -> *mut T {
    pool::allocate(false, size_of::<T>(), u32::from_le_bytes(*b"Test")).cast()
}

fn event(synchronization: bool) -> *mut KEVENT {
    let event = block();
    event_init(event, synchronization, false);
    event
}

/// Calls an export as a driver would, but without its stub.
macro_rules! call {
    ($name:literal, fn($($type:ty),*) -> $result:ty, $($argument:expr),*) => {{
        let address = export("ntoskrnl.exe", $name).expect($name).address;
        // SAFETY: the export has this type.
        let function = unsafe { core::mem::transmute::<*const (), extern "win64" fn($($type),*) -> $result>(address) };
        function($($argument),*)
    }};
}

#[test]
fn events_let_waiters_go_by_their_kind() {
    for (synchronization, expected) in [(true, 1), (false, 3)] {
        clean(move || {
            COUNT.set(0);
            let event = event(synchronization);
            for _ in 0..3 {
                threads::spawn(
                    "waiter",
                    0,
                    Box::new(move || {
                        if wait(event, Some(-50 * MS)) == status::SUCCESS {
                            COUNT.set(COUNT.get() + 1);
                        }
                    }),
                );
            }
            delay(-10 * MS);
            assert_eq!(event_set(event), 0);
            assert_eq!(event_state(event), i32::from(!synchronization));
            delay(-100 * MS);
            assert_eq!(COUNT.get(), expected);
        });
    }
}

#[test]
fn a_waiter_keeps_what_a_pulse_gave_it() {
    clean(|| {
        COUNT.set(0);
        let event = event(false);
        threads::spawn(
            "waiter",
            0,
            Box::new(move || {
                assert_eq!(wait(event, None), status::SUCCESS);
                COUNT.set(1);
            }),
        );
        delay(-10 * MS);
        event_set(event);
        assert_eq!(event_reset(event), 1);
        delay(-10 * MS);
        assert_eq!(COUNT.get(), 1);
    });
}

#[test]
fn a_time_out_takes_its_virtual_time() {
    clean(|| {
        let event = event(true);
        let before = time::now();
        assert_eq!(wait(event, Some(-600_000 * MS)), status::TIMEOUT);
        assert!(time::now() - before >= 600_000 * MS);
        assert_eq!(wait(event, Some(0)), status::TIMEOUT);
        assert_eq!(wait(event, Some(time::system_time() + 5 * MS)), status::TIMEOUT);
    });
}

#[test]
fn several_objects_are_waited_for_together() {
    clean(|| {
        let (one, two) = (event(true), event(true));
        event_set(two);
        let both = [one.cast(), two.cast()];
        assert_eq!(wait_for(&both, true, Some(-MS)), status::TIMEOUT);
        assert_eq!(event_state(two), 1);
        assert_eq!(wait_for(&both, false, None), status::WAIT_1);
        event_set(two);
        event_set(one);
        assert_eq!(wait_for(&both, true, None), status::SUCCESS);
        assert_eq!((event_state(one), event_state(two)), (0, 0));
    });
}

#[test]
fn a_mutex_belongs_to_its_thread() {
    clean(|| {
        let mutex: *mut KMUTANT = block();
        call!("KeInitializeMutex", fn(*mut KMUTANT, u32) -> (), mutex, 0);
        assert_eq!(wait(mutex, None), status::SUCCESS);
        assert_eq!(wait(mutex, None), status::SUCCESS);
        assert_eq!(get!(mutex, Header.SignalState), -1);
        threads::spawn("other", 0, Box::new(move || assert_eq!(wait(mutex, Some(-MS)), status::TIMEOUT)));
        delay(-10 * MS);
        call!("KeReleaseMutex", fn(*mut KMUTANT, u8) -> i32, mutex, 0);
        assert_eq!(call!("KeReleaseMutex", fn(*mut KMUTANT, u8) -> i32, mutex, 0), 0);
        assert_eq!(get!(mutex, Header.SignalState), 1);
    });
    found(Rule::Lock, "returns with a mutex held", || {
        let mutex: *mut KMUTANT = block();
        call!("KeInitializeMutex", fn(*mut KMUTANT, u32) -> (), mutex, 0);
        nt_machine::call::driver("a callback", || wait(mutex, None));
    });
    found(Rule::Lock, "does not own it", || {
        let mutex: *mut KMUTANT = block();
        call!("KeInitializeMutex", fn(*mut KMUTANT, u32) -> (), mutex, 0);
        call!("KeReleaseMutex", fn(*mut KMUTANT, u8) -> i32, mutex, 0);
    });
}

#[test]
fn a_semaphore_counts() {
    clean(|| {
        let semaphore: *mut KSEMAPHORE = block();
        call!("KeInitializeSemaphore", fn(*mut KSEMAPHORE, i32, i32) -> (), semaphore, 1, 2);
        assert_eq!(wait(semaphore, Some(0)), status::SUCCESS);
        assert_eq!(wait(semaphore, Some(0)), status::TIMEOUT);
        assert_eq!(call!("KeReleaseSemaphore", fn(*mut KSEMAPHORE, i32, i32, u8) -> i32, semaphore, 0, 2, 0), 0);
        assert_eq!(wait(semaphore, Some(0)), status::SUCCESS);
        assert_eq!(get!(semaphore, Header.SignalState), 1);
    });
}

#[test]
fn waits_where_none_may_be_are_found() {
    found(Rule::Wait, "a wait at IRQL 2", || {
        let event = event(true);
        let old = irql::raise(DISPATCH);
        wait(event, Some(-MS));
        irql::lower(old);
    });
    clean(|| {
        let event = event(true);
        let old = irql::raise(DISPATCH);
        assert_eq!(wait(event, Some(0)), status::TIMEOUT);
        irql::lower(old);
    });
    let (end, _) = run_seeded(0, || _ = wait(event(true), None));
    assert!(
        matches!(&end, RunEnd::Stuck(who) if who.iter().any(|who| who.contains("a synchronisation event"))),
        "{end:?}"
    );
    found(Rule::BadArgument, "was not initialised as an object to wait for", || {
        let event: *mut KEVENT = block();
        wait(event, None);
    });
}

extern "win64" fn routine(dpc: *mut KDPC, context: PVOID, first: PVOID, second: PVOID) {
    assert_eq!(irql::current(), DISPATCH);
    assert_eq!((context as usize, get!(dpc, DpcData).is_null()), (7, true));
    COUNT.set(COUNT.get() + 1 + first as u32 + second as u32);
}

fn dpc() -> *mut KDPC {
    let dpc = block();
    call!("KeInitializeDpc", fn(*mut KDPC, PVOID, usize) -> (), dpc, routine as *const () as PVOID, 7);
    dpc
}

fn insert(dpc: *mut KDPC) -> u8 {
    call!("KeInsertQueueDpc", fn(*mut KDPC, usize, usize) -> u8, dpc, 10, 100)
}

#[test]
fn a_dpc_is_queued_once() {
    clean(|| {
        COUNT.set(0);
        let dpc = dpc();
        let old = irql::raise(DISPATCH);
        assert_eq!((insert(dpc), insert(dpc)), (1, 0));
        irql::lower(old);
        flush_dpcs();
        assert_eq!(COUNT.get(), 111);
        assert_eq!(insert(dpc), 1);
        flush_dpcs();
        assert_eq!(COUNT.get(), 222);
    });
}

fn timer() -> *mut KTIMER {
    let timer = block();
    call!("KeInitializeTimer", fn(*mut KTIMER) -> (), timer);
    timer
}

#[test]
fn timers_signal_and_run_their_dpc() {
    clean(|| {
        COUNT.set(0);
        let (timer, dpc) = (timer(), dpc());
        let set = |due: i64| call!("KeSetTimer", fn(*mut KTIMER, i64, *mut KDPC) -> u8, timer, due, dpc);
        let cancel = || call!("KeCancelTimer", fn(*mut KTIMER) -> u8, timer);
        assert_eq!(set(-100 * MS), 0);
        assert_eq!(set(-5 * MS), 1);
        assert_eq!(wait(timer, None), status::SUCCESS);
        flush_dpcs();
        assert_eq!((COUNT.get(), cancel()), (1, 0));
        set(-100 * MS);
        assert_eq!(cancel(), 1);
        delay(-200 * MS);
        assert_eq!(COUNT.get(), 1);
        // Periodic: every 10 ms after the first.
        call!("KeSetTimerEx", fn(*mut KTIMER, i64, u32, *mut KDPC) -> u8, timer, -10 * MS, 10, dpc);
        delay(-55 * MS);
        assert_eq!((cancel(), COUNT.get()), (1, 6));
    });
}

#[test]
fn armed_memory_that_is_freed_is_found() {
    found(Rule::UseAfterFree, "an armed timer", || {
        let timer = timer();
        call!("KeSetTimer", fn(*mut KTIMER, i64, *mut KDPC) -> u8, timer, -MS, core::ptr::null_mut());
        pool::free(timer.cast());
    });
    found(Rule::UseAfterFree, "a queued DPC", || {
        let dpc = dpc();
        insert(dpc);
        pool::free(dpc.cast());
    });
    found(Rule::Leak, "is left", || {
        let timer = timer();
        call!("KeSetTimer", fn(*mut KTIMER, i64, *mut KDPC) -> u8, timer, -MS, core::ptr::null_mut());
        crate::check_at_unload();
    });
}

fn spin_lock() -> *mut usize {
    let lock = block();
    crate::raw::write(lock, 0);
    lock
}

#[test]
fn spin_locks_exclude_and_raise() {
    clean(|| {
        COUNT.set(0);
        let lock = spin_lock();
        for _ in 0..3 {
            threads::spawn(
                "worker",
                0,
                Box::new(move || {
                    for _ in 0..10 {
                        let old = acquire_spin_lock(lock);
                        assert_eq!((old, irql::current()), (PASSIVE, DISPATCH));
                        let before = COUNT.get();
                        threads::point();
                        COUNT.set(before + 1);
                        release_spin_lock(lock, old);
                    }
                }),
            );
        }
        threads::block("the workers", None, &|| COUNT.get() == 30);
    });
}

#[test]
fn wrong_use_of_spin_locks_is_found() {
    found(Rule::Lock, "SPIN_LOCK_ALREADY_OWNED", || {
        let lock = spin_lock();
        _ = acquire_spin_lock(lock);
        _ = acquire_spin_lock(lock);
    });
    found(Rule::Lock, "SPIN_LOCK_NOT_OWNED", || release_spin_lock(spin_lock(), PASSIVE));
    found(Rule::Lock, "by a thread that does not hold it", || {
        let lock = spin_lock();
        _ = acquire_spin_lock(lock);
        let done = std::rc::Rc::new(Cell::new(false));
        let flag = done.clone();
        threads::spawn(
            "other",
            DISPATCH,
            Box::new(move || {
                release_spin_lock(lock, DISPATCH);
                flag.set(true);
            }),
        );
        threads::spin("the other", &|| done.get());
    });
    found(Rule::Irql, "used below DISPATCH_LEVEL", || {
        call!("KeAcquireSpinLockAtDpcLevel", fn(*mut usize) -> (), spin_lock());
    });
}

#[test]
fn a_fast_mutex_raises_to_apc_level() {
    clean(|| {
        let mutex: *mut FAST_MUTEX = block();
        put!(mutex, Count, 1);
        put!(mutex, Owner, core::ptr::null_mut());
        call!("ExAcquireFastMutex", fn(*mut FAST_MUTEX) -> (), mutex);
        assert_eq!(irql::current(), APC);
        call!("ExReleaseFastMutex", fn(*mut FAST_MUTEX) -> (), mutex);
        assert_eq!(irql::current(), PASSIVE);
    });
}

#[test]
fn a_remove_lock_waits_for_its_holders() {
    clean(|| {
        LOG.take();
        let lock: *mut IO_REMOVE_LOCK = block();
        call!("IoInitializeRemoveLockEx", fn(*mut IO_REMOVE_LOCK, u32, u32, u32, u32) -> (), lock, 0, 0, 0, 0x20);
        let acquire = move |tag: usize| {
            call!(
                "IoAcquireRemoveLockEx",
                fn(*mut IO_REMOVE_LOCK, usize, usize, u32, u32) -> i32,
                lock,
                tag,
                0,
                0,
                0x20
            )
        };
        assert_eq!((acquire(1), acquire(2)), (status::SUCCESS, status::SUCCESS));
        queue_work(
            "holder",
            Box::new(move || {
                delay(-5 * MS);
                log("released");
                call!("IoReleaseRemoveLockEx", fn(*mut IO_REMOVE_LOCK, usize, u32) -> (), lock, 1, 0x20);
            }),
        );
        call!("IoReleaseRemoveLockAndWaitEx", fn(*mut IO_REMOVE_LOCK, usize, u32) -> (), lock, 2, 0x20);
        log("waited");
        assert_eq!(LOG.take(), ["released", "waited"]);
        assert_eq!(acquire(3), status::DELETE_PENDING);
    });
}

extern "win64" fn work(device: *mut crate::layout::DEVICE_OBJECT, context: PVOID) {
    assert_eq!(irql::current(), PASSIVE);
    assert!(crate::io::is_device(device));
    COUNT.set(context as u32);
}

extern "win64" fn nothing(_device: *mut crate::layout::DEVICE_OBJECT, _irp: *mut crate::layout::IRP) -> i32 {
    status::SUCCESS
}

#[test]
fn work_items_run_at_passive_level() {
    clean(|| {
        COUNT.set(0);
        let device = device("worker", nothing, None);
        let item = call!("IoAllocateWorkItem", fn(*mut crate::layout::DEVICE_OBJECT) -> PVOID, device);
        let old = irql::raise(DISPATCH);
        let queue = export("ntoskrnl.exe", "IoQueueWorkItem").unwrap().address;
        // SAFETY: the export has this type.
        let queue = unsafe { core::mem::transmute::<*const (), extern "win64" fn(PVOID, PVOID, u32, usize)>(queue) };
        queue(item, work as *const () as PVOID, 1, 42);
        irql::lower(old);
        threads::block("the work", None, &|| COUNT.get() == 42);
        call!("IoFreeWorkItem", fn(PVOID) -> (), item);
    });
    found(Rule::Leak, "is left", || {
        let device = device("worker", nothing, None);
        call!("IoAllocateWorkItem", fn(*mut crate::layout::DEVICE_OBJECT) -> PVOID, device);
        crate::check_at_unload();
    });
}

#[test]
fn a_resource_is_shared_or_owned() {
    clean(|| {
        let resource: *mut u8 = pool::allocate(false, 0x68, 1);
        call!("ExInitializeResourceLite", fn(*mut u8) -> i32, resource);
        let exclusive = move |wait| call!("ExAcquireResourceExclusiveLite", fn(*mut u8, u8) -> u8, resource, wait);
        let shared = move |wait| call!("ExAcquireResourceSharedLite", fn(*mut u8, u8) -> u8, resource, wait);
        let release = move || call!("ExReleaseResourceLite", fn(*mut u8) -> (), resource);
        assert_eq!((exclusive(1), exclusive(1), shared(1)), (1, 1, 1));
        COUNT.set(0);
        threads::spawn(
            "other",
            0,
            Box::new(move || {
                assert_eq!(shared(0), 0);
                assert_eq!(shared(1), 1);
                COUNT.set(1);
                release();
            }),
        );
        delay(-MS);
        assert_eq!(COUNT.get(), 0);
        (0..3).for_each(|_| release());
        delay(-MS);
        assert_eq!(COUNT.get(), 1);
        call!("ExDeleteResourceLite", fn(*mut u8) -> i32, resource);
        pool::free(resource);
    });
    found(Rule::Lock, "does not hold it", || {
        let resource: *mut u8 = pool::allocate(false, 0x68, 1);
        call!("ExInitializeResourceLite", fn(*mut u8) -> i32, resource);
        call!("ExReleaseResourceLite", fn(*mut u8) -> (), resource);
    });
    found(Rule::UseAfterFree, "that was not deleted", || {
        let resource: *mut u8 = pool::allocate(false, 0x68, 1);
        call!("ExInitializeResourceLite", fn(*mut u8) -> i32, resource);
        pool::free(resource);
    });
}

#[test]
fn run_down_waits_for_users() {
    clean(|| {
        COUNT.set(0);
        let word = spin_lock();
        let acquire = move || call!("ExAcquireRundownProtection", fn(*mut usize) -> u8, word);
        assert_eq!(acquire(), 1);
        queue_work(
            "user",
            Box::new(move || {
                delay(-MS);
                COUNT.set(1);
                call!("ExReleaseRundownProtection", fn(*mut usize) -> (), word);
            }),
        );
        call!("ExWaitForRundownProtectionRelease", fn(*mut usize) -> (), word);
        assert_eq!((COUNT.get(), acquire()), (1, 0));
    });
}
