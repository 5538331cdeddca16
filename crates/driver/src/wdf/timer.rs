//! The periodic timer.

use core::ptr::null_mut;

use ioctl_dispatch::time::Ticks;
use wdk_sys::{NTSTATUS, PFN_WDF_TIMER, WDF_TIMER_CONFIG, WDFOBJECT, WDFTIMER, call_unsafe_wdf_function_binding};

use crate::status;
use crate::wdf::object::{child_of, size_field};

/// Time in milliseconds by which a tick may be late, so that it can share a wake-up with others.
const TOLERABLE_DELAY_MS: u32 = 500;

/// Makes a timer that calls `tick` at DISPATCH_LEVEL each `period`, once it is started.
///
/// # Errors
/// The framework's status.
pub fn create(parent: WDFOBJECT, period: Ticks, tick: PFN_WDF_TIMER) -> Result<WDFTIMER, NTSTATUS> {
    let mut config = WDF_TIMER_CONFIG {
        Size: size_field::<WDF_TIMER_CONFIG>(),
        EvtTimerFunc: tick,
        Period: u32::try_from(period.as_milliseconds()).unwrap_or(1000),
        AutomaticSerialization: 0,
        TolerableDelay: TOLERABLE_DELAY_MS,
        ..WDF_TIMER_CONFIG::default()
    };
    let mut attributes = child_of(parent);
    let mut timer: WDFTIMER = null_mut();
    // SAFETY: a live parent.
    status::check(unsafe {
        call_unsafe_wdf_function_binding!(WdfTimerCreate, &raw mut config, &raw mut attributes, &raw mut timer)
    })?;
    Ok(timer)
}

/// Starts it: the first tick comes after `first`.
///
/// # Safety
/// A live timer.
pub unsafe fn start(timer: WDFTIMER, first: Ticks) {
    let due = i64::try_from(first.0).unwrap_or(i64::MAX).wrapping_neg();
    // SAFETY: as the caller promises; a relative time. Whether it was running already is of no interest.
    let _ = unsafe { call_unsafe_wdf_function_binding!(WdfTimerStart, timer, due) };
}

/// Stops it and waits until no tick runs any more. PASSIVE_LEVEL.
///
/// # Safety
/// A live timer; this is not called from its tick.
pub unsafe fn stop(timer: WDFTIMER) {
    // SAFETY: as the caller promises.
    let _ = unsafe { call_unsafe_wdf_function_binding!(WdfTimerStop, timer, 1) };
}

/// The object that the timer belongs to.
///
/// # Safety
/// A live timer.
pub unsafe fn parent(timer: WDFTIMER) -> WDFOBJECT {
    // SAFETY: as the caller promises.
    unsafe { call_unsafe_wdf_function_binding!(WdfTimerGetParentObject, timer) }
}
