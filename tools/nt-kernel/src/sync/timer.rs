//! Timers in drivers' memory.

use std::cell::RefCell;

use nt_machine::findings::{self, Rule};
use nt_machine::irql::DISPATCH;
use nt_machine::memory;
use nt_machine::time::{self, TimerId};

use super::{dpc, objects, wait};
use crate::layout::{KDPC, KTIMER, object_type};
use crate::ledger::{Ledger, Left};
use crate::{get, put};

/// The bit of the header that tells whether the timer is armed.
const INSERTED: u8 = 0x40;
const UNITS_PER_MS: i64 = 10_000;

thread_local! {
    static ARMED: RefCell<Ledger<TimerId>> = const { RefCell::new(Ledger::new()) };
}

pub(super) fn reset() {
    ARMED.replace(Ledger::new());
}

pub(super) extern "win64" fn initialise(timer: *mut KTIMER) {
    initialise_ex(timer, 0);
}

pub(super) extern "win64" fn initialise_ex(timer: *mut KTIMER, kind: u32) {
    if ARMED.with_borrow(|all| all.contains(timer as usize)) {
        findings::report(Rule::BadArgument, "Timer", "a timer was initialised while it is armed");
        disarm(timer);
    }
    crate::raw::fill(timer.cast(), 0, size_of::<KTIMER>());
    let kind = if kind == 0 { object_type::NOTIFICATION_TIMER } else { object_type::SYNCHRONIZATION_TIMER };
    objects::init(timer.cast(), kind, size_of::<KTIMER>(), 0);
}

fn is_timer(timer: *mut KTIMER) -> bool {
    matches!(get!(timer, Header.Type), object_type::NOTIFICATION_TIMER | object_type::SYNCHRONIZATION_TIMER)
}

/// Arms a timer; true when it was armed before.
fn set(timer: *mut KTIMER, due: i64, period: u32, dpc: *mut KDPC) -> bool {
    if !is_timer(timer) {
        let text = format!("{} was not initialised as a timer", crate::describe(timer as usize));
        findings::fatal(Rule::BadArgument, "Timer", text);
    }
    let was = disarm(timer);
    put!(timer, Header.SignalState, 0);
    put!(timer, Period, period);
    put!(timer, Dpc, dpc);
    let due = wait::deadline(Some(due)).unwrap_or_else(time::now);
    arm(timer, due);
    was
}

fn arm(timer: *mut KTIMER, due: i64) {
    put!(timer, DueTime, due.cast_unsigned());
    put!(timer, Header.TimerMiscFlags, INSERTED);
    let id = time::timer_set(due, DISPATCH, "timer", Box::new(move || expire(timer)));
    ARMED.with_borrow_mut(|all| all.insert(timer as usize, id));
}

fn expire(timer: *mut KTIMER) {
    if ARMED.with_borrow_mut(|all| all.remove(timer as usize)).is_none() {
        return;
    }
    if !memory::access(timer as usize, size_of::<KTIMER>(), true) {
        let text = format!("gone while armed: {}", crate::describe(timer as usize));
        findings::fatal(Rule::UseAfterFree, "Timer", text);
    }
    put!(timer, Header.TimerMiscFlags, 0);
    let period = i64::from(get!(timer, Period)) * UNITS_PER_MS;
    if period != 0 {
        arm(timer, get!(timer, DueTime).cast_signed() + period);
    }
    objects::signal(timer.cast());
    let dpc = get!(timer, Dpc);
    if !dpc.is_null() {
        dpc::insert(dpc, core::ptr::null_mut(), core::ptr::null_mut());
    }
}

/// Whether it was armed.
fn disarm(timer: *mut KTIMER) -> bool {
    let Some(id) = ARMED.with_borrow_mut(|all| all.remove(timer as usize)) else { return false };
    put!(timer, Header.TimerMiscFlags, 0);
    time::timer_cancel(id);
    true
}

pub(super) extern "win64" fn set_timer(timer: *mut KTIMER, due: i64, dpc: *mut KDPC) -> u8 {
    u8::from(set(timer, due, 0, dpc))
}

pub(super) extern "win64" fn set_timer_ex(timer: *mut KTIMER, due: i64, period: u32, dpc: *mut KDPC) -> u8 {
    u8::from(set(timer, due, period, dpc))
}

pub(super) extern "win64" fn set_coalescable_timer(
    timer: *mut KTIMER,
    due: i64,
    period: u32,
    _tolerable: u32,
    dpc: *mut KDPC,
) -> u8 {
    u8::from(set(timer, due, period, dpc))
}

pub(super) extern "win64" fn cancel(timer: *mut KTIMER) -> u8 {
    u8::from(disarm(timer))
}

pub(super) extern "win64" fn read_state(timer: *mut KTIMER) -> u8 {
    u8::from(get!(timer, Header.SignalState) > 0)
}

pub(super) fn check_freed(start: usize, size: usize) {
    for at in ARMED.with_borrow(|all| all.within(start, size)) {
        findings::report(Rule::UseAfterFree, "P", "memory was freed with an armed timer in it (TIMER_OR_DPC_INVALID)");
        if let Some(id) = ARMED.with_borrow_mut(|all| all.remove(at)) {
            time::timer_cancel(id);
        }
    }
}

pub(super) fn left() -> Vec<Left> {
    ARMED.with_borrow(|all| all.left(|at, _| format!("armed timer, {}", crate::describe(at))))
}
