//! PnP events.

use nt_kernel::{io, put};
use nt_machine::findings::Rule;
use nt_machine::time::{self, SECOND};
use nt_machine::{irql, threads};

use super::*;
use crate::status;

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
fn a_device_that_starts_gets_no_default_queue_any_more() {
    assert_clean(&world(|| {
        let device = device(false);
        CONFIGURES.set(Some(device));
        assert_eq!(pnp(device, START), status::SUCCESS);
        assert_eq!(pnp(device, REMOVE), status::SUCCESS);
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
