//! The registry by handles: the `Zw` functions, and the devices' keys.

use nt_machine::call::Export;
use nt_machine::irql::PASSIVE;

use super::{Key, Value, open};
use crate::exports::function;
use crate::layout::{HANDLE, NTSTATUS, OBJECT_ATTRIBUTES, PVOID, UNICODE_STRING};
use crate::objects::{open_key, opened_key};
use crate::{get, raw, rtl, status};

/// `KeyValueBasicInformation`, `KeyValueFullInformation`, `KeyValuePartialInformation`.
const BASIC: u32 = 0;
const FULL: u32 = 1;
const PARTIAL: u32 = 2;

/// The full path that object attributes name.
fn path(attributes: *mut OBJECT_ATTRIBUTES) -> Result<String, NTSTATUS> {
    let name = rtl::string(get!(attributes, ObjectName));
    let root = get!(attributes, RootDirectory);
    if root.is_null() {
        return Ok(name);
    }
    let above = opened_key(root)?;
    Ok(if name.is_empty() { above.path().to_owned() } else { format!(r"{}\{name}", above.path()) })
}

fn give(handle: *mut HANDLE, key: Result<Key, NTSTATUS>) -> NTSTATUS {
    match key {
        Ok(key) => {
            raw::write(handle, open_key(key));
            status::SUCCESS
        }
        Err(error) => error,
    }
}

extern "win64" fn open_key_by_name(handle: *mut HANDLE, _access: u32, attributes: *mut OBJECT_ATTRIBUTES) -> NTSTATUS {
    give(handle, path(attributes).and_then(|path| open(&path, false)))
}

extern "win64" fn create_key(
    handle: *mut HANDLE,
    _access: u32,
    attributes: *mut OBJECT_ATTRIBUTES,
    _title: u32,
    _class: *mut UNICODE_STRING,
    _options: u32,
    disposition: *mut u32,
) -> NTSTATUS {
    const CREATED: u32 = 1;
    const OPENED: u32 = 2;
    let path = match path(attributes) {
        Ok(path) => path,
        Err(error) => return error,
    };
    let there = open(&path, false).is_ok();
    let above = path.trim_end_matches('\\').rsplit_once('\\').map(|(above, _)| above);
    if !there && above.is_none_or(|above| open(above, false).is_err()) {
        return status::OBJECT_NAME_NOT_FOUND;
    }
    if !disposition.is_null() {
        raw::write(disposition, if there { OPENED } else { CREATED });
    }
    give(handle, open(&path, true))
}

/// Lays a value out as a key value information; `needed` is told either way.
fn put_information(class: u32, name: &str, value: &Value, to: *mut u8, room: u32, needed: *mut u32) -> NTSTATUS {
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let length = value.data.len() as u32;
    let mut out: Vec<u8> = [0, value.kind].into_iter().flat_map(u32::to_le_bytes).collect();
    let header = match class {
        BASIC => {
            out.extend((name.len() as u32).to_le_bytes());
            out.extend(&name);
            12
        }
        FULL => {
            let offset = (20 + name.len()).next_multiple_of(4);
            out.extend((offset as u32).to_le_bytes());
            out.extend(length.to_le_bytes());
            out.extend((name.len() as u32).to_le_bytes());
            out.extend(&name);
            out.resize(offset, 0);
            out.extend(&value.data);
            20
        }
        PARTIAL => {
            out.extend(length.to_le_bytes());
            out.extend(&value.data);
            12
        }
        _ => return status::INVALID_PARAMETER,
    };
    raw::write(needed, out.len() as u32);
    if (room as usize) < header {
        return status::BUFFER_TOO_SMALL;
    }
    let fits = out.len().min(room as usize);
    raw::put_bytes(to, &out[..fits]);
    if fits < out.len() { status::BUFFER_OVERFLOW } else { status::SUCCESS }
}

extern "win64" fn query_value_key(
    handle: HANDLE,
    name: *mut UNICODE_STRING,
    class: u32,
    information: *mut u8,
    length: u32,
    needed: *mut u32,
) -> NTSTATUS {
    let name = rtl::string(name);
    match opened_key(handle).and_then(|key| key.query(&name)) {
        Ok(value) => put_information(class, &name, &value, information, length, needed),
        Err(error) => error,
    }
}

extern "win64" fn enumerate_value_key(
    handle: HANDLE,
    index: u32,
    class: u32,
    information: *mut u8,
    length: u32,
    needed: *mut u32,
) -> NTSTATUS {
    let key = match opened_key(handle) {
        Ok(key) => key,
        Err(error) => return error,
    };
    match key.values().get(index as usize) {
        Some((name, value)) => put_information(class, name, value, information, length, needed),
        None => status::NO_MORE_ENTRIES,
    }
}

extern "win64" fn set_value_key(
    handle: HANDLE,
    name: *mut UNICODE_STRING,
    _title: u32,
    kind: u32,
    data: *const u8,
    size: u32,
) -> NTSTATUS {
    let value = Value { kind, data: raw::bytes(data, size as usize) };
    result(opened_key(handle).and_then(|key| key.set(&rtl::string(name), value)))
}

extern "win64" fn delete_value_key(handle: HANDLE, name: *mut UNICODE_STRING) -> NTSTATUS {
    result(opened_key(handle).and_then(|key| key.delete_value(&rtl::string(name))))
}

extern "win64" fn delete_key(handle: HANDLE) -> NTSTATUS {
    result(opened_key(handle).and_then(|key| key.delete()))
}

extern "win64" fn flush_key(handle: HANDLE) -> NTSTATUS {
    result(opened_key(handle).map(|_| ()))
}

pub(super) fn result(done: Result<(), NTSTATUS>) -> NTSTATUS {
    done.err().unwrap_or(status::SUCCESS)
}

extern "win64" fn open_device_registry_key(pdo: PVOID, kind: u32, _access: u32, handle: *mut HANDLE) -> NTSTATUS {
    give(handle, crate::pnp::device_key(pdo.cast(), kind).and_then(|path| open(&path, true)))
}

extern "win64" fn open_device_interface_registry_key(
    link: *mut UNICODE_STRING,
    _access: u32,
    handle: *mut HANDLE,
) -> NTSTATUS {
    give(handle, crate::pnp::interface_key(&rtl::string(link)).and_then(|path| open(&path, true)))
}

extern "win64" fn open_driver_registry_key(
    driver: *mut crate::layout::DRIVER_OBJECT,
    kind: u32,
    _access: u32,
    _flags: u32,
    handle: *mut HANDLE,
) -> NTSTATUS {
    const PARAMETERS: u32 = 0;
    if kind != PARAMETERS {
        return status::NOT_IMPLEMENTED;
    }
    let service = rtl::string(crate::field!(get!(driver, DriverExtension), ServiceKeyName));
    give(handle, open(&format!(r"{}\{service}\Parameters", super::SERVICES), true))
}

pub(crate) const EXPORTS: &[Export] = &[
    function("ZwOpenKey", PASSIVE, open_key_by_name as *const ()),
    function("ZwCreateKey", PASSIVE, create_key as *const ()),
    function("ZwQueryValueKey", PASSIVE, query_value_key as *const ()),
    function("ZwEnumerateValueKey", PASSIVE, enumerate_value_key as *const ()),
    function("ZwSetValueKey", PASSIVE, set_value_key as *const ()),
    function("ZwDeleteValueKey", PASSIVE, delete_value_key as *const ()),
    function("ZwDeleteKey", PASSIVE, delete_key as *const ()),
    function("ZwFlushKey", PASSIVE, flush_key as *const ()),
    function("IoOpenDeviceRegistryKey", PASSIVE, open_device_registry_key as *const ()),
    function("IoOpenDeviceInterfaceRegistryKey", PASSIVE, open_device_interface_registry_key as *const ()),
    function("IoOpenDriverRegistryKey", PASSIVE, open_driver_registry_key as *const ()),
];
