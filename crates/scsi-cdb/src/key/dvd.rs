//! Bodies of class 00: CSS, CPPM and CPRM authentication, and the region of the drive.

use crate::bytes::field;
use crate::layout::{Bits, Byte, Flag, Raw};

record! {
    /// Format 01, both ways: a challenge.
    pub struct Challenge: 12 {
        /// The challenge, in the order of the wire.
        challenge: [u8; 10] = Raw(0),
    }
}

record! {
    /// Formats 02 (from the drive) and 03 (from the host): the answer to a challenge.
    pub struct BusKey: 8 {
        /// The key, in the order of the wire.
        key: [u8; 5] = Raw(0),
    }
}

record! {
    /// Format 04: the title key of a sector.
    pub struct TitleKey: 8 {
        /// The sector is copyrighted material.
        copyrighted: bool = Flag(0, 7),
        /// The sector is protected by CSS.
        protected: bool = Flag(0, 6),
        /// Copy generations: 0 free, 2 one, 3 none.
        generations: u8 = Bits(0, 4, 2),
        /// Mode of protection.
        protection_mode: u8 = Bits(0, 0, 4),
        /// The key, obfuscated by the bus key.
        key: [u8; 5] = Raw(1),
    }
}

record! {
    /// Format 05: whether the drive and the host have authenticated each other.
    pub struct AuthenticationSuccess: 4 {
        /// They have.
        success: bool = Flag(3, 0),
    }
}

open_enum! {
    /// How far the region of a drive is decided.
    pub RegionState: u8 {
        /// No region yet.
        NONE = 0 => "none",
        /// A region is set.
        SET = 1 => "set",
        /// A region is set and one change is left.
        LAST_CHANCE = 2 => "last chance",
        /// The region cannot be changed any more by the user.
        PERMANENT = 3 => "permanent",
    }
}

open_enum! {
    /// Where regions are enforced.
    pub RpcScheme: u8 {
        /// Not by the drive.
        UNKNOWN = 0 => "phase 1 or unknown",
        /// By the drive.
        PHASE_2 = 1 => "phase 2",
    }
}

record! {
    /// Format 08: the region of the drive.
    pub struct RpcState: 4 {
        /// How far it is decided.
        state: RegionState = Bits(0, 6, 2),
        /// Times that the vendor can still reset the user's changes.
        vendor_resets: u8 = Bits(0, 3, 3),
        /// Times that the user can still change the region.
        user_changes: u8 = Bits(0, 0, 3),
        /// Regions that the drive does not play, one bit each; all ones while there is no region.
        forbidden_regions: u8 = Byte(1),
        /// Where regions are enforced.
        scheme: RpcScheme = Byte(2),
    }
}

impl RpcState {
    /// The region that the drive plays, 1 to 8; `None` if it has none or more than one.
    #[must_use]
    pub fn region(&self) -> Option<u8> {
        let allowed = !self.forbidden_regions;
        let index = u8::try_from(allowed.trailing_zeros()).ok()?;
        (allowed.count_ones() == 1).then_some(index.saturating_add(1))
    }
}

record! {
    /// Format 06: the region that the drive shall have from now on.
    pub struct SetRpc: 4 {
        /// Regions that the drive shall not play; one bit clear.
        forbidden_regions: u8 = Byte(0),
    }
}

impl SetRpc {
    /// The parameters for `region`; `None` unless it is 1 to 8.
    #[must_use]
    pub fn for_region(region: u8) -> Option<Self> {
        let index = region.checked_sub(1).filter(|index| *index < 8)?;
        Some(Self { forbidden_regions: !field(1, u32::from(index)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disc_structure::StructureAnswer;
    use crate::key::write_parameters;
    use crate::test_support::{hex, prefixes, total};

    /// MMC-6 6.29, formats 01, 02, 04 and 05.
    #[test]
    fn authentication_answers_are_read() {
        let bytes = hex("00 0E 00 00 01 02 03 04 05 06 07 08 09 0A 00 00");
        let challenge = Challenge::parse(StructureAnswer::parse(&bytes).unwrap().body).unwrap();
        assert_eq!(challenge.challenge, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        prefixes(&bytes, |bytes| Challenge::parse(StructureAnswer::parse(bytes)?.body));
        assert_eq!(BusKey::parse(&hex("0102030405 000000")).map(|key| key.key), Ok([1, 2, 3, 4, 5]));
        let title = TitleKey::parse(&hex("F0 0102030405 0000")).unwrap();
        assert!(title.copyrighted && title.protected && title.generations == 3);
        assert_eq!((title.key, title.to_bytes()), ([1, 2, 3, 4, 5], [0xF0, 1, 2, 3, 4, 5, 0, 0]));
        assert_eq!(AuthenticationSuccess::parse(&hex("00000001")).map(|flag| flag.success), Ok(true));
    }

    /// MMC-6 6.29, format 08: region 2, four changes and four resets left.
    #[test]
    fn the_region_is_read() {
        let state = RpcState::parse(&hex("64 FD 01 00")).unwrap();
        assert_eq!((state.state, state.vendor_resets, state.user_changes), (RegionState::SET, 4, 4));
        assert_eq!((state.region(), state.scheme), (Some(2), RpcScheme::PHASE_2));
        assert_eq!(state.to_bytes(), [0x64, 0xFD, 0x01, 0x00]);
        assert_eq!(RpcState { forbidden_regions: 0xFF, ..state }.region(), None);
        assert_eq!(RpcState { forbidden_regions: 0x00, ..state }.region(), None);
        assert_eq!(RpcState { forbidden_regions: 0x7F, ..state }.region(), Some(8));
    }

    /// MMC-6 6.37, formats 01, 03 and 06.
    #[test]
    fn parameter_lists_are_written() {
        let mut buffer = [0xEE; 16];
        let region = SetRpc::for_region(2).unwrap();
        assert_eq!(write_parameters(&region.to_bytes(), &mut buffer), Some(8));
        assert_eq!(buffer[..8], hex("00 06 00 00 FD 00 00 00")[..]);
        let key = BusKey { key: [1, 2, 3, 4, 5] };
        assert_eq!(write_parameters(&key.to_bytes(), &mut buffer), Some(12));
        assert_eq!(buffer[..12], hex("00 0A 00 00 01 02 03 04 05 00 00 00")[..]);
        let challenge = Challenge { challenge: [7; 10] };
        assert_eq!(write_parameters(&challenge.to_bytes(), &mut buffer), Some(16));
        assert_eq!(buffer, hex("00 0E 00 00 07 07 07 07 07 07 07 07 07 07 00 00")[..]);
        assert_eq!(write_parameters(&challenge.to_bytes(), &mut buffer[..15]), None);
        assert_eq!((SetRpc::for_region(0), SetRpc::for_region(9)), (None, None));
    }

    #[test]
    fn any_bytes_are_handled() {
        total(Challenge::parse);
        total(BusKey::parse);
        total(TitleKey::parse);
        total(|bytes| RpcState::parse(bytes).map(|state| state.region()));
    }
}
