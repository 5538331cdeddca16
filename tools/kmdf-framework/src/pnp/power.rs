//! Power IRPs: what a set-power IRP does on the way down and up, and the IRPs that the power policy owner asks for.

use std::rc::Rc;

use nt_kernel::layout::{IRP, IRP_MJ_POWER};
use nt_kernel::{get, io, put, sync};

use super::callbacks::Callbacks;
use super::step::Power;
use super::{complete, forward, pass, pass_pended, pass_success};
use crate::device::Device;
use crate::fail::{Violation, violation};
use crate::status;

/// Minor functions.
const SET_POWER: u8 = 2;
const QUERY_POWER: u8 = 3;

/// `POWER_STATE_TYPE`
const SYSTEM: u32 = 0;
const DEVICE: u32 = 1;

/// `SYSTEM_POWER_STATE`
const WORKING: u32 = 1;

/// `POWER_ACTION`: hibernate, and the kinds of shutdown.
const HIBERNATE: u32 = 3;
const SHUTDOWN: std::ops::RangeInclusive<u32> = 4..=6;

/// `DEVICE_POWER_STATE`
const D0: u32 = 1;
const D3: u32 = 4;

pub(super) fn dispatch(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    let location = io::current(irp);
    match (get!(location, MinorFunction), get!(location, Parameters.Power.Type)) {
        (QUERY_POWER, _) => pass_success(device, irp),
        (SET_POWER, SYSTEM) => set_system(device, irp),
        (SET_POWER, DEVICE) => set_device(device, irp),
        _ => pass(device, irp),
    }
}

/// Pends the IRP and goes on at PASSIVE_LEVEL: callbacks may wait, a power dispatch routine may not.
fn pend(device: &Rc<Device>, irp: *mut IRP, work: impl FnOnce(&Rc<Device>, *mut IRP) + 'static) -> i32 {
    io::mark_pending(irp);
    let device = Rc::clone(device);
    sync::queue_work("power IRP", Box::new(move || work(&device, irp)));
    status::PENDING
}

fn set_device(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    if device.pnp.policy_owner && !device.pnp.requested.replace(false) {
        violation(Violation::PowerMultiplePpo, "Irp", "the power policy owner did not ask for this device power IRP");
    }
    match target(device, irp) {
        None => pass(device, irp),
        Some(Power::D0) => pend(device, irp, power_up),
        Some(state) => pend(device, irp, move |device, irp| {
            device.pnp.exclusively(|| device.pnp.machine.set_power(state, &Callbacks(device)));
            pass_pended(device, irp);
        }),
    }
}

/// The lower drivers wake first. The IRP succeeds even if the driver's callbacks failed: the device is failed then.
fn power_up(device: &Rc<Device>, irp: *mut IRP) {
    let lower = forward(device, irp);
    if status::ok(lower) {
        device.pnp.exclusively(|| device.pnp.machine.set_power(Power::D0, &Callbacks(device)));
    }
    complete(device, irp, lower);
}

/// The state that the driver's callbacks are told.
fn target(device: &Device, irp: *mut IRP) -> Option<Power> {
    let location = io::current(irp);
    let state = Power::from_device_state(get!(location, Parameters.Power.State) as i32)?;
    let action = get!(location, Parameters.Power.ShutdownType);
    Some(match state {
        Power::D0 => Power::D0,
        _ if SHUTDOWN.contains(&action) => Power::D3Final,
        _ if action == HIBERNATE && device.pnp.special.on_hibernation_path() => Power::PrepareForHibernation,
        other => other,
    })
}

fn set_system(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    let location = io::current(irp);
    let state = get!(location, Parameters.Power.State);
    let action = get!(location, Parameters.Power.ShutdownType);
    device.pnp.action.set(if state == WORKING { 0 } else { action });
    if !device.pnp.policy_owner {
        return pass_success(device, irp);
    }
    pend(device, irp, move |device, irp| {
        let wanted = if state == WORKING { D0 } else { device_state_for(device, state) };
        if state == WORKING {
            pass_pended(device, irp);
            request(device, wanted, action);
        } else {
            request(device, wanted, action);
            pass_pended(device, irp);
        }
    })
}

/// The device state for a system state without wake: D3, or what the capabilities ask for at least.
fn device_state_for(device: &Device, system: u32) -> u32 {
    let reported = device.pnp.device_states.get().get(system as usize).copied().unwrap_or(0);
    D3.max(reported)
}

/// Sends a D-state IRP through the whole stack, and waits for it. Nothing is sent to a device that is in that state.
pub(super) fn request(device: &Rc<Device>, state: u32, action: u32) {
    let now = device.pnp.machine.power();
    let is_working = now == Power::D0;
    if !device.pnp.is_past_init() || is_working == (state == D0) {
        return;
    }
    device.pnp.requested.set(true);
    io::send(io::attached_top(device.pdo), |_, location| {
        put!(location, MajorFunction, IRP_MJ_POWER);
        put!(location, MinorFunction, SET_POWER);
        put!(location, Parameters.Power.Type, DEVICE);
        put!(location, Parameters.Power.State, state);
        put!(location, Parameters.Power.ShutdownType, action);
    });
}

/// Brings a sleeping device to D0 before it is stopped or removed in order.
pub(super) fn wake(device: &Rc<Device>) -> i32 {
    device.pnp.meanwhile(|| request(device, D0, 0));
    status::SUCCESS
}
