//! Exceptions that kernel functions raise, and the functions of the exception machinery.

use nt_machine::call::Export;
use nt_machine::findings::{self, Rule};
use nt_machine::irql::HIGH;

use crate::exports::function;
use crate::status;

/// Raises an exception in the driver that called. There is no dispatch of exceptions: the run ends.
pub(crate) fn raise(code: i32) -> ! {
    findings::fatal(Rule::Crash, "", format_args!("raises the exception {}", status::name(code)))
}

extern "win64" fn raise_status(code: i32) {
    raise(code);
}

extern "win64" fn raise_access_violation() {
    raise(status::ACCESS_VIOLATION);
}

extern "win64" fn raise_datatype_misalignment() {
    raise(status::DATATYPE_MISALIGNMENT);
}

/// The functions that unwind frames: nothing calls them as long as no exception is dispatched.
extern "win64" fn unwind() {
    findings::fatal(Rule::Missing, "", "exceptions are not dispatched to handlers of the driver")
}

pub(crate) const EXPORTS: &[Export] = &[
    function("ExRaiseStatus", HIGH, raise_status as *const ()),
    function("RtlRaiseStatus", HIGH, raise_status as *const ()),
    function("ExRaiseAccessViolation", HIGH, raise_access_violation as *const ()),
    function("ExRaiseDatatypeMisalignment", HIGH, raise_datatype_misalignment as *const ()),
    function("__C_specific_handler", HIGH, unwind as *const ()),
    function("RtlUnwind", HIGH, unwind as *const ()),
    function("RtlUnwindEx", HIGH, unwind as *const ()),
];
