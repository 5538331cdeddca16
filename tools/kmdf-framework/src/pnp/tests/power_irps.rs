//! Power IRPs, special files, idle.

use nt_kernel::layout::{DEVICE_OBJECT, DO_POWER_PAGABLE};
use nt_kernel::{get, io, put};
use nt_machine::findings::Rule;

use super::*;
use crate::status;

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
fn idle_functions_are_for_the_power_policy_owner() {
    assert_clean(&world(|| {
        let device = device(false);
        let stopped: i32 = wdf!(WdfDeviceStopIdleNoTrack, device, 0_u8);
        assert_eq!(stopped, status::INVALID_DEVICE_STATE);
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
    }));
}

#[test]
fn the_host_sets_the_device_state_through_its_power_policy_owner() {
    assert_clean(&world(|| {
        let follower = device(false);
        let wdm: *mut DEVICE_OBJECT = wdf!(WdfDeviceWdmGetDeviceObject, follower);
        assert!(super::super::policy_owner(wdm).is_none());
        assert_eq!(pnp(follower, REMOVE), status::SUCCESS);
    }));
    assert_clean(&world(|| {
        let device = device(true);
        let wdm: *mut DEVICE_OBJECT = wdf!(WdfDeviceWdmGetDeviceObject, device);
        assert_eq!(pnp(device, START), status::SUCCESS);
        let owner = super::super::policy_owner(wdm).expect("the driver owns the policy");
        let _ = taken();
        super::super::request_power(&owner, 3, 0);
        assert_eq!(taken(), ["Suspend", "D0ExitPre(3)", "D0Exit(3)", "bus 16/2"]);
        super::super::request_power(&owner, 1, 0);
        assert_eq!(taken(), ["bus 16/2", "D0Entry(3)", "D0EntryPost(3)", "Restart"]);
        drop(owner);
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
    }));
}
