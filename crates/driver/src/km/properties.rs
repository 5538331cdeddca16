//! Device properties, and the system's count of drives.

use core::ptr::{from_mut, from_ref};
use core::sync::atomic::{AtomicU32, Ordering};

use wdk_sys::ntddk::{
    IoGetConfigurationInformation, IoGetDevicePropertyData, IoInvalidateDeviceRelations,
    IoSetDeviceInterfacePropertyData,
};
use wdk_sys::{_DEVICE_RELATION_TYPE, DEVPROPKEY, GUID, NT_SUCCESS, UNICODE_STRING};

use crate::km::device_object::DeviceObject;

/// DEVPROP_TYPE_BOOLEAN.
const TYPE_BOOLEAN: u32 = 0x11;

/// DEVPKEY_Device_SessionId.
pub const SESSION_ID: DEVPROPKEY =
    key(0x83DA_6326, 0x97A6, 0x4088, [0x94, 0x53, 0xA1, 0x92, 0x3F, 0x57, 0x3B, 0x29], 6);
/// DEVPKEY_Device_InLocalMachineContainer.
pub const IN_LOCAL_MACHINE_CONTAINER: DEVPROPKEY =
    key(0x8C7E_D206, 0x3F8A, 0x4827, [0xB3, 0xAB, 0xAE, 0x9E, 0x1F, 0xAE, 0xFC, 0x6C], 4);
/// DEVPKEY_Storage_Portable.
pub const STORAGE_PORTABLE: DEVPROPKEY = storage(2);
/// DEVPKEY_Storage_Removable_Media.
pub const STORAGE_REMOVABLE_MEDIA: DEVPROPKEY = storage(3);
/// DEVPKEY_Storage_System_Critical.
pub const STORAGE_SYSTEM_CRITICAL: DEVPROPKEY = storage(4);

const fn storage(pid: u32) -> DEVPROPKEY {
    key(0x4D1E_BEE8, 0x0803, 0x4774, [0x98, 0x42, 0xB7, 0x7D, 0xB5, 0x02, 0x65, 0xE9], pid)
}

const fn key(first: u32, second: u16, third: u16, last: [u8; 8], pid: u32) -> DEVPROPKEY {
    DEVPROPKEY { fmtid: GUID { Data1: first, Data2: second, Data3: third, Data4: last }, pid }
}

/// A property of the physical device `pdo` that is a T; `None` if it has none.
///
/// # Safety
/// Any bytes are a T.
unsafe fn read<T: Default>(pdo: DeviceObject, key: &DEVPROPKEY) -> Option<T> {
    let mut value = T::default();
    let (mut needed, mut kind) = (0, 0);
    let size = u32::try_from(size_of::<T>()).unwrap_or(0);
    // SAFETY: the buffer is as long as it says; PASSIVE_LEVEL.
    let status = unsafe {
        IoGetDevicePropertyData(
            pdo.as_ptr(),
            from_ref(key),
            0,
            0,
            size,
            from_mut(&mut value).cast(),
            &raw mut needed,
            &raw mut kind,
        )
    };
    (NT_SUCCESS(status) && needed == size).then_some(value)
}

/// A number that the physical device has as a property.
pub fn read_u32(pdo: DeviceObject, key: &DEVPROPKEY) -> Option<u32> {
    // SAFETY: any bytes are a number.
    unsafe { read(pdo, key) }
}

/// A truth value that the physical device has as a property.
pub fn read_bool(pdo: DeviceObject, key: &DEVPROPKEY) -> Option<bool> {
    // SAFETY: any byte is an i8.
    unsafe { read::<i8>(pdo, key) }.map(|value| value != 0)
}

/// Gives a device interface a truth value. Programs only look at it, so a failure is of no interest.
pub fn set_interface_bool(interface: &UNICODE_STRING, key: &DEVPROPKEY, value: bool) {
    let mut name = *interface;
    // DEVPROP_TRUE is -1.
    let mut value: i8 = if value { -1 } else { 0 };
    // SAFETY: a valid name, and one byte of data as the type asks for; PASSIVE_LEVEL.
    let _ = unsafe {
        IoSetDeviceInterfacePropertyData(
            &raw mut name,
            from_ref(key),
            0,
            0,
            TYPE_BOOLEAN,
            1,
            from_mut(&mut value).cast(),
        )
    };
}

fn cd_rom_count() -> &'static AtomicU32 {
    // SAFETY: callable at PASSIVE_LEVEL; the structure is the system's and lives for ever.
    let counts = unsafe { IoGetConfigurationInformation() };
    // DiskCount, FloppyCount, CdRomCount: numbers of 32 bits.
    let count = counts.cast::<u32>().wrapping_add(2);
    // SAFETY: aligned, and changed by drivers one at a time as a whole.
    unsafe { AtomicU32::from_ptr(count) }
}

/// One drive more in the system.
pub fn count_drive() {
    cd_rom_count().fetch_add(1, Ordering::Relaxed);
}

/// One drive less.
pub fn uncount_drive() {
    cd_rom_count().fetch_sub(1, Ordering::Relaxed);
}

/// Lets the PnP manager ask anew what there is below the physical device. IRQL <= DISPATCH_LEVEL.
pub fn invalidate_bus_relations(pdo: DeviceObject) {
    // SAFETY: a physical device object of a device that has been started.
    unsafe { IoInvalidateDeviceRelations(pdo.as_ptr(), _DEVICE_RELATION_TYPE::BusRelations) };
}
