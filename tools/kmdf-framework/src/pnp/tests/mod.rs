//! PnP and power through IRPs: a client with every callback over a bus that notes what reaches it.

mod events;
mod power_irps;

use std::cell::{Cell, RefCell};

use nt_kernel::layout::{DEVICE_OBJECT, IRP};
use nt_kernel::{get, io, put};
use nt_machine::threads;
use nt_machine::time::{self};

use crate::objects::Handle;
use crate::status;
use crate::structs::*;
use crate::testing::*;

thread_local! {
    /// Callback that fails, and what it answers.
    static FAILS: Cell<(&'static str, i32)> = const { Cell::new(("", 0)) };
    /// Minor function that the bus fails or pends.
    static BUS_FAILS: Cell<u8> = const { Cell::new(0xFF) };
    static BUS_PENDS: Cell<u8> = const { Cell::new(0xFF) };
    /// A device that tries to get a default queue when it is started.
    static CONFIGURES: Cell<Option<Handle>> = const { Cell::new(None) };
    static PENDED: RefCell<Vec<*mut IRP>> = const { RefCell::new(Vec::new()) };
}

/// Notes a callback; its answer.
fn note(name: &str, argument: Option<u32>) -> i32 {
    let (failing, answer) = FAILS.get();
    log(argument.map_or_else(|| name.to_owned(), |argument| format!("{name}({argument})")));
    if failing == name { answer } else { status::SUCCESS }
}

macro_rules! answering {
    ($($name:ident $text:literal;)*) => { $(unsafe extern "win64" fn $name(_: Handle) -> i32 { note($text, None) })* };
}
macro_rules! telling {
    ($($name:ident $text:literal;)*) => { $(unsafe extern "win64" fn $name(_: Handle) { note($text, None); })* };
}
macro_rules! powering {
    ($($name:ident $text:literal;)*) => {
        $(unsafe extern "win64" fn $name(_: Handle, state: u32) -> i32 { note($text, Some(state)) })*
    };
}
answering! { init "Init"; suspend "Suspend"; restart "Restart"; query_remove "QueryRemove"; query_stop "QueryStop"; }
telling! { cleanup "Cleanup"; flush "Flush"; surprise "SurpriseRemoval"; device_cleanup "EvtCleanup"; device_destroy "EvtDestroy"; }
powering! { d0_entry "D0Entry"; d0_entry_post "D0EntryPost"; d0_exit "D0Exit"; d0_exit_pre "D0ExitPre"; }

unsafe extern "win64" fn default_handler(_: Handle, _: Handle) {}
unsafe extern "win64" fn prepare(_: Handle, raw: Handle, translated: Handle) -> i32 {
    for list in [raw, translated] {
        let count: u32 = wdf!(WdfCmResourceListGetCount, list);
        assert_eq!(count, 0);
    }
    if let Some(device) = CONFIGURES.take() {
        let mut config = queue_config(1);
        config.DefaultQueue = 1;
        config.EvtIoDefault = Some(default_handler);
        assert_eq!(create_queue(device, &config, std::ptr::null()), Err(status::INVALID_DEVICE_STATE));
    }
    note("Prepare", None)
}
unsafe extern "win64" fn release(_: Handle, _: Handle) -> i32 {
    note("Release", None)
}
unsafe extern "win64" fn usage(_: Handle, kind: u32, entering: u8) -> i32 {
    note(if entering == 0 { "Leaving" } else { "Entering" }, Some(kind))
}

fn callbacks() -> WDF_PNPPOWER_EVENT_CALLBACKS {
    WDF_PNPPOWER_EVENT_CALLBACKS {
        Size: size_of::<WDF_PNPPOWER_EVENT_CALLBACKS>() as u32,
        EvtDeviceD0Entry: Some(d0_entry),
        EvtDeviceD0EntryPostInterruptsEnabled: Some(d0_entry_post),
        EvtDeviceD0Exit: Some(d0_exit),
        EvtDeviceD0ExitPreInterruptsDisabled: Some(d0_exit_pre),
        EvtDevicePrepareHardware: Some(prepare),
        EvtDeviceReleaseHardware: Some(release),
        EvtDeviceSelfManagedIoCleanup: Some(cleanup),
        EvtDeviceSelfManagedIoFlush: Some(flush),
        EvtDeviceSelfManagedIoInit: Some(init),
        EvtDeviceSelfManagedIoSuspend: Some(suspend),
        EvtDeviceSelfManagedIoRestart: Some(restart),
        EvtDeviceSurpriseRemoval: Some(surprise),
        EvtDeviceQueryRemove: Some(query_remove),
        EvtDeviceQueryStop: Some(query_stop),
        EvtDeviceUsageNotification: None,
        EvtDeviceRelationsQuery: None,
        EvtDeviceUsageNotificationEx: Some(usage),
    }
}

extern "win64" fn bus(_: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    let location = io::current(irp);
    let (major, minor) = (get!(location, MajorFunction), get!(location, MinorFunction));
    log(format!("bus {major:x}/{minor:x}"));
    if BUS_PENDS.get() == minor {
        io::mark_pending(irp);
        PENDED.with_borrow_mut(|pended| pended.push(irp));
        return status::PENDING;
    }
    let status = if BUS_FAILS.get() == minor { status::IO_DEVICE_ERROR } else { status::SUCCESS };
    put!(irp, IoStatus.Status, status);
    io::complete(irp, 0);
    status
}

/// A device of a driver that owns the power policy of its stack, or does not.
fn device(policy_owner: bool) -> Handle {
    FAILS.set(("", 0));
    BUS_FAILS.set(0xFF);
    BUS_PENDS.set(0xFF);
    let configure = move |init| {
        let callbacks = callbacks();
        let () = wdf!(WdfDeviceInitSetPnpPowerEventCallbacks, init, &raw const callbacks);
        let () = wdf!(WdfDeviceInitSetPowerPolicyOwnership, init, u8::from(policy_owner));
    };
    let device = device_with_attributes(configure, |attributes| {
        attributes.EvtCleanupCallback = Some(device_cleanup);
        attributes.EvtDestroyCallback = Some(device_destroy);
    });
    let pdo: *mut DEVICE_OBJECT = wdf!(WdfDeviceWdmGetPhysicalDevice, device);
    put!(get!(pdo, DriverObject), MajorFunction, [Some(bus as _); 28]);
    let _ = taken();
    device
}

fn device_with_attributes(
    configure: impl Fn(crate::device::init::InitHandle) + 'static,
    change: fn(&mut WDF_OBJECT_ATTRIBUTES),
) -> Handle {
    thread_local! { static MADE: Cell<Handle> = const { Cell::new(Handle::NULL) }; }
    driver();
    let (status, _) = add_device(move |init| {
        configure(init);
        let mut attributes = attributes();
        change(&mut attributes);
        MADE.set(create_device(init, &raw const attributes).expect("a device"));
        status::SUCCESS
    });
    assert_eq!(status, status::SUCCESS);
    MADE.get()
}

/// Sends a PnP IRP and waits for its status.
fn pnp(device: Handle, minor: u8) -> i32 {
    pnp_with(device, minor, |_| {}).0
}

fn pnp_with(device: Handle, minor: u8, fill: impl FnOnce(*mut IRP)) -> (i32, usize) {
    wait(send(device, 0x1B, |irp| {
        put!(irp, IoStatus.Status, status::NOT_SUPPORTED);
        put!(io::next(irp), MinorFunction, minor);
        fill(irp);
    }))
}

fn wait(sent: Sent) -> (i32, usize) {
    threads::block("the IRP", None, &|| sent.outcome().is_some());
    sent.outcome().expect("it is done")
}

fn power_irp(device: Handle, kind: u32, state: u32, action: u32) -> Sent {
    send(device, 0x16, |irp| {
        put!(irp, IoStatus.Status, status::NOT_SUPPORTED);
        let next = io::next(irp);
        put!(next, MinorFunction, 2);
        put!(next, Parameters.Power.Type, kind);
        put!(next, Parameters.Power.State, state);
        put!(next, Parameters.Power.ShutdownType, action);
    })
}

fn power(device: Handle, kind: u32, state: u32, action: u32) -> i32 {
    wait(power_irp(device, kind, state, action)).0
}

const START: u8 = 0;
const QUERY_REMOVE: u8 = 1;
const REMOVE: u8 = 2;
const STOP: u8 = 4;
const QUERY_STOP: u8 = 5;
const CAPABILITIES: u8 = 9;
const DEVICE_STATE: u8 = 0x14;
const USAGE: u8 = 0x16;
const SURPRISE: u8 = 0x17;
const SYSTEM: u32 = 0;
const DEVICE: u32 = 1;

/// Lets everything run that can.
fn settle() {
    threads::block("the others", Some(time::now() + 1), &|| false);
}
