//! A small ISO 9660 volume that is computed, not stored: a read-me file and a file of numbered blocks.

use std::io;

use super::source::{SectorForm, SectorSource};

const BLOCK: usize = 2048;
const PRIMARY_DESCRIPTOR: u64 = 16;
const TERMINATOR: u64 = 17;
const PATH_TABLE_L: u64 = 18;
const PATH_TABLE_M: u64 = 19;
const ROOT: u64 = 20;
const README: u64 = 21;
const DATA: u64 = 22;
/// The largest file of one extent, in blocks, that every reader takes: just under 2 GiB.
const DATA_MAX_BLOCKS: u32 = 0x000F_FFFF;
/// Bytes of a path table with the root directory alone.
const PATH_TABLE_SIZE: u32 = 10;

/// An ISO 9660 volume (ECMA-119) of `blocks` blocks, with README.TXT and DATA.BIN in its root.
///
/// Each block that is no file system structure holds [`numbered_block`] of its own address on the disc.
#[derive(Clone, Debug)]
pub struct Volume {
    base: u32,
    blocks: u32,
    label: &'static str,
    read_me: String,
}

impl Volume {
    /// A volume from block `base` of the disc on; `label` is of d-characters, `read_me` under 2048 bytes.
    #[must_use]
    pub fn new(base: u32, blocks: u32, label: &'static str, read_me: String) -> Self {
        Self { base, blocks, label, read_me }
    }

    fn address(&self, block: u64) -> u32 {
        self.base.saturating_add(u32::try_from(block).unwrap_or(u32::MAX))
    }

    fn primary_descriptor(&self, out: &mut [u8]) {
        out[0] = 1;
        out[1..6].copy_from_slice(b"CD001");
        out[6] = 1;
        out[8..72].fill(b' ');
        put_text(&mut out[40..72], self.label);
        put_both_32(&mut out[80..88], self.blocks);
        put_both_16(&mut out[120..124], 1);
        put_both_16(&mut out[124..128], 1);
        put_both_16(&mut out[128..132], 2048);
        put_both_32(&mut out[132..140], PATH_TABLE_SIZE);
        out[140..144].copy_from_slice(&self.address(PATH_TABLE_L).to_le_bytes());
        out[148..152].copy_from_slice(&self.address(PATH_TABLE_M).to_be_bytes());
        self.directory_record(&mut out[156..190], b"\0", ROOT, 2048, true);
        out[190..813].fill(b' ');
        put_text(&mut out[574..702], "CDROM-RS VIRTUAL DRIVE");
        for at in [813, 830] {
            put_text(&mut out[at..at + 16], "2024010100000000");
        }
        for at in [847, 864] {
            put_text(&mut out[at..at + 16], "0000000000000000");
        }
        out[881] = 1;
    }

    /// A path table of the root alone, which is its own parent, number 1; both numbers in the table's byte order.
    fn path_table(out: &mut [u8], root: [u8; 4], parent: [u8; 2]) {
        out[0] = 1;
        out[2..6].copy_from_slice(&root);
        out[6..8].copy_from_slice(&parent);
    }

    fn root(&self, out: &mut [u8]) {
        let data_blocks = self.blocks.saturating_sub(self.address(DATA) - self.base).min(DATA_MAX_BLOCKS);
        let read_me_size = u32::try_from(self.read_me.len()).unwrap_or(0);
        let mut at = 0;
        for (name, block, size, directory) in [
            (&b"\0"[..], ROOT, 2048, true),
            (b"\x01", ROOT, 2048, true),
            (b"DATA.BIN;1", DATA, data_blocks * 2048, false),
            (b"README.TXT;1", README, read_me_size, false),
        ] {
            at += self.directory_record(&mut out[at..], name, block, size, directory);
        }
    }

    /// Writes a directory record (ECMA-119 clause 9.1) and gives its length.
    fn directory_record(&self, out: &mut [u8], name: &[u8], block: u64, size: u32, directory: bool) -> usize {
        let length = (33 + name.len()).next_multiple_of(2);
        out[0] = length.to_le_bytes()[0];
        put_both_32(&mut out[2..10], self.address(block));
        put_both_32(&mut out[10..18], size);
        // 2024-01-01 00:00:00 UTC.
        out[18..25].copy_from_slice(&[124, 1, 1, 0, 0, 0, 0]);
        out[25] = if directory { 0x02 } else { 0x00 };
        put_both_16(&mut out[28..32], 1);
        out[32] = name.len().to_le_bytes()[0];
        out[33..33 + name.len()].copy_from_slice(name);
        length
    }
}

impl SectorSource for Volume {
    fn form(&self) -> SectorForm {
        SectorForm::User2048
    }

    fn read(&self, index: u64, out: &mut [u8]) -> io::Result<()> {
        out.fill(0);
        match index {
            0..PRIMARY_DESCRIPTOR => {}
            PRIMARY_DESCRIPTOR => self.primary_descriptor(out),
            TERMINATOR => {
                out[0] = 0xFF;
                out[1..6].copy_from_slice(b"CD001");
                out[6] = 1;
            }
            PATH_TABLE_L => Self::path_table(out, self.address(ROOT).to_le_bytes(), 1_u16.to_le_bytes()),
            PATH_TABLE_M => Self::path_table(out, self.address(ROOT).to_be_bytes(), 1_u16.to_be_bytes()),
            ROOT => self.root(out),
            README => put_text(out, &self.read_me),
            _ => out.copy_from_slice(&numbered_block(self.address(index))),
        }
        Ok(())
    }
}

/// A block of 64 lines of text that give the address of the block and the place of the line in it.
#[must_use]
pub fn numbered_block(lba: u32) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    for (index, line) in block.chunks_exact_mut(32).enumerate() {
        put_text(line, &format!("block {lba:010}, byte {:04} ...\n", index * 32));
    }
    block
}

fn put_text(out: &mut [u8], text: &str) {
    let len = text.len().min(out.len());
    out[..len].copy_from_slice(&text.as_bytes()[..len]);
}

/// A number in both byte orders (ECMA-119 clause 7.2.3).
fn put_both_16(out: &mut [u8], value: u16) {
    out[..2].copy_from_slice(&value.to_le_bytes());
    out[2..4].copy_from_slice(&value.to_be_bytes());
}

/// A number in both byte orders (ECMA-119 clause 7.3.3).
fn put_both_32(out: &mut [u8], value: u32) {
    out[..4].copy_from_slice(&value.to_le_bytes());
    out[4..8].copy_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(volume: &Volume, index: u64) -> [u8; BLOCK] {
        let mut out = [0xEE; BLOCK];
        volume.read(index, &mut out).expect("computed");
        out
    }

    #[test]
    fn structures_point_to_one_another() {
        let volume = Volume::new(11_702, 1000, "SECOND", "hello\n".into());
        let primary = block(&volume, 16);
        assert_eq!(&primary[..7], b"\x01CD001\x01");
        assert_eq!(&primary[40..47], b"SECOND ");
        let root = u32::from_le_bytes(primary[158..162].try_into().unwrap());
        assert_eq!(root, 11_722);
        assert_eq!(block(&volume, 18)[..10], [1, 0, 0xCA, 0x2D, 0, 0, 1, 0, 0, 0]);
        assert_eq!(block(&volume, 19)[..10], [1, 0, 0, 0, 0x2D, 0xCA, 0, 1, 0, 0]);
        let directory = block(&volume, 20);
        let names: Vec<&[u8]> = [34_usize, 34, 44, 46]
            .iter()
            .scan(0, |at, length| {
                assert_eq!(usize::from(directory[*at]), *length);
                let name = &directory[*at + 33..*at + 33 + usize::from(directory[*at + 32])];
                *at += length;
                Some(name)
            })
            .collect();
        assert_eq!(names, [&b"\0"[..], b"\x01", b"DATA.BIN;1", b"README.TXT;1"]);
        assert_eq!(&block(&volume, 21)[..7], b"hello\n\0");
        assert_eq!(&block(&volume, 22)[..32], b"block 0000011724, byte 0000 ...\n");
    }
}
