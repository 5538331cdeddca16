//! What the driver keeps with each request that it is given.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use ioctl_dispatch::Request as ControlRequest;

use crate::io::own_work::OwnWork;
use crate::km::event::Event;
use crate::wdf::object::{Context, ContextType};

/// What kind of request it is. Zero bytes are a read or write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A read or write.
    Transfer,
    /// A device control for the worker.
    Control,
    /// A device control whose own thread waits for its turn.
    InCallerThread,
    /// Work of our own.
    Own,
}

/// What a thread that waits for its turn has been told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing yet.
    Nothing,
    /// Its turn has come.
    Turn,
    /// The request is cancelled and has to be completed.
    Cancelled,
    /// The request has been completed by the framework.
    Gone,
}

/// The context of each request from the I/O manager.
pub struct RequestContext {
    kind: AtomicU8,
    told: AtomicU8,
    /// For a thread that waits; made when it begins to.
    pub event: Event,
    own: AtomicPtr<OwnWork>,
    control: UnsafeCell<MaybeUninit<ControlRequest>>,
}

static TYPE: ContextType<RequestContext> = ContextType::new(c"RequestContext", &raw const TYPE);

// SAFETY: zero bytes are a read or write that has been told nothing.
unsafe impl Context for RequestContext {
    fn context_type() -> &'static ContextType<Self> {
        &TYPE
    }
}

// SAFETY: the one cell is written before the request is queued, and only read after that.
unsafe impl Sync for RequestContext {}

impl RequestContext {
    /// What kind of request it is.
    pub fn kind(&self) -> Kind {
        match self.kind.load(Ordering::Acquire) {
            1 => Kind::Control,
            2 => Kind::InCallerThread,
            3 => Kind::Own,
            _ => Kind::Transfer,
        }
    }

    /// Makes it a device control, before it is queued.
    pub fn set_control(&self, control: ControlRequest, in_caller_thread: bool) {
        // SAFETY: only the thread in whose context the request has arrived can reach it now.
        unsafe { (*self.control.get()).write(control) };
        if in_caller_thread {
            self.event.initialize_synchronization(false);
        }
        self.kind.store(if in_caller_thread { 2 } else { 1 }, Ordering::Release);
    }

    /// Makes it work of our own, before it is queued.
    pub fn set_own(&self, work: *const OwnWork) {
        self.own.store(work.cast_mut(), Ordering::Relaxed);
        self.kind.store(3, Ordering::Release);
    }

    /// The device control, if it is one.
    pub fn control(&self) -> Option<ControlRequest> {
        if !matches!(self.kind(), Kind::Control | Kind::InCallerThread) {
            return None;
        }
        // SAFETY: not written any more since the kind was set.
        let control = unsafe { &*self.control.get() };
        // SAFETY: written before the kind was set.
        Some(unsafe { control.assume_init() })
    }

    /// The work of our own, if it is such.
    pub fn own(&self) -> *const OwnWork {
        if self.kind() == Kind::Own { self.own.load(Ordering::Relaxed) } else { null_mut() }
    }

    /// Tells the thread that waits, and wakes it. What it was told first counts.
    pub fn tell(&self, what: Told) {
        let code = match what {
            Told::Nothing => 0,
            Told::Turn => 1,
            Told::Cancelled => 2,
            Told::Gone => 3,
        };
        if self.told.compare_exchange(0, code, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.event.set();
        }
    }

    /// What it was told.
    pub fn told(&self) -> Told {
        match self.told.load(Ordering::Acquire) {
            0 => Told::Nothing,
            1 => Told::Turn,
            2 => Told::Cancelled,
            _ => Told::Gone,
        }
    }
}
