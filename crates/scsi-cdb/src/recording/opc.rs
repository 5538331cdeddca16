//! SEND OPC INFORMATION (MMC-6 6.38).

use crate::Transfer;
use crate::layout::{Be16, Flag};

command! {
    /// SEND OPC INFORMATION (MMC-6 6.38): optimum power calibration, done by the drive or given to it.
    pub struct SendOpcInformation: SEND_OPC_INFORMATION, 10 {
        /// Whether the drive calibrates now; the parameter list is then not used.
        do_opc: bool = Flag(1, 0),
        /// Whether layer or side 0 is left out.
        exclude0: bool = Flag(2, 0),
        /// Whether layer or side 1 is left out.
        exclude1: bool = Flag(2, 1),
        /// Bytes of the parameter list, a multiple of 8.
        parameter_list_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::Out(command.parameter_list_length.into())
}
