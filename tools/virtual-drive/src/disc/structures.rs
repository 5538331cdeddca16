//! What READ DISC STRUCTURE and the key commands find on a disc beside its sectors.

use std::collections::BTreeMap;

/// Which structure: the fields of the READ DISC STRUCTURE block that choose one (MMC-6 clause 6.22).
///
/// Formats 0x80 and up do not depend on the media family; store them under `media` 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StructureKey {
    /// Media type field: 0 DVD, 1 BD.
    pub media: u8,
    /// Format code.
    pub format: u8,
    /// Layer number.
    pub layer: u8,
    /// Address field: a sector, or the pack number of a media key block.
    pub address: u32,
}

impl StructureKey {
    /// A DVD structure of layer 0 at address 0 (also the key for formats 0x80 and up).
    #[must_use]
    pub const fn dvd(format: u8) -> Self {
        Self { media: 0, format, layer: 0, address: 0 }
    }

    /// A BD structure of layer 0 at address 0.
    #[must_use]
    pub const fn bd(format: u8) -> Self {
        Self { media: 1, format, layer: 0, address: 0 }
    }

    /// The same structure of another layer.
    #[must_use]
    pub const fn on_layer(mut self, layer: u8) -> Self {
        self.layer = layer;
        self
    }

    /// The same structure at another address, or another pack.
    #[must_use]
    pub const fn at(mut self, address: u32) -> Self {
        self.address = address;
        self
    }
}

/// Disc structures: the bytes after the four-byte header of READ DISC STRUCTURE's answer.
#[derive(Clone, Debug, Default)]
pub struct Structures(BTreeMap<StructureKey, Vec<u8>>);

impl Structures {
    /// No structures.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Stores a structure.
    pub fn insert(&mut self, key: StructureKey, payload: Vec<u8>) {
        self.0.insert(key, payload);
    }

    /// The payload of a structure.
    #[must_use]
    pub fn get(&self, key: StructureKey) -> Option<&[u8]> {
        self.0.get(&key).map(Vec::as_slice)
    }

    /// All stored structures in ascending order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (StructureKey, &[u8])> {
        self.0.iter().map(|(key, payload)| (*key, payload.as_slice()))
    }
}

/// Content scrambling of a DVD, as far as a host without keys can see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Css {
    /// Region management byte of the copyright structure: a set bit forbids that region (bit 0 is region 1).
    pub region_mask: u8,
    /// First and last block that are scrambled; reading them needs authentication.
    pub scrambled: (u32, u32),
}

/// AACS data of a disc, as far as a host without keys can see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aacs {
    /// Volume identifier (format 0x80).
    pub volume_id: [u8; 16],
    /// Serial number of a prerecorded medium (format 0x81); `None` on discs without.
    pub serial_number: Option<[u8; 16]>,
    /// Identifier of a recordable medium (format 0x82).
    pub media_id: Option<[u8; 16]>,
    /// Media key block in packs of at most 32,768 bytes (format 0x83).
    pub key_block: Vec<Vec<u8>>,
    /// Whether the disc asks for bus encryption.
    pub bus_encryption: bool,
}
