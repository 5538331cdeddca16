//! The steps of the machine on a real device: callbacks into the driver, queues, interfaces, IRPs.

use std::rc::Rc;

use nt_kernel::pnp as kernel_pnp;
use nt_machine::findings::{self, Rule};
use nt_machine::{call, time};

use super::machine::Phase;
use super::step::{self, Power, Step};
use super::{answers, power, resources};
use crate::device::Device;
use crate::fail::{Violation, violation};
use crate::objects::Handle;
use crate::structs::{EvtDevicePower, EvtDeviceStatus, EvtObject, WDF_PNPPOWER_EVENT_CALLBACKS};
use crate::{queue, status};

/// A device as the machine acts on it.
pub(super) struct Callbacks<'a>(pub(super) &'a Rc<Device>);

/// How long a power callback of a stack that is not pageable may take (0x10D/1), in 100 ns.
const WATCHDOG: i64 = 10 * 60 * time::SECOND;

/// Calls a callback that answers with a status; the answer has to be final.
fn ask(name: &str, call: impl FnOnce() -> i32) -> i32 {
    let answer = call::driver(name, call);
    if answer == status::PENDING {
        findings::report(Rule::PnpOrder, name, "answers STATUS_PENDING: its answer has to be final");
    }
    answer
}

/// Calls a query callback, which may not claim that it does not support the question.
fn ask_query(name: &str, call: impl FnOnce() -> i32) -> i32 {
    let answer = ask(name, call);
    if answer == status::NOT_SUPPORTED {
        findings::report(Rule::PnpOrder, name, "answers STATUS_NOT_SUPPORTED");
    }
    answer
}

impl Callbacks<'_> {
    fn handle(&self) -> Handle {
        self.0.handle.get()
    }

    fn table(&self) -> Option<&WDF_PNPPOWER_EVENT_CALLBACKS> {
        self.0.pnp.callbacks.as_ref()
    }

    fn status(&self, name: &str, which: fn(&WDF_PNPPOWER_EVENT_CALLBACKS) -> EvtDeviceStatus) -> i32 {
        let Some(callback) = self.table().and_then(which) else { return status::SUCCESS };
        // SAFETY: the driver gave this address for this callback of the device; what it does is the driver's.
        ask(name, || unsafe { callback(self.handle()) })
    }

    fn query(&self, name: &str, which: fn(&WDF_PNPPOWER_EVENT_CALLBACKS) -> EvtDeviceStatus) -> i32 {
        let Some(callback) = self.table().and_then(which) else { return status::SUCCESS };
        // SAFETY: as above.
        ask_query(name, || unsafe { callback(self.handle()) })
    }

    fn tell(&self, name: &str, which: fn(&WDF_PNPPOWER_EVENT_CALLBACKS) -> EvtObject) -> i32 {
        if let Some(callback) = self.table().and_then(which) {
            // SAFETY: as above.
            call::driver(name, || unsafe { callback(self.handle()) });
        }
        status::SUCCESS
    }

    fn power(&self, name: &str, state: Power, which: fn(&WDF_PNPPOWER_EVENT_CALLBACKS) -> EvtDevicePower) -> i32 {
        let Some(callback) = self.table().and_then(which) else { return status::SUCCESS };
        let begin = time::now();
        // SAFETY: as above.
        let answer = ask(name, || unsafe { callback(self.handle(), state as u32) });
        if !self.0.settings.pageable && time::now() - begin > WATCHDOG {
            violation(Violation::PowerRoutineTimedOut, name, "the callback took longer than ten minutes");
        }
        answer
    }

    /// A callback on the way out of D0. It may fail, and the device is then lost; a driver that does so is not well.
    fn leave(&self, name: &str, state: Power, which: fn(&WDF_PNPPOWER_EVENT_CALLBACKS) -> EvtDevicePower) -> i32 {
        let answer = self.power(name, state, which);
        if answer < 0 {
            let address = self.table().and_then(which).map_or(0, |callback| callback as usize);
            let text = "fails, and the framework gives the device up: leaving D0 cannot be refused";
            findings::report_at(Rule::PnpOrder, name, nt_kernel::status::name(answer), address, text);
        }
        answer
    }

    fn prepare_hardware(&self) -> i32 {
        let lists = match resources::lists(self.0) {
            Ok(lists) => lists,
            Err(status) => return status,
        };
        let Some(callback) = self.table().and_then(|table| table.EvtDevicePrepareHardware) else {
            return status::SUCCESS;
        };
        // SAFETY: as above.
        ask("EvtDevicePrepareHardware", || unsafe { callback(self.handle(), lists.raw, lists.translated) })
    }

    fn release_hardware(&self) -> i32 {
        let Some(callback) = self.table().and_then(|table| table.EvtDeviceReleaseHardware) else {
            return status::SUCCESS;
        };
        let Some(lists) = self.0.pnp.lists.get() else { return status::SUCCESS };
        // SAFETY: as above.
        ask("EvtDeviceReleaseHardware", || unsafe { callback(self.handle(), lists.translated) })
    }
}

impl step::Device for Callbacks<'_> {
    fn perform(&self, step: Step) -> i32 {
        let device = self.0;
        match step {
            Step::PrepareHardware => self.prepare_hardware(),
            Step::ReleaseHardware => self.release_hardware(),
            Step::QueryCapabilities => answers::query_capabilities(device),
            Step::D0Entry(from) => self.power("EvtDeviceD0Entry", from, |table| table.EvtDeviceD0Entry),
            Step::D0EntryPostInterruptsEnabled(from) => {
                self.power("EvtDeviceD0EntryPostInterruptsEnabled", from, |table| {
                    table.EvtDeviceD0EntryPostInterruptsEnabled
                })
            }
            Step::D0ExitPreInterruptsDisabled(to) => self
                .leave("EvtDeviceD0ExitPreInterruptsDisabled", to, |table| table.EvtDeviceD0ExitPreInterruptsDisabled),
            Step::D0Exit(to) => self.leave("EvtDeviceD0Exit", to, |table| table.EvtDeviceD0Exit),
            Step::SelfManagedIoInit => {
                self.status("EvtDeviceSelfManagedIoInit", |table| table.EvtDeviceSelfManagedIoInit)
            }
            Step::SelfManagedIoRestart => {
                self.status("EvtDeviceSelfManagedIoRestart", |table| table.EvtDeviceSelfManagedIoRestart)
            }
            Step::SelfManagedIoSuspend => {
                self.status("EvtDeviceSelfManagedIoSuspend", |table| table.EvtDeviceSelfManagedIoSuspend)
            }
            Step::SelfManagedIoFlush => {
                self.tell("EvtDeviceSelfManagedIoFlush", |table| table.EvtDeviceSelfManagedIoFlush)
            }
            Step::SelfManagedIoCleanup => {
                self.tell("EvtDeviceSelfManagedIoCleanup", |table| table.EvtDeviceSelfManagedIoCleanup)
            }
            Step::SurpriseRemoval => self.tell("EvtDeviceSurpriseRemoval", |table| table.EvtDeviceSurpriseRemoval),
            Step::QueryStop => self.query("EvtDeviceQueryStop", |table| table.EvtDeviceQueryStop),
            Step::QueryRemove => self.query("EvtDeviceQueryRemove", |table| table.EvtDeviceQueryRemove),
            Step::Wake => power::wake(device),
            _ => {
                act(device, step);
                status::SUCCESS
            }
        }
    }

    fn owns_power_policy(&self) -> bool {
        self.0.pnp.policy_owner
    }

    fn refuses_query(&self) -> Option<i32> {
        let pnp = &self.0.pnp;
        if pnp.static_stop.get() > 0 {
            return Some(status::INVALID_DEVICE_STATE);
        }
        let started = pnp.machine.phase() == Phase::Started;
        (started && pnp.special.in_use()).then_some(status::DEVICE_NOT_READY)
    }

    fn out_of_order(&self, text: &str) {
        findings::report(Rule::PnpOrder, "Irp", text);
    }
}

/// Steps that call no callback of their own.
fn act(device: &Rc<Device>, step: Step) {
    match step {
        Step::ResumeQueues => queue::resume(device),
        Step::HoldQueues => queue::hold(device),
        Step::PurgeManagedQueues => queue::purge(device, true),
        Step::PurgeOtherQueues => queue::purge(device, false),
        Step::EnableInterfaces => device.enable_interfaces(),
        Step::DisableInterfaces => {
            device.disable_interfaces();
            device.delete_symbolic_link();
        }
        Step::InvalidateState => kernel_pnp::invalidate(kernel_pnp::Invalidation::State(device.pdo)),
        _ => {}
    }
}

/// `EvtDeviceRelationsQuery`
pub(super) fn relations_query(device: &Rc<Device>, relation: u32) {
    let Some(callback) = device.pnp.callbacks.as_ref().and_then(|table| table.EvtDeviceRelationsQuery) else { return };
    let handle = device.handle.get();
    // SAFETY: the driver gave this address for this callback of the device; what it does is the driver's.
    call::driver("EvtDeviceRelationsQuery", || unsafe { callback(handle, relation) });
}
