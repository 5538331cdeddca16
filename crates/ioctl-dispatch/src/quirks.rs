//! Drives that do something wrong, and what is done about it (device-lifecycle.md, "Hack flags").

use crate::descriptors::DeviceDescriptor;
use crate::registry::Settings;

/// What this drive cannot do or does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// PREVENT is accepted but does not lock.
    pub cannot_lock: bool,
    /// GET EVENT STATUS NOTIFICATION must not be sent.
    pub bad_event_status: bool,
    /// RESERVE (6) and RELEASE (6) are not known: use the 10-byte forms.
    pub no_reserve6: bool,
    /// Operational-change events are to be ignored.
    pub ignore_operational_change: bool,
    /// No streaming READ (12) and WRITE (12).
    pub no_streaming: bool,
    /// No asynchronous notification, even if the port offers it.
    pub no_asynchronous_notification: bool,
    /// DEC RRD: set 2048-byte blocks at start.
    pub dec_rrd: bool,
    /// Hitachi GD-2000: loses its state on 4/44.
    pub hitachi_gd2000: bool,
    /// GET CONFIGURATION must not be sent.
    pub no_get_configuration: bool,
    /// GET CONFIGURATION of one feature does not work.
    pub no_type_one: bool,
    /// A virtual drive that is polled half as often.
    pub slow_poll: bool,
    /// Default time-out in seconds in place of the configured one.
    pub timeout_s: Option<u32>,
}

impl Quirks {
    /// The quirks of a drive, from the registry and the tables.
    #[must_use]
    pub fn find(_descriptor: &DeviceDescriptor, settings: &Settings<'_>) -> Self {
        let mask = settings.hack_mask.unwrap_or(0);
        let set = |bit: u32| mask & bit != 0;
        Self {
            cannot_lock: set(0x01),
            bad_event_status: set(0x02),
            no_reserve6: set(0x08),
            ignore_operational_change: set(0x10),
            no_streaming: set(0x20),
            no_asynchronous_notification: set(0x40),
            no_type_one: settings.no_type_one_get_config.unwrap_or(0) != 0,
            ..Self::default()
        }
    }
}
