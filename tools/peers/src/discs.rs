//! The discs that drives are compared on: made here, the same every time, for us and for the peer.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Bytes of a block.
const BLOCK: u64 = 2048;

/// Names and sizes in blocks: two discs of CD size, and two that are too large for a CD.
const DISCS: &[(&str, u64)] = &[("cd", 1000), ("cd-2", 500), ("dvd", 700_000), ("dvd-2", 800_000)];

/// Makes the image of the disc with this name in `directory`, unless it is there. Each block begins with its number,
/// big-endian, in every block of the first thousand and in the last; all else is zero.
pub(crate) fn image(directory: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let (_, blocks) = DISCS.iter().find(|(known, _)| *known == name).with_context(|| format!("no disc `{name}`"))?;
    let path = directory.join(format!("{name}.iso"));
    if !path.exists() {
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&path)?;
            file.set_len(blocks * BLOCK)?;
            for block in (0..1000.min(*blocks)).chain([blocks - 1]) {
                file.seek(SeekFrom::Start(block * BLOCK))?;
                file.write_all(&u32::try_from(block).unwrap_or(u32::MAX).to_be_bytes())?;
            }
            Ok(())
        };
        write().with_context(|| path.display().to_string())?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_carry_their_number() {
        let directory = tempfile::tempdir().unwrap();
        let bytes = std::fs::read(image(directory.path(), "cd").unwrap()).unwrap();
        assert_eq!(bytes.len(), 1000 * 2048);
        assert_eq!(bytes[999 * 2048..][..5], [0, 0, 3, 0xE7, 0]);
        assert!(image(directory.path(), "none").is_err());
    }
}
