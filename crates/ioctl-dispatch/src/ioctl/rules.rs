//! Checks that need more than one comparison.

use super::check::{Facts, Rejection};
use crate::ntstatus::NtStatus;
use crate::ops::read_cd::{RawReadInfo, TrackMode};
use crate::request::Irql;

type Verdict = Result<(), Rejection>;

const fn reject(status: NtStatus) -> Verdict {
    Err((status, 0))
}

fn require(pass: bool, status: NtStatus) -> Verdict {
    if pass { Ok(()) } else { reject(status) }
}

/// IRQL is PASSIVE_LEVEL, for what opens registry keys.
pub fn passive(facts: &Facts<'_>) -> Verdict {
    require(facts.request.irql == Irql::Passive, NtStatus::INVALID_LEVEL)
}

/// A mounted-device interface exists.
pub fn mounted_device(facts: &Facts<'_>) -> Verdict {
    require(facts.has_mounted_interface, NtStatus::INVALID_PARAMETER)
}

/// StartLba of `AACS_READ_BINDING_NONCE` fits 32 bits.
pub fn start_lba_fits(facts: &Facts<'_>) -> Verdict {
    require(u32::try_from(facts.u64_at(8)).is_ok(), NtStatus::INVALID_PARAMETER)
}

/// No output, or room for the media change count.
pub fn count_fits(facts: &Facts<'_>) -> Verdict {
    if matches!(facts.request.output_length, 1..=3) { Err((NtStatus::BUFFER_TOO_SMALL, 4)) } else { Ok(()) }
}

/// `CDROM_SUB_Q_DATA_FORMAT` names a format whose answer fits.
pub fn q_channel(facts: &Facts<'_>) -> Verdict {
    let needed = match facts.u8_at(0) {
        1 => 16,
        2 | 3 => 24,
        _ => return reject(NtStatus::INVALID_PARAMETER),
    };
    if facts.request.output_length < needed { Err((NtStatus::BUFFER_TOO_SMALL, needed)) } else { Ok(()) }
}

/// `CDROM_READ_TOC_EX`: reserved bits are 0, the format is known, the session byte is 0 where it has no meaning.
pub fn toc_format(facts: &Facts<'_>) -> Verdict {
    let first = facts.u8_at(0);
    let reserved = first & 0x70 != 0 || facts.u8_at(2) != 0 || facts.u8_at(3) != 0;
    let fits = match first & 0x0F {
        0 | 2 | 5 => true,
        1 | 3 | 4 => facts.u8_at(1) == 0,
        _ => false,
    };
    require(!reserved && fits, NtStatus::INVALID_PARAMETER)
}

/// `GET_CONFIGURATION_IOCTL_INPUT`: length by the caller's pointer size, then its fields.
pub fn configuration(facts: &Facts<'_>) -> Verdict {
    let length: u32 = if facts.request.wow64 { 16 } else { 24 };
    require(facts.request.input_length >= length, NtStatus::INFO_LENGTH_MISMATCH)?;
    require(facts.u32_at(0) <= 0xFFFF && facts.u32_at(4) <= 2, NtStatus::INVALID_PARAMETER)?;
    let reserved = facts.input.get(8..usize::try_from(length).unwrap_or(0)).unwrap_or(&[]);
    require(reserved.iter().all(|byte| *byte == 0), NtStatus::INVALID_PARAMETER)
}

/// `CDROM_SET_SPEED` or `CDROM_SET_STREAMING` by its request type.
pub fn speed(facts: &Facts<'_>) -> Verdict {
    match facts.u32_at(0) {
        0 => Ok(()),
        1 if !facts.is_mmc => reject(NtStatus::INVALID_DEVICE_REQUEST),
        1 => require(facts.request.input_length >= 36, NtStatus::INFO_LENGTH_MISMATCH),
        _ => reject(NtStatus::INVALID_PARAMETER),
    }
}

/// `CDROM_STREAMING_CONTROL` is 1 to 4.
pub fn streaming(facts: &Facts<'_>) -> Verdict {
    require(matches!(facts.u32_at(0), 1..=4), NtStatus::INVALID_PARAMETER)
}

/// `CDROM_SIMPLE_OPC_INFO`: the only request type is 1.
pub fn simple_opc(facts: &Facts<'_>) -> Verdict {
    require(facts.u32_at(0) == 1, NtStatus::INVALID_PARAMETER)
}

/// `CDROM_PERFORMANCE_REQUEST` or the write-speed request.
pub fn performance(facts: &Facts<'_>) -> Verdict {
    match facts.u32_at(0) {
        1 => {
            require(facts.request.input_length >= 20, NtStatus::INFO_LENGTH_MISMATCH)?;
            let known = matches!(facts.u32_at(4), 1 | 2) && matches!(facts.u32_at(8), 1..=3) && facts.u32_at(12) == 1;
            require(known, NtStatus::INVALID_PARAMETER)
        }
        2 => Ok(()),
        _ => reject(NtStatus::INVALID_PARAMETER),
    }
}

/// `CDROM_EXCLUSIVE_ACCESS`: IRQL, lengths by request type.
pub fn exclusive_access(facts: &Facts<'_>) -> Verdict {
    require(facts.request.irql == Irql::Passive, NtStatus::INVALID_DEVICE_REQUEST)?;
    require(facts.request.input_length >= 8, NtStatus::INFO_LENGTH_MISMATCH)?;
    match facts.u32_at(0) {
        0 if facts.request.output_length < 65 => Err((NtStatus::BUFFER_TOO_SMALL, 65)),
        1 => require(facts.request.input_length >= 72, NtStatus::INFO_LENGTH_MISMATCH),
        0 | 2 => Ok(()),
        _ => reject(NtStatus::INVALID_PARAMETER),
    }
}

/// `SCSI_PASS_THROUGH` in the caller's layout.
pub fn pass_through_input(facts: &Facts<'_>) -> Verdict {
    let length = if facts.request.wow64 { 44 } else { 56 };
    require(facts.request.input_length >= length, NtStatus::INVALID_PARAMETER)
}

/// `SCSI_PASS_THROUGH_EX` in the caller's layout.
pub fn pass_through_ex_input(facts: &Facts<'_>) -> Verdict {
    let length = if facts.request.wow64 { 52 } else { 64 };
    require(facts.request.input_length >= length, NtStatus::INVALID_PARAMETER)
}

/// IRQL below DISPATCH_LEVEL, and room for one media type, or two from an MMC drive.
pub fn media_types(facts: &Facts<'_>) -> Verdict {
    require(facts.request.irql != Irql::Dispatch, NtStatus::INVALID_LEVEL)?;
    let needed = if facts.is_mmc { 72 } else { 40 };
    if facts.request.output_length < needed { Err((NtStatus::BUFFER_TOO_SMALL, needed)) } else { Ok(()) }
}

/// The output holds a whole key of the type asked for.
pub fn read_key_output(facts: &Facts<'_>) -> Verdict {
    let needed = match facts.u32_at(8) {
        1 => 36,
        2..=4 => 32,
        5 | 8 => 28,
        0x80 => 2072,
        _ => 24,
    };
    if facts.request.output_length < needed { Err((NtStatus::BUFFER_TOO_SMALL, needed)) } else { Ok(()) }
}

fn key_to_send(facts: &Facts<'_>, allowed: &[u32]) -> Verdict {
    let length = facts.u32_at(0);
    let fits = length.checked_sub(20).is_some_and(|parameter_list| parameter_list <= facts.scratch_length.min(0xFFFF));
    require(
        facts.request.input_length == length && allowed.contains(&facts.u32_at(8)) && fits,
        NtStatus::INVALID_PARAMETER,
    )
}

/// `DVD_COPY_PROTECT_KEY` of the types that read access may send.
pub fn send_key(facts: &Facts<'_>) -> Verdict {
    key_to_send(facts, &[1, 3, 0x3F])
}

/// `DVD_COPY_PROTECT_KEY` of any type.
pub fn send_key2(facts: &Facts<'_>) -> Verdict {
    key_to_send(facts, &[1, 2, 3, 4, 5, 6, 8, 0x80, 0x3F])
}

/// An AGID, or all of them.
pub fn session_to_end(facts: &Facts<'_>) -> Verdict {
    let session = facts.u32_at(0);
    require(session <= 3 || session == u32::MAX, NtStatus::INVALID_PARAMETER)
}

fn persistent_reserve(facts: &Facts<'_>) -> Verdict {
    require(facts.request.input_length >= 12 && facts.u32_at(4) >= 12, NtStatus::INFO_LENGTH_MISMATCH)?;
    let aligned = facts.request.system_address & u64::from(facts.alignment_mask) == 0;
    require(aligned, NtStatus::INVALID_USER_BUFFER)
}

/// `PERSISTENT_RESERVE_COMMAND` for reading keys or reservations.
pub fn persistent_reserve_in(facts: &Facts<'_>) -> Verdict {
    persistent_reserve(facts)?;
    let allocation = facts.u32_at(8) >> 16;
    let action = facts.u8_at(8) & 0x1F;
    require(facts.request.output_length >= allocation && action <= 1 && allocation >= 8, NtStatus::INVALID_PARAMETER)
}

/// `PERSISTENT_RESERVE_COMMAND` with its 24-byte parameter list.
pub fn persistent_reserve_out(facts: &Facts<'_>) -> Verdict {
    persistent_reserve(facts)?;
    let type_and_scope = facts.u8_at(9);
    let known = match facts.u8_at(8) & 0x1F {
        0 | 3 | 6 => true,
        1 | 2 | 4 | 5 => matches!(type_and_scope & 0x0F, 1 | 3 | 5 | 6) && matches!(type_and_scope >> 4, 0 | 2),
        _ => false,
    };
    let whole = facts.request.input_length >= 36 && facts.u32_at(4) >= facts.request.input_length;
    require(known && whole, NtStatus::INVALID_PARAMETER)
}

/// `RAW_READ_INFO` and the buffer that it is to fill, in the order of ioctl-cdrom-disk.md.
pub fn raw_read(facts: &Facts<'_>) -> Verdict {
    let invalid = NtStatus::INVALID_PARAMETER;
    let info = match facts.request.type3_input {
        _ if facts.request.input_length < 16 => return Err((NtStatus::BUFFER_TOO_SMALL, 16)),
        Some(captured) => RawReadInfo::from_bytes(&captured),
        None => RawReadInfo::read(facts.input).ok_or((invalid, 0))?,
    };
    let sector_length = TrackMode(info.track_mode).layout().map_or(0, |layout| layout.sector_length);
    let length = info.sector_count.checked_mul(sector_length).ok_or((invalid, 0))?;
    require(info.sector_count != 0 && length != 0, invalid)?;
    let span = u64::from(info.sector_count).saturating_mul(2048);
    let end = info.disk_offset.checked_add(span).ok_or((invalid, 0))?;
    require(facts.request.output_length >= length, invalid)?;
    require(end <= facts.capacity, invalid)?;
    let mdl = facts.request.mdl.ok_or((invalid, 0))?;
    require(mdl.byte_count >= length, invalid)?;
    require(mdl.address & u64::from(facts.alignment_mask) == 0, invalid)?;
    let (aligned, unaligned) = facts.transfer_limits;
    let limit = if mdl.address & 0xFFF == 0 { aligned } else { unaligned };
    require(length <= limit, invalid)
}
