//! What the driver did wrong: the list of a run, in the order of happening.

use std::cell::RefCell;
use std::fmt::{self, Display};

use crate::machine::trace;
use crate::{call, image, threads};

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Access outside a block of memory.
    OutOfBounds,
    /// Access to freed memory, or a second free.
    UseAfterFree,
    /// A function called, or left, at an IRQL that it does not allow.
    Irql,
    /// Pageable memory touched at DISPATCH_LEVEL.
    PagedAtDispatch,
    /// A request that nobody will complete.
    Lost,
    /// A request completed twice.
    DoubleCompletion,
    /// Something left behind.
    Leak,
    /// A lock released by another thread, held across a return, or taken twice.
    Lock,
    /// A wait where waiting is not allowed.
    Wait,
    /// A request completed with its cancel routine still set, or the like.
    CancelRoutine,
    /// More information claimed than the buffer holds.
    Information,
    /// PnP or power calls out of order.
    PnpOrder,
    /// An argument that the function does not allow.
    BadArgument,
    /// The system would have stopped.
    BugCheck,
    /// A function that the host does not provide.
    Missing,
    /// A fault of the processor.
    Crash,
    /// Nothing can go on.
    Stuck,
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The kernel function or callback in which it happened.
    pub function: String,
    /// The argument or object concerned.
    pub argument: String,
    /// The driver's code address, symbolised.
    pub address: String,
    /// What happened.
    pub text: String,
}

impl Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.rule, self.function)?;
        if !self.argument.is_empty() {
            write!(formatter, "({})", self.argument)?;
        }
        if !self.address.is_empty() {
            write!(formatter, " at {}", self.address)?;
        }
        write!(formatter, ": {}", self.text)
    }
}

thread_local! {
    static FINDINGS: RefCell<Vec<Finding>> = const { RefCell::new(Vec::new()) };
}

/// Reports a broken rule. Function and address are those of the kernel call in progress.
pub fn report(rule: Rule, argument: impl Display, text: impl Display) {
    let site = call::site();
    let function = call::function_in_progress();
    let address = if site.caller == 0 { String::new() } else { image::symbolise_return(site.caller) };
    add(Finding { rule, function, argument: argument.to_string(), address, text: text.to_string() });
}

/// Reports a broken rule at a place that is not the kernel call in progress. Only addresses in images are shown.
pub fn report_at(rule: Rule, function: &str, argument: impl Display, address: usize, text: impl Display) {
    let address = if image::contains(address) { image::symbolise(address) } else { String::new() };
    let function = function.to_owned();
    add(Finding { rule, function, argument: argument.to_string(), address, text: text.to_string() });
}

fn add(finding: Finding) {
    trace!("finding {finding}");
    FINDINGS.with_borrow_mut(|findings| {
        // A loop that breaks the same rule at the same place says so once.
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    });
}

/// Reports a broken rule and ends the run: [`threads::run`] returns [`threads::RunEnd::Dead`], and the running thread
/// never goes on.
///
/// Objects on the thread's stack are never dropped, so no borrow of a `RefCell` may be held.
///
/// # Panics
/// From the machine's main context, which has no thread that could be given up.
pub fn fatal(rule: Rule, argument: impl Display, text: impl Display) -> ! {
    report(rule, argument, text);
    threads::die()
}

/// The findings so far, which are then forgotten.
pub fn take() -> Vec<Finding> {
    FINDINGS.take()
}

/// Whether there is a finding.
pub fn any() -> bool {
    FINDINGS.with_borrow(|findings| !findings.is_empty())
}

/// The newest finding, as a sentence.
pub(crate) fn last() -> Option<String> {
    FINDINGS.with_borrow(|findings| findings.last().map(Finding::to_string))
}

/// Forgets what an earlier machine found.
pub(crate) fn clear() {
    drop(FINDINGS.take());
}
