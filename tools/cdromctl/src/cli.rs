//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use drive_host::Adapter;
use virtual_drive::script::Recording;

/// Drives optical drives, real or in software, through the driver core: every request goes the way that a program's
/// DeviceIoControl goes on Windows.
#[derive(Debug, Parser)]
#[command(name = "cdromctl", version, max_term_width = 110, after_help = AFTER_HELP)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const AFTER_HELP: &str = "Exit codes: 0 done, 1 the drive or the driver answered an error, 2 wrong option or bad input.

Examples:
  cdromctl --drive disc.cue info
  cdromctl --drive sim:cdrom-audio toc
  cdromctl --drive /dev/sr0 raw-read --track 2 --output song.wav
  cdromctl --drive disc.iso --trace ioctl IOCTL_CDROM_GET_DRIVE_GEOMETRY --out-len 24
  cdromctl --drive /dev/sr0 --record drive.jsonl info
  cdromctl --drive script:drive.jsonl info
  cdromctl --drive script:drive.jsonl batch requests.jsonl
  cdromctl --drive sim:list";

/// What every command takes.
#[derive(Debug, Args)]
pub struct Common {
    /// The drive: an image file (ISO, BIN/CUE), sim:NAME (`sim:list` lists them), script:FILE, /dev/srN or /dev/sgN,
    /// iscsi://HOST:PORT/TARGET/LUN (the port may be left out), or qemu:IMAGE (QEMU's ATAPI drive).
    #[arg(long, global = true, value_name = "DRIVE")]
    pub drive: Option<String>,
    /// The adapter above the drive: alignment-mask=1,max-transfer=65536,max-pages=17 are the defaults.
    #[arg(long, global = true, value_name = "KEY=N,...", default_value = "", hide_default_value = true)]
    pub adapter: Adapter,
    /// A registry value that the driver finds at its start, for example Classpnp\HackMask=4; may be repeated.
    #[arg(long, global = true, value_name = "PATH=N")]
    pub registry: Vec<String>,
    /// Give results as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// Show whole output buffers, not only the part that was returned (`batch` and `ioctl`).
    #[arg(long, global = true)]
    pub whole_output: bool,
    /// Show each SCSI command on stderr: name, fields, data, sense, duration.
    #[arg(long, global = true)]
    pub trace: bool,
    /// Write what the drive says to a drive script, which replays it: the way to report a drive that misbehaves.
    #[arg(long, global = true, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// The recording under way.
    #[arg(skip)]
    pub recording: Option<Recording>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the drive: name, firmware, profiles, features, disc, capacity, region, sessions.
    #[command(after_help = "Example:\n  cdromctl --drive sim:dvdwriter info")]
    Info,
    /// Show the tracks of the disc.
    #[command(after_help = "Example:\n  cdromctl --drive disc.cue toc --json")]
    Toc,
    /// Show the sessions of the disc.
    #[command(after_help = "Example:\n  cdromctl --drive sim:cdrom-twosession sessions")]
    Sessions,
    /// Show the CD-TEXT of the disc.
    #[command(after_help = "Example:\n  cdromctl --drive album.cue cdtext")]
    Cdtext,
    /// Show a disc structure of a DVD.
    #[command(after_help = "Example:\n  cdromctl --drive sim:dvdrom-movie structure --format physical")]
    Structure {
        /// Which structure.
        #[arg(long, value_enum, default_value_t = StructureFormat::Physical)]
        format: StructureFormat,
        /// Layer.
        #[arg(long, default_value_t = 0)]
        layer: u8,
        /// The authentication session (AGID) for structures that need one.
        #[arg(long, default_value_t = 0)]
        session: u32,
    },
    /// Show profiles and features of the drive.
    #[command(after_help = "Example:\n  cdromctl --drive /dev/sr0 config")]
    Config,
    /// Watch media events as the driver reports them.
    #[command(after_help = "Example:\n  cdromctl --drive /dev/sr0 events --seconds 60")]
    Events {
        /// How long to watch; a drive in software lives in virtual time and is through at once.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// Read sectors of 2048 bytes into a file.
    #[command(
        after_help = "Examples:\n  cdromctl --drive disc.iso read --lba 16 --count 1 --output descriptor.bin\n  \
        cdromctl --drive /dev/sr0 read --output whole.iso"
    )]
    Read {
        /// Byte offset of the first sector.
        #[arg(long, conflicts_with = "lba")]
        offset: Option<u64>,
        /// Number of the first sector.
        #[arg(long)]
        lba: Option<u64>,
        /// Sectors to read; without it to the end of the disc.
        #[arg(long)]
        count: Option<u64>,
        /// File to write; `-` is standard output.
        #[arg(long, short)]
        output: PathBuf,
    },
    /// Read whole CD sectors of 2352 bytes: audio to WAV, anything to BIN.
    #[command(after_help = "Examples:\n  cdromctl --drive album.cue raw-read --track 2 --output song.wav\n  \
        cdromctl --drive /dev/sr0 raw-read --lba 0 --count 75 --output second.bin")]
    RawRead {
        /// Track to read.
        #[arg(long, conflicts_with_all = ["lba", "count"], required_unless_present = "lba")]
        track: Option<u8>,
        /// First sector.
        #[arg(long, requires = "count")]
        lba: Option<u32>,
        /// Sectors to read.
        #[arg(long, requires = "lba")]
        count: Option<u32>,
        /// File to write; its name ends in .wav (audio only) or .bin.
        #[arg(long, short)]
        output: PathBuf,
    },
    /// Open the tray.
    Eject,
    /// Close the tray.
    Load,
    /// Keep the tray closed.
    Lock,
    /// Let the tray open again.
    Unlock,
    /// Set the drive's speed.
    #[command(after_help = "Examples:\n  cdromctl --drive /dev/sr0 speed --read 8x\n  \
        cdromctl --drive /dev/sr0 speed --read 1385 --write max")]
    Speed {
        /// Read speed: kB/s, a multiple such as 8x for the disc in the drive, or max.
        #[arg(long, default_value = "max")]
        read: String,
        /// Write speed: the same.
        #[arg(long, default_value = "max")]
        write: String,
    },
    /// Start or end an authentication session.
    #[command(subcommand)]
    Session(SessionCommand),
    /// Send one control request.
    #[command(after_help = "Examples:\n  cdromctl --drive disc.iso ioctl IOCTL_CDROM_READ_TOC --out-len 804\n  \
        cdromctl --drive sim:dvdrom-movie ioctl 0x00335014 --out-len 4 --json")]
    Ioctl(IoctlArgs),
    /// List the control codes that the driver serves.
    Ioctls,
    /// Run a request script; give a result line (JSON) for each of its lines.
    #[command(after_help = SCRIPT_HELP)]
    Batch {
        /// The script (JSON Lines); `-` is standard input.
        requests: PathBuf,
    },
}

const SCRIPT_HELP: &str = r#"The script has one JSON object a line; blank lines and lines that start with # are skipped:
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

Example:
  cdromctl --drive script:drive.jsonl batch requests.jsonl > results.jsonl"#;

/// One control request.
#[derive(Debug, Args)]
pub struct IoctlArgs {
    /// Name (older names of a code are known too) or number of the control code.
    pub code: String,
    /// Input bytes in hex.
    #[arg(long = "in", value_name = "HEX", default_value = "", hide_default_value = true)]
    pub input: String,
    /// Output buffer length.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub out_len: u32,
    /// Who asks.
    #[arg(long, value_enum, default_value_t = Mode::User)]
    pub mode: Mode,
    /// The caller is a 32-bit process.
    #[arg(long)]
    pub wow64: bool,
}

/// Requestor mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// A program.
    User,
    /// Another driver.
    Kernel,
}

/// Formats of IOCTL_DVD_READ_STRUCTURE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StructureFormat {
    /// Physical format information.
    Physical,
    /// Copyright information.
    Copyright,
    /// Disc key; needs a session.
    DiskKey,
    /// Burst cutting area.
    Bca,
    /// Manufacturer information.
    Manufacturer,
}

/// Authentication sessions.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum SessionCommand {
    /// Start a session; gives its id. It ends with the program, for a handle owns it.
    Start {
        /// AACS in place of CSS.
        #[arg(long)]
        aacs: bool,
    },
    /// End a session.
    End {
        /// Its id; without it all sessions.
        id: Option<u32>,
        /// AACS in place of CSS.
        #[arg(long)]
        aacs: bool,
    },
}
