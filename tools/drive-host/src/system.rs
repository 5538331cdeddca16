//! What the system around the driver would keep.

use std::time::Duration;

use ioctl_dispatch::effect::{LogRecord, Notification};

use crate::registry::Registry;

/// The system's state, and what the driver told it.
#[derive(Clone, Debug, Default)]
pub struct System {
    /// A file system is mounted on the device.
    pub mounted: bool,
    /// The device's verify flag (DO_VERIFY_VOLUME).
    pub verify: bool,
    /// Registry values.
    pub registry: Registry,
    /// Custom notifications, with the time of each.
    pub notifications: Vec<(Duration, Notification)>,
    /// Error-log entries.
    pub log: Vec<LogRecord>,
    /// Names of those who took exclusive access, as logged.
    pub exclusive_log: Vec<String>,
    /// How often the driver asked for new bus relations (the device is to be enumerated again).
    pub invalidated: u32,
    /// The device's last report of being active (true) or idle.
    pub active: Option<bool>,
}
