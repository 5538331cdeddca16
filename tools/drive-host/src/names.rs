//! Control codes by name, for scripts and people.

use ioctl_dispatch::ioctl::{ControlCode, IOCTLS};
use virtual_drive::script::fields::{nearest, parse_number};

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
    /// Whether the I/O manager lets a user's request with `code` through.
    #[must_use]
    pub fn permits(self, code: ControlCode) -> bool {
        let (read, write) = self.rights();
        (read || !code.needs_read_access()) && (write || !code.needs_write_access())
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

/// Older names of codes that are served as another code, and codes that only the port serves.
pub const OTHER_NAMES: &[(&str, u32)] = &[
    ("IOCTL_CDROM_CHECK_VERIFY", 0x0002_4800),
    ("IOCTL_CDROM_MEDIA_REMOVAL", 0x0002_4804),
    ("IOCTL_CDROM_EJECT_MEDIA", 0x0002_4808),
    ("IOCTL_CDROM_LOAD_MEDIA", 0x0002_480C),
    ("IOCTL_CDROM_RESERVE", 0x0002_4810),
    ("IOCTL_CDROM_RELEASE", 0x0002_4814),
    ("IOCTL_CDROM_FIND_NEW_DEVICES", 0x0002_4818),
    ("IOCTL_DISK_CHECK_VERIFY", 0x0007_4800),
    ("IOCTL_DISK_MEDIA_REMOVAL", 0x0007_4804),
    ("IOCTL_DISK_EJECT_MEDIA", 0x0007_4808),
    ("IOCTL_DISK_LOAD_MEDIA", 0x0007_480C),
    ("IOCTL_DISK_RESERVE", 0x0007_4810),
    ("IOCTL_DISK_RELEASE", 0x0007_4814),
    ("IOCTL_DISK_FIND_NEW_DEVICES", 0x0007_4818),
    ("IOCTL_SCSI_GET_ADDRESS", 0x0004_1018),
    ("IOCTL_SCSI_MINIPORT", 0x0004_D008),
    ("IOCTL_SCSI_GET_INQUIRY_DATA", 0x0004_100C),
    ("IOCTL_SCSI_GET_CAPABILITIES", 0x0004_1010),
    ("IOCTL_ATA_PASS_THROUGH", 0x0004_D02C),
    ("IOCTL_ATA_PASS_THROUGH_DIRECT", 0x0004_D030),
    ("IOCTL_STORAGE_GET_MEDIA_TYPES", 0x002D_0C00),
    ("IOCTL_STORAGE_RESET_BUS", 0x002D_5000),
    ("IOCTL_STORAGE_RESET_DEVICE", 0x002D_5004),
    ("IOCTL_MOUNTDEV_QUERY_STABLE_GUID", 0x004D_0018),
    ("IOCTL_MOUNTDEV_LINK_CREATED", 0x004D_C010),
    ("IOCTL_MOUNTDEV_LINK_DELETED", 0x004D_C014),
    ("IOCTL_VOLUME_GET_GPT_ATTRIBUTES", 0x0056_0038),
    ("IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS", 0x0056_0000),
];

/// The control code that `text` names or gives as a number.
///
/// # Errors
/// A sentence with the nearest names.
pub fn control_code(text: &str) -> Result<ControlCode, String> {
    let names = || IOCTLS.iter().map(|row| (row.name, row.code.0)).chain(OTHER_NAMES.iter().copied());
    let prefixed = format!("IOCTL_{text}");
    if let Some((_, code)) =
        names().find(|(name, _)| name.eq_ignore_ascii_case(text) || name.eq_ignore_ascii_case(&prefixed))
    {
        return Ok(ControlCode(code));
    }
    if let Some(number) = parse_number(text) {
        return match u32::try_from(number) {
            Ok(code) => Ok(ControlCode(code)),
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
pub fn name_of(code: ControlCode) -> Option<&'static str> {
    let own = IOCTLS.iter().find(|row| row.code == code).map(|row| row.name);
    own.or_else(|| OTHER_NAMES.iter().find(|(_, other)| *other == code.0).map(|(name, _)| *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_aliases_are_codes() {
        for (text, code) in [
            ("IOCTL_CDROM_READ_TOC", 0x0002_4000),
            ("cdrom_read_toc", 0x0002_4000),
            ("IOCTL_DISK_EJECT_MEDIA", 0x0007_4808),
            ("0x003350CC", 0x0033_50CC),
            ("147456", 0x0002_4000),
        ] {
            assert_eq!(control_code(text), Ok(ControlCode(code)), "{text}");
        }
        let error = control_code("IOCTL_CDROM_REED_TOC").unwrap_err();
        assert!(error.contains("IOCTL_CDROM_READ_TOC,"), "{error}");
        assert!(control_code("READ_TOK").unwrap_err().contains("nearest are IOCTL_CDROM_READ_TOC,"));
        assert!(control_code("0x100000000").unwrap_err().contains("32 bits"));
        assert!(control_code("?").unwrap_err().contains("cdromctl ioctls"));
        assert_eq!(name_of(ControlCode(0x0002_4800)), Some("IOCTL_CDROM_CHECK_VERIFY"));
    }

    #[test]
    fn aliases_lead_to_rows_of_the_table() {
        for (name, code) in
            OTHER_NAMES.iter().filter(|(name, _)| name.starts_with("IOCTL_DISK_") || name.starts_with("IOCTL_CDROM_"))
        {
            let code = ControlCode(*code).normalized();
            assert!(ioctl_dispatch::ioctl::find(code).is_some(), "{name}");
        }
    }

    #[test]
    fn access_follows_the_code() {
        assert!(Access::Read.permits(ControlCode(0x0002_4000)) && !Access::None.permits(ControlCode(0x0002_4000)));
        assert!(!Access::Read.permits(ControlCode(0x0004_D004)) && Access::ReadWrite.permits(ControlCode(0x0004_D004)));
        assert!(Access::None.permits(ControlCode(0x002D_0C04)) && !Access::Write.permits(ControlCode(0x0002_4000)));
    }
}
