//! `read`: sectors of 2048 bytes into a file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::progress;
use crate::cli::Common;
use crate::output;
use crate::session::Program;

/// Bytes of a sector.
const SECTOR: u64 = 2048;

/// Bytes of one read request; the driver splits what the adapter cannot move at once.
const CHUNK: u64 = 32 * SECTOR;

/// Reads from `offset` or `lba` on.
pub fn run(common: &Common, offset: Option<u64>, lba: Option<u64>, count: Option<u64>, output: &Path) -> Result<()> {
    let lba = lba.map(|lba| lba.checked_mul(SECTOR).context("--lba is beyond any disc")).transpose()?;
    let start = offset.or(lba).unwrap_or(0);
    let mut program = Program::open_disc(common)?;
    let length = match count {
        Some(count) => count.checked_mul(SECTOR).context("--count is more than any disc has")?,
        None => {
            let end = disc_length(&mut program)?;
            match end.checked_sub(start) {
                Some(length) => length,
                None => bail!("--offset {start} is past the end of the disc at {end}"),
            }
        }
    };
    let target: Box<dyn Write> = if output == Path::new("-") {
        Box::new(std::io::stdout().lock())
    } else {
        Box::new(File::create(output).with_context(|| format!("--output {}", output.display()))?)
    };
    let mut target = BufWriter::new(target);
    let bar = progress(length);
    let mut done = 0;
    while done < length {
        let part = u32::try_from((length - done).min(CHUNK)).unwrap_or(u32::MAX);
        let data = program.read(start + done, part)?;
        if data.is_empty() {
            bail!("the drive gave nothing at offset {}", start + done);
        }
        target.write_all(&data).with_context(|| output.display().to_string())?;
        done += data.len() as u64;
        bar.set_position(done);
    }
    target.flush().with_context(|| output.display().to_string())?;
    bar.finish_and_clear();
    program.close()?;
    if common.json && output != Path::new("-") {
        output::line(serde_json::json!({ "offset": start, "bytes": done }))?;
    }
    Ok(())
}

/// Length of the disc in bytes.
pub fn disc_length(program: &mut Program) -> Result<u64> {
    let answer = program.ask("IOCTL_DISK_GET_LENGTH_INFO", &[], 8)?;
    answer.first_chunk().map(|length| u64::from_le_bytes(*length)).context("the answer has no length")
}
