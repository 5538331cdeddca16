//! READ DISC STRUCTURE for programs, and the region of disc and drive (ioctl-dvd-aacs.md, READ_STRUCTURE and
//! GET_REGION).

use scsi_cdb::bytes::be16_at;
use scsi_cdb::disc_structure::{DvdFormat, MediaType, ReadDiscStructure};
use scsi_cdb::key::dvd::{RegionState, RpcScheme};

use super::region::{self, Pick};
use super::{CommandResult, Context, Input, Next};
use crate::agid::Agid;
use crate::ioctl::Operation;
use crate::ntstatus::NtStatus;
use crate::step::ScsiCommand;

/// Bytes of an answer's header.
const HEADER: u16 = 4;

/// Formats that the drive gives only to the holder of an AGID.
const NEED_SESSION: [DvdFormat; 3] = [DvdFormat::DISC_KEY, DvdFormat::MEDIA_IDENTIFIER, DvdFormat::MEDIA_KEY_BLOCK];

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Reading a structure.
    Reading {
        /// Bytes asked for.
        asked: u16,
    },
    /// Reading the regions of the disc.
    Copyright,
    /// Choosing a region for the drive.
    Picking(Pick, DiscRegions),
    /// Reading the region of the drive.
    Rpc(DiscRegions),
}

/// The first half of `DVD_REGION`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiscRegions {
    copy_system: u8,
    forbidden: u8,
}

/// Reads a structure, or the region.
#[must_use]
pub fn start(operation: Operation, context: &mut Context<'_, '_>) -> Next {
    if operation == Operation::DvdGetRegion {
        return Next::send(region::copyright(), State::Copyright);
    }
    let format = context.input_u32(8);
    let needs_session = NEED_SESSION.iter().any(|known| format == u32::from(known.0));
    let session = if needs_session { context.input_u32(12) } else { 0 };
    let [low_format, ..] = format.to_le_bytes();
    let [.., layer] = context.input_array::<17>();
    let room = context.request.output_length.min(context.buffers.scratch_length());
    let asked = u16::try_from(room).unwrap_or(u16::MAX);
    let command = ReadDiscStructure {
        address: block_address(context.input_u64(0).cast_signed(), context),
        layer,
        agid: Agid::from_session(session).number(),
        ..ReadDiscStructure::new(MediaType::DVD, low_format, asked)
    };
    Next::send(ScsiCommand::new(&command), State::Reading { asked })
}

/// The logical block at a byte offset, its low 32 bits.
#[must_use]
pub fn block_address(offset: i64, context: &Context<'_, '_>) -> u32 {
    let block = offset.checked_shr(context.device.geometry.shift()).unwrap_or(0);
    let [.., a, b, c, d] = block.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// Takes the answer over.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    match state {
        State::Reading { asked } => {
            give_structure(asked, input.command(), context).map_or_else(Next::fail, Next::success)
        }
        State::Copyright => match region::copyright_answer(input, context) {
            Ok((system, forbidden)) => {
                let disc = DiscRegions { copy_system: system.0, forbidden };
                region::begin(context, |pick| State::Picking(pick, disc)).unwrap_or_else(|| ask_drive(disc))
            }
            Err(status) => Next::fail(status),
        },
        State::Picking(pick, disc) => {
            region::resume(pick, input, context, |pick| State::Picking(pick, disc)).unwrap_or_else(|| ask_drive(disc))
        }
        State::Rpc(disc) => give_region(disc, input, context).map_or_else(Next::fail, Next::success),
    }
}

/// Puts the answer, header and all, into the output: Length little-endian, the rest as the drive sent it. Gives the
/// Information.
fn give_structure(asked: u16, result: CommandResult, context: &mut Context<'_, '_>) -> Result<usize, NtStatus> {
    let claimed = be16_at(context.buffers.answer(result.transferred), 0).unwrap_or(0).saturating_add(2);
    let least = if result.status.is_success() { 0 } else { claimed.max(HEADER).min(asked) };
    result.answered(least.into())?;
    if let Some([high, low]) = context.buffers.scratch.first_chunk_mut::<2>() {
        core::mem::swap(high, low);
    }
    Ok(context.give_answer(0, result.transferred))
}

fn ask_drive(disc: DiscRegions) -> Next {
    Next::send(region::rpc_state(), State::Rpc(disc))
}

/// Writes `DVD_REGION`; gives the Information.
fn give_region(disc: DiscRegions, input: Input, context: &mut Context<'_, '_>) -> Result<usize, NtStatus> {
    let drive = region::rpc_answer(input, context)?
        .filter(|state| state.scheme == RpcScheme::PHASE_2)
        .ok_or(NtStatus::INVALID_DEVICE_REQUEST)?;
    let system = if drive.state == RegionState::NONE { 0 } else { !drive.forbidden_regions };
    Ok(context.write(0, &[disc.copy_system, disc.forbidden, system, drive.user_changes]))
}

#[cfg(test)]
mod tests;
