//! What drivers tell the PnP manager: events of a device, relations and states that changed. Recorded, for the host to act on.

use std::cell::{Cell, RefCell};

use nt_machine::memory::{self, Kind};

use crate::layout::{CONFIGURATION_INFORMATION, DEVICE_OBJECT, GUID, TARGET_DEVICE_CUSTOM_NOTIFICATION};
use crate::{get, put, raw, status};

/// A custom event of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The device's PDO.
    pub pdo: *mut DEVICE_OBJECT,
    /// The event.
    pub event: GUID,
    /// Where text begins in the data, or -1.
    pub name_offset: i32,
    /// The data.
    pub data: Vec<u8>,
    /// When, in units of 100 ns since boot.
    pub time: i64,
}

/// What has to be asked anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalidation {
    /// Relations of this type (0 bus, 1 ejection, 2 power, 3 removal, 4 target device, 5 single bus).
    Relations(*mut DEVICE_OBJECT, u32),
    /// The device's PnP state.
    State(*mut DEVICE_OBJECT),
}

thread_local! {
    static NOTIFICATIONS: RefCell<Vec<Notification>> = const { RefCell::new(Vec::new()) };
    static INVALIDATIONS: RefCell<Vec<Invalidation>> = const { RefCell::new(Vec::new()) };
    static CONFIGURATION: Cell<*mut CONFIGURATION_INFORMATION> = const { Cell::new(core::ptr::null_mut()) };
}

pub(super) fn reset() {
    NOTIFICATIONS.replace(Vec::new());
    INVALIDATIONS.replace(Vec::new());
    CONFIGURATION.set(core::ptr::null_mut());
}

/// Records an event as `IoReportTargetDeviceChangeAsynchronous` gets it.
pub fn report_change(pdo: *mut DEVICE_OBJECT, structure: *mut TARGET_DEVICE_CUSTOM_NOTIFICATION) -> i32 {
    const HEADER: usize = core::mem::offset_of!(TARGET_DEVICE_CUSTOM_NOTIFICATION, CustomDataBuffer);
    let size = usize::from(get!(structure, Size));
    if get!(structure, Version) != 1 || size < HEADER || !get!(structure, FileObject).is_null() {
        return status::INVALID_DEVICE_REQUEST;
    }
    let data = raw::bytes(structure.cast::<u8>().wrapping_add(HEADER), size - HEADER);
    let notification = Notification {
        pdo,
        event: get!(structure, Event),
        name_offset: get!(structure, NameBufferOffset),
        data,
        time: nt_machine::time::now(),
    };
    NOTIFICATIONS.with_borrow_mut(|all| all.push(notification));
    status::SUCCESS
}

/// All events so far, in order.
#[must_use]
pub fn notifications() -> Vec<Notification> {
    NOTIFICATIONS.with_borrow(Vec::clone)
}

/// The events since the last call.
#[must_use]
pub fn take_notifications() -> Vec<Notification> {
    NOTIFICATIONS.take()
}

/// Records that something has to be asked anew.
pub fn invalidate(what: Invalidation) {
    INVALIDATIONS.with_borrow_mut(|all| all.push(what));
}

/// What has to be asked anew, since the last call.
#[must_use]
pub fn invalidations() -> Vec<Invalidation> {
    INVALIDATIONS.take()
}

/// How many devices of each kind there are: one structure that all drivers count in.
#[must_use]
pub fn configuration() -> *mut CONFIGURATION_INFORMATION {
    if CONFIGURATION.get().is_null() {
        let size = size_of::<CONFIGURATION_INFORMATION>();
        let block = memory::allocate(Kind::Object, size, 8, 0, "configuration information");
        raw::fill(block, 0, size);
        let block = block.cast::<CONFIGURATION_INFORMATION>();
        put!(block, Version, size as u32);
        CONFIGURATION.set(block);
    }
    CONFIGURATION.get()
}
