//! Registry keys.

mod assign;
mod openers;
mod query;

use std::cell::Cell;
use std::rc::Rc;

use nt_kernel::layout::{HANDLE, UNICODE_STRING};
use nt_kernel::registry::Key;
use nt_kernel::{objects as kernel_objects, raw, registry};

use crate::client::{self, Globals};
use crate::fail::require;
use crate::functions::Function;
use crate::objects::{self, Body, Handle, Kind, Plan, store};
use crate::structs::WDF_OBJECT_ATTRIBUTES;
use crate::{status, unicode};

/// What this module and those below it implement, by subject.
pub const FUNCTIONS: &[&[Function]] = &[KEYS, assign::FUNCTIONS, openers::FUNCTIONS, query::FUNCTIONS];

const KEYS: &[Function] = &[
    ("WdfRegistryOpenKey", open_key as *const ()),
    ("WdfRegistryCreateKey", create_key as *const ()),
    ("WdfRegistryClose", close as *const ()),
    ("WdfRegistryWdmGetHandle", wdm_get_handle as *const ()),
    ("WdfRegistryRemoveKey", remove_key as *const ()),
    ("WdfRegistryRemoveValue", remove_value as *const ()),
];

/// `REG_CREATED_NEW_KEY` and `REG_OPENED_EXISTING_KEY`
const CREATED_NEW_KEY: u32 = 1;
const OPENED_EXISTING_KEY: u32 = 2;

/// An open key: the framework's, with a kernel handle for the driver.
pub(crate) struct OpenKey {
    key: Key,
    handle: Cell<HANDLE>,
}

impl Body for OpenKey {
    fn destroy(&self, _handle: Handle) {
        self.close();
    }
}

impl OpenKey {
    fn close(&self) {
        let handle = self.handle.replace(std::ptr::null_mut());
        if !handle.is_null() {
            kernel_objects::close(handle);
        }
    }
}

fn of(handle: Handle) -> Rc<OpenKey> {
    objects::get(handle, Kind::Key, "Key")
}

/// Makes the object of an open key.
///
/// # Errors
/// STATUS_INSUFFICIENT_RESOURCES; STATUS_DELETE_PENDING.
pub(crate) fn create(plan: Plan, key: Key) -> Result<Handle, i32> {
    let body = Rc::new(OpenKey { handle: Cell::new(kernel_objects::open_key(key.clone())), key });
    let made: Rc<OpenKey> = Rc::clone(&body);
    objects::create(plan, made).inspect_err(|_| body.close())
}

/// Opens or makes the key that a driver names: below another, or by its full path.
fn locate(parent: Handle, name: *const UNICODE_STRING, create: bool) -> Result<Key, i32> {
    require(name, "KeyName");
    let name = unicode::read(name)?;
    if parent.is_null() { registry::open(&name, create) } else { of(parent).key.open(&name, create) }
}

unsafe extern "win64" fn open_key(
    globals: Globals,
    parent: Handle,
    name: *const UNICODE_STRING,
    _access: u32,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    store(out, "Key", || {
        let plan = Plan::check(&client, Kind::Key, attributes, client.driver.get())?;
        create(plan, locate(parent, name, false)?)
    })
}

unsafe extern "win64" fn create_key(
    globals: Globals,
    parent: Handle,
    name: *const UNICODE_STRING,
    _access: u32,
    _options: u32,
    disposition: *mut u32,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    store(out, "Key", || {
        let plan = Plan::check(&client, Kind::Key, attributes, client.driver.get())?;
        let existed = locate(parent, name, false).is_ok();
        let handle = create(plan, locate(parent, name, true)?)?;
        if !disposition.is_null() {
            raw::write(disposition, if existed { OPENED_EXISTING_KEY } else { CREATED_NEW_KEY });
        }
        Ok(handle)
    })
}

unsafe extern "win64" fn close(_: Globals, key: Handle) {
    of(key).close();
    objects::delete(key);
}

unsafe extern "win64" fn wdm_get_handle(_: Globals, key: Handle) -> HANDLE {
    of(key).handle.get()
}

unsafe extern "win64" fn remove_key(_: Globals, key: Handle) -> i32 {
    let body = of(key);
    if let Err(status) = body.key.delete() {
        return status;
    }
    body.close();
    objects::delete(key);
    status::SUCCESS
}

unsafe extern "win64" fn remove_value(_: Globals, key: Handle, name: *const UNICODE_STRING) -> i32 {
    let body = of(key);
    require(name, "ValueName");
    unicode::read(name).and_then(|name| body.key.delete_value(&name)).err().unwrap_or(status::SUCCESS)
}

#[cfg(test)]
mod tests;
