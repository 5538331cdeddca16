//! Special files: paging, hibernation, dump and boot files on the device.

use std::cell::Cell;
use std::rc::Rc;

use nt_kernel::layout::{DO_POWER_INRUSH, DO_POWER_PAGABLE, IRP};
use nt_kernel::{get, io, pnp as kernel_pnp, put};
use nt_machine::call;
use nt_machine::findings::{self, Rule};

use super::{complete, forward, minor, pass};
use crate::device::Device;
use crate::status;

/// Types of special files, from 1.
pub(super) const TYPES: usize = 6;
const HIBERNATION: usize = 2;

/// Which special files a device may hold, and how many it holds.
#[derive(Default)]
pub(super) struct SpecialFiles {
    supported: [Cell<bool>; TYPES],
    count: [Cell<i32>; TYPES],
}

impl SpecialFiles {
    pub(super) fn support(&self, kind: u32, supported: bool) -> bool {
        let place = (kind as usize).checked_sub(1).and_then(|at| self.supported.get(at));
        place.inspect(|place| place.set(supported)).is_some()
    }

    pub(super) fn in_use(&self) -> bool {
        self.count.iter().any(|count| count.get() > 0)
    }

    pub(super) fn on_hibernation_path(&self) -> bool {
        self.count[HIBERNATION - 1].get() > 0
    }

    fn add(&self, kind: usize, change: i32) {
        let count = &self.count[kind - 1];
        count.set((count.get() + change).max(0));
    }
}

/// Whether the device's power code may be pageable depends on the special files that it holds.
fn set_pageable(device: &Device) {
    let wdm = device.wdm.get();
    let flags = get!(wdm, Flags);
    let may = device.settings.pageable && !device.pnp.special.in_use() && flags & DO_POWER_INRUSH == 0;
    put!(wdm, Flags, if may { flags | DO_POWER_PAGABLE } else { flags & !DO_POWER_PAGABLE });
}

fn change(device: &Device, kind: usize, entering: bool) {
    device.pnp.special.add(kind, if entering { 1 } else { -1 });
    set_pageable(device);
}

/// IRP_MN_DEVICE_USAGE_NOTIFICATION
pub(super) fn notification(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    let location = io::current(irp);
    let kind = get!(location, Parameters.UsageNotification.Type) as usize;
    let entering = get!(location, Parameters.UsageNotification.InPath) != 0;
    let known = (1..=TYPES).contains(&kind);
    if !known || (device.is_filter() && !device.pnp.special.supported[kind - 1].get()) {
        return pass(device, irp);
    }
    if entering && !device.pnp.special.supported[kind - 1].get() {
        return complete(device, irp, status::NOT_IMPLEMENTED);
    }
    change(device, kind, entering);
    let mut status = forward(device, irp);
    if !status::ok(status) {
        change(device, kind, !entering);
        return complete(device, irp, status);
    }
    let answer = notify(device, kind as u32, entering);
    if !status::ok(answer) {
        change(device, kind, !entering);
        send_reverse(device, kind as u32, !entering);
        status = answer;
    } else {
        kernel_pnp::invalidate(kernel_pnp::Invalidation::State(device.pdo));
    }
    complete(device, irp, status)
}

/// `EvtDeviceUsageNotification` or its form with an answer. Leaving cannot be refused.
fn notify(device: &Rc<Device>, kind: u32, entering: bool) -> i32 {
    let Some(table) = device.pnp.callbacks.as_ref() else { return status::SUCCESS };
    let handle = device.handle.get();
    if let Some(callback) = table.EvtDeviceUsageNotificationEx {
        // SAFETY: the driver gave this address for this callback of the device; what it does is the driver's.
        let answer =
            call::driver("EvtDeviceUsageNotificationEx", || unsafe { callback(handle, kind, entering.into()) });
        if !entering && !status::ok(answer) {
            findings::report(Rule::PnpOrder, "EvtDeviceUsageNotificationEx", "refuses that a special file leaves");
            return status::SUCCESS;
        }
        return answer;
    }
    if let Some(callback) = table.EvtDeviceUsageNotification {
        // SAFETY: as above.
        call::driver("EvtDeviceUsageNotification", || unsafe { callback(handle, kind, entering.into()) });
    }
    status::SUCCESS
}

/// The lower drivers agreed to what this driver refused: they are told the reverse.
fn send_reverse(device: &Rc<Device>, kind: u32, entering: bool) {
    io::send(device.lower(), |_, location| {
        put!(location, MajorFunction, nt_kernel::layout::IRP_MJ_PNP);
        put!(location, MinorFunction, minor::DEVICE_USAGE_NOTIFICATION);
        put!(location, Parameters.UsageNotification.Type, kind);
        put!(location, Parameters.UsageNotification.InPath, u8::from(entering));
    });
}
