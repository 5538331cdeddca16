//! REPORT KEY and SEND KEY of key class 00: CSS keys, the region, AGIDs as keys (ioctl-dvd-aacs.md, READ_KEY and
//! SEND_KEY).

use scsi_cdb::bytes::{self, be16_at, u8_at};
use scsi_cdb::disc_structure::dvd::LEAD_IN_BLOCK_LENGTH;
use scsi_cdb::disc_structure::{DvdFormat, MediaType, ReadDiscStructure, StructureAnswer};
use scsi_cdb::key::{DvdKeyFormat, KeyClass, ReportKey, SendKey, granted_agid, write_parameters};

use super::dvd_structure::block_address;
use super::region::{self, Pick};
use super::{CommandResult, Context, Input, Next};
use crate::agid::{Agid, AgidClass, Grant};
use crate::ioctl::Operation;
use crate::ntstatus::NtStatus;
use crate::step::ScsiCommand;

/// Bytes of `DVD_COPY_PROTECT_KEY` before its data.
const HEADER: u32 = 24;

/// [`HEADER`] as an offset.
const KEY_DATA: usize = 24;

/// KeyType DvdGetRpcKey.
const GET_RPC_KEY: u32 = 0x08;

/// KeyType DvdTitleKey.
const TITLE_KEY: u32 = 0x04;

/// KeyType DvdDiskKey.
const DISK_KEY: u32 = 0x80;

/// Bytes of the disc key structure with its header.
const DISK_KEY_ANSWER: u16 = 2052;

/// Bytes of a title key answer that matter: copyright byte and key.
const TITLE_KEY_LEAST: usize = 6;

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Choosing a region first.
    Picking(Pick),
    /// Reading a key.
    Reading {
        /// Bytes asked for.
        asked: u16,
    },
    /// Reading the disc key.
    ReadingDiskKey,
    /// Sending a key.
    Sending,
}

/// `DVD_COPY_PROTECT_KEY` without its data.
struct KeyHeader {
    length: u32,
    session: u32,
    key_type: u32,
    title_offset: i64,
}

impl KeyHeader {
    fn of(context: &Context<'_, '_>) -> Self {
        Self {
            length: context.input_u32(0),
            session: context.input_u32(4),
            key_type: context.input_u32(8),
            title_offset: context.input_u64(16).cast_signed(),
        }
    }

    fn agid(&self) -> Agid {
        Agid::from_session(self.session)
    }

    /// What reaches the drive of the key type.
    fn format(&self) -> DvdKeyFormat {
        let [.., low] = self.key_type.to_be_bytes();
        DvdKeyFormat(low & 0x3F)
    }
}

/// Reads or sends a key.
#[must_use]
pub fn start(operation: Operation, context: &mut Context<'_, '_>) -> Next {
    if operation == Operation::DvdSendKey {
        return send(context);
    }
    match KeyHeader::of(context).key_type {
        DISK_KEY => read_disk_key(context),
        GET_RPC_KEY => region::begin(context, State::Picking).unwrap_or_else(|| read(context)),
        _ => read(context),
    }
}

/// Takes the answer over.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    match state {
        State::Picking(pick) => region::resume(pick, input, context, State::Picking).unwrap_or_else(|| read(context)),
        State::Reading { asked } => give_key(asked, input.command(), context).map_or_else(Next::fail, Next::success),
        State::ReadingDiskKey => give_disk_key(input.command(), context).map_or_else(Next::fail, Next::success),
        State::Sending => {
            let status = input.command().status;
            if status.is_success() {
                note_invalidation(context);
            }
            Next::fail(status)
        }
    }
}

fn read(context: &Context<'_, '_>) -> Next {
    let key = KeyHeader::of(context);
    let room = context.request.output_length.saturating_sub(HEADER).saturating_add(4);
    let asked = u16::try_from(room.min(context.buffers.scratch_length())).unwrap_or(u16::MAX);
    let lba = if key.key_type == TITLE_KEY { block_address(key.title_offset, context) } else { 0 };
    let command = ReportKey { lba, ..ReportKey::new(KeyClass::DVD, key.format().0, key.agid().number(), asked) };
    Next::send(ScsiCommand::new(&command), State::Reading { asked })
}

/// Puts key data and its length into the output; gives the Information.
fn give_key(asked: u16, result: CommandResult, context: &mut Context<'_, '_>) -> Result<usize, NtStatus> {
    let key = KeyHeader::of(context);
    let answer = context.buffers.answer(result.transferred);
    let claimed = be16_at(answer, 0).unwrap_or(0).saturating_add(2);
    result.answered(if result.status.is_success() { 0 } else { claimed.clamp(4, asked.max(4)).into() })?;
    let grant = granted_agid(answer);
    let Some(body) = StructureAnswer::parse(answer).ok().filter(|answer| answer.data_length >= 2) else {
        note_invalidation(context);
        return Ok(0);
    };
    let length = body.body.len();
    if key.key_type == TITLE_KEY {
        if length < TITLE_KEY_LEAST {
            return Err(NtStatus::IO_DEVICE_ERROR);
        }
        let copyright = u8_at(body.body, 0).unwrap_or(0);
        context.write(12, &u32::from(copyright).to_le_bytes());
        let shifted = u32::try_from(length.saturating_sub(1)).unwrap_or(0);
        let end = KEY_DATA.saturating_add(context.give_answer_at(KEY_DATA, 5, shifted));
        context.write(end, &[0]);
    } else {
        context.give_answer_at(KEY_DATA, 4, u32::try_from(length).unwrap_or(0));
    }
    match (key.format(), grant) {
        (DvdKeyFormat::AGID | DvdKeyFormat::AGID_CPRM, Ok(agid)) => {
            let grant = Grant::new(AgidClass::Css, Agid::from_session(agid.into()));
            context.device.agids.grant(grant, context.request.handle);
        }
        _ => note_invalidation(context),
    }
    Ok(finish(length, context))
}

/// Writes KeyLength; gives the Information.
fn finish(data_length: usize, context: &mut Context<'_, '_>) -> usize {
    let length = KEY_DATA.saturating_add(data_length);
    context.write(0, &u32::try_from(length).unwrap_or(0).to_le_bytes());
    length
}

/// A key of type "invalidate AGID" went through: the AGID is free.
fn note_invalidation(context: &mut Context<'_, '_>) {
    let key = KeyHeader::of(context);
    if key.format() == DvdKeyFormat::INVALIDATE_AGID {
        context.device.agids.release(Grant::new(AgidClass::Css, key.agid()));
    }
}

fn read_disk_key(context: &Context<'_, '_>) -> Next {
    let agid = KeyHeader::of(context).agid().number();
    let command = ReadDiscStructure::new(MediaType::DVD, DvdFormat::DISC_KEY.0, DISK_KEY_ANSWER);
    Next::send(ScsiCommand::new(&ReadDiscStructure { agid, ..command }), State::ReadingDiskKey)
}

/// Puts a whole disc key into the output; gives the Information.
fn give_disk_key(result: CommandResult, context: &mut Context<'_, '_>) -> Result<usize, NtStatus> {
    result.answered(DISK_KEY_ANSWER.into())?;
    let claimed = be16_at(context.buffers.scratch, 0).unwrap_or(0);
    if claimed < DISK_KEY_ANSWER.saturating_sub(2) {
        return Err(NtStatus::IO_DEVICE_ERROR);
    }
    let length = u32::try_from(LEAD_IN_BLOCK_LENGTH).unwrap_or(0);
    let data_length = context.give_answer_at(KEY_DATA, StructureAnswer::HEADER_LENGTH, length);
    Ok(finish(data_length, context))
}

fn send(context: &mut Context<'_, '_>) -> Next {
    let key = KeyHeader::of(context);
    let length = usize::try_from(key.length.saturating_sub(HEADER)).unwrap_or(usize::MAX);
    let data = bytes::clamp(context.buffers.system, KEY_DATA, length);
    let Some(parameter_list_length) = write_parameters(data, context.buffers.scratch) else {
        return Next::fail(NtStatus::INVALID_PARAMETER);
    };
    let command = SendKey {
        key_class: KeyClass::DVD,
        key_format: key.format().0,
        agid: key.agid().number(),
        parameter_list_length,
    };
    Next::send(ScsiCommand::new(&command), State::Sending)
}

#[cfg(test)]
mod tests;
