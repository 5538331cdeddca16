//! Which failures go to the system event log (io-path-and-errors.md 13.2).

use scsi_cdb::Opcode;
use scsi_cdb::bytes::{be16_at, be32_at, put, u8_at};

use super::{Failure, Origin, SenseCode, Verdict};
use crate::Device;
use crate::effect::{Effect, LogRecord};
use crate::ntstatus::NtStatus;

const BAD_BLOCK: u32 = 0xC004_0007;
const CONTROLLER_ERROR: u32 = 0xC004_000B;
const NOT_READY: u32 = 0xC004_000F;
const RECOVERED_VIA_ECC: u32 = 0x8004_0021;
const PAGING_FAILURE: u32 = 0x8004_0033;
const FAILURE_PREDICTED: u32 = 0x8004_0034;

const IRP_MJ_READ: u8 = 0x03;
const IRP_MJ_WRITE: u8 = 0x04;
const IRP_MJ_DEVICE_CONTROL: u8 = 0x0E;

/// What the tables say of logging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// Nothing.
    Silent,
    /// Log it.
    Log,
    /// Log it if the request is paging I/O.
    IfPaging,
    /// Never log it.
    Never,
}

/// A table's choice: whether, under which code and unique value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogChoice {
    wish: Wish,
    code: u32,
    unique: u32,
    unhandled: bool,
}

impl LogChoice {
    const fn of(wish: Wish, code: u32, unique: u32) -> Self {
        Self { wish, code, unique, unhandled: false }
    }

    pub(crate) const fn none() -> Self {
        Self::of(Wish::Silent, 0, 0)
    }

    pub(super) const fn never() -> Self {
        Self::of(Wish::Never, BAD_BLOCK, 256)
    }

    pub(super) const fn bad_block() -> Self {
        Self::of(Wish::Log, BAD_BLOCK, 256)
    }

    pub(super) const fn bad_block_if_paging() -> Self {
        Self::of(Wish::IfPaging, BAD_BLOCK, 256)
    }

    pub(super) const fn hardware() -> Self {
        Self::of(Wish::Log, CONTROLLER_ERROR, 257)
    }

    pub(super) const fn recovered() -> Self {
        Self::of(Wish::Log, RECOVERED_VIA_ECC, 258)
    }

    pub(super) const fn recovered_error() -> Self {
        Self::of(Wish::Log, CONTROLLER_ERROR, 258)
    }

    pub(super) const fn predicted() -> Self {
        Self::of(Wish::Log, FAILURE_PREDICTED, 258)
    }

    pub(super) const fn selection_timeout() -> Self {
        Self::of(Wish::Log, NOT_READY, 260)
    }

    pub(super) const fn unknown_srb_status() -> Self {
        Self { unhandled: true, ..Self::of(Wish::Log, CONTROLLER_ERROR, 259) }
    }
}

/// What has been logged and is not logged again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogHistory {
    /// TEST UNIT READY failed, and nothing has ended the silence about it since.
    pub ready_failure: bool,
    /// SYNCHRONIZE CACHE failed once.
    pub flush_failure: bool,
}

/// Commands that the reference driver sends in a request of their own even on behalf of a program.
const PRIVATE: &[Opcode] = &[
    Opcode::START_STOP_UNIT,
    Opcode::PREVENT_ALLOW_MEDIUM_REMOVAL,
    Opcode::RESERVE_6,
    Opcode::RELEASE_6,
    Opcode::RESERVE_10,
    Opcode::RELEASE_10,
];

impl LogHistory {
    /// A command ended well, sent for a program's request (`linked`) or the driver's own: a failed TEST UNIT READY is
    /// logged again after one of the driver's own or of `PRIVATE`, not after reads, writes and the like.
    pub fn command_succeeded(&mut self, linked: bool, opcode: Opcode) {
        self.ready_failure &= linked && !PRIVATE.contains(&opcode);
    }
}

/// Adds an error-log record to the device's effects if this failure deserves one.
pub fn record(device: &mut Device, failure: &Failure<'_>, sense: SenseCode, verdict: &Verdict) {
    let paging = matches!(failure.origin, Origin::Transfer { paging: true, .. });
    let choice = verdict.log;
    let (error_code, unique_value) = match choice.wish {
        Wish::Never => return,
        Wish::Log => (choice.code, choice.unique),
        Wish::IfPaging if paging => (choice.code, choice.unique),
        Wish::Silent | Wish::IfPaging if paging => (PAGING_FAILURE, 301),
        Wish::Silent | Wish::IfPaging => return,
    };
    let ends_well = verdict.retry || verdict.status == NtStatus::SUCCESS;
    if error_code == PAGING_FAILURE && ends_well {
        return;
    }
    let opcode = failure.cdb.opcode();
    let reading = matches!(opcode, Opcode::READ_6 | Opcode::READ_10 | Opcode::READ_12 | Opcode::READ_16);
    match opcode {
        Opcode::TEST_UNIT_READY if core::mem::replace(&mut device.log.ready_failure, true) => return,
        Opcode::SYNCHRONIZE_CACHE_10 if core::mem::replace(&mut device.log.flush_failure, true) => return,
        _ if reading && sense.is(5, 0x21) && sense.ascq == 0 => return,
        _ => {}
    }
    let (major_function, control_code) = match failure.origin {
        Origin::Driver => (0, 0),
        Origin::Control { code, .. } => (IRP_MJ_DEVICE_CONTROL, code.0),
        Origin::Transfer { write: false, .. } => (IRP_MJ_READ, 0),
        Origin::Transfer { write: true, .. } => (IRP_MJ_WRITE, 0),
    };
    let mut sense_bytes = [0; 18];
    put(&mut sense_bytes, 0, failure.result.sense);
    let flag = |on: bool, value: u32| if on { value } else { 0 };
    device.effects.push(Effect::Log(LogRecord {
        error_code,
        unique_value,
        final_status: if verdict.retry { NtStatus::SUCCESS } else { verdict.status },
        major_function,
        control_code,
        retry_count: u8::try_from(failure.attempt & 0xFF).unwrap_or(0),
        device_offset: bad_sector(failure, sense).saturating_mul(u64::from(device.geometry.block_length())),
        flags: flag(paging, 1) | flag(verdict.retry, 2) | flag(choice.unhandled, 4),
        cdb: *failure.cdb.padded(),
        srb_status: failure.result.srb.0,
        scsi_status: failure.result.scsi_status,
        sense: sense_bytes,
    }));
}

/// The sector that fixed-format sense names if it lies in the command's range, else the command's first; 0 without
/// sense and for other commands.
///
/// The range is read where the 10-byte commands have it, for the 12-byte ones too, as the reference driver does.
fn bad_sector(failure: &Failure<'_>, sense: SenseCode) -> u64 {
    const BY_SECTOR: &[Opcode] =
        &[Opcode::READ_10, Opcode::WRITE_10, Opcode::READ_12, Opcode::WRITE_12, Opcode::VERIFY_10];
    if !sense.valid || !BY_SECTOR.contains(&failure.cdb.opcode()) {
        return 0;
    }
    let cdb = failure.cdb.padded();
    let first = be32_at(cdb, 2).unwrap_or(0);
    let end = first.saturating_add(be16_at(cdb, 7).unwrap_or(0).into());
    let fixed = !matches!(u8_at(failure.result.sense, 0).unwrap_or(0) & 0x7F, 0x72 | 0x73);
    let named = be32_at(failure.result.sense, 3).ok().filter(|sector| fixed && (first..end).contains(sector));
    named.unwrap_or(first).into()
}
