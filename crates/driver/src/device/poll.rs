//! The timer of media-change polls.

use ioctl_dispatch::ops::poll::FIRST_POLL;
use wdk_sys::{NTSTATUS, WDFTIMER};

use crate::device::Device;
use crate::wdf::timer;

/// Makes the timer and starts it, if the drive is to be polled.
///
/// # Errors
/// The framework's status.
pub fn start(device: &Device) -> Result<(), NTSTATUS> {
    let Some(period) = device.core.with(|dispatcher| dispatcher.device.poll_period()).flatten() else {
        return Ok(());
    };
    let handle = timer::create(device.object(), period, Some(tick))?;
    device.poll_timer.set(handle);
    // SAFETY: made above.
    unsafe { timer::start(handle, FIRST_POLL) };
    Ok(())
}

/// The drive has come back to D0: polls go on, if it is polled and has been started.
pub fn resume(device: &Device) {
    let handle = device.poll_timer.get();
    if !handle.is_null() {
        // SAFETY: it lives as long as the device.
        unsafe { timer::start(handle, FIRST_POLL) };
    }
}

/// Ends polling; no tick runs any more after this. PASSIVE_LEVEL.
pub fn stop(device: &Device) {
    let handle = device.poll_timer.get();
    if !handle.is_null() {
        // SAFETY: it lives as long as the device, and this is not its tick.
        unsafe { timer::stop(handle) };
    }
}

extern "C" fn tick(timer: WDFTIMER) {
    // SAFETY: the framework calls with a live timer.
    let parent = unsafe { timer::parent(timer) };
    // SAFETY: it was made with the device as parent.
    let device = unsafe { Device::of_object(parent) };
    // A poll that is just coming back counts as one that is under way.
    if !device.poll.is_busy() && device.core.with(|dispatcher| dispatcher.device.tick()) == Some(true) {
        device.poll.submit();
    }
}
