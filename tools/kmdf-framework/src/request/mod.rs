//! Requests: WDFREQUEST around an IRP, from I/O or made by the driver.

pub(crate) mod accessors;
pub(crate) mod buffers;
pub(crate) mod cancel;
pub(crate) mod complete;
pub(crate) mod create;
#[cfg(test)]
mod tests;
pub(crate) mod user_buffers;

pub use complete::complete;
pub use create::from_io;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use nt_kernel::get;
use nt_kernel::io;
use nt_kernel::layout::{DEVICE_OBJECT, IO_STACK_LOCATION, IRP};
use nt_machine::findings::{self, Rule};

use crate::client::Client;
use crate::device::Device;
use crate::objects::{self, Body, Handle, Kind};
use crate::structs::EvtObject;
use crate::target;

/// Who made the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The framework, for an IRP that was sent to the device.
    Io,
    /// The driver; the framework allocates IRPs for it.
    Driver,
    /// The driver, around an IRP of its own.
    Irp,
}

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// With the driver, outside of any queue: driver-made, or in the in-caller-context or file-create callback.
    Outside,
    /// Waiting in a queue.
    Queued,
    /// Presented by a queue and not given back.
    Driver,
    /// Completed or given away for good.
    Done,
}

/// What the framework keeps of a WDFREQUEST.
pub struct Request {
    /// Its handle.
    pub handle: Cell<Handle>,
    /// The driver it belongs to.
    pub client: Rc<Client>,
    /// Who made it.
    pub origin: Origin,
    /// Its IRP; NULL for a driver-made one that has none yet, and after completion.
    pub irp: Cell<*mut IRP>,
    /// The IRP goes with the request: the framework allocated it, or the driver said so.
    pub frees_irp: Cell<bool>,
    /// The device that a request from I/O was sent to.
    pub device: Option<Rc<Device>>,
    /// The queue it waits in or was presented by; NULL for none.
    pub queue: Cell<Handle>,
    /// Where it is.
    pub place: Cell<Place>,
    /// What sending it needs: format, target, completion routine, timeout.
    pub sending: target::Sending,
    /// File object of the request.
    pub(crate) file: Cell<Handle>,
    /// A queue's callback has seen it.
    pub(crate) presented: Cell<bool>,
    /// The queue whose reserve it belongs to; NULL for an ordinary request.
    pub(crate) reserve: Cell<Handle>,
    /// A queue has chosen it and is about to call the handler.
    pub(crate) presenting: Cell<bool>,
    /// A driver-made request that was given an IRP to complete.
    pub(crate) must_complete: Cell<bool>,
    /// The framework knows that it is cancelled, whatever the IRP says.
    pub(crate) cancelled: Cell<bool>,
    /// Set while the driver has it marked cancelable.
    pub(crate) cancel_routine: Cell<EvtObject>,
    /// The answer to a stop: requeue or keep; `None` while there is none.
    pub(crate) acknowledged: Cell<Option<bool>>,
    /// Inside the framework's stop sequence.
    pub(crate) stopping: Cell<bool>,
    /// Memory objects and MDL over the buffers.
    pub(crate) buffers: RefCell<buffers::Cached>,
}

impl Body for Request {
    fn created(&self, handle: Handle) {
        self.handle.set(handle);
    }

    fn dispose(&self, handle: Handle) {
        self.sending.dispose(handle);
    }

    fn destroy(&self, _handle: Handle) {
        create::release_irp(self);
    }
}

impl Request {
    /// The IRP's current stack location: the parameters of a request from I/O.
    #[must_use]
    pub fn location(&self) -> *mut IO_STACK_LOCATION {
        io::current(self.irp.get())
    }

    /// Major function of the current location.
    #[must_use]
    pub fn major(&self) -> u8 {
        get!(self.location(), MajorFunction)
    }

    /// True if the IRP or the framework says that it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let irp = self.irp.get();
        self.cancelled.get() || (!irp.is_null() && get!(irp, Cancel) != 0)
    }

    /// For messages: major function and control code.
    #[must_use]
    pub fn describe(&self) -> String {
        if self.irp.get().is_null() {
            return format!("{} without IRP", self.handle.get());
        }
        let location = self.location();
        match get!(location, MajorFunction) {
            major @ (0xE | 0xF) => {
                format!("major {major:#x} code {:#x}", get!(location, Parameters.DeviceIoControl.IoControlCode))
            }
            major => format!("major {major:#x}"),
        }
    }
}

/// The request of a handle that a driver passed. One that was completed and freed is a double completion if the call
/// would complete it, else the use of a freed handle.
#[must_use]
pub fn get(handle: Handle) -> Rc<Request> {
    objects::get(handle, Kind::Request, "Request")
}

/// As [`get`], for what reads the IRP: a request that is completed or was given away is reported and gives `None`. In
/// its cleanup callback it has its IRP still.
#[must_use]
pub(crate) fn open(handle: Handle) -> Option<Rc<Request>> {
    let request = get(handle);
    if request.place.get() == Place::Done && request.irp.get().is_null() {
        findings::report(Rule::UseAfterFree, "Request", "the request was completed or given away before");
        return None;
    }
    Some(request)
}

/// As [`open`], for what moves the request or changes who owns it: not any more once its completion has begun.
#[must_use]
pub(crate) fn owned(handle: Handle) -> Option<Rc<Request>> {
    let request = get(handle);
    if request.place.get() == Place::Done {
        findings::report(Rule::UseAfterFree, "Request", "the request was completed or given away before");
        return None;
    }
    Some(request)
}

thread_local! {
    /// Requests from I/O by IRP and device, for cancel routines.
    static BY_IRP: RefCell<BTreeMap<(usize, usize), Handle>> = const { RefCell::new(BTreeMap::new()) };
}

pub(crate) fn register(irp: *mut IRP, device: *mut DEVICE_OBJECT, request: Handle) {
    BY_IRP.with_borrow_mut(|known| known.insert((irp as usize, device as usize), request));
}

pub(crate) fn unregister(irp: *mut IRP, device: *mut DEVICE_OBJECT) {
    BY_IRP.with_borrow_mut(|known| known.remove(&(irp as usize, device as usize)));
}

/// Requests that a device has not completed, in order of arrival.
pub(crate) fn of_device(device: *mut DEVICE_OBJECT) -> Vec<Rc<Request>> {
    let mut handles: Vec<Handle> = BY_IRP.with_borrow(|known| {
        known.iter().filter(|((_, of), _)| *of == device as usize).map(|(_, handle)| *handle).collect()
    });
    handles.sort_unstable();
    handles.into_iter().filter_map(|handle| objects::find(handle)?.body()).collect()
}

/// The request of an IRP that a device has.
pub(crate) fn by_irp(irp: *mut IRP, device: *mut DEVICE_OBJECT) -> Option<Rc<Request>> {
    let handle = BY_IRP.with_borrow(|known| known.get(&(irp as usize, device as usize)).copied())?;
    objects::find(handle)?.body()
}

pub(crate) fn clear() {
    BY_IRP.with_borrow_mut(BTreeMap::clear);
}
