//! Exports for events, semaphores, waits, timers, DPCs and spin locks.

use nt_machine::call::Export;
use nt_machine::findings::{self, Rule};
use nt_machine::irql::{self, APC, DISPATCH, HIGH};

use super::{delay, dpc, objects, spin, timer, wait, wait_for};
use crate::exports::{function, function_at};
use crate::layout::{DISPATCHER_HEADER, KEVENT, KSEMAPHORE};
use crate::{get, raw};

extern "win64" fn initialise_event(event: *mut KEVENT, kind: u32, state: u8) {
    objects::event_init(event, kind != 0, state != 0);
}

extern "win64" fn set_event(event: *mut KEVENT, _increment: i32, wait: u8) -> i32 {
    if wait != 0 && irql::current() > APC {
        findings::report(Rule::Irql, "Wait", "TRUE above APC_LEVEL");
    }
    objects::event_set(event)
}

extern "win64" fn clear_event(event: *mut KEVENT) {
    objects::event_clear(event);
}

extern "win64" fn reset_event(event: *mut KEVENT) -> i32 {
    objects::event_reset(event)
}

extern "win64" fn read_state_event(event: *mut KEVENT) -> i32 {
    objects::event_state(event)
}

extern "win64" fn pulse_event(event: *mut KEVENT, _increment: i32, _wait: u8) -> i32 {
    let before = objects::event_set(event);
    objects::event_clear(event);
    before
}

extern "win64" fn read_state_semaphore(semaphore: *mut KSEMAPHORE) -> i32 {
    get!(semaphore, Header.SignalState)
}

extern "win64" fn initialise_semaphore(semaphore: *mut KSEMAPHORE, count: i32, limit: i32) {
    objects::semaphore_init(semaphore, count, limit);
}

extern "win64" fn release_semaphore(semaphore: *mut KSEMAPHORE, _increment: i32, by: i32, _wait: u8) -> i32 {
    objects::semaphore_release(semaphore, by)
}

fn timeout(address: *const i64) -> Option<i64> {
    (!address.is_null()).then(|| raw::read(address))
}

extern "win64" fn wait_for_single_object(
    object: *mut DISPATCHER_HEADER,
    _reason: u32,
    _mode: u8,
    _alertable: u8,
    limit: *const i64,
) -> i32 {
    wait(object, timeout(limit))
}

extern "win64" fn wait_for_multiple_objects(
    count: u32,
    list: *const *mut DISPATCHER_HEADER,
    kind: u32,
    _reason: u32,
    _mode: u8,
    _alertable: u8,
    limit: *const i64,
    blocks: *mut u8,
) -> i32 {
    const MAXIMUM: u32 = 64;
    const WITHOUT_BLOCKS: u32 = 3;
    if count == 0 || count > MAXIMUM || (count > WITHOUT_BLOCKS && blocks.is_null()) {
        findings::fatal(Rule::BadArgument, "Count", format_args!("a wait for {count} objects"));
    }
    let all: Vec<_> = (0..count as usize).map(|place| raw::read(list.wrapping_add(place))).collect();
    // WaitAll is 0, WaitAny 1.
    wait_for(&all, kind == 0, timeout(limit))
}

extern "win64" fn delay_execution_thread(_mode: u8, _alertable: u8, interval: *const i64) -> i32 {
    if irql::current() > APC {
        findings::report(Rule::Wait, "Interval", format_args!("a delay at IRQL {}", irql::current()));
    }
    delay(raw::read(interval))
}

pub(crate) const EXPORTS: &[Export] = &[
    function("KeInitializeEvent", HIGH, initialise_event as *const ()),
    function("KeSetEvent", DISPATCH, set_event as *const ()),
    function("KeClearEvent", DISPATCH, clear_event as *const ()),
    function("KeResetEvent", DISPATCH, reset_event as *const ()),
    function("KeReadStateEvent", DISPATCH, read_state_event as *const ()),
    function("KePulseEvent", DISPATCH, pulse_event as *const ()),
    function("KeReadStateSemaphore", DISPATCH, read_state_semaphore as *const ()),
    function("KeInitializeSemaphore", HIGH, initialise_semaphore as *const ()),
    function("KeReleaseSemaphore", DISPATCH, release_semaphore as *const ()),
    function("KeWaitForSingleObject", DISPATCH, wait_for_single_object as *const ()),
    function("KeWaitForMutexObject", DISPATCH, wait_for_single_object as *const ()),
    function("KeWaitForMultipleObjects", DISPATCH, wait_for_multiple_objects as *const ()),
    function("KeDelayExecutionThread", APC, delay_execution_thread as *const ()),
    function("KeInitializeTimer", DISPATCH, timer::initialise as *const ()),
    function("KeInitializeTimerEx", DISPATCH, timer::initialise_ex as *const ()),
    function("KeSetTimer", DISPATCH, timer::set_timer as *const ()),
    function("KeSetTimerEx", DISPATCH, timer::set_timer_ex as *const ()),
    function("KeSetCoalescableTimer", DISPATCH, timer::set_coalescable_timer as *const ()),
    function("KeCancelTimer", DISPATCH, timer::cancel as *const ()),
    function("KeReadStateTimer", DISPATCH, timer::read_state as *const ()),
    function("KeInitializeDpc", HIGH, dpc::initialise as *const ()),
    function("KeInsertQueueDpc", HIGH, dpc::insert_queue as *const ()),
    function("KeRemoveQueueDpc", HIGH, dpc::remove_queue as *const ()),
    function("KeFlushQueuedDpcs", APC, dpc::flush as *const ()),
    function("KeSetTargetProcessorDpc", HIGH, dpc::set_target_or_importance as *const ()),
    function("KeSetImportanceDpc", HIGH, dpc::set_target_or_importance as *const ()),
    function("KeInitializeSpinLock", HIGH, spin::initialise as *const ()),
    function("KeAcquireSpinLockRaiseToDpc", DISPATCH, spin::acquire_raise as *const ()),
    function_at("KeReleaseSpinLock", DISPATCH, DISPATCH, spin::release_lower as *const ()),
    function("KeAcquireSpinLockAtDpcLevel", HIGH, spin::acquire_at_dpc_level as *const ()),
    function("KeReleaseSpinLockFromDpcLevel", HIGH, spin::release_from_dpc_level as *const ()),
    function("KeTryToAcquireSpinLockAtDpcLevel", HIGH, spin::try_acquire_at_dpc_level as *const ()),
    function("KeTestSpinLock", HIGH, spin::test as *const ()),
    function("KeAcquireInStackQueuedSpinLock", DISPATCH, spin::acquire_queued as *const ()),
    function("KeReleaseInStackQueuedSpinLock", DISPATCH, spin::release_queued as *const ()),
    function("KeAcquireInStackQueuedSpinLockAtDpcLevel", HIGH, spin::acquire_queued_at_dpc_level as *const ()),
    function("KeReleaseInStackQueuedSpinLockFromDpcLevel", HIGH, spin::release_queued_from_dpc_level as *const ()),
];
