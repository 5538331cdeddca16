//! `structure`: disc structures of a DVD.

use std::fmt;

use anyhow::{Context, Result};
use drive_host::results::hex;
use serde::Serialize;

use crate::cli::{Common, StructureFormat};
use crate::output;
use crate::session::Program;

#[derive(Serialize)]
struct Report {
    format: String,
    length: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<(&'static str, String)>,
    data: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} structure, {} bytes", self.format, self.length)?;
        for (name, value) in &self.fields {
            writeln!(f, "  {name:<18} {value}")?;
        }
        for row in self.data.as_bytes().chunks(64).filter(|row| row.iter().any(|digit| *digit != b'0')) {
            writeln!(f, "  {}", String::from_utf8_lossy(row))?;
        }
        Ok(())
    }
}

/// Shows a structure.
pub fn run(common: &Common, format: StructureFormat, layer: u8, session: u32) -> Result<()> {
    let (code, name) = match format {
        StructureFormat::Physical => (0_u32, "physical format"),
        StructureFormat::Copyright => (1, "copyright"),
        StructureFormat::DiskKey => (2, "disk key"),
        StructureFormat::Bca => (3, "burst cutting area"),
        StructureFormat::Manufacturer => (4, "manufacturer"),
    };
    // DVD_READ_STRUCTURE: BlockByteOffset, Format, SessionId, LayerNumber.
    let mut input = vec![0; 8];
    input.extend(code.to_le_bytes());
    input.extend(session.to_le_bytes());
    input.push(layer);
    let mut program = Program::open_disc(common)?;
    let answer = program.ask("IOCTL_DVD_READ_STRUCTURE", &input, 2052)?;
    let data = answer.get(4..).context("the answer has no header")?;
    let fields = match format {
        StructureFormat::Physical => physical(data),
        StructureFormat::Copyright => copyright(data),
        _ => Vec::new(),
    };
    output::report(common, &Report { format: name.into(), length: data.len(), fields, data: hex(data) })?;
    program.close()
}

/// Physical format information (MMC-6 6.22.3.2.1); sector numbers are big-endian, as the disc has them.
fn physical(data: &[u8]) -> Vec<(&'static str, String)> {
    let Some(data) = data.first_chunk::<17>() else { return Vec::new() };
    let sector = |at: usize| u32::from_be_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
    let book = match data[0] >> 4 {
        0 => "DVD-ROM",
        1 => "DVD-RAM",
        2 => "DVD-R",
        3 => "DVD-RW",
        9 => "DVD+RW",
        10 => "DVD+R",
        13 => "DVD+RW DL",
        14 => "DVD+R DL",
        _ => "unknown book",
    };
    vec![
        ("book", format!("{book}, version {}", data[0] & 0x0F)),
        ("size", if data[1] >> 4 == 0 { "120 mm" } else { "80 mm" }.into()),
        ("layers", (((data[2] >> 5) & 3) + 1).to_string()),
        ("track path", if data[2] & 0x10 == 0 { "parallel" } else { "opposite" }.into()),
        ("first sector", format!("{:#X}", sector(4))),
        ("last sector", format!("{:#X}", sector(8))),
        ("end of layer 0", format!("{:#X}", sector(12))),
        ("BCA", if data[16] & 0x80 == 0 { "no" } else { "yes" }.into()),
    ]
}

/// Copyright information (MMC-6 6.22.3.2.2).
fn copyright(data: &[u8]) -> Vec<(&'static str, String)> {
    let Some(data) = data.first_chunk::<2>() else { return Vec::new() };
    let system = match data[0] {
        0 => "none",
        1 => "CSS or CPPM",
        2 => "CPRM",
        0x10 => "AACS",
        _ => "unknown",
    };
    let regions: Vec<String> =
        (0..8).filter(|bit| data[1] & (1 << bit) == 0).map(|bit| (bit + 1).to_string()).collect();
    vec![("protection", system.into()), ("regions", regions.join(" "))]
}
