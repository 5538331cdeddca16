//! Device properties, and the default resource list of queries.

use std::rc::Rc;

use nt_kernel::layout::{DEVICE_OBJECT, DEVPROPKEY};
use nt_kernel::{pnp as kernel_pnp, raw};

use super::DeviceKind;
use super::init::{InitHandle, init};
use crate::client::{self, Client, Globals};
use crate::fail::require;
use crate::functions::Function;
use crate::objects::{self, Handle};
use crate::structs::{self, WDF_DEVICE_PROPERTY_DATA, WDF_OBJECT_ATTRIBUTES};
use crate::{memory, status};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfDeviceQueryProperty", query as *const ()),
    ("WdfDeviceAllocAndQueryProperty", alloc_and_query as *const ()),
    ("WdfDeviceQueryPropertyEx", query_ex as *const ()),
    ("WdfFdoInitQueryProperty", fdo_query as *const ()),
    ("WdfFdoInitQueryPropertyEx", fdo_query_ex as *const ()),
    ("WdfDeviceAllocAndQueryPropertyEx", alloc_and_query_ex as *const ()),
    ("WdfFdoInitAllocAndQueryProperty", fdo_alloc_and_query as *const ()),
    ("WdfFdoInitAllocAndQueryPropertyEx", fdo_alloc_and_query_ex as *const ()),
];

/// Gives a value to the driver: its length always, its bytes if they fit.
fn deliver(value: &[u8], length: u32, buffer: *mut u8, result_length: *mut u32) -> i32 {
    raw::write(result_length, value.len() as u32);
    if value.len() > length as usize {
        return status::BUFFER_TOO_SMALL;
    }
    raw::put_bytes(buffer, value);
    status::SUCCESS
}

fn query_pdo(
    pdo: *mut DEVICE_OBJECT,
    control: bool,
    property: u32,
    length: u32,
    buffer: *mut u8,
    result_length: *mut u32,
) -> i32 {
    require(result_length, "ResultLength");
    if length > 0 {
        require(buffer, "PropertyBuffer");
    }
    raw::write(result_length, 0);
    if control {
        return status::INVALID_DEVICE_REQUEST;
    }
    match kernel_pnp::device_property(pdo, property) {
        Ok(value) => deliver(&value, length, buffer, result_length),
        Err(status) => status,
    }
}

unsafe extern "win64" fn query(
    _: Globals,
    device: Handle,
    property: u32,
    length: u32,
    buffer: *mut u8,
    result_length: *mut u32,
) -> i32 {
    let device = super::get(device);
    query_pdo(device.pdo, device.is_control(), property, length, buffer, result_length)
}

unsafe extern "win64" fn fdo_query(
    _: Globals,
    handle: InitHandle,
    property: u32,
    length: u32,
    buffer: *mut u8,
    result_length: *mut u32,
) -> i32 {
    let (pdo, control) = of_init(handle);
    query_pdo(pdo, control, property, length, buffer, result_length)
}

fn of_init(handle: InitHandle) -> (*mut DEVICE_OBJECT, bool) {
    let init = init(handle);
    let init = init.borrow();
    (init.pdo, init.settings.kind == DeviceKind::Control)
}

/// Where the allocating forms take a property from, and who becomes the parent of the memory.
struct Source {
    pdo: *mut DEVICE_OBJECT,
    control: bool,
    parent: Handle,
}

impl Source {
    fn of_device(device: Handle) -> Source {
        let device = super::get(device);
        Source { pdo: device.pdo, control: device.is_control(), parent: device.handle.get() }
    }

    fn of_init(client: &Client, handle: InitHandle) -> Source {
        let (pdo, control) = of_init(handle);
        Source { pdo, control, parent: client.driver.get() }
    }
}

/// Gives a property in a memory object. An empty one needs no second query: success without memory.
fn allocate(
    client: &Rc<Client>,
    source: &Source,
    pool_type: i32,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
    query: impl FnOnce(*mut DEVICE_OBJECT) -> Result<Vec<u8>, i32>,
) -> i32 {
    require(out, "PropertyMemory");
    raw::write(out, Handle::NULL);
    if source.control {
        return status::INVALID_DEVICE_REQUEST;
    }
    let value = match query(source.pdo) {
        Ok(value) if value.is_empty() => return status::SUCCESS,
        Ok(value) => value,
        Err(status) => return status,
    };
    objects::store(out, "PropertyMemory", || {
        memory::create_filled(client, attributes, source.parent, pool_type, &value)
    })
}

/// As [`allocate`], by property key; the type of the value is stored apart.
fn allocate_key(
    client: &Rc<Client>,
    source: &Source,
    property: *const WDF_DEVICE_PROPERTY_DATA,
    pool_type: i32,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
    kind: *mut u32,
) -> i32 {
    require(property, "DeviceProperty");
    require(kind, "Type");
    let Some(property) = structs::read(property) else { return status::INFO_LENGTH_MISMATCH };
    require(property.PropertyKey, "DeviceProperty.PropertyKey");
    allocate(client, source, pool_type, attributes, out, |pdo| {
        let (value_kind, value) = kernel_pnp::device_property_key(pdo, &raw::read(property.PropertyKey))?;
        raw::write(kind, value_kind);
        Ok(value)
    })
}

unsafe extern "win64" fn alloc_and_query(
    globals: Globals,
    device: Handle,
    property: u32,
    pool_type: i32,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let query = |pdo| kernel_pnp::device_property(pdo, property);
    allocate(&client::of(globals), &Source::of_device(device), pool_type, attributes, out, query)
}

unsafe extern "win64" fn fdo_alloc_and_query(
    globals: Globals,
    init: InitHandle,
    property: u32,
    pool_type: i32,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    let query = |pdo| kernel_pnp::device_property(pdo, property);
    allocate(&client, &Source::of_init(&client, init), pool_type, attributes, out, query)
}

unsafe extern "win64" fn alloc_and_query_ex(
    globals: Globals,
    device: Handle,
    property: *const WDF_DEVICE_PROPERTY_DATA,
    pool_type: i32,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
    kind: *mut u32,
) -> i32 {
    allocate_key(&client::of(globals), &Source::of_device(device), property, pool_type, attributes, out, kind)
}

unsafe extern "win64" fn fdo_alloc_and_query_ex(
    globals: Globals,
    init: InitHandle,
    property: *const WDF_DEVICE_PROPERTY_DATA,
    pool_type: i32,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
    kind: *mut u32,
) -> i32 {
    let client = client::of(globals);
    allocate_key(&client, &Source::of_init(&client, init), property, pool_type, attributes, out, kind)
}

fn query_key(
    pdo: *mut DEVICE_OBJECT,
    control: bool,
    property: *const WDF_DEVICE_PROPERTY_DATA,
    length: u32,
    buffer: *mut u8,
    required: *mut u32,
    kind: *mut u32,
) -> i32 {
    require(property, "DeviceProperty");
    require(required, "RequiredSize");
    require(kind, "Type");
    let Some(property) = structs::read(property) else { return status::INFO_LENGTH_MISMATCH };
    if (length == 0) != buffer.is_null() {
        return status::INVALID_PARAMETER;
    }
    if control {
        return status::INVALID_DEVICE_REQUEST;
    }
    require(property.PropertyKey, "DeviceProperty.PropertyKey");
    let key: DEVPROPKEY = raw::read(property.PropertyKey);
    match kernel_pnp::device_property_key(pdo, &key) {
        Ok((value_kind, value)) => {
            raw::write(kind, value_kind);
            deliver(&value, length, buffer, required)
        }
        Err(status) => status,
    }
}

unsafe extern "win64" fn query_ex(
    _: Globals,
    device: Handle,
    property: *const WDF_DEVICE_PROPERTY_DATA,
    length: u32,
    buffer: *mut u8,
    required: *mut u32,
    kind: *mut u32,
) -> i32 {
    let device = super::get(device);
    query_key(device.pdo, device.is_control(), property, length, buffer, required, kind)
}

unsafe extern "win64" fn fdo_query_ex(
    _: Globals,
    handle: InitHandle,
    property: *const WDF_DEVICE_PROPERTY_DATA,
    length: u32,
    buffer: *mut u8,
    required: *mut u32,
    kind: *mut u32,
) -> i32 {
    let (pdo, control) = of_init(handle);
    query_key(pdo, control, property, length, buffer, required, kind)
}
