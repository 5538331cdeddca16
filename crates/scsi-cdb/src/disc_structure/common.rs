//! Formats 90, C0 and FF, which do not depend on the media type.

use crate::bytes::{clamp, padded, u8_at};
use crate::error::ParseError;
use crate::layout::{Be16, Bits, Byte, Flag};

record! {
    /// The fixed part of format 90: the formats of a hybrid disc. Two bytes for each layer follow.
    pub struct LayerList: 2 {
        /// Number of format layers that the drive recognises.
        layers: u8 = Byte(0),
        /// The one that is used after the disc is inserted.
        default: u8 = Bits(1, 4, 2),
        /// The one that is used now.
        online: u8 = Bits(1, 0, 2),
    }
}

open_enum! {
    /// The format of a layer of a hybrid disc, numbered as the profile of the read-only medium.
    pub LayerFormat: u16 {
        /// CD.
        CD = 0x0008 => "CD",
        /// DVD.
        DVD = 0x0010 => "DVD",
        /// BD.
        BD = 0x0040 => "BD",
        /// HD DVD.
        HD_DVD = 0x0050 => "HD DVD",
    }
}

impl LayerList {
    /// The formats of the layers in `body`, from layer 0, as many as there are bytes for.
    pub fn formats(body: &[u8]) -> impl Iterator<Item = LayerFormat> + Clone + '_ {
        let count = u8_at(body, 0).map_or(0, usize::from);
        let codes = clamp(body, Self::LENGTH, usize::MAX).as_chunks::<2>().0;
        codes.iter().take(count).map(|code| LayerFormat(u16::from_be_bytes(*code)))
    }
}

record! {
    /// Format C0: why the medium cannot be written.
    pub struct WriteProtection: 4 {
        /// The medium says that it must not be written.
        medium_write_inhibited: bool = Flag(0, 3),
        /// The switch of the cartridge is set to protect.
        cartridge_protected: bool = Flag(0, 2),
        /// Protected for good by a structure on the medium.
        persistent_protected: bool = Flag(0, 1),
        /// Protected by the host until the medium is taken out.
        software_protected: bool = Flag(0, 0),
    }
}

record! {
    /// An entry of format FF: a structure that the drive can read or write with the present medium.
    pub struct StructureEntry: 4 {
        /// Its format code.
        format: u8 = Byte(0),
        /// SEND DISC STRUCTURE takes it.
        sendable: bool = Flag(1, 7),
        /// READ DISC STRUCTURE gives it.
        readable: bool = Flag(1, 6),
        /// Its length in bytes, header included.
        length: u16 = Be16(2),
    }
}

impl StructureEntry {
    /// The entries in `body`.
    pub fn list(body: &[u8]) -> impl Iterator<Item = Self> + Clone + '_ {
        body.chunks_exact(Self::LENGTH).filter_map(|bytes| Self::parse(bytes).ok())
    }
}

impl WriteProtection {
    /// The reasons in `body`; missing reserved bytes do not matter.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for an empty body.
    pub fn from_body(body: &[u8]) -> Result<Self, ParseError> {
        Self::parse(&padded::<{ Self::LENGTH }>(body, 1)?)
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::test_support::{hex, total};

    /// MMC-6 6.22, format 90: a disc of a BD and a DVD layer, the DVD online.
    #[test]
    fn layers_are_listed() {
        let body = hex("02 01 00 40 00 10");
        let list = LayerList::parse(&body).unwrap();
        assert_eq!((list.layers, list.default, list.online), (2, 0, 1));
        assert_eq!(LayerList::formats(&body).collect::<Vec<_>>(), [LayerFormat::BD, LayerFormat::DVD]);
        assert_eq!(LayerList::formats(&body[..5]).count(), 1);
    }

    /// MMC-6 6.22, format C0.
    #[test]
    fn write_protection_is_read() {
        let status = WriteProtection::from_body(&hex("05 00 00 00")).unwrap();
        assert!(status.cartridge_protected && status.software_protected);
        assert!(!status.persistent_protected && !status.medium_write_inhibited);
        assert_eq!(WriteProtection::from_body(&[0x02]).map(|status| status.persistent_protected), Ok(true));
        assert!(WriteProtection::from_body(&[]).is_err());
    }

    /// MMC-6 6.22, format FF.
    #[test]
    fn structures_are_listed() {
        let entries: Vec<_> = StructureEntry::list(&hex("00 40 08 04  0F C0 00 1A  FF")).collect();
        assert_eq!(entries[0], StructureEntry { format: 0, sendable: false, readable: true, length: 2052 });
        assert_eq!((entries.len(), entries[1].sendable), (2, true));
        assert_eq!(entries[1].to_bytes(), hex("0F C0 00 1A")[..]);
    }

    #[test]
    fn any_bytes_are_handled() {
        total(|bytes| LayerList::formats(bytes).count());
        total(|bytes| StructureEntry::list(bytes).count());
        total(WriteProtection::from_body);
    }
}
