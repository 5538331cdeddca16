//! Strings with terminators, as the C library has them.

use nt_machine::call::Export;
use nt_machine::irql::HIGH;

use super::string::{terminated, terminated_bytes};
use crate::exports::function;
use crate::raw;

/// Compares up to `limit` elements, to the terminator at the latest.
fn compare<T: Copy + Into<u32>>(first: *const T, second: *const T, limit: usize, fold: fn(u32) -> u32) -> i32 {
    for at in 0..limit {
        let (a, b): (u32, u32) = (raw::read(first.wrapping_add(at)).into(), raw::read(second.wrapping_add(at)).into());
        if fold(a) != fold(b) {
            return if fold(a) < fold(b) { -1 } else { 1 };
        }
        if a == 0 {
            break;
        }
    }
    0
}

fn same(unit: u32) -> u32 {
    unit
}

fn lower(unit: u32) -> u32 {
    if (u32::from(b'A')..=u32::from(b'Z')).contains(&unit) { unit + 32 } else { unit }
}

extern "win64" fn strlen(text: *const u8) -> usize {
    terminated_bytes(text).len()
}

extern "win64" fn strnlen(text: *const u8, limit: usize) -> usize {
    (0..limit).find(|&at| raw::read(text.wrapping_add(at)) == 0).unwrap_or(limit)
}

extern "win64" fn strcmp(first: *const u8, second: *const u8) -> i32 {
    compare(first, second, usize::MAX, same)
}

extern "win64" fn strncmp(first: *const u8, second: *const u8, limit: usize) -> i32 {
    compare(first, second, limit, same)
}

extern "win64" fn stricmp(first: *const u8, second: *const u8) -> i32 {
    compare(first, second, usize::MAX, lower)
}

extern "win64" fn strnicmp(first: *const u8, second: *const u8, limit: usize) -> i32 {
    compare(first, second, limit, lower)
}

extern "win64" fn strchr(text: *const u8, wanted: i32) -> *const u8 {
    let bytes = terminated_bytes(text);
    // The terminator can be looked for too.
    let at = bytes.iter().chain(&[0]).position(|&byte| byte == wanted as u8);
    at.map_or(core::ptr::null(), |at| text.wrapping_add(at))
}

extern "win64" fn strrchr(text: *const u8, wanted: i32) -> *const u8 {
    let mut bytes = terminated_bytes(text);
    bytes.push(0);
    let at = bytes.iter().rposition(|&byte| byte == wanted as u8);
    at.map_or(core::ptr::null(), |at| text.wrapping_add(at))
}

extern "win64" fn strstr(text: *const u8, wanted: *const u8) -> *const u8 {
    let (bytes, wanted) = (terminated_bytes(text), terminated_bytes(wanted));
    let at = (0..=bytes.len()).find(|&at| bytes[at..].starts_with(&wanted));
    at.map_or(core::ptr::null(), |at| text.wrapping_add(at))
}

extern "win64" fn strcpy(to: *mut u8, from: *const u8) -> *mut u8 {
    let mut bytes = terminated_bytes(from);
    bytes.push(0);
    raw::put_bytes(to, &bytes);
    to
}

extern "win64" fn strncpy(to: *mut u8, from: *const u8, limit: usize) -> *mut u8 {
    let length = strnlen(from, limit);
    raw::copy_bytes(from, to, length);
    raw::fill(to.wrapping_add(length), 0, limit - length);
    to
}

extern "win64" fn wcslen(text: *const u16) -> usize {
    terminated(text).len()
}

extern "win64" fn wcsnlen(text: *const u16, limit: usize) -> usize {
    (0..limit).find(|&at| raw::read(text.wrapping_add(at)) == 0).unwrap_or(limit)
}

extern "win64" fn wcscmp(first: *const u16, second: *const u16) -> i32 {
    compare(first, second, usize::MAX, same)
}

extern "win64" fn wcsncmp(first: *const u16, second: *const u16, limit: usize) -> i32 {
    compare(first, second, limit, same)
}

extern "win64" fn wcsicmp(first: *const u16, second: *const u16) -> i32 {
    compare(first, second, usize::MAX, lower)
}

extern "win64" fn wcschr(text: *const u16, wanted: u16) -> *const u16 {
    let units = terminated(text);
    let at = units.iter().chain(&[0]).position(|&unit| unit == wanted);
    at.map_or(core::ptr::null(), |at| text.wrapping_add(at))
}

extern "win64" fn strcat(to: *mut u8, from: *const u8) -> *mut u8 {
    strcpy(to.wrapping_add(strlen(to)), from);
    to
}

extern "win64" fn wcscpy(to: *mut u16, from: *const u16) -> *mut u16 {
    let length = wcslen(from) + 1;
    raw::copy_bytes(from.cast(), to.cast(), length * 2);
    to
}

extern "win64" fn wcscat(to: *mut u16, from: *const u16) -> *mut u16 {
    wcscpy(to.wrapping_add(wcslen(to)), from);
    to
}

extern "win64" fn wcsncpy(to: *mut u16, from: *const u16, limit: usize) -> *mut u16 {
    let length = wcsnlen(from, limit);
    raw::copy_bytes(from.cast(), to.cast(), length * 2);
    raw::fill(to.wrapping_add(length).cast(), 0, (limit - length) * 2);
    to
}

extern "win64" fn wcsrchr(text: *const u16, wanted: u16) -> *const u16 {
    let mut units = terminated(text);
    units.push(0);
    let at = units.iter().rposition(|&unit| unit == wanted);
    at.map_or(core::ptr::null(), |at| text.wrapping_add(at))
}

extern "win64" fn wcsstr(text: *const u16, wanted: *const u16) -> *const u16 {
    let (units, wanted) = (terminated(text), terminated(wanted));
    let at = (0..=units.len()).find(|&at| units[at..].starts_with(&wanted));
    at.map_or(core::ptr::null(), |at| text.wrapping_add(at))
}

extern "win64" fn tolower(character: i32) -> i32 {
    lower(character.cast_unsigned()).cast_signed()
}

extern "win64" fn toupper(character: i32) -> i32 {
    if (i32::from(b'a')..=i32::from(b'z')).contains(&character) { character - 32 } else { character }
}

pub(super) const EXPORTS: &[Export] = &[
    function("strlen", HIGH, strlen as *const ()),
    function("strnlen", HIGH, strnlen as *const ()),
    function("strcmp", HIGH, strcmp as *const ()),
    function("strncmp", HIGH, strncmp as *const ()),
    function("_stricmp", HIGH, stricmp as *const ()),
    function("_strnicmp", HIGH, strnicmp as *const ()),
    function("strchr", HIGH, strchr as *const ()),
    function("strrchr", HIGH, strrchr as *const ()),
    function("strstr", HIGH, strstr as *const ()),
    function("strcpy", HIGH, strcpy as *const ()),
    function("strncpy", HIGH, strncpy as *const ()),
    function("wcslen", HIGH, wcslen as *const ()),
    function("wcsnlen", HIGH, wcsnlen as *const ()),
    function("wcscmp", HIGH, wcscmp as *const ()),
    function("wcsncmp", HIGH, wcsncmp as *const ()),
    function("_wcsicmp", HIGH, wcsicmp as *const ()),
    function("wcschr", HIGH, wcschr as *const ()),
    function("strcat", HIGH, strcat as *const ()),
    function("wcscpy", HIGH, wcscpy as *const ()),
    function("wcscat", HIGH, wcscat as *const ()),
    function("wcsncpy", HIGH, wcsncpy as *const ()),
    function("wcsrchr", HIGH, wcsrchr as *const ()),
    function("wcsstr", HIGH, wcsstr as *const ()),
    function("tolower", HIGH, tolower as *const ()),
    function("toupper", HIGH, toupper as *const ()),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_end_at_the_terminator() {
        assert_eq!(strcmp(c"abc".as_ptr().cast(), c"abc".as_ptr().cast()), 0);
        assert_eq!(strncmp(c"abc".as_ptr().cast(), c"abd".as_ptr().cast(), 2), 0);
        assert_eq!(strcmp(c"ab".as_ptr().cast(), c"abc".as_ptr().cast()), -1);
        assert_eq!(stricmp(c"CD-ROM".as_ptr().cast(), c"cd-rom".as_ptr().cast()), 0);
    }

    #[test]
    fn finds_and_copies() {
        let text: *const u8 = c"a\\b\\c".as_ptr().cast();
        assert_eq!(strrchr(text, i32::from(b'\\')), text.wrapping_add(3));
        assert_eq!(strchr(text, 0), text.wrapping_add(5));
        assert_eq!(strstr(text, c"b\\".as_ptr().cast()), text.wrapping_add(2));
        let mut wide = [0x78_u16; 8];
        wcscpy(wide.as_mut_ptr(), [0x61, 0x62, 0].as_ptr());
        wcscat(wide.as_mut_ptr(), [0x63, 0].as_ptr());
        assert_eq!(wide, [0x61, 0x62, 0x63, 0, 0x78, 0x78, 0x78, 0x78]);
        assert_eq!(wcsstr(wide.as_ptr(), [0x63, 0].as_ptr()), wide.as_ptr().wrapping_add(2));
        let mut room = [b'x'; 6];
        strncpy(room.as_mut_ptr(), c"ab".as_ptr().cast(), 4);
        assert_eq!(&room, b"ab\0\0xx");
    }
}
