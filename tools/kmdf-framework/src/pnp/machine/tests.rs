//! Every row of the table "system event, callbacks in order", and every way in which a start fails.

use std::cell::{Cell, RefCell};

use super::super::step::{Device, Power, Step};
use super::{Event, Machine, Phase};
use crate::status;

const FAILURE: i32 = 0xC000_0001_u32 as i32;

/// A device that notes its steps and fails one of them.
#[derive(Default)]
struct Recording {
    steps: RefCell<Vec<String>>,
    fails: RefCell<Vec<&'static str>>,
    owner: Cell<bool>,
    refusal: Cell<Option<i32>>,
}

impl Device for Recording {
    fn perform(&self, step: Step) -> i32 {
        let name = format!("{step:?}");
        let fails = self.fails.borrow().iter().any(|what| name.starts_with(what));
        self.steps.borrow_mut().push(name);
        if fails { FAILURE } else { 0 }
    }
    fn owns_power_policy(&self) -> bool {
        self.owner.get()
    }
    fn refuses_query(&self) -> Option<i32> {
        self.refusal.get()
    }
    fn out_of_order(&self, text: &str) {
        self.steps.borrow_mut().push(format!("finding: {text}"));
    }
}

/// What is done to the device.
#[derive(Clone, Copy)]
enum Do {
    Pnp(Event),
    Power(Power),
    Failed,
}

const START: &str = "PrepareHardware D0Entry(D3Final) D0EntryPostInterruptsEnabled(D3Final) ResumeQueues SelfManagedIoInit EnableInterfaces";
const RESTART: &str = "PrepareHardware D0Entry(D3Final) D0EntryPostInterruptsEnabled(D3Final) ResumeQueues SelfManagedIoRestart EnableInterfaces";
const DOWN: &str = "SelfManagedIoSuspend HoldQueues D0ExitPreInterruptsDisabled(D3Final) D0Exit(D3Final)";
const SLEEP: &str = "SelfManagedIoSuspend HoldQueues D0ExitPreInterruptsDisabled(D3) D0Exit(D3)";
const WAKE: &str = "D0Entry(D3) D0EntryPostInterruptsEnabled(D3) ResumeQueues SelfManagedIoRestart";
const CLEAN: &str = "DisableInterfaces PurgeManagedQueues SelfManagedIoFlush";
const GONE: &str = "PurgeOtherQueues SelfManagedIoCleanup";

/// (name, what was done before, what is done, the steps of that, the state after it)
type Case = (&'static str, &'static [Do], Do, &'static [&'static str], Phase);

const CASES: &[Case] = &[
    ("first start", &[], Do::Pnp(Event::Start), &[START], Phase::Started),
    ("orderly query", &[Do::Pnp(Event::Start)], Do::Pnp(Event::QueryRemove), &["QueryRemove"], Phase::QueriedRemove),
    (
        "query cancelled",
        &[Do::Pnp(Event::Start), Do::Pnp(Event::QueryRemove)],
        Do::Pnp(Event::CancelRemove),
        &[],
        Phase::Started,
    ),
    (
        "removal after query",
        &[Do::Pnp(Event::Start), Do::Pnp(Event::QueryRemove)],
        Do::Pnp(Event::Remove),
        &[DOWN, "ReleaseHardware", CLEAN, GONE],
        Phase::Removed,
    ),
    (
        "removal without query",
        &[Do::Pnp(Event::Start)],
        Do::Pnp(Event::Remove),
        &[DOWN, "ReleaseHardware", CLEAN, GONE],
        Phase::Removed,
    ),
    (
        "surprise removal while started",
        &[Do::Pnp(Event::Start)],
        Do::Pnp(Event::SurpriseRemoval),
        &["SurpriseRemoval", DOWN, "ReleaseHardware", CLEAN],
        Phase::SurpriseRemoved,
    ),
    (
        "removal after surprise",
        &[Do::Pnp(Event::Start), Do::Pnp(Event::SurpriseRemoval)],
        Do::Pnp(Event::Remove),
        &[GONE],
        Phase::Removed,
    ),
    (
        "surprise removal while stopped",
        &[Do::Pnp(Event::Start), Do::Pnp(Event::QueryStop), Do::Pnp(Event::Stop)],
        Do::Pnp(Event::SurpriseRemoval),
        &["SurpriseRemoval", CLEAN],
        Phase::SurpriseRemoved,
    ),
    (
        "surprise removal in low power",
        &[Do::Pnp(Event::Start), Do::Power(Power::D3)],
        Do::Pnp(Event::SurpriseRemoval),
        &["SurpriseRemoval", "ReleaseHardware", CLEAN],
        Phase::SurpriseRemoved,
    ),
    ("surprise removal before start", &[], Do::Pnp(Event::SurpriseRemoval), &[], Phase::SurpriseRemoved),
    (
        "removal before start",
        &[],
        Do::Pnp(Event::Remove),
        &["DisableInterfaces PurgeManagedQueues PurgeOtherQueues"],
        Phase::Removed,
    ),
    ("rebalance: query", &[Do::Pnp(Event::Start)], Do::Pnp(Event::QueryStop), &["QueryStop"], Phase::QueriedStop),
    (
        "rebalance: stop",
        &[Do::Pnp(Event::Start), Do::Pnp(Event::QueryStop)],
        Do::Pnp(Event::Stop),
        &[DOWN, "ReleaseHardware"],
        Phase::Stopped,
    ),
    (
        "rebalance: start",
        &[Do::Pnp(Event::Start), Do::Pnp(Event::QueryStop), Do::Pnp(Event::Stop)],
        Do::Pnp(Event::Start),
        &[RESTART],
        Phase::Started,
    ),
    (
        "start while started",
        &[Do::Pnp(Event::Start)],
        Do::Pnp(Event::Start),
        &[DOWN, "ReleaseHardware", RESTART],
        Phase::Started,
    ),
    ("sleep", &[Do::Pnp(Event::Start)], Do::Power(Power::D3), &[SLEEP], Phase::Started),
    ("wake", &[Do::Pnp(Event::Start), Do::Power(Power::D3)], Do::Power(Power::D0), &[WAKE], Phase::Started),
    ("deeper sleep", &[Do::Pnp(Event::Start), Do::Power(Power::D2)], Do::Power(Power::D3), &[], Phase::Started),
    ("D0 while in D0", &[Do::Pnp(Event::Start)], Do::Power(Power::D0), &[], Phase::Started),
    (
        "removal in low power repeats no D0Exit",
        &[Do::Pnp(Event::Start), Do::Power(Power::D3)],
        Do::Pnp(Event::Remove),
        &["ReleaseHardware", CLEAN, GONE],
        Phase::Removed,
    ),
    ("shutdown", &[Do::Pnp(Event::Start)], Do::Power(Power::D3Final), &[DOWN], Phase::Started),
    (
        "declared failed",
        &[Do::Pnp(Event::Start)],
        Do::Failed,
        &[DOWN, "ReleaseHardware", CLEAN, "InvalidateState"],
        Phase::Failed,
    ),
    (
        "surprise removal when failed",
        &[Do::Pnp(Event::Start), Do::Failed],
        Do::Pnp(Event::SurpriseRemoval),
        &["SurpriseRemoval"],
        Phase::FailedSurpriseRemoved,
    ),
    (
        "removal when failed",
        &[Do::Pnp(Event::Start), Do::Failed, Do::Pnp(Event::SurpriseRemoval)],
        Do::Pnp(Event::Remove),
        &[GONE],
        Phase::Removed,
    ),
    (
        "stop without a query",
        &[Do::Pnp(Event::Start)],
        Do::Pnp(Event::Stop),
        &["finding: Stop in state Started"],
        Phase::Started,
    ),
];

fn apply(machine: &Machine, device: &Recording, what: Do) -> i32 {
    match what {
        Do::Pnp(event) => {
            if event == Event::SurpriseRemoval {
                machine.announce_surprise_removal(device);
            }
            machine.event(event, device)
        }
        Do::Power(target) => {
            machine.set_power(target, device);
            0
        }
        Do::Failed => {
            machine.set_failed(device);
            0
        }
    }
}

#[test]
fn events_call_back_in_the_order_of_the_table() {
    for (name, before, what, expected, state) in CASES {
        let (machine, device) = (Machine::default(), Recording::default());
        for &step in *before {
            assert_eq!(apply(&machine, &device, step), 0, "{name}");
        }
        device.steps.borrow_mut().clear();
        apply(&machine, &device, *what);
        assert_eq!(device.steps.borrow().join(" "), expected.join(" "), "{name}");
        assert_eq!(machine.phase(), *state, "{name}");
    }
}

/// (the step that fails, what follows it, START's status)
const START_FAILURES: &[(&str, &str, i32)] = &[
    ("PrepareHardware", "ReleaseHardware DisableInterfaces PurgeManagedQueues InvalidateState", FAILURE),
    ("D0Entry(", "ReleaseHardware DisableInterfaces PurgeManagedQueues InvalidateState", status::DEVICE_POWER_FAILURE),
    (
        "D0EntryPost",
        "D0Exit(D3Final) ReleaseHardware DisableInterfaces PurgeManagedQueues InvalidateState",
        status::DEVICE_POWER_FAILURE,
    ),
    (
        "SelfManagedIoInit",
        "HoldQueues D0ExitPreInterruptsDisabled(D3Final) D0Exit(D3Final) ReleaseHardware DisableInterfaces \
         PurgeManagedQueues SelfManagedIoFlush InvalidateState",
        status::DEVICE_POWER_FAILURE,
    ),
];

#[test]
fn a_failed_start_undoes_exactly_what_was_done() {
    for (what, expected, status) in START_FAILURES {
        let (machine, device) = (Machine::default(), Recording::default());
        device.fails.borrow_mut().push(what);
        assert_eq!(machine.event(Event::Start, &device), *status, "{what}");
        let steps = device.steps.borrow().join(" ");
        let after = steps.split_once(what).expect("the step was done").1;
        let after = after.split_once(' ').expect("something follows").1;
        assert_eq!(after, *expected, "{what}");
        assert_eq!(machine.phase(), Phase::Failed);
    }
}

#[test]
fn a_driver_that_started_self_managed_io_is_told_to_clean_it_up_even_when_it_failed() {
    let (machine, device) = (Machine::default(), Recording::default());
    device.fails.borrow_mut().push("SelfManagedIoInit");
    machine.event(Event::Start, &device);
    device.steps.borrow_mut().clear();
    machine.event(Event::Remove, &device);
    assert_eq!(device.steps.borrow().join(" "), GONE);
}

#[test]
fn a_failed_suspend_goes_on_and_fails_the_device_at_the_end() {
    let (machine, device) = (Machine::default(), Recording::default());
    machine.event(Event::Start, &device);
    device.steps.borrow_mut().clear();
    device.fails.borrow_mut().push("SelfManagedIoSuspend");
    machine.set_power(Power::D3, &device);
    assert_eq!(device.steps.borrow().join(" "), format!("{SLEEP} ReleaseHardware {CLEAN} InvalidateState"));
    assert!(machine.failed());
}

#[test]
fn a_failed_wake_powers_down_and_fails_the_device() {
    let (machine, device) = (Machine::default(), Recording::default());
    machine.event(Event::Start, &device);
    machine.set_power(Power::D3, &device);
    device.steps.borrow_mut().clear();
    device.fails.borrow_mut().push("SelfManagedIoRestart");
    machine.set_power(Power::D0, &device);
    let undo = "HoldQueues D0ExitPreInterruptsDisabled(D3Final) D0Exit(D3Final)";
    assert_eq!(device.steps.borrow().join(" "), format!("{WAKE} {undo} ReleaseHardware {CLEAN} InvalidateState"));
}

#[test]
fn a_veto_leaves_the_device_started_and_a_refusal_is_not_put_to_the_driver() {
    let (machine, device) = (Machine::default(), Recording::default());
    machine.event(Event::Start, &device);
    device.steps.borrow_mut().clear();
    device.refusal.set(Some(FAILURE));
    assert_eq!(machine.event(Event::QueryRemove, &device), FAILURE);
    assert!(device.steps.borrow().is_empty());
    device.refusal.set(None);
    device.fails.borrow_mut().push("QueryRemove");
    assert_eq!(machine.event(Event::QueryRemove, &device), FAILURE);
    assert_eq!(machine.phase(), Phase::Started);
}

#[test]
fn the_power_policy_owner_wakes_its_device_before_it_is_asked_and_queries_capabilities() {
    let (machine, device) = (Machine::default(), Recording::default());
    device.owner.set(true);
    machine.event(Event::Start, &device);
    assert!(device.steps.borrow().join(" ").starts_with("PrepareHardware QueryCapabilities D0Entry"));
    machine.set_power(Power::D3, &device);
    device.steps.borrow_mut().clear();
    machine.event(Event::QueryRemove, &device);
    assert_eq!(device.steps.borrow().join(" "), "Wake QueryRemove");
}
