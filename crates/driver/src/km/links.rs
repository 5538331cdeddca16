//! Names and symbolic links.

use wdk_sys::ntddk::{IoCreateSymbolicLink, IoDeleteSymbolicLink};
use wdk_sys::{NTSTATUS, UNICODE_STRING};

/// Longest name that is built here, in UTF-16 units.
const LIMIT: usize = 40;

/// A short name in UTF-16, without terminator.
#[derive(Clone, Copy)]
pub struct Name {
    units: [u16; LIMIT],
    length: u16,
}

impl Name {
    /// `prefix` followed by `number`.
    pub fn numbered(prefix: &str, number: u32) -> Self {
        let mut digits = [0_u8; 10];
        let mut rest = number;
        let mut first = digits.len();
        for place in digits.iter_mut().rev() {
            *place = b'0'.wrapping_add(u8::try_from(rest % 10).unwrap_or(0));
            first = first.saturating_sub(1);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        let mut name = Self { units: [0; LIMIT], length: 0 };
        let text = prefix.bytes().chain(digits.into_iter().skip(first));
        for (unit, byte) in name.units.iter_mut().zip(text) {
            *unit = u16::from(byte);
            name.length = name.length.saturating_add(1);
        }
        name
    }

    /// Its units.
    pub fn units(&self) -> &[u16] {
        self.units.get(..usize::from(self.length)).unwrap_or(&[])
    }

    /// For calls; it points into `self`.
    pub fn string(&self) -> UNICODE_STRING {
        string_of(self.units())
    }
}

/// A string for calls that points to `units`.
pub fn string_of(units: &[u16]) -> UNICODE_STRING {
    let bytes = u16::try_from(size_of_val(units)).unwrap_or(0);
    UNICODE_STRING { Length: bytes, MaximumLength: bytes, Buffer: units.as_ptr().cast_mut() }
}

/// The units that a string of the system describes.
///
/// # Safety
/// The string is valid, and what it describes lives and stays unchanged for as long as the slice is used.
pub unsafe fn units_of<'a>(string: &UNICODE_STRING) -> &'a [u16] {
    let length = usize::from(string.Length >> 1);
    if string.Buffer.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: as the caller promises.
    unsafe { core::slice::from_raw_parts(string.Buffer, length) }
}

/// Makes `link` lead to `target`.
pub fn create(link: &Name, target: &Name) -> NTSTATUS {
    let (mut link, mut target) = (link.string(), target.string());
    // SAFETY: two valid strings; PASSIVE_LEVEL.
    unsafe { IoCreateSymbolicLink(&raw mut link, &raw mut target) }
}

/// Deletes `link`.
pub fn delete(link: &Name) {
    let mut link = link.string();
    // SAFETY: a valid string; PASSIVE_LEVEL. That it is gone already is no harm.
    let _ = unsafe { IoDeleteSymbolicLink(&raw mut link) };
}
