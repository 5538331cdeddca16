//! Control codes by name, for scripts and people.

use virtual_drive::nearest;
use virtual_drive::script::fields::parse_number;

/// What a handle was opened for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Attributes only.
    None,
    /// GENERIC_READ.
    Read,
    /// GENERIC_WRITE.
    Write,
    /// Both.
    #[default]
    ReadWrite,
}

impl Access {
    /// Whether the I/O manager lets a user's request with control code `code` through: bits 14 and 15 of a code name
    /// the rights that the handle must have.
    #[must_use]
    pub const fn permits(self, code: u32) -> bool {
        let (read, write) = self.rights();
        (read || code & 0x4000 == 0) && (write || code & 0x8000 == 0)
    }

    /// FILE_READ_DATA, FILE_WRITE_DATA.
    #[must_use]
    pub const fn rights(self) -> (bool, bool) {
        match self {
            Self::None => (false, false),
            Self::Read => (true, false),
            Self::Write => (false, true),
            Self::ReadWrite => (true, true),
        }
    }
}

/// Every name with its code, by code.
pub fn names() -> impl Iterator<Item = (&'static str, u32)> {
    let lines = include_str!("control_codes.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let (code, name) = line.split_once(' ')?;
        Some((name, u32::from_str_radix(code.strip_prefix("0x")?, 16).ok()?))
    })
}

/// The control code that `text` names or gives as a number.
///
/// # Errors
/// A sentence with the nearest names.
pub fn control_code(text: &str) -> Result<u32, String> {
    let prefixed = format!("IOCTL_{text}");
    if let Some((_, code)) =
        names().find(|(name, _)| name.eq_ignore_ascii_case(text) || name.eq_ignore_ascii_case(&prefixed))
    {
        return Ok(code);
    }
    if let Some(number) = parse_number(text) {
        return match u32::try_from(number) {
            Ok(code) => Ok(code),
            Err(_) => Err(format!("`{text}` is no control code: a code has 32 bits")),
        };
    }
    let near = nearest_names(text, names().map(|(name, _)| name));
    Err(if near.is_empty() {
        format!(
            "`{text}` is no control code's name; `cdromctl ioctls` lists them, a number such as 0x00024000 works too"
        )
    } else {
        format!("`{text}` is no control code's name; the nearest are {}", near.join(", "))
    })
}

/// Up to three names that are near to `text`, which may lack `IOCTL_` or the group after it.
fn nearest_names<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let short = |name: &'a str| name.strip_prefix("IOCTL_").unwrap_or(name);
    let shortest = |name: &'a str| short(name).split_once('_').map_or(name, |(_, rest)| rest);
    let forms: Vec<(&str, &str)> =
        names.flat_map(|name| [name, short(name), shortest(name)].map(|form| (form, name))).collect();
    let mut found = Vec::new();
    for near in nearest(text, forms.iter().map(|(form, _)| *form), 9) {
        for (_, name) in forms.iter().filter(|(form, _)| *form == near) {
            if !found.contains(name) {
                found.push(*name);
            }
        }
    }
    found.truncate(3);
    found
}

/// The name of `code`, if it has one here.
#[must_use]
pub fn name_of(code: u32) -> Option<&'static str> {
    names().find(|(_, other)| *other == code).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_list_is_read() {
        assert_eq!(names().count(), include_str!("control_codes.txt").lines().count() - 1);
        assert!(names().map(|(name, code)| (code, name)).is_sorted());
    }

    #[test]
    fn names_numbers_and_aliases_are_codes() {
        for (text, code) in [
            ("IOCTL_CDROM_READ_TOC", 0x0002_4000),
            ("cdrom_read_toc", 0x0002_4000),
            ("IOCTL_DISK_EJECT_MEDIA", 0x0007_4808),
            ("0x003350CC", 0x0033_50CC),
            ("147456", 0x0002_4000),
        ] {
            assert_eq!(control_code(text), Ok(code), "{text}");
        }
        let error = control_code("IOCTL_CDROM_REED_TOC").unwrap_err();
        assert!(error.contains("IOCTL_CDROM_READ_TOC,"), "{error}");
        assert!(control_code("READ_TOK").unwrap_err().contains("nearest are IOCTL_CDROM_READ_TOC,"));
        assert!(control_code("0x100000000").unwrap_err().contains("32 bits"));
        assert!(control_code("?").unwrap_err().contains("cdromctl ioctls"));
        assert_eq!(name_of(0x0002_4800), Some("IOCTL_CDROM_CHECK_VERIFY"));
    }

    #[test]
    fn access_follows_the_code() {
        assert!(Access::Read.permits(0x0002_4000) && !Access::None.permits(0x0002_4000));
        assert!(!Access::Read.permits(0x0004_D004) && Access::ReadWrite.permits(0x0004_D004));
        assert!(Access::None.permits(0x002D_0C04) && !Access::Write.permits(0x0002_4000));
    }
}
