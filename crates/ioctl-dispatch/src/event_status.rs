//! Media-change detection by events: which are asked for, and what they say (storage-media-change.md 16).

use scsi_cdb::bytes::{be16_at, bits, u8_at};
use scsi_cdb::event_status::EventClass;

use crate::effect::{Effect, Notification};
use crate::media::MediaState;
use crate::{Device, Environment};

/// Event classes that this driver understands: operational change, external request, media, device busy.
const WANTED: u8 = 0x5A;

const OPERATIONAL_CHANGE: u8 = 0x02;
const MEDIA: u8 = 0x10;

/// Commands of one poll after which GESN is given up for a drive that always has news.
const BURST_LIMIT: u32 = 32;

/// Operational changes of one poll after which that class is left out until the others are quiet.
const OPERATIONAL_CHANGE_LIMIT: u32 = 4;

/// How GET EVENT STATUS NOTIFICATION is used with this drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventDetection {
    /// GESN reports media events: polls use it instead of TEST UNIT READY.
    pub supported: bool,
    /// Classes asked for.
    pub mask: u8,
    /// Classes left out because they said "no change" or nothing but operational changes.
    pub quiet: u8,
    /// One class at a time: for drives that answer for the first class asked for, whatever happened to the others.
    pub cycling: bool,
    /// Resends of the current poll.
    pub burst: u32,
}

/// What an answer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No more for now.
    Enough,
    /// Ask again at once: there may be more events.
    Resend,
    /// The drive does not keep to the protocol.
    ProtocolError,
}

impl EventDetection {
    /// Chooses the classes to ask for from the answer to the first, empty question. False if there is none.
    pub fn choose_classes(&mut self, answer: &[u8], ignore_operational_change: bool) -> bool {
        let supported = u8_at(answer, 3).unwrap_or(0);
        let ignored = if ignore_operational_change { OPERATIONAL_CHANGE } else { 0 };
        self.mask = supported & WANTED & !ignored;
        self.quiet = 0;
        self.cycling = self.mask.count_ones() > 1;
        self.mask != 0
    }

    /// The drive reports media events, whether they are asked for now or left out for a while.
    #[must_use]
    pub const fn has_media_class(&self) -> bool {
        (self.mask | self.quiet) & MEDIA != 0
    }

    /// Counts a resend. False if the drive has had its share: GESN is given up.
    pub fn count_resend(&mut self) -> bool {
        self.burst = self.burst.saturating_add(1);
        if self.burst <= BURST_LIMIT {
            return true;
        }
        *self = Self::default();
        false
    }

    /// Leaves `class` out until the others are quiet. If none is left, all are asked for again, later.
    fn leave_out(&mut self, class: u8) -> Verdict {
        self.quiet |= self.mask & class;
        self.mask &= !class;
        if self.mask == 0 {
            self.mask = core::mem::take(&mut self.quiet);
            Verdict::Enough
        } else {
            Verdict::Resend
        }
    }

    /// Applies the rules of cycling. `Some` ends the decoding.
    fn cycle(&mut self, class: u8, has_event: bool) -> Option<Verdict> {
        let lowest = self.mask & self.mask.wrapping_neg();
        if class & self.mask == 0 {
            return Some(Verdict::ProtocolError);
        }
        if class != lowest {
            // Only a drive that goes by events answers for another class than the first.
            self.cycling = false;
            self.mask |= core::mem::take(&mut self.quiet);
            return None;
        }
        if has_event { None } else { Some(self.leave_out(class)) }
    }
}

impl Device {
    /// Takes one answer of GET EVENT STATUS NOTIFICATION: 8 bytes.
    pub fn take_event(&mut self, answer: &[u8], environment: &Environment) -> Verdict {
        let header = u8_at(answer, 2).unwrap_or(0);
        let class = EventClass(bits(header, 0, 3));
        let code = bits(u8_at(answer, 4).unwrap_or(0), 0, 4);
        if bits(header, 7, 1) != 0 || class == EventClass::NONE {
            return Verdict::Enough;
        }
        if self.polling.events.cycling
            && let Some(verdict) = self.polling.events.cycle(class.mask(), code != 0)
        {
            return verdict;
        }
        let length = be16_at(answer, 0).unwrap_or(0).saturating_sub(2);
        if length < 4 {
            return Verdict::ProtocolError;
        }
        if code == 0 {
            return Verdict::Enough;
        }
        let detail = be16_at(answer, 6).unwrap_or(0);
        match class {
            EventClass::OPERATIONAL_CHANGE => self.operational_change(code, detail, environment),
            EventClass::EXTERNAL_REQUEST => {
                if code == 1 {
                    let request = Notification::ExternalRequest { button_status: 1, request: detail };
                    self.effects.push(Effect::Notify(request));
                }
                Verdict::Resend
            }
            EventClass::MEDIA => {
                self.media_event(code, environment);
                Verdict::Resend
            }
            EventClass::DEVICE_BUSY => {
                let status = u8_at(answer, 5).unwrap_or(0);
                if detail >= 2 {
                    let busy =
                        Notification::BecomingReady { reason: u32::from(status), estimated_100ms: u32::from(detail) };
                    self.effects.push(Effect::Notify(busy));
                }
                self.zero_power.busy_event(code, status);
                // A drive that stays busy would be asked without end.
                Verdict::Enough
            }
            _ => Verdict::Resend,
        }
    }

    fn operational_change(&mut self, code: u8, change: u16, environment: &Environment) -> Verdict {
        const CHANGE_REQUESTED: u8 = 1;
        if code == CHANGE_REQUESTED {
            return Verdict::Resend;
        }
        if self.polling.events.burst >= OPERATIONAL_CHANGE_LIMIT {
            self.polling.events.cycling = true;
            return self.polling.events.leave_out(OPERATIONAL_CHANGE);
        }
        if matches!(change, 1 | 2) {
            self.verify_if_mounted(environment);
            if self.is_mmc {
                self.doubt_capability();
            }
        }
        Verdict::Resend
    }

    fn media_event(&mut self, code: u8, environment: &Environment) {
        match code {
            1 => self.effects.push(Effect::Notify(Notification::EjectRequest)),
            2 | 4 => {
                self.verify_if_mounted(environment);
                self.forget_medium();
                self.set_media_state(MediaState::Present);
            }
            3 => {
                self.forget_medium();
                self.set_media_state(MediaState::NotPresent);
            }
            _ => {}
        }
        self.zero_power_media_event(code);
    }

    fn verify_if_mounted(&mut self, environment: &Environment) {
        if environment.mounted {
            self.effects.push(Effect::SetVerifyVolume);
        }
    }
}
