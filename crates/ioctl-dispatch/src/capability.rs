//! What drive and medium can do now, from GET CONFIGURATION (io-path-and-errors.md 15).

use crate::time::Ticks;

/// Feature numbers that decide whether and how the medium is written.
pub mod schema {
    /// Random Writable.
    pub const RANDOM_WRITABLE: u16 = 0x0020;
    /// Incremental Streaming Writable.
    pub const INCREMENTAL_STREAMING: u16 = 0x0021;
    /// Hardware Defect Management.
    pub const DEFECT_MANAGEMENT: u16 = 0x0024;
    /// Restricted Overwrite.
    pub const RESTRICTED_OVERWRITE: u16 = 0x0026;
    /// Rigid Restricted Overwrite.
    pub const RIGID_RESTRICTED_OVERWRITE: u16 = 0x002C;
}

/// Whether the cached capabilities are current.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Update {
    /// They are.
    #[default]
    Complete,
    /// They have to be read again before the next request.
    Required,
    /// They are being read.
    Started,
}

/// The cached capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Whether they are current.
    pub update: Update,
    /// The medium can be written now.
    pub write_allowed: bool,
    /// How writes are validated: the number of the feature that allows them, 0 if none.
    pub schema: u16,
    /// Sectors that a restricted overwrite writes at once, at least 1.
    pub blocking: u32,
    /// Streaming reads work.
    pub streaming_read: bool,
    /// Streaming writes work.
    pub streaming_write: bool,
    /// A medium with CSS or CPPM is in the drive.
    pub is_css: bool,
    /// Pause before a read or write is repeated.
    pub transfer_retry_delay: Ticks,
    /// Bytes of the complete GET CONFIGURATION answer at start.
    pub features_length: u32,
}

impl Default for Capability {
    fn default() -> Self {
        Self {
            update: Update::Complete,
            write_allowed: false,
            schema: 0,
            blocking: 1,
            streaming_read: false,
            streaming_write: false,
            is_css: false,
            transfer_retry_delay: Ticks(473_373),
            features_length: 0,
        }
    }
}

impl Capability {
    /// The medium cannot be written until a refresh says otherwise.
    pub const fn forbid_writes(&mut self) {
        self.write_allowed = false;
    }

    /// Read the capabilities again before the next request.
    pub const fn require_update(&mut self) {
        self.update = Update::Required;
    }

    /// The medium behaves like a disk: writable anywhere, defects managed.
    #[must_use]
    pub const fn is_disk_like(&self) -> bool {
        self.write_allowed && self.schema == schema::DEFECT_MANAGEMENT
    }
}
