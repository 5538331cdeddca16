//! Due times of drivers on the machine's clock.

use nt_machine::time;

/// The machine's time at which something is due that a driver gave in 100 ns units: negative from now, positive as system
/// time.
#[must_use]
pub(crate) fn deadline(due: i64) -> i64 {
    if due < 0 { time::now().saturating_add(due.saturating_neg()) } else { due - (time::system_time() - time::now()) }
}
