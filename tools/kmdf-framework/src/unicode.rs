//! UNICODE_STRING arguments.

use nt_kernel::layout::UNICODE_STRING;
use nt_kernel::raw;

use crate::status;

/// Copies a string that a driver passed.
///
/// # Errors
/// INVALID_PARAMETER for odd lengths, a length beyond the maximum, or a maximum without buffer.
pub fn read(string: *const UNICODE_STRING) -> Result<String, i32> {
    let UNICODE_STRING { Length: length, MaximumLength: maximum, Buffer: buffer } = raw::read(string);
    if length % 2 != 0 || maximum % 2 != 0 || length > maximum || (maximum > 0 && buffer.is_null()) {
        return Err(status::INVALID_PARAMETER);
    }
    let units: Vec<u16> = (0..usize::from(length / 2)).map(|at| raw::read(buffer.wrapping_add(at))).collect();
    Ok(String::from_utf16_lossy(&units))
}

/// As [`read`]; NULL is no string.
///
/// # Errors
/// As [`read`].
pub fn read_optional(string: *const UNICODE_STRING) -> Result<Option<String>, i32> {
    if string.is_null() { Ok(None) } else { read(string).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_strings_are_refused() {
        let mut units = [u16::from(b'a'), u16::from(b'b')];
        let string =
            |length, maximum, buffer| UNICODE_STRING { Length: length, MaximumLength: maximum, Buffer: buffer };
        assert_eq!(read(&string(4, 4, units.as_mut_ptr())), Ok("ab".to_owned()));
        assert_eq!(read(&string(0, 0, std::ptr::null_mut())), Ok(String::new()));
        for bad in [
            string(3, 4, units.as_mut_ptr()),
            string(4, 2, units.as_mut_ptr()),
            string(2, 3, units.as_mut_ptr()),
            string(0, 4, std::ptr::null_mut()),
        ] {
            assert_eq!(read(&bad), Err(status::INVALID_PARAMETER));
        }
    }
}
