//! The device goes.

use core::sync::atomic::Ordering;

use wdk_sys::{WDFDEVICE, WDFOBJECT};

use crate::device::add::LINK_NAME;
use crate::device::{Device, poll, start};
use crate::io::srb::RELEASE;
use crate::km::links::{self, Name};
use crate::km::properties;
use crate::wdf::object::context;

/// The device was pulled out: from now on failures say so. PASSIVE_LEVEL.
pub extern "C" fn surprise_removal(device: WDFDEVICE) {
    // SAFETY: the framework calls with a live device of this driver.
    let device = unsafe { Device::of(device) };
    device.core.with(|dispatcher| dispatcher.device.surprise_removal());
    poll::stop(device);
}

/// The end of a device whose start was tried. PASSIVE_LEVEL.
pub extern "C" fn self_managed_io_cleanup(device: WDFDEVICE) {
    // SAFETY: the framework calls with a live device of this driver.
    let device = unsafe { Device::of(device) };
    poll::stop(device);
    device.serial_queue().purge();
    device.create_queue().purge();
    device.engine.with(|engine| {
        let gone = device.core.with(|dispatcher| dispatcher.device.surprise_removed).unwrap_or(false);
        if gone {
            // The port drops the claims of a drive that is gone.
            device.is_claimed.store(false, Ordering::Relaxed);
        }
        release(device);
        device.target().close();
        start::undo(device, engine);
    });
    if device.is_counted.swap(false, Ordering::Relaxed) {
        properties::uncount_drive();
    }
}

/// Gives the drive back, if it is claimed. PASSIVE_LEVEL.
fn release(device: &Device) {
    if device.is_claimed.swap(false, Ordering::Relaxed) {
        // SAFETY: the engine is held, or the device is going and nobody has it. What the port says helps nobody.
        let _ = unsafe { device.srbs.call(device.lower(), RELEASE) };
    }
}

/// The device object goes, however far its addition and start have come. Its queues, timers and target are gone
/// already. PASSIVE_LEVEL.
pub extern "C" fn cleanup(object: WDFOBJECT) {
    // SAFETY: the framework calls with a live object.
    let Some(device) = (unsafe { context::<Device>(object) }) else { return };
    if device.handle().is_null() {
        return;
    }
    release(device);
    for work in [&device.poll, &device.restore_speed, &device.soft_eject] {
        work.free();
    }
    device.srbs.free();
    if device.has_link.swap(false, Ordering::Relaxed) {
        links::delete(&Name::numbered(LINK_NAME, device.link_number.load(Ordering::Relaxed)));
    }
}
