//! Writing values.

use nt_kernel::layout::UNICODE_STRING;
use nt_kernel::raw;
use nt_kernel::registry::Value;

use super::of;
use crate::client::Globals;
use crate::fail::require;
use crate::functions::Function;
use crate::objects::Handle;
use crate::structs::WDFMEMORY_OFFSET;
use crate::{collection, memory, status, string, unicode};

/// What this module implements.
pub(super) const FUNCTIONS: &[Function] = &[
    ("WdfRegistryAssignValue", assign_value as *const ()),
    ("WdfRegistryAssignMemory", assign_memory as *const ()),
    ("WdfRegistryAssignMultiString", assign_multi_string as *const ()),
    ("WdfRegistryAssignUnicodeString", assign_unicode_string as *const ()),
    ("WdfRegistryAssignString", assign_string as *const ()),
    ("WdfRegistryAssignULong", assign_ulong as *const ()),
];

fn assign(key: Handle, name: *const UNICODE_STRING, value: impl FnOnce() -> Result<Value, i32>) -> i32 {
    let body = of(key);
    require(name, "ValueName");
    let done = unicode::read(name).and_then(|name| body.key.set(&name, value()?));
    done.err().unwrap_or(status::SUCCESS)
}

unsafe extern "win64" fn assign_ulong(_: Globals, key: Handle, name: *const UNICODE_STRING, value: u32) -> i32 {
    assign(key, name, || Ok(Value::dword(value)))
}

unsafe extern "win64" fn assign_value(
    _: Globals,
    key: Handle,
    name: *const UNICODE_STRING,
    kind: u32,
    length: u32,
    data: *const u8,
) -> i32 {
    if length > 0 {
        require(data, "Value");
    }
    assign(key, name, || Ok(Value { kind, data: raw::bytes(data, length as usize) }))
}

unsafe extern "win64" fn assign_memory(
    _: Globals,
    key: Handle,
    name: *const UNICODE_STRING,
    kind: u32,
    source: Handle,
    part: *const WDFMEMORY_OFFSET,
) -> i32 {
    assign(key, name, || {
        let (buffer, size) = memory::of(source, "Memory").buffer();
        let part = (!part.is_null()).then(|| raw::read(part));
        let (start, length) = memory::part(size, part)?;
        Ok(Value { kind, data: raw::bytes(buffer.wrapping_add(start), length) })
    })
}

unsafe extern "win64" fn assign_unicode_string(
    _: Globals,
    key: Handle,
    name: *const UNICODE_STRING,
    value: *const UNICODE_STRING,
) -> i32 {
    require(value, "Value");
    assign(key, name, || Ok(Value::string(&unicode::read(value)?)))
}

unsafe extern "win64" fn assign_string(_: Globals, key: Handle, name: *const UNICODE_STRING, value: Handle) -> i32 {
    let text = string::get(value).text();
    assign(key, name, || Ok(Value::string(&text)))
}

unsafe extern "win64" fn assign_multi_string(
    _: Globals,
    key: Handle,
    name: *const UNICODE_STRING,
    strings: Handle,
) -> i32 {
    let texts: Vec<String> = collection::items(strings).into_iter().map(|item| string::get(item).text()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assign(key, name, || Ok(Value::strings(&texts)))
}
