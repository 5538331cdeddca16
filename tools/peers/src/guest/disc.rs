//! The discs in the guest's drives.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Bytes of a block.
pub(crate) const BLOCK: u64 = 2048;

/// A disc of blocks, each with bytes of its own that follow from its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Disc {
    pub(crate) name: &'static str,
    pub(crate) blocks: u64,
}

/// A CD of 112 MB.
pub(crate) const CD: Disc = Disc { name: "cd", blocks: 55_000 };
/// Too large for a CD; only the blocks that the tour reads have a content.
pub(crate) const DVD: Disc = Disc { name: "dvd", blocks: 700_000 };

/// The blocks that the tour reads, all but the last one.
const TOURED: Range<u64> = 0..0x2010;

impl Disc {
    /// Makes the image with its whole content.
    pub(crate) fn whole(self, directory: &Path) -> anyhow::Result<PathBuf> {
        self.make(directory, 0..self.blocks)
    }

    /// Makes the image with the content that the tour reads; the rest is zero and takes no room.
    pub(crate) fn for_tour(self, directory: &Path) -> anyhow::Result<PathBuf> {
        self.make(directory, TOURED)
    }

    fn make(self, directory: &Path, filled: Range<u64>) -> anyhow::Result<PathBuf> {
        let path = directory.join(format!("guest-{}.iso", self.name));
        let write = || -> std::io::Result<()> {
            let file = File::create(&path)?;
            file.set_len(self.blocks * BLOCK)?;
            let mut file = BufWriter::with_capacity(1 << 20, file);
            file.seek(SeekFrom::Start(filled.start * BLOCK))?;
            for number in filled {
                file.write_all(&content(number))?;
            }
            file.seek(SeekFrom::Start((self.blocks - 1) * BLOCK))?;
            file.write_all(&content(self.blocks - 1))?;
            file.flush()
        };
        write().with_context(|| path.display().to_string())?;
        Ok(path)
    }
}

/// The number of the block, big-endian in 8 bytes, then bytes of a linear congruential generator that begins with it.
fn content(number: u64) -> Vec<u8> {
    let mut state = number;
    let words = (1..BLOCK / 8).flat_map(|_| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        state.to_be_bytes()
    });
    number.to_be_bytes().into_iter().chain(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_differ_and_carry_their_number() {
        assert_eq!(content(0x0102)[..8], [0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(content(7).len(), 2048);
        assert_ne!(content(7)[8..], content(8)[8..]);
        let directory = tempfile::tempdir().unwrap();
        let bytes = std::fs::read(CD.for_tour(directory.path()).unwrap()).unwrap();
        assert_eq!(bytes.len(), 55_000 * 2048);
        assert_eq!(bytes[16 * 2048..][..2048], content(16));
        assert_eq!(bytes[54_999 * 2048..], content(54_999));
        assert_eq!(bytes[54_000 * 2048..][..2048], [0; 2048]);
    }
}
