//! Questions about the device behind a target.

use nt_kernel::layout::{DEVICE_OBJECT, GUID, IRP_MJ_PNP, PARAMETERS_QUERY_INTERFACE};
use nt_kernel::{io, pnp as kernel_pnp, pool, put, raw};

use super::of;
use crate::client::{self, Globals};
use crate::device;
use crate::fail::require;
use crate::functions::Function;
use crate::objects::{self, Handle};
use crate::structs::WDF_OBJECT_ATTRIBUTES;
use crate::{memory, status};

/// What this module implements.
pub(super) const FUNCTIONS: &[Function] = &[
    ("WdfIoTargetQueryTargetProperty", query_property as *const ()),
    ("WdfIoTargetAllocAndQueryTargetProperty", alloc_and_query_property as *const ()),
    ("WdfIoTargetQueryForInterface", target_query_interface as *const ()),
    ("WdfFdoQueryForInterface", fdo_query_interface as *const ()),
];

const IRP_MN_QUERY_INTERFACE: u8 = 0x08;

fn property(target: Handle, property: u32) -> Result<Vec<u8>, i32> {
    let pdo = of(target).pdo.get();
    if pdo.is_null() { Err(status::INVALID_DEVICE_REQUEST) } else { kernel_pnp::device_property(pdo, property) }
}

unsafe extern "win64" fn query_property(
    _: Globals,
    target: Handle,
    which: u32,
    length: u32,
    buffer: *mut u8,
    result_length: *mut u32,
) -> i32 {
    require(result_length, "ResultLength");
    let value = match property(target, which) {
        Ok(value) => value,
        Err(status) => return status,
    };
    raw::write(result_length, value.len() as u32);
    if (length as usize) < value.len() || buffer.is_null() {
        return status::BUFFER_TOO_SMALL;
    }
    raw::put_bytes(buffer, &value);
    status::SUCCESS
}

unsafe extern "win64" fn alloc_and_query_property(
    globals: Globals,
    target: Handle,
    which: u32,
    pool_type: i32,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    objects::store(out, "PropertyMemory", || {
        let value = property(target, which)?;
        memory::create_filled(&client, attributes, target, pool_type, &value)
    })
}

/// Asks a stack for an interface: QUERY_INTERFACE from its top, waiting for the answer.
fn query_interface(device: *mut DEVICE_OBJECT, parameters: PARAMETERS_QUERY_INTERFACE) -> i32 {
    if device.is_null() {
        return status::INVALID_DEVICE_STATE;
    }
    if !pool::try_charge() {
        return status::INSUFFICIENT_RESOURCES;
    }
    let sent = io::send(io::attached_top(device), |_, location| {
        put!(location, MajorFunction, IRP_MJ_PNP);
        put!(location, MinorFunction, IRP_MN_QUERY_INTERFACE);
        put!(location, Parameters.QueryInterface, parameters);
    });
    sent.status
}

fn interface(
    device: *mut DEVICE_OBJECT,
    kind: *const GUID,
    interface: *mut u8,
    size: u16,
    version: u16,
    data: *mut u8,
) -> i32 {
    require(kind, "InterfaceType");
    require(interface, "Interface");
    let parameters = PARAMETERS_QUERY_INTERFACE {
        InterfaceType: kind,
        Size: size,
        Version: version,
        Interface: interface.cast(),
        InterfaceSpecificData: data.cast(),
    };
    query_interface(device, parameters)
}

unsafe extern "win64" fn target_query_interface(
    _: Globals,
    target: Handle,
    kind: *const GUID,
    out: *mut u8,
    size: u16,
    version: u16,
    data: *mut u8,
) -> i32 {
    interface(of(target).device.get(), kind, out, size, version, data)
}

unsafe extern "win64" fn fdo_query_interface(
    _: Globals,
    fdo: Handle,
    kind: *const GUID,
    out: *mut u8,
    size: u16,
    version: u16,
    data: *mut u8,
) -> i32 {
    interface(device::get(fdo).lower(), kind, out, size, version, data)
}
