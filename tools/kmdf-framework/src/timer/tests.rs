//! Timers, work items and DPCs on the virtual clock.

use std::cell::Cell;

use nt_machine::findings::Rule;
use nt_machine::time::{self, SECOND};
use nt_machine::{irql, threads};

use crate::objects::Handle;
use crate::status;
use crate::structs::*;
use crate::testing::*;

thread_local! {
    static BEGIN: Cell<i64> = const { Cell::new(0) };
    static WORKS: Cell<bool> = const { Cell::new(false) };
}

unsafe extern "win64" fn tick(timer: Handle) {
    log(format!("tick {} at IRQL {}", (time::now() - BEGIN.get()) / SECOND, irql::current()));
    if WORKS.get() && irql::current() == irql::PASSIVE {
        threads::block("the callback's work", Some(time::now() + 5 * SECOND), &|| false);
        log("worked");
    }
    let _: Handle = wdf!(WdfTimerGetParentObject, timer);
}

fn config(period: u32) -> WDF_TIMER_CONFIG {
    WDF_TIMER_CONFIG {
        Size: size_of::<WDF_TIMER_CONFIG>() as u32,
        EvtTimerFunc: Some(tick),
        Period: period,
        AutomaticSerialization: 1,
        TolerableDelay: 0,
        FillTolerableDelay: 0,
        UseHighResolutionTimer: 0,
    }
}

fn timer_with(parent: Handle, level: u32, config: &WDF_TIMER_CONFIG) -> Result<Handle, i32> {
    let attributes = WDF_OBJECT_ATTRIBUTES { ParentObject: parent, ExecutionLevel: level, ..attributes() };
    let mut timer = Handle::NULL;
    let status: i32 = wdf!(WdfTimerCreate, std::ptr::from_ref(config), &raw const attributes, &raw mut timer);
    BEGIN.set(time::now());
    WORKS.set(false);
    if status::ok(status) { Ok(timer) } else { Err(status) }
}

fn start(timer: Handle, due: i64) -> u8 {
    wdf!(WdfTimerStart, timer, due)
}

fn stop(timer: Handle, wait: u8) -> u8 {
    wdf!(WdfTimerStop, timer, wait)
}

fn sleep(seconds: i64) {
    threads::block("the test", Some(time::now() + seconds * SECOND), &|| false);
}

const INHERIT: u32 = 1;
const PASSIVE: u32 = 2;

#[test]
fn creation_is_checked() {
    assert_clean(&world(|| {
        let device = device_with(|_| {}, |_| {});
        let driver: Handle = wdf!(WdfDeviceGetDriver, device);
        assert_eq!(timer_with(Handle::NULL, INHERIT, &config(0)), Err(status::WDF_PARENT_NOT_SPECIFIED));
        assert_eq!(timer_with(driver, INHERIT, &config(0)), Err(status::INVALID_DEVICE_REQUEST));
        assert_eq!(timer_with(device, PASSIVE, &config(10)), Err(status::NOT_SUPPORTED));
        assert_eq!(timer_with(device, INHERIT, &config(0x8000_0000)), Err(status::INVALID_PARAMETER));
        let wrong = WDF_TIMER_CONFIG { Size: 20, ..config(0) };
        assert_eq!(timer_with(device, INHERIT, &wrong), Err(status::INFO_LENGTH_MISMATCH));
    }));
}

#[test]
fn a_timer_runs_at_dispatch_level_when_due_and_can_be_moved() {
    assert_clean(&world(|| {
        let device = device_with(|_| {}, |_| {});
        let timer = timer_with(device, INHERIT, &config(0)).unwrap();
        assert_eq!(start(timer, -9 * SECOND), 0);
        assert_eq!(start(timer, -2 * SECOND), 1);
        sleep(20);
        assert_eq!(taken(), ["tick 2 at IRQL 2"]);
        assert_eq!(stop(timer, 0), 0);
        start(timer, -SECOND);
        assert_eq!(stop(timer, 0), 1);
        sleep(5);
        assert!(taken().is_empty());
    }));
}

#[test]
fn a_periodic_timer_goes_on_until_stopped() {
    assert_clean(&world(|| {
        let device = device_with(|_| {}, |_| {});
        let timer = timer_with(device, INHERIT, &config(3000)).unwrap();
        start(timer, -SECOND);
        sleep(8);
        assert_eq!(stop(timer, 1), 1);
        sleep(8);
        assert_eq!(taken(), ["tick 1 at IRQL 2", "tick 4 at IRQL 2", "tick 7 at IRQL 2"]);
    }));
}

#[test]
fn stopping_with_a_wait_waits_for_the_callback_and_deletion_too() {
    assert_clean(&world(|| {
        let device = device_with(|_| {}, |_| {});
        let timer = timer_with(device, PASSIVE, &config(0)).unwrap();
        WORKS.set(true);
        start(timer, -SECOND);
        sleep(2);
        assert_eq!(stop(timer, 1), 0);
        assert_eq!(taken(), ["tick 1 at IRQL 0", "worked"]);
        start(timer, -SECOND);
        sleep(2);
        let () = wdf!(WdfObjectDelete, timer);
        assert_eq!(taken()[1], "worked");
    }));
}

#[test]
fn nothing_runs_after_a_stop_with_a_wait_even_when_it_came_at_the_due_time() {
    worlds(|| {
        let device = device_with(|_| {}, |_| {});
        for level in [INHERIT, PASSIVE] {
            let timer = timer_with(device, level, &config(0)).unwrap();
            start(timer, -SECOND);
            sleep(1);
            stop(timer, 1);
            let ticks = taken();
            sleep(1);
            assert!(taken().is_empty(), "after {ticks:?}");
            start(timer, -SECOND);
            sleep(1);
            let () = wdf!(WdfObjectDelete, timer);
            let _ = taken();
            sleep(1);
            assert!(taken().is_empty());
        }
    });
}

thread_local! { static STOPS: Cell<Handle> = const { Cell::new(Handle::NULL) }; }

unsafe extern "win64" fn stops_itself(timer: Handle) {
    assert_eq!(stop(timer, 1), 0);
}

#[test]
fn waiting_for_itself_is_a_finding() {
    let findings = world(|| {
        let device = device_with(|_| {}, |_| {});
        let config = WDF_TIMER_CONFIG { EvtTimerFunc: Some(stops_itself), ..config(0) };
        let timer = timer_with(device, PASSIVE, &config).unwrap();
        STOPS.set(timer);
        start(timer, -SECOND);
        sleep(2);
    });
    assert_eq!(rules(&findings), [Rule::BadArgument]);
}

unsafe extern "win64" fn work(item: Handle) {
    log(format!("work at IRQL {}", irql::current()));
    if WORKS.replace(false) {
        let () = wdf!(WdfWorkItemEnqueue, item);
    }
}

#[test]
fn a_work_item_runs_once_for_each_enqueue_that_found_it_idle_or_running() {
    assert_clean(&world(|| {
        let device = device_with(|_| {}, |_| {});
        let attributes = WDF_OBJECT_ATTRIBUTES { ParentObject: device, ..attributes() };
        let mut config = WDF_WORKITEM_CONFIG {
            Size: size_of::<WDF_WORKITEM_CONFIG>() as u32,
            EvtWorkItemFunc: None,
            AutomaticSerialization: 1,
        };
        let mut item = Handle::NULL;
        let mut create = |config: &WDF_WORKITEM_CONFIG| -> i32 {
            wdf!(WdfWorkItemCreate, std::ptr::from_ref(config), &raw const attributes, &raw mut item)
        };
        assert_eq!(create(&config), status::INVALID_PARAMETER);
        config.EvtWorkItemFunc = Some(work);
        assert_eq!(create(&config), status::SUCCESS);
        WORKS.set(true);
        let () = wdf!(WdfWorkItemEnqueue, item);
        let () = wdf!(WdfWorkItemEnqueue, item);
        let () = wdf!(WdfWorkItemFlush, item);
        assert_eq!(taken(), ["work at IRQL 0", "work at IRQL 0"]);
    }));
}

unsafe extern "win64" fn deferred(_: Handle) {
    log(format!("deferred at IRQL {}", irql::current()));
}

#[test]
fn a_dpc_is_queued_once_and_can_be_cancelled() {
    assert_clean(&world(|| {
        let device = device_with(|_| {}, |_| {});
        let attributes = WDF_OBJECT_ATTRIBUTES { ParentObject: device, ..attributes() };
        let config = WDF_DPC_CONFIG {
            Size: size_of::<WDF_DPC_CONFIG>() as u32,
            EvtDpcFunc: Some(deferred),
            AutomaticSerialization: 1,
        };
        let mut dpc = Handle::NULL;
        let status: i32 = wdf!(WdfDpcCreate, &raw const config, &raw const attributes, &raw mut dpc);
        assert_eq!(status, status::SUCCESS);
        let old = irql::raise(irql::DISPATCH);
        let queued: [u8; 2] = [wdf!(WdfDpcEnqueue, dpc), wdf!(WdfDpcEnqueue, dpc)];
        assert_eq!(queued, [1, 0]);
        let cancelled: u8 = wdf!(WdfDpcCancel, dpc, 0_u8);
        assert_eq!(cancelled, 1);
        irql::lower(old);
        sleep(1);
        assert!(taken().is_empty());
        let _: u8 = wdf!(WdfDpcEnqueue, dpc);
        sleep(1);
        assert_eq!(taken(), ["deferred at IRQL 2"]);
    }));
}
