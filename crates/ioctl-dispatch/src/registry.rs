//! What the registry tells the driver. The driver reads it; the meaning is here.

/// Registry values at device start; `None` where a value is absent or has another type.
///
/// `Parameters` is the service's parameters key, the device subkeys are below the PnP hardware key
/// (device-lifecycle.md, "Registry values").
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings<'a> {
    /// `Parameters\TimeOutValue`, seconds.
    pub timeout_value: Option<u32>,
    /// `Parameters\ZeroPowerODDEnabled`.
    pub zero_power_enabled: Option<u32>,
    /// `Autorun` of the service key.
    pub service_autorun: Option<u32>,
    /// `Parameters\Autorun`.
    pub parameters_autorun: Option<u32>,
    /// `Parameters\Parameters\Autorun`.
    pub nested_autorun: Option<u32>,
    /// `AutoRunAlwaysDisable` of the service key: REG_MULTI_SZ as UTF-16.
    pub service_always_disable: &'a [u16],
    /// `Parameters\AutoRunAlwaysDisable`: REG_MULTI_SZ as UTF-16.
    pub parameters_always_disable: &'a [u16],
    /// `MediaChangeNotification\AlwaysDisableMCN`.
    pub always_disable_mcn: Option<u32>,
    /// `MediaChangeNotification\AlwaysEnableMCN`.
    pub always_enable_mcn: Option<u32>,
    /// `Classpnp\HackMask`.
    pub hack_mask: Option<u32>,
    /// `Classpnp\MMCDetectionState`.
    pub mmc_detection_state: Option<u32>,
    /// `Classpnp\UserRemovalPolicy`.
    pub user_removal_policy: Option<u32>,
    /// `Classpnp\WriteCacheEnableOverride`.
    pub write_cache_enable_override: Option<u32>,
    /// `CdRom\NonMmc`.
    pub non_mmc: Option<u32>,
    /// `CdRom\NoTypeOneGetConfig`.
    pub no_type_one_get_config: Option<u32>,
    /// `CdRom\NonMmcVendorSpecificProfile`.
    pub non_mmc_vendor_specific_profile: Option<u32>,
}

impl Settings<'_> {
    /// The default command time-out in seconds.
    #[must_use]
    pub fn command_timeout(&self) -> u32 {
        self.timeout_value.filter(|value| (1..=1800).contains(value)).unwrap_or(10)
    }

    /// Media-change notification, before the list of devices that cannot take it is consulted.
    #[must_use]
    pub fn wants_notification(&self) -> bool {
        let class = [self.nested_autorun, self.parameters_autorun, self.service_autorun].into_iter().flatten().next();
        match (self.always_disable_mcn.unwrap_or(0), self.always_enable_mcn.unwrap_or(0)) {
            (0, 0) => class.unwrap_or(1) != 0,
            (disable, _) => disable == 0,
        }
    }

    /// Whether a device with this identification (vendor, product, revision as the descriptor holds them) is on a list
    /// of those that cannot be polled: an entry is a prefix of it.
    #[must_use]
    pub fn lists_device(&self, identification: &[u8]) -> bool {
        let lists = [self.service_always_disable, self.parameters_always_disable];
        lists.into_iter().flat_map(|list| list.split(|unit| *unit == 0)).any(|entry| {
            let same = entry.iter().zip(identification).all(|(unit, byte)| *unit == u16::from(*byte));
            !entry.is_empty() && entry.len() <= identification.len() && same
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn timeouts_outside_the_range_are_ignored() {
        for (value, seconds) in [(None, 10), (Some(0), 10), (Some(1), 1), (Some(1800), 1800), (Some(1801), 10)] {
            assert_eq!(Settings { timeout_value: value, ..Settings::default() }.command_timeout(), seconds);
        }
    }

    #[test]
    fn notification_settings_override_each_other() {
        let off = Settings { service_autorun: Some(0), ..Settings::default() };
        assert!(!off.wants_notification());
        assert!(Settings { parameters_autorun: Some(1), ..off }.wants_notification());
        assert!(!Settings { parameters_autorun: Some(1), nested_autorun: Some(0), ..off }.wants_notification());
        assert!(Settings { always_enable_mcn: Some(1), ..off }.wants_notification());
        assert!(!Settings { always_enable_mcn: Some(1), always_disable_mcn: Some(1), ..off }.wants_notification());
        assert!(Settings::default().wants_notification());
    }

    #[test]
    fn list_entries_are_prefixes() {
        let list: Vec<u16> = "NEC     MBR-7   \0PIONEER\0\0".encode_utf16().collect();
        let settings = Settings { service_always_disable: &list, ..Settings::default() };
        assert!(settings.lists_device(b"NEC     MBR-7   1.0 "));
        assert!(settings.lists_device(b"PIONEER CD"));
        assert!(!settings.lists_device(b"NEC     MBR-8   "));
        assert!(!settings.lists_device(b"PION"), "an entry longer than the device's name is another device");
        assert!(!settings.lists_device(b""));
    }
}
