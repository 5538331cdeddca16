//! The end of an IRP: what the I/O manager does once the last driver has completed it.

use nt_machine::findings::{self, Rule};
use nt_machine::irql::{self, APC};
use nt_machine::memory;
use nt_machine::threads;

use super::irp::{self, Origin};
use crate::layout::{
    IRP, IRP_BUFFERED_IO, IRP_CLOSE_OPERATION, IRP_DEALLOCATE_BUFFER, IRP_INPUT_OPERATION, IRP_SYNCHRONOUS_API, KEVENT,
};
use crate::{field, get, mdl, put, raw, status, sync};

/// What an IRP came to, for whoever waits in the host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Final {
    pub(crate) status: i32,
    pub(crate) information: usize,
}

/// Called while the buffers of the IRP still exist.
pub(crate) type OnFinish = Box<dyn FnOnce(*mut IRP, Final)>;

/// No completion routine is left that could stop the IRP.
pub(super) fn reached_top(request: *mut IRP) {
    let origin = irp::with(request, |known| known.origin).unwrap_or(Origin::Allocated);
    match origin {
        Origin::Allocated | Origin::OwnMemory => {
            let text = "an IRP that a driver allocated reached the top: its completion routine did not stop it";
            findings::fatal(Rule::Lost, "Irp", text);
        }
        Origin::Associated => {
            let master = get!(request, SystemBuffer).cast::<IRP>();
            mdl::unlock_chain(get!(request, MdlAddress));
            mdl::free_chain(get!(request, MdlAddress));
            irp::release(request);
            let count = field!(master, SystemBuffer).cast::<i32>();
            raw::write(count, raw::read(count) - 1);
            if raw::read(count) == 0 {
                super::complete(master, 0);
            }
        }
        Origin::Threaded | Origin::Asynchronous => {
            mdl::unlock_chain(get!(request, MdlAddress));
            end_in_thread(request);
        }
    }
}

/// The final stage is a special kernel APC of the thread that asked. In that very thread, below APC_LEVEL, it comes at
/// once: whoever sees success returned may leave, with the event and the status block on its stack. At a higher IRQL it
/// comes before `IoCallDriver` returns, see [`await_end`], and for another thread soon.
fn end_in_thread(request: *mut IRP) {
    let own = threads::thread_object(threads::current()).cast::<core::ffi::c_void>();
    let close = get!(request, Flags) & IRP_CLOSE_OPERATION != 0;
    if close || get!(request, Thread) == own && irql::current() < APC {
        let before = irql::current();
        irql::raise(APC.max(before));
        final_stage(request);
        irql::lower(before);
    } else {
        irp::with(request, |known| known.ending = true);
        threads::spawn("end of a request", APC, Box::new(move || final_stage(request)));
    }
}

/// A dispatch routine has returned: if it has completed a request of this very thread at a raised IRQL, the request ends
/// now that the IRQL is low again.
pub(super) fn await_end(request: *mut IRP) {
    let ending = || irp::with(request, |known| known.ending).unwrap_or(false);
    if irql::current() < APC && ending() {
        let own = threads::thread_object(threads::current()).cast::<core::ffi::c_void>();
        if get!(request, Thread) == own {
            threads::block("the end of a request", None, &|| !ending());
        }
    }
}

/// The part that runs in the thread that asked: data, status block, event; then the IRP is gone.
fn final_stage(request: *mut IRP) {
    let result = get!(request, IoStatus.Status);
    let information = get!(request, IoStatus.Information);
    let flags = get!(request, Flags);
    let pending = get!(request, PendingReturned) != 0;
    let buffer = get!(request, SystemBuffer).cast::<u8>();
    let copies = flags & (IRP_BUFFERED_IO | IRP_INPUT_OPERATION) == IRP_BUFFERED_IO | IRP_INPUT_OPERATION;
    if copies && !status::error(result) && result != status::VERIFY_REQUIRED {
        copy_back(request, buffer, information);
    }
    let on_finish = irp::with(request, |known| known.on_finish.take()).flatten();
    if let Some(on_finish) = on_finish {
        on_finish(request, Final { status: result, information });
    }
    if flags & IRP_DEALLOCATE_BUFFER != 0 && !buffer.is_null() {
        memory::free(buffer);
    }
    mdl::free_chain(get!(request, MdlAddress));
    put!(request, MdlAddress, core::ptr::null_mut());
    // An error before the dispatch routine returned is told by its return value alone.
    if !status::error(result) || pending || flags & IRP_SYNCHRONOUS_API != 0 && flags & IRP_CLOSE_OPERATION != 0 {
        let block = get!(request, UserIosb);
        if !block.is_null() {
            judge_block("IoStatusBlock", block as usize, size_of_val(&get!(request, IoStatus)));
            put!(block, Status, result);
            put!(block, Information, information);
        }
        let event = get!(request, UserEvent);
        if !event.is_null() {
            judge_block("Event", event as usize, size_of::<KEVENT>());
            sync::event_set(event);
        }
    }
    irp::release(request);
}

/// The status block and the event must outlive the IRP.
fn judge_block(argument: &str, address: usize, size: usize) {
    if !memory::access(address, size, true) {
        findings::fatal(
            Rule::UseAfterFree,
            argument,
            format_args!("gone before its IRP: {}", crate::describe(address)),
        );
    }
}

/// Gives a buffered request's data to its caller, no more than the caller asked for.
fn copy_back(request: *mut IRP, buffer: *mut u8, information: usize) {
    let to = get!(request, UserBuffer).cast::<u8>();
    let limit = irp::with(request, |known| known.output).flatten().unwrap_or(information);
    let length = information.min(limit);
    if length != 0 && !to.is_null() && !buffer.is_null() {
        raw::copy_bytes(buffer, to, length);
    }
}
