//! What sense means on a drive that answers GET CONFIGURATION (io-path-and-errors.md 9.4).

use scsi_cdb::Opcode;
use scsi_cdb::bytes::u8_at;

use super::{Failure, SenseCode, Verdict};
use crate::Device;
use crate::effect::Effect;
use crate::ntstatus::NtStatus;

/// Commands that a drive refuses while it finishes writing, and that are worth trying again.
const WAIT_FOR_WRITE: &[Opcode] = &[
    Opcode::READ_10,
    Opcode::READ_6,
    Opcode::READ_CAPACITY_10,
    Opcode::READ_CD_MSF,
    Opcode::READ_CD,
    Opcode::READ_TOC_PMA_ATIP,
    Opcode::WRITE_10,
    Opcode::WRITE_6,
    Opcode::READ_TRACK_INFORMATION,
    Opcode::READ_DISC_INFORMATION,
];

/// Key format "set RPC" of SEND KEY.
const SET_RPC: u8 = 0x06;

/// Adjusts `verdict`; notes what the sense says of the medium.
pub fn adjust(device: &mut Device, failure: &Failure<'_>, verdict: &mut Verdict) {
    let sense = SenseCode::parse_unchecked(failure.result.sense);
    if !sense.valid {
        return;
    }
    let opcode = failure.cdb.opcode();
    match (sense.key, sense.asc, sense.ascq) {
        (0x2, 0x3A, _) | (0x5, 0x27, _) => device.capability.forbid_writes(),
        (0x2, 0x04, 0x07 | 0x08) if WAIT_FOR_WRITE.contains(&opcode) => {
            verdict.retry = true;
            verdict.status = NtStatus::DEVICE_BUSY;
        }
        (0x6, 0x28, _) => {
            device.doubt_capability();
            if device.restore_speed_on_media_change {
                device.effects.push(Effect::RestoreSpeed);
            }
        }
        (0x6, 0x29, _) => device.doubt_capability(),
        (0x6, 0x5A, 0x01) => {
            verdict.retry = true;
            verdict.status = NtStatus::DEVICE_BUSY;
        }
        (0x6, 0x5A, 0x02 | 0x03) => {
            verdict.retry = true;
            verdict.status = NtStatus::DEVICE_BUSY;
            device.doubt_capability();
        }
        _ => {}
    }
    let key_format = u8_at(failure.cdb.padded(), 10).unwrap_or(0) & 0x3F;
    if opcode == Opcode::SEND_KEY && key_format == SET_RPC {
        let status = match (sense.key, sense.asc, sense.ascq) {
            (_, 0x3A, _) => NtStatus::NO_MEDIA_IN_DEVICE,
            (0x5, 0x6F, 0x04) | (0x5, 0x30, 0x02) => NtStatus::CSS_REGION_MISMATCH,
            _ => return,
        };
        verdict.status = status;
        verdict.retry = false;
    }
}
