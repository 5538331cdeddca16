//! Control codes by name, as the core's type.

use ioctl_dispatch::ioctl::ControlCode;

pub use drive_formats::names::Access;

/// The control code that `text` names or gives as a number.
///
/// # Errors
/// A sentence with the nearest names.
pub fn control_code(text: &str) -> Result<ControlCode, String> {
    drive_formats::names::control_code(text).map(ControlCode)
}

/// The name of `code`, if it has one here.
#[must_use]
pub fn name_of(code: ControlCode) -> Option<&'static str> {
    drive_formats::names::name_of(code.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_and_the_headers_give_a_code_the_same_name() {
        for (name, code) in ioctl_dispatch::ioctl::names() {
            assert_eq!(control_code(name), Ok(code), "{name}");
        }
    }

    #[test]
    fn access_is_what_the_code_asks_for() {
        for (name, code) in ioctl_dispatch::ioctl::names() {
            assert_eq!(Access::Read.permits(code.0), !code.needs_write_access(), "{name}");
            assert_eq!(Access::Write.permits(code.0), !code.needs_read_access(), "{name}");
        }
    }
}
