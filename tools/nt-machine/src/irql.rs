//! The interrupt request level of the running simulated thread.

use std::cell::Cell;

use crate::findings::{self, Rule};
use crate::{memory, processor};

/// Threads run; everything is allowed.
pub const PASSIVE: u8 = 0;
/// Asynchronous procedure calls are held off.
pub const APC: u8 = 1;
/// No waiting and no pageable memory.
pub const DISPATCH: u8 = 2;
/// The highest level.
pub const HIGH: u8 = 15;

thread_local! {
    static CURRENT: Cell<u8> = const { Cell::new(PASSIVE) };
}

/// The level of the running thread.
pub fn current() -> u8 {
    CURRENT.get()
}

/// Raises the level and returns the old one. Raising to a lower level is a finding.
pub fn raise(new: u8) -> u8 {
    let old = current();
    if new < old {
        findings::report(Rule::Irql, "NewIrql", format_args!("raises the IRQL from {old} to {new}, which is lower"));
    }
    set(new);
    old
}

/// Lowers the level. Lowering to a higher level is a finding.
pub fn lower(new: u8) {
    let old = current();
    if new > old {
        findings::report(Rule::Irql, "NewIrql", format_args!("lowers the IRQL from {old} to {new}, which is higher"));
    }
    set(new);
}

/// Sets the level without judging, and makes pageable memory fit it.
pub(crate) fn set(new: u8) {
    CURRENT.set(new);
    processor::set_irql(new);
    memory::set_at_dispatch(new >= DISPATCH);
}

/// The level of a machine's main context.
pub(crate) fn clear() {
    CURRENT.set(PASSIVE);
}
