//! Devices: WDFDEVICE, its WDM device object, what was configured before its creation, names, interfaces, properties.

pub(crate) mod accessors;
pub(crate) mod create;
pub(crate) mod init;
pub(crate) mod names;
pub(crate) mod properties;
mod removal;
mod remove_lock;
#[cfg(test)]
mod tests;

pub use init::{DeviceInit, DeviceKind, Preprocess, Settings, init};
pub use remove_lock::RemoveLock;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use nt_kernel::layout::DEVICE_OBJECT;

use crate::client::Client;
use crate::objects::{self, Body, Handle, Kind};
use crate::pnp;

/// What the framework keeps of a WDFDEVICE.
pub struct Device {
    /// Its handle.
    pub handle: Cell<Handle>,
    /// The driver it belongs to.
    pub client: Rc<Client>,
    /// Its WDM device object; NULL once deleted.
    pub wdm: Cell<*mut DEVICE_OBJECT>,
    /// The device object directly below; NULL for a control device.
    pub attached: Cell<*mut DEVICE_OBJECT>,
    /// The PDO of its stack; NULL for a control device.
    pub pdo: *mut DEVICE_OBJECT,
    /// What was configured before its creation.
    pub settings: Settings,
    /// Its default local I/O target; NULL for a control device.
    pub target: Cell<Handle>,
    /// Keeps the device from going while IRPs are inside.
    pub remove_lock: RemoveLock,
    /// PnP and power state.
    pub pnp: pnp::State,
    /// Its I/O queues and how requests reach them.
    pub io: crate::queue::DeviceIo,
    /// Its file objects.
    pub files: crate::file::DeviceFiles,
    /// Device interfaces, in order of creation.
    pub(crate) interfaces: RefCell<Vec<names::Interface>>,
    /// Its symbolic link.
    pub(crate) link: RefCell<Option<String>>,
    /// A control device that was not yet declared ready, or any device before its AddDevice returned.
    pub(crate) initializing: Cell<bool>,
}

impl Body for Device {
    fn created(&self, handle: Handle) {
        self.handle.set(handle);
    }

    fn dispose(&self, _handle: Handle) {
        removal::dispose(self);
    }

    fn destroy(&self, _handle: Handle) {
        removal::destroy(self);
    }
}

impl Device {
    /// True for a device made by `WdfControlDeviceInitAllocate`.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.settings.kind == DeviceKind::Control
    }

    /// True for a filter.
    #[must_use]
    pub fn is_filter(&self) -> bool {
        self.settings.kind == DeviceKind::Filter
    }
}

thread_local! {
    static BY_WDM: RefCell<BTreeMap<usize, Handle>> = const { RefCell::new(BTreeMap::new()) };
}

/// The device of a handle that a driver passed.
#[must_use]
pub fn get(handle: Handle) -> Rc<Device> {
    objects::get(handle, Kind::Device, "Device")
}

/// The device of a WDM device object, if it is one of the framework's.
#[must_use]
pub fn by_wdm(wdm: *const DEVICE_OBJECT) -> Option<Rc<Device>> {
    let handle = BY_WDM.with_borrow(|known| known.get(&(wdm as usize)).copied())?;
    objects::find(handle)?.body()
}

/// The device that an object belongs to: itself or the nearest parent that is one.
#[must_use]
pub fn above(handle: Handle) -> Option<Rc<Device>> {
    let device = objects::ancestor(handle, Kind::Device)?;
    objects::find(device)?.body()
}

/// Devices of a client, in order of creation.
#[must_use]
pub fn all(client: &Rc<Client>) -> Vec<Rc<Device>> {
    objects::live(client)
        .iter()
        .filter(|object| object.kind == Kind::Device)
        .filter_map(|object| object.body())
        .collect()
}

pub(crate) fn clear() {
    BY_WDM.with_borrow_mut(BTreeMap::clear);
    init::clear();
}
