//! PnP and power: callbacks, policy ownership, pageability.

use super::{InitHandle, change, ignored, init};
use crate::client::Globals;
use crate::fail::require;
use crate::functions::Function;
use crate::structs::{self, WDF_FDO_EVENT_CALLBACKS, WDF_PNPPOWER_EVENT_CALLBACKS, WDF_POWER_POLICY_EVENT_CALLBACKS};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfDeviceInitSetPnpPowerEventCallbacks", set_pnp_power as *const ()),
    ("WdfDeviceInitSetPowerPolicyEventCallbacks", set_power_policy as *const ()),
    ("WdfDeviceInitSetPowerPolicyOwnership", set_ownership as *const ()),
    ("WdfDeviceInitSetPowerNotPageable", set_not_pageable as *const ()),
    ("WdfDeviceInitSetPowerPageable", set_pageable as *const ()),
    ("WdfDeviceInitSetPowerInrush", set_inrush as *const ()),
    ("WdfDeviceInitSetReleaseHardwareOrderOnFailure", set_release_order as *const ()),
    ("WdfFdoInitSetEventCallbacks", fdo_set_callbacks as *const ()),
];

unsafe extern "win64" fn set_pnp_power(_: Globals, handle: InitHandle, callbacks: *const WDF_PNPPOWER_EVENT_CALLBACKS) {
    require(callbacks, "PnpPowerEventCallbacks");
    let Some(callbacks) = structs::read(callbacks) else { return ignored("PnpPowerEventCallbacks", "unknown size") };
    if callbacks.EvtDeviceUsageNotification.is_some() && callbacks.EvtDeviceUsageNotificationEx.is_some() {
        return ignored("PnpPowerEventCallbacks", "both forms of the usage notification are given");
    }
    change(handle, |settings| settings.pnp_power = Some(callbacks));
}

unsafe extern "win64" fn set_power_policy(
    _: Globals,
    handle: InitHandle,
    callbacks: *const WDF_POWER_POLICY_EVENT_CALLBACKS,
) {
    require(callbacks, "PowerPolicyEventCallbacks");
    match structs::read(callbacks) {
        Some(callbacks) => change(handle, |settings| settings.power_policy = Some(callbacks)),
        None => ignored("PowerPolicyEventCallbacks", "unknown size"),
    }
}

unsafe extern "win64" fn set_ownership(_: Globals, handle: InitHandle, owner: u8) {
    change(handle, |settings| settings.policy_owner = Some(owner != 0));
}

unsafe extern "win64" fn set_not_pageable(_: Globals, handle: InitHandle) {
    change(handle, |settings| settings.pageable = false);
}

unsafe extern "win64" fn set_pageable(_: Globals, handle: InitHandle) {
    change(handle, |settings| settings.pageable = true);
}

unsafe extern "win64" fn set_inrush(_: Globals, handle: InitHandle) {
    change(handle, |settings| {
        settings.inrush = true;
        settings.pageable = false;
    });
}

unsafe extern "win64" fn set_release_order(_: Globals, handle: InitHandle, order: u32) {
    let _ = init(handle);
    // 1 early, 2 late: the difference is seen by bus drivers only.
    if !(1..=2).contains(&order) {
        ignored("ReleaseHardwareOrderOnFailure", "neither early nor late");
    }
}

unsafe extern "win64" fn fdo_set_callbacks(_: Globals, handle: InitHandle, callbacks: *const WDF_FDO_EVENT_CALLBACKS) {
    require(callbacks, "FdoEventCallbacks");
    match structs::read(callbacks) {
        Some(callbacks) => change(handle, |settings| settings.fdo = Some(callbacks)),
        None => ignored("FdoEventCallbacks", "unknown size"),
    }
}
