//! Locks that threads wait for: mutex ownership, fast mutexes, remove locks, critical regions.

use std::cell::RefCell;
use std::collections::BTreeMap;

use nt_machine::call::Export;
use nt_machine::findings::{self, Rule};
use nt_machine::irql::{self, APC, DISPATCH, PASSIVE};
use nt_machine::threads;

use super::{objects, wait};
use crate::exports::function;
use crate::layout::{FAST_MUTEX, IO_REMOVE_LOCK, KMUTANT, PVOID};
use crate::ledger::Left;
use crate::{field, get, put, status};

thread_local! {
    /// Mutexes that threads own.
    static MUTEXES: RefCell<Vec<(*mut KMUTANT, *mut u8)>> = const { RefCell::new(Vec::new()) };
    /// Critical regions that threads are in, by thread object.
    static REGIONS: RefCell<BTreeMap<usize, u32>> = const { RefCell::new(BTreeMap::new()) };
    /// Remove locks that are held, by lock and tag.
    static REMOVE_LOCKS: RefCell<Vec<(usize, usize)>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn reset() {
    MUTEXES.replace(Vec::new());
    REGIONS.replace(BTreeMap::new());
    REMOVE_LOCKS.replace(Vec::new());
}

fn thread() -> *mut u8 {
    threads::thread_object(threads::current())
}

pub(super) fn mutex_taken(mutex: *mut KMUTANT, by: *mut u8) {
    MUTEXES.with_borrow_mut(|all| all.push((mutex, by)));
}

pub(super) fn mutex_released(mutex: *mut KMUTANT, by: *mut u8) {
    MUTEXES.with_borrow_mut(|all| {
        if let Some(at) = all.iter().rposition(|&held| held == (mutex, by)) {
            all.remove(at);
        }
    });
}

/// Memory is freed that a mutex lies in which somebody owns.
pub(super) fn check_freed(start: usize, size: usize) {
    let inside = |at: usize| (start..start + size).contains(&at);
    let owned = MUTEXES.with_borrow_mut(|all| {
        let before = all.len();
        all.retain(|(mutex, _)| !inside(*mutex as usize));
        before != all.len()
    });
    if owned {
        findings::report(Rule::Lock, "P", "memory was freed with a mutex in it that a thread owns");
    }
    REMOVE_LOCKS.with_borrow_mut(|all| all.retain(|&(lock, _)| !inside(lock)));
}

pub(super) fn left() -> Vec<Left> {
    let mutexes = MUTEXES.with_borrow(|all| {
        all.iter().map(|(mutex, _)| format!("owned mutex, {}", crate::describe(*mutex as usize))).collect::<Vec<_>>()
    });
    let locks = REMOVE_LOCKS.with_borrow(|all| {
        all.iter().map(|(lock, _)| format!("held remove lock, {}", crate::describe(*lock))).collect::<Vec<_>>()
    });
    [mutexes, locks].concat().into_iter().map(Left::of_unknown_origin).collect()
}

extern "win64" fn acquire_fast_mutex(mutex: *mut FAST_MUTEX) {
    let before = irql::current();
    if before < APC {
        irql::raise(APC);
    }
    acquire_fast_mutex_unsafe(mutex);
    put!(mutex, OldIrql, u32::from(before));
}

extern "win64" fn acquire_fast_mutex_unsafe(mutex: *mut FAST_MUTEX) {
    if get!(mutex, Owner) == thread().cast::<core::ffi::c_void>() {
        findings::fatal(Rule::Lock, "FastMutex", "the thread holds the fast mutex already");
    }
    threads::block("a fast mutex", None, &|| get!(mutex, Count) == 1);
    put!(mutex, Count, 0);
    put!(mutex, Owner, thread().cast());
}

extern "win64" fn try_acquire_fast_mutex(mutex: *mut FAST_MUTEX) -> u8 {
    if get!(mutex, Count) != 1 {
        return 0;
    }
    acquire_fast_mutex(mutex);
    1
}

extern "win64" fn release_fast_mutex(mutex: *mut FAST_MUTEX) {
    let before = get!(mutex, OldIrql);
    release_fast_mutex_unsafe(mutex);
    irql::lower(before as u8);
}

extern "win64" fn release_fast_mutex_unsafe(mutex: *mut FAST_MUTEX) {
    if get!(mutex, Owner) != thread().cast::<core::ffi::c_void>() {
        findings::report(Rule::Lock, "FastMutex", "a fast mutex was released by a thread that does not hold it");
    }
    put!(mutex, Owner, core::ptr::null_mut());
    put!(mutex, Count, 1);
}

extern "win64" fn enter_critical_region() {
    REGIONS.with_borrow_mut(|all| *all.entry(thread() as usize).or_default() += 1);
}

extern "win64" fn leave_critical_region() {
    let entered = REGIONS.with_borrow_mut(|all| {
        let depth = all.entry(thread() as usize).or_default();
        let entered = *depth != 0;
        *depth = depth.saturating_sub(1);
        entered
    });
    if !entered {
        findings::report(Rule::Lock, "", "a critical region was left that the thread is not in");
    }
}

extern "win64" fn are_apcs_disabled() -> u8 {
    let inside = REGIONS.with_borrow(|all| all.get(&(thread() as usize)).is_some_and(|&depth| depth != 0));
    u8::from(inside || irql::current() >= APC)
}

extern "win64" fn initialise_remove_lock(lock: *mut IO_REMOVE_LOCK, _tag: u32, _minutes: u32, _high: u32, _size: u32) {
    put!(lock, Removed, 0);
    put!(lock, IoCount, 1);
    super::event_init(field!(lock, RemoveEvent), true, false);
}

extern "win64" fn acquire_remove_lock(
    lock: *mut IO_REMOVE_LOCK,
    tag: PVOID,
    _file: *const u8,
    _line: u32,
    _size: u32,
) -> i32 {
    if get!(lock, Removed) != 0 {
        return status::DELETE_PENDING;
    }
    put!(lock, IoCount, get!(lock, IoCount) + 1);
    REMOVE_LOCKS.with_borrow_mut(|all| all.push((lock as usize, tag as usize)));
    status::SUCCESS
}

extern "win64" fn release_remove_lock(lock: *mut IO_REMOVE_LOCK, tag: PVOID, _size: u32) {
    let held = REMOVE_LOCKS.with_borrow_mut(|all| {
        let at = all.iter().position(|&held| held == (lock as usize, tag as usize));
        at.map(|at| all.remove(at)).is_some()
    });
    if !held {
        findings::report(Rule::Lock, "Tag", "a remove lock was released with a tag that does not hold it");
        return;
    }
    drop_count(lock);
}

fn drop_count(lock: *mut IO_REMOVE_LOCK) {
    put!(lock, IoCount, get!(lock, IoCount) - 1);
    if get!(lock, IoCount) == 0 {
        super::event_set(field!(lock, RemoveEvent));
    }
}

extern "win64" fn release_remove_lock_and_wait(lock: *mut IO_REMOVE_LOCK, tag: PVOID, size: u32) {
    put!(lock, Removed, 1);
    release_remove_lock(lock, tag, size);
    drop_count(lock);
    if get!(lock, IoCount) != 0 {
        wait(field!(lock, RemoveEvent), None);
    }
}

extern "win64" fn initialise_mutex(mutex: *mut KMUTANT, _level: u32) {
    objects::mutex_init(mutex);
}

extern "win64" fn release_mutex(mutex: *mut KMUTANT, wait: u8) -> i32 {
    if wait != 0 && irql::current() > APC {
        findings::report(Rule::Irql, "Wait", "TRUE above APC_LEVEL");
    }
    objects::mutex_release(mutex)
}

extern "win64" fn read_state_mutex(mutex: *mut KMUTANT) -> i32 {
    get!(mutex, Header.SignalState)
}

pub(super) const EXPORTS: &[Export] = &[
    function("KeInitializeMutex", irql::HIGH, initialise_mutex as *const ()),
    function("KeReleaseMutex", DISPATCH, release_mutex as *const ()),
    function("KeReadStateMutex", DISPATCH, read_state_mutex as *const ()),
    function("ExAcquireFastMutex", APC, acquire_fast_mutex as *const ()),
    function("ExAcquireFastMutexUnsafe", APC, acquire_fast_mutex_unsafe as *const ()),
    function("ExTryToAcquireFastMutex", APC, try_acquire_fast_mutex as *const ()),
    function("ExReleaseFastMutex", APC, release_fast_mutex as *const ()),
    function("ExReleaseFastMutexUnsafe", APC, release_fast_mutex_unsafe as *const ()),
    function("KeAcquireGuardedMutex", APC, acquire_fast_mutex_unsafe as *const ()),
    function("KeReleaseGuardedMutex", APC, release_fast_mutex_unsafe as *const ()),
    function("KeEnterCriticalRegion", APC, enter_critical_region as *const ()),
    function("KeLeaveCriticalRegion", DISPATCH, leave_critical_region as *const ()),
    function("KeAreApcsDisabled", DISPATCH, are_apcs_disabled as *const ()),
    function("IoInitializeRemoveLockEx", PASSIVE, initialise_remove_lock as *const ()),
    function("IoAcquireRemoveLockEx", DISPATCH, acquire_remove_lock as *const ()),
    function("IoReleaseRemoveLockEx", DISPATCH, release_remove_lock as *const ()),
    function("IoReleaseRemoveLockAndWaitEx", PASSIVE, release_remove_lock_and_wait as *const ()),
];
