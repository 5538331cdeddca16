//! The virtual clock and the machine's timers. Times are in units of 100 ns.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::threads;

/// Units in one second.
pub const SECOND: i64 = 10_000_000;

/// How long the machine has been up when a run begins.
const BOOT_TO_RUN: i64 = 60 * SECOND;

/// The system time at boot: 1 January 2024, 00:00, in units since 1601.
const SYSTEM_TIME_AT_BOOT: i64 = 133_485_408_000_000_000;

/// A timer that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerId(u64);

struct Timer {
    irql: u8,
    what: &'static str,
    action: Box<dyn FnOnce()>,
}

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(BOOT_TO_RUN) };
    static NEXT_ID: Cell<u64> = const { Cell::new(1) };
    static TIMERS: RefCell<BTreeMap<(i64, u64), Timer>> = const { RefCell::new(BTreeMap::new()) };
}

/// Time since boot.
pub fn now() -> i64 {
    NOW.get()
}

/// The system time: a fixed epoch plus the time since boot.
pub fn system_time() -> i64 {
    SYSTEM_TIME_AT_BOOT + now()
}

/// Lets time pass for a thread that stalls its processor, and then others go on.
pub fn stall(duration: i64) {
    NOW.set(now() + duration.max(0));
    threads::give_way();
}

/// Runs `action` on a fresh simulated thread at `irql` once the clock has reached `due`.
pub fn timer_set(due: i64, irql: u8, what: &'static str, action: Box<dyn FnOnce()>) -> TimerId {
    let id = NEXT_ID.get();
    NEXT_ID.set(id + 1);
    TIMERS.with_borrow_mut(|timers| timers.insert((due, id), Timer { irql, what, action }));
    TimerId(id)
}

/// Takes a timer back. True: it was pending, and its action will not run.
pub fn timer_cancel(id: TimerId) -> bool {
    // The action is dropped outside the borrow: what it captured may own timers.
    let timer = TIMERS.with_borrow_mut(|timers| {
        let key = timers.keys().find(|key| key.1 == id.0).copied();
        key.and_then(|key| timers.remove(&key))
    });
    timer.is_some()
}

/// When the next timer is due.
pub(crate) fn next_due() -> Option<i64> {
    TIMERS.with_borrow(|timers| timers.keys().next().map(|key| key.0))
}

/// Starts a thread for every timer that is due.
pub(crate) fn fire_due() {
    while let Some(timer) = TIMERS.with_borrow_mut(|timers| {
        let entry = timers.first_entry().filter(|entry| entry.key().0 <= now());
        entry.map(|entry| entry.remove())
    }) {
        threads::spawn(timer.what, timer.irql, timer.action);
    }
}

/// Moves the clock forward; it never goes back.
pub(crate) fn advance_to(time: i64) {
    NOW.set(now().max(time));
}

/// Back to the beginning of a run, without timers.
pub(crate) fn clear() {
    drop(TIMERS.take());
    NOW.set(BOOT_TO_RUN);
    NEXT_ID.set(1);
}
