//! IRP_MJ_FLUSH_BUFFERS and IRP_MJ_SHUTDOWN, with the serial queue stopped (io-path-and-errors.md 14).

use scsi_cdb::read_write::SynchronizeCache10;

use super::{CommandResult, Context, Input, Next, locks};
use crate::ntstatus::NtStatus;
use crate::step::{PlatformCall, PortFunction, ScsiCommand};

/// Factor of the default time-out for SYNCHRONIZE CACHE and for the port functions.
const TIMEOUT_FACTOR: u32 = 4;

/// Where it stands, and what is to be answered in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// SYNCHRONIZE CACHE.
    Synchronize {
        /// The system shuts down.
        shutdown: bool,
    },
    /// ALLOW, so that the disc can be taken out of a machine that is off.
    Allow(NtStatus),
    /// The port's own flush or shutdown.
    Port(NtStatus),
}

/// SYNCHRONIZE CACHE (10) of the whole medium, as this driver sends it.
#[must_use]
pub fn synchronize() -> ScsiCommand {
    ScsiCommand::new(&SynchronizeCache10 { immediate: false, lba: 0, blocks: 0 })
}

/// Starts a flush, or a shutdown.
pub fn start(shutdown: bool, context: &mut Context<'_, '_>) -> Next {
    if context.device.surprise_removed {
        return Next::fail(NtStatus::DEVICE_DOES_NOT_EXIST);
    }
    let command = synchronize().timeout(context.device.capped_timeout(TIMEOUT_FACTOR));
    Next::send_own(command, State::Synchronize { shutdown })
}

/// Goes on: ALLOW and the port function of a shutdown are sent whatever came of the step before.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    match (state, input) {
        (State::Synchronize { shutdown: true }, input) => {
            Next::send_own(locks::prevent(false), State::Allow(outcome(input.command(), context)))
        }
        (State::Synchronize { shutdown: false }, input) => match outcome(input.command(), context) {
            NtStatus::SUCCESS => port(PortFunction::Flush, NtStatus::SUCCESS, context),
            status => Next::fail(status),
        },
        (State::Allow(status), input) => {
            let status = first_failure(status, input.command().status);
            port(PortFunction::Shutdown, status, context)
        }
        (State::Port(status), Input::Platform { status: port_status, .. }) => {
            Next::Done(first_failure(status, port_status), 0)
        }
        (State::Port(status), Input::Command(_)) => Next::Done(status, 0),
    }
}

fn port(function: PortFunction, status: NtStatus, context: &Context<'_, '_>) -> Next {
    let timeout_s = context.device.capped_timeout(TIMEOUT_FACTOR);
    Next::Platform(PlatformCall::PortFunction { function, timeout_s }, State::Port(status).into())
}

fn first_failure(first: NtStatus, second: NtStatus) -> NtStatus {
    if first.is_success() { second } else { first }
}

/// What a SYNCHRONIZE CACHE means for the caller: a drive that cannot do it, has no medium or has one that is not
/// written has nothing to flush.
fn outcome(result: CommandResult, context: &Context<'_, '_>) -> NtStatus {
    let unsupported = result.sense.valid && result.sense.key == 5;
    let nothing_to_flush =
        unsupported || result.status == NtStatus::NO_MEDIA_IN_DEVICE || !context.device.capability.write_allowed;
    let gone = matches!(result.status, NtStatus::NO_SUCH_DEVICE | NtStatus::DEVICE_NOT_CONNECTED);
    if nothing_to_flush && !gone { NtStatus::SUCCESS } else { result.status }
}

#[cfg(test)]
mod tests;
