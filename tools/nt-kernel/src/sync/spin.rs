//! Spin locks: a word in the driver's memory that holds the owner's thread.

use nt_machine::findings::{self, Rule};
use nt_machine::irql::{self, DISPATCH};
use nt_machine::{call, threads};

use crate::layout::{KLOCK_QUEUE_HANDLE, KSPIN_LOCK_QUEUE};
use crate::{put, raw};

fn owner() -> usize {
    threads::thread_object(threads::current()) as usize | 1
}

/// Takes a spin lock at the IRQL there is.
pub(super) fn acquire(lock: *mut usize) {
    let own = owner();
    if raw::read(lock) == own {
        findings::fatal(Rule::Lock, "SpinLock", "the thread holds the spin lock already (SPIN_LOCK_ALREADY_OWNED)");
    }
    threads::spin("a spin lock", &|| raw::read(lock) == 0);
    raw::write(lock, own);
    call::hold(lock as usize, "spin lock");
}

pub(super) fn release(lock: *mut usize) {
    if raw::read(lock) == 0 {
        findings::report(Rule::Lock, "SpinLock", "a spin lock was released that nobody holds (SPIN_LOCK_NOT_OWNED)");
        return;
    }
    if !call::release(lock as usize) {
        findings::report(Rule::Lock, "SpinLock", "a spin lock was released by a thread that does not hold it");
    }
    raw::write(lock, 0);
}

/// Memory is freed in which the running thread holds a spin lock.
pub(super) fn check_freed(start: usize, size: usize) {
    for (lock, what) in call::held() {
        // Of mutexes the ledger of their owners tells.
        if what != super::MUTEX && (start..start + size).contains(&lock) {
            findings::report(
                Rule::Lock,
                "P",
                format_args!("memory was freed with a {what} in it that the thread holds"),
            );
            call::release(lock);
        }
    }
}

/// `KeAcquireSpinLockRaiseToDpc`: gives the IRQL there was.
#[must_use]
pub fn acquire_spin_lock(lock: *mut usize) -> u8 {
    let before = irql::current();
    if before < DISPATCH {
        irql::raise(DISPATCH);
    }
    acquire(lock);
    before
}

/// `KeReleaseSpinLock`.
pub fn release_spin_lock(lock: *mut usize, to: u8) {
    release(lock);
    if irql::current() != to {
        irql::lower(to);
    }
}

pub(super) extern "win64" fn initialise(lock: *mut usize) {
    raw::write(lock, 0);
}

pub(super) extern "win64" fn acquire_raise(lock: *mut usize) -> u8 {
    acquire_spin_lock(lock)
}

pub(super) extern "win64" fn release_lower(lock: *mut usize, to: u8) {
    release_spin_lock(lock, to);
}

fn judge_level() {
    if irql::current() < DISPATCH {
        findings::report(Rule::Irql, "SpinLock", "used below DISPATCH_LEVEL");
    }
}

pub(super) extern "win64" fn acquire_at_dpc_level(lock: *mut usize) {
    judge_level();
    acquire(lock);
}

pub(super) extern "win64" fn release_from_dpc_level(lock: *mut usize) {
    judge_level();
    release(lock);
}

pub(super) extern "win64" fn try_acquire_at_dpc_level(lock: *mut usize) -> u8 {
    judge_level();
    if raw::read(lock) != 0 {
        return 0;
    }
    acquire(lock);
    1
}

pub(super) extern "win64" fn test(lock: *mut usize) -> u8 {
    u8::from(raw::read(lock) == 0)
}

pub(super) extern "win64" fn acquire_queued(lock: *mut usize, handle: *mut KLOCK_QUEUE_HANDLE) {
    let before = acquire_spin_lock(lock);
    put!(handle, LockQueue, KSPIN_LOCK_QUEUE { Next: core::ptr::null_mut(), Lock: lock });
    put!(handle, OldIrql, before);
}

pub(super) extern "win64" fn release_queued(handle: *mut KLOCK_QUEUE_HANDLE) {
    release_spin_lock(crate::get!(handle, LockQueue.Lock), crate::get!(handle, OldIrql));
}

pub(super) extern "win64" fn acquire_queued_at_dpc_level(lock: *mut usize, handle: *mut KLOCK_QUEUE_HANDLE) {
    judge_level();
    acquire_queued(lock, handle);
}

pub(super) extern "win64" fn release_queued_from_dpc_level(handle: *mut KLOCK_QUEUE_HANDLE) {
    judge_level();
    release(crate::get!(handle, LockQueue.Lock));
}
