//! `raw-read`: whole CD sectors to WAV or BIN.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{progress, toc};
use crate::cli::Common;
use crate::session::Program;

/// Bytes of a sector as it is on the disc.
const SECTOR: usize = 2352;

/// Sectors of one request; with C2 pointers or sub-channels they fit into 64 KiB too.
const CHUNK: u32 = 24;

/// A way to read sectors: TRACK_MODE_TYPE, and bytes of a sector in the answer.
#[derive(Clone, Copy)]
struct Mode {
    track_mode: u32,
    length: usize,
}

/// Audio.
const AUDIO: Mode = Mode { track_mode: 2, length: SECTOR };

/// Any sector, with what else must come along; tried in this order.
const ANY: [Mode; 2] = [Mode { track_mode: 5, length: SECTOR + 96 }, Mode { track_mode: 4, length: SECTOR + 296 }];

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
    let mut mode = if data { None } else { Some(AUDIO) };
    let mut done = 0;
    while done < count {
        let part = (count - done).min(CHUNK);
        let (used, answer) = read(&mut program, mode, start + done, part)?;
        mode = Some(used);
        for sector in answer.chunks(used.length) {
            file.write_all(&sector[..sector.len().min(SECTOR)]).with_context(|| output.display().to_string())?;
        }
        done += part;
        bar.set_position(u64::from(done) * SECTOR as u64);
    }
    file.flush().with_context(|| output.display().to_string())?;
    bar.finish_and_clear();
    program.close()?;
    if common.json {
        println!("{}", serde_json::json!({ "lba": start, "sectors": count, "bytes": bytes }));
    }
    Ok(())
}

/// Reads sectors in `mode`, or in the first way that the drive takes.
fn read(program: &mut Program, mode: Option<Mode>, lba: u32, count: u32) -> Result<(Mode, Vec<u8>)> {
    let ways = mode.map_or(&ANY[..], |_| &[]).iter().copied().chain(mode);
    let mut failed = None;
    for way in ways {
        // RAW_READ_INFO: DiskOffset in units of 2048-byte sectors, SectorCount, TrackMode.
        let mut input = (u64::from(lba) * 2048).to_le_bytes().to_vec();
        input.extend(count.to_le_bytes());
        input.extend(way.track_mode.to_le_bytes());
        let length = count * u32::try_from(way.length).unwrap_or(u32::MAX);
        match program.ask("IOCTL_CDROM_RAW_READ", &input, length) {
            Ok(answer) if answer.len() == usize::try_from(length).unwrap_or(usize::MAX) => return Ok((way, answer)),
            Ok(answer) => bail!("the drive gave {} of {length} bytes at sector {lba}", answer.len()),
            Err(error) => failed = Some(error.context(format!("sector {lba}"))),
        }
    }
    Err(failed.unwrap_or_else(|| anyhow::anyhow!("no way to read sector {lba}")))
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
