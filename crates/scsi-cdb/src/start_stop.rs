//! START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL: spindle, tray, power and the eject button.

use crate::cdb::Transfer;
use crate::layout::{Bits, Flag};

open_enum! {
    /// The power condition field of START STOP UNIT (MMC-6 6.42.2).
    pub PowerCondition: u8 {
        /// No change; `start` and `load_eject` act.
        NO_CHANGE = 0x0 => "no change",
        /// Idle.
        IDLE = 0x2 => "idle",
        /// Standby.
        STANDBY = 0x3 => "standby",
        /// Sleep.
        SLEEP = 0x5 => "sleep",
    }
}

command! {
    /// START STOP UNIT (MMC-6 6.42): spin up or down, load or eject, or change the power condition.
    pub struct StartStopUnit: START_STOP_UNIT, 6 {
        /// Whether the drive answers before it has finished.
        immediate: bool = Flag(1, 0),
        /// The power condition to enter; anything but "no change" makes the drive ignore the two flags that follow.
        power_condition: PowerCondition = Bits(4, 4, 4),
        /// Whether the medium is loaded (`start`) or ejected (not `start`).
        load_eject: bool = Flag(4, 1),
        /// Whether the disc is made ready, or stopped.
        start: bool = Flag(4, 0),
    }
    transfer: |_| Transfer::None
}

impl StartStopUnit {
    /// Ejects the medium and answers when it is out.
    pub const EJECT: Self = Self::tray(false, true);
    /// Loads the medium and answers when it is ready.
    pub const LOAD: Self = Self::tray(true, true);
    /// Spins the medium up.
    pub const START: Self = Self::tray(true, false);
    /// Spins the medium down.
    pub const STOP: Self = Self::tray(false, false);

    const fn tray(start: bool, load_eject: bool) -> Self {
        Self { immediate: false, power_condition: PowerCondition::NO_CHANGE, load_eject, start }
    }
}

command! {
    /// PREVENT ALLOW MEDIUM REMOVAL (MMC-6 6.13).
    pub struct PreventAllowMediumRemoval: PREVENT_ALLOW_MEDIUM_REMOVAL, 6 {
        /// Whether `prevent` sets the persistent lock, under which the eject button gives an event instead of a tray.
        persistent: bool = Flag(4, 1),
        /// Whether removal is prevented.
        prevent: bool = Flag(4, 0),
    }
    transfer: |_| Transfer::None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, round_trip};

    #[test]
    fn start_stop_unit() {
        golden(StartStopUnit::EJECT, &[0x1B, 0, 0, 0, 2, 0], Direction::None, 0);
        golden(StartStopUnit::LOAD, &[0x1B, 0, 0, 0, 3, 0], Direction::None, 0);
        golden(StartStopUnit::START, &[0x1B, 0, 0, 0, 1, 0], Direction::None, 0);
        golden(StartStopUnit::STOP, &[0x1B, 0, 0, 0, 0, 0], Direction::None, 0);
        let sleep = StartStopUnit { immediate: true, power_condition: PowerCondition::SLEEP, ..StartStopUnit::STOP };
        golden(sleep, &[0x1B, 1, 0, 0, 0x50, 0], Direction::None, 0);
        round_trip::<StartStopUnit>();
    }

    #[test]
    fn prevent_allow_medium_removal() {
        let lock = PreventAllowMediumRemoval { prevent: true, persistent: false };
        golden(lock, &[0x1E, 0, 0, 0, 1, 0], Direction::None, 0);
        golden(PreventAllowMediumRemoval { persistent: true, ..lock }, &[0x1E, 0, 0, 0, 3, 0], Direction::None, 0);
        round_trip::<PreventAllowMediumRemoval>();
    }
}
