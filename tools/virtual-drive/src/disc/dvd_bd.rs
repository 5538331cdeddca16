//! Structures of generated DVD and BD: physical format, copyright, disc key, burst cutting area, manufacturing data.

use super::media::{MediaFamily, MediaType};
use super::structures::StructureKey;
use super::{Disc, Layers};

/// Physical sector number of block 0 of a DVD.
const DVD_FIRST_SECTOR: u32 = 0x03_0000;
/// Physical sector number of block 0 of a DVD-RAM.
const DVD_RAM_FIRST_SECTOR: u32 = 0x03_1000;
/// Bytes of a full pack of a media key block.
pub const KEY_BLOCK_PACK: usize = 32_768;

/// Fills `disc.structures` with what a drive finds on such a disc.
pub fn add_structures(disc: &mut Disc) {
    let Some(layers) = disc.layers else { return };
    match disc.media.family() {
        MediaFamily::Cd => {}
        MediaFamily::Dvd => add_dvd(disc, layers),
        MediaFamily::Bd => add_bd(disc),
    }
}

/// A media key block of two packs: type and version record, then bytes by formula. No key opens it.
#[must_use]
pub fn key_block() -> Vec<Vec<u8>> {
    let mut block: Vec<u8> = (0..KEY_BLOCK_PACK + 8_192).map(|place| scrambled(place, 3)).collect();
    // Record type 0x10, twelve bytes, MKB type 3, version 1.
    block[..12].copy_from_slice(&[0x10, 0, 0, 12, 0, 3, 0x10, 3, 0, 0, 0, 1]);
    block.chunks(KEY_BLOCK_PACK).map(<[u8]>::to_vec).collect()
}

fn add_dvd(disc: &mut Disc, layers: Layers) {
    for layer in 0..layers.count {
        let physical = physical_format(disc, layers);
        disc.structures.insert(StructureKey::dvd(0x00).on_layer(layer), physical);
        let (system, regions) = disc.css.map_or((0, 0), |css| (1, css.region_mask));
        disc.structures.insert(StructureKey::dvd(0x01).on_layer(layer), vec![system, regions, 0, 0]);
        let manufacturing = padded(b"virtual-drive manufacturing data", 2048);
        disc.structures.insert(StructureKey::dvd(0x04).on_layer(layer), manufacturing);
    }
    if disc.css.is_some() {
        disc.structures.insert(StructureKey::dvd(0x02), (0..2048).map(|place| scrambled(place, 5)).collect());
        disc.structures.insert(StructureKey::dvd(0x03), padded(b"BURST CUTTING AREA", 188));
    }
    if disc.media == MediaType::DvdRam {
        disc.structures.insert(StructureKey::dvd(0x08), padded(&[0x0A, 0x0A], 2048));
        // No cartridge, not write protected.
        disc.structures.insert(StructureKey::dvd(0x09), vec![0x00, 0x00, 0x00, 0x00]);
        disc.structures.insert(StructureKey::dvd(0x0A), spare_area(12_800, 12_800));
    }
}

/// Physical format information (MMC-6 table 392).
fn physical_format(disc: &Disc, layers: Layers) -> Vec<u8> {
    let Disc { media, capacity, .. } = *disc;
    let book = match media {
        MediaType::DvdRam => 0x16,
        MediaType::DvdR => 0x25,
        MediaType::DvdRDualLayer => 0x26,
        MediaType::DvdRwSequential | MediaType::DvdRwRestricted => 0x33,
        MediaType::DvdPlusRw => 0x92,
        MediaType::DvdPlusR => 0xA1,
        MediaType::DvdPlusRDualLayer => 0xE1,
        _ => 0x01,
    };
    let layer_type = match media {
        MediaType::DvdRom => 0x01,
        MediaType::DvdR | MediaType::DvdRDualLayer | MediaType::DvdPlusR | MediaType::DvdPlusRDualLayer => 0x02,
        _ => 0x04,
    };
    let first = if media == MediaType::DvdRam { DVD_RAM_FIRST_SECTOR } else { DVD_FIRST_SECTOR };
    let first_layer_end = first.saturating_add(layers.first_end);
    let second_layer = capacity.saturating_sub(layers.first_end.saturating_add(1));
    let opposite = layers.count > 1 && layers.opposite;
    let end = match layers.count {
        0 | 1 => first.saturating_add(capacity).saturating_sub(1),
        // Sector numbers of the second layer are those of the first with all 24 bits inverted.
        _ if opposite => (!first_layer_end & 0x00FF_FFFF).saturating_add(second_layer).saturating_sub(1),
        _ => first.saturating_add(second_layer).saturating_sub(1),
    };
    let mut bytes = vec![0; 2048];
    bytes[0] = book;
    bytes[1] = 0x02;
    bytes[2] = layers.count.saturating_sub(1) << 5 | u8::from(opposite) << 4 | layer_type;
    bytes[3] = if layers.count > 1 { 0x10 } else { 0x00 };
    bytes[4..8].copy_from_slice(&first.to_be_bytes());
    bytes[8..12].copy_from_slice(&end.to_be_bytes());
    if opposite {
        bytes[12..16].copy_from_slice(&first_layer_end.to_be_bytes());
    }
    // Only discs with scrambling are given a burst cutting area.
    bytes[16] = if disc.css.is_some() { 0x80 } else { 0x00 };
    bytes
}

fn add_bd(disc: &mut Disc) {
    let kind = match disc.media {
        MediaType::BdR => b"BDR",
        MediaType::BdRe => b"BDW",
        _ => b"BDO",
    };
    let mut information = padded(b"DI\x01\x08\x00\x00\x40\x00", 4096);
    information[8..11].copy_from_slice(kind);
    disc.structures.insert(StructureKey::bd(0x00), information);
    disc.structures.insert(StructureKey::bd(0x03), padded(b"BURST CUTTING AREA", 64));
    if disc.media != MediaType::BdRom {
        disc.structures.insert(StructureKey::bd(0x08), padded(b"DS", 2048));
        disc.structures.insert(StructureKey::bd(0x09), vec![0x00, 0x00, 0x00, 0x00]);
        disc.structures.insert(StructureKey::bd(0x0A), spare_area(393_216, 393_216));
    }
}

/// Spare area information: unused and allocated spare blocks (MMC-6 table 409).
fn spare_area(unused: u32, allocated: u32) -> Vec<u8> {
    [[0; 4], unused.to_be_bytes(), allocated.to_be_bytes()].concat()
}

fn padded(text: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = text.to_vec();
    bytes.resize(size, 0);
    bytes
}

/// A byte that looks like no other structure's.
const fn scrambled(place: usize, seed: u32) -> u8 {
    let mixed = (place as u32).wrapping_mul(0x9E37_79B1).wrapping_add(seed.wrapping_mul(0x85EB_CA6B));
    (mixed >> 21) as u8
}
