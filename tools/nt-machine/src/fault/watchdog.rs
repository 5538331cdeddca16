//! Notices a driver that loops without ever calling the kernel.
//!
//! A timer of the operating-system thread's processor time ticks now and then. When several ticks find the same number
//! of kernel calls and the driver's own code running, nothing will ever come: the run is ended. Nothing else depends on
//! this clock.

use std::cell::Cell;

use super::emulate::What;
use super::registers::Registers;
use crate::{image, threads};

pub(super) const SIGNAL: libc::c_int = libc::SIGVTALRM;

/// Seconds of processor time between two ticks.
const TICK: u32 = 1;

/// Ticks without a kernel call after which the run is ended.
const PATIENCE: u32 = if cfg!(test) { 1 } else { 5 };

thread_local! {
    static TIMER: Cell<Option<libc::timer_t>> = const { Cell::new(None) };
    /// The number of points at the last tick, and for how many ticks it has been that.
    static SEEN: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
}

/// Starts the timer of this thread.
pub(super) fn set_up() {
    // SAFETY: an event of zeros is valid; its fields are set below.
    let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
    event.sigev_notify = libc::SIGEV_THREAD_ID;
    event.sigev_signo = SIGNAL;
    // SAFETY: gettid has no preconditions.
    event.sigev_notify_thread_id = unsafe { libc::gettid() };
    let mut timer: libc::timer_t = std::ptr::null_mut();
    // SAFETY: both structures are valid; the signal has a handler.
    let made = unsafe { libc::timer_create(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut event, &raw mut timer) };
    assert_eq!(made, 0, "timer_create: {}", std::io::Error::last_os_error());
    let tick = libc::timespec { tv_sec: i64::from(TICK), tv_nsec: 0 };
    let times = libc::itimerspec { it_interval: tick, it_value: tick };
    // SAFETY: the timer was just made, the times are valid.
    let set = unsafe { libc::timer_settime(timer, 0, &raw const times, std::ptr::null_mut()) };
    assert_eq!(set, 0, "timer_settime: {}", std::io::Error::last_os_error());
    TIMER.set(Some(timer));
    SEEN.set((0, 0));
}

/// Ends the timer.
pub(super) fn tear_down() {
    if let Some(timer) = TIMER.take() {
        // SAFETY: the timer was made by `set_up` and is deleted once.
        unsafe { libc::timer_delete(timer) };
    }
}

/// What a tick finds.
pub(super) fn judge(registers: &Registers<'_>) -> Option<What> {
    let points = threads::points();
    let (seen, ticks) = SEEN.get();
    let ticks = if seen == points { ticks + 1 } else { 0 };
    SEEN.set((points, ticks));
    let hangs = ticks >= PATIENCE && threads::in_thread() && image::contains(registers.instruction_pointer());
    hangs.then_some(What::Hang(ticks * TICK))
}
