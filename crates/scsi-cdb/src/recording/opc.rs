//! SEND OPC INFORMATION: optimum power calibration (MMC-6 6.38).

use crate::cdb::Transfer;
use crate::layout::{Be16, Flag, Raw};

command! {
    /// SEND OPC INFORMATION (MMC-6 6.38): has the drive calibrate, or gives it what an earlier calibration found.
    pub struct SendOpcInformation: SEND_OPC_INFORMATION, 10 {
        /// Whether the drive calibrates now; the parameter list is then not used.
        do_opc: bool = Flag(1, 0),
        /// Whether side or layer 0 is left out.
        exclude0: bool = Flag(2, 0),
        /// Whether side or layer 1 is left out.
        exclude1: bool = Flag(2, 1),
        /// Length in bytes of the parameter list, which consists of [`OpcTableEntry`].
        parameter_list_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::Out(command.parameter_list_length.into())
}

impl SendOpcInformation {
    /// Has the drive calibrate.
    pub const CALIBRATE: Self = Self { do_opc: true, exclude0: false, exclude1: false, parameter_list_length: 0 };
}

record! {
    /// What a calibration found for one speed.
    pub struct OpcTableEntry: 8 {
        /// The speed in kB/s of 1000 bytes.
        speed: u16 = Be16(0),
        /// The values, in the vendor's format.
        values: [u8; 6] = Raw(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, prefixes, round_trip, total};

    #[test]
    fn command() {
        golden(SendOpcInformation::CALIBRATE, &[0x54, 1, 0, 0, 0, 0, 0, 0, 0, 0], Direction::None, 0);
        let table = SendOpcInformation { do_opc: false, exclude0: false, exclude1: true, parameter_list_length: 16 };
        golden(table, &[0x54, 0, 2, 0, 0, 0, 0, 0, 16, 0], Direction::Out, 16);
        round_trip::<SendOpcInformation>();
    }

    #[test]
    fn table_entry() {
        let bytes = [0x02, 0xC2, 1, 2, 3, 4, 5, 6];
        let entry = OpcTableEntry { speed: 706, values: [1, 2, 3, 4, 5, 6] };
        assert_eq!(OpcTableEntry::parse(&bytes), Ok(entry));
        assert_eq!(entry.to_bytes(), bytes);
        prefixes(&bytes, OpcTableEntry::parse);
        total(OpcTableEntry::parse);
    }
}
