//! Zero power: an empty optical drive without current (ZPODD, device-lifecycle.md).

use scsi_cdb::Opcode;

use crate::effect::Effects;
use crate::sense::{Failure, SenseCode, Verdict};

/// What is known of a drive's zero power.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ZeroPowerState {
    /// The drive has no power now.
    pub active: bool,
}

impl ZeroPowerState {
    /// What a failure means in the first moments after waking up; `None` once they are over.
    pub fn after_wake(&mut self, _failure: &Failure<'_>, _effects: &mut Effects) -> Option<Verdict> {
        None
    }

    /// Remembers the sense of a TEST UNIT READY for the tray's position.
    pub fn note_sense(&mut self, _opcode: Opcode, _sense: SenseCode) {}

    /// A command ended well: the drive is awake.
    pub fn command_succeeded(&mut self) {}
}
