//! Retry limits and exceptions by operation code and by control code (io-path-and-errors.md 10).

use scsi_cdb::Opcode;
use scsi_cdb::bytes::{bit, u8_at};

use super::{Failure, Origin, SenseCode, Verdict};
use crate::Device;
use crate::ioctl::ControlCode;
use crate::ntstatus::NtStatus;
use crate::port::{SrbStatus, scsi_status};
use crate::time::Ticks;

/// Retries of most commands: 5, so 6 attempts.
const DEFAULT_LIMIT: u32 = 4;

/// Retries of MODE SENSE, READ CAPACITY and PREVENT: 2, so 3 attempts.
const SHORT_LIMIT: u32 = 1;

/// Retries of ALLOW whatever the drive says; after them the usual rules hold.
const FORCED_UNLOCKS: u32 = 4;

/// A read or write is given up when this time has passed since its first command was sent.
const TRANSFER_TIME: Ticks = Ticks::seconds(160);

/// Least pause before MODE SENSE or PREVENT ALLOW is repeated on a drive that is not ready.
const NOT_READY_PAUSE: Ticks = Ticks::seconds(2);

fn limit(verdict: &mut Verdict, failure: &Failure<'_>, most: u32) {
    if failure.attempt > most {
        verdict.retry = false;
    }
}

fn succeed_on_overrun(verdict: &mut Verdict, failure: &Failure<'_>) -> bool {
    let overrun = failure.result.srb == SrbStatus::DATA_OVERRUN;
    if overrun {
        verdict.status = NtStatus::SUCCESS;
        verdict.retry = false;
    }
    overrun
}

fn pause_if_not_ready(verdict: &mut Verdict, failure: &Failure<'_>, sense: SenseCode) {
    let not_ready = verdict.status == NtStatus::DEVICE_NOT_READY && sense.asc == 0x04;
    if not_ready || failure.result.srb == SrbStatus::SELECTION_TIMEOUT {
        verdict.delay = verdict.delay.max(NOT_READY_PAUSE);
    }
}

/// Applies the rules of the command's operation code.
pub fn by_operation(device: &mut Device, failure: &Failure<'_>, sense: SenseCode, verdict: &mut Verdict) {
    match failure.cdb.opcode() {
        Opcode::PREVENT_ALLOW_MEDIUM_REMOVAL => {
            let prevent = bit(u8_at(failure.cdb.padded(), 4).unwrap_or(0), 0);
            if prevent {
                limit(verdict, failure, SHORT_LIMIT);
            } else if failure.attempt < FORCED_UNLOCKS && !super::is_port_failure(&failure.result) {
                // A tray that stays locked is worse than a late answer.
                verdict.retry = true;
            } else {
                limit(verdict, failure, FORCED_UNLOCKS.saturating_add(DEFAULT_LIMIT));
            }
            pause_if_not_ready(verdict, failure, sense);
        }
        Opcode::MODE_SENSE_6 | Opcode::MODE_SENSE_10 => {
            pause_if_not_ready(verdict, failure, sense);
            if verdict.status == NtStatus::VERIFY_REQUIRED {
                verdict.retry = true;
            } else {
                succeed_on_overrun(verdict, failure);
            }
            limit(verdict, failure, SHORT_LIMIT);
        }
        Opcode::READ_CAPACITY_10 | Opcode::SERVICE_ACTION_IN_16 => {
            if verdict.status == NtStatus::VERIFY_REQUIRED {
                verdict.retry = true;
            }
            limit(verdict, failure, SHORT_LIMIT);
        }
        Opcode::RESERVE_6 | Opcode::RELEASE_6 if verdict.status == NtStatus::INVALID_DEVICE_REQUEST => {
            device.quirks.no_reserve6 = true;
            verdict.retry = true;
            verdict.rebuild = true;
        }
        Opcode::GET_PERFORMANCE => {
            succeed_on_overrun(verdict, failure);
            limit(verdict, failure, DEFAULT_LIMIT);
        }
        Opcode::READ_6
        | Opcode::READ_10
        | Opcode::READ_12
        | Opcode::READ_16
        | Opcode::WRITE_6
        | Opcode::WRITE_10
        | Opcode::WRITE_12
        | Opcode::WRITE_16 => transfer(device, failure, sense, verdict),
        _ => limit(verdict, failure, DEFAULT_LIMIT),
    }
}

fn transfer(device: &mut Device, failure: &Failure<'_>, sense: SenseCode, verdict: &mut Verdict) {
    if failure.origin.override_verify() && verdict.status == NtStatus::VERIFY_REQUIRED {
        verdict.status = NtStatus::IO_DEVICE_ERROR;
        verdict.retry = true;
    }
    let streaming = matches!(failure.cdb.opcode(), Opcode::READ_12 | Opcode::WRITE_12)
        && bit(u8_at(failure.cdb.padded(), 10).unwrap_or(0), 7);
    if streaming {
        let said = SenseCode::parse_unchecked(failure.result.sense);
        let lasting = matches!(
            failure.result.srb,
            SrbStatus::TIMEOUT | SrbStatus::COMMAND_TIMEOUT | SrbStatus::SELECTION_TIMEOUT | SrbStatus::BUS_RESET
        ) || (said.key == 6 && matches!(said.asc, 0x29 | 0x2E))
            || (said.key == 5 && said.asc != 0x21);
        verdict.retry = lasting;
        if lasting {
            device.quirks.no_streaming = true;
            verdict.rebuild = true;
        }
    }
    if !verdict.retry {
        return;
    }
    match failure.elapsed {
        Some(_) if sense.is(4, 0x09) => limit(verdict, failure, DEFAULT_LIMIT),
        Some(elapsed) if elapsed > TRANSFER_TIME => verdict.retry = false,
        Some(_) => {}
        None => limit(verdict, failure, DEFAULT_LIMIT),
    }
    let becoming_ready = sense.asc == 0x04 && sense.ascq == 0x01;
    let least = if becoming_ready { verdict.delay } else { Ticks::ZERO };
    verdict.delay = device.capability.transfer_retry_delay.max(least);
}

/// Control codes whose over-run is really an under-run: ATAPI ports report it so.
const UNDERRUN_IS_SUCCESS: &[ControlCode] = &[
    ControlCode(0x0002_4038),
    ControlCode(0x0002_4000),
    ControlCode(0x0002_4054),
    ControlCode(0x0002_4058),
    ControlCode(0x0002_4014),
];

const GET_CONFIGURATION: ControlCode = ControlCode(0x0002_4058);
const READ_Q_CHANNEL: ControlCode = ControlCode(0x0002_402C);
const SET_SPEED: ControlCode = ControlCode(0x0002_4060);

/// CHECK_VERIFY in all its forms.
const CHECK_VERIFY: &[ControlCode] =
    &[ControlCode(0x0002_4800), ControlCode(0x002D_4800), ControlCode(0x002D_0800), ControlCode(0x0007_4800)];

/// Applies the rules of the request's control code, as the caller gave it.
pub fn by_request(device: &mut Device, failure: &Failure<'_>, verdict: &mut Verdict) {
    let Origin::Control { code, override_verify } = failure.origin else { return };
    if UNDERRUN_IS_SUCCESS.contains(&code) && verdict.status == NtStatus::DATA_OVERRUN {
        verdict.status = NtStatus::SUCCESS;
        verdict.retry = false;
    }
    if code == READ_Q_CHANNEL {
        device.audio_playing = false;
    }
    if code == GET_CONFIGURATION && asks_one_feature(failure) && is_silent(failure) {
        device.quirks.no_type_one = true;
        verdict.retry = false;
    }
    if override_verify && verdict.status == NtStatus::VERIFY_REQUIRED {
        verdict.status = NtStatus::IO_DEVICE_ERROR;
        verdict.retry = failure.attempt <= DEFAULT_LIMIT;
        verdict.refresh_geometry = verdict.retry && CHECK_VERIFY.contains(&code);
    }
    if code == SET_SPEED && !verdict.status.is_success() {
        device.restore_speed_on_media_change = false;
    }
}

/// GET CONFIGURATION of a single feature (request type 2).
fn asks_one_feature(failure: &Failure<'_>) -> bool {
    let request_type = u8_at(failure.cdb.padded(), 1).unwrap_or(0) & 0x03;
    failure.cdb.opcode() == Opcode::GET_CONFIGURATION && request_type == 2
}

/// The drive took the command and did not say why it failed: it may not know this form of it.
fn is_silent(failure: &Failure<'_>) -> bool {
    let result = &failure.result;
    let given_up = matches!(
        result.srb,
        SrbStatus::TIMEOUT
            | SrbStatus::COMMAND_TIMEOUT
            | SrbStatus::ABORTED
            | SrbStatus::PHASE_SEQUENCE_FAILURE
            | SrbStatus::UNEXPECTED_BUS_FREE
    );
    let unexplained = result.srb == SrbStatus::ERROR && result.scsi_status == scsi_status::CHECK_CONDITION;
    given_up || (unexplained && !SenseCode::parse(result.sense).valid)
}
