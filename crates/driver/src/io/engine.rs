//! Asks the core for steps and does them, for one piece of work at a time.

use core::ptr::NonNull;

use ioctl_dispatch::step::{Place, ScsiCommand};
use ioctl_dispatch::{Buffers, Completion, Dispatcher, Environment, Handle, Job, NtStatus, Outcome, Step};
use wdk_sys::WDFREQUEST;

use crate::device::Device;
use crate::device::files::FileContext;
use crate::io::complete::{fail, finish};
use crate::io::port::{Port, refused};
use crate::io::worker::{cancel_routine, system_buffer};
use crate::io::{effects, forward, platform};
use crate::km::mdl::Mdl;
use crate::status;
use crate::wdf::memory::Memory;
use crate::wdf::request::Request;

/// Bytes of a request's input that are kept while the request is with the driver below: more than the place of any
/// command in a pass-through structure.
const INPUT_KEPT: usize = 80;

/// What one piece of work is about.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    job: Job,
    file: Option<&'a FileContext>,
}

impl<'a> Work<'a> {
    /// `job` of the handle `file`.
    pub const fn new(job: Job, file: Option<&'a FileContext>) -> Self {
        Self { job, file }
    }
}

/// How a piece of work has ended.
enum End {
    Complete(Completion),
    Forward(Option<u8>),
    Park,
}

/// Memory of a started device.
pub struct Buffer {
    /// Data of commands that do not go to the caller's pages.
    pub scratch: Memory,
    /// The kept GET CONFIGURATION answer.
    pub features: Memory,
    /// The dispatcher's place, which is reached through the device.
    pub _core: Memory,
}

/// What is needed to do steps. Whoever has it owns the drive's turn.
pub struct Engine {
    /// The way to the drive.
    pub port: Port,
    /// There from the start to the removal.
    pub memory: Option<Buffer>,
}

/// The request that a piece of work belongs to, and the memory that it brings.
#[derive(Clone, Copy)]
struct Caller<'a> {
    request: Option<&'a Request>,
    mdl: Option<Mdl>,
    paging: bool,
}

impl Engine {
    /// An engine without memory that sends `request`.
    pub const fn new(request: WDFREQUEST) -> Self {
        Self { port: Port::new(request), memory: None }
    }

    /// Runs the work of a request and ends the request.
    pub fn run_request(&mut self, device: &Device, request: Request, work: Work<'_>) {
        let end = self.run(device, Some(&request), work);
        match end {
            End::Complete(completion) => finish(device, request, completion),
            End::Forward(minor) => pass_down(device, request, work.job, minor),
            End::Park => {
                if let Err((request, status)) = request.forward_to(device.volume_queue()) {
                    fail(device, request, status::to_core(status));
                }
            }
        }
    }

    /// Runs work of our own.
    pub fn run_own(&mut self, device: &Device, work: Work<'_>) -> Completion {
        match self.run(device, None, work) {
            End::Complete(completion) => completion,
            // Only requests of others can be passed on.
            End::Forward(_) | End::Park => Completion::new(NtStatus::INVALID_DEVICE_REQUEST, 0),
        }
    }

    fn run(&mut self, device: &Device, request: Option<&Request>, work: Work<'_>) -> End {
        device.in_hand.begin(work.file.map(FileContext::id));
        // Work of our own comes without its request: it is in nobody's hands.
        let marked = request.is_some_and(|request| {
            let marked = request.mark_cancelable(Some(cancel_routine));
            if !marked {
                device.in_hand.cancel();
            }
            marked
        });
        let mdl = request.and_then(|request| request.irp().mdl());
        let paging = matches!(work.job, Job::Transfer(transfer) if transfer.paging);
        let end = self.steps(device, Caller { request, mdl, paging }, work);
        if let Some(request) = request.filter(|_| marked)
            && !request.unmark_cancelable()
        {
            device.in_hand.wait_for_cancel();
        }
        device.in_hand.end();
        end
    }

    fn steps(&mut self, device: &Device, caller: Caller<'_>, work: Work<'_>) -> End {
        let unavailable = End::Complete(Completion::new(NtStatus::DEVICE_NOT_READY, 0));
        let Self { port, memory: Some(memory) } = self else { return unavailable };
        let first = lend(device, memory, caller, work, |dispatcher, handle, environment, buffers| {
            dispatcher.begin(work.job, handle, environment, buffers)
        });
        let Some(mut step) = first else { return unavailable };
        if let (Job::Transfer(_), Some(request)) = (work.job, caller.request)
            && !matches!(step, Step::Complete(_))
        {
            request.irp().location().set_minor(ioctl_dispatch::request::MINOR_VERIFY_CHECKED);
        }
        loop {
            let next = match step {
                Step::Send(command) => {
                    let reply = match place(&command, memory, caller) {
                        Ok(data) => port.execute(device, &command, data),
                        Err(status) => refused(status),
                    };
                    let outcome = Outcome::Command(reply);
                    resume(device, memory, caller, work, outcome)
                }
                Step::Wait(time) => {
                    device.in_hand.pause(time);
                    resume(device, memory, caller, work, Outcome::Waited)
                }
                Step::Platform(call) => {
                    let (status, value) = platform::ask(device, port, memory.scratch.bytes(), call);
                    resume(device, memory, caller, work, Outcome::Platform { status, value })
                }
                Step::Complete(completion) => return End::Complete(completion),
                Step::Forward { minor } => return End::Forward(minor),
                Step::Park => return End::Park,
            };
            match next {
                Some(next) => step = next,
                None => return unavailable,
            }
        }
    }
}

fn resume(
    device: &Device,
    memory: &mut Buffer,
    caller: Caller<'_>,
    work: Work<'_>,
    outcome: Outcome<'_>,
) -> Option<Step> {
    lend(device, memory, caller, work, |dispatcher, handle, environment, buffers| {
        dispatcher.resume(outcome, handle, environment, buffers)
    })
}

/// Where the data of a command lies.
fn place(command: &ScsiCommand, memory: &Buffer, caller: Caller<'_>) -> Result<Option<NonNull<u8>>, NtStatus> {
    if command.length == 0 {
        return Ok(None);
    }
    let length = usize::try_from(command.length).unwrap_or(usize::MAX);
    let no_room = NtStatus::INSUFFICIENT_RESOURCES;
    match command.place {
        Place::Scratch => {
            if length > memory.scratch.length() {
                return Err(no_room);
            }
            Ok(Some(memory.scratch.start()))
        }
        Place::Caller { offset } => {
            let mdl = caller.mdl.ok_or(no_room)?;
            let end = u64::from(offset).saturating_add(u64::from(command.length));
            if end > u64::from(mdl.shape().byte_count) {
                return Err(no_room);
            }
            let start = mdl.system_address(caller.paging).ok_or(no_room)?;
            let offset = usize::try_from(offset).map_err(|_| no_room)?;
            Ok(NonNull::new(start.as_ptr().wrapping_add(offset)))
        }
    }
}

/// Calls the core with all that it borrows, then takes care of its effects.
fn lend<R>(
    device: &Device,
    memory: &mut Buffer,
    caller: Caller<'_>,
    work: Work<'_>,
    call: impl FnOnce(&mut Dispatcher, Option<&mut Handle>, &Environment, &mut Buffers<'_>) -> R,
) -> Option<R> {
    let environment = device.environment(device.in_hand.is_cancelled());
    let system: &mut [u8] = match (caller.request, &work.job) {
        // SAFETY: the engine has the request, and nobody else uses its buffer.
        (Some(request), Job::Control(control)) => unsafe { system_buffer(request, control) },
        _ => &mut [],
    };
    let result = device.core.with(|dispatcher| {
        let mut buffers = Buffers { scratch: memory.scratch.bytes(), features: memory.features.bytes(), system };
        // SAFETY: the core's lock is held.
        let handle = work.file.map(|file| unsafe { file.handle() });
        call(dispatcher, handle, &environment, &mut buffers)
    });
    effects::drain(device);
    result
}

/// Passes a request down when its turn has come, and lets the core see how it ended.
fn pass_down(device: &Device, request: Request, job: Job, minor: Option<u8>) {
    let Job::Control(control) = job else {
        return fail(device, request, NtStatus::INVALID_DEVICE_REQUEST);
    };
    // The port writes its answer over the input.
    let mut kept = [0; INPUT_KEPT];
    let length = usize::try_from(control.input_length).unwrap_or(usize::MAX);
    // SAFETY: this thread has the request, and nobody else uses its buffer yet.
    let input = unsafe { system_buffer(&request, &control) };
    let length = length.min(input.len()).min(kept.len());
    for (to, from) in kept.iter_mut().zip(input.iter().take(length)) {
        *to = *from;
    }
    let (request, status, information) = forward::and_wait(device, request, minor);
    let kept = kept.get(..length).unwrap_or(&[]);
    let completion = device.core.with(|dispatcher| dispatcher.passed_down(&control, kept, status, information));
    effects::drain(device);
    finish(device, request, completion.unwrap_or(Completion::new(status, information)));
}
