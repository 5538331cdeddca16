//! Notifications that programs and file systems may have registered for on the physical device.

use core::mem::offset_of;
use core::ptr::{from_mut, null_mut};

use ioctl_dispatch::effect::Notification;
use wdk_sys::ntddk::IoReportTargetDeviceChangeAsynchronous;
use wdk_sys::{GUID, TARGET_DEVICE_CUSTOM_NOTIFICATION};

use crate::km::device_object::DeviceObject;
use crate::km::time;

/// Longest data of ours: `DEVICE_EVENT_EXTERNAL_REQUEST`.
const DATA_LIMIT: usize = 24;

/// Where the data begins.
const DATA: usize = 0x24;
const _: () = assert!(offset_of!(TARGET_DEVICE_CUSTOM_NOTIFICATION, CustomDataBuffer) == DATA);

/// `TARGET_DEVICE_CUSTOM_NOTIFICATION` with room for data.
#[repr(C)]
struct Report {
    version: u16,
    size: u16,
    event: GUID,
    file_object: u64,
    name_buffer_offset: i32,
    data: [u8; DATA_LIMIT],
}
const _: () = assert!(offset_of!(Report, data) == DATA);

const MEDIA_ARRIVAL: GUID = d074(0xD074_33C0);
const MEDIA_REMOVAL: GUID = d074(0xD074_33C1);
const EJECT_REQUEST: GUID = d074(0xD074_33D1);
const EXTERNAL_REQUEST: GUID = d074(0xD074_33D0);
const BECOMING_READY: GUID = d074(0xD074_33F0);
const EXCLUSIVE_LOCK: GUID =
    GUID { Data1: 0xBC56_C139, Data2: 0x7A10, Data3: 0x47EE, Data4: [0xA2, 0x94, 0x4C, 0x6A, 0x38, 0xF0, 0x14, 0x9A] };
const EXCLUSIVE_UNLOCK: GUID =
    GUID { Data1: 0xA3B6_D27D, Data2: 0x5E35, Data3: 0x4885, Data4: [0x81, 0xE5, 0xEE, 0x18, 0xC0, 0x0E, 0xD7, 0x79] };

/// The family of GUID_IO_... of removable media.
const fn d074(first: u32) -> GUID {
    GUID { Data1: first, Data2: 0xA98E, Data3: 0x11D2, Data4: [0x91, 0x7A, 0x00, 0xA0, 0xC9, 0x06, 0x8F, 0xF3] }
}

/// Reports `notification` on `pdo`. It is lost if the system is short of memory, which nobody can help. IRQL <=
/// DISPATCH_LEVEL.
pub fn report(pdo: DeviceObject, notification: Notification) {
    let mut data = [0; DATA_LIMIT];
    let mut length = 0_usize;
    let mut put = |bytes: &[u8]| {
        let end = length.saturating_add(bytes.len());
        if let Some(room) = data.get_mut(length..end) {
            room.copy_from_slice(bytes);
            length = end;
        }
    };
    let event = match notification {
        Notification::Media { arrival, change_count, state } => {
            put(&change_count.to_le_bytes());
            put(&state.to_le_bytes());
            if arrival { MEDIA_ARRIVAL } else { MEDIA_REMOVAL }
        }
        Notification::EjectRequest => EJECT_REQUEST,
        Notification::ExternalRequest { button_status, request } => {
            put(&1_u32.to_le_bytes());
            put(&0_u32.to_le_bytes());
            put(&button_status.to_le_bytes());
            put(&request.to_le_bytes());
            put(&[0; 4]);
            put(&time::system_time().to_le_bytes());
            EXTERNAL_REQUEST
        }
        Notification::BecomingReady { reason, estimated_100ms } => {
            put(&1_u32.to_le_bytes());
            put(&reason.to_le_bytes());
            put(&estimated_100ms.to_le_bytes());
            BECOMING_READY
        }
        Notification::ExclusiveLock => EXCLUSIVE_LOCK,
        Notification::ExclusiveUnlock => EXCLUSIVE_UNLOCK,
    };
    let size = u16::try_from(DATA.saturating_add(length)).unwrap_or(0);
    let mut report = Report { version: 1, size, event, file_object: 0, name_buffer_offset: -1, data };
    // SAFETY: a valid structure of the length that it says, copied by the system before the call returns.
    let _ =
        unsafe { IoReportTargetDeviceChangeAsynchronous(pdo.as_ptr(), from_mut(&mut report).cast(), None, null_mut()) };
}
