//! PnP and power through IRPs: a client with every callback over a bus that notes what reaches it.

use std::cell::{Cell, RefCell};

use nt_kernel::layout::{DEVICE_OBJECT, DO_POWER_PAGABLE, IRP};
use nt_kernel::{get, io, put};
use nt_machine::findings::Rule;
use nt_machine::time::{self, SECOND};
use nt_machine::{irql, threads};

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

unsafe extern "win64" fn prepare(_: Handle, raw: Handle, translated: Handle) -> i32 {
    for list in [raw, translated] {
        let count: u32 = wdf!(WdfCmResourceListGetCount, list);
        assert_eq!(count, 0);
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

#[test]
fn start_and_removal_call_back_in_order_around_the_lower_driver() {
    assert_clean(&world(|| {
        let device = device(false);
        assert_eq!(pnp(device, START), status::SUCCESS);
        assert_eq!(taken(), ["bus 1b/0", "Prepare", "D0Entry(5)", "D0EntryPost(5)", "Init"]);
        assert_eq!(pnp(device, QUERY_REMOVE), status::SUCCESS);
        assert_eq!(taken(), ["QueryRemove", "bus 1b/1"]);
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
        let removal = [
            "Suspend",
            "D0ExitPre(5)",
            "D0Exit(5)",
            "Release",
            "Flush",
            "Cleanup",
            "EvtCleanup",
            "bus 1b/2",
            "EvtDestroy",
        ];
        assert_eq!(taken(), removal);
    }));
}

#[test]
fn surprise_removal_works_off_first_and_tells_the_lower_driver_then() {
    assert_clean(&world(|| {
        let device = device(false);
        assert_eq!(pnp(device, START), status::SUCCESS);
        let _ = taken();
        assert_eq!(pnp(device, SURPRISE), status::SUCCESS);
        let surprise = ["SurpriseRemoval", "Suspend", "D0ExitPre(5)", "D0Exit(5)", "Release", "Flush", "bus 1b/17"];
        assert_eq!(taken(), surprise);
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
        assert_eq!(taken(), ["Cleanup", "EvtCleanup", "bus 1b/2", "EvtDestroy"]);
    }));
}

#[test]
fn a_start_that_the_lower_driver_fails_calls_nothing() {
    assert_clean(&world(|| {
        let device = device(false);
        BUS_FAILS.set(START);
        assert_eq!(pnp(device, START), status::IO_DEVICE_ERROR);
        assert_eq!(taken(), ["bus 1b/0"]);
        BUS_FAILS.set(0xFF);
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
        assert_eq!(taken(), ["EvtCleanup", "bus 1b/2", "EvtDestroy"]);
    }));
}

#[test]
fn a_failed_start_is_reported_in_the_device_state() {
    assert_clean(&world(|| {
        let device = device(false);
        FAILS.set(("D0Entry", status::NO_MEMORY));
        assert_eq!(pnp(device, START), status::DEVICE_POWER_FAILURE);
        assert_eq!(taken(), ["bus 1b/0", "Prepare", "D0Entry(5)", "Release"]);
        assert_eq!(pnp_with(device, DEVICE_STATE, |_| {}), (status::SUCCESS, 4));
        let _ = taken();
        assert_eq!(pnp(device, SURPRISE), status::SUCCESS);
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
        assert_eq!(taken(), ["SurpriseRemoval", "bus 1b/17", "EvtCleanup", "bus 1b/2", "EvtDestroy"]);
    }));
}

#[test]
fn a_rebalance_stops_and_restarts() {
    assert_clean(&world(|| {
        let device = device(false);
        assert_eq!(pnp(device, START), status::SUCCESS);
        assert_eq!(pnp(device, QUERY_STOP), status::SUCCESS);
        let _ = taken();
        assert_eq!(pnp(device, STOP), status::SUCCESS);
        assert_eq!(taken(), ["Suspend", "D0ExitPre(5)", "D0Exit(5)", "Release", "bus 1b/4"]);
        assert_eq!(pnp(device, START), status::SUCCESS);
        assert_eq!(taken(), ["bus 1b/0", "Prepare", "D0Entry(5)", "D0EntryPost(5)", "Restart"]);
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
    }));
}

#[test]
fn a_veto_completes_the_query_without_the_lower_driver() {
    assert_clean(&world(|| {
        let device = device(false);
        assert_eq!(pnp(device, START), status::SUCCESS);
        let _ = taken();
        FAILS.set(("QueryRemove", status::DEVICE_BUSY));
        assert_eq!(pnp(device, QUERY_REMOVE), status::DEVICE_BUSY);
        assert_eq!(taken(), ["QueryRemove"]);
        let () = wdf!(WdfDeviceSetStaticStopRemove, device, 0_u8);
        assert_eq!(pnp(device, QUERY_STOP), status::INVALID_DEVICE_STATE);
        assert!(taken().is_empty());
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
    }));
}

#[test]
fn a_driver_without_power_policy_follows_device_power_irps_of_others() {
    assert_clean(&world(|| {
        let device = device(false);
        assert_eq!(pnp(device, START), status::SUCCESS);
        let _ = taken();
        assert_eq!(power(device, SYSTEM, 4, 2), status::SUCCESS);
        assert_eq!(taken(), ["bus 16/2"]);
        assert_eq!(power(device, DEVICE, 4, 2), status::SUCCESS);
        assert_eq!(taken(), ["Suspend", "D0ExitPre(4)", "D0Exit(4)", "bus 16/2"]);
        assert_eq!(power(device, DEVICE, 1, 0), status::SUCCESS);
        assert_eq!(taken(), ["bus 16/2", "D0Entry(4)", "D0EntryPost(4)", "Restart"]);
        assert_eq!(power(device, DEVICE, 4, 6), status::SUCCESS);
        assert_eq!(taken(), ["Suspend", "D0ExitPre(5)", "D0Exit(5)", "bus 16/2"]);
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
        assert_eq!(taken()[0], "Release");
    }));
}

#[test]
fn the_power_policy_owner_turns_system_states_into_device_states() {
    assert_clean(&world(|| {
        let device = device(true);
        assert_eq!(pnp(device, START), status::SUCCESS);
        assert_eq!(taken(), ["bus 1b/0", "Prepare", "bus 1b/9", "D0Entry(5)", "D0EntryPost(5)", "Init"]);
        assert_eq!(power(device, SYSTEM, 4, 2), status::SUCCESS);
        assert_eq!(taken(), ["Suspend", "D0ExitPre(4)", "D0Exit(4)", "bus 16/2", "bus 16/2"]);
        assert_eq!(power(device, SYSTEM, 1, 0), status::SUCCESS);
        settle();
        assert_eq!(taken(), ["bus 16/2", "bus 16/2", "D0Entry(4)", "D0EntryPost(4)", "Restart"]);
        assert_eq!(power(device, SYSTEM, 4, 2), status::SUCCESS);
        let _ = taken();
        // A sleeping device of the owner is woken before it is asked.
        assert_eq!(pnp(device, QUERY_REMOVE), status::SUCCESS);
        assert_eq!(taken(), ["bus 16/2", "D0Entry(4)", "D0EntryPost(4)", "Restart", "QueryRemove", "bus 1b/1"]);
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
    }));
}

#[test]
fn a_device_power_irp_that_the_owner_did_not_ask_for_stops_the_run() {
    let finding = fatal(|| {
        let device = device(true);
        assert_eq!(pnp(device, START), status::SUCCESS);
        power(device, DEVICE, 4, 0);
    });
    assert_eq!(finding.rule, Rule::BugCheck);
}

#[test]
fn two_state_changing_irps_at_once_stop_the_run() {
    let finding = fatal(|| {
        let device = device(false);
        BUS_PENDS.set(START);
        threads::spawn("first", irql::PASSIVE, Box::new(move || _ = pnp(device, START)));
        threads::block("the first", Some(time::now() + SECOND), &|| false);
        pnp(device, START);
    });
    assert_eq!(finding.rule, Rule::BugCheck);
}

#[test]
fn a_stop_without_a_query_is_a_finding() {
    let findings = world(|| {
        let device = device(false);
        assert_eq!(pnp(device, START), status::SUCCESS);
        pnp(device, STOP);
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
    });
    assert_eq!(rules(&findings), [Rule::PnpOrder]);
}

#[test]
fn an_answer_that_is_not_final_is_a_finding() {
    let findings = world(|| {
        let device = device(false);
        FAILS.set(("Prepare", status::PENDING));
        pnp(device, START);
        FAILS.set(("QueryRemove", status::NOT_SUPPORTED));
        pnp(device, QUERY_REMOVE);
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
    });
    assert_eq!(rules(&findings), [Rule::PnpOrder, Rule::PnpOrder]);
}

fn usage_irp(device: Handle, kind: u32, entering: bool) -> i32 {
    let fill = |irp| {
        let next = io::next(irp);
        put!(next, Parameters.UsageNotification.Type, kind);
        put!(next, Parameters.UsageNotification.InPath, u8::from(entering));
    };
    pnp_with(device, USAGE, fill).0
}

#[test]
fn special_files_are_counted_and_keep_the_device() {
    assert_clean(&world(|| {
        let device = device(false);
        let wdm: *mut DEVICE_OBJECT = wdf!(WdfDeviceWdmGetDeviceObject, device);
        assert_eq!(pnp(device, START), status::SUCCESS);
        let _ = taken();
        assert_eq!(usage_irp(device, 2, true), status::NOT_IMPLEMENTED);
        assert!(taken().is_empty());
        let () = wdf!(WdfDeviceSetSpecialFileSupport, device, 2_u32, 1_u8);
        assert_eq!(usage_irp(device, 2, true), status::SUCCESS);
        assert_eq!(taken(), ["bus 1b/16", "Entering(2)"]);
        assert_eq!(get!(wdm, Flags) & DO_POWER_PAGABLE, 0);
        assert_eq!(pnp(device, QUERY_REMOVE), status::DEVICE_NOT_READY);
        assert_eq!(pnp_with(device, DEVICE_STATE, |_| {}), (status::SUCCESS, 0x20));
        assert_eq!(power(device, DEVICE, 4, 3), status::SUCCESS);
        assert!(taken().contains(&"D0Exit(6)".to_owned()));
        assert_eq!(power(device, DEVICE, 1, 0), status::SUCCESS);
        let _ = taken();
        assert_eq!(usage_irp(device, 2, false), status::SUCCESS);
        assert_eq!(taken(), ["bus 1b/16", "Leaving(2)"]);
        assert_ne!(get!(wdm, Flags) & DO_POWER_PAGABLE, 0);
        FAILS.set(("Entering", status::UNSUCCESSFUL));
        assert_eq!(usage_irp(device, 2, true), status::UNSUCCESSFUL);
        assert_eq!(taken(), ["bus 1b/16", "Entering(2)", "bus 1b/16"]);
        FAILS.set(("", 0));
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
    }));
}

#[test]
fn capabilities_of_the_driver_are_merged_into_the_answer() {
    assert_clean(&world(|| {
        let device = device(false);
        let wanted = WDF_DEVICE_PNP_CAPABILITIES {
            Size: size_of::<WDF_DEVICE_PNP_CAPABILITIES>() as u32,
            LockSupported: 2,
            EjectSupported: 1,
            Removable: 1,
            DockDevice: 2,
            UniqueID: 2,
            SilentInstall: 2,
            SurpriseRemovalOK: 0,
            HardwareDisabled: 2,
            NoDisplayInUI: 2,
            Address: u32::MAX,
            UINumber: 3,
        };
        let () = wdf!(WdfDeviceSetPnpCapabilities, device, &raw const wanted);
        let mut capabilities = [0_u32; 16];
        capabilities[1] = 1 << 9;
        let place = capabilities.as_mut_ptr();
        let fill = move |irp| put!(io::next(irp), Parameters.Others.Argument1, place.cast());
        assert_eq!(pnp_with(device, CAPABILITIES, fill).0, status::SUCCESS);
        assert_eq!(capabilities[1], 1 << 3 | 1 << 4);
        assert_eq!((capabilities[2], capabilities[3]), (0, 3));
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
    }));
}

#[test]
fn a_device_declared_failed_goes_down_by_itself() {
    assert_clean(&world(|| {
        let device = device(false);
        assert_eq!(pnp(device, START), status::SUCCESS);
        let _ = taken();
        let () = wdf!(WdfDeviceSetFailed, device, 2_i32);
        assert!(taken().is_empty());
        settle();
        assert_eq!(taken(), ["Suspend", "D0ExitPre(5)", "D0Exit(5)", "Release", "Flush"]);
        assert_eq!(pnp_with(device, DEVICE_STATE, |_| {}), (status::SUCCESS, 4));
        assert_eq!(pnp(device, SURPRISE), status::SUCCESS);
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
    }));
}

#[test]
fn idle_functions_are_for_the_power_policy_owner() {
    assert_clean(&world(|| {
        let device = device(false);
        let stopped: i32 = wdf!(WdfDeviceStopIdleNoTrack, device, 0_u8);
        assert_eq!(stopped, status::INVALID_DEVICE_STATE);
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
    }));
}

/// Lets everything run that can.
fn settle() {
    threads::block("the others", Some(time::now() + 1), &|| false);
}
