//! The driver object.

use wdk_sys::{
    NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT, PFN_WDF_DRIVER_DEVICE_ADD, PWSTR, WDF_DRIVER_CONFIG, WDF_NO_HANDLE,
    WDF_NO_OBJECT_ATTRIBUTES, WDFDRIVER, call_unsafe_wdf_function_binding,
};

use crate::wdf::object::size_field;
use crate::wdf::registry::{Key, opened};

/// Tells the framework where to bring new devices.
///
/// # Safety
/// The arguments are those that the system gave to the driver's entry, where this is called once.
#[inline(always)]
pub unsafe fn create(
    driver: PDRIVER_OBJECT,
    registry_path: PCUNICODE_STRING,
    device_add: PFN_WDF_DRIVER_DEVICE_ADD,
) -> NTSTATUS {
    let mut config = WDF_DRIVER_CONFIG {
        Size: size_field::<WDF_DRIVER_CONFIG>(),
        EvtDriverDeviceAdd: device_add,
        ..WDF_DRIVER_CONFIG::default()
    };
    // SAFETY: the framework is bound, and the arguments are the system's.
    unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDriverCreate,
            driver,
            registry_path,
            WDF_NO_OBJECT_ATTRIBUTES,
            &raw mut config,
            WDF_NO_HANDLE.cast::<WDFDRIVER>(),
        )
    }
}

/// The driver's handle, which the framework keeps in its globals.
fn handle() -> WDFDRIVER {
    // SAFETY: set before the framework brought the first device, and not changed after that.
    let globals = unsafe { wdk_sys::WdfDriverGlobals };
    // SAFETY: the framework's globals live as long as the driver.
    unsafe { (*globals).Driver }
}

/// The `Parameters` key below the service's key. PASSIVE_LEVEL.
pub fn parameters(access: u32) -> Option<Key> {
    opened(|attributes, key| {
        // SAFETY: the driver's handle; the framework makes the key object.
        unsafe {
            call_unsafe_wdf_function_binding!(WdfDriverOpenParametersRegistryKey, handle(), access, attributes, key)
        }
    })
}

/// Name of the service's key, with a NUL at the end.
pub fn registry_path() -> PWSTR {
    // SAFETY: the driver's handle.
    unsafe { call_unsafe_wdf_function_binding!(WdfDriverGetRegistryPath, handle()) }
}
