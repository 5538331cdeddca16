//! `cdromrs.sys`: the CD-ROM class driver. What it decides is in `ioctl-dispatch`; this crate does what only a driver can.
#![no_std]

use core::panic::PanicInfo;

use wdk_sys::{
    DRIVER_OBJECT, NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT, PWDFDEVICE_INIT, STATUS_NOT_IMPLEMENTED,
    WDF_DRIVER_CONFIG, WDF_NO_HANDLE, WDF_NO_OBJECT_ATTRIBUTES, WDFDRIVER, call_unsafe_wdf_function_binding,
};

/// The driver's entry: tells the framework where to bring new devices.
///
/// # Safety
/// Called once by the system, through the framework's stub, at PASSIVE_LEVEL.
// SAFETY: the name that the stub calls; nothing else has it.
#[unsafe(export_name = "DriverEntry")]
#[unsafe(link_section = "INIT")]
pub unsafe extern "system" fn driver_entry(driver: &mut DRIVER_OBJECT, registry_path: PCUNICODE_STRING) -> NTSTATUS {
    let mut config = WDF_DRIVER_CONFIG {
        Size: size_of::<WDF_DRIVER_CONFIG>() as u32,
        EvtDriverDeviceAdd: Some(device_add),
        ..WDF_DRIVER_CONFIG::default()
    };
    // SAFETY: the framework is bound, and the arguments are the system's.
    unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDriverCreate,
            driver as PDRIVER_OBJECT,
            registry_path,
            WDF_NO_OBJECT_ATTRIBUTES,
            &mut config,
            WDF_NO_HANDLE.cast::<WDFDRIVER>(),
        )
    }
}

#[unsafe(link_section = "PAGE")]
extern "C" fn device_add(_driver: WDFDRIVER, _init: PWDFDEVICE_INIT) -> NTSTATUS {
    STATUS_NOT_IMPLEMENTED
}

/// The impossible happened: stop the system and say where.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let (file, line) =
        info.location().map_or((core::ptr::null(), 0), |place| (place.file().as_ptr(), u64::from(place.line())));
    // SAFETY: never returns; any level is allowed.
    unsafe { wdk_sys::ntddk::KeBugCheckEx(0xE2, 0, file as u64, line, 0) }
}
