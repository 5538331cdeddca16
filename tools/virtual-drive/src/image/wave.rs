//! WAVE files: where the samples are.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Where the samples of a CD-audio WAVE file begin and end in the file.
///
/// # Errors
/// A few words that say what is wrong with the file.
pub(super) fn samples(file: &mut File, size: u64) -> Result<(u64, u64), &'static str> {
    let head: [u8; 12] = read(file, 0)?;
    if &head[..4] != b"RIFF" || &head[8..] != b"WAVE" {
        return Err("it has no RIFF WAVE header");
    }
    let mut at = 12;
    let mut format_seen = false;
    loop {
        let chunk: [u8; 8] = read(file, at)?;
        let length = u64::from(u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]));
        let body = at + 8;
        match &chunk[..4] {
            b"fmt " => {
                let format: [u8; 16] = read(file, body)?;
                // PCM, or the extensible form of it.
                if !matches!(format[..2], [0x01, 0x00] | [0xFE, 0xFF]) {
                    return Err("it is not PCM");
                }
                if format[2..4] != [2, 0] || format[4..8] != 44_100_u32.to_le_bytes() || format[14..16] != [16, 0] {
                    return Err("it has another number of channels, rate or sample size");
                }
                format_seen = true;
            }
            b"data" if format_seen => {
                return if body + length > size {
                    Err("it is shorter than its header says")
                } else {
                    Ok((body, body + length))
                };
            }
            b"data" => return Err("it has no format before its samples"),
            _ => {}
        }
        at = body + length.next_multiple_of(2);
    }
}

fn read<const N: usize>(file: &mut File, at: u64) -> Result<[u8; N], &'static str> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at)).map_err(|_| "it cannot be read")?;
    file.read_exact(&mut bytes).map_err(|_| "its header ends too soon")?;
    Ok(bytes)
}
