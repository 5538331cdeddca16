//! Guaranteed forward progress: requests that are allocated ahead and serve IRPs when memory is short.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use nt_kernel::layout::{DEVICE_OBJECT, IRP, IRP_PAGING_IO};
use nt_kernel::{get, io};
use nt_machine::call;

use super::{Queue, enqueue};
use crate::client::Globals;
use crate::dispatch::complete_irp;
use crate::fail::require;
use crate::functions::Function;
use crate::objects::{self, Handle};
use crate::request::{self, Place, Request};
use crate::status;
use crate::structs::{self, EvtQueueExamine, EvtQueueReserve, WDF_IO_QUEUE_FORWARD_PROGRESS_POLICY};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[("WdfIoQueueAssignForwardProgressPolicy", assign_policy as *const ())];

/// Which IRPs may use a reserved request.
enum Policy {
    Always,
    Examine(EvtQueueExamine),
    Paging,
}

/// The reserved requests of a queue.
pub(crate) struct Reserve {
    policy: Policy,
    /// `EvtIoAllocateRequestResources`, called for each request that was allocated in the ordinary way.
    resources: EvtQueueReserve,
    free: RefCell<Vec<Rc<Request>>>,
    /// IRPs that wait for a reserved request to come back; their cancel routine is set.
    waiting: RefCell<VecDeque<*mut IRP>>,
}

const USE_RESERVED: u32 = 2;

unsafe extern "win64" fn assign_policy(
    _: Globals,
    queue: Handle,
    policy: *const WDF_IO_QUEUE_FORWARD_PROGRESS_POLICY,
) -> i32 {
    let queue = super::get(queue);
    require(policy, "ForwardProgressPolicy");
    assign(&queue, policy).err().unwrap_or(status::SUCCESS)
}

fn assign(queue: &Rc<Queue>, policy: *const WDF_IO_QUEUE_FORWARD_PROGRESS_POLICY) -> Result<(), i32> {
    let config = structs::read(policy).ok_or(status::INFO_LENGTH_MISMATCH)?;
    let examine = config.ForwardProgressReservePolicySettings;
    let policy = match config.ForwardProgressReservedPolicy {
        1 => Policy::Always,
        2 if examine.is_some() => Policy::Examine(examine),
        3 => Policy::Paging,
        _ => return Err(status::INVALID_PARAMETER),
    };
    if config.TotalForwardProgressRequests == 0 || queue.reserve.borrow().is_some() {
        return Err(status::INVALID_PARAMETER);
    }
    let reserve = Reserve {
        policy,
        resources: config.EvtIoAllocateRequestResources,
        free: RefCell::new(Vec::new()),
        waiting: RefCell::new(VecDeque::new()),
    };
    for _ in 0..config.TotalForwardProgressRequests {
        let made = request::create::reserved(&queue.device, queue.handle.get()).and_then(|request| {
            reserve.free.borrow_mut().push(Rc::clone(&request));
            allocate_resources(
                queue,
                &request,
                "EvtIoAllocateResourcesForReservedRequest",
                config.EvtIoAllocateResourcesForReservedRequest,
            )
        });
        if let Err(status) = made {
            reserve.delete_requests();
            return Err(status);
        }
    }
    *queue.reserve.borrow_mut() = Some(Rc::new(reserve));
    Ok(())
}

/// Lets the driver add resources to a request, if it wants to.
fn allocate_resources(queue: &Queue, request: &Request, what: &str, callback: EvtQueueReserve) -> Result<(), i32> {
    let Some(callback) = callback else { return Ok(()) };
    request::create::show(request);
    let (queue, request) = (queue.handle.get(), request.handle.get());
    // SAFETY: the driver gave this callback with the policy.
    let status = call::driver(what, || unsafe { callback(queue, request) });
    if status::ok(status) { Ok(()) } else { Err(status) }
}

impl Reserve {
    /// Deletes the requests that are not in use.
    pub(super) fn delete_requests(&self) {
        let free = self.free.take();
        for request in free {
            objects::delete(request.handle.get());
        }
    }

    /// Whether an IRP for which no request could be made may use a reserved one.
    fn admits(&self, queue: &Queue, irp: *mut IRP) -> bool {
        match self.policy {
            Policy::Always => true,
            Policy::Paging => get!(irp, Flags) & IRP_PAGING_IO != 0,
            Policy::Examine(callback) => callback.is_some_and(|callback| {
                let queue = queue.handle.get();
                // SAFETY: the driver gave this callback with the policy.
                let answer = call::driver("EvtIoWdmIrpForForwardProgress", || unsafe { callback(queue, irp) });
                answer == USE_RESERVED
            }),
        }
    }
}

/// A request was made for an IRP in the ordinary way: lets the driver add its resources. False: they could not be had,
/// and the request is gone again.
pub(crate) fn prepare(queue: &Queue, request: &Rc<Request>) -> bool {
    let Some(reserve) = queue.reserve.borrow().clone() else { return true };
    let prepared = allocate_resources(queue, request, "EvtIoAllocateRequestResources", reserve.resources);
    if prepared.is_err() {
        request::create::discard(request);
    }
    prepared.is_ok()
}

/// No request could be made for an IRP: serves it with a reserved one, now or later, if the queue's policy admits it.
/// `failure` is the status of a queue without reserve.
pub(crate) fn serve(queue: &Rc<Queue>, irp: *mut IRP, failure: i32) -> i32 {
    let Some(reserve) = queue.reserve.borrow().clone() else { return complete_irp(irp, failure) };
    if !reserve.admits(queue, irp) {
        return complete_irp(irp, status::UNSUCCESSFUL);
    }
    io::mark_pending(irp);
    let free = reserve.free.borrow_mut().pop();
    match free {
        Some(request) => start(queue, &request, irp),
        None => wait(queue, &reserve, irp),
    }
    status::PENDING
}

fn start(queue: &Rc<Queue>, request: &Rc<Request>, irp: *mut IRP) {
    request::create::attach(request, irp);
    let file = get!(io::current(irp), FileObject);
    request.file.set(queue.device.files.of_request(&queue.device, file));
    if enqueue(queue, request).is_err() {
        nt_kernel::put!(irp, IoStatus.Information, 0);
        request::complete(request, status::INVALID_DEVICE_STATE);
    }
}

fn wait(queue: &Queue, reserve: &Reserve, irp: *mut IRP) {
    reserve.waiting.borrow_mut().push_back(irp);
    io::set_cancel_routine(irp, Some(cancel_waiting));
    if get!(irp, Cancel) != 0 && io::set_cancel_routine(irp, None).is_some() {
        drop_waiting(&[queue], irp);
    }
}

extern "win64" fn cancel_waiting(wdm: *mut DEVICE_OBJECT, irp: *mut IRP) {
    io::release_cancel_lock(get!(irp, CancelIrql));
    let Some(device) = crate::device::by_wdm(wdm) else { return };
    let queues = device.io.queues();
    drop_waiting(&queues.iter().map(Rc::as_ref).collect::<Vec<_>>(), irp);
}

fn drop_waiting(queues: &[&Queue], irp: *mut IRP) {
    for queue in queues {
        let reserve = queue.reserve.borrow().clone();
        let found = reserve.is_some_and(|reserve| {
            let mut waiting = reserve.waiting.borrow_mut();
            let at = waiting.iter().position(|known| *known == irp);
            at.is_some_and(|at| waiting.remove(at).is_some())
        });
        if found {
            complete_irp(irp, status::CANCELLED);
            return;
        }
    }
}

/// A reserved request was completed: it serves the next IRP that waits, or goes back.
pub(crate) fn returned(request: &Rc<Request>) {
    let Some(queue) = super::find(request.reserve.get()) else { return objects::delete(request.handle.get()) };
    let Some(reserve) = queue.reserve.borrow().clone() else { return objects::delete(request.handle.get()) };
    debug_assert_eq!(request.place.get(), Place::Outside);
    loop {
        let next = reserve.waiting.borrow_mut().pop_front();
        let Some(irp) = next else { break };
        // One whose cancel routine is on its way is not looked for again.
        if io::set_cancel_routine(irp, None).is_some() {
            return start(&queue, request, irp);
        }
        complete_irp(irp, status::CANCELLED);
    }
    reserve.free.borrow_mut().push(Rc::clone(request));
}
