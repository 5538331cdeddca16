//! `speed`: sets the drive's speed.

use anyhow::{Result, bail};
use scsi_cdb::configuration::Configuration;

use super::config;
use crate::cli::Common;
use crate::output;
use crate::session::Program;

/// The value that stands for the drive's best.
const MAXIMUM: u16 = u16::MAX;

/// Sets read and write speed.
pub fn run(common: &Common, read: &str, write: &str) -> Result<()> {
    let wants_factor = |text: &str| text.ends_with('x') && text != "max";
    let mut program = Program::open_disc(common)?;
    let single = if wants_factor(read) || wants_factor(write) { single_speed(&mut program)? } else { 0 };
    let (read, write) = (parse("--read", read, single)?, parse("--write", write, single)?);
    let mut input = 0_u32.to_le_bytes().to_vec();
    input.extend(read.to_le_bytes());
    input.extend(write.to_le_bytes());
    input.extend(0_u32.to_le_bytes());
    program.ask("IOCTL_CDROM_SET_SPEED", &input, 0)?;
    program.close()?;
    if common.json {
        output::line(serde_json::json!({ "read_kb_per_s": read, "write_kb_per_s": write }))?;
    }
    Ok(())
}

/// kB/s of a single speed for the disc in the drive.
fn single_speed(program: &mut Program) -> Result<u32> {
    let answer = config::fetch(program)?;
    Ok(match Configuration::parse(&answer).map_or(0, |answer| answer.current_profile.0) {
        0x10..=0x2F => 1385,
        0x40..=0x4F => 4496,
        _ => 176,
    })
}

fn parse(option: &str, text: &str, single: u32) -> Result<u16> {
    if text == "max" {
        return Ok(MAXIMUM);
    }
    let speed = match text.strip_suffix('x') {
        Some(factor) => factor.parse::<u32>().ok().map(|factor| factor.saturating_mul(single)),
        None => text.parse().ok(),
    };
    match speed.and_then(|speed| u16::try_from(speed).ok()) {
        Some(speed) => Ok(speed),
        None => bail!("{option} {text}: give kB/s (up to 65535), a multiple such as 8x, or max"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_numbers_multiples_or_max() {
        assert_eq!(parse("--read", "max", 0).unwrap(), 0xFFFF);
        assert_eq!(parse("--read", "1385", 0).unwrap(), 1385);
        assert_eq!(parse("--read", "8x", 176).unwrap(), 1408);
        for wrong in ["fast", "-1", "70000", "x", "999x"] {
            assert!(parse("--read", wrong, 176).unwrap_err().to_string().starts_with("--read "), "{wrong}");
        }
    }
}
