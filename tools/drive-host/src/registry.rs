//! The registry values that the driver reads and writes.

use std::collections::BTreeMap;

use ioctl_dispatch::effect::RegistryWrite;
use ioctl_dispatch::registry::Settings;
use virtual_drive::nearest;
use virtual_drive::script::fields::parse_number;

/// DWORD values by their path, as the core's documentation names them, and the lists of devices not to poll.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    values: BTreeMap<String, u32>,
    /// `AutoRunAlwaysDisable`: prefixes of vendor, product and revision.
    pub always_disable: Vec<String>,
    /// REG_SZ named like the device below `\Registry\Machine\System\DISK`.
    pub suggested_link: Option<String>,
}

/// Paths that the driver reads.
pub const PATHS: [&str; 15] = [
    r"Parameters\TimeOutValue",
    r"Parameters\ZeroPowerODDEnabled",
    r"Parameters\DefaultDvdRegion",
    "Autorun",
    r"Parameters\Autorun",
    r"Parameters\Parameters\Autorun",
    r"MediaChangeNotification\AlwaysDisableMCN",
    r"MediaChangeNotification\AlwaysEnableMCN",
    r"Classpnp\HackMask",
    r"Classpnp\MMCDetectionState",
    r"Classpnp\UserRemovalPolicy",
    r"Classpnp\WriteCacheEnableOverride",
    r"CdRom\NonMmc",
    r"CdRom\NoTypeOneGetConfig",
    r"CdRom\NonMmcVendorSpecificProfile",
];

impl Registry {
    /// The value at `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<u32> {
        self.values.get(path).copied()
    }

    /// Sets the value at `path`.
    pub fn set(&mut self, path: &str, value: u32) {
        self.values.insert(path.into(), value);
    }

    /// Sets what `PATH=NUMBER` says, where PATH is one of [`PATHS`].
    ///
    /// # Errors
    /// A sentence with the nearest path.
    pub fn set_from(&mut self, text: &str) -> Result<(), String> {
        let (path, value) = text.split_once('=').ok_or_else(|| format!("`{text}` has no value; write PATH=NUMBER"))?;
        let value = parse_number(value).and_then(|value| u32::try_from(value).ok());
        let value = value.ok_or_else(|| format!("the value of `{text}` must be a number below 2^32"))?;
        match PATHS.iter().find(|known| known.eq_ignore_ascii_case(path)) {
            Some(known) => self.set(known, value),
            None => {
                let near = nearest(path, PATHS, 1).first().map_or_else(|| PATHS.join(", "), |near| (*near).to_owned());
                return Err(format!("the driver reads no registry value `{path}`; it reads {near}"));
            }
        }
        Ok(())
    }

    /// Keeps what the driver learned.
    pub fn write(&mut self, write: RegistryWrite) {
        let (path, value) = match write {
            RegistryWrite::MmcDetectionState(value) => (r"Classpnp\MMCDetectionState", value),
            RegistryWrite::UserRemovalPolicy(value) => (r"Classpnp\UserRemovalPolicy", value),
            RegistryWrite::NonMmc => (r"CdRom\NonMmc", 1),
            RegistryWrite::NoTypeOneGetConfig => (r"CdRom\NoTypeOneGetConfig", 1),
            RegistryWrite::NonMmcVendorSpecificProfile => (r"CdRom\NonMmcVendorSpecificProfile", 1),
        };
        self.set(path, value);
    }

    /// `AutoRunAlwaysDisable` as REG_MULTI_SZ.
    #[must_use]
    pub fn always_disable_list(&self) -> Vec<u16> {
        self.always_disable.iter().flat_map(|entry| entry.encode_utf16().chain([0])).chain([0]).collect()
    }

    /// What the driver reads at device start.
    #[must_use]
    pub fn settings<'a>(&self, always_disable: &'a [u16]) -> Settings<'a> {
        Settings {
            timeout_value: self.get(r"Parameters\TimeOutValue"),
            zero_power_enabled: self.get(r"Parameters\ZeroPowerODDEnabled"),
            service_autorun: self.get("Autorun"),
            parameters_autorun: self.get(r"Parameters\Autorun"),
            nested_autorun: self.get(r"Parameters\Parameters\Autorun"),
            service_always_disable: always_disable,
            parameters_always_disable: &[],
            always_disable_mcn: self.get(r"MediaChangeNotification\AlwaysDisableMCN"),
            always_enable_mcn: self.get(r"MediaChangeNotification\AlwaysEnableMCN"),
            hack_mask: self.get(r"Classpnp\HackMask"),
            mmc_detection_state: self.get(r"Classpnp\MMCDetectionState"),
            user_removal_policy: self.get(r"Classpnp\UserRemovalPolicy"),
            write_cache_enable_override: self.get(r"Classpnp\WriteCacheEnableOverride"),
            non_mmc: self.get(r"CdRom\NonMmc"),
            no_type_one_get_config: self.get(r"CdRom\NoTypeOneGetConfig"),
            non_mmc_vendor_specific_profile: self.get(r"CdRom\NonMmcVendorSpecificProfile"),
        }
    }

    /// The suggested link in the packed form of
    /// [`PlatformCall::ReadSuggestedLink`](ioctl_dispatch::step::PlatformCall::ReadSuggestedLink).
    #[must_use]
    pub fn packed_link(&self) -> Option<u64> {
        let units: Vec<u16> = self.suggested_link.as_ref()?.encode_utf16().collect();
        let unit = |index: usize| u64::from(units.get(index).copied().unwrap_or(0));
        Some((units.len() as u64) << 32 | unit(0) << 16 | unit(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_as_a_setting() {
        let mut registry = Registry::default();
        registry.write(RegistryWrite::MmcDetectionState(2));
        registry.write(RegistryWrite::NonMmc);
        registry.set(r"Parameters\TimeOutValue", 30);
        let settings = registry.settings(&[]);
        assert_eq!((settings.mmc_detection_state, settings.non_mmc), (Some(2), Some(1)));
        assert_eq!(settings.command_timeout(), 30);
        assert!(PATHS.contains(&r"CdRom\NonMmc"));
        registry.set_from(r"parameters\timeoutvalue=0x14").unwrap();
        assert_eq!(registry.get(r"Parameters\TimeOutValue"), Some(20));
        assert!(registry.set_from(r"Parameters\TimeOut=5").unwrap_err().contains(r"it reads Parameters\TimeOutValue"));
        assert!(registry.set_from("Autorun=x").is_err() && registry.set_from("Autorun").is_err());
    }

    #[test]
    fn lists_and_links_have_the_shape_that_the_core_takes() {
        let registry =
            Registry { always_disable: vec!["NEC".into()], suggested_link: Some("E:".into()), ..Registry::default() };
        let list = registry.always_disable_list();
        assert!(registry.settings(&list).lists_device(b"NEC     CD"));
        assert_eq!(registry.packed_link(), Some(0x0000_0002_0045_003A));
    }
}
