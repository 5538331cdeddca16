//! The region of the drive and its automatic choice (ioctl-dvd-aacs.md, "Region handling").

use scsi_cdb::bytes::{field, u8_at};
use scsi_cdb::disc_structure::dvd::ProtectionSystem;
use scsi_cdb::disc_structure::{DvdFormat, MediaType, ReadDiscStructure, StructureAnswer};
use scsi_cdb::key::dvd::{RegionState, RpcScheme, RpcState, SetRpc};
use scsi_cdb::key::{DvdKeyFormat, KeyClass, ReportKey, SendKey, write_parameters};

use super::{Context, Input, Next, State};
use crate::effect::{Effect, LogRecord};
use crate::ntstatus::NtStatus;
use crate::port::SrbStatus;
use crate::step::{PlatformCall, ScsiCommand};

/// Bytes of a copyright structure and of an RPC state, with their headers.
const ANSWER_LENGTH: u16 = 8;

/// Bytes of a copyright structure that matter: up to the forbidden regions.
const COPYRIGHT_LEAST: u32 = 6;

/// Regions that there are.
const REGIONS: u64 = 8;

/// `IO_ERR_CONTROLLER_ERROR`.
const CONTROLLER_ERROR: u32 = 0xC004_000B;

/// UniqueErrorValue of the log entry about a drive that does not keep the region it accepted.
const REGION_NOT_KEPT: u32 = 302;

/// Whether the drive shall get its region from the first disc that has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegionPick {
    /// The drive had no region at device start and has got none since.
    pub pending: bool,
    /// A choice is being made; it counts as pending again unless it comes to an end.
    running: bool,
}

impl RegionPick {
    fn begin(&mut self) -> bool {
        self.running = core::mem::take(&mut self.pending);
        self.running
    }

    fn settle(&mut self) {
        self.running = false;
    }

    /// The choice was not made: the next occasion is as good.
    pub fn interrupt(&mut self) {
        self.pending |= core::mem::take(&mut self.running);
    }
}

/// How far the choice has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Reading the copyright structure of the disc.
    Copyright,
    /// Reading the RPC state of the drive.
    Rpc {
        /// Regions of the disc, a set bit each.
        playable: u8,
    },
    /// Reading the default region of the system.
    Default {
        /// Regions of the disc, a set bit each.
        playable: u8,
    },
    /// Setting the region.
    Set {
        /// The region, a set bit.
        region: u8,
    },
    /// Reading the RPC state again.
    Confirm {
        /// The region, a set bit.
        region: u8,
    },
}

/// REPORT KEY for the RPC state.
#[must_use]
pub fn rpc_state() -> ScsiCommand {
    ScsiCommand::new(&ReportKey::new(KeyClass::DVD, DvdKeyFormat::RPC_STATE.0, 0, ANSWER_LENGTH))
}

/// READ DISC STRUCTURE for the copyright structure of layer 0.
#[must_use]
pub fn copyright() -> ScsiCommand {
    ScsiCommand::new(&ReadDiscStructure::new(MediaType::DVD, DvdFormat::COPYRIGHT.0, ANSWER_LENGTH))
}

/// The answer to [`copyright`]: CopyrightProtectionType and RegionManagementInformation.
///
/// # Errors
/// The status of the command; IO_DEVICE_ERROR for fewer than six bytes.
pub fn copyright_answer(input: Input, context: &Context<'_, '_>) -> Result<(ProtectionSystem, u8), NtStatus> {
    let result = input.command();
    result.answered(COPYRIGHT_LEAST)?;
    let byte = |offset| u8_at(context.buffers.scratch, offset).unwrap_or(0);
    Ok((ProtectionSystem(byte(4)), byte(5)))
}

/// The answer to [`rpc_state`]; `None` if it is empty, as from drives that know no regions.
///
/// # Errors
/// The status of the command; IO_DEVICE_ERROR for an answer that is neither empty nor whole.
pub fn rpc_answer(input: Input, context: &Context<'_, '_>) -> Result<Option<RpcState>, NtStatus> {
    let result = input.command();
    let answer = StructureAnswer::parse(context.buffers.answer(result.transferred));
    match answer {
        Ok(answer) if !answer.body.is_empty() => {
            result.answered(ANSWER_LENGTH.into())?;
            RpcState::parse(answer.body).map(Some).map_err(|_| NtStatus::IO_DEVICE_ERROR)
        }
        _ if result.status.is_success() => Ok(None),
        _ => Err(result.status),
    }
}

/// Takes over the answer to [`rpc_state`] at device start: a drive without a region shall get one.
///
/// An empty answer counts as "no region": nothing is set before a whole one was read.
pub fn note_at_start(input: Input, context: &mut Context<'_, '_>) {
    if let Ok(answer) = rpc_answer(input, context) {
        let state = answer.map_or(RegionState::NONE, |state| state.state);
        context.device.region.pending |= state == RegionState::NONE;
    }
}

/// Begins the choice if one is due and a CSS disc is in the drive; `None` if there is nothing to do.
///
/// `wrap` puts [`Pick`] into the state of the operation that runs the choice; that operation calls [`resume`].
pub fn begin<S: Into<State>>(context: &mut Context<'_, '_>, wrap: impl FnOnce(Pick) -> S) -> Option<Next> {
    (context.device.capability.is_css && context.device.region.begin())
        .then(|| Next::send_own(copyright(), wrap(Pick::Copyright)))
}

/// Goes on with the choice; `None` when it is over, however it ended.
pub fn resume<S: Into<State>>(
    pick: Pick,
    input: Input,
    context: &mut Context<'_, '_>,
    wrap: impl FnOnce(Pick) -> S,
) -> Option<Next> {
    let next = match pick {
        Pick::Copyright => {
            media_regions(input, context).map(|playable| Next::send_own(rpc_state(), wrap(Pick::Rpc { playable })))
        }
        Pick::Rpc { playable } => may_be_set(input, context)
            .then(|| Next::Platform(PlatformCall::ReadDefaultRegion, wrap(Pick::Default { playable }).into())),
        Pick::Default { playable } => choose(playable, default_region(input))
            .and_then(|region| Some(Next::send_own(set_region(region, context)?, wrap(Pick::Set { region })))),
        Pick::Set { region } => input.command().status.is_success().then(|| {
            context.device.region.settle();
            Next::send_own(rpc_state(), wrap(Pick::Confirm { region }))
        }),
        Pick::Confirm { region } => {
            confirm(region, input, context);
            None
        }
    };
    if next.is_none() {
        context.device.region.interrupt();
    }
    next
}

/// The regions of a CSS disc; a disc that claims to be playable nowhere counts as playable everywhere.
fn media_regions(input: Input, context: &Context<'_, '_>) -> Option<u8> {
    let (system, forbidden) = copyright_answer(input, context).ok()?;
    let playable = if forbidden == 0xFF { 0xFF } else { !forbidden };
    (system == ProtectionSystem::CSS_OR_CPPM).then_some(playable)
}

/// The drive enforces regions, has none yet and would not be out of changes afterwards.
fn may_be_set(input: Input, context: &mut Context<'_, '_>) -> bool {
    let Ok(Some(state)) = rpc_answer(input, context) else { return false };
    if state.scheme != RpcScheme::PHASE_2 {
        return false;
    }
    let free = state.forbidden_regions == 0xFF && state.user_changes > 1;
    if !free {
        context.device.region.settle();
    }
    free
}

/// `DefaultDvdRegion` as a set bit; `None` if there is none.
fn default_region(input: Input) -> Option<u8> {
    let Input::Platform { status, value } = input else { return None };
    let region = u32::try_from(value).ok().filter(|_| status.is_success() && (1..=REGIONS).contains(&value))?;
    Some(field(1, region.saturating_sub(1)))
}

/// The default region if the disc has it, else the disc's lowest.
fn choose(playable: u8, default: Option<u8>) -> Option<u8> {
    let lowest = playable & playable.wrapping_neg();
    let region = default.filter(|region| playable & region != 0).unwrap_or(lowest);
    (region != 0).then_some(region)
}

fn set_region(region: u8, context: &mut Context<'_, '_>) -> Option<ScsiCommand> {
    let parameters = SetRpc { forbidden_regions: !region }.to_bytes();
    let parameter_list_length = write_parameters(&parameters, context.buffers.scratch)?;
    let command =
        SendKey { key_class: KeyClass::DVD, key_format: DvdKeyFormat::SET_RPC.0, agid: 0, parameter_list_length };
    Some(ScsiCommand::new(&command))
}

/// Logs a drive that accepted a region and has another one.
fn confirm(region: u8, input: Input, context: &mut Context<'_, '_>) {
    match rpc_answer(input, context) {
        Ok(Some(state)) if state.forbidden_regions != !region => {}
        _ => return,
    }
    context.device.effects.push(Effect::Log(LogRecord {
        error_code: CONTROLLER_ERROR,
        unique_value: REGION_NOT_KEPT,
        final_status: NtStatus::SUCCESS,
        major_function: 0,
        control_code: 0,
        retry_count: 0,
        device_offset: 0,
        flags: 0,
        cdb: *rpc_state().cdb.padded(),
        srb_status: SrbStatus::SUCCESS.0,
        scsi_status: 0,
        sense: [0; 18],
    }));
}

#[cfg(test)]
mod tests;
