//! Deferred procedure calls.

use std::cell::{Cell, RefCell};

use nt_machine::findings::{self, Rule};
use nt_machine::irql::DISPATCH;
use nt_machine::{call, memory, threads};

use crate::layout::{KDEFERRED_ROUTINE, KDPC, PVOID, object_type};
use crate::ledger::{Ledger, Left};
use crate::{get, put, raw};

thread_local! {
    /// The KDPCs that are queued.
    static QUEUED: RefCell<Ledger<()>> = const { RefCell::new(Ledger::new()) };
    /// DPCs queued or running, of whatever kind.
    static OUTSTANDING: Cell<u64> = const { Cell::new(0) };
}

pub(super) fn reset() {
    QUEUED.replace(Ledger::new());
    OUTSTANDING.set(0);
}

/// Runs something at DISPATCH_LEVEL, soon.
pub fn queue_dpc(what: &'static str, routine: Box<dyn FnOnce()>) {
    OUTSTANDING.set(OUTSTANDING.get() + 1);
    threads::spawn(
        what,
        DISPATCH,
        Box::new(move || {
            routine();
            OUTSTANDING.set(OUTSTANDING.get() - 1);
        }),
    );
}

/// Waits until all DPCs queued by now, and those that they queue, have run.
pub fn flush_dpcs() {
    threads::block("queued DPCs", None, &|| OUTSTANDING.get() == 0);
}

pub(super) extern "win64" fn initialise(dpc: *mut KDPC, routine: KDEFERRED_ROUTINE, context: PVOID) {
    if QUEUED.with_borrow_mut(|all| all.remove(dpc as usize)).is_some() {
        findings::report(Rule::BadArgument, "Dpc", "a DPC was initialised while it is queued");
    }
    raw::fill(dpc.cast(), 0, size_of::<KDPC>());
    put!(dpc, Type, object_type::DPC);
    put!(dpc, Importance, 1);
    put!(dpc, DeferredRoutine, Some(routine));
    put!(dpc, DeferredContext, context);
}

/// Queues a KDPC; false when it is queued already.
pub(super) fn insert(dpc: *mut KDPC, first: PVOID, second: PVOID) -> bool {
    if get!(dpc, Type) != object_type::DPC || get!(dpc, DeferredRoutine).is_none() {
        let text = format!("{} was not initialised as a DPC", crate::describe(dpc as usize));
        findings::fatal(Rule::BadArgument, "Dpc", text);
    }
    if QUEUED.with_borrow(|all| all.contains(dpc as usize)) {
        return false;
    }
    put!(dpc, SystemArgument1, first);
    put!(dpc, SystemArgument2, second);
    put!(dpc, DpcData, dpc.cast());
    QUEUED.with_borrow_mut(|all| all.insert(dpc as usize, ()));
    queue_dpc("DPC", Box::new(move || run(dpc)));
    true
}

fn run(dpc: *mut KDPC) {
    // It may have been taken off the queue meanwhile.
    if QUEUED.with_borrow_mut(|all| all.remove(dpc as usize)).is_none() {
        return;
    }
    if !memory::access(dpc as usize, size_of::<KDPC>(), true) {
        findings::fatal(
            Rule::UseAfterFree,
            "Dpc",
            format_args!("gone while queued: {}", crate::describe(dpc as usize)),
        );
    }
    put!(dpc, DpcData, core::ptr::null_mut());
    let Some(routine) = get!(dpc, DeferredRoutine) else { return };
    let (context, first, second) = (get!(dpc, DeferredContext), get!(dpc, SystemArgument1), get!(dpc, SystemArgument2));
    call::driver("DPC routine", || routine(dpc, context, first, second));
}

pub(super) extern "win64" fn insert_queue(dpc: *mut KDPC, first: PVOID, second: PVOID) -> u8 {
    u8::from(insert(dpc, first, second))
}

pub(super) extern "win64" fn remove_queue(dpc: *mut KDPC) -> u8 {
    put!(dpc, DpcData, core::ptr::null_mut());
    u8::from(QUEUED.with_borrow_mut(|all| all.remove(dpc as usize)).is_some())
}

pub(super) extern "win64" fn flush() {
    flush_dpcs();
}

/// Accepts what has no meaning on the one processor that there is.
pub(super) extern "win64" fn set_target_or_importance(_dpc: *mut KDPC, _value: u32) {}

pub(super) fn check_freed(start: usize, size: usize) {
    for at in QUEUED.with_borrow(|all| all.within(start, size)) {
        findings::report(Rule::UseAfterFree, "P", "memory was freed with a queued DPC in it (TIMER_OR_DPC_INVALID)");
        QUEUED.with_borrow_mut(|all| all.remove(at));
    }
}

pub(super) fn left() -> Vec<Left> {
    QUEUED.with_borrow(|all| all.left(|at, ()| format!("queued DPC, {}", crate::describe(at))))
}
