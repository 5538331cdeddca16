//! Counted strings as drivers use them.

use core::mem::transmute;

use super::*;
use crate::layout::{STRING, UNICODE_STRING};
use crate::testing::clean;
use crate::{export, pool, status};

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

const EMPTY: UNICODE_STRING = UNICODE_STRING { Length: 0, MaximumLength: 0, Buffer: core::ptr::null_mut() };

/// Calls an export as a driver would, but without its stub.
macro_rules! call {
    ($name:literal, fn($($type:ty),*) -> $result:ty, $($argument:expr),*) => {{
        let address = export("ntoskrnl.exe", $name).expect($name).address;
        // SAFETY: the export has this type.
        let function = unsafe { transmute::<*const (), extern "win64" fn($($type),*) -> $result>(address) };
        function($($argument),*)
    }};
}

fn init(buffer: &mut [u16]) -> UNICODE_STRING {
    let mut made = EMPTY;
    call!("RtlInitUnicodeString", fn(*mut UNICODE_STRING, *mut u16) -> (), &raw mut made, buffer.as_mut_ptr());
    made
}

#[test]
fn strings_are_counted_without_their_terminator() {
    let mut text = wide("abc");
    let made = init(&mut text);
    assert_eq!((made.Length, made.MaximumLength), (6, 8));
    let mut long = vec![0x61; 40_000];
    long.push(0);
    let made = init(&mut long);
    assert_eq!((made.Length, made.MaximumLength), (0xFFFC, 0xFFFE));
    let mut none = made;
    call!("RtlInitUnicodeString", fn(*mut UNICODE_STRING, usize) -> (), &raw mut none, 0);
    assert_eq!((none.Length, none.MaximumLength, none.Buffer.is_null()), (0, 0, true));
}

#[test]
fn copies_and_appends_keep_within_the_buffer() {
    let (mut source, mut room) = (wide("abcdef"), [0x78_u16; 4]);
    let from = init(&mut source);
    let mut to = UNICODE_STRING { Length: 0, MaximumLength: 6, Buffer: room.as_mut_ptr() };
    call!("RtlCopyUnicodeString", fn(*mut UNICODE_STRING, *const UNICODE_STRING) -> (), &raw mut to, &raw const from);
    assert_eq!((string(&raw const to).as_str(), to.Length), ("abc", 6));
    let append = |to: *mut UNICODE_STRING| {
        call!(
            "RtlAppendUnicodeStringToString",
            fn(*mut UNICODE_STRING, *const UNICODE_STRING) -> i32,
            to,
            &raw const from
        )
    };
    assert_eq!(append(&raw mut to), status::BUFFER_TOO_SMALL);
    assert_eq!(to.Length, 6);
    assert_eq!(room[3], 0x78);
}

#[test]
fn comparisons_may_ignore_case() {
    let (mut a, mut b, mut c) = (wide("CdRom"), wide("cdROM"), wide("cdrom0"));
    let (a, b, c) = (init(&mut a), init(&mut b), init(&mut c));
    type Equal = extern "win64" fn(*const UNICODE_STRING, *const UNICODE_STRING, u8) -> u8;
    let get = |name| {
        let address = export("ntoskrnl.exe", name).unwrap().address;
        // SAFETY: both exports have this type.
        unsafe { transmute::<*const (), Equal>(address) }
    };
    let (equal, prefix) = (get("RtlEqualUnicodeString"), get("RtlPrefixUnicodeString"));
    assert_eq!((equal(&raw const a, &raw const b, 1), equal(&raw const a, &raw const b, 0)), (1, 0));
    assert_eq!((prefix(&raw const a, &raw const c, 1), prefix(&raw const c, &raw const a, 1)), (1, 0));
}

#[test]
fn narrow_becomes_wide_and_back() {
    clean(|| {
        let mut text = *b"ACME";
        let narrow = STRING { Length: 4, MaximumLength: 4, Buffer: text.as_mut_ptr() };
        let mut made = EMPTY;
        let convert = |to: *mut UNICODE_STRING, allocates| {
            type Convert = extern "win64" fn(*mut UNICODE_STRING, *const STRING, u8) -> i32;
            let address = export("ntoskrnl.exe", "RtlAnsiStringToUnicodeString").unwrap().address;
            // SAFETY: the export has this type.
            let convert = unsafe { transmute::<*const (), Convert>(address) };
            convert(to, &raw const narrow, allocates)
        };
        assert_eq!(convert(&raw mut made, 0), status::BUFFER_OVERFLOW);
        assert_eq!(convert(&raw mut made, 1), status::SUCCESS);
        assert_eq!(string(&raw const made), "ACME");
        let mut number = 0;
        let mut digits = wide("0x1F");
        let digits = init(&mut digits);
        let result = call!(
            "RtlUnicodeStringToInteger",
            fn(*const UNICODE_STRING, u32, *mut u32) -> i32,
            &raw const digits,
            0,
            &raw mut number
        );
        assert_eq!((result, number), (status::SUCCESS, 0x1F));
        call!("RtlFreeUnicodeString", fn(*mut UNICODE_STRING) -> (), &raw mut made);
        assert!(made.Buffer.is_null());
        pool::set_failure(Some(1));
        assert_eq!(convert(&raw mut made, 1), status::NO_MEMORY);
    });
}

#[test]
fn bytes_of_several_characters_are_counted() {
    let text = *b"abc";
    let (mut room, mut written) = ([0_u16; 4], 0);
    type Wide = extern "win64" fn(*mut u16, u32, *mut u32, *const u8, u32) -> i32;
    let address = export("ntoskrnl.exe", "RtlMultiByteToUnicodeN").unwrap().address;
    // SAFETY: the export has this type.
    let widen = unsafe { transmute::<*const (), Wide>(address) };
    assert_eq!(widen(room.as_mut_ptr(), 8, &raw mut written, text.as_ptr(), 3), status::SUCCESS);
    assert_eq!((written, room), (6, [0x61, 0x62, 0x63, 0]));
    assert_eq!(widen(room.as_mut_ptr(), 4, &raw mut written, text.as_ptr(), 3), status::SUCCESS);
    assert_eq!(written, 4);
}
