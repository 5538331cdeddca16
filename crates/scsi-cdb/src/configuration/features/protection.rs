//! Features of copy protection.

use super::features;
use crate::layout::{Bits, Byte, Flag};

features! {
    /// DVD CSS (MMC-6 5.3, feature 0106).
    pub struct DvdCss: DVD_CSS, 4 {
        /// Version of CSS, 1.
        version: u8 = Byte(3),
    }

    /// DVD CPRM (MMC-6 5.3, feature 010B).
    pub struct DvdCprm: DVD_CPRM, 4 from 0 {
        /// Version of CPRM.
        version: u8 = Byte(3),
    }

    /// AACS (MMC-6 5.3, feature 010D).
    pub struct Aacs: AACS, 4 {
        /// Whether the drive certificate is read (RDC).
        read_drive_certificate: bool = Flag(0, 4),
        /// Whether the media key block of CPRM is read (RMC).
        read_media_key_block_of_cprm: bool = Flag(0, 3),
        /// Whether bus encryption works when writing (WBE).
        write_bus_encryption: bool = Flag(0, 2),
        /// Whether bus encryption works (BEC).
        bus_encryption_capable: bool = Flag(0, 1),
        /// Whether binding nonces are made (BNG).
        binding_nonce_generation: bool = Flag(0, 0),
        /// Blocks that a binding nonce takes.
        binding_nonce_block_count: u8 = Byte(1),
        /// Authentications that can be under way at once (4 bits).
        agids: u8 = Bits(2, 0, 4),
        /// Version of AACS.
        version: u8 = Byte(3),
    }

    /// DVD CSS Managed Recording (MMC-6 5.3, feature 010E).
    pub struct DvdCssManagedRecording: DVD_CSS_MANAGED_RECORDING, 4 {
        /// Most entries of scramble extent information.
        maximum_scramble_extents: u8 = Byte(0),
    }

    /// VCPS (MMC-6 5.3, feature 0110): video content protection of DVD+R and DVD+RW.
    pub struct Vcps: VCPS, 4 from 0 {}

    /// SecurDisc (MMC-6 5.3, feature 0113).
    pub struct SecurDisc: SECUR_DISC, 4 from 0 {}

    /// BD CPS: copy protection of recordable BD media.
    pub struct BdCps: BD_CPS, 4 {
        /// Major version (4 bits).
        major_version: u8 = Bits(0, 4, 4),
        /// Minor version (4 bits).
        minor_version: u8 = Bits(0, 0, 4),
        /// Secure authenticated channels that can be open at once (2 bits).
        maximum_open_sacs: u8 = Bits(1, 0, 2),
    }
}
