//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use drive_host::Adapter;

/// Drives optical drives, real or in software, through the driver core: every request goes the way that a program's
/// DeviceIoControl goes on Windows.
#[derive(Debug, Parser)]
#[command(name = "cdromctl", version, max_term_width = 110, after_help = EXIT_CODES)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 the drive or the driver answered an error, 2 wrong option or bad input.

Examples:
  cdromctl --drive disc.cue batch requests.jsonl
  cdromctl --drive script:drive.jsonl ioctl IOCTL_CDROM_READ_TOC --out-len 804";

/// What every command takes.
#[derive(Debug, Args)]
pub struct Common {
    /// The drive: an image file (ISO, BIN/CUE), sim:NAME (`sim:list` lists them), script:FILE, or /dev/srN.
    #[arg(long, global = true, value_name = "DRIVE")]
    pub drive: Option<String>,
    /// The adapter above the drive: alignment-mask=1,max-transfer=65536,max-pages=17 are the defaults.
    #[arg(long, global = true, value_name = "KEY=N,...", default_value = "")]
    pub adapter: Adapter,
    /// Give results as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// Show whole output buffers, not only the part that was returned.
    #[arg(long, global = true)]
    pub whole_output: bool,
    /// Show each SCSI command on stderr: name, fields, data, sense, duration.
    #[arg(long, global = true)]
    pub trace: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a request script; give a result line (JSON) for each of its lines.
    #[command(after_help = "Example:\n  cdromctl --drive script:drive.jsonl batch requests.jsonl > results.jsonl")]
    Batch {
        /// The script (JSON Lines); `-` is standard input.
        requests: PathBuf,
    },
}
