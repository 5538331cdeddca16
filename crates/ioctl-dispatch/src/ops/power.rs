//! The commands of leaving and entering D0, and of the console display (device-lifecycle.md, "Power").

use scsi_cdb::start_stop::{PowerCondition, StartStopUnit};

use super::{Context, Input, Mode, Next, flush};
use crate::effect::Effect;
use crate::step::{PlatformCall, PortFunction, ScsiCommand};
use crate::zero_power::{ACTIVE_TIMEOUT_MS, DISPLAY_OFF_TIMEOUT_MS, Mechanism};

/// Seconds of a power transition's watchdog that are left to the drivers below.
const WATCHDOG_RESERVE_S: u32 = 30;

/// Reason of a power-up: the device asked for attention (its button was pressed).
const DEVICE_ATTENTION: u64 = 2;

/// Retries of SYNCHRONIZE CACHE on the way down.
const FLUSH_RETRIES: u32 = 4;

/// Where a transition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The port's queue is being locked.
    Lock(Going),
    /// The port is finishing what it has.
    Quiesce(Going),
    /// SYNCHRONIZE CACHE.
    Flush(Going),
    /// STOP UNIT.
    Stop(Going),
    /// Why the drive has power again.
    Reason,
    /// The idle time-out is being changed; whether the drive counts as in use afterwards.
    IdlePower(bool),
}

/// A transition out of D0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Going {
    last: bool,
    watchdog_s: u32,
    locked: bool,
}

/// Leaves D0. Ends in SUCCESS; Information 1 means that the port's queue is locked and has to be unlocked
/// ([`PortFunction::UnlockQueue`]) when the drivers below have finished the transition.
pub fn down(last: bool, watchdog_s: u32, context: &mut Context<'_, '_>) -> Next {
    let device = &mut *context.device;
    device.polling.suspended = true;
    if !device.initialized || device.surprise_removed {
        return Next::success(0);
    }
    let going = Going { last, watchdog_s, locked: false };
    if last { flush(going, context) } else { port(PortFunction::LockQueue, State::Lock(going), context) }
}

fn port(function: PortFunction, state: State, context: &Context<'_, '_>) -> Next {
    let timeout_s = context.device.timeout_s;
    Next::Platform(PlatformCall::PortFunction { function, timeout_s }, state.into())
}

fn send(command: ScsiCommand, retry_limit: u32, state: State) -> Next {
    Next::Send(command, Mode { linked: false, poll: false, retry_limit: Some(retry_limit) }, state.into())
}

fn flush(going: Going, context: &Context<'_, '_>) -> Next {
    if context.device.capability.write_allowed {
        send(flush::synchronize(), FLUSH_RETRIES, State::Flush(going))
    } else {
        stop(going)
    }
}

fn stop(going: Going) -> Next {
    let command = ScsiCommand::new(&StartStopUnit {
        immediate: true,
        power_condition: PowerCondition(0),
        load_eject: false,
        start: false,
    });
    let (timeout_s, retries) = stop_budget(going.watchdog_s);
    send(command.timeout(timeout_s), retries, State::Stop(going))
}

/// Time-out in seconds and retries of STOP UNIT, so that the watchdog does not bite.
fn stop_budget(watchdog_s: u32) -> (u32, u32) {
    match watchdog_s.checked_sub(WATCHDOG_RESERVE_S) {
        _ if watchdog_s == 0 => (10, 4),
        Some(left) if left >= 2 => match left.checked_div(10).unwrap_or(0).saturating_add(1).min(4) {
            1 => (left, 1),
            retries => (10, retries),
        },
        _ => (2, 1),
    }
}

/// Goes on; no failure stops a transition.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let (status, value) = match input {
        Input::Platform { status, value } => (status, value),
        Input::Command(result) => (result.status, 0),
    };
    match state {
        State::Lock(going) => {
            let going = Going { locked: status.is_success(), ..going };
            port(PortFunction::QuiesceDevice, State::Quiesce(going), context)
        }
        State::Quiesce(going) => flush(going, context),
        State::Flush(going) => stop(going),
        State::Stop(going) => {
            let device = &mut *context.device;
            device.effects.push(Effect::SetVerifyVolume);
            device.media.count_change();
            device.drive_was_reset();
            device.zero_power.active = device.zero_power.mechanism.is_some() && !going.last;
            Next::success(usize::from(going.locked))
        }
        State::Reason => {
            let by_button = status.is_success() && value == DEVICE_ATTENTION;
            if by_button && context.device.zero_power.mechanism == Some(Mechanism::Drawer) {
                context.device.effects.push(Effect::SoftEject);
            }
            Next::success(0)
        }
        State::IdlePower(active) => {
            if status.is_success() {
                context.device.mark_active(active);
            }
            Next::success(0)
        }
    }
}

/// Enters D0 again. The drive spins up when it is used.
pub fn up(context: &mut Context<'_, '_>) -> Next {
    let device = &mut *context.device;
    device.polling.suspended = false;
    device.follow_pending_signal();
    if !device.initialized || !device.zero_power.active {
        return Next::success(0);
    }
    device.zero_power.wake();
    Next::Platform(PlatformCall::IdlePowerupReason, State::Reason.into())
}

/// The console display went on or off.
pub fn display(on: bool, context: &mut Context<'_, '_>) -> Next {
    let device = &*context.device;
    if !device.initialized || device.zero_power.marked_active == on {
        return Next::success(0);
    }
    let timeout_ms = if on { ACTIVE_TIMEOUT_MS } else { DISPLAY_OFF_TIMEOUT_MS };
    Next::Platform(device.idle_power(timeout_ms), State::IdlePower(on).into())
}

#[cfg(test)]
mod tests;
