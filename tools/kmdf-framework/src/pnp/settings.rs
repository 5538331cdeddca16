//! What drivers say about their devices' PnP and power, and what they ask about it.

use nt_kernel::{pnp as kernel_pnp, raw};

use super::callbacks::Callbacks;
use super::machine::Phase;
use super::step::Power;
use crate::client::Globals;
use crate::device;
use crate::fail::{misuse, require};
use crate::functions::Function;
use crate::objects::Handle;
use crate::structs::{self, WDF_DEVICE_PNP_CAPABILITIES, WDF_DEVICE_POWER_CAPABILITIES, WDF_DEVICE_STATE};

/// What this module implements.
pub(super) const FUNCTIONS: &[Function] = &[
    ("WdfDeviceSetDeviceState", set_device_state as *const ()),
    ("WdfDeviceGetDeviceState", get_device_state as *const ()),
    ("WdfDeviceSetFailed", set_failed as *const ()),
    ("WdfDeviceSetPnpCapabilities", set_pnp_capabilities as *const ()),
    ("WdfDeviceSetPowerCapabilities", set_power_capabilities as *const ()),
    ("WdfDeviceSetSpecialFileSupport", set_special_file_support as *const ()),
    ("WdfDeviceSetStaticStopRemove", set_static_stop_remove as *const ()),
    ("WdfDeviceGetDevicePnpState", get_pnp_state as *const ()),
    ("WdfDeviceGetDevicePowerState", get_power_state as *const ()),
    ("WdfDeviceGetDevicePowerPolicyState", get_power_policy_state as *const ()),
    ("WdfDeviceGetSystemPowerAction", get_system_power_action as *const ()),
    ("WdfFdoGetDefaultChildList", get_default_child_list as *const ()),
    ("WdfFdoRetrieveNextStaticChild", retrieve_next_static_child as *const ()),
    ("WdfFdoLockStaticChildListForIteration", lock_static_children as *const ()),
    ("WdfFdoUnlockStaticChildListFromIteration", lock_static_children as *const ()),
];

/// `WdfUseDefault`, the highest tri-state.
const USE_DEFAULT: u32 = 2;

unsafe extern "win64" fn set_device_state(_: Globals, handle: Handle, state: *const WDF_DEVICE_STATE) {
    let device = device::get(handle);
    require(state, "DeviceState");
    let Some(state) = structs::read(state) else {
        misuse("DeviceState", "unknown size: the call is ignored");
        return;
    };
    let members = [
        state.Disabled,
        state.DontDisplayInUI,
        state.Failed,
        state.NotDisableable,
        state.Removed,
        state.ResourcesChanged,
        state.AssignedToGuest,
    ];
    if members.iter().any(|member| *member > USE_DEFAULT) {
        misuse("DeviceState", "a member is no WDF_TRI_STATE: the call is ignored");
        return;
    }
    device.pnp.device_state.set(Some(state));
    kernel_pnp::invalidate(kernel_pnp::Invalidation::State(device.pdo));
}

unsafe extern "win64" fn get_device_state(_: Globals, handle: Handle, out: *mut WDF_DEVICE_STATE) {
    let device = device::get(handle);
    require(out, "DeviceState");
    let size = raw::read(out.cast::<u32>());
    if structs::read(out).is_none() {
        misuse("DeviceState", "unknown size: nothing is written");
        return;
    }
    let unset = WDF_DEVICE_STATE {
        Size: size,
        Disabled: USE_DEFAULT,
        DontDisplayInUI: USE_DEFAULT,
        Failed: USE_DEFAULT,
        NotDisableable: USE_DEFAULT,
        Removed: USE_DEFAULT,
        ResourcesChanged: USE_DEFAULT,
        AssignedToGuest: USE_DEFAULT,
    };
    let state = WDF_DEVICE_STATE { Size: size, ..device.pnp.device_state.get().unwrap_or(unset) };
    raw::copy_bytes((&raw const state).cast(), out.cast(), size as usize);
}

/// `WDF_DEVICE_FAILED_ACTION`: attempt a restart, or none.
const FAILED_ACTIONS: std::ops::RangeInclusive<i32> = 1..=2;

unsafe extern "win64" fn set_failed(_: Globals, handle: Handle, action: i32) {
    let device = device::get(handle);
    if !FAILED_ACTIONS.contains(&action) {
        misuse("FailedAction", format_args!("{action} is no failed action: the call is ignored"));
        return;
    }
    // The call returns at once; the device is failed by an event of its own.
    nt_kernel::sync::queue_work(
        "failed device",
        Box::new(move || device.pnp.exclusively(|| device.pnp.machine.set_failed(&Callbacks(&device)))),
    );
}

unsafe extern "win64" fn set_pnp_capabilities(
    _: Globals,
    handle: Handle,
    capabilities: *const WDF_DEVICE_PNP_CAPABILITIES,
) {
    let device = device::get(handle);
    require(capabilities, "PnpCapabilities");
    match structs::read(capabilities) {
        Some(capabilities) => device.pnp.pnp_capabilities.set(Some(capabilities)),
        None => misuse("PnpCapabilities", "unknown size: the call is ignored"),
    }
}

unsafe extern "win64" fn set_power_capabilities(
    _: Globals,
    handle: Handle,
    capabilities: *const WDF_DEVICE_POWER_CAPABILITIES,
) {
    let device = device::get(handle);
    require(capabilities, "PowerCapabilities");
    match structs::read(capabilities) {
        Some(capabilities) => device.pnp.power_capabilities.set(Some(capabilities)),
        None => misuse("PowerCapabilities", "unknown size: the call is ignored"),
    }
}

unsafe extern "win64" fn set_special_file_support(_: Globals, handle: Handle, kind: u32, supported: u8) {
    if !device::get(handle).pnp.special.support(kind, supported != 0) {
        misuse("FileType", format_args!("{kind} is no type of special file: the call is ignored"));
    }
}

unsafe extern "win64" fn set_static_stop_remove(_: Globals, handle: Handle, stoppable: u8) {
    let device = device::get(handle);
    let change = if stoppable == 0 { 1 } else { -1 };
    let count = device.pnp.static_stop.get() + change;
    if count < 0 {
        misuse("Stoppable", "the device was not made unstoppable before");
        return;
    }
    device.pnp.static_stop.set(count);
}

unsafe extern "win64" fn get_pnp_state(_: Globals, handle: Handle) -> u32 {
    match device::get(handle).pnp.machine.phase() {
        Phase::Init => 261,
        Phase::Started => 281,
        Phase::QueriedStop => 272,
        Phase::Stopped => 286,
        Phase::QueriedRemove => 268,
        Phase::SurpriseRemoved => 289,
        Phase::Failed => 302,
        Phase::FailedSurpriseRemoved => 300,
        Phase::Removed => 309,
    }
}

unsafe extern "win64" fn get_power_state(_: Globals, handle: Handle) -> u32 {
    let device = device::get(handle);
    match device.pnp.machine.power() {
        Power::D0 => 775,
        Power::D3Final if device.pnp.machine.phase() == Phase::Init => 768,
        Power::D3Final => 789,
        Power::D1 | Power::D2 | Power::D3 | Power::PrepareForHibernation => 799,
    }
}

unsafe extern "win64" fn get_power_policy_state(_: Globals, handle: Handle) -> u32 {
    const OBJECT_CREATED: u32 = 1280;
    const STARTED: u32 = 1381;
    if device::get(handle).pnp.is_past_init() { STARTED } else { OBJECT_CREATED }
}

unsafe extern "win64" fn get_system_power_action(_: Globals, handle: Handle) -> u32 {
    device::get(handle).pnp.action.get()
}

/// No device of the host has a default child list: bus drivers configure one.
unsafe extern "win64" fn get_default_child_list(_: Globals, handle: Handle) -> Handle {
    let _ = device::get(handle);
    Handle::NULL
}

unsafe extern "win64" fn retrieve_next_static_child(
    _: Globals,
    handle: Handle,
    _previous: Handle,
    _flags: u32,
) -> Handle {
    let _ = device::get(handle);
    Handle::NULL
}

unsafe extern "win64" fn lock_static_children(_: Globals, handle: Handle) {
    let _ = device::get(handle);
}
