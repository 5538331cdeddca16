//! Zero power: an empty optical drive without current (ZPODD, device-lifecycle.md).

use scsi_cdb::Opcode;
use scsi_cdb::bytes::{bit, bits, clamp, u8_at};
use scsi_cdb::configuration::{Configuration, FeatureCode};

use crate::Device;
use crate::effect::{Effect, Effects, Notification};
use crate::ntstatus::NtStatus;
use crate::ops::{Context, Input, Next, State, start, status};
use crate::sense::log::LogChoice;
use crate::sense::{Failure, SenseCode, Verdict};
use crate::step::{PlatformCall, ScsiCommand};
use crate::time::Ticks;

/// D3 idle time-out in milliseconds of a drive in use.
pub const ACTIVE_TIMEOUT_MS: u32 = 60_000;

/// D3 idle time-out in milliseconds while the display is off.
pub const DISPLAY_OFF_TIMEOUT_MS: u32 = 10_000;

/// Becoming-ready answers that are waited for after waking up; the first counts down before it is waited for.
const READY_BUDGET: u8 = 15;

const READY_PAUSE: Ticks = Ticks::milliseconds(200);

/// How a disc gets into a drive that can do without power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// A tray that only a person closes.
    Drawer,
    /// A slot or caddy.
    Slot,
}

/// What is known of a drive's zero power.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ZeroPowerState {
    /// The drive can do without power, and this is how it is loaded.
    pub mechanism: Option<Mechanism>,
    /// The drive has no power now.
    pub active: bool,
    /// The port has been told that the drive is in use.
    pub marked_active: bool,
    /// D3cold was enabled: kept in later changes of the idle time-out.
    d3_cold: bool,
    /// The first failure after waking up is to be tried again, whatever it is.
    retry_first: bool,
    /// Becoming-ready answers still waited for.
    ready_budget: u8,
    /// Sense of the last TEST UNIT READY.
    last_ready_sense: Option<SenseCode>,
    /// The tray's position is to be found out by TEST UNIT READY.
    pub check_position: bool,
}

impl ZeroPowerState {
    /// What a failure means in the first moments after waking up; `None` once they are over.
    pub fn after_wake(&mut self, failure: &Failure<'_>, effects: &mut Effects) -> Option<Verdict> {
        if core::mem::take(&mut self.retry_first) {
            return Some(verdict(NtStatus::IO_DEVICE_ERROR, Ticks::ZERO));
        }
        let left = core::mem::take(&mut self.ready_budget).checked_sub(1)?;
        let sense = SenseCode::parse(failure.result.sense);
        if left == 0 || !sense.is(2, 0x04) || sense.ascq != 0x01 {
            return None;
        }
        self.ready_budget = left;
        effects.push(Effect::Notify(Notification::BecomingReady { reason: 1, estimated_100ms: 2 }));
        Some(verdict(NtStatus::DEVICE_NOT_READY, READY_PAUSE))
    }

    /// Remembers the sense of a TEST UNIT READY for the tray's position.
    pub fn note_sense(&mut self, opcode: Opcode, sense: SenseCode) {
        if self.mechanism.is_some() && opcode == Opcode::TEST_UNIT_READY {
            self.last_ready_sense = Some(sense);
        }
    }

    /// A command ended well: the drive is awake.
    pub const fn command_succeeded(&mut self) {
        self.ready_budget = 0;
    }

    /// The drive wakes up.
    pub const fn wake(&mut self) {
        self.active = false;
        self.retry_first = true;
        self.ready_budget = READY_BUDGET;
    }

    /// A device-busy event: a drawer whose load state changed is looked at.
    pub fn busy_event(&mut self, code: u8, status: u8) {
        const LOAD_CHANGE: u8 = 2;
        self.check_position |= self.mechanism == Some(Mechanism::Drawer) && code == LOAD_CHANGE && status == 0;
    }

    /// TEST UNIT READY that tells whether the drive [is home](Self::is_home); what an earlier one said is forgotten.
    #[must_use]
    pub fn ask_position(&mut self) -> ScsiCommand {
        self.last_ready_sense = None;
        status::command()
    }

    /// The tray is closed and empty, by the last TEST UNIT READY.
    #[must_use]
    pub fn is_home(&self) -> bool {
        self.last_ready_sense
            .is_some_and(|sense| sense.is(2, 0x3A) && (self.mechanism == Some(Mechanism::Slot) || sense.ascq == 0x01))
    }
}

const fn verdict(status: NtStatus, delay: Ticks) -> Verdict {
    Verdict { status, retry: true, delay, refresh_geometry: false, rebuild: false, log: LogChoice::none() }
}

impl Device {
    /// A media event: a slot drive is in use while it holds a disc.
    pub fn zero_power_media_event(&mut self, code: u8) {
        if self.zero_power.mechanism == Some(Mechanism::Slot) {
            match code {
                2 | 4 => self.mark_active(true),
                3 => self.mark_active(false),
                _ => {}
            }
        }
    }

    /// Tells the port whether the drive is in use, if that is news.
    pub fn mark_active(&mut self, active: bool) {
        if self.zero_power.marked_active != active {
            self.zero_power.marked_active = active;
            self.effects.push(Effect::MarkActive(active));
        }
    }

    /// An eject command ended well: a drawer gives no event for it.
    pub fn ejected(&mut self) {
        if self.zero_power.mechanism == Some(Mechanism::Drawer) {
            self.mark_active(true);
        }
    }

    /// The idle-power settings for a drive that is in use or not; D3cold stays as it was enabled.
    #[must_use]
    pub const fn idle_power(&self, timeout_ms: u32) -> PlatformCall {
        let enabled = self.zero_power.d3_cold;
        PlatformCall::EnableIdlePower { wake_capable: enabled, d3_cold: enabled, timeout_ms }
    }
}

/// Steps of the detection at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Whether D3cold can be reached.
    D3Cold(Mechanism),
    /// Enabling idle power with D3cold.
    Enable(Mechanism),
    /// Enabling idle power without it, which the port wants of every drive.
    Register,
    /// Where the tray is.
    Position,
}

/// Starts the detection. Every drive is registered for idle power, whatever comes of it: ports expect that.
pub fn probe(context: &mut Context<'_, '_>) -> Next {
    let device = &*context.device;
    let kept = usize::try_from(device.capability.features_length).unwrap_or(usize::MAX);
    let mechanism = candidate(device, clamp(context.buffers.features, 0, kept));
    match mechanism {
        Some(mechanism) => platform(PlatformCall::QueryD3Cold, Probe::D3Cold(mechanism)),
        None => register(context.device),
    }
}

fn platform(call: PlatformCall, probe: Probe) -> Next {
    Next::Platform(call, State::Start(start::State::ZeroPower(probe)))
}

fn register(device: &Device) -> Next {
    platform(device.idle_power(ACTIVE_TIMEOUT_MS), Probe::Register)
}

/// A drive whose port and loading mechanism allow zero power (device-lifecycle.md, "Capability detection").
fn candidate(device: &Device, features: &[u8]) -> Option<Mechanism> {
    const REMOVABLE_MEDIUM: FeatureCode = FeatureCode(0x0003);
    let allowed = device.policy.zero_power && device.power.device_attention && device.power.asynchronous_notification;
    if !allowed {
        return None;
    }
    let configuration = Configuration::parse(features).ok()?;
    let byte = u8_at(configuration.find(REMOVABLE_MEDIUM)?.data, 0).ok()?;
    let (mechanism, load, events) = (bits(byte, 5, 3), bit(byte, 4), bit(byte, 1));
    match mechanism {
        1 if !load && events => Some(Mechanism::Drawer),
        0 if !load && device.polling.events.supported => Some(Mechanism::Slot),
        _ => None,
    }
}

/// Goes on with the detection; `None` when it is over.
pub fn resume_probe(probe: Probe, input: Input, context: &mut Context<'_, '_>) -> Option<Next> {
    let device = &mut *context.device;
    let status = match input {
        Input::Platform { status, .. } => status,
        Input::Command(result) => result.status,
    };
    match probe {
        Probe::D3Cold(mechanism) if status.is_success() && device.power.d3_cold => {
            let call =
                PlatformCall::EnableIdlePower { wake_capable: true, d3_cold: true, timeout_ms: ACTIVE_TIMEOUT_MS };
            Some(platform(call, Probe::Enable(mechanism)))
        }
        Probe::Enable(mechanism) if status.is_success() => {
            device.zero_power.mechanism = Some(mechanism);
            device.zero_power.d3_cold = true;
            Some(Next::send_own(device.zero_power.ask_position(), start::State::ZeroPower(Probe::Position)))
        }
        Probe::D3Cold(_) | Probe::Enable(_) => Some(register(device)),
        Probe::Register => {
            if status.is_success() {
                device.mark_active(true);
            }
            None
        }
        Probe::Position => {
            if !device.zero_power.is_home() {
                device.mark_active(true);
            }
            None
        }
    }
}
