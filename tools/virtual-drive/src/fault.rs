//! Commands that are made to fail.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use crate::target::{Completion, DataPhase, MediaAction, Reply, Request, Target};

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

/// A drive whose commands can be made to fail.
pub struct Faulty {
    target: Box<dyn Target>,
    faults: Faults,
}

/// What goes wrong with the drive that it was taken from.
#[derive(Clone, Debug, Default)]
pub struct Faults(Rc<State>);

#[derive(Debug, Default)]
struct State {
    fault: Cell<Option<CommandFault>>,
    commands: Cell<u64>,
    gone: Cell<bool>,
    failed: RefCell<Vec<u8>>,
}

impl Faults {
    /// From here on counts commands anew and makes one fail.
    pub fn set(&self, fault: Option<CommandFault>) {
        self.0.fault.set(fault);
        self.0.commands.set(0);
        self.0.failed.borrow_mut().clear();
    }

    /// The block of the command that was made to fail; empty before.
    #[must_use]
    pub fn failed(&self) -> Vec<u8> {
        self.0.failed.borrow().clone()
    }

    /// Commands since the count began.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.0.commands.get()
    }

    /// The drive was pulled out: it answers no more.
    pub fn take_away(&self) {
        self.0.gone.set(true);
    }

    /// Whether the drive is gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.0.gone.get()
    }

    /// Counts a command; the answer in the drive's stead, if it fails.
    fn answer(&self, request: &Request<'_>) -> Option<Reply> {
        self.0.commands.set(self.commands() + 1);
        if let Some(fault) = self.0.fault.get().filter(|fault| fault.nth == self.commands()) {
            *self.0.failed.borrow_mut() = request.cdb.to_vec();
            self.0.gone.set(self.is_gone() || fault.kind == FaultKind::DeviceGone);
            let taken = if fault.kind == FaultKind::TimeOut { request.timeout } else { Duration::ZERO };
            return Some(fault.kind.reply().after(taken));
        }
        self.is_gone().then(|| FaultKind::DeviceGone.reply())
    }
}

impl Faulty {
    /// `target`, of which nothing fails yet.
    #[must_use]
    pub fn new(target: Box<dyn Target>) -> Self {
        Self { target, faults: Faults::default() }
    }

    /// What goes wrong with it.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }
}

impl Target for Faulty {
    fn execute(&mut self, request: Request<'_>) -> Reply {
        match self.faults.answer(&request) {
            Some(reply) => reply,
            None => self.target.execute(request),
        }
    }

    fn inquiry(&mut self, now: Duration) -> Vec<u8> {
        self.target.inquiry(now)
    }

    fn act(&mut self, action: &MediaAction, now: Duration) -> Result<(), String> {
        self.target.act(action, now)
    }

    fn describe(&self) -> String {
        self.target.describe()
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
    fn the_chosen_command_fails_and_a_drive_that_is_gone_stays_so() {
        struct Good;
        impl Target for Good {
            fn execute(&mut self, request: Request<'_>) -> Reply {
                Reply::good(Vec::new(), request.data)
            }
            fn act(&mut self, _: &MediaAction, _: Duration) -> Result<(), String> {
                Ok(())
            }
            fn describe(&self) -> String {
                "good".into()
            }
        }
        let mut drive = Faulty::new(Box::new(Good));
        let faults = drive.faults();
        let limit = Duration::from_secs(9);
        let mut ask = || drive.execute(Request::new(&[0; 6], DataPhase::None, Duration::ZERO).within(limit));
        let good = Reply::good(Vec::new(), DataPhase::None);
        assert_eq!(ask(), good);
        faults.set(Some(CommandFault { nth: 2, kind: FaultKind::TimeOut }));
        assert_eq!([ask(), ask(), ask()], [good.clone(), FaultKind::TimeOut.reply().after(limit), good.clone()]);
        assert_eq!((faults.commands(), faults.failed()), (3, vec![0; 6]));
        faults.set(Some(CommandFault { nth: 1, kind: FaultKind::DeviceGone }));
        assert_eq!([ask(), ask()], [FaultKind::DeviceGone.reply(), FaultKind::DeviceGone.reply()]);
        faults.set(None);
        assert_eq!((ask(), faults.is_gone()), (FaultKind::DeviceGone.reply(), true));
    }
}
