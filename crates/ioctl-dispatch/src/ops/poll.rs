//! Media-change polling and who has it switched off (storage-media-change.md 4, 16 and 17).

use scsi_cdb::event_status::{EventStatus, GetEventStatusNotification};

use super::{Context, Input, Next, POLL};
use crate::Device;
use crate::effect::{Effect, RegistryWrite};
use crate::event_status::{EventDetection, Verdict};
use crate::exclusive;
use crate::ioctl::ControlCode;
use crate::media::MediaState;
use crate::ntstatus::NtStatus;
use crate::port::SrbStatus;
use crate::step::{Completion, ScsiCommand};
use crate::time::Ticks;

/// Time-out of GET EVENT STATUS NOTIFICATION in seconds.
const EVENT_TIMEOUT_S: u32 = 4;

/// `MMCDetectionState`: GESN does not work with this drive.
pub const DETECTION_UNSUPPORTED: u32 = 1;

/// `MMCDetectionState`: GESN works with this drive.
pub const DETECTION_SUPPORTED: u32 = 2;

/// Time from the start, or from entering D0, to the first poll.
pub const FIRST_POLL: Ticks = Ticks::milliseconds(100);

const EVENT_NOTIFICATION: ControlCode = ControlCode(0x002D_1C90);

/// The state of polling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Polling {
    /// How events are asked for.
    pub events: EventDetection,
    /// The port signals changes by itself; there is no timer.
    pub asynchronous: bool,
    /// A poll is queued or running.
    pub outstanding: bool,
    /// A signal of the port could not be followed and waits.
    pub signal_pending: bool,
    /// The drive is leaving D0 or has left it.
    pub suspended: bool,
}

impl Polling {
    /// A request was refused because of exclusive access: a signal of the port is kept for later.
    pub fn note_refused(&mut self, code: ControlCode) {
        if code == EVENT_NOTIFICATION && self.asynchronous {
            self.signal_pending = true;
        }
    }
}

/// Which command is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// GET EVENT STATUS NOTIFICATION.
    Event,
    /// TEST UNIT READY.
    Ready,
    /// TEST UNIT READY that tells where a drawer's tray is.
    Position,
}

impl Device {
    /// Time between polls; `None` where the port signals changes itself or nobody wants them.
    #[must_use]
    pub const fn poll_period(&self) -> Option<Ticks> {
        match (self.media.enabled, self.polling.asynchronous, self.quirks.slow_poll) {
            (false, ..) | (_, true, _) => None,
            (_, _, false) => Some(Ticks::milliseconds(1000)),
            (_, _, true) => Some(Ticks::milliseconds(2000)),
        }
    }

    /// The poll timer fired. True if a [`Job::Poll`](crate::request::Job::Poll) has to be queued.
    pub fn tick(&mut self) -> bool {
        self.request_poll() == NtStatus::SUCCESS
    }

    /// Asks for one poll: SUCCESS if it is to be queued now, else UNSUCCESSFUL.
    pub fn request_poll(&mut self) -> NtStatus {
        if !self.initialized || !self.media.enabled || self.surprise_removed {
            return NtStatus::UNSUCCESSFUL;
        }
        if self.media.disables != 0 || self.polling.outstanding || self.polling.suspended {
            self.polling.signal_pending = self.polling.asynchronous;
            return NtStatus::UNSUCCESSFUL;
        }
        self.polling.outstanding = true;
        NtStatus::SUCCESS
    }

    /// Follows a signal of the port that had to wait.
    pub fn follow_pending_signal(&mut self) {
        if self.polling.signal_pending && self.exclusive.is_none() && self.media.disables == 0 {
            self.polling.signal_pending = false;
            if self.request_poll() == NtStatus::SUCCESS {
                self.effects.push(Effect::Poll);
            }
        }
    }

    fn end_poll(&mut self) {
        self.polling.outstanding = false;
        self.follow_pending_signal();
    }

    /// One more caller wants no notifications.
    pub fn disable_notifications(&mut self) {
        if self.media.enabled {
            self.media.disables = self.media.disables.saturating_add(1);
        }
    }

    /// `count` callers want notifications again; what changed meanwhile is not broadcast later.
    pub fn enable_notifications(&mut self, count: u32) {
        if !self.media.enabled || count == 0 {
            return;
        }
        self.media.disables = self.media.disables.saturating_sub(count);
        if self.media.disables == 0 {
            self.media.reported = self.media.known;
            self.follow_pending_signal();
        }
    }
}

/// A poll's turn has come: it is refused while a handle has the drive to itself, and outside D0.
///
/// # Errors
/// The completion of the refused poll.
pub fn admit(device: &mut Device) -> Result<(), Completion> {
    let status = match (exclusive::is_foreign(device.exclusive.as_ref(), None), device.polling.suspended) {
        (true, _) => NtStatus::ACCESS_DENIED,
        (false, true) => NtStatus::UNSUCCESSFUL,
        (false, false) => return Ok(()),
    };
    device.polling.outstanding = false;
    device.polling.signal_pending |= device.polling.asynchronous;
    Err(Completion::new(status, 0))
}

/// Starts a poll.
pub fn start(context: &mut Context<'_, '_>) -> Next {
    context.device.polling.events.burst = 0;
    if context.device.polling.events.supported {
        ask(context.device)
    } else {
        Next::Send(super::status::command(), POLL, State::Ready.into())
    }
}

/// GET EVENT STATUS NOTIFICATION for `classes`, as this driver sends it.
#[must_use]
pub fn event_command(classes: u8) -> ScsiCommand {
    ScsiCommand::new(&GetEventStatusNotification { polled: true, classes, allocation_length: ANSWER_LENGTH })
        .timeout(EVENT_TIMEOUT_S)
}

const ANSWER_LENGTH: u16 = 8;
const _: () = assert!(EventStatus::LENGTH == 8);

fn ask(device: &Device) -> Next {
    Next::Send(event_command(device.polling.events.mask), POLL, State::Event.into())
}

/// Takes an answer over.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let result = input.command();
    match state {
        State::Ready => {
            // Sense that counts as success does not count here.
            if result.srb == SrbStatus::SUCCESS {
                context.device.set_media_state(MediaState::Present);
            }
        }
        State::Position => {
            let active = !context.device.zero_power.is_home();
            context.device.mark_active(active);
        }
        State::Event => {
            let answered = result.status.is_success() || result.srb == SrbStatus::DATA_OVERRUN;
            if answered
                && result.transferred == u32::from(ANSWER_LENGTH)
                && context.device.take_event(context.buffers.answer(result.transferred), context.environment)
                    == Verdict::Resend
            {
                if context.device.polling.events.count_resend() {
                    return ask(context.device);
                }
                let state = RegistryWrite::MmcDetectionState(DETECTION_UNSUPPORTED);
                context.device.effects.push(Effect::WriteRegistry(state));
            }
        }
    }
    if core::mem::take(&mut context.device.zero_power.check_position) {
        return Next::send_own(context.device.zero_power.ask_position(), State::Position);
    }
    context.device.polling.events.burst = 0;
    context.device.report_media_state();
    context.device.end_poll();
    Next::success(0)
}

/// `IOCTL_STORAGE_MCN_CONTROL`: counts who wants no notifications, by handle or for all kernel callers.
pub fn control(context: &mut Context<'_, '_>) -> Next {
    let disable = context.input().first().is_some_and(|byte| *byte != 0);
    let device = &mut *context.device;
    let count = match context.handle.as_deref_mut() {
        Some(handle) => &mut handle.mcn_disables,
        None if context.request.kernel_mode => &mut device.media.kernel_disables,
        None => return Next::fail(NtStatus::INVALID_PARAMETER),
    };
    if disable {
        *count = count.saturating_add(1);
        device.disable_notifications();
    } else {
        let Some(fewer) = count.checked_sub(1) else { return Next::fail(NtStatus::INVALID_DEVICE_STATE) };
        *count = fewer;
        device.enable_notifications(1);
    }
    Next::success(0)
}

#[cfg(test)]
mod tests;
