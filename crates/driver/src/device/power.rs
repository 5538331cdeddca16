//! The drive leaves D0 and comes back. It spins up on demand; only polls have to pause.

use wdk_sys::{NTSTATUS, STATUS_SUCCESS, WDF_POWER_DEVICE_STATE, WDFDEVICE};

use crate::device::{Device, poll};

/// Into D0. The first time is before the start, when there is nothing to do yet.
pub extern "C" fn d0_entry(device: WDFDEVICE, _previous: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    // SAFETY: the framework calls with a live device of this driver.
    poll::resume(unsafe { Device::of(device) });
    STATUS_SUCCESS
}

/// Out of D0, to sleep or for good. PASSIVE_LEVEL.
pub extern "C" fn d0_exit(device: WDFDEVICE, _target: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    // SAFETY: the framework calls with a live device of this driver.
    poll::stop(unsafe { Device::of(device) });
    STATUS_SUCCESS
}
