//! PERSISTENT RESERVE IN and OUT: reservations that outlive a reset (SPC-3 6.11 and 6.12).

use crate::cdb::Transfer;
use crate::layout::{Be16, Bits};

open_enum! {
    /// Service actions of PERSISTENT RESERVE IN (SPC-3 6.11.1).
    pub PersistentReserveInAction: u8 {
        /// All registered keys.
        READ_KEYS = 0 => "READ KEYS",
        /// The reservation in force.
        READ_RESERVATION = 1 => "READ RESERVATION",
        /// What the device can do.
        REPORT_CAPABILITIES = 2 => "REPORT CAPABILITIES",
        /// Keys and reservations in full.
        READ_FULL_STATUS = 3 => "READ FULL STATUS",
    }
}

open_enum! {
    /// Service actions of PERSISTENT RESERVE OUT (SPC-3 6.12.2).
    pub PersistentReserveOutAction: u8 {
        /// Register or withdraw a key.
        REGISTER = 0 => "REGISTER",
        /// Reserve.
        RESERVE = 1 => "RESERVE",
        /// Release.
        RELEASE = 2 => "RELEASE",
        /// Withdraw all keys and the reservation.
        CLEAR = 3 => "CLEAR",
        /// Take the reservation from another key.
        PREEMPT = 4 => "PREEMPT",
        /// Take the reservation from another key and abort its commands.
        PREEMPT_AND_ABORT = 5 => "PREEMPT AND ABORT",
        /// Register whatever key is registered.
        REGISTER_AND_IGNORE_EXISTING_KEY = 6 => "REGISTER AND IGNORE EXISTING KEY",
        /// Register another port and give it the reservation.
        REGISTER_AND_MOVE = 7 => "REGISTER AND MOVE",
    }
}

open_enum! {
    /// What a persistent reservation forbids to others (SPC-3 6.11.3.4).
    pub ReservationType: u8 {
        /// Writing, to all but the holder.
        WRITE_EXCLUSIVE = 1 => "Write Exclusive",
        /// Reading and writing, to all but the holder.
        EXCLUSIVE_ACCESS = 3 => "Exclusive Access",
        /// Writing, to all that did not register.
        WRITE_EXCLUSIVE_REGISTRANTS_ONLY = 5 => "Write Exclusive, Registrants Only",
        /// Reading and writing, to all that did not register.
        EXCLUSIVE_ACCESS_REGISTRANTS_ONLY = 6 => "Exclusive Access, Registrants Only",
        /// Writing, to all that did not register; all that did hold it.
        WRITE_EXCLUSIVE_ALL_REGISTRANTS = 7 => "Write Exclusive, All Registrants",
        /// Reading and writing, to all that did not register; all that did hold it.
        EXCLUSIVE_ACCESS_ALL_REGISTRANTS = 8 => "Exclusive Access, All Registrants",
    }
}

command! {
    /// PERSISTENT RESERVE IN.
    pub struct PersistentReserveIn: PERSISTENT_RESERVE_IN, 10 {
        /// What is asked.
        action: PersistentReserveInAction = Bits(1, 0, 5),
        /// Room for the answer, in bytes.
        allocation_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}

command! {
    /// PERSISTENT RESERVE OUT.
    pub struct PersistentReserveOut: PERSISTENT_RESERVE_OUT, 10 {
        /// What is to be done.
        action: PersistentReserveOutAction = Bits(1, 0, 5),
        /// What the reservation covers: 0 for the logical unit.
        scope: u8 = Bits(2, 4, 4),
        /// What the reservation forbids.
        kind: ReservationType = Bits(2, 0, 4),
        /// Length of the data, in bytes: 24 unless further parameters follow.
        ///
        /// SPC-3 and later hold four bytes here (5 to 8); the upper two are always zero for lists of this size.
        parameter_list_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::Out(command.parameter_list_length.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, round_trip};

    #[test]
    fn commands() {
        let keys = PersistentReserveIn { action: PersistentReserveInAction::READ_KEYS, allocation_length: 0x0102 };
        golden(keys, &[0x5E, 0, 0, 0, 0, 0, 0, 1, 2, 0], Direction::In, 0x0102);
        let reserve = PersistentReserveOut {
            action: PersistentReserveOutAction::RESERVE,
            scope: 0,
            kind: ReservationType::EXCLUSIVE_ACCESS,
            parameter_list_length: 24,
        };
        golden(reserve, &[0x5F, 1, 3, 0, 0, 0, 0, 0, 0x18, 0], Direction::Out, 24);
        round_trip::<PersistentReserveIn>();
        round_trip::<PersistentReserveOut>();
    }
}
