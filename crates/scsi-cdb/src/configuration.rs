//! GET CONFIGURATION, features and profiles (MMC-6 6.6, clause 5).

use crate::Transfer;
use crate::layout::{Be16, Bits};

open_enum! {
    /// Which features GET CONFIGURATION returns (the RT field, MMC-6 table 277).
    pub ConfigurationRequest: u8 {
        /// Every feature the drive can ever have, from the starting feature on.
        ALL = 0 => "all",
        /// The features that are current, from the starting feature on.
        CURRENT = 1 => "current",
        /// The starting feature alone, if the drive has it.
        ONE = 2 => "one",
    }
}

command! {
    /// GET CONFIGURATION (MMC-6 6.6): what the drive can do, with and without the present medium.
    pub struct GetConfiguration: GET_CONFIGURATION, 10 {
        /// Which features are asked for (2 bits).
        request: ConfigurationRequest = Bits(1, 0, 2),
        /// The first feature of the answer, or the only one.
        starting_feature: u16 = Be16(2),
        /// Bytes that the answer may have.
        allocation_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}
