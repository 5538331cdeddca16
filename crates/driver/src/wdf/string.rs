//! Strings that the framework allocates.

use core::ptr::{null, null_mut};

use wdk_sys::{NTSTATUS, UNICODE_STRING, WDFOBJECT, WDFSTRING, call_unsafe_wdf_function_binding};

use crate::km::links::units_of;
use crate::status;
use crate::wdf::object::child_of;

/// Makes an empty string that goes away with `parent`.
///
/// # Errors
/// The framework's status.
pub fn create(parent: WDFOBJECT) -> Result<WDFSTRING, NTSTATUS> {
    let mut attributes = child_of(parent);
    let mut handle: WDFSTRING = null_mut();
    // SAFETY: a live parent; no value.
    status::check(unsafe {
        call_unsafe_wdf_function_binding!(WdfStringCreate, null(), &raw mut attributes, &raw mut handle)
    })?;
    Ok(handle)
}

/// The value of a string; it points into the object.
///
/// # Safety
/// A live string.
pub unsafe fn value(string: WDFSTRING) -> UNICODE_STRING {
    let mut value = UNICODE_STRING::default();
    // SAFETY: as the caller promises.
    unsafe { call_unsafe_wdf_function_binding!(WdfStringGetUnicodeString, string, &raw mut value) };
    value
}

/// The units of a string, which stay as long as the object.
///
/// # Safety
/// A live string, whose value nobody changes any more.
pub unsafe fn units<'a>(string: WDFSTRING) -> &'a [u16] {
    // SAFETY: as the caller promises.
    let value = unsafe { value(string) };
    // SAFETY: as the caller promises.
    unsafe { units_of(&value) }
}
