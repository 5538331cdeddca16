//! AACS authentication, identifiers and the media key block (ioctl-dvd-aacs.md, "AACS IOCTLs").

use scsi_cdb::bytes::{be16_at, clamp, u8_at};
use scsi_cdb::disc_structure::aacs::PACK_LENGTH;
use scsi_cdb::disc_structure::{CommonFormat, MediaType, ReadDiscStructure, StructureAnswer};
use scsi_cdb::key::{AacsKeyFormat, KeyClass, ReportKey, SendKey, write_parameters};

use super::{CommandResult, Context, Input, Next};
use crate::agid::{Agid, AgidClass, Grant};
use crate::ioctl::Operation;
use crate::ntstatus::NtStatus;
use crate::step::ScsiCommand;

/// An answer of fixed length.
struct Answer {
    operation: Operation,
    source: Source,
    /// Bytes after the header: the output.
    length: u16,
    /// The drive takes the AGID back when it has answered.
    releases: bool,
}

/// How an answer is asked for.
enum Source {
    /// REPORT KEY.
    Key(AacsKeyFormat),
    /// REPORT KEY for the blocks that the input names.
    Nonce(AacsKeyFormat),
    /// READ DISC STRUCTURE.
    Structure(CommonFormat),
}

const fn answer(operation: Operation, source: Source, length: u16, releases: bool) -> Answer {
    Answer { operation, source, length, releases }
}

const ANSWERS: &[Answer] = &[
    answer(Operation::AacsGetCertificate, Source::Key(AacsKeyFormat::CERTIFICATE_CHALLENGE), 112, false),
    answer(Operation::AacsGetChallengeKey, Source::Key(AacsKeyFormat::KEY), 80, false),
    answer(Operation::AacsReadVolumeId, Source::Structure(CommonFormat::AACS_VOLUME_ID), 32, true),
    answer(Operation::AacsReadSerialNumber, Source::Structure(CommonFormat::AACS_SERIAL_NUMBER), 32, true),
    answer(Operation::AacsReadMediaId, Source::Structure(CommonFormat::AACS_MEDIA_ID), 32, true),
    answer(Operation::AacsReadBindingNonce, Source::Nonce(AacsKeyFormat::READ_BINDING_NONCE), 32, true),
    answer(Operation::AacsGenerateBindingNonce, Source::Nonce(AacsKeyFormat::GENERATE_BINDING_NONCE), 32, false),
];

/// What is sent to the drive: format and bytes after the SessionId.
const SENDS: &[(Operation, AacsKeyFormat, usize)] = &[
    (Operation::AacsSendCertificate, AacsKeyFormat::CERTIFICATE_CHALLENGE, 112),
    (Operation::AacsSendChallengeKey, AacsKeyFormat::KEY, 80),
];

/// Bytes of an answer's header.
const HEADER: u16 = 4;

/// Bytes of a pack.
const PACK: u16 = 0x8000;

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waiting for an answer of fixed length.
    Answer {
        /// Bytes after the header.
        length: u16,
        /// The AGID that ends with it.
        releases: Option<Agid>,
    },
    /// Sending.
    Sending,
    /// Reading a media key block.
    Pack {
        /// The layer.
        layer: u8,
        /// The pack that is being read.
        pack: u8,
        /// Packs in all; 0 before the first answer.
        packs: u8,
    },
    /// Asking for the size of a media key block.
    Size {
        /// The layer.
        layer: u8,
        /// The pack whose header is being read.
        pack: u8,
        /// Times that the drive may still change the number of packs.
        changes_left: u8,
    },
}

/// Starts the exchange.
#[must_use]
pub fn start(operation: Operation, context: &mut Context<'_, '_>) -> Next {
    let [low, ..] = context.input_array::<4>();
    match operation {
        Operation::AacsMediaKeyBlockSize => read_size(low, 0, 2),
        Operation::AacsMediaKeyBlock if context.buffers.scratch_length() < u32::from(PACK.saturating_add(HEADER)) => {
            Next::fail(NtStatus::INTERNAL_ERROR)
        }
        Operation::AacsMediaKeyBlock => read_pack(low, 0, 0),
        _ => match ANSWERS.iter().find(|answer| answer.operation == operation) {
            Some(answer) => ask(answer, context),
            None => send(operation, context),
        },
    }
}

/// Takes the answer over.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let result = input.command();
    let next = match state {
        State::Answer { length, releases } => give_answer(length, releases, result, context),
        State::Sending => Err(result.status),
        State::Pack { layer, pack, packs } => give_pack(layer, pack, packs, result, context),
        State::Size { layer, pack, changes_left } => give_size(layer, pack, changes_left, result, context),
    };
    next.unwrap_or_else(Next::fail)
}

fn session(context: &Context<'_, '_>) -> Agid {
    Agid::from_session(context.input_u32(0))
}

fn ask(answer: &Answer, context: &Context<'_, '_>) -> Next {
    let agid = session(context);
    let asked = answer.length.saturating_add(HEADER);
    let report = |format: AacsKeyFormat| ReportKey::new(KeyClass::AACS, format.0, agid.number(), asked);
    let command = match answer.source {
        Source::Key(format) => ScsiCommand::new(&report(format)),
        Source::Nonce(format) => {
            let [blocks, ..] = context.input_u32(4).to_le_bytes();
            let lba = context.input_u32(8);
            ScsiCommand::new(&ReportKey { lba, blocks, ..report(format) })
        }
        Source::Structure(format) => {
            let command = ReadDiscStructure::new(MediaType::DVD, format.0, asked);
            ScsiCommand::new(&ReadDiscStructure { agid: agid.number(), ..command })
        }
    };
    Next::send(command, State::Answer { length: answer.length, releases: answer.releases.then_some(agid) })
}

fn give_answer(
    length: u16,
    releases: Option<Agid>,
    result: CommandResult,
    context: &mut Context<'_, '_>,
) -> Result<Next, NtStatus> {
    result.answered(length.saturating_add(HEADER).into())?;
    if let Some(agid) = releases {
        context.device.agids.release(Grant::new(AgidClass::Aacs, agid));
    }
    if be16_at(context.buffers.scratch, 0) != Ok(length.saturating_add(2)) {
        return Err(NtStatus::IO_DEVICE_ERROR);
    }
    Ok(Next::success(context.give_answer(StructureAnswer::HEADER_LENGTH, length.into())))
}

fn send(operation: Operation, context: &mut Context<'_, '_>) -> Next {
    let agid = session(context).number();
    let written = SENDS.iter().find(|(of, ..)| *of == operation).and_then(|(_, format, length)| {
        let body = clamp(context.buffers.system, 4, *length);
        Some((format, write_parameters(body, context.buffers.scratch)?))
    });
    let Some((format, parameter_list_length)) = written else {
        return Next::fail(NtStatus::INVALID_PARAMETER);
    };
    let command = SendKey { key_class: KeyClass::AACS, key_format: format.0, agid, parameter_list_length };
    Next::send(ScsiCommand::new(&command), State::Sending)
}

fn block_command(layer: u8, pack: u8, asked: u16) -> ScsiCommand {
    let command = ReadDiscStructure::new(MediaType::DVD, CommonFormat::AACS_MKB.0, asked);
    ScsiCommand::new(&ReadDiscStructure { address: pack.into(), layer, ..command })
}

fn read_pack(layer: u8, pack: u8, packs: u8) -> Next {
    Next::send(block_command(layer, pack, PACK.saturating_add(HEADER)), State::Pack { layer, pack, packs })
}

fn read_size(layer: u8, pack: u8, changes_left: u8) -> Next {
    Next::send(block_command(layer, pack, HEADER), State::Size { layer, pack, changes_left })
}

/// Packs in all and bytes in this one, from the header of an answer.
fn pack_header(result: CommandResult, context: &Context<'_, '_>) -> Result<(u8, u16), NtStatus> {
    result.answered(HEADER.into())?;
    let header = context.buffers.answer(HEADER.into());
    let packs = u8_at(header, 3).ok().filter(|packs| *packs != 0);
    let length = be16_at(header, 0).ok().and_then(|length| length.checked_sub(2)).filter(|length| *length <= PACK);
    packs.zip(length).ok_or(NtStatus::IO_DEVICE_ERROR)
}

/// Bytes of `packs` full packs.
fn full(packs: u8) -> u32 {
    u32::from(packs).saturating_mul(PACK.into())
}

/// Puts a pack into its place of the output and asks for the next.
fn give_pack(
    layer: u8,
    pack: u8,
    packs_before: u8,
    result: CommandResult,
    context: &mut Context<'_, '_>,
) -> Result<Next, NtStatus> {
    let (packs, length) = pack_header(result, context)?;
    result.answered(u32::from(length).saturating_add(HEADER.into()))?;
    let last = packs.saturating_sub(1);
    let consistent = (packs_before == 0 || packs == packs_before) && (pack == last || length == PACK);
    if !consistent {
        return Err(NtStatus::IO_DEVICE_ERROR);
    }
    let room = context.request.output_length;
    let end = full(pack).saturating_add(length.into());
    if room < end || (last != 0 && room <= full(last)) {
        return Ok(Next::Done(NtStatus::BUFFER_TOO_SMALL, full(packs).into()));
    }
    let target = usize::from(pack).saturating_mul(PACK_LENGTH);
    context.give_answer_at(target, StructureAnswer::HEADER_LENGTH, length.into());
    Ok(match pack.checked_add(1) {
        Some(next) if next < packs => read_pack(layer, next, packs),
        _ => Next::Done(NtStatus::SUCCESS, end.into()),
    })
}

/// Works the size out from the header of the last pack.
fn give_size(
    layer: u8,
    pack: u8,
    changes_left: u8,
    result: CommandResult,
    context: &mut Context<'_, '_>,
) -> Result<Next, NtStatus> {
    let (packs, length) = pack_header(result, context)?;
    let last = packs.saturating_sub(1);
    if pack != last {
        let changes_left = changes_left.checked_sub(1).ok_or(NtStatus::IO_DEVICE_ERROR)?;
        return Ok(read_size(layer, last, changes_left));
    }
    let size = full(last).saturating_add(length.into());
    Ok(Next::success(context.write(0, &size.to_le_bytes())))
}

#[cfg(test)]
mod tests;
