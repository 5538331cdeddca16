//! Structures of BD, formats 00 to 7F of media type 1. Offsets count from the body, after the 4-byte header.

use crate::layout::{Be16, Be32, Bits, Byte, Flag, Raw};

/// Bytes of the body of format 00.
pub const DISC_INFORMATION_LENGTH: usize = 4096;

record! {
    /// A disc information unit of format 00; its middle depends on the type of the disc.
    pub struct DiscInformationUnit: 112 {
        /// `DI`.
        signature: [u8; 2] = Raw(0),
        /// Format of the unit.
        format: u8 = Byte(2),
        /// Number of units of all layers.
        units: u8 = Bits(3, 3, 5),
        /// Layer that the unit is about.
        layer: u8 = Bits(3, 0, 3),
        /// Number of the unit, from 0.
        sequence: u8 = Byte(5),
        /// Bytes of the unit that are in use.
        used: u8 = Bits(6, 0, 7),
        /// The unit is continued by the next one.
        continued: bool = Flag(6, 7),
        /// `BDO` read-only, `BDW` rewritable, `BDR` write-once.
        disc_type: [u8; 3] = Raw(8),
        /// Maker; recordable discs only, as all that follows.
        manufacturer: [u8; 6] = Raw(100),
        /// Type of the medium, in the maker's words.
        media_type: [u8; 3] = Raw(106),
        /// When it was made, a code.
        time_stamp: u16 = Be16(109),
        /// Revision of the product.
        revision: u8 = Byte(111),
    }
}

impl DiscInformationUnit {
    /// The units in `body`, up to the first without signature.
    pub fn list(body: &[u8]) -> impl Iterator<Item = Self> + Clone + '_ {
        body.chunks_exact(Self::LENGTH)
            .map_while(|bytes| Self::parse(bytes).ok())
            .take_while(|unit| unit.signature == *b"DI")
    }

    /// Whether the disc is rewritable or write-once, so that it names its maker.
    #[must_use]
    pub fn is_recordable(&self) -> bool {
        matches!(&self.disc_type, b"BDW" | b"BDR")
    }
}

record! {
    /// Format 09: status of the cartridge.
    pub struct CartridgeStatus: 4 {
        /// The medium is in a cartridge.
        cartridge: bool = Flag(0, 7),
        /// The medium has been, or may have been, taken out of its cartridge.
        taken_out: bool = Flag(0, 6),
        /// The switch of the cartridge is set to protect.
        cartridge_protected: bool = Flag(0, 2),
    }
}

record! {
    /// Format 0A: spare areas, in blocks.
    pub struct SpareArea: 12 {
        /// Free.
        free: u32 = Be32(4),
        /// Allocated.
        allocated: u32 = Be32(8),
    }
}

record! {
    /// The first bytes of format 08, the disc definition structure.
    pub struct DiscDefinition: 8 {
        /// `DS`.
        signature: [u8; 2] = Raw(0),
        /// Format of the structure.
        format: u8 = Byte(2),
        /// How often the structure was updated.
        updates: u32 = Be32(4),
    }
}

record! {
    /// The header of a physical access control structure of format 30.
    pub struct PacHeader: 8 {
        /// Which control it is, and 0xFFFFFF for one that is unused.
        id: [u8; 3] = Raw(0),
        /// Format of the structure.
        format: u8 = Byte(3),
        /// How often the structure was updated.
        updates: u32 = Be32(4),
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::disc_structure::dvd::trimmed;
    use crate::test_support::{hex, total};

    fn unit(sequence: u8) -> DiscInformationUnit {
        DiscInformationUnit {
            signature: *b"DI",
            format: 1,
            units: 2,
            layer: 1,
            sequence,
            used: 98,
            continued: false,
            disc_type: *b"BDR",
            manufacturer: *b"VERBAT",
            media_type: *b"IMe",
            time_stamp: 0x1234,
            revision: 7,
        }
    }

    /// MMC-6 6.22, BD format 00.
    #[test]
    fn units_are_listed() {
        let mut body = [0_u8; DISC_INFORMATION_LENGTH];
        body[..112].copy_from_slice(&unit(0).to_bytes());
        body[112..224].copy_from_slice(&unit(1).to_bytes());
        assert_eq!(body[..12], hex("44 49 01 11 00 00 62 00 42 44 52 00")[..]);
        assert_eq!(body[100..112], hex("56 45 52 42 41 54 49 4D 65 12 34 07")[..]);
        let units: Vec<_> = DiscInformationUnit::list(&body).collect();
        assert_eq!(units, [unit(0), unit(1)]);
        assert!(units[0].is_recordable());
        assert_eq!(trimmed(&units[0].manufacturer), b"VERBAT");
    }

    /// MMC-6 6.22, BD formats 09 and 0A.
    #[test]
    fn cartridge_and_spare_areas_are_read() {
        let status = CartridgeStatus::parse(&hex("84 00 00 00")).unwrap();
        assert!(status.cartridge && status.cartridge_protected && !status.taken_out);
        let spare = SpareArea::parse(&hex("00000000 00001000 00002000")).unwrap();
        assert_eq!((spare.free, spare.allocated), (4096, 8192));
    }

    #[test]
    fn any_bytes_are_handled() {
        total(|bytes| DiscInformationUnit::list(bytes).count());
        total(CartridgeStatus::parse);
        total(DiscDefinition::parse);
        total(PacHeader::parse);
    }
}
