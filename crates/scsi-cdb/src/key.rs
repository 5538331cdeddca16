//! REPORT KEY and SEND KEY (MMC-6 6.29 and 6.37): authentication grants, keys and regions.
//!
//! Answers and parameter lists have the header of a disc structure:
//! [`StructureAnswer`] takes it off and [`write_parameters`] puts it on.
//! The bodies are in [`dvd`] and [`aacs`].

pub mod aacs;
pub mod dvd;

use crate::cdb::Transfer;
use crate::disc_structure::StructureAnswer;
use crate::error::ParseError;
use crate::layout::{Be16, Be32, Bits, Byte};

open_enum! {
    /// The protection system that a key belongs to (byte 7).
    pub KeyClass: u8 {
        /// CSS, CPPM and CPRM of DVD; the region too.
        DVD = 0x00 => "DVD CSS/CPPM or CPRM",
        /// Rewritable security service A, obsolete.
        RSSA = 0x01 => "RSSA",
        /// AACS of BD and HD DVD.
        AACS = 0x02 => "AACS",
        /// VCPS of DVD+R and DVD+RW.
        VCPS = 0x20 => "VCPS",
        /// SecurDisc.
        SECUR_DISC = 0x21 => "SecurDisc",
    }
}

open_enum! {
    /// Key formats of [`KeyClass::DVD`] (byte 10, bits 5-0).
    pub DvdKeyFormat: u8 {
        /// REPORT: an authentication grant for CSS or CPPM.
        AGID = 0x00 => "AGID for CSS/CPPM",
        /// Both: a challenge of 10 bytes.
        CHALLENGE = 0x01 => "challenge key",
        /// REPORT: the drive's answer to the host's challenge, 5 bytes.
        KEY1 = 0x02 => "key 1",
        /// SEND: the host's answer to the drive's challenge, 5 bytes.
        KEY2 = 0x03 => "key 2",
        /// REPORT: the title key of the sector at the logical block address, obfuscated by the bus key.
        TITLE_KEY = 0x04 => "title key",
        /// REPORT: whether authentication succeeded.
        ASF = 0x05 => "authentication success flag",
        /// SEND: a new drive region.
        SET_RPC = 0x06 => "RPC structure",
        /// REPORT: the drive region and what may still be changed.
        RPC_STATE = 0x08 => "RPC state",
        /// REPORT: an authentication grant for CPRM.
        AGID_CPRM = 0x11 => "AGID for CPRM",
        /// Both: give up the grant; no data.
        INVALIDATE_AGID = 0x3F => "invalidate AGID",
    }
}

open_enum! {
    /// Key formats of [`KeyClass::AACS`] (byte 10, bits 5-0).
    pub AacsKeyFormat: u8 {
        /// REPORT: an authentication grant.
        AGID = 0x00 => "AGID for AACS",
        /// REPORT: the drive's certificate challenge. SEND: the host's.
        CERTIFICATE_CHALLENGE = 0x01 => "certificate challenge",
        /// REPORT: the drive's key. SEND: the host's.
        KEY = 0x02 => "key",
        /// REPORT: a binding nonce, newly generated.
        GENERATE_BINDING_NONCE = 0x20 => "generate binding nonce",
        /// REPORT: the binding nonce that is on the disc.
        READ_BINDING_NONCE = 0x21 => "read binding nonce",
        /// REPORT: the drive's certificate without a grant.
        DRIVE_CERTIFICATE = 0x38 => "drive certificate",
        /// Both: give up the grant; no data.
        INVALIDATE_AGID = 0x3F => "invalidate AGID",
    }
}

command! {
    /// REPORT KEY.
    pub struct ReportKey: REPORT_KEY, 12 {
        /// The protection system.
        key_class: KeyClass = Byte(7),
        /// What is reported, 6 bits: [`DvdKeyFormat`] or [`AacsKeyFormat`], by class.
        key_format: u8 = Bits(10, 0, 6),
        /// The authentication grant, 2 bits.
        agid: u8 = Bits(10, 6, 2),
        /// Logical block of a title key or a binding nonce; 0 otherwise.
        lba: u32 = Be32(2),
        /// Number of blocks that a binding nonce covers (AACS), or the function (VCPS).
        blocks: u8 = Byte(6),
        /// Length of the answer buffer in bytes.
        allocation_length: u16 = Be16(8),
    }
    transfer: |command| Transfer::In(u32::from(command.allocation_length))
}

impl ReportKey {
    /// `key_format` of `key_class` under the grant `agid`, without address.
    #[must_use]
    pub const fn new(key_class: KeyClass, key_format: u8, agid: u8, allocation_length: u16) -> Self {
        Self { key_class, key_format, agid, lba: 0, blocks: 0, allocation_length }
    }
}

command! {
    /// SEND KEY.
    pub struct SendKey: SEND_KEY, 12 {
        /// The protection system.
        key_class: KeyClass = Byte(7),
        /// What is sent, 6 bits: [`DvdKeyFormat`] or [`AacsKeyFormat`], by class.
        key_format: u8 = Bits(10, 0, 6),
        /// The authentication grant, 2 bits.
        agid: u8 = Bits(10, 6, 2),
        /// Length of the parameter list in bytes.
        parameter_list_length: u16 = Be16(8),
    }
    transfer: |command| Transfer::Out(u32::from(command.parameter_list_length))
}

impl SendKey {
    /// Gives up the grant `agid`; no parameter list.
    #[must_use]
    pub const fn invalidate(key_class: KeyClass, agid: u8) -> Self {
        Self { key_class, key_format: DvdKeyFormat::INVALIDATE_AGID.0, agid, parameter_list_length: 0 }
    }
}

/// Writes the parameter list with `body` to `target`: two bytes of length, two zeros, the body.
///
/// Returns its length in bytes, or `None` if it does not fit `target`.
pub fn write_parameters(body: &[u8], target: &mut [u8]) -> Option<u16> {
    StructureAnswer::write(body, target).and_then(|length| u16::try_from(length).ok())
}

/// The granted AGID in an answer to format 00 or 11 of any class: bits 7-6 of byte 7.
///
/// # Errors
/// [`ParseError::TooShort`] for fewer than eight bytes, received or claimed.
pub fn granted_agid(bytes: &[u8]) -> Result<u8, ParseError> {
    GrantedAgid::parse(StructureAnswer::parse(bytes)?.body).map(|grant| grant.agid)
}

record! {
    /// The body of an answer that grants an AGID.
    pub struct GrantedAgid: 4 {
        /// The grant, 0 to 3.
        agid: u8 = Bits(3, 6, 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, hex, round_trip, total};

    /// MMC-6 6.29, command descriptor block.
    #[test]
    fn report_key_blocks() {
        let title_key = ReportKey { lba: 0x100, ..ReportKey::new(KeyClass::DVD, DvdKeyFormat::TITLE_KEY.0, 1, 12) };
        let nonce = ReportKey::new(KeyClass::AACS, AacsKeyFormat::READ_BINDING_NONCE.0, 1, 36);
        for (command, block) in [
            (ReportKey::new(KeyClass::DVD, DvdKeyFormat::AGID.0, 0, 8), "A4 00 00 00 00 00 00 00 00 08 00 00"),
            (ReportKey::new(KeyClass::DVD, DvdKeyFormat::CHALLENGE.0, 1, 16), "A4 00 00 00 00 00 00 00 00 10 41 00"),
            (title_key, "A4 00 00 00 01 00 00 00 00 0C 44 00"),
            (ReportKey::new(KeyClass::DVD, DvdKeyFormat::RPC_STATE.0, 0, 8), "A4 00 00 00 00 00 00 00 00 08 08 00"),
            (ReportKey::new(KeyClass::AACS, AacsKeyFormat::AGID.0, 0, 8), "A4 00 00 00 00 00 00 02 00 08 00 00"),
            (ReportKey { lba: 0x1234_5678, blocks: 32, ..nonce }, "A4 00 12 34 56 78 20 02 00 24 61 00"),
        ] {
            golden(command, &hex(block), Direction::In, u32::from(command.allocation_length));
        }
        round_trip::<ReportKey>();
    }

    /// MMC-6 6.37, command descriptor block.
    #[test]
    fn send_key_blocks() {
        for agid in 0..4_u8 {
            let mut block = hex("A3 00 00 00 00 00 00 02 00 00 3F 00");
            block[10] |= agid << 6;
            golden(SendKey::invalidate(KeyClass::AACS, agid), &block, Direction::None, 0);
        }
        let rpc = SendKey {
            key_class: KeyClass::DVD,
            key_format: DvdKeyFormat::SET_RPC.0,
            agid: 0,
            parameter_list_length: 8,
        };
        golden(rpc, &hex("A3 00 00 00 00 00 00 00 00 08 06 00"), Direction::Out, 8);
        round_trip::<SendKey>();
    }

    /// MMC-6 6.29, format 00.
    #[test]
    fn a_grant_is_read_from_a_whole_answer_only() {
        assert_eq!(granted_agid(&hex("00 06 00 00 00 00 00 C0")), Ok(3));
        assert!(granted_agid(&hex("00 06 00 00 00 00 00")).is_err());
        assert!(granted_agid(&hex("00 02 00 00 00 00 00 C0")).is_err());
        total(granted_agid);
    }
}
