//! Plain getters and setters of devices.

use nt_kernel::layout::{DEVICE_OBJECT, FILE_OBJECT};
use nt_kernel::{get, put};

use super::by_wdm;
use crate::client::Globals;
use crate::fail::require;
use crate::functions::Function;
use crate::objects::Handle;

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfWdmDeviceGetWdfDeviceHandle", wdm_get_handle as *const ()),
    ("WdfDeviceWdmGetDeviceObject", get_device_object as *const ()),
    ("WdfDeviceWdmGetAttachedDevice", get_attached as *const ()),
    ("WdfDeviceWdmGetPhysicalDevice", get_physical as *const ()),
    ("WdfDeviceGetDriver", get_driver as *const ()),
    ("WdfDeviceGetIoTarget", get_io_target as *const ()),
    ("WdfDeviceGetDefaultQueue", get_default_queue as *const ()),
    ("WdfDeviceGetFileObject", get_file_object as *const ()),
    ("WdfDeviceSetCharacteristics", set_characteristics as *const ()),
    ("WdfDeviceGetCharacteristics", get_characteristics as *const ()),
    ("WdfDeviceSetAlignmentRequirement", set_alignment as *const ()),
    ("WdfDeviceGetAlignmentRequirement", get_alignment as *const ()),
];

unsafe extern "win64" fn wdm_get_handle(_: Globals, wdm: *mut DEVICE_OBJECT) -> Handle {
    require(wdm, "DeviceObject");
    by_wdm(wdm).map_or(Handle::NULL, |device| device.handle.get())
}

unsafe extern "win64" fn get_device_object(_: Globals, device: Handle) -> *mut DEVICE_OBJECT {
    super::get(device).wdm.get()
}

unsafe extern "win64" fn get_attached(_: Globals, device: Handle) -> *mut DEVICE_OBJECT {
    super::get(device).attached.get()
}

unsafe extern "win64" fn get_physical(_: Globals, device: Handle) -> *mut DEVICE_OBJECT {
    super::get(device).pdo
}

unsafe extern "win64" fn get_driver(_: Globals, device: Handle) -> Handle {
    super::get(device).client.driver.get()
}

unsafe extern "win64" fn get_io_target(_: Globals, device: Handle) -> Handle {
    super::get(device).target.get()
}

unsafe extern "win64" fn get_default_queue(_: Globals, device: Handle) -> Handle {
    super::get(device).io.default_queue()
}

unsafe extern "win64" fn get_file_object(_: Globals, device: Handle, file: *mut FILE_OBJECT) -> Handle {
    let device = super::get(device);
    device.files.find(&device, file).unwrap_or(Handle::NULL)
}

unsafe extern "win64" fn set_characteristics(_: Globals, device: Handle, characteristics: u32) {
    put!(super::get(device).wdm.get(), Characteristics, characteristics);
}

unsafe extern "win64" fn get_characteristics(_: Globals, device: Handle) -> u32 {
    get!(super::get(device).wdm.get(), Characteristics)
}

unsafe extern "win64" fn set_alignment(_: Globals, device: Handle, alignment: u32) {
    put!(super::get(device).wdm.get(), AlignmentRequirement, alignment);
}

unsafe extern "win64" fn get_alignment(_: Globals, device: Handle) -> u32 {
    get!(super::get(device).wdm.get(), AlignmentRequirement)
}
