//! Each sin of `tools/off-windows/test-drivers` has to be caught: by the right rule, in the right function, at the
//! address of the function that commits it. The same driver without a sin has to pass.

mod support;

use kmdf_host::Injection;
use nt_machine::findings::{Finding, Rule};
use support::run::{Run, run};
use support::sinner;

/// What is asked of the driver.
#[derive(Clone, Copy)]
enum Ask {
    /// Nothing: the sin is in start, removal or unload.
    Nothing,
    /// Device controls with a system buffer, several: memory lies against guard pages in front and behind in turn.
    Controls,
    /// Device controls with a mapped buffer that ends where its page ends.
    Mapped,
    /// A flush.
    Flush,
    /// To sleep, and awake again.
    Sleep,
}

/// A sin, what has to be asked for it to be committed, the rule it breaks, and a word of the finding: the function.
struct Case(&'static str, Ask, Rule, &'static str);

/// Sins of omission, and damage that is only noticed later: there is no call in the sin's own function to blame.
const WITHOUT_PLACE: &[&str] = &[
    "context_behind",
    "context_before",
    "request_never_completed",
    "pending_not_marked",
    "marked_but_not_pending",
    "stopped_and_forgotten",
    "start_completed_early",
    "start_not_waited_for",
    "remove_not_passed_down",
    "remove_refused",
    "power_never_answered",
    "d0_exit_fails",
];

use Ask::{Controls, Flush, Mapped, Nothing, Sleep};
use Rule::{
    BadArgument, BugCheck, CancelRoutine, Crash, DoubleCompletion, Information, Irql, Leak, Lock, Lost, Missing,
    OutOfBounds, PagedAtDispatch, PnpOrder, Stuck, UseAfterFree, Wait,
};

impl Ask {
    fn script(self) -> String {
        let control = r#"{"ioctl": "IOCTL_STORAGE_CHECK_VERIFY", "handle": "A", "out_len": 16}"#;
        let mapped = r#"{"ioctl": "IOCTL_CDROM_RAW_READ", "handle": "A", "out_len": 16, "x_mdl_offset": 4080}"#;
        match self {
            Nothing => String::new(),
            Controls => format!("{{\"open\": \"A\"}}\n{}{{\"close\": \"A\"}}\n", format!("{control}\n").repeat(4)),
            Mapped => format!("{{\"open\": \"A\"}}\n{mapped}\n{mapped}\n{{\"close\": \"A\"}}\n"),
            Flush => "{\"open\": \"A\"}\n{\"flush\": {}, \"handle\": \"A\"}\n{\"close\": \"A\"}\n".into(),
            Sleep => "{\"power\": \"D3\"}\n{\"power\": \"D0\"}\n".into(),
        }
    }
}

const CASES: &[Case] = &[
    Case("pool_read_behind", Controls, OutOfBounds, "EvtIoDeviceControl"),
    Case("pool_read_before", Controls, OutOfBounds, "EvtIoDeviceControl"),
    Case("pool_write_behind", Controls, OutOfBounds, ""),
    Case("pool_write_before", Controls, OutOfBounds, ""),
    Case("request_buffer_behind", Controls, OutOfBounds, "EvtIoDeviceControl"),
    Case("request_buffer_before", Controls, OutOfBounds, "EvtIoDeviceControl"),
    Case("mapping_behind", Mapped, OutOfBounds, "EvtIoDeviceControl"),
    Case("context_behind", Controls, OutOfBounds, ""),
    Case("context_before", Controls, OutOfBounds, ""),
    Case("pool_after_free", Controls, UseAfterFree, "EvtIoDeviceControl"),
    Case("buffer_after_completion", Controls, UseAfterFree, "EvtIoDeviceControl"),
    Case("irp_after_completion", Controls, UseAfterFree, "EvtIoDeviceControl"),
    Case("pool_freed_twice", Nothing, UseAfterFree, "ExFreePoolWithTag"),
    Case("pool_freed_inside", Nothing, BadArgument, "ExFreePoolWithTag"),
    Case("pool_freed_with_other_tag", Nothing, BadArgument, "ExFreePoolWithTag"),
    Case("context_of_deleted", Controls, UseAfterFree, "EvtIoDeviceControl"),
    Case("wait_at_dispatch", Controls, Wait, "KeWaitForSingleObject"),
    Case("framework_above_its_level", Controls, Irql, "WdfStringCreate"),
    Case("kernel_above_its_level", Controls, Irql, "KeFlushQueuedDpcs"),
    Case("kernel_below_its_level", Controls, Irql, "KeAcquireSpinLockAtDpcLevel"),
    Case("returns_raised", Controls, Irql, "EvtIoDeviceControl"),
    Case("paged_pool_at_dispatch", Controls, PagedAtDispatch, "EvtIoDeviceControl"),
    Case("paged_code_at_dispatch", Controls, PagedAtDispatch, "EvtIoDeviceControl"),
    Case("paged_pool_allocated_at_dispatch", Controls, Irql, "ExAllocatePool2"),
    Case("request_never_completed", Controls, Lost, "EvtIoDeviceControl"),
    Case("completed_twice", Controls, DoubleCompletion, "WdfRequestCompleteWithInformation"),
    Case("irp_completed_twice", Flush, DoubleCompletion, "IofCompleteRequest"),
    Case("completed_cancelable", Controls, CancelRoutine, "WdfRequestCompleteWithInformation"),
    Case("irp_completed_with_cancel_routine", Flush, CancelRoutine, "IofCompleteRequest"),
    Case("information_too_big", Controls, Information, "WdfRequestCompleteWithInformation"),
    Case("pending_not_marked", Flush, BadArgument, "IRP_MJ_FLUSH_BUFFERS"),
    Case("completed_with_pending", Flush, BadArgument, "IofCompleteRequest"),
    Case("marked_but_not_pending", Flush, BadArgument, "IRP_MJ_FLUSH_BUFFERS"),
    Case("no_stack_left", Flush, BugCheck, "IofCallDriver"),
    Case("stale_handle", Controls, BugCheck, "WdfRequestWdmGetIrp"),
    Case("sent_and_completed", Flush, DoubleCompletion, "IofCompleteRequest"),
    Case("stopped_and_forgotten", Flush, Lost, "never completed"),
    Case("pool_left", Nothing, Leak, "ExAllocatePool2"),
    Case("mdl_left", Nothing, Leak, "IoAllocateMdl"),
    Case("irp_left", Nothing, Leak, "IoAllocateIrp"),
    Case("object_reference_left", Nothing, Leak, "WdfSpinLockCreate"),
    Case("key_left", Nothing, Leak, "ZwOpenKey"),
    Case("device_reference_left", Nothing, Leak, "IoGetAttachedDeviceReference"),
    Case("file_reference_left", Controls, Leak, "ObfReferenceObject"),
    Case("link_left", Nothing, Leak, "IoCreateSymbolicLink"),
    Case("work_item_left", Nothing, Leak, "IoAllocateWorkItem"),
    Case("pages_left_locked", Nothing, Leak, "IoFreeMdl"),
    Case("request_left", Nothing, Lost, "WdfRequestCreate"),
    Case("spin_lock_not_owned", Nothing, Lock, "KeReleaseSpinLock"),
    Case("wait_lock_not_owned", Nothing, Lock, "WdfWaitLockRelease"),
    Case("spin_lock_held_on_return", Controls, Lock, "EvtIoDeviceControl"),
    Case("wait_lock_held_on_return", Controls, Lock, "EvtIoDeviceControl"),
    Case("spin_lock_taken_twice", Nothing, Lock, "KeAcquireSpinLockRaiseToDpc"),
    Case("mutex_not_owned", Nothing, Lock, "KeReleaseMutex"),
    Case("callback_lock_twice", Controls, BugCheck, "WdfObjectAcquireLock"),
    Case("wait_lock_released_by_other", Nothing, BugCheck, "WdfWaitLockRelease"),
    Case("mutex_released_by_other", Nothing, Lock, "KeReleaseMutex"),
    Case("lock_not_there", Nothing, BugCheck, "WdfObjectAcquireLock"),
    Case("start_completed_early", Nothing, PnpOrder, "START_DEVICE"),
    Case("remove_not_passed_down", Nothing, PnpOrder, "REMOVE_DEVICE"),
    Case("remove_refused", Nothing, PnpOrder, "must not fail"),
    Case("power_never_answered", Sleep, Lost, "never completed"),
    Case("d0_exit_fails", Sleep, PnpOrder, "EvtDeviceD0Exit"),
    Case("start_not_waited_for", Nothing, BadArgument, "START_DEVICE"),
    Case("removal_waits_for_ever", Nothing, Stuck, "KeWaitForSingleObject"),
    Case("timer_freed_armed", Nothing, UseAfterFree, "ExFreePoolWithTag"),
    Case("timer_armed_at_unload", Nothing, Leak, "KeSetTimer"),
    Case("work_item_at_unload", Nothing, Leak, "IoAllocateWorkItem"),
    Case("function_not_there", Nothing, Missing, "HalMakeBeep"),
    Case("stack_overflow", Nothing, Crash, ""),
    Case("fast_fail", Nothing, BugCheck, ""),
    Case("null_dereference", Nothing, Crash, ""),
    Case("waits_for_ever", Controls, Stuck, "KeWaitForSingleObject"),
    Case("bug_check", Nothing, BugCheck, "KeBugCheckEx"),
    Case("code_written", Nothing, Crash, ""),
    Case("wild_call", Nothing, Crash, ""),
    Case("breakpoint", Nothing, BugCheck, ""),
    Case("spins_for_ever", Nothing, Stuck, "KeAcquireSpinLockAtDpcLevel"),
    Case("division_by_zero", Nothing, Crash, ""),
];

/// Seeds of the scheduler.
const SEEDS: [u64; 3] = [0, 1, 77];

fn sinned(sin: &str, ask: Ask, seed: u64) -> support::run::Outcome {
    let script = ask.script();
    run(&Run { seed, registry: vec![format!("Parameters\\Sin={sin}")], ..Run::new(&sinner(), &script) })
}

/// Whether a finding is the expected one: the rule, and in its sentence the function and the place of the sin.
fn is_it(finding: &Finding, Case(sin, _, rule, function): &Case) -> bool {
    let sentence = finding.to_string();
    // The function itself, or one inside it that another thread runs.
    let place = WITHOUT_PLACE.contains(sin)
        || [format!("::{sin}+"), format!("::{sin}::")].iter().any(|at| sentence.contains(at));
    finding.rule == *rule && sentence.contains(function) && place
}

/// What is wrong with how a sin was judged; nothing is right. What comes first has to be of the right rule or in the right place;
/// that it is the right one is not asked of it, since one overrun is seen by the processor and the next when its block is
/// freed.
fn misjudged(case: &Case, seed: u64) -> Option<String> {
    let Case(sin, ask, rule, function) = case;
    let outcome = sinned(sin, *ask, seed);
    let blames = |first: &Finding| first.rule == *rule || first.address.contains(&format!("::{sin}+"));
    let right =
        outcome.findings.first().is_some_and(blames) && outcome.findings.iter().any(|finding| is_it(finding, case));
    let found = if outcome.findings.is_empty() { "  nothing\n".into() } else { outcome.complaints() };
    (!right).then(|| format!("{sin}, seed {seed}: {rule:?} in \"{function}\" expected, found\n{found}"))
}

#[test]
fn every_sin_is_caught_in_its_place() {
    let wrong: Vec<_> = CASES.iter().flat_map(|case| SEEDS.map(|seed| misjudged(case, seed))).flatten().collect();
    assert!(wrong.is_empty(), "{} of {} are misjudged:\n{}", wrong.len(), CASES.len() * SEEDS.len(), wrong.join("\n"));
}

#[test]
fn the_good_driver_passes() {
    for ask in [Nothing, Controls, Mapped, Flush, Sleep] {
        for seed in SEEDS {
            let outcome = sinned("", ask, seed);
            assert!(outcome.findings.is_empty(), "{}seed {seed}\n{}", ask.script(), outcome.complaints());
            assert!(outcome.answers().iter().all(|answer| answer.0 == 0), "{:?}", outcome.answers());
        }
    }
}

#[test]
fn the_good_driver_survives_each_failing_allocation() {
    let script = Controls.script();
    let driver = sinner();
    let plain = run(&Run::new(&driver, &script));
    for (stage, counts) in plain.counts.iter().enumerate() {
        for nth in 1..=counts.allocations {
            let injection = Injection { allocation: Some(nth), ..Injection::default() };
            let outcome = run(&Run { injection: Some((stage, injection)), ..Run::new(&driver, &script) });
            assert!(outcome.findings.is_empty(), "allocation {nth} in stage {stage}\n{}", outcome.complaints());
        }
    }
}

#[test]
fn findings_are_the_same_again() {
    for sin in ["pool_write_behind", "pool_left", "request_never_completed", "wild_call", "stack_overflow"] {
        let findings = || sinned(sin, Controls, 77).complaints();
        assert_eq!(findings(), findings());
    }
}

/// A sin that no case expects would never be noticed when the host stops to see it.
#[test]
fn every_sin_has_its_case() {
    let sins = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../off-windows/test-drivers/src/sins.rs"));
    let sins = sins.expect("the list of sins");
    let list = sins.split("sins! {").last().and_then(|rest| rest.split("\n}").next()).expect("its table");
    let mut names: Vec<_> = list.split([',', ';', ':']).filter_map(|entry| entry.trim().split_once(' ')).collect();
    names.sort();
    let mut names: Vec<_> = names.into_iter().map(|entry| entry.1).collect();
    names.sort();
    let mut cases: Vec<_> = CASES.iter().map(|case| case.0).collect();
    cases.sort();
    assert_eq!(names, cases);
}
