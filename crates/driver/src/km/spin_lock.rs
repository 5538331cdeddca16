//! A value behind a spin lock.

use core::cell::UnsafeCell;

use wdk_sys::KSPIN_LOCK;
use wdk_sys::ntddk::{KeAcquireSpinLockRaiseToDpc, KeReleaseSpinLock};

/// A value that one processor at a time may touch, at DISPATCH_LEVEL. All bytes zero is a free lock.
pub struct SpinLock<T> {
    lock: UnsafeCell<KSPIN_LOCK>,
    value: UnsafeCell<T>,
}

// SAFETY: the lock lets one holder at a time reach the value.
unsafe impl<T: Send> Sync for SpinLock<T> {}

impl<T> SpinLock<T> {
    /// Lends the value to `use_it`, which runs at DISPATCH_LEVEL: it must be short, and touch no paged memory and not
    /// this lock. Callable at IRQL <= DISPATCH_LEVEL.
    // Never inlined: its caller may be pageable, what runs under the lock may not.
    #[inline(never)]
    pub fn with<R>(&self, use_it: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: the lock is initialised (0 is free) and stays where it is while anybody can reach it.
        let old = unsafe { KeAcquireSpinLockRaiseToDpc(self.lock.get()) };
        // SAFETY: the lock is held, so this is the only reference.
        let value = unsafe { &mut *self.value.get() };
        let result = use_it(value);
        // SAFETY: this thread acquired it just above and raised from `old`.
        unsafe { KeReleaseSpinLock(self.lock.get(), old) };
        result
    }
}
