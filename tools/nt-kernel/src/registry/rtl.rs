//! The registry by paths: `RtlQueryRegistryValues` with its tables, and its companions.

use nt_machine::call::{self, Export};
use nt_machine::findings::{self, Rule};
use nt_machine::irql::PASSIVE;

use super::zw::result;
use super::{CONTROL, Key, REG_BINARY, REG_EXPAND_SZ, REG_MULTI_SZ, REG_NONE, REG_SZ, SERVICES, Value, open};
use crate::exports::function;
use crate::layout::{NTSTATUS, PVOID, RTL_QUERY_REGISTRY_TABLE, UNICODE_STRING};
use crate::objects::opened_key;
use crate::{get, pool, put, raw, rtl, status};

type Table = *mut RTL_QUERY_REGISTRY_TABLE;
/// Name, type, data, length of the data, the caller's context, the entry's context.
type Routine = extern "win64" fn(*const u16, u32, *mut u8, u32, PVOID, PVOID) -> NTSTATUS;

const SUBKEY: u32 = 0x1;
const TOPKEY: u32 = 0x2;
const REQUIRED: u32 = 0x4;
const NOVALUE: u32 = 0x8;
const NOEXPAND: u32 = 0x10;
const DIRECT: u32 = 0x20;
const DELETE: u32 = 0x40;
const TYPECHECK: u32 = 0x100;

const HANDLE_FLAG: u32 = 0x4000_0000;
const OPTIONAL: u32 = 0x8000_0000;
const TAG: u32 = u32::from_le_bytes(*b"RtlR");

/// The key that a call's first two arguments name.
fn resolve(relative_to: u32, path: *const u16, create: bool) -> Result<Key, NTSTATUS> {
    if relative_to & HANDLE_FLAG != 0 {
        return opened_key(path.cast_mut().cast());
    }
    let path = if path.is_null() { String::new() } else { String::from_utf16_lossy(&rtl::terminated(path)) };
    let base = match relative_to & !OPTIONAL {
        0 => return open(&path, create),
        1 => SERVICES,
        2 => CONTROL,
        3 => r"\Registry\Machine\Software\Microsoft\Windows NT\CurrentVersion",
        4 => r"\Registry\Machine\Hardware\DeviceMap",
        _ => return Err(status::INVALID_PARAMETER),
    };
    open(&format!(r"{base}\{path}"), create)
}

extern "win64" fn query_registry_values(
    relative_to: u32,
    path: *const u16,
    table: Table,
    context: PVOID,
    _environment: PVOID,
) -> NTSTATUS {
    let top = match resolve(relative_to, path, false) {
        Ok(key) => key,
        Err(_) if relative_to & OPTIONAL != 0 => return status::SUCCESS,
        Err(error) => return error,
    };
    let mut key = Some(top.clone());
    let mut entry = table;
    loop {
        let flags = get!(entry, Flags);
        let name = get!(entry, Name);
        if get!(entry, QueryRoutine).is_null() && flags & (SUBKEY | DIRECT) == 0 {
            return status::SUCCESS;
        }
        let text = if name.is_null() { String::new() } else { String::from_utf16_lossy(&rtl::terminated(name)) };
        let answer = if flags & SUBKEY != 0 {
            match top.open(&text, false) {
                Ok(found) => {
                    key = Some(found);
                    if get!(entry, QueryRoutine).is_null() {
                        status::SUCCESS
                    } else {
                        each_value(key.as_ref(), entry, context)
                    }
                }
                Err(error) => {
                    key = None;
                    if flags & REQUIRED != 0 { error } else { status::SUCCESS }
                }
            }
        } else {
            if flags & TOPKEY != 0 {
                key = Some(top.clone());
            }
            one_entry(key.as_ref(), entry, &text, context)
        };
        if !status::success(answer) {
            return answer;
        }
        entry = entry.wrapping_add(1);
    }
}

/// A value that the table names, or its default.
fn one_entry(key: Option<&Key>, entry: Table, name: &str, context: PVOID) -> NTSTATUS {
    let flags = get!(entry, Flags);
    if flags & NOVALUE != 0 {
        return run(entry, core::ptr::null(), &Value { kind: REG_NONE, data: Vec::new() }, context);
    }
    if get!(entry, Name).is_null() {
        return each_value(key, entry, context);
    }
    let found = key.ok_or(status::OBJECT_NAME_NOT_FOUND).and_then(|key| key.query(name));
    let Ok(value) = found else {
        if flags & REQUIRED != 0 {
            return status::OBJECT_NAME_NOT_FOUND;
        }
        return match default_value(entry) {
            Some(value) => deliver(entry, get!(entry, Name), &value, context),
            None => status::SUCCESS,
        };
    };
    let answer = deliver(entry, get!(entry, Name), &value, context);
    if status::success(answer)
        && flags & DELETE != 0
        && let Some(key) = key
    {
        return result(key.delete_value(name));
    }
    answer
}

fn default_value(entry: Table) -> Option<Value> {
    // With TYPECHECK the top byte has the type that is expected.
    let kind = get!(entry, DefaultType) & 0x00FF_FFFF;
    if kind == REG_NONE {
        return None;
    }
    let data = get!(entry, DefaultData).cast::<u8>();
    let length = get!(entry, DefaultLength) as usize;
    let data = match kind {
        REG_SZ | REG_EXPAND_SZ if length == 0 => {
            rtl::terminated(data.cast()).into_iter().chain([0]).flat_map(u16::to_le_bytes).collect()
        }
        REG_MULTI_SZ if length == 0 => {
            let mut size = 0;
            while raw::read(data.wrapping_add(size).cast::<u32>()) != 0 {
                size += 2;
            }
            raw::bytes(data, size + 4)
        }
        _ => raw::bytes(data, length),
    };
    Some(Value { kind, data })
}

fn each_value(key: Option<&Key>, entry: Table, context: PVOID) -> NTSTATUS {
    let values = key.map(Key::values).unwrap_or_default();
    if values.is_empty() && get!(entry, Flags) & REQUIRED != 0 {
        return status::OBJECT_NAME_NOT_FOUND;
    }
    for (name, value) in values {
        let units: Vec<u16> = name.encode_utf16().chain([0]).collect();
        let answer = deliver(entry, units.as_ptr(), &value, context);
        if !status::success(answer) {
            return answer;
        }
    }
    status::SUCCESS
}

/// Stores a value, or gives it to the entry's routine: a multiple string one by one.
fn deliver(entry: Table, name: *const u16, value: &Value, context: PVOID) -> NTSTATUS {
    let flags = get!(entry, Flags);
    if flags & DIRECT != 0 {
        return store(entry, value);
    }
    if value.kind == REG_MULTI_SZ && flags & NOEXPAND == 0 {
        let units: Vec<u16> = value.data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        for text in units.split(|&unit| unit == 0).filter(|text| !text.is_empty()) {
            let data = text.iter().copied().chain([0]).flat_map(u16::to_le_bytes).collect();
            let answer = run(entry, name, &Value { kind: REG_SZ, data }, context);
            if !status::success(answer) {
                return answer;
            }
        }
        return status::SUCCESS;
    }
    run(entry, name, value, context)
}

fn run(entry: Table, name: *const u16, value: &Value, context: PVOID) -> NTSTATUS {
    let pointer = get!(entry, QueryRoutine);
    // SAFETY: the pointer is such a routine by the table's documentation, or null, which is `None`.
    let routine = unsafe { core::mem::transmute::<PVOID, Option<Routine>>(pointer) };
    let Some(routine) = routine else { return status::SUCCESS };
    let mut data = value.data.clone();
    // A copy with room behind strings that the registry holds without a terminator.
    data.extend([0, 0]);
    let length = value.data.len() as u32;
    let entry_context = get!(entry, EntryContext);
    let answer = call::driver("registry query routine", || {
        routine(name, value.kind, data.as_mut_ptr(), length, context, entry_context)
    });
    // A routine that finds its buffer too small does not end the query.
    if answer == status::BUFFER_TOO_SMALL { status::SUCCESS } else { answer }
}

/// Stores a value where the entry's context points.
fn store(entry: Table, value: &Value) -> NTSTATUS {
    let to = get!(entry, EntryContext);
    let flags = get!(entry, Flags);
    if flags & TYPECHECK != 0 {
        let expected = get!(entry, DefaultType) >> 24;
        if expected != value.kind {
            return status::OBJECT_TYPE_MISMATCH;
        }
    } else {
        findings::report(
            Rule::BadArgument,
            "QueryTable",
            "RTL_QUERY_REGISTRY_DIRECT without RTL_QUERY_REGISTRY_TYPECHECK: a value of another type overruns the variable",
        );
    }
    match value.kind {
        REG_SZ | REG_EXPAND_SZ | REG_MULTI_SZ => store_string(to.cast(), &value.data),
        REG_BINARY => store_binary(to.cast(), value),
        _ if value.data.len() <= 4 => {
            raw::put_bytes(to.cast(), &value.data);
            status::SUCCESS
        }
        _ => store_binary(to.cast(), value),
    }
}

fn store_string(to: *mut UNICODE_STRING, data: &[u8]) -> NTSTATUS {
    let length = data.len().saturating_sub(2);
    if get!(to, Buffer).is_null() {
        let buffer = pool::allocate(true, data.len().max(2), TAG);
        if buffer.is_null() {
            return status::NO_MEMORY;
        }
        put!(to, Buffer, buffer.cast());
        put!(to, MaximumLength, data.len() as u16);
    } else if usize::from(get!(to, MaximumLength)) < data.len() {
        return status::BUFFER_TOO_SMALL;
    }
    raw::put_bytes(get!(to, Buffer).cast(), data);
    put!(to, Length, length as u16);
    status::SUCCESS
}

/// The first word of the caller's buffer is its size: negative for data alone, positive for length and type before it.
fn store_binary(to: *mut u8, value: &Value) -> NTSTATUS {
    let room = raw::read(to.cast::<i32>());
    let length = value.data.len();
    if room < 0 {
        if (room.unsigned_abs() as usize) < length {
            return status::BUFFER_TOO_SMALL;
        }
        raw::put_bytes(to, &value.data);
    } else {
        if (room as usize) < length + 8 {
            return status::BUFFER_TOO_SMALL;
        }
        raw::write(to.cast(), length as u32);
        raw::write(to.wrapping_add(4).cast(), value.kind);
        raw::put_bytes(to.wrapping_add(8), &value.data);
    }
    status::SUCCESS
}

extern "win64" fn write_registry_value(
    relative_to: u32,
    path: *const u16,
    name: *const u16,
    kind: u32,
    data: *const u8,
    length: u32,
) -> NTSTATUS {
    let name = String::from_utf16_lossy(&rtl::terminated(name));
    let value = Value { kind, data: raw::bytes(data, length as usize) };
    result(resolve(relative_to, path, true).and_then(|key| key.set(&name, value)))
}

extern "win64" fn delete_registry_value(relative_to: u32, path: *const u16, name: *const u16) -> NTSTATUS {
    let name = String::from_utf16_lossy(&rtl::terminated(name));
    result(resolve(relative_to, path, false).and_then(|key| key.delete_value(&name)))
}

extern "win64" fn create_registry_key(relative_to: u32, path: *const u16) -> NTSTATUS {
    result(resolve(relative_to, path, true).map(|_| ()))
}

extern "win64" fn check_registry_key(relative_to: u32, path: *const u16) -> NTSTATUS {
    result(resolve(relative_to, path, false).map(|_| ()))
}

pub(crate) const EXPORTS: &[Export] = &[
    function("RtlQueryRegistryValues", PASSIVE, query_registry_values as *const ()),
    function("RtlWriteRegistryValue", PASSIVE, write_registry_value as *const ()),
    function("RtlDeleteRegistryValue", PASSIVE, delete_registry_value as *const ()),
    function("RtlCreateRegistryKey", PASSIVE, create_registry_key as *const ()),
    function("RtlCheckRegistryKey", PASSIVE, check_registry_key as *const ()),
];
