//! What a device does when PnP and power events reach it: the order of the driver's callbacks, what is undone when one fails,
//! and which event may come in which state. Pure; [`Device`] does the steps.

use std::cell::Cell;

use super::step::{Device, Power, Step};

use crate::status;

/// Where a device is in its PnP life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Added, not started.
    Init,
    /// Started.
    Started,
    /// Agreed to be stopped.
    QueriedStop,
    /// Stopped, to be started again.
    Stopped,
    /// Agreed to be removed.
    QueriedRemove,
    /// Gone; waits for REMOVE.
    SurpriseRemoved,
    /// Failed; waits for SURPRISE_REMOVAL or REMOVE.
    Failed,
    /// Failed and gone; waits for REMOVE.
    FailedSurpriseRemoved,
    /// REMOVE was worked off.
    Removed,
}

/// What the PnP manager tells a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// START, after the lower drivers succeeded.
    Start,
    /// QUERY_STOP.
    QueryStop,
    /// CANCEL_STOP.
    CancelStop,
    /// STOP.
    Stop,
    /// QUERY_REMOVE.
    QueryRemove,
    /// CANCEL_REMOVE.
    CancelRemove,
    /// SURPRISE_REMOVAL.
    SurpriseRemoval,
    /// REMOVE.
    Remove,
}

/// Which events a state allows. CANCEL events are legal wherever a query may have been seen or missed.
const ALLOWED: &[(Phase, &[Event])] = &[
    (
        Phase::Init,
        &[
            Event::Start,
            Event::QueryRemove,
            Event::CancelRemove,
            Event::CancelStop,
            Event::SurpriseRemoval,
            Event::Remove,
        ],
    ),
    (
        Phase::Started,
        &[
            Event::Start,
            Event::QueryStop,
            Event::QueryRemove,
            Event::CancelStop,
            Event::CancelRemove,
            Event::SurpriseRemoval,
            Event::Remove,
        ],
    ),
    (Phase::QueriedStop, &[Event::Stop, Event::CancelStop, Event::SurpriseRemoval]),
    (Phase::Stopped, &[Event::Start, Event::CancelStop, Event::SurpriseRemoval, Event::Remove]),
    (Phase::QueriedRemove, &[Event::Remove, Event::CancelRemove, Event::SurpriseRemoval]),
    (Phase::SurpriseRemoved, &[Event::Remove]),
    (
        Phase::Failed,
        &[Event::QueryRemove, Event::CancelRemove, Event::CancelStop, Event::SurpriseRemoval, Event::Remove],
    ),
    (Phase::FailedSurpriseRemoved, &[Event::Remove]),
    (Phase::Removed, &[]),
];

/// A step of coming to D0, and what undoes the ones before it when it fails.
struct Up {
    step: fn(&Machine) -> Step,
    undo: &'static [Step],
}

/// Coming to D0. A failure ends in D3Final, whatever state the device came from.
const POWER_UP: &[Up] = &[
    Up { step: |machine| Step::D0Entry(machine.power.get()), undo: &[] },
    Up {
        step: |machine| Step::D0EntryPostInterruptsEnabled(machine.power.get()),
        undo: &[Step::D0Exit(Power::D3Final)],
    },
    Up { step: |_| Step::ResumeQueues, undo: &[] },
    Up {
        step: Machine::self_managed_start,
        undo: &[Step::HoldQueues, Step::D0ExitPreInterruptsDisabled(Power::D3Final), Step::D0Exit(Power::D3Final)],
    },
];

/// How far self-managed I/O came. Flush and Cleanup follow once Init was called; Suspend only while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SelfManaged {
    Never,
    Running,
    Suspended,
    Failed,
    Flushed,
}

/// The state of one device.
#[derive(Debug)]
pub struct Machine {
    phase: Cell<Phase>,
    /// The power state; before the first start and after a stop it is `D3Final`.
    power: Cell<Power>,
    self_managed: Cell<SelfManaged>,
    /// PrepareHardware was called and ReleaseHardware was not.
    owns_hardware: Cell<bool>,
    /// What a removal does before it waits for REMOVE was done.
    cleaned: Cell<bool>,
    /// A start began ever.
    left_init: Cell<bool>,
    /// The device failed inside a transition that will still reach its end.
    failing: Cell<bool>,
}

impl Default for Machine {
    fn default() -> Machine {
        Machine {
            phase: Cell::new(Phase::Init),
            power: Cell::new(Power::D3Final),
            self_managed: Cell::new(SelfManaged::Never),
            owns_hardware: Cell::new(false),
            cleaned: Cell::new(false),
            left_init: Cell::new(false),
            failing: Cell::new(false),
        }
    }
}

impl Machine {
    /// The PnP state.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Whether the device left the state before its first start: from its first callback on.
    #[must_use]
    pub fn left_init(&self) -> bool {
        self.left_init.get() || self.phase.get() != Phase::Init
    }

    /// The power state.
    #[must_use]
    pub fn power(&self) -> Power {
        self.power.get()
    }

    /// Whether the device failed, for the answer to QUERY_PNP_DEVICE_STATE.
    #[must_use]
    pub fn failed(&self) -> bool {
        matches!(self.phase.get(), Phase::Failed | Phase::FailedSurpriseRemoved) || self.failing.get()
    }

    /// Whether an event may come now.
    #[must_use]
    pub fn allows(&self, event: Event) -> bool {
        ALLOWED.iter().any(|(state, events)| *state == self.phase.get() && events.contains(&event))
    }

    /// Works an event off and says what the IRP is to be completed with (a failure: it goes no further down).
    pub fn event(&self, event: Event, device: &dyn Device) -> i32 {
        if !self.allows(event) {
            device.out_of_order(&format!("{event:?} in state {:?}", self.phase.get()));
            return status::SUCCESS;
        }
        match event {
            Event::Start => self.start(device),
            Event::QueryStop => self.query(device, Step::QueryStop, Phase::QueriedStop),
            Event::QueryRemove => self.query(device, Step::QueryRemove, Phase::QueriedRemove),
            Event::CancelStop => self.cancel(Phase::QueriedStop),
            Event::CancelRemove => self.cancel(Phase::QueriedRemove),
            Event::Stop => self.stop(device),
            Event::SurpriseRemoval => self.surprise_removal(device),
            Event::Remove => self.remove(device),
        }
    }

    /// Tells the driver that its device is gone. This does not wait for a power callback in progress, which may wait for
    /// the hardware; the event follows.
    pub fn announce_surprise_removal(&self, device: &dyn Device) {
        if self.allows(Event::SurpriseRemoval) && self.phase.get() != Phase::Init {
            device.perform(Step::SurpriseRemoval);
        }
    }

    /// A D-state IRP: `target` is D0 after the lower drivers woke, or the state to sleep in before they do. It cannot fail.
    pub fn set_power(&self, target: Power, device: &dyn Device) {
        let running = matches!(self.phase.get(), Phase::Started | Phase::QueriedStop | Phase::QueriedRemove);
        if !running {
            return;
        }
        match (self.power.get(), target) {
            (Power::D0, Power::D0) => {}
            (_, Power::D0) => {
                if self.power_up(device) != status::SUCCESS {
                    self.fail(device);
                }
            }
            (Power::D0, _) => {
                if !self.power_down(target, device) {
                    self.fail(device);
                }
            }
            _ => self.power.set(target),
        }
    }

    /// The driver declared its device failed.
    pub fn set_failed(&self, device: &dyn Device) {
        match self.phase.get() {
            Phase::Started | Phase::QueriedStop | Phase::QueriedRemove | Phase::Stopped => self.fail(device),
            _ => {}
        }
    }

    fn start(&self, device: &dyn Device) -> i32 {
        self.left_init.set(true);
        if self.phase.get() == Phase::Started {
            self.power_down(Power::D3Final, device);
            self.release_hardware(device);
        }
        self.owns_hardware.set(true);
        let mut status = device.perform(Step::PrepareHardware);
        if status >= 0 && device.owns_power_policy() {
            status = device.perform(Step::QueryCapabilities);
        }
        if status >= 0 {
            status = self.power_up(device);
        }
        if status < 0 {
            self.fail(device);
            return status;
        }
        device.perform(Step::EnableInterfaces);
        self.phase.set(Phase::Started);
        status::SUCCESS
    }

    fn query(&self, device: &dyn Device, ask: Step, agreed: Phase) -> i32 {
        if let Some(status) = device.refuses_query() {
            return status;
        }
        if self.phase.get() != Phase::Started {
            return status::SUCCESS;
        }
        self.wake(device);
        let status = device.perform(ask);
        if status < 0 {
            return status;
        }
        if self.phase.get() == Phase::Started {
            self.phase.set(agreed);
        }
        status::SUCCESS
    }

    fn cancel(&self, queried: Phase) -> i32 {
        if self.phase.get() == queried {
            self.phase.set(Phase::Started);
        }
        status::SUCCESS
    }

    fn stop(&self, device: &dyn Device) -> i32 {
        self.wake(device);
        let powered_down = self.leave_d0(Power::D3Final, device);
        let released = self.release_hardware(device);
        if powered_down && released >= 0 {
            self.power.set(Power::D3Final);
            self.phase.set(Phase::Stopped);
        } else {
            self.fail(device);
        }
        status::SUCCESS
    }

    fn surprise_removal(&self, device: &dyn Device) -> i32 {
        match self.phase.get() {
            Phase::Init => {}
            Phase::Failed => {
                self.phase.set(Phase::FailedSurpriseRemoved);
                return status::SUCCESS;
            }
            _ => {
                self.leave_d0(Power::D3Final, device);
                self.release_hardware(device);
                self.clean_for_removal(device);
            }
        }
        self.phase.set(Phase::SurpriseRemoved);
        status::SUCCESS
    }

    fn remove(&self, device: &dyn Device) -> i32 {
        if matches!(self.phase.get(), Phase::Started | Phase::QueriedRemove) {
            self.wake(device);
            self.leave_d0(Power::D3Final, device);
        }
        self.release_hardware(device);
        self.clean_for_removal(device);
        device.perform(Step::PurgeOtherQueues);
        if self.self_managed.get() == SelfManaged::Flushed {
            device.perform(Step::SelfManagedIoCleanup);
            self.self_managed.set(SelfManaged::Never);
        }
        self.phase.set(Phase::Removed);
        status::SUCCESS
    }

    /// Comes to D0, or undoes what was done and answers STATUS_DEVICE_POWER_FAILURE.
    fn power_up(&self, device: &dyn Device) -> i32 {
        for row in POWER_UP {
            let step = (row.step)(self);
            let status = device.perform(step);
            if matches!(step, Step::SelfManagedIoInit | Step::SelfManagedIoRestart) {
                self.self_managed.set(if status < 0 { SelfManaged::Failed } else { SelfManaged::Running });
            }
            if status < 0 {
                for &undo in row.undo {
                    device.perform(undo);
                }
                self.power.set(Power::D3Final);
                return status::DEVICE_POWER_FAILURE;
            }
        }
        self.power.set(Power::D0);
        status::SUCCESS
    }

    fn self_managed_start(&self) -> Step {
        match self.self_managed.get() {
            SelfManaged::Never => Step::SelfManagedIoInit,
            _ => Step::SelfManagedIoRestart,
        }
    }

    /// Leaves D0; a failure does not stop the sequence, but is told (`false`).
    fn power_down(&self, target: Power, device: &dyn Device) -> bool {
        let mut good = true;
        if self.self_managed.get() == SelfManaged::Running {
            let status = device.perform(Step::SelfManagedIoSuspend);
            good &= status >= 0;
            self.self_managed.set(if status < 0 { SelfManaged::Failed } else { SelfManaged::Suspended });
        }
        for step in [Step::HoldQueues, Step::D0ExitPreInterruptsDisabled(target), Step::D0Exit(target)] {
            good &= device.perform(step) >= 0;
        }
        self.power.set(target);
        good
    }

    fn leave_d0(&self, target: Power, device: &dyn Device) -> bool {
        self.power.get() != Power::D0 || self.power_down(target, device)
    }

    /// The power policy owner brings its sleeping device to D0 before it is stopped or removed in order.
    fn wake(&self, device: &dyn Device) {
        if device.owns_power_policy() && matches!(self.power.get(), Power::D1 | Power::D2 | Power::D3) {
            device.perform(Step::Wake);
        }
    }

    fn release_hardware(&self, device: &dyn Device) -> i32 {
        if self.owns_hardware.replace(false) { device.perform(Step::ReleaseHardware) } else { status::SUCCESS }
    }

    fn clean_for_removal(&self, device: &dyn Device) {
        if self.cleaned.replace(true) {
            return;
        }
        device.perform(Step::DisableInterfaces);
        device.perform(Step::PurgeManagedQueues);
        if self.self_managed.get() != SelfManaged::Never {
            device.perform(Step::SelfManagedIoFlush);
            self.self_managed.set(SelfManaged::Flushed);
        }
    }

    fn fail(&self, device: &dyn Device) {
        self.failing.set(true);
        self.leave_d0(Power::D3Final, device);
        self.release_hardware(device);
        self.clean_for_removal(device);
        self.phase.set(Phase::Failed);
        device.perform(Step::InvalidateState);
    }
}

#[cfg(test)]
mod tests;
