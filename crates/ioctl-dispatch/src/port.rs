//! What a pass-through answer says in the terms of an SRB.
//!
//! Error interpretation is specified by SRB status. A pass-through port does not show it: it shows the status of the
//! request, the SCSI status and the sense bytes. This is the one place that translates (spec `README.md`,
//! "Transport"; `kernel-surroundings.md` 4.1 and 4.3).

use crate::ntstatus::NtStatus;
use crate::step::PortReply;

/// `SRB_STATUS_*` without the flag bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SrbStatus(pub u8);

impl SrbStatus {
    /// The command ended well.
    pub const SUCCESS: Self = Self(0x01);
    /// The command was aborted.
    pub const ABORTED: Self = Self(0x02);
    /// The command ended with an error; the SCSI status and sense say which.
    pub const ERROR: Self = Self(0x04);
    /// The device was busy.
    pub const BUSY: Self = Self(0x05);
    /// The port does not know the request.
    pub const INVALID_REQUEST: Self = Self(0x06);
    /// No such path.
    pub const INVALID_PATH_ID: Self = Self(0x07);
    /// The device did not answer.
    pub const NO_DEVICE: Self = Self(0x08);
    /// The request timed out.
    pub const TIMEOUT: Self = Self(0x09);
    /// The device did not answer its selection.
    pub const SELECTION_TIMEOUT: Self = Self(0x0A);
    /// The command timed out.
    pub const COMMAND_TIMEOUT: Self = Self(0x0B);
    /// The bus was reset.
    pub const BUS_RESET: Self = Self(0x0E);
    /// A parity error on the bus.
    pub const PARITY_ERROR: Self = Self(0x0F);
    /// The adapter is gone.
    pub const NO_HBA: Self = Self(0x11);
    /// The transfer length did not fit: over-run, or under-run on some ports.
    pub const DATA_OVERRUN: Self = Self(0x12);
    /// The bus became free unexpectedly.
    pub const UNEXPECTED_BUS_FREE: Self = Self(0x13);
    /// A phase error on the bus.
    pub const PHASE_SEQUENCE_FAILURE: Self = Self(0x14);
    /// The request was flushed from the port's queue.
    pub const REQUEST_FLUSHED: Self = Self(0x16);
    /// No such logical unit.
    pub const INVALID_LUN: Self = Self(0x20);
    /// No such target.
    pub const INVALID_TARGET_ID: Self = Self(0x21);
    /// The device has no power.
    pub const NOT_POWERED: Self = Self(0x24);
    /// The port failed by itself; the NTSTATUS says why.
    pub const INTERNAL_ERROR: Self = Self(0x30);
}

/// SCSI status bytes (SAM-5 table 33).
pub mod scsi_status {
    /// GOOD.
    pub const GOOD: u8 = 0x00;
    /// CHECK CONDITION.
    pub const CHECK_CONDITION: u8 = 0x02;
    /// BUSY.
    pub const BUSY: u8 = 0x08;
    /// RESERVATION CONFLICT.
    pub const RESERVATION_CONFLICT: u8 = 0x18;
    /// TASK SET FULL (QUEUE FULL).
    pub const TASK_SET_FULL: u8 = 0x28;
}

/// A port's answer in SRB terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortResult<'a> {
    /// SRB status.
    pub srb: SrbStatus,
    /// SCSI status.
    pub scsi_status: u8,
    /// InternalStatus of [`SrbStatus::INTERNAL_ERROR`].
    pub internal: NtStatus,
    /// Sense bytes; empty unless they are valid.
    pub sense: &'a [u8],
    /// Bytes moved, at most what was asked.
    pub transferred: u32,
}

/// Request statuses of a pass-through port, and the SRB status that each stands for. Any other failure is the port's
/// own and keeps its status.
const BY_STATUS: &[(NtStatus, SrbStatus)] = &[
    (NtStatus::IO_TIMEOUT, SrbStatus::COMMAND_TIMEOUT),
    (NtStatus::DEVICE_NOT_CONNECTED, SrbStatus::SELECTION_TIMEOUT),
    (NtStatus::DEVICE_DOES_NOT_EXIST, SrbStatus::NO_DEVICE),
    (NtStatus::NO_SUCH_DEVICE, SrbStatus::NO_DEVICE),
    (NtStatus::DELETE_PENDING, SrbStatus::NO_DEVICE),
    (NtStatus::DEVICE_NOT_READY, SrbStatus::BUSY),
    (NtStatus::BUFFER_OVERFLOW, SrbStatus::DATA_OVERRUN),
    (NtStatus::DATA_OVERRUN, SrbStatus::DATA_OVERRUN),
    (NtStatus::INVALID_DEVICE_REQUEST, SrbStatus::INVALID_REQUEST),
    (NtStatus::INVALID_PARAMETER, SrbStatus::INVALID_REQUEST),
    (NtStatus::UNSUCCESSFUL, SrbStatus::REQUEST_FLUSHED),
    (NtStatus::IO_DEVICE_ERROR, SrbStatus::ERROR),
];

/// Translates `reply` to a command of `asked` bytes.
#[must_use]
pub fn translate(reply: PortReply<'_>, asked: u32) -> PortResult<'_> {
    let transferred = reply.transferred.min(asked);
    let mut result = PortResult {
        srb: SrbStatus::SUCCESS,
        scsi_status: reply.scsi_status,
        internal: NtStatus::SUCCESS,
        sense: &[],
        transferred,
    };
    if reply.status.is_success() {
        match reply.scsi_status {
            scsi_status::GOOD => {}
            scsi_status::CHECK_CONDITION => {
                result.srb = SrbStatus::ERROR;
                result.sense = reply.sense;
            }
            _ => result.srb = SrbStatus::ERROR,
        }
        return result;
    }
    // A port that fails the request and still delivers sense has said both; the sense is the drive's own word.
    if reply.scsi_status == scsi_status::CHECK_CONDITION && !reply.sense.is_empty() {
        result.srb = SrbStatus::ERROR;
        result.sense = reply.sense;
        return result;
    }
    match BY_STATUS.iter().find(|(status, _)| *status == reply.status) {
        Some((_, srb)) => result.srb = *srb,
        None => {
            result.srb = SrbStatus::INTERNAL_ERROR;
            result.internal = reply.status;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: NtStatus, scsi_status: u8, sense: &[u8]) -> PortReply<'_> {
        PortReply { status, scsi_status, sense, transferred: 9 }
    }

    #[test]
    fn success_is_judged_by_the_scsi_status() {
        assert_eq!(translate(reply(NtStatus::SUCCESS, 0, &[]), 8).srb, SrbStatus::SUCCESS);
        assert_eq!(translate(reply(NtStatus::SUCCESS, 0, &[]), 8).transferred, 8, "more than asked is a lie");
        let checked = translate(reply(NtStatus::SUCCESS, 2, &[0x70]), 8);
        assert_eq!((checked.srb, checked.sense), (SrbStatus::ERROR, &[0x70][..]));
        for status in [0x08, 0x18, 0x28] {
            let other = translate(reply(NtStatus::SUCCESS, status, &[0x70]), 8);
            assert_eq!((other.srb, other.scsi_status, other.sense), (SrbStatus::ERROR, status, &[][..]));
        }
    }

    #[test]
    fn every_request_status_has_its_srb_status() {
        for (status, srb) in BY_STATUS {
            assert_eq!(translate(reply(*status, 0, &[]), 8).srb, *srb);
        }
        let own = translate(reply(NtStatus::INSUFFICIENT_RESOURCES, 0, &[]), 8);
        assert_eq!((own.srb, own.internal), (SrbStatus::INTERNAL_ERROR, NtStatus::INSUFFICIENT_RESOURCES));
        assert_eq!(translate(reply(NtStatus::IO_DEVICE_ERROR, 2, &[0x70]), 8).sense, [0x70]);
    }
}
