//! The way of an IRP: down by `IoCallDriver`, up by `IoCompleteRequest`.

use std::rc::Rc;

use nt_machine::call;
use nt_machine::findings::{self, Rule};

use super::irp::{self, Visit};
use super::{current, driver_name, finish, is_device, major_name};
use crate::layout::{
    DEVICE_OBJECT, IO_STACK_LOCATION, IRP, IRP_MJ_DEVICE_CONTROL, IRP_MJ_PNP, IRP_MJ_POWER, IRP_MJ_READ, IRP_MJ_WRITE,
    SL_ERROR_RETURNED, SL_INVOKE_ON_CANCEL, SL_INVOKE_ON_ERROR, SL_INVOKE_ON_SUCCESS, SL_PENDING_RETURNED,
};
use crate::sync::{MUTEX, WAIT_LOCK};
use crate::{field, get, put, raw, status};

/// Sends an IRP to a device: its driver's dispatch routine gets the next stack location.
pub fn call_driver(device: *mut DEVICE_OBJECT, request: *mut IRP) -> i32 {
    irp::check(request);
    if !is_device(device) {
        let text = format!("{} is no device object", crate::describe(device as usize));
        findings::fatal(Rule::BadArgument, "DeviceObject", text);
    }
    if get!(request, CancelRoutine).is_some() {
        findings::report(Rule::CancelRoutine, "Irp", "an IRP was sent on with its cancel routine set");
    }
    let place = get!(request, CurrentLocation) - 1;
    if place <= 0 {
        let text = format!("no stack location left for {} (NO_MORE_IRP_STACK_LOCATIONS)", driver_name(device));
        findings::fatal(Rule::BugCheck, "Irp", text);
    }
    if place > get!(request, StackCount) {
        findings::fatal(Rule::BadArgument, "Irp", "the IRP was moved up beyond its last stack location");
    }
    put!(request, CurrentLocation, place);
    put!(request, CurrentStackLocation, super::next(request));
    let own = current(request);
    put!(own, DeviceObject, device);
    let major = get!(own, MajorFunction);
    if usize::from(major) >= 28 {
        findings::fatal(Rule::BadArgument, "Irp", format_args!("major function {major:#x}"));
    }
    judge_preset(request, major);
    let visit = irp::enter(request, place, device);
    let driver = get!(device, DriverObject);
    let routine = raw::read(field!(driver, MajorFunction[usize::from(major)]));
    let Some(routine) = routine else {
        findings::fatal(Rule::BadArgument, "DeviceObject", format_args!("{} is null in its driver", major_name(major)))
    };
    let name = format!("{} of {}", major_name(major), driver_name(device));
    let returned = call::driver(&name, || routine(device, request));
    judge_return(&visit, returned, &name);
    if returned != status::PENDING {
        finish::await_end(request);
    }
    returned
}

/// PnP and power IRPs say NOT_SUPPORTED until somebody answers; senders must not forget it.
fn judge_preset(request: *mut IRP, major: u8) {
    let first = irp::is_new(request);
    let preset = get!(request, IoStatus.Status);
    if matches!(major, IRP_MJ_PNP | IRP_MJ_POWER) && first && preset == status::SUCCESS {
        let text =
            format!("{} sent with a status of {}, not STATUS_NOT_SUPPORTED", major_name(major), status::name(preset));
        findings::report(Rule::PnpOrder, "Irp", text);
    }
}

/// PENDING is returned if and only if the location was marked; another status is the one it was completed with.
fn judge_return(visit: &Rc<Visit>, returned: i32, name: &str) {
    let pending = returned == status::PENDING;
    match visit.left.get() {
        Some((marked, _)) if marked != pending => {
            let text = if pending { "returned STATUS_PENDING without marking the IRP pending" } else { MARKED };
            findings::report(Rule::BadArgument, "Irp", format_args!("{name} {text} ({})", status::name(returned)));
        }
        Some((_, completed)) if !pending && completed != returned => {
            let (returned, completed) = (status::name(returned), status::name(completed));
            let text = format!("{name} returned {returned}, and completed the IRP with {completed}");
            findings::report(Rule::BadArgument, "Irp", text);
        }
        Some(_) => {}
        None if pending => visit.pended.set(true),
        None => {
            let text = format!("{name} returned {} without completing the IRP", status::name(returned));
            findings::report(Rule::Lost, "Irp", text);
        }
    }
}

const MARKED: &str = "marked the IRP pending, and returned another status";

/// Completes an IRP: from the driver that has it upward, until a completion routine stops it or it is done.
pub fn complete(request: *mut IRP, _boost: i8) {
    if !irp::is_live(request) {
        let text = format!("the IRP was completed already, and is gone: {}", crate::describe(request as usize));
        findings::fatal(Rule::DoubleCompletion, "Irp", text);
    }
    let count = get!(request, StackCount);
    if get!(request, CurrentLocation) > count {
        findings::fatal(
            Rule::DoubleCompletion,
            "Irp",
            "the IRP was completed already (MULTIPLE_IRP_COMPLETE_REQUESTS)",
        );
    }
    if get!(request, CurrentLocation) < 1 {
        findings::fatal(Rule::BadArgument, "Irp", "the IRP was moved down beyond its first stack location");
    }
    judge_completion(request);
    let mut left = current(request);
    let mut place = get!(request, CurrentLocation);
    super::skip(request);
    loop {
        let control = get!(left, Control);
        let result = get!(request, IoStatus.Status);
        let pending = control & SL_PENDING_RETURNED != 0;
        put!(request, PendingReturned, u8::from(pending));
        if !irp::leave(request, place, pending, result) {
            let device = driver_name(get!(left, DeviceObject));
            let text = format!("{device} returned STATUS_PENDING without marking the IRP pending");
            findings::report(Rule::BadArgument, "Irp", text);
        }
        let wanted = (status::success(result) && control & SL_INVOKE_ON_SUCCESS != 0)
            || (!status::success(result) && control & SL_INVOKE_ON_ERROR != 0)
            || (get!(request, Cancel) != 0 && control & SL_INVOKE_ON_CANCEL != 0);
        let routine = get!(left, CompletionRoutine);
        let context = get!(left, Context);
        let top = get!(request, CurrentLocation) > count;
        clear(left);
        if wanted {
            let Some(routine) = routine else {
                findings::fatal(Rule::BadArgument, "Irp", "a null completion routine that is to be called")
            };
            let owner = if top { core::ptr::null_mut() } else { get!(current(request), DeviceObject) };
            let answer = call::driver("completion routine", || routine(owner, request, context));
            if answer == status::MORE_PROCESSING_REQUIRED {
                return;
            }
            if !irp::is_live(request) {
                let text = "a completion routine freed the IRP, and let its completion go on";
                findings::fatal(Rule::UseAfterFree, "Irp", text);
            }
        } else if pending && !top {
            super::mark_pending(request);
        }
        if top {
            break;
        }
        left = current(request);
        place = get!(request, CurrentLocation);
        super::skip(request);
    }
    finish::reached_top(request);
}

/// What must hold before completion.
fn judge_completion(request: *mut IRP) {
    let result = get!(request, IoStatus.Status);
    if result == status::PENDING || result == -1 {
        findings::report(Rule::BadArgument, "Irp", format_args!("completed with status {}", status::name(result)));
    }
    if get!(request, CancelRoutine).is_some() {
        findings::report(Rule::CancelRoutine, "Irp", "completed with its cancel routine set");
    }
    if let Some((_, what)) = call::held().iter().find(|(_, what)| ![MUTEX, WAIT_LOCK].contains(what)) {
        findings::report(Rule::Lock, "Irp", format_args!("completed while holding a {what}"));
    }
    let Some(output) = irp::with(request, |known| known.output).flatten() else { return };
    let own = current(request);
    let returns_data = matches!(get!(own, MajorFunction), IRP_MJ_READ | IRP_MJ_WRITE | IRP_MJ_DEVICE_CONTROL);
    let information = get!(request, IoStatus.Information);
    if returns_data && !status::error(result) && information > output {
        let text = format!("completed with Information {information}, and the caller's buffer has {output} bytes");
        findings::report(Rule::Information, "Irp", text);
    }
}

/// A location that completion has left shows its major function and device, and nothing else of the request.
fn clear(left: *mut IO_STACK_LOCATION) {
    put!(left, MinorFunction, 0);
    put!(left, Flags, 0);
    put!(left, Control, get!(left, Control) & SL_ERROR_RETURNED);
    for word in 0..3 {
        raw::write(field!(left, Parameters).cast::<usize>().wrapping_add(word), 0);
    }
    put!(left, FileObject, core::ptr::null_mut());
}
