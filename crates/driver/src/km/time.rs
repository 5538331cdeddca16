//! Time and the current level.

use ioctl_dispatch::request::Irql;
use ioctl_dispatch::time::Ticks;
use wdk_sys::ntddk::{KeGetCurrentIrql, KeQueryUnbiasedInterruptTime};
use wdk_sys::{APC_LEVEL, PASSIVE_LEVEL};

/// Time since the system came up, without what it slept.
pub fn now() -> Ticks {
    // SAFETY: callable at any level.
    Ticks(unsafe { KeQueryUnbiasedInterruptTime() })
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
