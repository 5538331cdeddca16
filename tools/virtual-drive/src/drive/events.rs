//! GET EVENT STATUS NOTIFICATION (MMC-6 6.7): what happened at the drive, by class.

use std::collections::VecDeque;

use super::Drive;
use super::command::{Answer, Command, Outcome, with_length_16};
use super::fault::Fault;
use super::medium::Spin;

/// Classes that the drives report: operational change, power, external request, media, device busy.
const SUPPORTED: u8 = 0x5E;
/// The no-event-available bit of the class byte.
const NO_EVENT_AVAILABLE: u8 = 0x80;
/// Events of a class that are kept; the oldest goes first.
const KEPT: usize = 8;

/// Events of class 4 (MMC-6 table 301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaEvent {
    /// The button was pressed and the drive is locked.
    EjectRequest = 1,
    /// A disc has become ready.
    NewMedia = 2,
    /// The disc was taken out, or the tray was opened.
    MediaRemoval = 3,
}

/// Power states of class 2 (MMC-6 table 296).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PowerEvent {
    /// Ready for everything at once.
    #[default]
    Active = 1,
    /// A little slower.
    Idle = 2,
    /// The disc stands.
    Standby = 3,
    /// Least power.
    Sleep = 4,
}

impl PowerEvent {
    /// The state that this power condition of START STOP UNIT asks for.
    pub(crate) const fn of_condition(condition: u8) -> Option<Self> {
        Some(match condition {
            1 => Self::Active,
            2 => Self::Idle,
            3 => Self::Standby,
            5 => Self::Sleep,
            _ => return None,
        })
    }
}

/// What is still to be told to the host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events {
    media: VecDeque<MediaEvent>,
    power: VecDeque<PowerEvent>,
    power_state: PowerEvent,
    feature_change: bool,
}

impl Events {
    /// Keeps a media event. A removal makes an untold arrival of the disc pointless.
    pub(crate) fn push_media(&mut self, event: MediaEvent) {
        if event == MediaEvent::MediaRemoval {
            self.media.retain(|earlier| *earlier != MediaEvent::NewMedia);
        }
        if self.media.len() == KEPT {
            self.media.pop_front();
        }
        self.media.push_back(event);
    }

    /// Keeps a change of the power state.
    pub(crate) fn push_power(&mut self, state: PowerEvent) {
        if self.power_state != state {
            self.power_state = state;
            if self.power.len() == KEPT {
                self.power.pop_front();
            }
            self.power.push_back(state);
        }
    }

    /// Keeps that features became current or not.
    pub(crate) const fn push_feature_change(&mut self) {
        self.feature_change = true;
    }

    fn is_waiting(&self, class: u8) -> bool {
        match class {
            1 => self.feature_change,
            2 => !self.power.is_empty(),
            4 => !self.media.is_empty(),
            _ => false,
        }
    }
}

impl Drive {
    /// GET EVENT STATUS NOTIFICATION: the first waiting event of the lowest class that was asked for.
    ///
    /// Without a waiting event: "no change" of the lowest class. An event that does not fit the allocation length is
    /// kept. Asynchronous operation (polled bit zero) is not offered.
    pub(crate) fn get_event_status(&mut self, command: &Command<'_>) -> Outcome {
        if !command.bit(1, 0) {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        let allocation_length = command.be16(7);
        let asked = command.byte(4) & SUPPORTED;
        let classes = || (0..8_u8).filter(|class| asked >> class & 1 != 0);
        let Some(class) = classes().find(|class| self.events.is_waiting(*class)).or_else(|| classes().next()) else {
            return Ok(Answer::cut(with_length_16(&[NO_EVENT_AVAILABLE, SUPPORTED]), allocation_length));
        };
        let delivered = allocation_length > 4 && command.room() > 4;
        let event = match class {
            1 => self.operational_change(delivered),
            2 => self.power_event(delivered),
            3 => [0, u8::from(self.loader.locked_persistently) << 7, 0, 0],
            4 => self.media_event(delivered),
            _ => self.device_busy(),
        };
        let data = with_length_16(&[&[class, SUPPORTED][..], &event].concat());
        Ok(Answer::cut(data, allocation_length))
    }

    fn operational_change(&mut self, delivered: bool) -> [u8; 4] {
        let changed = self.events.feature_change;
        if delivered {
            self.events.feature_change = false;
        }
        let persistent = u8::from(self.loader.locked_persistently) << 7;
        if changed { [2, persistent, 0, 1] } else { [0, persistent, 0, 0] }
    }

    fn power_event(&mut self, delivered: bool) -> [u8; 4] {
        let waiting = if delivered { self.events.power.pop_front() } else { self.events.power.front().copied() };
        match waiting {
            Some(state) => [1, state as u8, 0, 0],
            None => [0, self.events.power_state as u8, 0, 0],
        }
    }

    fn media_event(&mut self, delivered: bool) -> [u8; 4] {
        let waiting = if delivered { self.events.media.pop_front() } else { self.events.media.front().copied() };
        let present = self.disc.is_some() && !self.loader.tray_open;
        let status = u8::from(present) << 1 | u8::from(self.loader.tray_open);
        [waiting.map_or(0, |event| event as u8), status, 0, 0]
    }

    /// Busy with a time in tenths of a second while an operation is under way or the disc starts.
    fn device_busy(&self) -> [u8; 4] {
        let ends = match (&self.operation, self.loader.spin) {
            (Some(operation), _) => operation.ends,
            (None, Spin::Starting(at)) => at,
            (None, _) => return [0; 4],
        };
        let tenths = ends.saturating_sub(self.now).as_millis().div_ceil(100);
        let [high, low] = u16::try_from(tenths).unwrap_or(u16::MAX).to_be_bytes();
        [0, 1, high, low]
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cd};

    #[test]
    fn golden_no_event_available_and_no_change() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        assert_eq!(bench.data("4A 01 00 00 00 00 00 00 08 00"), [0x00, 0x02, 0x80, 0x5E]);
        bench.data("4A 01 00 00 12 00 00 00 08 00");
        bench.data("4A 01 00 00 10 00 00 00 08 00");
        assert_eq!(bench.data("4A 01 00 00 10 00 00 00 08 00"), [0x00, 0x06, 0x04, 0x5E, 0x00, 0x02, 0x00, 0x00]);
        assert_eq!(bench.sense("4A 00 00 00 10 00 00 00 08 00"), (0x05, 0x24, 0x00));
    }

    #[test]
    fn a_short_allocation_keeps_the_event() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        assert_eq!(bench.data("4A 01 00 00 10 00 00 00 04 00"), [0x00, 0x06, 0x04, 0x5E]);
        assert_eq!(bench.data("4A 01 00 00 10 00 00 00 08 00")[4], 0x02);
    }

    #[test]
    fn the_lowest_class_with_an_event_comes_first() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        assert_eq!(bench.data("4A 01 00 00 52 00 00 00 08 00"), [0, 6, 1, 0x5E, 2, 0, 0, 1]);
        assert_eq!(bench.data("4A 01 00 00 52 00 00 00 08 00"), [0, 6, 4, 0x5E, 2, 2, 0, 0]);
        assert_eq!(bench.data("4A 01 00 00 52 00 00 00 08 00"), [0, 6, 1, 0x5E, 0, 0, 0, 0]);
    }

    #[test]
    fn power_conditions_are_events() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        bench.good("1B 00 00 00 30 00");
        assert_eq!(bench.data("4A 01 00 00 04 00 00 00 08 00"), [0, 6, 2, 0x5E, 1, 3, 0, 0]);
        assert_eq!(bench.data("4A 01 00 00 04 00 00 00 08 00"), [0, 6, 2, 0x5E, 0, 3, 0, 0]);
    }
}
