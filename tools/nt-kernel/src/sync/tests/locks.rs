//! Locks of all kinds.

use super::*;

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
    found(Rule::Lock, "with a spin lock in it", || {
        let lock = spin_lock();
        _ = acquire_spin_lock(lock);
        pool::free(lock.cast());
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
