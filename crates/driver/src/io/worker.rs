//! The serial queue: requests come one at a time, and a system thread runs them at PASSIVE_LEVEL.

use core::slice::from_raw_parts_mut;

use ioctl_dispatch::ioctl::{ControlCode, Method};
use ioctl_dispatch::request::{Mdl, Transfer};
use ioctl_dispatch::{Completion, Job, NtStatus, Request as ControlRequest};
use wdk_sys::{IRP_MJ_WRITE, WDFOBJECT, WDFQUEUE, WDFREQUEST, WDFWORKITEM};

use crate::device::Device;
use crate::device::files::{self, FileContext};
use crate::io::complete::{fail, finish};
use crate::io::engine::Work;
use crate::io::own_work::{OwnWork, Task};
use crate::io::request_context::{Kind, RequestContext, Told};
use crate::wdf::object::context;
use crate::wdf::queue::Queue;
use crate::wdf::request::Request;
use crate::wdf::work_item;

/// IOCTL_STORAGE_EJECT_MEDIA.
const EJECT_MEDIA: ControlCode = ControlCode(0x002D_4808);

/// The open file of a request, if it was opened through this device.
pub fn file_of<'a>(request: &Request) -> Option<&'a FileContext> {
    let file = request.file_object();
    // SAFETY: the file object lives at least as long as its requests.
    if file.is_null() { None } else { unsafe { files::of(file) } }
}

/// The system buffer of a device control: input at the front, output over it.
///
/// # Safety
/// The caller holds the request, and nobody else uses the buffer while the slice lives.
pub unsafe fn system_buffer<'a>(request: &Request, control: &ControlRequest) -> &'a mut [u8] {
    let length = match control.code.method() {
        Method::Buffered => control.input_length.max(control.output_length),
        Method::InDirect | Method::OutDirect => control.input_length,
        Method::Neither => 0,
    };
    let start = request.irp().system_buffer();
    let length = usize::try_from(length).unwrap_or(0);
    if control.system_address == 0 || start.is_null() || length == 0 {
        return &mut [];
    }
    // SAFETY: the I/O manager made the buffer that long; as the caller promises.
    unsafe { from_raw_parts_mut(start, length) }
}

/// A read or write has come to its turn.
pub extern "C" fn transfer(queue: WDFQUEUE, request: WDFREQUEST, _length: usize) {
    present(queue, request);
}

/// A device control has come to its turn.
pub extern "C" fn device_control(queue: WDFQUEUE, request: WDFREQUEST, _output: usize, _input: usize, _code: u32) {
    // SAFETY: a live request of this device.
    let context = unsafe { context::<RequestContext>(request.cast()) };
    match context {
        Some(context) if context.kind() == Kind::InCallerThread => context.tell(Told::Turn),
        _ => present(queue, request),
    }
}

fn present(queue: WDFQUEUE, request: WDFREQUEST) {
    // SAFETY: the framework calls with a live queue.
    let queue = unsafe { Queue::from_raw(queue) };
    // SAFETY: the queue's device is ours.
    let device = unsafe { Device::of(queue.device()) };
    device.presented.set(request);
    // SAFETY: a live work item.
    unsafe { work_item::enqueue(device.worker.get()) };
}

/// A request that waited for its turn has been cancelled.
pub extern "C" fn canceled_on_queue(queue: WDFQUEUE, request: WDFREQUEST) {
    // SAFETY: a live request of this device.
    let context = unsafe { context::<RequestContext>(request.cast()) };
    if let Some(context) = context.filter(|context| context.kind() == Kind::InCallerThread) {
        return context.tell(Told::Cancelled);
    }
    // SAFETY: the framework calls with a live queue.
    let queue = unsafe { Queue::from_raw(queue) };
    // SAFETY: the queue's device is ours.
    let device = unsafe { Device::of(queue.device()) };
    // SAFETY: the framework gives the request to this driver.
    fail(device, unsafe { Request::from_raw(request) }, NtStatus::CANCELLED);
}

/// A request goes away: a thread that still waits for its turn is told.
pub extern "C" fn request_cleanup(request: WDFOBJECT) {
    // SAFETY: a live request of this device.
    let context = unsafe { context::<RequestContext>(request) };
    if let Some(context) = context.filter(|context| context.kind() == Kind::InCallerThread) {
        context.tell(Told::Gone);
    }
}

/// Somebody wants the request in hand to end early. IRQL <= DISPATCH_LEVEL.
pub extern "C" fn cancel_routine(request: WDFREQUEST) {
    // SAFETY: this driver owns the request until the engine, which waits for this routine, has completed it.
    let request = unsafe { Request::from_raw(request) };
    let device = device_of(&request);
    // The engine completes it.
    let _ = request.into_raw();
    device.in_hand.cancel();
    device.in_hand.cancel_seen();
}

/// The device of a request that a queue has presented.
fn device_of<'a>(request: &Request) -> &'a Device {
    // SAFETY: the queue's device is ours.
    unsafe { Device::of(request.queue().device()) }
}

/// Runs the request that was presented.
pub extern "C" fn work(item: WDFWORKITEM) {
    // SAFETY: the framework calls with a live work item.
    let parent = unsafe { work_item::parent(item) };
    // SAFETY: it was made with the device as parent.
    let device = unsafe { Device::of_object(parent) };
    let request = device.presented.take();
    if request.is_null() {
        return;
    }
    // SAFETY: the ownership was kept with the handle.
    run(device, unsafe { Request::from_raw(request) });
}

fn run(device: &Device, request: Request) {
    let context = request.context::<RequestContext>();
    let job = match (context.kind(), context.control()) {
        (Kind::Own, _) => {
            let own = context.own();
            // SAFETY: work of our own stays until its IRP has come back.
            return run_own(device, request, unsafe { &*own });
        }
        (_, Some(control)) => Job::Control(control),
        (_, None) => Job::Transfer(describe(&request)),
    };
    let file = request.file_object();
    // SAFETY: the file object lives at least as long as its requests.
    let file = if file.is_null() { None } else { unsafe { files::of(file) } };
    device.engine.with(|engine| engine.run_request(device, request, Work::new(job, file)));
}

/// What the core needs to know of a read or write.
fn describe(request: &Request) -> Transfer {
    let irp = request.irp();
    let location = irp.location();
    let parameters = location.transfer();
    Transfer {
        write: u32::from(location.major()) == IRP_MJ_WRITE,
        offset: parameters.offset,
        length: parameters.length,
        mdl: irp.mdl().map_or(Mdl { address: 0, byte_count: 0 }, |mdl| mdl.shape()),
        handle: file_of(request).map(FileContext::id),
        stack_flags: location.flags(),
        minor: location.minor(),
        paging: irp.paging(),
    }
}

fn run_own(device: &Device, request: Request, own: &OwnWork) {
    let (job, file) = match own.task() {
        Task::Poll => (Job::Poll, None),
        Task::RestoreSpeed => (Job::RestoreSpeed, None),
        Task::SoftEject => (Job::Control(ControlRequest::of_driver(EJECT_MEDIA)), None),
        // SAFETY: the file object lives until the clean-up has ended.
        Task::Cleanup => (Job::Cleanup, unsafe { own.file().as_ref() }),
    };
    let completion = device.engine.with(|engine| engine.run_own(device, Work::new(job, file)));
    finish(device, request, Completion::new(completion.status, 0));
}
