//! The disc that the demo makes: BIN/CUE files with a data track, two audio tracks, CD-TEXT and a catalogue number.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use virtual_drive::disc::generated;

/// Blocks of the data track.
const DATA: u32 = 600;

/// Sectors of each audio track, 4 seconds.
const AUDIO: u32 = 300;

const SHEET: &str = r#"CATALOG 4012345678905
TITLE "A demonstration"
PERFORMER "cdrom-rs"
FILE "disc.bin" BINARY
  TRACK 01 MODE1/2048
    INDEX 01 00:00:00
  TRACK 02 AUDIO
    TITLE "First tone"
    PREGAP 00:02:00
    INDEX 01 00:08:00
  TRACK 03 AUDIO
    TITLE "Second tone"
    INDEX 01 00:12:00
"#;

/// Writes the files to `folder`; gives the CUE sheet's path.
///
/// # Errors
/// A file cannot be written.
pub fn make(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let sheet = folder.join("disc.cue");
    let image = folder.join("disc.bin");
    fs::write(&sheet, SHEET).with_context(|| sheet.display().to_string())?;
    let mut out = BufWriter::new(File::create(&image).with_context(|| image.display().to_string())?);
    let volume = generated::by_name("data-cd").context("there is no generated disc with that name")?;
    for lba in 0..i32::try_from(DATA)? {
        out.write_all(&volume.read_user_data(lba).map_err(|error| anyhow!("{error:?}"))?)?;
    }
    for lba in 0..2 * AUDIO {
        out.write_all(&generated::audio_sector(lba))?;
    }
    out.flush()?;
    Ok(sheet)
}
