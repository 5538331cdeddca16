//! A request on its way to a target and back.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use nt_kernel::layout::{DEVICE_OBJECT, IRP, PVOID};
use nt_kernel::{get, io, pool, put};
use nt_machine::findings::{self, Rule};
use nt_machine::irql::DISPATCH;
use nt_machine::time::{self, TimerId};
use nt_machine::{call, threads};

use super::format::Format;
use super::rules::{self, Options, SEND_AND_FORGET, SYNCHRONOUS, Verdict};
use super::{Target, of};
use crate::client::Client;
use crate::clock;
use crate::fail::{Violation, misuse, violation};
use crate::objects::{self, Handle};
use crate::request::{self, Origin, Request};
use crate::status;
use crate::structs::{EvtCompletion, WDF_REQUEST_COMPLETION_PARAMS};

/// Where a request is between send and completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// With the driver.
    Here,
    /// In a stopped target.
    Kept,
    /// With the lower driver.
    Sent,
}

/// What a request keeps for being sent.
pub struct Sending {
    progress: Cell<Progress>,
    target: Cell<Handle>,
    completion: Cell<Option<(EvtCompletion, usize)>>,
    /// The next stack location was filled for the next send.
    pub(super) formatted: Cell<bool>,
    pub(super) format: RefCell<Option<Format>>,
    /// The memory for a timer was allocated ahead of the send.
    pub(super) timer_allocated: Cell<bool>,
    timer: Cell<Option<TimerId>>,
    /// Number of the last send, by which a late time-out knows that it is not meant.
    sends: Cell<u64>,
    timed_out: Cell<bool>,
    /// Cancellations in progress: they keep the IRP from being given up. Whoever ends the last one works the completion
    /// off, if it came meanwhile.
    cancelling: Cell<u32>,
    returned: Cell<bool>,
    /// The completion of the last send was worked off: what a synchronous sender waits for.
    done: Cell<bool>,
    /// Why the last send was refused.
    refusal: Cell<Option<i32>>,
    pub(super) params: Cell<Option<WDF_REQUEST_COMPLETION_PARAMS>>,
}

impl Default for Sending {
    fn default() -> Sending {
        Sending {
            progress: Cell::new(Progress::Here),
            target: Cell::new(Handle::NULL),
            completion: Cell::new(None),
            formatted: Cell::new(false),
            format: RefCell::new(None),
            timer_allocated: Cell::new(false),
            timer: Cell::new(None),
            sends: Cell::new(0),
            timed_out: Cell::new(false),
            cancelling: Cell::new(0),
            returned: Cell::new(false),
            done: Cell::new(false),
            refusal: Cell::new(None),
            params: Cell::new(None),
        }
    }
}

impl Sending {
    /// The target that it was sent to last.
    pub(super) fn target(&self) -> Handle {
        self.target.get()
    }

    /// True while a target or the lower driver has the request.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.progress.get() != Progress::Here
    }

    /// What the last send came to: why it was refused, or what the IRP says.
    #[must_use]
    pub fn status(&self, irp: *mut IRP) -> i32 {
        match self.refusal.get() {
            Some(status) => status,
            None if irp.is_null() => status::SUCCESS,
            None => get!(irp, IoStatus.Status),
        }
    }

    /// The request is used anew: format and results are dropped, and the completion routine too (for drivers built for
    /// 1.9 and later).
    pub fn reuse(&self, client: &Client) {
        self.release_format();
        self.params.set(None);
        self.refusal.set(None);
        if client.at_least(9) {
            self.completion.set(None);
        }
    }

    /// The request is completed or deleted, which may not happen while it is sent.
    pub fn dispose(&self, handle: Handle) {
        if self.is_sent() {
            let target = self.target.get();
            findings::report(
                Rule::BadArgument,
                "Request",
                format_args!("request {handle} is completed or deleted while I/O target {target} has it"),
            );
        }
        self.release_format();
    }

    /// Sets or clears the driver's completion routine.
    pub(super) fn set_completion(&self, routine: EvtCompletion, context: usize) {
        self.completion.set(routine.is_some().then_some((routine, context)));
    }

    /// Drops what the last format holds: references, buffers, descriptions of memory; the IRP gets its own fields back.
    pub(crate) fn release_format(&self) {
        self.formatted.set(false);
        let format = self.format.take();
        if let Some(format) = format {
            format.release();
        }
    }
}

/// Sends a request. `Ok`: it is on its way, or was completed already; or it waits in the target.
///
/// # Errors
/// Why it was not sent; the request keeps the status.
pub(super) fn submit(target: &Rc<Target>, request: &Rc<Request>, options: Options) -> Result<(), i32> {
    request.sending.refusal.set(None);
    try_submit(target, request, options).inspect_err(|status| refuse(request, *status))
}

/// A request was not sent: its status tells why.
pub(super) fn refuse(request: &Request, status: i32) {
    request.sending.refusal.set(Some(status));
    let irp = request.irp.get();
    if !irp.is_null() {
        put!(irp, IoStatus.Status, status);
    }
}

fn try_submit(target: &Rc<Target>, request: &Rc<Request>, options: Options) -> Result<(), i32> {
    let sending = &request.sending;
    let irp = request.irp.get();
    if sending.is_sent() {
        violation(Violation::RequestFatalError, "Request", "sub-code 3: the request is sent already");
    }
    if irp.is_null() {
        misuse("Request", "the request is sent without having been formatted");
        return Err(status::REQUEST_NOT_ACCEPTED);
    }
    if options.has(SEND_AND_FORGET) {
        return forget(target, request, irp);
    }
    if request.is_cancelled() {
        return Err(status::CANCELLED);
    }
    if request.origin == Origin::Io && !options.has(SYNCHRONOUS) && sending.completion.get().is_none() {
        return Err(status::INVALID_DEVICE_REQUEST);
    }
    let verdict = rules::verdict(target.state.get(), options.flags);
    if let Verdict::Refuse(status) = verdict {
        return Err(status);
    }
    if !sending.formatted.get() {
        misuse("Request", "the request is sent without having been formatted");
        return Err(status::REQUEST_NOT_ACCEPTED);
    }
    if get!(irp, CurrentLocation) - 1 < target.stack_size()? {
        misuse("Request", "the request has fewer stack locations left than the target needs");
        return Err(status::REQUEST_NOT_ACCEPTED);
    }
    let timed = options.timeout.is_some() && !options.has(SYNCHRONOUS);
    if timed && !sending.timer_allocated.get() && !pool::try_charge() {
        return Err(status::INSUFFICIENT_RESOURCES);
    }
    let handle = request.handle.get();
    objects::reference(handle);
    sending.target.set(target.handle.get());
    sending.sends.set(sending.sends.get() + 1);
    sending.timed_out.set(false);
    sending.done.set(false);
    if let (true, Some(timeout)) = (timed, options.timeout) {
        sending.timer_allocated.set(true);
        let number = sending.sends.get();
        // The timer keeps the request until it was taken back or has run.
        objects::reference(handle);
        let expired = move || expire(handle, number);
        let id = time::timer_set(clock::deadline(timeout), DISPATCH, "request time-out", Box::new(expired));
        sending.timer.set(Some(id));
    }
    target.outstanding.set(target.outstanding.get() + 1);
    if verdict == Verdict::Keep {
        sending.progress.set(Progress::Kept);
        target.keep(irp, handle);
    } else {
        pass_down(target, request);
    }
    Ok(())
}

/// Hands the IRP to the lower driver.
fn pass_down(target: &Rc<Target>, request: &Rc<Request>) {
    let irp = request.irp.get();
    request.sending.progress.set(Progress::Sent);
    request.sending.formatted.set(false);
    target.sent.borrow_mut().push(request.handle.get());
    io::set_completion(irp, came_back, request.handle.get().0 as PVOID, true, true, true);
    io::call_driver(target.device.get(), irp);
}

/// The lower driver completed the IRP.
extern "win64" fn came_back(_device: *mut DEVICE_OBJECT, irp: *mut IRP, context: PVOID) -> i32 {
    let request = request::get(Handle(context as usize));
    if get!(irp, IoStatus.Status) == status::CANCELLED && request.sending.timed_out.get() {
        put!(irp, IoStatus.Status, status::IO_TIMEOUT);
    }
    if request.sending.cancelling.get() > 0 {
        request.sending.returned.set(true);
    } else {
        take_back(&request);
    }
    status::MORE_PROCESSING_REQUIRED
}

fn take_back(request: &Rc<Request>) {
    let target = of(request.sending.target.get());
    target.sent.borrow_mut().retain(|sent| *sent != request.handle.get());
    finish(&target, request);
}

/// Completes a request that the target kept: it never reached the lower driver.
pub(super) fn complete_unsent(target: &Rc<Target>, request: &Rc<Request>, status: i32) {
    put!(request.irp.get(), IoStatus.Status, status);
    put!(request.irp.get(), IoStatus.Information, 0);
    finish(target, request);
}

/// A started target sends what it kept.
pub(super) fn send_kept(target: &Rc<Target>, request: &Rc<Request>) {
    if get!(request.irp.get(), Cancel) != 0 {
        complete_unsent(target, request, status::CANCELLED);
    } else {
        pass_down(target, request);
    }
}

/// The end of a send: results are taken over, the driver's completion routine runs.
fn finish(target: &Rc<Target>, request: &Rc<Request>) {
    let sending = &request.sending;
    if let Some(timer) = sending.timer.take()
        && time::timer_cancel(timer)
    {
        objects::dereference(request.handle.get());
    }
    let mut params = super::format::results(sending, request.irp.get());
    sending.params.set(Some(params));
    sending.progress.set(Progress::Here);
    if let Some((Some(routine), context)) = sending.completion.take() {
        let (request, target) = (request.handle.get(), target.handle.get());
        call::driver("EvtRequestCompletionRoutine", || {
            // SAFETY: the driver gave this address as the completion routine of this request; what it does is the driver's.
            unsafe { routine(request, target, &raw mut params, context) }
        });
    }
    target.outstanding.set(target.outstanding.get() - 1);
    sending.done.set(true);
    objects::dereference(request.handle.get());
}

/// The time-out of an asynchronous send. It may come late, when the request is back or was sent again.
fn expire(handle: Handle, number: u64) {
    let request = request::get(handle);
    let sending = &request.sending;
    if sending.is_sent() && sending.sends.get() == number {
        sending.timer.set(None);
        let target = of(sending.target.get());
        time_out(&target, &request);
    }
    objects::dereference(handle);
}

fn time_out(target: &Rc<Target>, request: &Rc<Request>) {
    if target.take_kept(request) {
        complete_unsent(target, request, status::IO_TIMEOUT);
    } else if request.sending.progress.get() == Progress::Sent {
        request.sending.timed_out.set(true);
        cancel(request);
    }
}

/// Cancels the IRP of a sent request. True: its holder was told.
pub(super) fn cancel(request: &Rc<Request>) -> bool {
    let sending = &request.sending;
    // The completion routine may drop the request.
    objects::reference(request.handle.get());
    sending.cancelling.set(sending.cancelling.get() + 1);
    let told = io::cancel(request.irp.get());
    sending.cancelling.set(sending.cancelling.get() - 1);
    if sending.cancelling.get() == 0 && sending.returned.replace(false) {
        take_back(request);
    }
    objects::dereference(request.handle.get());
    told
}

/// `WdfRequestCancelSentRequest`
pub(super) fn cancel_sent(request: &Rc<Request>) -> bool {
    if !request.sending.is_sent() {
        return false;
    }
    let target = of(request.sending.target.get());
    if target.take_kept(request) {
        complete_unsent(&target, request, status::CANCELLED);
        return true;
    }
    request.sending.progress.get() == Progress::Sent && cancel(request)
}

/// Sends and waits for the result, at most as long as the options say; then cancels and waits for the real completion.
///
/// # Errors
/// Why it was not sent.
pub(super) fn submit_and_wait(target: &Rc<Target>, request: &Rc<Request>, options: Options) -> Result<(), i32> {
    let deadline = options.timeout.map(clock::deadline);
    let options = Options { flags: options.flags | SYNCHRONOUS, ..options };
    objects::reference(request.handle.get());
    let sent = submit(target, request, options);
    if sent.is_ok() {
        let done = || request.sending.done.get();
        if !done() && !threads::block("the completion of a request", deadline, &done) {
            time_out(target, request);
            if !done() {
                threads::block("the completion of a request that timed out", None, &done);
            }
        }
    }
    objects::dereference(request.handle.get());
    sent
}

/// Sends without wanting it back: the framework lets the request go at once.
fn forget(target: &Rc<Target>, request: &Rc<Request>, irp: *mut IRP) -> Result<(), i32> {
    if request.origin != Origin::Io {
        return Err(status::INVALID_DEVICE_STATE);
    }
    if request.sending.format.borrow().is_some() {
        return Err(status::INVALID_DEVICE_REQUEST);
    }
    // The location of a request from I/O is marked pending. It is kept for that, and given away only when the target
    // needs it.
    if !request.sending.formatted.get() && get!(irp, CurrentLocation) - 1 < target.stack_size()? {
        io::skip(irp);
    } else if !request.sending.formatted.get() {
        io::copy_to_next(irp);
        put!(io::next(irp), CompletionRoutine, None);
    }
    request.forget(|| {
        io::call_driver(target.device.get(), irp);
    });
    Ok(())
}
