//! Time and the current level.

use ioctl_dispatch::request::Irql;
use ioctl_dispatch::time::Ticks;
use wdk_sys::ntddk::{KeGetCurrentIrql, KeQuerySystemTimePrecise, KeQueryUnbiasedInterruptTime};
use wdk_sys::{APC_LEVEL, LARGE_INTEGER, PASSIVE_LEVEL};

/// Time since the system came up, without what it slept.
pub fn now() -> Ticks {
    // SAFETY: callable at any level.
    Ticks(unsafe { KeQueryUnbiasedInterruptTime() })
}

/// The system's time: since 1601.
pub fn system_time() -> i64 {
    let mut time = LARGE_INTEGER { QuadPart: 0 };
    // SAFETY: callable at any level; a place for the time.
    unsafe { KeQuerySystemTimePrecise(&raw mut time) };
    // SAFETY: any bytes are a number.
    unsafe { time.QuadPart }
}

/// The current level, as far as decisions depend on it.
pub fn irql() -> Irql {
    // SAFETY: callable at any level.
    match u32::from(unsafe { KeGetCurrentIrql() }) {
        PASSIVE_LEVEL => Irql::Passive,
        APC_LEVEL => Irql::Apc,
        _ => Irql::Dispatch,
    }
}
