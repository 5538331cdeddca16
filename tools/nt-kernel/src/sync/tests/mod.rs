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

mod deferred;
mod events;
mod locks;
