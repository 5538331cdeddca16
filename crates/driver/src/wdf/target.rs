//! The driver below.

use core::ptr::null_mut;

use scopeguard::{ScopeGuard, guard};
use wdk_sys::{
    _WDF_IO_TARGET_OPEN_TYPE, NTSTATUS, WDF_IO_TARGET_OPEN_PARAMS, WDF_NO_OBJECT_ATTRIBUTES, WDFDEVICE, WDFIOTARGET,
    call_unsafe_wdf_function_binding,
};

use crate::km::device_object::DeviceObject;
use crate::status;
use crate::wdf::object::{delete, size_field};

/// A remote I/O target on the device object that ours is attached to. Unlike the framework's local target it can be
/// closed before the device goes.
#[derive(Clone, Copy)]
pub struct Target(WDFIOTARGET);

impl Target {
    /// Makes the target and opens it on `lower`.
    ///
    /// # Errors
    /// The framework's status; nothing is left of the target.
    pub fn open(device: WDFDEVICE, lower: DeviceObject) -> Result<Self, NTSTATUS> {
        let mut handle: WDFIOTARGET = null_mut();
        // SAFETY: a live device, which the target goes away with.
        status::check(unsafe {
            call_unsafe_wdf_function_binding!(WdfIoTargetCreate, device, WDF_NO_OBJECT_ATTRIBUTES, &raw mut handle)
        })?;
        let mut parameters = WDF_IO_TARGET_OPEN_PARAMS {
            Size: size_field::<WDF_IO_TARGET_OPEN_PARAMS>(),
            Type: _WDF_IO_TARGET_OPEN_TYPE::WdfIoTargetOpenUseExistingDevice,
            TargetDeviceObject: lower.as_ptr(),
            ..WDF_IO_TARGET_OPEN_PARAMS::default()
        };
        // SAFETY: made above; nobody else knows it.
        let target = guard(handle, |handle| unsafe { delete(handle.cast()) });
        // SAFETY: a target that is not open, and a device object that outlives our device.
        status::check(unsafe { call_unsafe_wdf_function_binding!(WdfIoTargetOpen, handle, &raw mut parameters) })?;
        Ok(Self(ScopeGuard::into_inner(target)))
    }

    /// The target with this handle.
    ///
    /// # Safety
    /// It is live.
    pub const unsafe fn from_raw(handle: WDFIOTARGET) -> Self {
        Self(handle)
    }

    /// The handle.
    pub const fn raw(self) -> WDFIOTARGET {
        self.0
    }

    /// Cancels what is on its way, waits for it, and sends nothing any more. PASSIVE_LEVEL.
    pub fn close(self) {
        // SAFETY: a live target.
        unsafe { call_unsafe_wdf_function_binding!(WdfIoTargetClose, self.0) };
    }
}
