//! Capabilities and PnP device state: what a driver adds to the answers of its stack.

use std::rc::Rc;

use nt_kernel::layout::{IRP, IRP_MJ_PNP};
use nt_kernel::{get, io, pool, put, raw};

use super::{State, complete, forward, minor, pass};
use crate::device::Device;
use crate::status;
use crate::structs::{WDF_DEVICE_PNP_CAPABILITIES, WDF_DEVICE_POWER_CAPABILITIES};

/// `WDF_TRI_STATE`
const FALSE: u32 = 0;
const TRUE: u32 = 1;

/// Offsets in DEVICE_CAPABILITIES; its flags are the bits of the 32-bit word at 4.
const CAPABILITIES_SIZE: usize = 64;
const FLAGS: usize = 4;
const ADDRESS: usize = 8;
const UI_NUMBER: usize = 12;
const DEVICE_STATES: usize = 16;
const SYSTEM_WAKE: usize = 44;
const DEVICE_WAKE: usize = 48;
const LATENCIES: [usize; 3] = [52, 56, 60];

/// No address or number given.
const UNSET: u32 = u32::MAX;

/// Sets or clears a bit as a tri-state says; the default leaves it.
const fn merge(word: u32, bit: u32, wanted: u32) -> u32 {
    match wanted {
        TRUE => word | bit,
        FALSE => word & !bit,
        _ => word,
    }
}

fn merge_word(at: *mut u8, changes: &[(u32, u32)]) {
    let word = raw::read(at.cast::<u32>());
    raw::write(at.cast::<u32>(), changes.iter().fold(word, |word, (bit, wanted)| merge(word, 1 << bit, *wanted)));
}

fn merge_pnp(at: *mut u8, wanted: &WDF_DEVICE_PNP_CAPABILITIES) {
    let changes = [
        (2, wanted.LockSupported),
        (3, wanted.EjectSupported),
        (4, wanted.Removable),
        (5, wanted.DockDevice),
        (6, wanted.UniqueID),
        (7, wanted.SilentInstall),
        (9, wanted.SurpriseRemovalOK),
        (14, wanted.HardwareDisabled),
        (17, wanted.NoDisplayInUI),
    ];
    merge_word(at.wrapping_add(FLAGS), &changes);
    for (offset, value) in [(ADDRESS, wanted.Address), (UI_NUMBER, wanted.UINumber)] {
        if value != UNSET {
            raw::write(at.wrapping_add(offset).cast(), value);
        }
    }
}

fn merge_power(at: *mut u8, wanted: &WDF_DEVICE_POWER_CAPABILITIES) {
    let changes = [
        (0, wanted.DeviceD1),
        (1, wanted.DeviceD2),
        (10, wanted.WakeFromD0),
        (11, wanted.WakeFromD1),
        (12, wanted.WakeFromD2),
        (13, wanted.WakeFromD3),
    ];
    merge_word(at.wrapping_add(FLAGS), &changes);
    /// `PowerDeviceMaximum`: leave what the stack said.
    const LEAVE: u32 = 5;
    for (index, state) in wanted.DeviceState.into_iter().enumerate() {
        if (1..LEAVE).contains(&state) {
            raw::write(at.wrapping_add(DEVICE_STATES + 4 * index).cast(), state);
        }
    }
    for (offset, value, leave) in [(DEVICE_WAKE, wanted.DeviceWake, LEAVE), (SYSTEM_WAKE, wanted.SystemWake, 7)] {
        if (1..leave).contains(&value) {
            let place = at.wrapping_add(offset).cast::<u32>();
            raw::write(place, raw::read(place).min(value));
        }
    }
    for (offset, value) in LATENCIES.into_iter().zip([wanted.D1Latency, wanted.D2Latency, wanted.D3Latency]) {
        if value != 0 && value != UNSET {
            raw::write(at.wrapping_add(offset).cast(), value);
        }
    }
}

/// IRP_MN_QUERY_CAPABILITIES
pub(super) fn capabilities(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    let (pnp, power) = (device.pnp.pnp_capabilities.get(), device.pnp.power_capabilities.get());
    if pnp.is_none() && power.is_none() {
        return pass(device, irp);
    }
    let place = get!(io::current(irp), Parameters.Others.Argument1).cast::<u8>();
    let status = forward(device, irp);
    if status::ok(status) {
        if let Some(wanted) = pnp {
            merge_pnp(place, &wanted);
        }
        if let Some(wanted) = power {
            merge_power(place, &wanted);
        }
    }
    complete(device, irp, status)
}

/// The power policy owner asks its stack at start, for the device states of system states.
pub(super) fn query_capabilities(device: &Rc<Device>) -> i32 {
    if !pool::try_charge() {
        return status::INSUFFICIENT_RESOURCES;
    }
    let mut block = [0_u32; CAPABILITIES_SIZE / 4];
    let place = block.as_mut_ptr();
    raw::write(place, (1 << 16) | CAPABILITIES_SIZE as u32);
    raw::write(place.wrapping_add(ADDRESS / 4), UNSET);
    raw::write(place.wrapping_add(UI_NUMBER / 4), UNSET);
    let sent = io::send(device.lower(), |_, location| {
        put!(location, MajorFunction, IRP_MJ_PNP);
        put!(location, MinorFunction, minor::QUERY_CAPABILITIES);
        put!(location, Parameters.Others.Argument1, place.cast());
    });
    if !status::ok(sent.status) {
        return sent.status;
    }
    device.pnp.device_states.set(std::array::from_fn(|at| raw::read(place.wrapping_add(DEVICE_STATES / 4 + at))));
    status::SUCCESS
}

/// `PNP_DEVICE_STATE`
const DISABLED: usize = 0x1;
const DONT_DISPLAY: usize = 0x2;
const FAILED: usize = 0x4;
const REMOVED: usize = 0x8;
const RESOURCES_CHANGED: usize = 0x10;
const NOT_DISABLEABLE: usize = 0x20;

impl State {
    /// The stack's device state with what this driver adds.
    fn merged(&self, lower: usize) -> usize {
        let mut state = lower as u32;
        if let Some(wanted) = self.device_state.get() {
            for (bit, value) in [
                (DISABLED, wanted.Disabled),
                (DONT_DISPLAY, wanted.DontDisplayInUI),
                (FAILED, wanted.Failed),
                (NOT_DISABLEABLE, wanted.NotDisableable),
                (REMOVED, wanted.Removed),
                (RESOURCES_CHANGED, wanted.ResourcesChanged),
            ] {
                state = merge(state, bit as u32, value);
            }
        }
        let failed = if self.machine.failed() { FAILED } else { 0 };
        let special = if self.special.in_use() { NOT_DISABLEABLE } else { 0 };
        state as usize | failed | special
    }
}

/// IRP_MN_QUERY_PNP_DEVICE_STATE
pub(super) fn device_state(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    let status = forward(device, irp);
    if !status::ok(status) && status != status::NOT_SUPPORTED {
        return complete(device, irp, status);
    }
    let lower = if status::ok(status) { get!(irp, IoStatus.Information) } else { 0 };
    put!(irp, IoStatus.Information, device.pnp.merged(lower));
    complete(device, irp, status::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_leaves_what_the_stack_said() {
        assert_eq!(merge(0b10, 0b10, 2), 0b10);
        assert_eq!(merge(0b10, 0b10, FALSE), 0);
        assert_eq!(merge(0b01, 0b10, TRUE), 0b11);
    }
}
