//! Formatting requests without a target, sending them, and what comes back.

use nt_kernel::layout::{IO_STACK_LOCATION, IRP};
use nt_kernel::{get, io, pool, put, raw};

use super::rules::{IGNORE_TARGET_STATE, SEND_AND_FORGET, SYNCHRONOUS, TIMEOUT};
use super::{of, sending, synchronous};
use crate::client::Globals;
use crate::fail::{Violation, misuse, require, require_irql, violation};
use crate::functions::Function;
use crate::objects::Handle;
use crate::request::{self, Request};
use crate::status;
use crate::structs::{EvtCompletion, WDF_REQUEST_COMPLETION_PARAMS, WDF_REQUEST_SEND_OPTIONS};

/// What this module implements.
pub(super) const FUNCTIONS: &[Function] = &[
    ("WdfRequestFormatRequestUsingCurrentType", format_using_current_type as *const ()),
    ("WdfRequestWdmFormatUsingStackLocation", format_using_stack_location as *const ()),
    ("WdfRequestSetCompletionRoutine", set_completion_routine as *const ()),
    ("WdfRequestAllocateTimer", allocate_timer as *const ()),
    ("WdfRequestSend", send as *const ()),
    ("WdfRequestCancelSentRequest", cancel_sent_request as *const ()),
    ("WdfRequestGetCompletionParams", get_completion_params as *const ()),
];

/// The IRP of a request that is to be formatted, with a location left to format.
fn ready(request: &Request) -> *mut IRP {
    let irp = request.irp.get();
    if irp.is_null() {
        violation(Violation::RequestFatalError, "Request", "sub-code 2: the request has no IRP to format");
    }
    if get!(irp, CurrentLocation) <= 1 {
        violation(Violation::RequestFatalError, "Request", "sub-code 1: the IRP has no stack location left to format");
    }
    request.sending.release_format();
    irp
}

unsafe extern "win64" fn format_using_current_type(_: Globals, request: Handle) {
    let request = request::get(request);
    let irp = ready(&request);
    if get!(irp, CurrentLocation) > get!(irp, StackCount) {
        violation(Violation::RequestFatalError, "Request", "sub-code 1: the IRP has no current stack location");
    }
    io::copy_to_next(irp);
    let next = io::next(irp);
    put!(next, CompletionRoutine, None);
    put!(next, Context, std::ptr::null_mut());
    request.sending.formatted.set(true);
}

unsafe extern "win64" fn format_using_stack_location(_: Globals, request: Handle, stack: *const IO_STACK_LOCATION) {
    let request = request::get(request);
    require(stack, "Stack");
    let irp = ready(&request);
    let next = io::next(irp);
    raw::copy_bytes(stack.cast(), next.cast(), size_of::<IO_STACK_LOCATION>());
    put!(next, Control, 0);
    put!(next, CompletionRoutine, None);
    put!(next, Context, std::ptr::null_mut());
    request.sending.formatted.set(true);
}

unsafe extern "win64" fn set_completion_routine(_: Globals, request: Handle, routine: EvtCompletion, context: usize) {
    request::get(request).sending.set_completion(routine, context);
}

unsafe extern "win64" fn allocate_timer(_: Globals, request: Handle) -> i32 {
    let request = request::get(request);
    if !request.sending.timer_allocated.get() {
        if !pool::try_charge() {
            return status::INSUFFICIENT_RESOURCES;
        }
        request.sending.timer_allocated.set(true);
    }
    status::SUCCESS
}

unsafe extern "win64" fn send(
    _: Globals,
    request: Handle,
    target: Handle,
    options: *const WDF_REQUEST_SEND_OPTIONS,
) -> u8 {
    let request = request::get(request);
    let target = of(target);
    let all = TIMEOUT | SYNCHRONOUS | IGNORE_TARGET_STATE | SEND_AND_FORGET;
    let options = match synchronous::options(options, all) {
        Ok(options) => options,
        Err(status) => {
            sending::refuse(&request, status);
            return 0;
        }
    };
    let sent = if options.has(SYNCHRONOUS) {
        require_irql(0, "Options");
        sending::submit_and_wait(&target, &request, options)
    } else {
        sending::submit(&target, &request, options)
    };
    u8::from(sent.is_ok())
}

unsafe extern "win64" fn cancel_sent_request(_: Globals, request: Handle) -> u8 {
    u8::from(sending::cancel_sent(&request::get(request)))
}

unsafe extern "win64" fn get_completion_params(_: Globals, request: Handle, out: *mut WDF_REQUEST_COMPLETION_PARAMS) {
    let request = request::get(request);
    require(out, "Params");
    let size = size_of::<WDF_REQUEST_COMPLETION_PARAMS>() as u32;
    if raw::read(out.cast::<u32>()) != size {
        misuse("Params", "the structure has another size: nothing is written");
        return;
    }
    let none = WDF_REQUEST_COMPLETION_PARAMS { Size: 0, Type: 0, IoStatus: [0; 2], Parameters: [0; 6] };
    let params = request.sending.params.get().unwrap_or_else(|| {
        misuse("Request", "the request was not sent with a format since it was made or reused");
        none
    });
    raw::write(out, params);
}
