//! Waiting and deferring: dispatcher objects, timers, DPCs, locks, work items.

mod dpc;
mod exports;
mod lists;
mod locks;
mod objects;
mod resource;
mod spin;
mod timer;
mod wait;
mod work;

pub use dpc::{flush_dpcs, queue_dpc};
pub use objects::{event_clear, event_init, event_reset, event_set, event_state};
pub use spin::{acquire_spin_lock, release_spin_lock};
pub use wait::{delay, wait, wait_for};
pub use work::queue_work;

use crate::ledger::Left;
use nt_machine::call::Export;

pub(crate) use exports::EXPORTS;
pub(crate) use wait::MUTEX;
pub use wait::WAIT_LOCK;

/// What is still armed or queued, for the check at unload.
pub(crate) fn left() -> Vec<Left> {
    [timer::left(), dpc::left(), work::left(), locks::left(), resource::left()].concat()
}

pub(crate) fn reset() {
    wait::reset();
    timer::reset();
    dpc::reset();
    work::reset();
    locks::reset();
    resource::reset();
}

/// Memory of a driver is freed: nothing may be armed in it.
pub(crate) fn check_freed(start: usize, size: usize) {
    timer::check_freed(start, size);
    dpc::check_freed(start, size);
    locks::check_freed(start, size);
    spin::check_freed(start, size);
    resource::check_freed(start, size);
    wait::check_freed(start, size);
    crate::io::irp::check_freed(start, size);
    crate::mdl::check_freed(start, size);
    crate::lookaside::check_freed(start, size);
}

/// Exports of this subject's other files.
pub(crate) const LIST_EXPORTS: &[Export] = lists::EXPORTS;
pub(crate) const LOCK_EXPORTS: &[Export] = locks::EXPORTS;
pub(crate) const RESOURCE_EXPORTS: &[Export] = resource::EXPORTS;
pub(crate) const WORK_EXPORTS: &[Export] = work::EXPORTS;

/// A thread is over: those who wait for it go on.
pub(crate) fn thread_ended(thread: crate::layout::PVOID) {
    wait::signalled(thread.cast());
}

#[cfg(test)]
mod tests;
