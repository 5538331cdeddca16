//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};
use drive_formats::Adapter;
use kmdf_host::Setting;
use virtual_drive::CommandFault;

/// Runs a KMDF storage class driver's .sys file in user mode, above a drive in software, and reports what it must not do.
#[derive(Debug, Parser)]
#[command(name = "kmdf-host", version, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Load a driver, start its device, play a script, remove the device, unload the driver.
    #[command(after_help = HELP)]
    Run(Box<Run>),
    /// Play a script again and again, each time with another failure: every allocation, every command in each way, a
    /// cancellation at every scheduling point.
    #[command(after_help = SWEEP_HELP)]
    Sweep(Box<Sweep>),
}

const SWEEP_HELP: &str = r#"A trial plays the script up to a line, that line with the failure, and the next line; then the device is removed and
the driver unloaded. It is good without findings and with a status that the failure explains: the usual one, or
STATUS_INSUFFICIENT_RESOURCES, or STATUS_CANCELLED. What a failed command means is the driver's to say: see --json.
Exit codes: 0 all trials are good, 1 some are not, 2 wrong option or bad input.

Examples:
  kmdf-host sweep --sys cdromrs.sys --drive sim:cdrom-data --script requests.jsonl
  kmdf-host sweep --sys cdromrs.sys --drive disc.iso --script requests.jsonl --only cancellations --json"#;

const HELP: &str = r#"Result lines (JSON) go to standard output, findings to standard error.
Exit codes: 0 no finding, 1 the driver broke a rule, did not start or the script ended early, 2 wrong option or bad input.

The script has one JSON object a line; blank lines and lines that start with # are skipped:
  {"open": "A"}                       with "access": "r", "w", "rw" or "none"
  {"ioctl": "IOCTL_CDROM_READ_TOC", "handle": "A", "in": "00 01", "out_len": 804}
      in_len, mode (user, kernel), wow64, cancel_after_ms, async + label, x_sl_flags, x_mdl_offset
  {"read": {"offset": 32768, "length": 2048}, "handle": "A"}
  {"write": {"offset": 0, "data": "..."}, "handle": "A"}
      mode, cancel_after_ms, async + label, x_sl_flags, x_minor, x_mdl_offset
  {"flush": {}, "handle": "A"}        {"x_shutdown": {}}
  {"wait": "LABEL"}                   {"close": "A"}
  {"advance_ms": 5000}                {"button": "eject"}
  {"media": "remove"}                 {"media": {"insert": "disc.cue"}}
  {"x_mounted": true}                 {"x_verify": true}
  {"pnp": EVENT}    start, query_stop, cancel_stop, stop, query_remove, cancel_remove, remove, surprise_remove,
                    query_state, query_capabilities, query_bus_relations, query_target_relation
  {"pnp": "usage", "type": TYPE, "entering": true}      TYPE: paging, hibernation, dump, boot
  {"power": STATE}  D0 to D3: the device's SET_POWER; S0 to S5: the system's transition, with the device's part
                    "action": none, sleep, hibernate, shutdown, shutdown_reset, shutdown_off

Examples:
  kmdf-host run --sys cdromrs.sys --drive sim:cdrom-data --script requests.jsonl
  kmdf-host run --sys cdromrs.sys --drive script:drive.jsonl --script requests.jsonl --seed 7
  kmdf-host run --sys cdromrs.sys --drive disc.iso --count
  kmdf-host run --sys cdromrs.sys --drive disc.iso --fail-command 3:time-out
  kmdf-host run --sys cdromrs.sys --drive disc.iso --script r.jsonl --fail-allocation 2 --at 5"#;

/// A driver, what lies below it, and what it is asked.
#[derive(Args, Debug)]
pub struct Setup {
    /// The driver: an x86-64 kernel-mode image. Its symbols are looked for in the PDB file beside it.
    #[arg(long, value_name = "FILE")]
    pub sys: PathBuf,
    /// The drive below: an image file (ISO, BIN/CUE), sim:NAME or script:FILE. `cdromctl --drive sim:list` lists names.
    #[arg(long, value_name = "DRIVE")]
    pub drive: String,
    /// The script of requests; `-` is standard input. Without one the device is started and removed.
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Decides every choice of the scheduler. With 0 a thread runs until it waits.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// The adapter above the drive: alignment-mask=1,max-transfer=65536,max-pages=17 are the defaults.
    #[arg(long, value_name = "KEY=N,...", default_value = "", hide_default_value = true)]
    pub adapter: Adapter,
    /// A registry value that the driver finds, as Parameters\TimeOutValue=30 (below the service's key),
    /// Classpnp\HackMask=4 (below the device's hardware key) or \Registry\...\NAME=TEXT; may be repeated.
    #[arg(long, value_name = "KEY\\NAME=VALUE")]
    pub registry: Vec<Setting>,
}

/// Kinds of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Only {
    /// The n-th allocation.
    Allocations,
    /// The n-th command, in each of the ways of --fail-command.
    Commands,
    /// A cancellation at the n-th scheduling point.
    Cancellations,
}

/// Many runs.
#[derive(Args, Debug)]
pub struct Sweep {
    /// What is run.
    #[command(flatten)]
    pub setup: Setup,
    /// Only failures of this kind; may be repeated.
    #[arg(long, value_enum)]
    pub only: Vec<Only>,
    /// Print every trial as a JSON line, good ones too.
    #[arg(long)]
    pub json: bool,
}

/// A run.
#[derive(Args, Debug)]
pub struct Run {
    /// What is run.
    #[command(flatten)]
    pub setup: Setup,
    /// Show whole output buffers, not only the part that was returned.
    #[arg(long)]
    pub whole_output: bool,
    /// Show each call between driver and kernel on standard error.
    #[arg(long)]
    pub trace: bool,
    /// Print findings as JSON lines.
    #[arg(long)]
    pub json: bool,
    /// Print how many allocations, commands and scheduling points the start and each line had.
    #[arg(long)]
    pub count: bool,
    /// Print the memory that the device took for itself.
    #[arg(long)]
    pub footprint: bool,
    /// Let the N-th allocation fail.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub fail_allocation: Option<u64>,
    /// Let the N-th SCSI command fail. KIND: time-out, bus-reset, hardware-error, unit-attention, device-gone.
    #[arg(long, value_name = "N:KIND")]
    pub fail_command: Option<CommandFault>,
    /// Cancel the request of the line of --at at its N-th scheduling point.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub cancel_at: Option<u64>,
    /// Where the failures are counted: from the load on (`start`), or during one line of the script.
    #[arg(long, value_name = "start|LINE", default_value = "start")]
    pub at: At,
}

/// Where failures are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// While the driver is loaded and the device started.
    Start,
    /// During this line.
    Line(usize),
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "start" => Ok(Self::Start),
            number => number.parse().map(Self::Line).map_err(|_| format!("`{text}` must be `start` or a line number")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_its_help_names_every_event() {
        Cli::command().debug_assert();
        for name in drive_formats::requests::pnp_names() {
            assert!(HELP.contains(name), "{name}");
        }
    }

    #[test]
    fn places_are_read() {
        assert_eq!(("start".parse(), "12".parse()), (Ok(At::Start), Ok(At::Line(12))));
        assert!("later".parse::<At>().unwrap_err().contains("`start` or a line number"));
    }
}
