//! Idle and wake functions: they are for the power policy owner.

use crate::client::Globals;
use crate::device::{self, Device};
use crate::fail::{require, require_irql};
use crate::functions::Function;
use crate::objects::Handle;
use crate::status;
use crate::structs::{self, WDF_DEVICE_POWER_POLICY_IDLE_SETTINGS, WDF_DEVICE_POWER_POLICY_WAKE_SETTINGS};

/// What this module implements.
pub(super) const FUNCTIONS: &[Function] = &[
    ("WdfDeviceStopIdleNoTrack", stop_idle as *const ()),
    ("WdfDeviceResumeIdleNoTrack", resume_idle as *const ()),
    ("WdfDeviceStopIdleActual", stop_idle_actual as *const ()),
    ("WdfDeviceResumeIdleActual", resume_idle_actual as *const ()),
    ("WdfDeviceAssignS0IdleSettings", assign_idle_settings as *const ()),
    ("WdfDeviceAssignSxWakeSettings", assign_wake_settings as *const ()),
];

/// `IdleCannotWakeFromS0`: the capability that asks for no wake support.
const CANNOT_WAKE: u32 = 1;

fn stop(device: &Device, wait: bool) -> i32 {
    if wait {
        require_irql(0, "WaitForD0");
    }
    if !device.pnp.policy_owner {
        return status::INVALID_DEVICE_STATE;
    }
    if !device.pnp.in_d0() {
        return status::POWER_STATE_INVALID;
    }
    device.pnp.power_references.set(device.pnp.power_references.get() + 1);
    status::SUCCESS
}

fn resume(device: &Device) {
    if device.pnp.policy_owner {
        device.pnp.power_references.set((device.pnp.power_references.get() - 1).max(0));
    }
}

unsafe extern "win64" fn stop_idle(_: Globals, handle: Handle, wait: u8) -> i32 {
    stop(&device::get(handle), wait != 0)
}

unsafe extern "win64" fn resume_idle(_: Globals, handle: Handle) {
    resume(&device::get(handle));
}

unsafe extern "win64" fn stop_idle_actual(
    _: Globals,
    handle: Handle,
    wait: u8,
    _tag: usize,
    _line: i32,
    _file: *const u8,
) -> i32 {
    stop(&device::get(handle), wait != 0)
}

unsafe extern "win64" fn resume_idle_actual(_: Globals, handle: Handle, _tag: usize, _line: i32, _file: *const u8) {
    resume(&device::get(handle));
}

/// Idle settings are accepted; the host's devices stay in D0 while the system works.
unsafe extern "win64" fn assign_idle_settings(
    _: Globals,
    handle: Handle,
    settings: *const WDF_DEVICE_POWER_POLICY_IDLE_SETTINGS,
) -> i32 {
    let device = device::get(handle);
    require(settings, "Settings");
    let Some(settings) = structs::read(settings) else { return status::INFO_LENGTH_MISMATCH };
    if !device.pnp.policy_owner {
        return status::INVALID_DEVICE_REQUEST;
    }
    // Waking from S0 needs a bus that reports it, which no stack of the host has.
    if settings.IdleCaps == CANNOT_WAKE { status::SUCCESS } else { status::POWER_STATE_INVALID }
}

unsafe extern "win64" fn assign_wake_settings(
    _: Globals,
    handle: Handle,
    settings: *const WDF_DEVICE_POWER_POLICY_WAKE_SETTINGS,
) -> i32 {
    let device = device::get(handle);
    require(settings, "Settings");
    if structs::read(settings).is_none() {
        return status::INFO_LENGTH_MISMATCH;
    }
    if device.pnp.policy_owner { status::POWER_STATE_INVALID } else { status::INVALID_DEVICE_REQUEST }
}
