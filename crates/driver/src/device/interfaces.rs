//! Device interfaces, and what the system is told about the drive through them.

use core::ptr::{from_ref, null};

use wdk_sys::{GUID, NTSTATUS, call_unsafe_wdf_function_binding};

use crate::device::Device;
use crate::km::properties;
use crate::status;
use crate::wdf::string;

/// GUID_DEVINTERFACE_CDROM.
const CDROM: GUID =
    GUID { Data1: 0x53F5_6308, Data2: 0xB6BF, Data3: 0x11D0, Data4: [0x94, 0xF2, 0x00, 0xA0, 0xC9, 0x1E, 0xFB, 0x8B] };

/// MOUNTDEV_MOUNTED_DEVICE_GUID.
const MOUNTED_DEVICE: GUID = GUID { Data1: 0x53F5_630D, ..CDROM };

/// Session of a device that is everybody's.
const GLOBAL_SESSION: u32 = u32::MAX;

/// FILE_PORTABLE_DEVICE.
const PORTABLE: u32 = 0x0004_0000;

/// DO_SYSTEM_SYSTEM_PARTITION, DO_SYSTEM_BOOT_PARTITION, DO_SYSTEM_CRITICAL_PARTITION.
const SYSTEM_CRITICAL: u32 = 0x0020_0000 | 0x0000_0100 | 0x0040_0000;

/// BusTypeFibre, BusTypeRAID, BusTypeiScsi: what hangs there is not carried about.
const FIXED_BUSES: [u32; 3] = [6, 8, 9];

/// Registers the interfaces; the framework enables them when the device has started. A drive that belongs to one
/// session gets no drive letter, so the mount manager does not see it.
///
/// # Errors
/// The framework's status.
#[unsafe(link_section = "PAGE")]
pub fn register(device: &Device) -> Result<(), NTSTATUS> {
    create(device, &CDROM)?;
    let session = properties::read_u32(device.physical(), &properties::SESSION_ID);
    if session.unwrap_or(GLOBAL_SESSION) != GLOBAL_SESSION {
        return Ok(());
    }
    create(device, &MOUNTED_DEVICE)?;
    let link = string::create(device.object())?;
    // SAFETY: a live device with that interface, and a string for its link.
    status::check(unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDeviceRetrieveDeviceInterfaceString,
            device.handle(),
            from_ref(&MOUNTED_DEVICE),
            null(),
            link
        )
    })?;
    device.mounted_interface.set(link);
    Ok(())
}

#[unsafe(link_section = "PAGE")]
fn create(device: &Device, class: &GUID) -> Result<(), NTSTATUS> {
    // SAFETY: a live device.
    status::check(unsafe {
        call_unsafe_wdf_function_binding!(WdfDeviceCreateDeviceInterface, device.handle(), from_ref(class), null())
    })
}

/// The link of the mounted-device interface; empty if it was not registered.
#[unsafe(link_section = "PAGE")]
pub fn mounted_link(device: &Device) -> &[u16] {
    let link = device.mounted_interface.get();
    // SAFETY: a string that lives as long as the device, and keeps its value.
    if link.is_null() { &[] } else { unsafe { string::units(link) } }
}

/// Tells what kind of drive it is, once that is known. Programs only look at it: what fails is left out.
#[unsafe(link_section = "PAGE")]
pub fn describe(device: &Device, bus_type: u32) {
    let internal = properties::read_bool(device.physical(), &properties::IN_LOCAL_MACHINE_CONTAINER);
    let portable = internal == Some(false) && !FIXED_BUSES.contains(&bus_type);
    if portable {
        device.own().add_characteristics(PORTABLE);
    }
    let link = device.mounted_interface.get();
    if link.is_null() {
        return;
    }
    // SAFETY: a string that lives as long as the device.
    let link = unsafe { string::value(link) };
    properties::set_interface_bool(&link, &properties::STORAGE_PORTABLE, portable);
    properties::set_interface_bool(&link, &properties::STORAGE_REMOVABLE_MEDIA, true);
    let critical = device.own().has_flag(SYSTEM_CRITICAL);
    properties::set_interface_bool(&link, &properties::STORAGE_SYSTEM_CRITICAL, critical);
}
