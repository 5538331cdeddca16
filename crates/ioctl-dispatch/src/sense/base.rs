//! The base tables: by sense code, by sense key, by SRB status (io-path-and-errors.md 9.1 to 9.3).

use super::log::LogChoice;
use super::{Failure, SenseCode, Verdict};
use crate::effect::{Effect, Notification};
use crate::media::MediaState;
use crate::ntstatus::NtStatus;
use crate::port::{SrbStatus, scsi_status};
use crate::{Device, Environment};

/// What an ASC and ASCQ pair means, whatever the sense key.
#[derive(Clone, Copy)]
enum Meaning {
    /// Status, retry, delay in seconds, log.
    Plain(NtStatus, bool, u64, LogChoice),
    /// Becoming ready, with the reason to broadcast.
    BecomingReady(u32),
    /// Not ready for another reason: START UNIT may help.
    NeedsStart,
    /// No medium.
    NoMedium,
    /// A unit attention that concerns the volume: the verify rule, after that many seconds if it is retried.
    Verify(UnitAttention),
    /// SUCCESS, or INVALID_BLOCK_LENGTH with the incorrect length indicator.
    Recovered(LogChoice),
}

#[derive(Clone, Copy)]
enum UnitAttention {
    MediumChanged,
    OperatorRequest,
    ConditionsChanged,
}

type Row = (u8, Option<u8>, Meaning);

const fn plain(status: NtStatus, retry: bool, delay_s: u64) -> Meaning {
    Meaning::Plain(status, retry, delay_s, LogChoice::none())
}

/// ASC of a power-on or reset.
const RESET_OCCURRED: u8 = 0x29;

const NOT_READY: NtStatus = NtStatus::DEVICE_NOT_READY;

/// Rows of 9.1, first match wins. `None` stands for any qualifier.
const BY_CODE: &[Row] = &[
    (0x04, Some(0x01), Meaning::BecomingReady(1)),
    (0x04, Some(0x07), Meaning::BecomingReady(2)),
    (0x04, Some(0x08), plain(NOT_READY, true, 0)),
    (0x04, Some(0x03), plain(NtStatus::NO_MEDIA_IN_DEVICE, false, 10)),
    (0x04, Some(0x04), plain(NOT_READY, false, 10)),
    (0x04, None, Meaning::NeedsStart),
    (0x3A, None, Meaning::NoMedium),
    (0x30, Some(0x01), Meaning::Plain(NtStatus::UNRECOGNIZED_MEDIA, false, 0, LogChoice::bad_block_if_paging())),
    (0x30, Some(0x02), Meaning::Plain(NtStatus::UNRECOGNIZED_MEDIA, false, 0, LogChoice::never())),
    (0x30, Some(0x03), Meaning::Plain(NtStatus::CLEANER_CARTRIDGE_INSTALLED, false, 0, LogChoice::never())),
    (0x02, Some(0x00), Meaning::Plain(NtStatus::DEVICE_DATA_ERROR, true, 0, LogChoice::bad_block())),
    (0x08, Some(0x03), Meaning::Plain(NtStatus::IO_DEVICE_ERROR, true, 1, LogChoice::hardware())),
    (0x21, None, plain(NtStatus::NONEXISTENT_SECTOR, false, 0)),
    (0x24, None, plain(NtStatus::INVALID_DEVICE_REQUEST, false, 3)),
    (0x25, None, plain(NtStatus::NO_SUCH_DEVICE, false, 0)),
    (0x28, None, Meaning::Verify(UnitAttention::MediumChanged)),
    (0x5A, Some(0x01), Meaning::Verify(UnitAttention::OperatorRequest)),
    (0x3F, None, Meaning::Verify(UnitAttention::ConditionsChanged)),
    (0x17, None, Meaning::Recovered(LogChoice::recovered())),
    (0x18, None, Meaning::Recovered(LogChoice::recovered())),
    (0x5D, None, Meaning::Recovered(LogChoice::predicted())),
    (0x57, Some(0x00), plain(NtStatus::UNRECOGNIZED_MEDIA, false, 0)),
    (0x6F, Some(0x00), plain(NtStatus::CSS_AUTHENTICATION_FAILURE, false, 0)),
    (0x6F, Some(0x01), plain(NtStatus::CSS_KEY_NOT_PRESENT, false, 0)),
    (0x6F, Some(0x02), plain(NtStatus::CSS_KEY_NOT_ESTABLISHED, false, 0)),
    (0x6F, Some(0x03), plain(NtStatus::CSS_SCRAMBLED_SECTOR, false, 0)),
    (0x6F, Some(0x04), plain(NtStatus::CSS_REGION_MISMATCH, false, 0)),
    (0x6F, Some(0x05), plain(NtStatus::CSS_RESETS_EXHAUSTED, false, 0)),
    (0x6F, None, plain(NtStatus::COPY_PROTECTION_FAILURE, false, 0)),
];

/// Interprets `failure` by the first table that applies.
pub fn interpret(device: &mut Device, failure: &Failure<'_>, sense: SenseCode, environment: &Environment) -> Verdict {
    if failure.result.srb == SrbStatus::INTERNAL_ERROR {
        return Verdict::done(failure.result.internal);
    }
    if failure.result.scsi_status == scsi_status::RESERVATION_CONFLICT {
        return Verdict::done(NtStatus::DEVICE_BUSY).logged(LogChoice::never());
    }
    if !sense.valid {
        return by_srb_status(failure, environment);
    }
    if sense.key == 6 {
        device.media.count_change();
    }
    device.zero_power.note_sense(failure.cdb.opcode(), sense);
    let row = BY_CODE.iter().find(|(asc, ascq, _)| *asc == sense.asc && ascq.is_none_or(|ascq| ascq == sense.ascq));
    match row {
        Some((.., meaning)) => by_meaning(device, failure, sense, environment, *meaning),
        None => by_key(device, sense, environment),
    }
}

fn by_meaning(
    device: &mut Device,
    failure: &Failure<'_>,
    sense: SenseCode,
    environment: &Environment,
    meaning: Meaning,
) -> Verdict {
    match meaning {
        Meaning::Plain(status, retry, delay_s, log) => {
            Verdict::new(status, retry, crate::time::Ticks::seconds(delay_s)).logged(log)
        }
        Meaning::BecomingReady(reason) => {
            device.effects.push(Effect::Notify(Notification::BecomingReady { reason, estimated_100ms: 100 }));
            Verdict::again(NOT_READY).after(10)
        }
        Meaning::NeedsStart => {
            if device.safe_start_unit && !failure.low_priority {
                device.effects.push(Effect::StartUnit);
            }
            Verdict::again(NOT_READY)
        }
        Meaning::NoMedium => {
            let state = if sense.ascq == 0xCC { MediaState::Unavailable } else { MediaState::NotPresent };
            device.set_media_state(state);
            Verdict::done(NtStatus::NO_MEDIA_IN_DEVICE)
        }
        Meaning::Verify(kind) => {
            let delay_s = match kind {
                UnitAttention::MediumChanged => {
                    device.forget_medium();
                    device.set_media_state(MediaState::Present);
                    0
                }
                UnitAttention::OperatorRequest => {
                    device.media.count_change();
                    device.effects.push(Effect::Notify(Notification::EjectRequest));
                    0
                }
                UnitAttention::ConditionsChanged => {
                    device.media.count_change();
                    device.effects.push(Effect::InvalidateBusRelations);
                    5
                }
            };
            verify_rule(device, environment).after(delay_s)
        }
        Meaning::Recovered(log) => recovered(sense).logged(log),
    }
}

/// Mounted: mark the volume for verification and fail. Not mounted: nobody holds old contents, so try again.
fn verify_rule(device: &mut Device, environment: &Environment) -> Verdict {
    if environment.mounted {
        device.effects.push(Effect::SetVerifyVolume);
        Verdict::done(NtStatus::VERIFY_REQUIRED)
    } else {
        Verdict::again(NtStatus::IO_DEVICE_ERROR)
    }
}

const fn recovered(sense: SenseCode) -> Verdict {
    Verdict::done(if sense.incorrect_length { NtStatus::INVALID_BLOCK_LENGTH } else { NtStatus::SUCCESS })
}

fn by_key(device: &mut Device, sense: SenseCode, environment: &Environment) -> Verdict {
    match sense.key {
        0x0 if sense.incorrect_length => Verdict::done(NtStatus::INVALID_BLOCK_LENGTH),
        0x1 => recovered(sense).logged(LogChoice::recovered_error()),
        0x2 => Verdict::again(NOT_READY),
        0x3 => Verdict::done(NtStatus::DEVICE_DATA_ERROR).logged(LogChoice::bad_block()),
        0x4 => Verdict::again(NtStatus::IO_DEVICE_ERROR).logged(LogChoice::hardware()),
        0x5 => Verdict::done(NtStatus::INVALID_DEVICE_REQUEST),
        0x6 => {
            device.media.count_change();
            if sense.asc == RESET_OCCURRED {
                device.drive_was_reset();
            }
            verify_rule(device, environment)
        }
        0x7 => Verdict::done(NtStatus::MEDIA_WRITE_PROTECTED),
        0x8 => Verdict::done(NtStatus::NO_DATA_DETECTED),
        0xB => Verdict::again(NtStatus::IO_DEVICE_ERROR).after(1),
        _ => Verdict::again(NtStatus::IO_DEVICE_ERROR),
    }
}

fn by_srb_status(failure: &Failure<'_>, environment: &Environment) -> Verdict {
    let error = Verdict::again(NtStatus::IO_DEVICE_ERROR);
    match failure.result.srb {
        SrbStatus::INVALID_PATH_ID
        | SrbStatus::NO_DEVICE
        | SrbStatus::NO_HBA
        | SrbStatus::INVALID_LUN
        | SrbStatus::INVALID_TARGET_ID => Verdict::done(NtStatus::NO_SUCH_DEVICE),
        SrbStatus::TIMEOUT | SrbStatus::COMMAND_TIMEOUT | SrbStatus::ABORTED => {
            Verdict::again(NtStatus::IO_TIMEOUT).after(1)
        }
        SrbStatus::SELECTION_TIMEOUT => {
            Verdict::done(NtStatus::DEVICE_NOT_CONNECTED).after(2).logged(LogChoice::selection_timeout())
        }
        SrbStatus::DATA_OVERRUN => Verdict::done(NtStatus::DATA_OVERRUN),
        SrbStatus::PHASE_SEQUENCE_FAILURE => {
            let mut verdict = error.after(1);
            verdict.retry = failure.attempt <= 1;
            verdict
        }
        SrbStatus::REQUEST_FLUSHED if environment.verify => Verdict::done(NtStatus::VERIFY_REQUIRED),
        SrbStatus::REQUEST_FLUSHED | SrbStatus::BUS_RESET => error,
        SrbStatus::INVALID_REQUEST => Verdict::done(NtStatus::INVALID_DEVICE_REQUEST),
        SrbStatus::UNEXPECTED_BUS_FREE | SrbStatus::PARITY_ERROR => error.after(1),
        // The reference retries BUSY at once; a drive that is asked again without a pause stays busy.
        SrbStatus::BUSY => Verdict::again(NOT_READY).after(1),
        SrbStatus::ERROR => match failure.result.scsi_status {
            scsi_status::BUSY => Verdict::again(NOT_READY).after(1),
            scsi_status::TASK_SET_FULL | scsi_status::GOOD => error.after(1),
            _ => error,
        },
        _ => error.logged(LogChoice::unknown_srb_status()),
    }
}
