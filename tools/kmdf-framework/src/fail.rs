//! How the framework answers mis-use: bug check 0x10D, or a finding where only its verifier would speak.

use std::fmt::Display;

use nt_machine::findings::{self, Rule};
use nt_machine::irql;

use crate::client::Globals;
use crate::functions::Function;

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfVerifierDbgBreakPoint", verifier_break_point as *const ()),
    ("WdfVerifierKeBugCheck", verifier_bug_check as *const ()),
];

/// First parameter of bug check 0x10D (WDF_VIOLATION).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Violation {
    /// A power callback took longer than the watchdog allows.
    PowerRoutineTimedOut = 0x1,
    /// A callback lock was taken twice by one thread.
    RecursiveLock = 0x2,
    /// A request was completed while memory objects on its buffers are still referenced.
    VerifierFatalError = 0x3,
    /// A mandatory pointer was NULL.
    RequiredParameterIsNull = 0x4,
    /// A handle is NULL, freed or of another type.
    InvalidHandle = 0x5,
    /// A request was used in a way that cannot be undone.
    RequestFatalError = 0x6,
    /// A reference count fell to zero without a delete.
    ObjectError = 0x7,
    /// A queue was told to change state while it may not.
    QueueFatalError = 0xA,
    /// A lock operation on an object without lock, or by a thread that does not own it.
    InvalidLockOperation = 0xB,
    /// Two state-changing PnP IRPs at once.
    PnpFatalError = 0xC,
    /// A power IRP that the power policy owner did not ask for.
    PowerMultiplePpo = 0xD,
    /// A callback returned at another IRQL.
    IrqlMismatch = 0xE,
    /// A callback left a critical region unbalanced.
    CriticalRegionMismatch = 0xF,
    /// A function that this framework does not have was called.
    ApiUnavailable = 0x10,
}

/// Ends the run where Windows would stop with bug check 0x10D.
pub fn violation(code: Violation, argument: impl Display, text: impl Display) -> ! {
    findings::fatal(Rule::BugCheck, argument, format_args!("bug check 0x10D/0x{:X} ({code:?}): {text}", code as u32))
}

/// Reports what the framework's verifier would trap; the call then goes on with its documented result.
pub fn misuse(argument: impl Display, text: impl Display) {
    findings::report(Rule::BadArgument, argument, text);
}

/// Ends the run if a mandatory pointer argument is NULL (bug check 0x10D/4).
pub fn require<T>(pointer: *const T, argument: &str) {
    if pointer.is_null() {
        violation(Violation::RequiredParameterIsNull, argument, "a mandatory pointer is NULL");
    }
}

/// Ends the run if a mandatory callback is NULL (bug check 0x10D/4).
pub fn require_callback(given: bool, argument: &str) {
    if !given {
        require(std::ptr::null::<u8>(), argument);
    }
}

/// Reports a call above `max`, for functions whose limit depends on an argument. True: the IRQL is legal.
pub fn require_irql(max: u8, argument: impl Display) -> bool {
    let now = irql::current();
    if now > max {
        findings::report(Rule::Irql, argument, format_args!("called at IRQL {now}, allowed up to {max} in this form"));
    }
    now <= max
}

/// The driver found something wrong and asks for the debugger. Without one it goes on.
unsafe extern "win64" fn verifier_break_point(_: Globals) {
    findings::report(Rule::Crash, "", "the driver breaks into the debugger");
}

unsafe extern "win64" fn verifier_bug_check(_: Globals, code: u32, p1: usize, p2: usize, p3: usize, p4: usize) {
    findings::fatal(
        Rule::BugCheck,
        "BugCheckCode",
        format_args!("the driver stops the system: bug check {code:#x} ({p1:#x}, {p2:#x}, {p3:#x}, {p4:#x})"),
    );
}
