//! What is known of the medium, and what of it has been broadcast (storage-media-change.md 15).

use crate::Device;
use crate::effect::{Effect, Notification};

/// `MEDIA_CHANGE_DETECTION_STATE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MediaState {
    /// Nothing has been seen yet.
    #[default]
    Unknown,
    /// A medium is in the drive.
    Present,
    /// The drive is empty.
    NotPresent,
    /// A medium is in the drive but kept from use, for example while it is written.
    Unavailable,
}

impl MediaState {
    const fn code(self) -> u32 {
        match self {
            Self::Unknown => 0,
            Self::Present => 1,
            Self::NotPresent => 2,
            Self::Unavailable => 3,
        }
    }
}

/// The media state machine and its counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// Media-change notification is on for this device.
    pub enabled: bool,
    /// The last state seen.
    pub known: MediaState,
    /// The last state broadcast.
    pub reported: MediaState,
    /// Disables in force, of all handles and of kernel callers.
    pub disables: u32,
    /// Disables of callers without a file object.
    pub kernel_disables: u32,
    /// The media change count.
    pub change_count: u32,
}

impl Media {
    /// Counts one sign of a change.
    pub fn count_change(&mut self) {
        self.change_count = self.change_count.wrapping_add(1);
    }
}

impl Device {
    /// Takes `state` as the last one seen and broadcasts it if that is due.
    pub fn set_media_state(&mut self, state: MediaState) {
        if !self.media.enabled {
            return;
        }
        let before = core::mem::replace(&mut self.media.known, state);
        if state == MediaState::Present && before != MediaState::Present {
            self.media.count_change();
        }
        self.report_media_state();
    }

    /// Broadcasts the last state seen unless it is disabled, unknown or broadcast already.
    pub fn report_media_state(&mut self) {
        let state = self.media.known;
        if !self.media.enabled
            || self.media.disables != 0
            || self.media.reported == state
            || state == MediaState::Unknown
        {
            return;
        }
        self.media.reported = state;
        self.effects.push(Effect::Notify(Notification::Media {
            arrival: state == MediaState::Present,
            change_count: self.media.change_count,
            state: state.code(),
        }));
    }

    /// The medium that was in the drive is gone: nothing plays on it, and no grant is valid any more.
    pub fn forget_medium(&mut self) {
        self.audio_playing = false;
        self.agids.forget_all();
    }

    /// The drive was reset: it has forgotten its grants and its locks.
    pub fn drive_was_reset(&mut self) {
        self.forget_medium();
        self.removal.lost_in_drive = self.removal.is_locked();
    }

    /// What the medium can do has to be found out again; until then it is not written.
    pub const fn doubt_capability(&mut self) {
        self.capability.forbid_writes();
        self.capability.require_update();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> Device {
        let mut device = Device::default();
        device.media.enabled = true;
        device
    }

    fn broadcast(device: &mut Device) -> Option<(bool, u32, u32)> {
        match device.effects.take() {
            Some(Effect::Notify(Notification::Media { arrival, change_count, state })) => {
                Some((arrival, change_count, state))
            }
            _ => None,
        }
    }

    #[test]
    fn each_new_state_is_broadcast_once() {
        let mut device = device();
        device.set_media_state(MediaState::Present);
        assert_eq!(broadcast(&mut device), Some((true, 1, 1)));
        device.set_media_state(MediaState::Present);
        assert_eq!(broadcast(&mut device), None);
        device.set_media_state(MediaState::NotPresent);
        assert_eq!(broadcast(&mut device), Some((false, 1, 2)));
        device.set_media_state(MediaState::Unavailable);
        assert_eq!(broadcast(&mut device), Some((false, 1, 3)));
        device.set_media_state(MediaState::Unknown);
        assert_eq!(broadcast(&mut device), None);
        assert_eq!(device.media.reported, MediaState::Unavailable);
    }

    #[test]
    fn disables_keep_the_count_going_and_the_broadcast_back() {
        let mut device = device();
        device.media.disables = 1;
        device.set_media_state(MediaState::Present);
        assert_eq!((device.media.change_count, broadcast(&mut device)), (1, None));
        device.media.enabled = false;
        device.set_media_state(MediaState::NotPresent);
        assert_eq!(device.media.known, MediaState::Present);
    }
}
