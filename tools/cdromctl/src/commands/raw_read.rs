//! `raw-read`: whole CD sectors to WAV or BIN.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};

use scsi_cdb::Command;
use scsi_cdb::read_cd::{RAW_SECTOR_LENGTH, ReadCd, SectorFields, SectorType};

use super::{progress, toc};
use crate::cli::Common;
use crate::output;
use crate::session::Program;

/// Bytes of a sector as it is on the disc.
const SECTOR: usize = 2352;

/// Sectors of one request, below 64 KiB.
const CHUNK: u32 = 24;

/// TRACK_MODE_TYPE of audio.
const CD_DA: u32 = 2;

/// Reads a track, or `count` sectors from `lba` on.
pub fn run(common: &Common, track: Option<u8>, lba: Option<u32>, count: Option<u32>, output: &Path) -> Result<()> {
    let extension = output.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let wave = match extension.as_deref() {
        Some("wav") => true,
        Some("bin") => false,
        _ => bail!("--output {}: the name must end in .wav (audio) or .bin (any sectors)", output.display()),
    };
    let mut program = Program::open_disc(common)?;
    let (tracks, _) = toc::read_tracks(&mut program)?;
    let (start, count, data) = match track {
        Some(number) => {
            let Some(found) = tracks.iter().find(|track| track.number == number) else {
                let numbers: Vec<String> = tracks.iter().map(|track| track.number.to_string()).collect();
                bail!("--track {number}: the disc has the tracks {}", numbers.join(", "));
            };
            (found.start, found.sectors, found.data)
        }
        None => {
            let start = i32::try_from(lba.unwrap_or(0)).context("--lba is beyond any CD")?;
            let count = i32::try_from(count.unwrap_or(0)).context("--count is more than any CD has")?;
            let end = start.saturating_add(count);
            let data =
                tracks.iter().any(|track| track.data && track.start < end && track.start + track.sectors > start);
            (start, count, data)
        }
    };
    if wave && data {
        bail!("--output {}: these are data sectors; give a name that ends in .bin", output.display());
    }
    let (start, count) = (u32::try_from(start).unwrap_or(0), u32::try_from(count).unwrap_or(0));
    let mut file =
        File::create(output).map(BufWriter::new).with_context(|| format!("--output {}", output.display()))?;
    let bytes = u64::from(count) * SECTOR as u64;
    if wave {
        file.write_all(&wave_header(u32::try_from(bytes).context("more than a WAV file holds")?))?;
    }
    let bar = progress(bytes);
    let mut done = 0;
    while done < count {
        let part = (count - done).min(CHUNK);
        let lba = start + done;
        let sectors = if data { read_any(&mut program, lba, part) } else { read_audio(&mut program, lba, part) };
        let sectors = sectors.with_context(|| format!("sectors {lba} to {}", lba + part - 1))?;
        let wanted = usize::try_from(part).unwrap_or(usize::MAX) * SECTOR;
        if sectors.len() != wanted {
            bail!("the drive gave {} of {wanted} bytes from sector {lba} on", sectors.len());
        }
        file.write_all(&sectors).with_context(|| output.display().to_string())?;
        done += part;
        bar.set_position(u64::from(done) * SECTOR as u64);
    }
    file.flush().with_context(|| output.display().to_string())?;
    bar.finish_and_clear();
    program.close()?;
    if common.json {
        output::line(serde_json::json!({ "lba": start, "sectors": count, "bytes": bytes }))?;
    }
    Ok(())
}

/// Reads audio sectors.
fn read_audio(program: &mut Program, lba: u32, count: u32) -> Result<Vec<u8>> {
    // RAW_READ_INFO: DiskOffset in units of 2048-byte sectors, SectorCount, TrackMode.
    let mut input = (u64::from(lba) * 2048).to_le_bytes().to_vec();
    input.extend(count.to_le_bytes());
    input.extend(CD_DA.to_le_bytes());
    program.ask("IOCTL_CDROM_RAW_READ", &input, count * RAW_SECTOR_LENGTH)
}

/// Reads sectors of any type, whole.
///
/// IOCTL_CDROM_RAW_READ never asks for EDC and ECC, so data sectors take the way that ripping programs take.
fn read_any(program: &mut Program, lba: u32, count: u32) -> Result<Vec<u8>> {
    let read =
        ReadCd { sector_type: SectorType::ANY, dap: false, start_lba: lba, blocks: count, fields: SectorFields::RAW };
    program.pass_through(read.cdb(), count * RAW_SECTOR_LENGTH)
}

/// The header of a WAV file: 44100 Hz, two channels, 16 bits.
fn wave_header(bytes: u32) -> Vec<u8> {
    let mut header = b"RIFF".to_vec();
    header.extend(bytes.saturating_add(36).to_le_bytes());
    header.extend(b"WAVEfmt ");
    header.extend(16_u32.to_le_bytes());
    header.extend(1_u16.to_le_bytes());
    header.extend(2_u16.to_le_bytes());
    header.extend(44_100_u32.to_le_bytes());
    header.extend(176_400_u32.to_le_bytes());
    header.extend(4_u16.to_le_bytes());
    header.extend(16_u16.to_le_bytes());
    header.extend(b"data");
    header.extend(bytes.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_header_has_44_bytes_and_both_lengths() {
        let header = wave_header(2352);
        assert_eq!(
            (header.len(), &header[4..8], &header[40..]),
            (44, &2388_u32.to_le_bytes()[..], &2352_u32.to_le_bytes()[..])
        );
    }
}
