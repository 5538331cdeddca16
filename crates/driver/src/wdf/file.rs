//! Open files.

use wdk_sys::{WDFDEVICE, WDFFILEOBJECT, call_unsafe_wdf_function_binding};

/// The device that a file object was opened on.
///
/// # Safety
/// A live file object.
pub unsafe fn device(file: WDFFILEOBJECT) -> WDFDEVICE {
    // SAFETY: as the caller promises.
    unsafe { call_unsafe_wdf_function_binding!(WdfFileObjectGetDevice, file) }
}
