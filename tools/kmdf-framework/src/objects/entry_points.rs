//! The object functions of the table.

use std::rc::Rc;

use nt_kernel::raw;

use super::{Body, Handle, Kind, Life, Plan, attributes, callback_lock, context, lifecycle};
use super::{any, create, find};
use crate::client::{self, Globals};
use crate::fail::{misuse, require};
use crate::functions::Function;
use crate::status;
use crate::structs::{self, WDF_OBJECT_ATTRIBUTES, WDF_OBJECT_CONTEXT_TYPE_INFO};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfObjectGetTypedContextWorker", get_typed_context as *const ()),
    ("WdfObjectAllocateContext", allocate_context as *const ()),
    ("WdfObjectContextGetObject", context_get_object as *const ()),
    ("WdfObjectReferenceActual", reference_actual as *const ()),
    ("WdfObjectDereferenceActual", dereference_actual as *const ()),
    ("WdfObjectCreate", object_create as *const ()),
    ("WdfObjectDelete", object_delete as *const ()),
    ("WdfObjectQuery", object_query as *const ()),
    ("WdfObjectAcquireLock", acquire_lock as *const ()),
    ("WdfObjectReleaseLock", release_lock as *const ()),
];

struct General;
impl Body for General {}

unsafe extern "win64" fn get_typed_context(
    _: Globals,
    handle: Handle,
    info: *const WDF_OBJECT_CONTEXT_TYPE_INFO,
) -> *mut u8 {
    require(info, "TypeInfo");
    let object = any(handle, "Handle");
    context::typed(&object, context::identity(info))
}

unsafe extern "win64" fn allocate_context(
    globals: Globals,
    handle: Handle,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut *mut u8,
) -> i32 {
    let client = client::of(globals);
    let object = any(handle, "Handle");
    if attributes.is_null() {
        return status::WDF_PARENT_NOT_SPECIFIED;
    }
    let Some(attributes) = structs::read(attributes) else { return status::INFO_LENGTH_MISMATCH };
    let plan = match attributes::context_plan(&attributes) {
        Ok(plan) => plan,
        Err(status) => return status,
    };
    if !attributes.ParentObject.is_null() && client.at_least(11) {
        return status::WDF_PARENT_ASSIGNMENT_NOT_ALLOWED;
    }
    if plan.key == 0 {
        return status::OBJECT_NAME_INVALID;
    }
    if object.embedded {
        return status::OBJECT_PATH_INVALID;
    }
    let present = context::typed(&object, plan.key);
    let (block, status) = if !present.is_null() {
        (present, status::OBJECT_NAME_EXISTS)
    } else if object.life() != Life::Alive {
        return status::DELETE_PENDING;
    } else if !nt_kernel::pool::try_charge() {
        return status::INSUFFICIENT_RESOURCES;
    } else {
        (context::add(&object, &plan), status::SUCCESS)
    };
    if !out.is_null() {
        raw::write(out, block);
    }
    status
}

unsafe extern "win64" fn context_get_object(_: Globals, block: *mut u8) -> Handle {
    require(block, "ContextPointer");
    context::owner(block as usize).unwrap_or_else(|| {
        misuse("ContextPointer", format_args!("{block:p} is no context of a live object"));
        Handle::NULL
    })
}

unsafe extern "win64" fn reference_actual(_: Globals, handle: Handle, _tag: usize, _line: i32, _file: *const u8) {
    lifecycle::reference(handle);
}

unsafe extern "win64" fn dereference_actual(_: Globals, handle: Handle, _tag: usize, _line: i32, _file: *const u8) {
    lifecycle::dereference(handle);
}

unsafe extern "win64" fn object_create(
    globals: Globals,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    store(out, "Object", || {
        let mut plan = Plan::check(&client, Kind::Object, attributes, client.driver.get())?;
        if plan.level == super::Level::Inherit {
            plan.level = find(plan.parent).map_or(super::Level::Dispatch, |parent| parent.level);
        }
        create(plan, Rc::new(General))
    })
}

unsafe extern "win64" fn object_delete(_: Globals, handle: Handle) {
    lifecycle::delete_by_driver(handle);
}

unsafe extern "win64" fn object_query(_: Globals, handle: Handle, _guid: *const u8, _size: u32, _out: *mut u8) -> i32 {
    let _ = any(handle, "Object");
    status::NOT_FOUND
}

unsafe extern "win64" fn acquire_lock(_: Globals, handle: Handle) {
    callback_lock::acquire_by_driver(handle);
}

unsafe extern "win64" fn release_lock(_: Globals, handle: Handle) {
    callback_lock::release_by_driver(handle);
}

/// Runs a creator: the output handle is NULL until it succeeds. Gives the status for the driver.
pub(crate) fn store(out: *mut Handle, argument: &str, create: impl FnOnce() -> Result<Handle, i32>) -> i32 {
    require(out, argument);
    raw::write(out, Handle::NULL);
    match create() {
        Ok(handle) => {
            raw::write(out, handle);
            status::SUCCESS
        }
        Err(status) => status,
    }
}
