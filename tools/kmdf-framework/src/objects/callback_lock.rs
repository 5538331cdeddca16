//! Callback locks: what a synchronisation scope of a device or a queue serialises its callbacks with.

use std::cell::Cell;
use std::rc::Rc;

use nt_kernel::sync::WAIT_LOCK;
use nt_machine::threads::{self, ThreadId};
use nt_machine::{call, irql};

use super::{Handle, Object, any, find};
use crate::fail::{Violation, violation};

const DISPATCH_LEVEL: u8 = 2;

/// A lock taken around callbacks: a mutex at PASSIVE_LEVEL, a spin lock otherwise.
pub struct CallbackLock {
    passive: bool,
    owner: Cell<Option<ThreadId>>,
    old_irql: Cell<u8>,
}

impl CallbackLock {
    /// A free lock.
    #[must_use]
    pub fn new(passive: bool) -> Rc<CallbackLock> {
        Rc::new(CallbackLock { passive, owner: Cell::new(None), old_irql: Cell::new(0) })
    }

    /// True for a mutex, which is taken at PASSIVE_LEVEL only.
    #[must_use]
    pub fn is_passive(&self) -> bool {
        self.passive
    }

    /// True if the current thread holds it.
    #[must_use]
    pub fn held(&self) -> bool {
        self.owner.get() == Some(threads::current())
    }

    /// Takes it; twice by one thread is bug check 0x10D/2.
    pub fn acquire(&self) {
        if self.held() {
            violation(Violation::RecursiveLock, "Object", "this thread holds the callback lock already");
        }
        if self.passive {
            threads::block("callback lock", None, &|| self.owner.get().is_none());
        } else {
            let old = irql::raise(DISPATCH_LEVEL.max(irql::current()));
            threads::spin("callback lock", &|| self.owner.get().is_none());
            self.old_irql.set(old);
        }
        self.owner.set(Some(threads::current()));
    }

    /// Lets it go; by another thread than the owner it is bug check 0x10D/0xB.
    pub fn release(&self) {
        if !self.held() {
            violation(Violation::InvalidLockOperation, "Object", "this thread does not hold the callback lock");
        }
        self.owner.set(None);
        if !self.passive {
            irql::lower(self.old_irql.get());
        }
    }
}

/// The callback lock of an object: its own, or of the nearest parent that has one.
#[must_use]
pub fn lock_of(handle: Handle) -> Option<Rc<CallbackLock>> {
    let mut at = handle;
    while let Some(object) = find(at) {
        if let Some(lock) = object.lock.borrow().as_ref() {
            return Some(Rc::clone(lock));
        }
        at = object.parent();
    }
    None
}

/// Runs `work` with the lock held, if there is one.
pub fn run_locked<R>(lock: Option<&Rc<CallbackLock>>, work: impl FnOnce() -> R) -> R {
    let Some(lock) = lock else { return work() };
    lock.acquire();
    let result = work();
    lock.release();
    result
}

fn own_lock(handle: Handle) -> Rc<CallbackLock> {
    let object: Rc<Object> = any(handle, "Object");
    lock_of(handle).unwrap_or_else(|| {
        violation(
            Violation::InvalidLockOperation,
            "Object",
            format_args!("{} {handle} has no callback lock", object.kind.name()),
        )
    })
}

/// `WdfObjectAcquireLock`.
pub(super) fn acquire_by_driver(handle: Handle) {
    let lock = own_lock(handle);
    lock.acquire();
    // Requests may be completed with a mutex held, not with a spin lock.
    let kind = if lock.is_passive() { WAIT_LOCK } else { "callback lock" };
    call::hold(Rc::as_ptr(&lock) as usize, kind);
}

/// `WdfObjectReleaseLock`.
pub(super) fn release_by_driver(handle: Handle) {
    let lock = own_lock(handle);
    call::release(Rc::as_ptr(&lock) as usize);
    lock.release();
}
