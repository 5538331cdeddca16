//! How a session is set up, and what ends it.

use std::time::Duration;

use ioctl_dispatch::{HandleId, NtStatus};

use crate::adapter::Adapter;
use crate::registry::Registry;

/// How a session is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The adapter above the drive.
    pub adapter: Adapter,
    /// Registry values at the start.
    pub registry: Registry,
    /// Use the machine's clock and wait for real, as a real drive needs it.
    pub real_time: bool,
    /// How long the device is left alone after its start, for the first polls.
    pub settle: Duration,
    /// The most steps that one piece of work may take.
    pub step_limit: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            adapter: Adapter::default(),
            registry: Registry::default(),
            real_time: false,
            settle: Duration::from_secs(2),
            step_limit: 100_000,
        }
    }
}

/// What ends a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The device did not start.
    #[error("the device did not start: {0}")]
    Start(NtStatus),
    /// A piece of work has no end.
    #[error("{what} took more than {steps} steps and was given up; this is a fault of the driver core")]
    Endless {
        /// The job.
        what: String,
        /// The limit.
        steps: u32,
    },
    /// No such handle.
    #[error("handle {0:?} is not open")]
    NoHandle(HandleId),
}
