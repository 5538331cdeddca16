//! Creation of queues and configuration of what reaches them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use nt_kernel::layout::{
    IRP_MJ_CREATE, IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_READ, IRP_MJ_WRITE,
};
use nt_kernel::raw;

use super::{Dispatching, Power, Queue};
use crate::client::{self, Client, Globals};
use crate::device::{self, Device};
use crate::fail::{require, require_callback};
use crate::functions::Function;
use crate::objects::{self, CallbackLock, Handle, Kind, Level, Plan, Scope};
use crate::status;
use crate::structs::{self, EvtDispatchIrp, WDF_IO_QUEUE_CONFIG, WDF_OBJECT_ATTRIBUTES};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfIoQueueCreate", queue_create as *const ()),
    ("WdfDeviceConfigureRequestDispatching", configure_dispatching as *const ()),
    ("WdfDeviceConfigureWdmIrpDispatchCallback", configure_dispatch_callback as *const ()),
];

unsafe extern "win64" fn queue_create(
    globals: Globals,
    device: Handle,
    config: *const WDF_IO_QUEUE_CONFIG,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    let device = device::get(device);
    require(config, "Config");
    let wants_handle = !out.is_null();
    let mut unused = Handle::NULL;
    let out = if wants_handle { out } else { &raw mut unused };
    objects::store(out, "Queue", || make(&client, &device, config, attributes, wants_handle))
}

/// Size of the configuration before the number of presented requests was added.
const SIZE_1_7: u32 = 80;

fn dispatching(config: &WDF_IO_QUEUE_CONFIG, wants_handle: bool) -> Result<Dispatching, i32> {
    let handlers = config.EvtIoDefault.is_some()
        || config.EvtIoRead.is_some()
        || config.EvtIoWrite.is_some()
        || config.EvtIoDeviceControl.is_some()
        || config.EvtIoInternalDeviceControl.is_some();
    if config.DefaultQueue == 0 && !wants_handle {
        return Err(status::INVALID_PARAMETER_4);
    }
    let limit = if config.Size == SIZE_1_7 { u32::MAX } else { config.Settings };
    let dispatching = match config.DispatchType {
        1 => Dispatching::Sequential,
        2 => Dispatching::Parallel(limit),
        3 => Dispatching::Manual,
        _ => return Err(status::INVALID_PARAMETER),
    };
    match dispatching {
        Dispatching::Manual if handlers => Err(status::INVALID_PARAMETER),
        Dispatching::Sequential | Dispatching::Parallel(_) if !handlers => Err(status::WDF_NO_CALLBACK),
        Dispatching::Sequential | Dispatching::Manual if config.Size != SIZE_1_7 && limit != 0 => {
            Err(status::INVALID_PARAMETER)
        }
        valid => Ok(valid),
    }
}

fn make(
    client: &Rc<Client>,
    device: &Rc<Device>,
    config: *const WDF_IO_QUEUE_CONFIG,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    wants_handle: bool,
) -> Result<Handle, i32> {
    let config = structs::read(config).ok_or(status::INFO_LENGTH_MISMATCH)?;
    let dispatching = dispatching(&config, wants_handle)?;
    let this = device.handle.get();
    let mut plan = Plan::check(client, Kind::Queue, attributes, this)?;
    if objects::ancestor(plan.parent, Kind::Device) != Some(this) {
        return Err(status::INVALID_DEVICE_REQUEST);
    }
    let parent = objects::any(this, "Device");
    if plan.scope == Scope::Device && plan.level != Level::Inherit && plan.level != parent.level {
        return Err(status::INVALID_PARAMETER);
    }
    if plan.level == Level::Inherit {
        plan.level = parent.level;
    }
    if plan.scope == Scope::Inherit {
        plan.scope = parent.scope;
    }
    if config.DefaultQueue != 0 {
        check_default(device)?;
    }
    let power_managed = !device.is_control()
        && match config.PowerManaged {
            0 => false,
            1 => true,
            _ => !device.is_filter(),
        };
    let lock = match plan.scope {
        Scope::Device => Some(device_lock(device, plan.level)),
        Scope::Queue => Some(CallbackLock::new(plan.level == Level::Passive)),
        Scope::Inherit | Scope::None => None,
    };
    let held = power_managed && !device.pnp.in_d0();
    let queue = Rc::new(Queue {
        handle: Cell::new(Handle::NULL),
        device: Rc::clone(device),
        dispatching,
        power_managed,
        config,
        passive: plan.level == Level::Passive,
        lock: RefCell::new(lock.clone()),
        waiting: RefCell::new(VecDeque::new()),
        owned: RefCell::new(Vec::new()),
        cancelled_owned: RefCell::new(VecDeque::new()),
        cancelled_waiting: RefCell::new(VecDeque::new()),
        accepting: Cell::new(!device.io.removed.get()),
        delivering: Cell::new(true),
        power: Cell::new(if held { Power::Held } else { Power::On }),
        removed: Cell::new(device.io.removed.get()),
        purging: Cell::new(false),
        stop_notice: Cell::new(None),
        empty_notice: Cell::new(None),
        ready_notice: Cell::new(None),
        ready_due: Cell::new(false),
        reserve: RefCell::new(None),
        posted: Cell::new(false),
    });
    let handle = objects::create(plan, queue)?;
    let object = objects::any(handle, "Queue");
    object.set_lock(lock);
    device.io.queues.borrow_mut().push(handle);
    if config.DefaultQueue != 0 {
        object.set_deletable(false);
        device.io.default.set(handle);
    }
    Ok(handle)
}

/// The device's own lock, which all its queues of device scope share.
fn device_lock(device: &Device, level: Level) -> Rc<CallbackLock> {
    objects::lock_of(device.handle.get()).unwrap_or_else(|| {
        // The device itself has no scope: its queues share a lock that is made for the first of them.
        let lock = CallbackLock::new(level == Level::Passive);
        objects::any(device.handle.get(), "Device").set_lock(Some(Rc::clone(&lock)));
        lock
    })
}

fn is_running(device: &Device) -> bool {
    if device.is_control() { !device.initializing.get() } else { device.pnp.is_past_init() }
}

fn check_default(device: &Device) -> Result<(), i32> {
    if is_running(device) {
        return Err(status::INVALID_DEVICE_STATE);
    }
    if !device.io.default.get().is_null() {
        return Err(status::UNSUCCESSFUL);
    }
    Ok(())
}

unsafe extern "win64" fn configure_dispatching(_: Globals, device: Handle, queue: Handle, kind: u32) -> i32 {
    let device = device::get(device);
    let queue = super::get(queue);
    configure(&device, &queue, kind).err().unwrap_or(status::SUCCESS)
}

fn configure(device: &Rc<Device>, queue: &Rc<Queue>, kind: u32) -> Result<(), i32> {
    let major = u8::try_from(kind).ok().filter(|major| {
        [IRP_MJ_CREATE, IRP_MJ_READ, IRP_MJ_WRITE, IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL]
            .contains(major)
    });
    let major = major.ok_or(status::INVALID_PARAMETER)?;
    if !Rc::ptr_eq(&queue.device, device) {
        return Err(status::INVALID_DEVICE_REQUEST);
    }
    if is_running(device) {
        return Err(status::INVALID_DEVICE_STATE);
    }
    let handled = if major == IRP_MJ_CREATE { queue.config.EvtIoDefault.is_some() } else { queue.handles(major) };
    if !handled && !queue.is_manual() {
        return Err(status::INVALID_DEVICE_REQUEST);
    }
    let handle = queue.handle.get();
    if major != IRP_MJ_CREATE && handle == device.io.default.get() {
        return Err(status::INVALID_DEVICE_REQUEST);
    }
    let mut by_type = device.io.by_type.borrow_mut();
    if by_type.contains_key(&major) {
        return Err(if major == IRP_MJ_CREATE { status::INVALID_PARAMETER } else { status::WDF_BUSY });
    }
    by_type.insert(major, handle);
    objects::any(handle, "Queue").set_deletable(false);
    Ok(())
}

/// Routes IRPs of a major function through a callback of the driver before any queue.
unsafe extern "win64" fn configure_dispatch_callback(
    _: Globals,
    device: Handle,
    _driver: Handle,
    major: u8,
    callback: EvtDispatchIrp,
    context: usize,
) -> i32 {
    let device = device::get(device);
    require_callback(callback.is_some(), "EvtDeviceWdmIrpDispatch");
    if ![IRP_MJ_READ, IRP_MJ_WRITE, IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL].contains(&major) {
        return status::INVALID_PARAMETER;
    }
    if is_running(&device) {
        return status::INVALID_DEVICE_STATE;
    }
    if !nt_kernel::pool::try_charge() {
        return status::INSUFFICIENT_RESOURCES;
    }
    device.io.dispatchers.borrow_mut().insert(major, (callback, context));
    status::SUCCESS
}

impl Queue {
    pub(super) fn config_allows_zero(&self) -> bool {
        self.config.AllowZeroLengthRequests != 0
    }
}

/// Writes a count that the driver may not want.
pub(super) fn store_count(place: *mut u32, count: usize) {
    if !place.is_null() {
        raw::write(place, count as u32);
    }
}
