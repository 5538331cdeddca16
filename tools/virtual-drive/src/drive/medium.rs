//! Tray and disc: ready or not, loading, ejecting, locking.

use std::time::Duration;

use super::Drive;
use super::command::{Answer, Command, Outcome};
use super::events::{MediaEvent, PowerEvent};
use super::fault::{Failure, Fault};
use super::keys::Keys;
use crate::disc::Disc;

/// Whether the disc turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Spin {
    /// It stands still.
    #[default]
    Stopped,
    /// It turns, and is known from that time on.
    Starting(Duration),
    /// It turns and is known.
    Ready,
}

/// The mechanism.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Loader {
    /// Whether the tray is open.
    pub(crate) tray_open: bool,
    /// Whether the disc turns.
    pub(crate) spin: Spin,
    /// PREVENT without the persistent bit.
    pub(crate) locked: bool,
    /// PREVENT with the persistent bit: the button asks, the host decides.
    pub(crate) locked_persistently: bool,
}

impl Loader {
    /// Makes a starting disc ready when its time has come; says whether that happened now.
    pub(crate) fn becomes_ready(&mut self, now: Duration) -> bool {
        match self.spin {
            Spin::Starting(at) if at <= now && !self.tray_open => {
                self.spin = Spin::Ready;
                true
            }
            _ => false,
        }
    }

    /// Whether something keeps the tray closed.
    pub(crate) const fn is_locked(self) -> bool {
        self.locked || self.locked_persistently
    }
}

impl Drive {
    /// Whether a command that needs the disc can run; the failure if not.
    pub(crate) fn check_ready(&self) -> Result<(), Failure> {
        let Some(disc) = self.disc.as_ref().filter(|_| !self.loader.tray_open) else {
            return Err(self.no_medium().into());
        };
        match self.loader.spin {
            Spin::Starting(_) => return Err(Fault::BecomingReady.into()),
            Spin::Stopped if !self.model.mmc => return Err(Fault::InitializingCommandRequired.into()),
            Spin::Stopped | Spin::Ready => {}
        }
        if !self.model.can_read(disc.media) {
            return Err(Fault::IncompatibleMedium.into());
        }
        self.check_idle()
    }

    /// The disc, when it is ready.
    pub(crate) fn ready_disc(&self) -> Result<&Disc, Failure> {
        self.check_ready()?;
        self.disc.as_ref().ok_or_else(|| self.no_medium().into())
    }

    /// The disc, when it is ready, to be changed.
    pub(crate) fn ready_disc_mut(&mut self) -> Result<&mut Disc, Failure> {
        self.check_ready()?;
        let missing = self.no_medium();
        self.disc.as_mut().ok_or_else(|| missing.into())
    }

    /// The disc in the closed drive once it is known, ready or not: what GET CONFIGURATION goes by.
    pub(crate) fn known_disc(&self) -> Option<&Disc> {
        let known = !self.loader.tray_open && !matches!(self.loader.spin, Spin::Starting(_));
        self.disc.as_ref().filter(|disc| known && self.model.can_read(disc.media))
    }

    const fn no_medium(&self) -> Fault {
        if self.loader.tray_open { Fault::NoMediumTrayOpen } else { Fault::NoMediumTrayClosed }
    }

    /// Starts the disc `delay` from now, if there is one in the closed drive.
    pub(crate) fn spin_up(&mut self, delay: Duration) {
        self.loader.spin = if self.disc.is_some() && !self.loader.tray_open {
            Spin::Starting(self.now + delay + self.timing.spin_up)
        } else {
            Spin::Stopped
        };
    }

    /// The time that a stopped disc needs to get up to speed again.
    pub(crate) fn wake(&mut self) -> Duration {
        if self.loader.spin != Spin::Stopped || self.disc.is_none() {
            return Duration::ZERO;
        }
        self.loader.spin = Spin::Ready;
        self.timing.spin_up
    }

    /// Forgets everything that belongs to the disc in the drive.
    fn forget_disc(&mut self) {
        self.player.stop();
        self.keys = Keys::default();
        self.operation = None;
        self.cue = None;
        self.head = 0;
        self.attention.retain(|code| *code != Fault::MediumMayHaveChanged.code());
    }

    fn open_tray(&mut self) {
        if self.loader.tray_open {
            return;
        }
        self.loader.tray_open = true;
        self.loader.spin = Spin::Stopped;
        if self.disc.is_some() {
            self.events.push_media(MediaEvent::MediaRemoval);
            self.events.push_feature_change();
        }
        self.forget_disc();
    }

    fn close_tray(&mut self) {
        if self.loader.tray_open {
            self.loader.tray_open = false;
            self.spin_up(self.timing.tray);
        }
    }

    /// Takes out the disc by hand and puts in another, or none; the tray ends up closed.
    pub(crate) fn exchange(&mut self, disc: Option<Disc>) {
        self.open_tray();
        self.disc = disc;
        self.loader.tray_open = false;
        self.spin_up(Duration::ZERO);
    }

    /// The button at the front: opens and closes; when the host has locked the drive, only tells the host.
    pub(crate) fn press_button(&mut self) {
        if self.loader.is_locked() {
            self.events.push_media(MediaEvent::EjectRequest);
        } else if self.loader.tray_open {
            self.close_tray();
        } else {
            self.open_tray();
        }
    }

    /// TEST UNIT READY (SPC-4 6.37).
    pub(crate) fn test_unit_ready(&mut self, _: &Command<'_>) -> Outcome {
        Ok(Answer::done())
    }

    /// REZERO UNIT (SCSI-2 9.2.13).
    pub(crate) fn rezero_unit(&mut self, _: &Command<'_>) -> Outcome {
        self.player.stop();
        self.head = 0;
        Ok(Answer::after(self.timing.seek))
    }

    /// START STOP UNIT (MMC-6 6.42): immediate bit, power condition, load/eject bit, start bit.
    pub(crate) fn start_stop_unit(&mut self, command: &Command<'_>) -> Outcome {
        let immediate = command.bit(1, 0);
        match command.byte(4) >> 4 {
            0 => self.load_eject(command.bit(4, 1), command.bit(4, 0), immediate),
            condition => {
                let state = PowerEvent::of_condition(condition).ok_or(Fault::InvalidFieldInCdb)?;
                self.check_idle()?;
                self.events.push_power(state);
                if state == PowerEvent::Active {
                    return Ok(Answer::after(self.wake()));
                }
                if state != PowerEvent::Idle && self.loader.spin == Spin::Ready {
                    self.player.stop();
                    self.loader.spin = Spin::Stopped;
                }
                Ok(Answer::done())
            }
        }
    }

    /// LOAD/UNLOAD MEDIUM (MMC-6 6.9) of a drive without changer: slot 0 only.
    pub(crate) fn load_unload(&mut self, command: &Command<'_>) -> Outcome {
        if command.byte(8) != 0 {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        self.load_eject(command.bit(4, 1), command.bit(4, 0), command.bit(1, 0))
    }

    fn load_eject(&mut self, move_tray: bool, start: bool, immediate: bool) -> Outcome {
        self.check_idle()?;
        let was_open = self.loader.tray_open;
        let took = match (move_tray, start) {
            (true, false) => {
                if self.loader.is_locked() && !was_open {
                    return Err(Fault::RemovalPrevented.into());
                }
                self.open_tray();
                if was_open { Duration::ZERO } else { self.timing.tray }
            }
            (true, true) => {
                self.close_tray();
                if was_open { self.timing.tray } else { Duration::ZERO }
            }
            (false, false) => {
                self.player.stop();
                if self.loader.spin == Spin::Ready {
                    self.loader.spin = Spin::Stopped;
                }
                Duration::ZERO
            }
            (false, true) => Duration::ZERO,
        };
        if !start {
            return Ok(if immediate { Answer::done() } else { Answer::after(took) });
        }
        if immediate {
            self.wake();
            return Ok(Answer::done());
        }
        if self.disc.is_none() || self.loader.tray_open {
            let mut failure = Failure::from(self.no_medium());
            failure.took = took;
            return Err(failure);
        }
        Ok(Answer::after(match self.loader.spin {
            Spin::Starting(at) => at.saturating_sub(self.now),
            Spin::Stopped => self.wake(),
            Spin::Ready => Duration::ZERO,
        }))
    }

    /// PREVENT ALLOW MEDIUM REMOVAL (MMC-6 6.16): prevent bit and persistent bit.
    pub(crate) fn prevent_allow(&mut self, command: &Command<'_>) -> Outcome {
        let prevent = command.bit(4, 0);
        if !command.bit(4, 1) {
            self.loader.locked = prevent;
        } else if self.model.mmc {
            self.loader.locked_persistently = prevent;
        } else {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        Ok(Answer::done())
    }

    /// MECHANISM STATUS (MMC-6 6.10) of a drive without changer: state and current address.
    pub(crate) fn mechanism_status(&mut self, command: &Command<'_>) -> Outcome {
        let playing = self.player.is_playing();
        let door = u8::from(self.loader.tray_open) << 4;
        let [_, high, middle, low] = self.position().to_be_bytes();
        let data = vec![0, (if playing { 0x20 } else { 0 }) | door, high, middle, low, 0, 0, 0];
        Ok(Answer::cut(data, command.be16(8)))
    }

    /// The block under the head.
    pub(crate) fn position(&self) -> i32 {
        self.player.position(self.now).unwrap_or_else(|| (self.head - 1).max(0))
    }
}

#[cfg(test)]
#[path = "medium_tests.rs"]
mod tests;
