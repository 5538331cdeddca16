//! Counted strings.

use nt_machine::call::Export;
use nt_machine::irql::{DISPATCH, HIGH, PASSIVE};

use crate::exports::function;
use crate::layout::{GUID, STRING, UNICODE_STRING};
use crate::{get, pool, put, raw, status};

const TAG: u32 = u32::from_le_bytes(*b"Strg");

/// The code units of a counted string.
#[must_use]
pub fn utf16(string: *const UNICODE_STRING) -> Vec<u16> {
    let string = string.cast_mut();
    units(get!(string, Buffer), usize::from(get!(string, Length)) / 2)
}

/// The text of a counted string.
#[must_use]
pub fn string(string: *const UNICODE_STRING) -> String {
    String::from_utf16_lossy(&utf16(string))
}

fn units(from: *const u16, count: usize) -> Vec<u16> {
    raw::bytes(from.cast(), count * 2).chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// The code units of a string with a terminator.
pub(crate) fn terminated(from: *const u16) -> Vec<u16> {
    let mut all = Vec::new();
    while let unit @ 1.. = raw::read(from.wrapping_add(all.len())) {
        all.push(unit);
    }
    all
}

/// The bytes of a string with a terminator.
pub(crate) fn terminated_bytes(from: *const u8) -> Vec<u8> {
    let mut all = Vec::new();
    while let byte @ 1.. = raw::read(from.wrapping_add(all.len())) {
        all.push(byte);
    }
    all
}

fn to_bytes(units: &[u16]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}

fn upper(unit: u16) -> u16 {
    let one = |character: char| {
        let mut all = character.to_uppercase();
        all.next().filter(|_| all.len() == 0).and_then(|upper| u16::try_from(u32::from(upper)).ok())
    };
    char::from_u32(u32::from(unit)).and_then(one).unwrap_or(unit)
}

/// A longer string is cut to what a counted string can hold with its terminator.
const MAXIMUM: usize = 0xFFFC;

extern "win64" fn init_unicode_string(string: *mut UNICODE_STRING, source: *mut u16) {
    let length = if source.is_null() { 0 } else { (terminated(source).len() * 2).min(MAXIMUM) };
    let maximum = if source.is_null() { 0 } else { length + 2 };
    let made = UNICODE_STRING { Length: length as u16, MaximumLength: maximum as u16, Buffer: source };
    raw::write(string, made);
}

extern "win64" fn init_ansi_string(string: *mut STRING, source: *mut u8) {
    let length = if source.is_null() { 0 } else { terminated_bytes(source).len().min(0xFFFE) };
    let maximum = if source.is_null() { 0 } else { length + 1 };
    raw::write(string, STRING { Length: length as u16, MaximumLength: maximum as u16, Buffer: source });
}

extern "win64" fn copy_unicode_string(to: *mut UNICODE_STRING, from: *const UNICODE_STRING) {
    let source = if from.is_null() { Vec::new() } else { utf16(from) };
    let room = usize::from(get!(to, MaximumLength)) / 2;
    let copied = &source[..source.len().min(room)];
    raw::put_bytes(get!(to, Buffer).cast(), &to_bytes(copied));
    put!(to, Length, (copied.len() * 2) as u16);
    if copied.len() < room {
        raw::write(get!(to, Buffer).wrapping_add(copied.len()), 0);
    }
}

fn append(to: *mut UNICODE_STRING, more: &[u16]) -> i32 {
    let length = usize::from(get!(to, Length));
    let room = usize::from(get!(to, MaximumLength));
    if more.len() * 2 > room - length.min(room) {
        return status::BUFFER_TOO_SMALL;
    }
    let end = get!(to, Buffer).wrapping_add(length / 2);
    raw::put_bytes(end.cast(), &to_bytes(more));
    let length = length + more.len() * 2;
    put!(to, Length, length as u16);
    if length + 2 <= room {
        raw::write(get!(to, Buffer).wrapping_add(length / 2), 0);
    }
    status::SUCCESS
}

extern "win64" fn append_unicode_string_to_string(to: *mut UNICODE_STRING, from: *const UNICODE_STRING) -> i32 {
    append(to, &utf16(from))
}

extern "win64" fn append_unicode_to_string(to: *mut UNICODE_STRING, from: *const u16) -> i32 {
    if from.is_null() { status::SUCCESS } else { append(to, &terminated(from)) }
}

fn ordering(first: &[u16], second: &[u16], no_case: bool) -> i32 {
    let fold = |&unit: &u16| if no_case { upper(unit) } else { unit };
    let different = first.iter().map(fold).zip(second.iter().map(fold)).find(|(a, b)| a != b);
    different.map_or(first.len() as i32 - second.len() as i32, |(a, b)| i32::from(a) - i32::from(b))
}

extern "win64" fn compare_unicode_string(
    first: *const UNICODE_STRING,
    second: *const UNICODE_STRING,
    no_case: u8,
) -> i32 {
    ordering(&utf16(first), &utf16(second), no_case != 0)
}

extern "win64" fn equal_unicode_string(first: *const UNICODE_STRING, second: *const UNICODE_STRING, no_case: u8) -> u8 {
    u8::from(compare_unicode_string(first, second, no_case) == 0)
}

extern "win64" fn prefix_unicode_string(
    first: *const UNICODE_STRING,
    second: *const UNICODE_STRING,
    no_case: u8,
) -> u8 {
    let (first, second) = (utf16(first), utf16(second));
    u8::from(second.len() >= first.len() && ordering(&first, &second[..first.len()], no_case != 0) == 0)
}

extern "win64" fn upcase_unicode_char(unit: u16) -> u16 {
    upper(unit)
}

/// A buffer for a string that the library allocates.
fn allocate(size: usize) -> *mut u8 {
    pool::allocate(true, size, TAG)
}

extern "win64" fn ansi_string_to_unicode_string(to: *mut UNICODE_STRING, from: *const STRING, allocates: u8) -> i32 {
    let from = from.cast_mut();
    let bytes = raw::bytes(get!(from, Buffer), usize::from(get!(from, Length)));
    let units: Vec<u16> = bytes.iter().map(|&byte| u16::from(byte)).collect();
    let size = units.len() * 2 + 2;
    if size > 0xFFFF {
        return status::INVALID_PARAMETER_2;
    }
    if allocates != 0 {
        let buffer = allocate(size);
        if buffer.is_null() {
            return status::NO_MEMORY;
        }
        put!(to, Buffer, buffer.cast());
        put!(to, MaximumLength, size as u16);
    } else if usize::from(get!(to, MaximumLength)) < size {
        return status::BUFFER_OVERFLOW;
    }
    put!(to, Length, (size - 2) as u16);
    raw::put_bytes(get!(to, Buffer).cast(), &to_bytes(&units));
    raw::write(get!(to, Buffer).wrapping_add(units.len()), 0);
    status::SUCCESS
}

extern "win64" fn unicode_string_to_ansi_string(to: *mut STRING, from: *const UNICODE_STRING, allocates: u8) -> i32 {
    let bytes: Vec<u8> = utf16(from).iter().map(|&unit| u8::try_from(unit).unwrap_or(b'?')).collect();
    let size = bytes.len() + 1;
    if size > 0xFFFF {
        return status::INVALID_PARAMETER_2;
    }
    if allocates != 0 {
        let buffer = allocate(size);
        if buffer.is_null() {
            return status::NO_MEMORY;
        }
        put!(to, Buffer, buffer);
        put!(to, MaximumLength, size as u16);
    } else if usize::from(get!(to, MaximumLength)) < size {
        return status::BUFFER_OVERFLOW;
    }
    put!(to, Length, (size - 1) as u16);
    raw::put_bytes(get!(to, Buffer), &bytes);
    raw::write(get!(to, Buffer).wrapping_add(bytes.len()), 0);
    status::SUCCESS
}

extern "win64" fn free_unicode_string(string: *mut UNICODE_STRING) {
    let buffer = get!(string, Buffer);
    if !buffer.is_null() {
        pool::free(buffer.cast());
        put!(string, Length, 0);
        put!(string, MaximumLength, 0);
        put!(string, Buffer, core::ptr::null_mut());
    }
}

extern "win64" fn ansi_char_to_unicode_char(source: *mut *const u8) -> u16 {
    let at = raw::read(source);
    raw::write(source, at.wrapping_add(1));
    u16::from(raw::read(at))
}

/// What does not fit is left out; that is no error.
extern "win64" fn multi_byte_to_unicode(
    to: *mut u16,
    room: u32,
    written: *mut u32,
    from: *const u8,
    length: u32,
) -> i32 {
    let count = (room as usize / 2).min(length as usize);
    for (at, byte) in raw::bytes(from, count).into_iter().enumerate() {
        raw::write(to.wrapping_add(at), u16::from(byte));
    }
    if !written.is_null() {
        raw::write(written, count as u32 * 2);
    }
    status::SUCCESS
}

extern "win64" fn multi_byte_to_unicode_size(size: *mut u32, _from: *const u8, length: u32) -> i32 {
    raw::write(size, length * 2);
    status::SUCCESS
}

/// What does not fit is left out; that is no error.
extern "win64" fn unicode_to_multi_byte(
    to: *mut u8,
    room: u32,
    written: *mut u32,
    from: *const u16,
    bytes: u32,
) -> i32 {
    let all = units(from, bytes as usize / 2);
    let narrow: Vec<u8> = all.iter().map(|&unit| u8::try_from(unit).unwrap_or(b'?')).collect();
    let count = narrow.len().min(room as usize);
    raw::put_bytes(to, &narrow[..count]);
    if !written.is_null() {
        raw::write(written, count as u32);
    }
    status::SUCCESS
}

/// Bytes that the string takes in the other kind, with its terminator.
extern "win64" fn ansi_string_to_unicode_size(from: *mut STRING) -> u32 {
    u32::from(get!(from, Length)) * 2 + 2
}

extern "win64" fn unicode_string_to_ansi_size(from: *mut UNICODE_STRING) -> u32 {
    u32::from(get!(from, Length)) / 2 + 1
}

extern "win64" fn integer_to_unicode_string(value: u32, base: u32, to: *mut UNICODE_STRING) -> i32 {
    let text = match base {
        0 | 10 => value.to_string(),
        16 => format!("{value:X}"),
        8 => format!("{value:o}"),
        2 => format!("{value:b}"),
        _ => return status::INVALID_PARAMETER,
    };
    let digits: Vec<u16> = text.encode_utf16().chain([0]).collect();
    if digits.len() * 2 > usize::from(get!(to, MaximumLength)) {
        return status::BUFFER_OVERFLOW;
    }
    raw::put_bytes(get!(to, Buffer).cast(), &to_bytes(&digits));
    put!(to, Length, (digits.len() * 2 - 2) as u16);
    status::SUCCESS
}

extern "win64" fn create_unicode_string(to: *mut UNICODE_STRING, from: *const u16) -> u8 {
    let mut all = terminated(from);
    all.push(0);
    let buffer = allocate(all.len() * 2);
    if buffer.is_null() {
        return 0;
    }
    raw::put_bytes(buffer, &to_bytes(&all));
    let maximum = (all.len() * 2) as u16;
    raw::write(to, UNICODE_STRING { Length: maximum - 2, MaximumLength: maximum, Buffer: buffer.cast() });
    1
}

extern "win64" fn upcase_unicode_string(to: *mut UNICODE_STRING, from: *const UNICODE_STRING, allocates: u8) -> i32 {
    let all: Vec<u16> = utf16(from).into_iter().map(upper).collect();
    let size = all.len() * 2;
    if allocates != 0 {
        let buffer = allocate(size.max(2));
        if buffer.is_null() {
            return status::NO_MEMORY;
        }
        put!(to, Buffer, buffer.cast());
        put!(to, MaximumLength, size as u16);
    } else if usize::from(get!(to, MaximumLength)) < size {
        return status::BUFFER_OVERFLOW;
    }
    raw::put_bytes(get!(to, Buffer).cast(), &to_bytes(&all));
    put!(to, Length, size as u16);
    status::SUCCESS
}

extern "win64" fn unicode_string_to_integer(from: *const UNICODE_STRING, base: u32, value: *mut u32) -> i32 {
    let text = string(from);
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (prefix, radix) = match digits.get(..2) {
        Some("0x") => (2, 16),
        Some("0o") => (2, 8),
        Some("0b") => (2, 2),
        _ => (0, 10),
    };
    let (digits, radix) = if base == 0 { (&digits[prefix..], radix) } else { (digits, base) };
    if !matches!(radix, 2 | 8 | 10 | 16) {
        return status::INVALID_PARAMETER;
    }
    let number = digits.chars().map_while(|digit| digit.to_digit(radix));
    let number = number.fold(0_u32, |all, digit| all.wrapping_mul(radix).wrapping_add(digit));
    raw::write(value, if negative { number.wrapping_neg() } else { number });
    status::SUCCESS
}

extern "win64" fn string_from_guid(guid: *const GUID, to: *mut UNICODE_STRING) -> i32 {
    let units: Vec<u16> = crate::pnp::guid_text(&raw::read(guid)).encode_utf16().chain([0]).collect();
    let buffer = allocate(units.len() * 2);
    if buffer.is_null() {
        return status::NO_MEMORY;
    }
    raw::put_bytes(buffer, &to_bytes(&units));
    let length = (units.len() * 2 - 2) as u16;
    raw::write(to, UNICODE_STRING { Length: length, MaximumLength: length + 2, Buffer: buffer.cast() });
    status::SUCCESS
}

pub(super) const EXPORTS: &[Export] = &[
    function("RtlInitUnicodeString", DISPATCH, init_unicode_string as *const ()),
    function("RtlInitAnsiString", DISPATCH, init_ansi_string as *const ()),
    function("RtlInitString", DISPATCH, init_ansi_string as *const ()),
    function("RtlCopyUnicodeString", HIGH, copy_unicode_string as *const ()),
    function("RtlAppendUnicodeStringToString", DISPATCH, append_unicode_string_to_string as *const ()),
    function("RtlAppendUnicodeToString", DISPATCH, append_unicode_to_string as *const ()),
    function("RtlCompareUnicodeString", PASSIVE, compare_unicode_string as *const ()),
    function("RtlEqualUnicodeString", PASSIVE, equal_unicode_string as *const ()),
    function("RtlPrefixUnicodeString", PASSIVE, prefix_unicode_string as *const ()),
    function("RtlUpcaseUnicodeChar", PASSIVE, upcase_unicode_char as *const ()),
    function("RtlAnsiStringToUnicodeString", PASSIVE, ansi_string_to_unicode_string as *const ()),
    function("RtlUnicodeStringToAnsiString", PASSIVE, unicode_string_to_ansi_string as *const ()),
    function("RtlFreeUnicodeString", PASSIVE, free_unicode_string as *const ()),
    function("RtlFreeAnsiString", PASSIVE, free_unicode_string as *const ()),
    function("RtlAnsiCharToUnicodeChar", PASSIVE, ansi_char_to_unicode_char as *const ()),
    function("RtlMultiByteToUnicodeN", PASSIVE, multi_byte_to_unicode as *const ()),
    function("RtlMultiByteToUnicodeSize", PASSIVE, multi_byte_to_unicode_size as *const ()),
    function("RtlUnicodeToMultiByteN", PASSIVE, unicode_to_multi_byte as *const ()),
    function("RtlxAnsiStringToUnicodeSize", PASSIVE, ansi_string_to_unicode_size as *const ()),
    function("RtlxUnicodeStringToAnsiSize", PASSIVE, unicode_string_to_ansi_size as *const ()),
    function("RtlIntegerToUnicodeString", PASSIVE, integer_to_unicode_string as *const ()),
    function("RtlCreateUnicodeString", PASSIVE, create_unicode_string as *const ()),
    function("RtlUpcaseUnicodeString", PASSIVE, upcase_unicode_string as *const ()),
    function("RtlUnicodeStringToInteger", PASSIVE, unicode_string_to_integer as *const ()),
    function("RtlStringFromGUID", PASSIVE, string_from_guid as *const ()),
];
