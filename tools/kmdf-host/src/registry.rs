//! Registry values that the driver finds.

use std::str::FromStr;

use virtual_drive::script::fields::parse_number;

/// The service's name.
pub const SERVICE: &str = "cdrom";
/// Where services are.
pub const SERVICES: &str = r"\Registry\Machine\System\CurrentControlSet\Services";
/// The hardware key of the device, without what the kernel puts before it.
const DEVICE_KEYS: [&str; 3] = ["Classpnp", "CdRom", "MediaChangeNotification"];

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// REG_DWORD.
    Number(u32),
    /// REG_SZ.
    Text(String),
}

/// Whose key a value lies under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// The key of the driver's service.
    Service,
    /// The hardware key of the device.
    Device,
    /// The registry itself: the path is whole.
    Absolute,
}

/// A value and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Whose key.
    pub root: Root,
    /// The key below it; may be empty.
    pub key: String,
    /// The value's name.
    pub name: String,
    /// The value.
    pub data: Data,
}

impl FromStr for Setting {
    type Err = String;

    /// Reads `KEY\NAME=VALUE`. KEY is whole when it begins with `\Registry\`; below the device's hardware key when it
    /// begins with `Classpnp`, `CdRom` or `MediaChangeNotification`; else below the service's key.
    fn from_str(text: &str) -> Result<Self, String> {
        let (path, value) =
            text.split_once('=').ok_or_else(|| format!("`{text}` has no value; write KEY\\NAME=NUMBER or =TEXT"))?;
        let (key, name) = path.rsplit_once('\\').unwrap_or(("", path));
        if name.is_empty() {
            return Err(format!("`{text}` has no value name before the `=`"));
        }
        let first = key.split('\\').next().unwrap_or_default();
        let root = if path.starts_with(r"\Registry\") {
            Root::Absolute
        } else if DEVICE_KEYS.iter().any(|known| known.eq_ignore_ascii_case(first)) {
            Root::Device
        } else {
            Root::Service
        };
        let data = match parse_number(value).and_then(|number| u32::try_from(number).ok()) {
            Some(number) => Data::Number(number),
            None => Data::Text(value.into()),
        };
        Ok(Self { root, key: key.into(), name: name.into(), data })
    }
}

/// The path of the service's key.
#[must_use]
pub fn service_key() -> String {
    format!(r"{SERVICES}\{SERVICE}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_says_where_it_lies() {
        for (text, root, key, name) in [
            (r"Parameters\TimeOutValue=30", Root::Service, "Parameters", "TimeOutValue"),
            ("Autorun=0", Root::Service, "", "Autorun"),
            (r"classpnp\HackMask=4", Root::Device, "classpnp", "HackMask"),
            (r"\Registry\Machine\System\DISK\E=1", Root::Absolute, r"\Registry\Machine\System\DISK", "E"),
        ] {
            let setting: Setting = text.parse().unwrap();
            assert_eq!((setting.root, setting.key.as_str(), setting.name.as_str()), (root, key, name), "{text}");
        }
        assert_eq!("A=0x1E".parse::<Setting>().unwrap().data, Data::Number(30));
        assert_eq!("A=E:".parse::<Setting>().unwrap().data, Data::Text("E:".into()));
        assert!("A".parse::<Setting>().is_err() && r"K\=1".parse::<Setting>().is_err());
    }
}
