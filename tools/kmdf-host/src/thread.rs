//! Work of the system on simulated threads.

use std::cell::RefCell;
use std::rc::Rc;

use nt_machine::findings::{self, Rule};
use nt_machine::{irql, threads, time};

/// Why work did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// A fatal finding ended the run.
    #[error("a finding ended the run")]
    Dead,
    /// It took longer than anything may.
    #[error("it had no end")]
    Late,
}

/// Virtual time that work of the system and a cancelled request may take: a start on a drive that lets every command time
/// out is through by then.
pub const PATIENCE: i64 = 14_400 * time::SECOND;

/// Runs `work` on a thread named `name` at PASSIVE_LEVEL until it has ended.
///
/// # Errors
/// The run ended, or the work has no end; both left a finding.
pub fn call<R: 'static>(name: &str, work: impl FnOnce() -> R + 'static) -> Result<R, Ended> {
    let slot = Rc::new(RefCell::new(None));
    let result = Rc::clone(&slot);
    threads::spawn(
        name,
        irql::PASSIVE,
        Box::new(move || {
            let value = work();
            *result.borrow_mut() = Some(value);
        }),
    );
    until(name, &|| slot.borrow().is_some(), PATIENCE)?;
    slot.borrow_mut().take().ok_or(Ended::Dead)
}

/// Lets threads go on until `done` holds.
///
/// # Errors
/// The run ended, or `done` did not hold within `patience`; both left a finding.
pub fn until(what: &str, done: &dyn Fn() -> bool, patience: i64) -> Result<(), Ended> {
    match wait(done, patience)? {
        true => Ok(()),
        false => {
            blame(what);
            Err(Ended::Late)
        }
    }
}

/// Work has no end: because a call of the driver waits, or because the driver has a request and does nothing.
fn blame(what: &str) {
    let text = format!("has no end; waiting: {}", threads::waiting().join("; "));
    if let Some(call) = threads::waiting_calls().first() {
        findings::report_at(Rule::Stuck, call.function, what, call.caller, text);
    } else if nt_kernel::report_lost() == 0 {
        findings::report(Rule::Stuck, what, text);
    }
}

/// Lets threads go on until `done` holds; false if it did not within `patience`.
///
/// # Errors
/// The run ended.
pub fn wait(done: &dyn Fn() -> bool, patience: i64) -> Result<bool, Ended> {
    match threads::run(done, Some(time::now().saturating_add(patience))) {
        threads::RunEnd::Done => Ok(true),
        threads::RunEnd::TimeLimit | threads::RunEnd::Stuck(_) => Ok(false),
        threads::RunEnd::Dead => Err(Ended::Dead),
    }
}
