//! PnP and power: what IRP_MJ_PNP and IRP_MJ_POWER do on a device in a stack.

mod answers;
mod callbacks;
mod idle;
mod machine;
mod power;
mod resources;
mod settings;
mod step;
mod usage;
use std::cell::Cell;
use std::rc::Rc;

use nt_kernel::layout::{DEVICE_OBJECT, IRP};
use nt_kernel::{get, io, put};
use nt_machine::findings::{self, Rule};
use nt_machine::threads;

use crate::device::{self, Device, DeviceKind, Settings};
use crate::fail::{Violation, violation};
use crate::functions::Function;
use crate::status;
use crate::structs::{
    WDF_DEVICE_PNP_CAPABILITIES, WDF_DEVICE_POWER_CAPABILITIES, WDF_DEVICE_STATE, WDF_PNPPOWER_EVENT_CALLBACKS,
};
use callbacks::Callbacks;
use machine::{Event, Machine};

/// What this module and those below it implement, by subject.
pub const FUNCTIONS: &[&[Function]] = &[idle::FUNCTIONS, resources::FUNCTIONS, settings::FUNCTIONS];

/// PnP and power state of a device.
pub struct State {
    machine: Machine,
    callbacks: Option<WDF_PNPPOWER_EVENT_CALLBACKS>,
    /// This driver owns the power policy of the stack.
    policy_owner: bool,
    /// The state-changing PnP IRP in progress.
    irp: Cell<usize>,
    /// An event is being worked off: they do not overlap.
    busy: Cell<bool>,
    /// The next D-state IRP is the one that this driver asked for.
    requested: Cell<bool>,
    /// Power action of the system transition in progress (`POWER_ACTION`).
    action: Cell<u32>,
    static_stop: Cell<i32>,
    power_references: Cell<i32>,
    special: usage::SpecialFiles,
    device_state: Cell<Option<WDF_DEVICE_STATE>>,
    pnp_capabilities: Cell<Option<WDF_DEVICE_PNP_CAPABILITIES>>,
    power_capabilities: Cell<Option<WDF_DEVICE_POWER_CAPABILITIES>>,
    /// Lightest device state for each system state, as the stack reported it at start.
    device_states: Cell<[u32; 7]>,
    /// Resource lists shown to the driver at start.
    lists: Cell<Option<resources::Lists>>,
}

impl State {
    /// The state of a device that is being made.
    #[must_use]
    pub fn new(settings: &Settings) -> State {
        State {
            machine: Machine::default(),
            callbacks: settings.pnp_power,
            policy_owner: settings.policy_owner.unwrap_or(settings.kind == DeviceKind::Function),
            irp: Cell::new(0),
            busy: Cell::new(false),
            requested: Cell::new(false),
            action: Cell::new(0),
            static_stop: Cell::new(0),
            power_references: Cell::new(0),
            special: usage::SpecialFiles::default(),
            device_state: Cell::new(None),
            pnp_capabilities: Cell::new(None),
            power_capabilities: Cell::new(None),
            device_states: Cell::new([0; 7]),
            lists: Cell::new(None),
        }
    }

    /// Whether the device left the state before its first start: what may be configured only then is settled.
    #[must_use]
    pub fn is_past_init(&self) -> bool {
        self.machine.left_init()
    }

    /// Whether the device is started.
    #[must_use]
    pub fn is_started(&self) -> bool {
        use machine::Phase::{QueriedRemove, QueriedStop, Started};
        matches!(self.machine.phase(), Started | QueriedStop | QueriedRemove)
    }

    /// A request waits in a held queue: the power policy owner of a sleeping device with idle support would wake it. The
    /// host's devices sleep only with the system, so the request waits for the system too.
    pub fn request_waits(&self, _device: &Rc<Device>) {}

    /// Whether the device is in D0: its power-managed queues deliver.
    #[must_use]
    pub fn in_d0(&self) -> bool {
        self.machine.power() == step::Power::D0
    }

    /// Works an event off when no other one is in progress.
    fn exclusively<R>(&self, work: impl FnOnce() -> R) -> R {
        self.enter();
        let result = work();
        self.busy.set(false);
        result
    }

    fn enter(&self) {
        if self.busy.get() {
            threads::block("a PnP or power event of the device", None, &|| !self.busy.get());
        }
        self.busy.set(true);
    }

    /// Lets other events of the device be worked off while this one waits for them.
    fn meanwhile<R>(&self, work: impl FnOnce() -> R) -> R {
        self.busy.set(false);
        let result = work();
        self.enter();
        result
    }
}

/// Minor functions of IRP_MJ_PNP.
mod minor {
    pub(super) const START_DEVICE: u8 = 0x00;
    pub(super) const QUERY_REMOVE_DEVICE: u8 = 0x01;
    pub(super) const REMOVE_DEVICE: u8 = 0x02;
    pub(super) const CANCEL_REMOVE_DEVICE: u8 = 0x03;
    pub(super) const STOP_DEVICE: u8 = 0x04;
    pub(super) const QUERY_STOP_DEVICE: u8 = 0x05;
    pub(super) const CANCEL_STOP_DEVICE: u8 = 0x06;
    pub(super) const QUERY_DEVICE_RELATIONS: u8 = 0x07;
    pub(super) const QUERY_CAPABILITIES: u8 = 0x09;
    pub(super) const QUERY_PNP_DEVICE_STATE: u8 = 0x14;
    pub(super) const DEVICE_USAGE_NOTIFICATION: u8 = 0x16;
    pub(super) const SURPRISE_REMOVAL: u8 = 0x17;
}

/// IRP_MJ_PNP on a device in a stack.
#[must_use]
pub fn dispatch_pnp(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    match get!(io::current(irp), MinorFunction) {
        minor::START_DEVICE => changing(device, irp, start),
        minor::QUERY_STOP_DEVICE => changing(device, irp, |device, irp| downwards(device, irp, Event::QueryStop)),
        minor::QUERY_REMOVE_DEVICE => changing(device, irp, |device, irp| downwards(device, irp, Event::QueryRemove)),
        minor::STOP_DEVICE => changing(device, irp, |device, irp| downwards(device, irp, Event::Stop)),
        minor::SURPRISE_REMOVAL => changing(device, irp, |device, irp| downwards(device, irp, Event::SurpriseRemoval)),
        minor::CANCEL_STOP_DEVICE => changing(device, irp, |device, irp| upwards(device, irp, Event::CancelStop)),
        minor::CANCEL_REMOVE_DEVICE => changing(device, irp, |device, irp| upwards(device, irp, Event::CancelRemove)),
        minor::REMOVE_DEVICE => changing(device, irp, remove),
        minor::QUERY_CAPABILITIES => answers::capabilities(device, irp),
        minor::QUERY_PNP_DEVICE_STATE => answers::device_state(device, irp),
        minor::DEVICE_USAGE_NOTIFICATION => usage::notification(device, irp),
        minor::QUERY_DEVICE_RELATIONS => {
            callbacks::relations_query(device, get!(io::current(irp), Parameters.Others.Argument1) as u32);
            pass(device, irp)
        }
        _ => pass(device, irp),
    }
}

/// IRP_MJ_POWER on a device in a stack.
#[must_use]
pub fn dispatch_power(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    power::dispatch(device, irp)
}

/// The device of a WDM device object, if its driver owns the power policy of the stack: then nobody else sends it power
/// IRPs for device states.
#[must_use]
pub fn policy_owner(wdm: *const DEVICE_OBJECT) -> Option<Rc<Device>> {
    device::by_wdm(wdm).filter(|device| device.pnp.policy_owner)
}

/// Lets the power policy owner set its device's state (`DEVICE_POWER_STATE`), as it does for a system transition or when
/// the device is idle. Waits until the device is there. PASSIVE_LEVEL.
pub fn request_power(owner: &Rc<Device>, state: u32, action: u32) {
    power::request(owner, state, action);
}

/// Hands the IRP down as it is.
fn pass(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    io::skip(irp);
    let status = io::call_driver(device.lower(), irp);
    device.remove_lock.release(irp as usize);
    status
}

/// Hands a pended IRP down with success. It keeps its location, which was marked pending.
fn pass_pended(device: &Rc<Device>, irp: *mut IRP) {
    put!(irp, IoStatus.Status, status::SUCCESS);
    io::copy_to_next(irp);
    put!(io::next(irp), CompletionRoutine, None);
    io::call_driver(device.lower(), irp);
    device.remove_lock.release(irp as usize);
}

/// Hands the IRP down with success.
fn pass_success(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    put!(irp, IoStatus.Status, status::SUCCESS);
    pass(device, irp)
}

/// Hands the IRP down and waits for it to come back; gives its status.
fn forward(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    if !io::forward_synchronously(device.lower(), irp) {
        findings::report(Rule::BadArgument, "Irp", "the IRP has no stack location left for the lower driver");
        return status::INVALID_DEVICE_REQUEST;
    }
    get!(irp, IoStatus.Status)
}

fn complete(device: &Rc<Device>, irp: *mut IRP, status: i32) -> i32 {
    put!(irp, IoStatus.Status, status);
    io::complete(irp, 0);
    device.remove_lock.release(irp as usize);
    status
}

/// Runs a state-changing PnP IRP; a second one at the same time stops Windows.
fn changing(device: &Rc<Device>, irp: *mut IRP, work: impl FnOnce(&Rc<Device>, *mut IRP) -> i32) -> i32 {
    if device.pnp.irp.get() != 0 {
        violation(Violation::PnpFatalError, "Irp", "a state-changing PnP IRP came while another one is in progress");
    }
    device.pnp.irp.set(irp as usize);
    work(device, irp)
}

fn event(device: &Rc<Device>, event: Event) -> i32 {
    if event == Event::SurpriseRemoval {
        device.pnp.machine.announce_surprise_removal(&Callbacks(device));
    }
    let status = device.pnp.exclusively(|| device.pnp.machine.event(event, &Callbacks(device)));
    device.pnp.irp.set(0);
    status
}

fn start(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    let mut status = forward(device, irp);
    if status::ok(status) {
        status = event(device, Event::Start);
    }
    device.pnp.irp.set(0);
    complete(device, irp, status)
}

/// What a driver does before those below it.
fn downwards(device: &Rc<Device>, irp: *mut IRP, what: Event) -> i32 {
    let status = event(device, what);
    if status::ok(status) { pass_success(device, irp) } else { complete(device, irp, status) }
}

/// What a driver does after those below it.
fn upwards(device: &Rc<Device>, irp: *mut IRP, what: Event) -> i32 {
    let status = forward(device, irp);
    event(device, what);
    complete(device, irp, if status == status::NOT_SUPPORTED { status::SUCCESS } else { status })
}

fn remove(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    event(device, Event::Remove);
    device.begin_removal();
    put!(irp, IoStatus.Status, status::SUCCESS);
    io::skip(irp);
    let status = io::call_driver(device.lower(), irp);
    device.end_removal();
    status
}

#[cfg(test)]
mod tests;
