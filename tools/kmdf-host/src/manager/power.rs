//! The power manager, and the port as the owner of the device's power policy.

use drive_formats::requests::{Power, State};
use kmdf_framework::pnp as framework;
use nt_kernel::io::{self, Sent};
use nt_kernel::layout::{DEVICE_OBJECT, IRP_MJ_POWER};
use nt_kernel::{put, status};
use nt_machine::findings::{self, Rule};

use crate::port::{self, minor};

/// `SystemPowerState`, `DevicePowerState` of `POWER_STATE_TYPE`.
const SYSTEM: u32 = 0;
const DEVICE: u32 = 1;

/// Sets the state.
pub fn play(pdo: *mut DEVICE_OBJECT, power: Power) -> Sent {
    match power.state {
        State::Device(state) => device(pdo, state, power.action),
        State::System(state) => system(pdo, state, power.action),
    }
}

fn request(pdo: *mut DEVICE_OBJECT, minor: u8, kind: u32, state: u32, action: u32) -> Sent {
    io::send(io::attached_top(pdo), |_, stack| {
        put!(stack, MajorFunction, IRP_MJ_POWER);
        put!(stack, MinorFunction, minor);
        put!(stack, Parameters.Power.Type, kind);
        put!(stack, Parameters.Power.State, state);
        put!(stack, Parameters.Power.ShutdownType, action);
    })
}

/// A device's SET_POWER, which no function driver may fail.
fn device(pdo: *mut DEVICE_OBJECT, state: u8, action: u32) -> Sent {
    if let Some(owner) = framework::policy_owner(io::attached_top(pdo)) {
        framework::request_power(&owner, u32::from(state) + 1, action);
        return Sent { status: status::SUCCESS, information: 0 };
    }
    let sent = request(pdo, minor::SET_POWER, DEVICE, u32::from(state) + 1, action);
    judge_device(sent.status);
    sent
}

/// The system goes to sleep or wakes: a query, then SET_POWER, during which the owner of the power policy asks for the
/// device's state: the port, or a function driver that took the policy over.
fn system(pdo: *mut DEVICE_OBJECT, state: u8, action: u32) -> Sent {
    let number = u32::from(state) + 1;
    if state != 0 {
        // A query that fails does not stop the transition.
        request(pdo, minor::QUERY_POWER, SYSTEM, number, action);
    }
    let is_port = framework::policy_owner(io::attached_top(pdo)).is_none();
    port::set_policy(is_port.then_some(port::Policy { state: if state == 0 { 0 } else { 3 }, action }));
    let outcome = request(pdo, minor::SET_POWER, SYSTEM, number, action);
    port::set_policy(None);
    must(outcome, "SET_POWER of a system state")
}

/// A SET_POWER of the device that the owner of the power policy sent has ended.
pub fn judge_device(status: i32) {
    must(Sent { status, information: 0 }, "SET_POWER of a device state");
}

fn must(outcome: Sent, what: &str) -> Sent {
    if !status::success(outcome.status) {
        let status = status::name(outcome.status);
        findings::report(Rule::PnpOrder, what, format_args!("must not fail, and was completed with {status}"));
    }
    outcome
}
