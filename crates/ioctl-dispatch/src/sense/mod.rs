//! What a failed command means: status, retry, delay and side effects.
//!
//! One failure runs through the base tables ([`base`]), the MMC handler ([`mmc`]) and the refinement by operation and
//! control code ([`refine`]), in that order (io-path-and-errors.md parts 3 and 11).

pub mod base;
pub mod code;
pub mod log;
pub mod mmc;
pub mod refine;
#[cfg(test)]
mod tests;

use scsi_cdb::Cdb;

use crate::effect::Effect;
use crate::ioctl::ControlCode;
use crate::ntstatus::NtStatus;
use crate::port::{PortResult, SrbStatus};
use crate::time::Ticks;
use crate::{Device, Environment};

pub use code::SenseCode;

/// The request on whose behalf a command is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// None: a command of the driver's own.
    Driver,
    /// A device-control request, with its code as the caller gave it.
    Control {
        /// The code.
        code: ControlCode,
        /// SL_OVERRIDE_VERIFY_VOLUME.
        override_verify: bool,
    },
    /// A read or write.
    Transfer {
        /// A write; else a read.
        write: bool,
        /// SL_OVERRIDE_VERIFY_VOLUME.
        override_verify: bool,
        /// Paging I/O.
        paging: bool,
    },
}

impl Origin {
    /// SL_OVERRIDE_VERIFY_VOLUME of the request.
    #[must_use]
    pub const fn override_verify(self) -> bool {
        match self {
            Self::Driver => false,
            Self::Control { override_verify, .. } | Self::Transfer { override_verify, .. } => override_verify,
        }
    }
}

/// One failed attempt.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// What the port said.
    pub result: PortResult<'a>,
    /// The command.
    pub cdb: Cdb,
    /// Low priority: no START UNIT is sent for it.
    pub low_priority: bool,
    /// On whose behalf.
    pub origin: Origin,
    /// Retries of this command so far.
    pub attempt: u32,
    /// Time since the request's first command was sent; `None` if that is unknown.
    pub elapsed: Option<Ticks>,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The status if it is not retried.
    pub status: NtStatus,
    /// Send it again.
    pub retry: bool,
    /// After this time.
    pub delay: Ticks,
    /// Send READ CAPACITY before the retry, to learn the geometry of a changed medium.
    pub refresh_geometry: bool,
    /// Send the command in its non-streaming or 10-byte form from now on.
    pub rebuild: bool,
    /// The error-log entry that the tables ask for.
    pub log: log::LogChoice,
}

impl Verdict {
    const fn new(status: NtStatus, retry: bool, delay: Ticks) -> Self {
        Self { status, retry, delay, refresh_geometry: false, rebuild: false, log: log::LogChoice::none() }
    }

    const fn done(status: NtStatus) -> Self {
        Self::new(status, false, Ticks::ZERO)
    }

    const fn again(status: NtStatus) -> Self {
        Self::new(status, true, Ticks::ZERO)
    }

    const fn after(mut self, seconds: u64) -> Self {
        self.delay = Ticks::seconds(seconds);
        self
    }

    const fn logged(mut self, log: log::LogChoice) -> Self {
        self.log = log;
        self
    }
}

/// Interprets `failure`, with its side effects on `device`.
pub fn interpret(device: &mut Device, failure: &Failure<'_>, environment: &Environment) -> Verdict {
    if let Some(verdict) = device.zero_power.after_wake(failure, &mut device.effects) {
        return verdict;
    }
    let sense = SenseCode::parse(failure.result.sense);
    let mut verdict = base::interpret(device, failure, sense, environment);
    if device.is_mmc {
        mmc::adjust(device, failure, &mut verdict);
    } else if device.quirks.hitachi_gd2000 && SenseCode::parse_unchecked(failure.result.sense).is(4, 0x44) {
        verdict.retry = true;
        verdict.status = NtStatus::DEVICE_NOT_READY;
        device.effects.push(Effect::StartUnit);
    }
    refine::by_operation(device, failure, sense, &mut verdict);
    refine::by_request(device, failure, &mut verdict);
    log::record(device, failure, sense, &verdict);
    if !verdict.status.is_success() && verdict.retry && failure.origin != Origin::Driver && environment.cancelled {
        verdict = Verdict::done(NtStatus::CANCELLED);
    }
    verdict
}

/// The request was never executed by the drive: the port answered for it, or the drive is gone.
#[must_use]
pub fn is_port_failure(result: &PortResult<'_>) -> bool {
    matches!(result.srb, SrbStatus::INTERNAL_ERROR | SrbStatus::NO_DEVICE)
}
