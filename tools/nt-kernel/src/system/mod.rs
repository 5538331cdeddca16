//! The rest of the executive: processor and clock, threads and processes, variables, tracing, bug checks.

mod clock;
mod misc;
mod threads;
mod trace;
mod variables;

use crate::ledger::Left;
use std::cell::Cell;

use nt_machine::call::Export;

pub(crate) use threads::{PROCESS_ID, is_thread, process, thread_has_ended};
pub use threads::{device_to_verify, set_device_to_verify, set_terminating};
pub(crate) use variables::{object_kind, variable};

pub(crate) const CLOCK_EXPORTS: &[Export] = clock::EXPORTS;
pub(crate) const MISC_EXPORTS: &[Export] = misc::EXPORTS;
pub(crate) const THREAD_EXPORTS: &[Export] = threads::EXPORTS;
pub(crate) const TRACE_EXPORTS: &[Export] = trace::EXPORTS;

thread_local! {
    static SHOW_DEBUG_OUTPUT: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn reset(show_debug_output: bool) {
    SHOW_DEBUG_OUTPUT.set(show_debug_output);
    threads::reset();
    trace::reset();
    variables::reset();
}

/// What a driver prints for a debugger.
pub(crate) fn debug_output(text: &str) {
    if SHOW_DEBUG_OUTPUT.get() {
        eprintln!("debug output: {}", text.trim_end());
    }
}

/// Tracing that drivers registered for and did not end.
pub(crate) fn left() -> Vec<Left> {
    trace::left()
}

#[cfg(test)]
mod tests;
