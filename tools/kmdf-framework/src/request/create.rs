//! Making, reusing and freeing requests.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use nt_kernel::io;
use nt_kernel::layout::IRP;
use nt_kernel::{get, put};

use super::{Origin, Place, Request, buffers, register};
use crate::client::{self, Client, Globals};
use crate::device::Device;
use crate::fail::{misuse, require};
use crate::functions::Function;
use crate::objects::{self, Handle, Kind, ParentRule, Plan};
use crate::structs::{self, WDF_OBJECT_ATTRIBUTES, WDF_REQUEST_REUSE_PARAMS};
use crate::{status, target};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfRequestCreate", request_create as *const ()),
    ("WdfRequestCreateFromIrp", create_from_irp as *const ()),
    ("WdfRequestReuse", reuse as *const ()),
    ("WdfRequestChangeTarget", change_target as *const ()),
];

fn body(client: &Rc<Client>, origin: Origin, irp: *mut IRP, device: Option<Rc<Device>>) -> Request {
    Request {
        handle: Cell::new(Handle::NULL),
        client: Rc::clone(client),
        origin,
        irp: Cell::new(irp),
        frees_irp: Cell::new(false),
        device,
        queue: Cell::new(Handle::NULL),
        place: Cell::new(Place::Outside),
        sending: target::Sending::default(),
        file: Cell::new(Handle::NULL),
        presented: Cell::new(false),
        reserve: Cell::new(Handle::NULL),
        presenting: Cell::new(false),
        must_complete: Cell::new(false),
        cancelled: Cell::new(false),
        cancel_routine: Cell::new(None),
        acknowledged: Cell::new(None),
        stopping: Cell::new(false),
        buffers: RefCell::new(buffers::Cached::default()),
    }
}

/// Makes the request of an IRP that was sent to a device. The driver does not know it yet: its callbacks are
/// suppressed until it is shown.
///
/// # Errors
/// INSUFFICIENT_RESOURCES.
pub fn from_io(device: &Rc<Device>, irp: *mut IRP) -> Result<Rc<Request>, i32> {
    let request = for_device(device)?;
    attach(&request, irp);
    Ok(request)
}

/// Gives a request an IRP that was sent to its device.
pub(crate) fn attach(request: &Request, irp: *mut IRP) {
    request.irp.set(irp);
    if let Some(device) = &request.device {
        register(irp, device.wdm.get(), request.handle.get());
    }
}

/// Makes a request that is allocated ahead for IRPs of a queue.
///
/// # Errors
/// INSUFFICIENT_RESOURCES.
pub(crate) fn reserved(device: &Rc<Device>, queue: Handle) -> Result<Rc<Request>, i32> {
    let request = for_device(device)?;
    request.reserve.set(queue);
    Ok(request)
}

/// Takes back a request that the driver could not prepare: its IRP goes on without it.
pub(crate) fn discard(request: &Rc<Request>) {
    request.forget(|| {});
}

fn for_device(device: &Rc<Device>) -> Result<Rc<Request>, i32> {
    let client = &device.client;
    let attributes = device.settings.request_attributes.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let plan = Plan::check_with(client, Kind::Request, attributes, Handle::NULL, ParentRule::Forbidden)?;
    let request = Rc::new(body(client, Origin::Io, std::ptr::null_mut(), Some(Rc::clone(device))));
    let shared: Rc<Request> = Rc::clone(&request);
    let handle = objects::create(plan, shared)?;
    let object = objects::any(handle, "Request");
    object.set_deletable(false);
    object.set_notify(false);
    Ok(request)
}

/// Shows a request to the driver for the first time: from now on its cleanup and destroy callbacks run.
pub(crate) fn show(request: &Request) {
    objects::any(request.handle.get(), "Request").set_notify(true);
}

/// Makes a request of the framework's own, for a synchronous send: the driver never sees it.
///
/// # Errors
/// INSUFFICIENT_RESOURCES.
pub(crate) fn temporary(client: &Rc<Client>) -> Result<Rc<Request>, i32> {
    let plan = Plan::check(client, Kind::Request, std::ptr::null(), client.driver.get())?;
    let request = Rc::new(body(client, Origin::Driver, std::ptr::null_mut(), None));
    request.frees_irp.set(true);
    let shared: Rc<Request> = Rc::clone(&request);
    let handle = objects::create(plan, shared)?;
    objects::any(handle, "Request").set_notify(false);
    Ok(request)
}

unsafe extern "win64" fn request_create(
    globals: Globals,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    io_target: Handle,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    objects::store(out, "Request", || {
        let plan = Plan::check(&client, Kind::Request, attributes, client.driver.get())?;
        let irp = if io_target.is_null() { std::ptr::null_mut() } else { allocate(target::stack_size(io_target)?)? };
        let request = body(&client, Origin::Driver, irp, None);
        request.frees_irp.set(true);
        objects::create(plan, Rc::new(request)).inspect_err(|_| {
            if !irp.is_null() {
                io::free_irp(irp);
            }
        })
    })
}

fn allocate(stack: i8) -> Result<*mut IRP, i32> {
    if !nt_kernel::pool::try_charge() {
        return Err(status::INSUFFICIENT_RESOURCES);
    }
    Ok(io::allocate_irp(stack))
}

unsafe extern "win64" fn create_from_irp(
    globals: Globals,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    irp: *mut IRP,
    frees_irp: u8,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    require(irp, "Irp");
    objects::store(out, "Request", || {
        let plan = Plan::check(&client, Kind::Request, attributes, client.driver.get())?;
        let request = body(&client, Origin::Irp, irp, None);
        request.frees_irp.set(frees_irp != 0);
        objects::create(plan, Rc::new(request))
    })
}

/// Frees the IRP of a driver-made request, if it goes with the request.
pub(super) fn release_irp(request: &Request) {
    let irp = request.irp.replace(std::ptr::null_mut());
    if !irp.is_null() && request.origin != Origin::Io && request.frees_irp.get() {
        io::free_irp(irp);
    }
}

impl Request {
    /// Makes sure that the IRP has enough stack locations to be sent to a target of that stack size: a driver-made
    /// request gets a new IRP if it must, one from I/O is refused.
    ///
    /// # Errors
    /// REQUEST_NOT_ACCEPTED, INSUFFICIENT_RESOURCES.
    pub fn ensure_stack(&self, stack: i8) -> Result<(), i32> {
        let irp = self.irp.get();
        if self.origin != Origin::Driver {
            // The locations below the current one are what is left for the target.
            return if irp.is_null() || get!(irp, CurrentLocation) - 1 < stack {
                Err(status::REQUEST_NOT_ACCEPTED)
            } else {
                Ok(())
            };
        }
        if !irp.is_null() && get!(irp, StackCount) >= stack {
            return Ok(());
        }
        let new = allocate(stack)?;
        release_irp(self);
        self.irp.set(new);
        self.frees_irp.set(true);
        Ok(())
    }
}

unsafe extern "win64" fn change_target(_: Globals, request: Handle, io_target: Handle) -> i32 {
    let request = super::get(request);
    target::stack_size(io_target).and_then(|stack| request.ensure_stack(stack)).err().unwrap_or(status::SUCCESS)
}

const SET_NEW_IRP: u32 = 1;
const MUST_COMPLETE: u32 = 2;

unsafe extern "win64" fn reuse(globals: Globals, request: Handle, parameters: *const WDF_REQUEST_REUSE_PARAMS) -> i32 {
    let client = client::of(globals);
    let request = super::get(request);
    require(parameters, "ReuseParams");
    let Some(parameters) = structs::read(parameters) else { return status::INVALID_PARAMETER };
    reuse_with(&client, &request, &parameters).err().unwrap_or(status::SUCCESS)
}

fn reuse_with(client: &Client, request: &Request, parameters: &WDF_REQUEST_REUSE_PARAMS) -> Result<(), i32> {
    let known = SET_NEW_IRP | if client.at_least(11) { MUST_COMPLETE } else { 0 };
    let new_irp = parameters.Flags & SET_NEW_IRP != 0;
    if parameters.Flags & !known != 0 {
        return Err(status::INVALID_PARAMETER);
    }
    if request.sending.is_sent() {
        misuse("Request", "reused while it is sent");
        return Err(status::WDF_REQUEST_INVALID_STATE);
    }
    if parameters.Flags & MUST_COMPLETE != 0 {
        if request.origin == Origin::Io {
            return Err(status::INVALID_DEVICE_REQUEST);
        }
        let irp = if new_irp { parameters.NewIrp } else { request.irp.get() };
        // The framework's own IRPs have nobody above to complete to.
        if irp.is_null() || (!new_irp && request.frees_irp.get() && request.origin == Origin::Driver) {
            return Err(status::INVALID_PARAMETER);
        }
    }
    if request.origin == Origin::Io {
        if new_irp {
            return Err(status::WDF_REQUEST_INVALID_STATE);
        }
        request.sending.reuse(client);
        request.cancelled.set(false);
        put!(request.irp.get(), IoStatus.Status, parameters.Status);
        return Ok(());
    }
    request.sending.reuse(client);
    request.cancelled.set(false);
    request.place.set(Place::Outside);
    request.must_complete.set(parameters.Flags & MUST_COMPLETE != 0);
    if new_irp {
        release_irp(request);
        request.irp.set(parameters.NewIrp);
        request.frees_irp.set(false);
    } else if !request.irp.get().is_null() && request.origin == Origin::Driver && request.frees_irp.get() {
        io::reuse_irp(request.irp.get(), parameters.Status);
    }
    if !request.irp.get().is_null() {
        put!(request.irp.get(), IoStatus.Status, parameters.Status);
    }
    Ok(())
}
