//! Exceptions that kernel functions raise, and the functions of the exception machinery.

use nt_machine::call::Export;
use nt_machine::irql::HIGH;
use nt_machine::unwind::{
    self, Context, DispatcherContext, Disposition, ExceptionRecord, RuntimeFunction, c_specific_handler,
};

use crate::exports::function;
use crate::status;

/// Raises an exception in the driver that called; without a handler for it the run ends.
///
/// The frames of the function in progress are given up as they are: nothing may be borrowed.
pub(crate) fn raise(code: i32) -> ! {
    unwind::raise(code as u32, &[])
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

extern "win64" fn unwind_to(frame: u64, ip: u64, record: *mut ExceptionRecord, value: u64) {
    // SAFETY: the function takes the record of the exception in progress, or null.
    unwind::unwind(frame, ip, unsafe { record.as_mut() }, value);
}

extern "win64" fn lookup_function_entry(pc: u64, base: *mut u64) -> *const RuntimeFunction {
    let Some((image_base, function)) = unwind::lookup(pc) else { return std::ptr::null() };
    // SAFETY: the function's second argument is where the image's base goes.
    unsafe { base.write(image_base) };
    function
}

extern "win64" fn virtual_unwind(
    handler_kind: u32,
    image_base: u64,
    pc: u64,
    function: *const RuntimeFunction,
    context: *mut Context,
    handler_data: *mut *const u32,
    frame: *mut u64,
) -> usize {
    // SAFETY: the function's fifth argument is a context that it changes.
    let context = unsafe { &mut *context };
    let (handler, data, established) = unwind::virtual_unwind(handler_kind as u8, image_base, pc, function, context);
    // SAFETY: the function's sixth argument is where the handler's data go.
    unsafe { handler_data.write(data) };
    // SAFETY: the function's seventh argument is where the frame goes.
    unsafe { frame.write(established) };
    handler
}

extern "win64" fn capture_context(context: *mut Context) {
    if let Some(captured) = unwind::capture() {
        // SAFETY: the function's argument is a context that it fills.
        unsafe { context.write(captured) };
    }
}

type Handler = unsafe extern "win64" fn(*mut ExceptionRecord, u64, *mut Context, *mut DispatcherContext) -> Disposition;

pub(crate) const EXPORTS: &[Export] = &[
    function("ExRaiseStatus", HIGH, raise_status as *const ()),
    function("RtlRaiseStatus", HIGH, raise_status as *const ()),
    function("ExRaiseAccessViolation", HIGH, raise_access_violation as *const ()),
    function("ExRaiseDatatypeMisalignment", HIGH, raise_datatype_misalignment as *const ()),
    function("__C_specific_handler", HIGH, c_specific_handler as Handler as *const ()),
    function("RtlUnwind", HIGH, unwind_to as *const ()),
    function("RtlUnwindEx", HIGH, unwind_to as *const ()),
    function("RtlLookupFunctionEntry", HIGH, lookup_function_entry as *const ()),
    function("RtlVirtualUnwind", HIGH, virtual_unwind as *const ()),
    function("RtlCaptureContext", HIGH, capture_context as *const ()),
];
