//! Keys that belong to drivers and devices.

use nt_kernel::layout::{DEVICE_OBJECT, UNICODE_STRING};
use nt_kernel::pnp as kernel_pnp;
use nt_kernel::registry::{self, Key};

use super::create;
use crate::client::{self, Globals};
use crate::device;
use crate::device::init::InitHandle;
use crate::fail::require;
use crate::functions::Function;
use crate::objects::{self, Handle, Kind, ParentRule, Plan, store};
use crate::structs::WDF_OBJECT_ATTRIBUTES;
use crate::{status, unicode};

/// What this module implements.
pub(super) const FUNCTIONS: &[Function] = &[
    ("WdfDriverOpenParametersRegistryKey", driver_parameters as *const ()),
    ("WdfDeviceOpenRegistryKey", device_key as *const ()),
    ("WdfDeviceOpenDevicemapKey", devicemap_key as *const ()),
    ("WdfFdoInitOpenRegistryKey", fdo_init_key as *const ()),
];

/// Access rights that ask for more than reading: set a value, create a subkey, and the generic rights with these.
const WRITING: u32 = 0x2 | 0x4 | 0x4000_0000 | 0x1000_0000 | 0x0200_0000;

const DEVICEMAP: &str = r"\Registry\Machine\HARDWARE\DEVICEMAP";

fn open(
    globals: Globals,
    parent: Handle,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
    key: impl FnOnce() -> Result<Key, i32>,
) -> i32 {
    let client = client::of(globals);
    store(out, "Key", || {
        let plan = Plan::check_with(&client, Kind::Key, attributes, parent, ParentRule::Forbidden)?;
        create(plan, key()?)
    })
}

unsafe extern "win64" fn driver_parameters(
    globals: Globals,
    driver: Handle,
    access: u32,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let object = objects::any(driver, "Driver");
    let path = format!(r"{}\Parameters", object.client.registry_path);
    open(globals, driver, attributes, out, || registry::open(&path, access & WRITING != 0))
}

fn pdo_key(pdo: *mut DEVICE_OBJECT, kind: u32) -> Result<Key, i32> {
    if pdo.is_null() {
        return Err(status::INVALID_DEVICE_REQUEST);
    }
    registry::open(&kernel_pnp::device_key(pdo, kind)?, true)
}

unsafe extern "win64" fn device_key(
    globals: Globals,
    device: Handle,
    kind: u32,
    _access: u32,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let body = device::get(device);
    open(globals, device, attributes, out, || pdo_key(body.pdo, kind))
}

unsafe extern "win64" fn fdo_init_key(
    globals: Globals,
    device_init: InitHandle,
    kind: u32,
    _access: u32,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let pdo = device::init(device_init).borrow().pdo;
    let driver = client::of(globals).driver.get();
    open(globals, driver, attributes, out, || pdo_key(pdo, kind))
}

unsafe extern "win64" fn devicemap_key(
    globals: Globals,
    device: Handle,
    name: *const UNICODE_STRING,
    _access: u32,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let _ = device::get(device);
    require(name, "KeyName");
    open(globals, device, attributes, out, || {
        let name = unicode::read(name)?;
        if name.is_empty() {
            return Err(status::INVALID_PARAMETER);
        }
        registry::open(&format!(r"{DEVICEMAP}\{name}"), true)
    })
}
