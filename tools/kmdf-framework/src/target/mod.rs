//! I/O targets: where a driver's requests go. The local target of a device is the driver below it; a remote target is
//! any other device, opened by the driver.

mod buffer;
mod control;
mod format;
mod formatters;
mod kept;
mod open;
mod query;
mod requests;
pub mod rules;
mod sending;
mod synchronous;
pub use sending::Sending;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use nt_kernel::file::File;
use nt_kernel::get;
use nt_kernel::layout::{DEVICE_OBJECT, FILE_OBJECT, HANDLE};

use crate::client::Globals;
use crate::device::Device;
use crate::functions::Function;
use crate::objects::{self, Body, Handle, Kind, Plan};
use crate::status;
use rules::State;

/// What this module and those below it implement, by subject.
pub const FUNCTIONS: &[&[Function]] = &[
    ACCESSORS,
    control::FUNCTIONS,
    formatters::FUNCTIONS,
    open::FUNCTIONS,
    query::FUNCTIONS,
    requests::FUNCTIONS,
    synchronous::FUNCTIONS,
];

const ACCESSORS: &[Function] = &[
    ("WdfIoTargetGetState", get_state as *const ()),
    ("WdfIoTargetGetDevice", get_device as *const ()),
    ("WdfIoTargetWdmGetTargetDeviceObject", get_device_object as *const ()),
    ("WdfIoTargetWdmGetTargetPhysicalDevice", get_physical_device as *const ()),
    ("WdfIoTargetWdmGetTargetFileObject", get_file_object as *const ()),
    ("WdfIoTargetWdmGetTargetFileHandle", get_file_handle as *const ()),
];

/// An I/O target.
pub struct Target {
    handle: Cell<Handle>,
    /// The WDFDEVICE it belongs to.
    owner: Handle,
    /// The device's own target, not one that the driver made.
    local: bool,
    state: Cell<State>,
    device: Cell<*mut DEVICE_OBJECT>,
    pdo: Cell<*mut DEVICE_OBJECT>,
    file: Cell<*mut FILE_OBJECT>,
    file_handle: Cell<HANDLE>,
    /// What was opened by name, to be closed; and how, to be opened again.
    opened: Cell<Option<File>>,
    reopen: RefCell<Option<(String, u32)>>,
    /// Requests that wait for the target to be started, in order.
    kept: RefCell<VecDeque<Handle>>,
    /// Requests that the lower driver has, in order of sending.
    sent: RefCell<Vec<Handle>>,
    /// Requests sent whose completion routine has not returned.
    outstanding: Cell<usize>,
}

impl Body for Target {
    fn created(&self, handle: Handle) {
        self.handle.set(handle);
    }

    fn dispose(&self, _handle: Handle) {
        self.state.set(State::Deleted);
        self.run_down();
        self.forget_device();
    }
}

impl Target {
    fn new(owner: Handle, local: bool) -> Target {
        Target {
            handle: Cell::new(Handle::NULL),
            owner,
            local,
            state: Cell::new(if local { State::Started } else { State::Closed }),
            device: Cell::new(std::ptr::null_mut()),
            pdo: Cell::new(std::ptr::null_mut()),
            file: Cell::new(std::ptr::null_mut()),
            file_handle: Cell::new(std::ptr::null_mut()),
            opened: Cell::new(None),
            reopen: RefCell::new(None),
            kept: RefCell::default(),
            sent: RefCell::default(),
            outstanding: Cell::new(0),
        }
    }

    /// Stack locations that an IRP needs to be sent here.
    ///
    /// # Errors
    /// STATUS_INVALID_DEVICE_STATE when the target is not open.
    fn stack_size(&self) -> Result<i8, i32> {
        let device = self.device.get();
        if device.is_null() { Err(status::INVALID_DEVICE_STATE) } else { Ok(get!(device, StackSize)) }
    }
}

/// Makes the local target of a device: it sends to the device directly below.
///
/// # Errors
/// STATUS_INSUFFICIENT_RESOURCES.
pub fn create_local(device: &Rc<Device>) -> Result<Handle, i32> {
    let target = Target::new(device.handle.get(), true);
    target.device.set(device.lower());
    target.pdo.set(device.pdo);
    let plan = Plan::check(&device.client, Kind::IoTarget, std::ptr::null(), device.handle.get())?;
    let handle = objects::create(plan, Rc::new(target))?;
    objects::any(handle, "IoTarget").set_deletable(false);
    Ok(handle)
}

/// Forgets the requests of an earlier run.
pub(crate) fn clear() {
    kept::clear();
}

/// Stack locations that an IRP needs to be sent to a target.
///
/// # Errors
/// STATUS_INVALID_DEVICE_STATE when the target is not open.
pub fn stack_size(target: Handle) -> Result<i8, i32> {
    of(target).stack_size()
}

/// The target of a handle.
#[must_use]
pub(crate) fn of(handle: Handle) -> Rc<Target> {
    objects::get(handle, Kind::IoTarget, "IoTarget")
}

unsafe extern "win64" fn get_state(_: Globals, target: Handle) -> i32 {
    of(target).state.get() as i32
}

unsafe extern "win64" fn get_device(_: Globals, target: Handle) -> Handle {
    of(target).owner
}

unsafe extern "win64" fn get_device_object(_: Globals, target: Handle) -> *mut DEVICE_OBJECT {
    of(target).device.get()
}

unsafe extern "win64" fn get_physical_device(_: Globals, target: Handle) -> *mut DEVICE_OBJECT {
    of(target).pdo.get()
}

unsafe extern "win64" fn get_file_object(_: Globals, target: Handle) -> *mut FILE_OBJECT {
    of(target).file.get()
}

unsafe extern "win64" fn get_file_handle(_: Globals, target: Handle) -> HANDLE {
    of(target).file_handle.get()
}

#[cfg(test)]
mod tests;
