//! Events and waiting.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::null_mut;

use ioctl_dispatch::time::Ticks;
use wdk_sys::ntddk::{KeClearEvent, KeInitializeEvent, KeSetEvent, KeWaitForSingleObject};
use wdk_sys::{_EVENT_TYPE, _KWAIT_REASON, KEVENT, LARGE_INTEGER, STATUS_ALERTED, STATUS_TIMEOUT, STATUS_USER_APC};

use crate::km::KERNEL_MODE;

/// Why a wait ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// The event was signalled.
    Signalled,
    /// The time was over.
    TimeOut,
    /// The thread was alerted, or has a user APC to run: a program may be ending.
    Alerted,
}

/// A kernel event in memory that does not move: [`Self::initialize`] before anything else.
#[repr(transparent)]
pub struct Event(UnsafeCell<KEVENT>);

// SAFETY: the kernel's functions on events may be called from anywhere at any time.
unsafe impl Sync for Event {}
// SAFETY: an event belongs to no thread.
unsafe impl Send for Event {}

impl Event {
    /// Makes it an event that wakes all who wait and stays signalled until it is cleared.
    pub fn initialize_notification(&self, signalled: bool) {
        // SAFETY: the memory is this event's own, resident, and nobody waits on it yet.
        unsafe { KeInitializeEvent(self.0.get(), _EVENT_TYPE::NotificationEvent, u8::from(signalled)) };
    }

    /// Makes it an event that wakes one who waits and is cleared by that.
    pub fn initialize_synchronization(&self, signalled: bool) {
        // SAFETY: as above.
        unsafe { KeInitializeEvent(self.0.get(), _EVENT_TYPE::SynchronizationEvent, u8::from(signalled)) };
    }

    /// Signals it. IRQL <= DISPATCH_LEVEL.
    pub fn set(&self) {
        // SAFETY: initialised by its owner; Wait is FALSE, so this returns at the caller's level.
        unsafe { KeSetEvent(self.0.get(), 0, 0) };
    }

    /// Takes the signal back. IRQL <= DISPATCH_LEVEL.
    pub fn clear(&self) {
        // SAFETY: initialised by its owner.
        unsafe { KeClearEvent(self.0.get()) };
    }

    /// Waits until it is signalled. IRQL <= APC_LEVEL.
    pub fn wait(&self) {
        self.wait_for(false, null_mut());
    }

    /// Waits until it is signalled, `time` is over, whichever comes first. IRQL <= APC_LEVEL.
    pub fn wait_at_most(&self, time: Ticks) -> Woken {
        let relative = i64::try_from(time.0).unwrap_or(i64::MAX).wrapping_neg();
        let mut timeout = LARGE_INTEGER { QuadPart: relative };
        self.wait_for(false, &raw mut timeout)
    }

    /// Waits until it is signalled or the thread is alerted. IRQL <= APC_LEVEL.
    pub fn wait_alertable(&self) -> Woken {
        self.wait_for(true, null_mut())
    }

    fn wait_for(&self, alertable: bool, timeout: *mut LARGE_INTEGER) -> Woken {
        // SAFETY: an initialised event; the wait is in kernel mode, so that nothing on this stack is paged out.
        let status = unsafe {
            KeWaitForSingleObject(
                self.0.get().cast(),
                _KWAIT_REASON::Executive,
                KERNEL_MODE,
                u8::from(alertable),
                timeout,
            )
        };
        match status {
            STATUS_TIMEOUT => Woken::TimeOut,
            STATUS_ALERTED | STATUS_USER_APC => Woken::Alerted,
            _ => Woken::Signalled,
        }
    }
}

/// A value that one thread at a time may use, for as long as it likes, at PASSIVE_LEVEL or APC_LEVEL.
pub struct Gate<T> {
    free: Event,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the event lets one thread at a time through to the value.
unsafe impl<T: Send> Sync for Gate<T> {}

impl<T> Gate<T> {
    /// Puts `value` in and opens it for the first time.
    ///
    /// # Safety
    /// Called once, before anything else.
    pub unsafe fn initialize(&self, value: T) {
        // SAFETY: nobody else can reach the value yet.
        unsafe { (*self.value.get()).write(value) };
        self.free.initialize_synchronization(true);
    }

    /// Waits for the value and lends it to `use_it`.
    pub fn with<R>(&self, use_it: impl FnOnce(&mut T) -> R) -> R {
        self.free.wait();
        // SAFETY: the event was taken, so this is the only reference until it is set again.
        let value = unsafe { &mut *self.value.get() };
        // SAFETY: an event that could be taken was initialised after the value.
        let result = use_it(unsafe { value.assume_init_mut() });
        self.free.set();
        result
    }
}
