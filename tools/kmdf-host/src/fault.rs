//! Commands that are made to fail.

use std::fmt;
use std::str::FromStr;

use drive_formats::srb::status_of;
use virtual_drive::{Completion, DataPhase, Reply};

/// How a command fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// The drive does not answer within the command's time.
    TimeOut,
    /// The bus was reset while the command ran.
    BusReset,
    /// CHECK CONDITION, hardware error: internal target failure (04/44/00).
    HardwareError,
    /// CHECK CONDITION, unit attention: power on or reset (06/29/00).
    UnitAttention,
    /// The drive is gone, for this command and all that follow.
    DeviceGone,
}

/// `SRB_STATUS_BUS_RESET`.
const BUS_RESET: u8 = 0x0E;
/// `SRB_STATUS_NO_DEVICE`.
const NO_DEVICE: u8 = 0x08;
/// `SRB_STATUS_TIMEOUT`.
pub const TIMEOUT: u8 = 0x09;

impl FaultKind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::TimeOut, Self::BusReset, Self::HardwareError, Self::UnitAttention, Self::DeviceGone];

    const fn name(self) -> &'static str {
        match self {
            Self::TimeOut => "time-out",
            Self::BusReset => "bus-reset",
            Self::HardwareError => "hardware-error",
            Self::UnitAttention => "unit-attention",
            Self::DeviceGone => "device-gone",
        }
    }

    /// The answer in the drive's stead; a time-out also takes the command's time.
    #[must_use]
    pub fn reply(self) -> Reply {
        let srb =
            |status| Reply { completion: Completion::SrbStatus(status), ..Reply::good(Vec::new(), DataPhase::None) };
        match self {
            Self::TimeOut => srb(TIMEOUT),
            Self::BusReset => srb(BUS_RESET),
            Self::HardwareError => Reply::check_condition(0x04, 0x44, 0x00),
            Self::UnitAttention => Reply::check_condition(0x06, 0x29, 0x00),
            Self::DeviceGone => srb(NO_DEVICE),
        }
    }

    /// The status of a pass-through request that fails so; `None` for those that end with sense.
    #[must_use]
    pub fn status(self) -> Option<u32> {
        match self.reply().completion {
            Completion::SrbStatus(srb) => Some(status_of(srb)),
            _ => None,
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for FaultKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::name);
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("`{text}` is no kind of failure; the kinds are {}", known.join(", ")))
    }
}

/// The N-th command from now on fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandFault {
    /// Which command, from 1.
    pub nth: u64,
    /// How.
    pub kind: FaultKind,
}

impl FromStr for CommandFault {
    type Err = String;

    /// Reads `N:KIND`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (nth, kind) = text.split_once(':').ok_or_else(|| format!("`{text}` must be N:KIND, as in 3:time-out"))?;
        let nth = nth.parse().ok().filter(|nth| *nth > 0);
        let nth = nth.ok_or_else(|| format!("the N of `{text}` must be a number from 1 on"))?;
        Ok(Self { nth, kind: kind.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_say_what_is_possible() {
        assert_eq!("3:bus-reset".parse(), Ok(CommandFault { nth: 3, kind: FaultKind::BusReset }));
        for (text, message) in [
            ("3", "`3` must be N:KIND"),
            ("0:time-out", "the N of `0:time-out` must be a number from 1 on"),
            ("1:timeout", "`timeout` is no kind of failure; the kinds are time-out, bus-reset"),
        ] {
            let error = text.parse::<CommandFault>().unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
        for kind in FaultKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
    }

    #[test]
    fn faults_without_sense_have_the_ports_status() {
        assert_eq!(FaultKind::TimeOut.status(), Some(0xC000_00B5));
        assert_eq!(FaultKind::DeviceGone.status(), Some(0xC000_00C0));
        assert_eq!(FaultKind::UnitAttention.status(), None);
    }
}
