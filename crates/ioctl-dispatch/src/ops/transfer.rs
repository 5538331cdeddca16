//! Reads and writes: admission, validation, splitting and execution (io-path-and-errors.md part 1).

use scsi_cdb::{Cdb, Command, Direction, read_write};

use super::{Context, Input, LINKED, Next};
use crate::capability::schema;
use crate::exclusive;
use crate::ntstatus::NtStatus;
use crate::request::{MINOR_VERIFY_CHECKED, SL_REALTIME_STREAM, Transfer};
use crate::step::{Completion, Place, ScsiCommand};
use crate::{Device, Environment};

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    write: bool,
    streaming: bool,
    /// Byte offset of the whole transfer on the medium.
    offset: u64,
    /// Bytes of the whole transfer.
    length: u32,
    /// Bytes done.
    done: u32,
    /// Most bytes of one command.
    limit: u32,
    /// Commands still to come, the one in hand among them.
    parts: u32,
}

/// Checks that are made when the request's turn has come, before the capabilities are refreshed.
///
/// # Errors
/// The completion of a request that goes no further; SUCCESS for one of no bytes.
pub fn admit(device: &mut Device, transfer: &Transfer, environment: &Environment) -> Result<(), Completion> {
    // The framework completes transfers of no bytes itself, before anything is checked.
    if transfer.length == 0 {
        return Err(Completion::new(NtStatus::SUCCESS, 0));
    }
    let verified = transfer.minor == MINOR_VERIFY_CHECKED || transfer.override_verify();
    if environment.verify && !verified {
        return Err(Completion::new(NtStatus::VERIFY_REQUIRED, 0));
    }
    if device.audio_playing {
        return Err(Completion::new(NtStatus::DEVICE_BUSY, 0));
    }
    if exclusive::is_foreign(device.exclusive.as_ref(), transfer.handle) {
        return Err(Completion::new(NtStatus::ACCESS_DENIED, 0));
    }
    if transfer.write && !device.capability.write_allowed {
        device.capability.require_update();
    }
    Ok(())
}

/// Validates the request and sends its first command.
pub fn start(transfer: Transfer, context: &mut Context<'_, '_>) -> Next {
    let asked_streaming = transfer.stack_flags & SL_REALTIME_STREAM != 0
        || context
            .handle
            .as_deref()
            .is_some_and(|handle| if transfer.write { handle.streaming_write } else { handle.streaming_read });
    let device = &*context.device;
    let Some(offset) = validate(device, &transfer, asked_streaming) else {
        return Next::fail(NtStatus::INVALID_DEVICE_REQUEST);
    };
    let limit = part_limit(device, transfer.mdl.address);
    let state = State {
        write: transfer.write,
        streaming: asked_streaming && !device.quirks.no_streaming,
        offset,
        length: transfer.length,
        done: 0,
        limit,
        parts: transfer.length.div_ceil(limit),
    };
    send(state, context)
}

/// Most bytes of one command: whole blocks and whole 2048 bytes, and no more than READ (10) can count.
fn part_limit(device: &Device, address: u64) -> u32 {
    let block_length = device.geometry.block_length();
    let unit = block_length.max(2048);
    let most = block_length.saturating_mul(u32::from(u16::MAX)).min(device.limits.for_address(address));
    most.checked_rem(unit).map_or(most, |rest| most.saturating_sub(rest)).max(unit)
}

/// The byte offset of a transfer that the medium can take; `None` for any other.
fn validate(device: &Device, transfer: &Transfer, streaming: bool) -> Option<u64> {
    let block_length = device.geometry.block_length();
    let shift = device.geometry.shift();
    let mask = block_length.saturating_sub(1);
    let offset = u64::try_from(transfer.offset).ok()?;
    let end = offset.checked_add(u64::from(transfer.length))?;
    let last_block = end.checked_sub(1)?.checked_shr(shift)?;
    let aligned = offset & u64::from(mask) == 0 && transfer.length & mask == 0;
    if !aligned || u32::try_from(last_block).is_err() || transfer.mdl.byte_count < transfer.length {
        return None;
    }
    let capability = &device.capability;
    let schema = match (transfer.write, capability.write_allowed, capability.schema) {
        (true, false, _) => return None,
        (true, true, schema) => schema,
        (false, true, schema::INCREMENTAL_STREAMING) => schema::INCREMENTAL_STREAMING,
        (false, ..) => schema::RANDOM_WRITABLE,
    };
    let blocking = u64::from(capability.blocking.max(1));
    let on_boundary = |bytes: u64| bytes.checked_shr(shift).and_then(|blocks| blocks.checked_rem(blocking)) == Some(0);
    let fits = match schema {
        schema::DEFECT_MANAGEMENT | schema::RANDOM_WRITABLE => device.is_writer || end <= device.geometry.capacity(),
        schema::RIGID_RESTRICTED_OVERWRITE => on_boundary(offset) && on_boundary(u64::from(transfer.length)),
        schema::RESTRICTED_OVERWRITE => on_boundary(offset),
        schema::INCREMENTAL_STREAMING => true,
        _ => false,
    };
    let can_stream = if transfer.write { capability.streaming_write } else { capability.streaming_read };
    (fits && (can_stream || !streaming)).then_some(offset)
}

/// Sends the next part.
fn send(state: State, context: &mut Context<'_, '_>) -> Next {
    let length = state.length.saturating_sub(state.done).min(state.limit);
    let shift = context.device.geometry.shift();
    let start = state.offset.saturating_add(u64::from(state.done)).checked_shr(shift);
    let blocks = length.checked_shr(shift).unwrap_or(0);
    let Some(lba) = start.and_then(|block| u32::try_from(block).ok()) else {
        return Next::Done(NtStatus::INVALID_DEVICE_REQUEST, u64::from(state.done));
    };
    let streaming = state.streaming && !context.device.quirks.no_streaming;
    let command = ScsiCommand {
        cdb: command(state.write, streaming, lba, blocks),
        direction: if state.write { Direction::Out } else { Direction::In },
        length,
        timeout_s: 0,
        place: Place::Caller { offset: state.done },
    };
    Next::Send(command, LINKED, State { streaming, ..state }.into())
}

fn command(write: bool, streaming: bool, lba: u32, blocks: u32) -> Cdb {
    let few = u16::try_from(blocks).unwrap_or(u16::MAX);
    let force_unit_access = false;
    match (write, streaming) {
        (false, false) => read_write::Read10 { lba, blocks: few, force_unit_access }.cdb(),
        (true, false) => read_write::Write10 { lba, blocks: few, force_unit_access }.cdb(),
        (false, true) => read_write::Read12 { lba, blocks, force_unit_access, streaming }.cdb(),
        (true, true) => read_write::Write12 { lba, blocks, force_unit_access, streaming }.cdb(),
    }
}

/// Counts a part that is done and sends the next.
///
/// A part that was short is not made up for: the next begins where it ended, and the last one ends the request. A part
/// that ended inside a block leaves no place for another.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let result = input.command();
    if !result.status.is_success() {
        return Next::Done(result.status, u64::from(state.done));
    }
    let mask = context.device.geometry.block_length().saturating_sub(1);
    let done = state.done.saturating_add(result.transferred).min(state.length);
    let parts = state.parts.saturating_sub(1);
    if parts == 0 || done >= state.length || done & mask != 0 {
        return Next::Done(NtStatus::SUCCESS, u64::from(done));
    }
    send(State { done, parts, ..state }, context)
}

/// Bytes done so far: the Information of a cancelled request.
#[must_use]
pub fn bytes_done(state: &State) -> u64 {
    u64::from(state.done)
}

#[cfg(test)]
mod tests;
