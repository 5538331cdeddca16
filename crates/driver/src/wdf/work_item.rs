//! Work items: work for a system thread at PASSIVE_LEVEL.

use core::ptr::null_mut;

use wdk_sys::{
    NTSTATUS, PFN_WDF_WORKITEM, WDF_WORKITEM_CONFIG, WDFOBJECT, WDFWORKITEM, call_unsafe_wdf_function_binding,
};

use crate::status;
use crate::wdf::object::{child_of, size_field};

/// Makes a work item that calls `work`.
///
/// # Errors
/// The framework's status.
pub fn create(parent: WDFOBJECT, work: PFN_WDF_WORKITEM) -> Result<WDFWORKITEM, NTSTATUS> {
    let mut config = WDF_WORKITEM_CONFIG {
        Size: size_field::<WDF_WORKITEM_CONFIG>(),
        EvtWorkItemFunc: work,
        AutomaticSerialization: 0,
    };
    let mut attributes = child_of(parent);
    let mut item: WDFWORKITEM = null_mut();
    // SAFETY: a live parent and a callback.
    status::check(unsafe {
        call_unsafe_wdf_function_binding!(WdfWorkItemCreate, &raw mut config, &raw mut attributes, &raw mut item)
    })?;
    Ok(item)
}

/// Lets it run, once more if it runs just now. IRQL <= DISPATCH_LEVEL.
///
/// # Safety
/// A live work item.
pub unsafe fn enqueue(item: WDFWORKITEM) {
    // SAFETY: as the caller promises.
    unsafe { call_unsafe_wdf_function_binding!(WdfWorkItemEnqueue, item) };
}

/// The object that the work item belongs to.
///
/// # Safety
/// A live work item.
pub unsafe fn parent(item: WDFWORKITEM) -> WDFOBJECT {
    // SAFETY: as the caller promises.
    unsafe { call_unsafe_wdf_function_binding!(WdfWorkItemGetParentObject, item) }
}
