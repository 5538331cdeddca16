//! Reading values.

use nt_kernel::layout::UNICODE_STRING;
use nt_kernel::raw;
use nt_kernel::registry::{REG_DWORD, REG_MULTI_SZ, REG_SZ, Value};

use super::of;
use crate::client::{self, Globals};
use crate::fail::require;
use crate::functions::Function;
use crate::objects::{Handle, Kind, Plan, store};
use crate::structs::WDF_OBJECT_ATTRIBUTES;
use crate::{collection, memory, status, string, unicode};

/// What this module implements.
pub(super) const FUNCTIONS: &[Function] = &[
    ("WdfRegistryQueryValue", query_value as *const ()),
    ("WdfRegistryQueryMemory", query_memory as *const ()),
    ("WdfRegistryQueryMultiString", query_multi_string as *const ()),
    ("WdfRegistryQueryUnicodeString", query_unicode_string as *const ()),
    ("WdfRegistryQueryString", query_string as *const ()),
    ("WdfRegistryQueryULong", query_ulong as *const ()),
];

/// The longest string in bytes that a UNICODE_STRING describes.
const LONGEST: usize = 0xFFFF;

fn value(key: Handle, name: *const UNICODE_STRING) -> Result<Value, i32> {
    let body = of(key);
    require(name, "ValueName");
    body.key.query(&unicode::read(name)?)
}

fn typed(key: Handle, name: *const UNICODE_STRING, kind: u32) -> Result<Value, i32> {
    let value = value(key, name)?;
    if value.kind == kind { Ok(value) } else { Err(status::OBJECT_TYPE_MISMATCH) }
}

fn answer(result: Result<(), i32>) -> i32 {
    result.err().unwrap_or(status::SUCCESS)
}

fn put<T: Copy>(out: *mut T, value: T) {
    if !out.is_null() {
        raw::write(out, value);
    }
}

/// The units of a string value without what terminates it.
fn text(data: &[u8]) -> String {
    let units: Vec<u16> = data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units).trim_end_matches('\0').to_owned()
}

unsafe extern "win64" fn query_ulong(_: Globals, key: Handle, name: *const UNICODE_STRING, out: *mut u32) -> i32 {
    require(out, "Value");
    answer(typed(key, name, REG_DWORD).and_then(|value| {
        raw::write(out, value.as_dword().ok_or(status::OBJECT_TYPE_MISMATCH)?);
        Ok(())
    }))
}

unsafe extern "win64" fn query_value(
    _: Globals,
    key: Handle,
    name: *const UNICODE_STRING,
    length: u32,
    buffer: *mut u8,
    queried: *mut u32,
    kind: *mut u32,
) -> i32 {
    answer(value(key, name).and_then(|value| {
        put(queried, value.data.len() as u32);
        put(kind, value.kind);
        if (length as usize) < value.data.len() || (buffer.is_null() && !value.data.is_empty()) {
            return Err(status::BUFFER_OVERFLOW);
        }
        raw::put_bytes(buffer, &value.data);
        Ok(())
    }))
}

unsafe extern "win64" fn query_memory(
    globals: Globals,
    key: Handle,
    name: *const UNICODE_STRING,
    pool_type: i32,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
    kind: *mut u32,
) -> i32 {
    let client = client::of(globals);
    store(out, "Memory", || {
        let value = value(key, name)?;
        if value.data.is_empty() {
            return Err(status::RESOURCE_DATA_NOT_FOUND);
        }
        let handle = memory::create_filled(&client, attributes, client.driver.get(), pool_type, &value.data)?;
        put(kind, value.kind);
        Ok(handle)
    })
}

unsafe extern "win64" fn query_string(_: Globals, key: Handle, name: *const UNICODE_STRING, out: Handle) -> i32 {
    let target = string::get(out);
    answer(typed(key, name, REG_SZ).and_then(|value| {
        if value.data.is_empty() {
            return Err(status::RESOURCE_DATA_NOT_FOUND);
        }
        if value.data.len() > LONGEST {
            return Err(status::INVALID_BUFFER_SIZE);
        }
        target.assign(&text(&value.data))
    }))
}

unsafe extern "win64" fn query_unicode_string(
    _: Globals,
    key: Handle,
    name: *const UNICODE_STRING,
    byte_length: *mut u16,
    out: *mut UNICODE_STRING,
) -> i32 {
    answer(typed(key, name, REG_SZ).and_then(|value| {
        let length = u16::try_from(value.data.len()).map_err(|_| status::INVALID_BUFFER_SIZE)?;
        put(byte_length, length);
        if out.is_null() {
            return Err(status::BUFFER_OVERFLOW);
        }
        let mut string = raw::read(out);
        if string.MaximumLength < length || string.Buffer.is_null() {
            return Err(status::BUFFER_OVERFLOW);
        }
        raw::put_bytes(string.Buffer.cast(), &value.data);
        string.Length = 2 * text(&value.data).encode_utf16().count() as u16;
        raw::write(out, string);
        Ok(())
    }))
}

unsafe extern "win64" fn query_multi_string(
    globals: Globals,
    key: Handle,
    name: *const UNICODE_STRING,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    strings: Handle,
) -> i32 {
    let client = client::of(globals);
    answer(typed(key, name, REG_MULTI_SZ).and_then(|value| {
        if value.data.is_empty() {
            return Err(status::RESOURCE_DATA_NOT_FOUND);
        }
        for part in text(&value.data).split('\0').filter(|part| !part.is_empty()) {
            let plan = Plan::check(&client, Kind::String, attributes, strings)?;
            let made = string::create_with(plan, part)?;
            collection::append(strings, made).inspect_err(|_| crate::objects::delete(made))?;
        }
        Ok(())
    }))
}
