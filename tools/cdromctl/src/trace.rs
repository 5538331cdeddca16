//! Shows commands as they go to the drive.

use std::fmt::Write;

use drive_host::record::{Cause, Sent, SentCommand};
use drive_host::results::hex;
use ioctl_dispatch::NtStatus;
use scsi_cdb::sense::Sense;
use scsi_cdb::{AnyCommand, Direction};

/// Most data bytes shown in one line.
const SHOWN: usize = 48;

/// Shows `sent` on stderr.
pub fn show(cause: Cause, sent: &Sent) {
    let prefix = match cause {
        Cause::Request => String::new(),
        Cause::Own(cause) => format!("({cause}) "),
    };
    match sent {
        Sent::Command(command) => eprintln!("{prefix}{}", describe(command)),
        Sent::Function { code, timeout_s } => eprintln!("{prefix}port function {code:#04X}, time-out {timeout_s} s"),
    }
}

/// A command and how it ended, a few lines for people.
pub fn describe(command: &SentCommand) -> String {
    let mut text = String::new();
    let parsed = AnyCommand::parse(command.cdb.as_bytes());
    let name = command.cdb.opcode().name().unwrap_or("command of unknown code");
    let _ = write!(text, "{:?}  {name}", command.cdb);
    if let Ok(fields) = parsed
        && !matches!(fields, AnyCommand::Other(_))
    {
        let _ = write!(text, "\n    {fields:?}");
    }
    let _ = match command.direction {
        Direction::None => write!(text, "\n    no data"),
        Direction::In => {
            write!(text, "\n    in {} of {} bytes{}", command.transferred, command.length, data(&command.data_in))
        }
        Direction::Out => {
            write!(text, "\n    out {} of {} bytes{}", command.transferred, command.length, data(&command.data_out))
        }
    };
    let _ = write!(text, ", time-out {} s, took {:?}", command.timeout_s, command.duration);
    if let Some(status) = command.port_status {
        let _ = write!(text, "\n    port: {}", NtStatus(status));
    }
    if command.scsi_status != 0 {
        let _ = write!(text, "\n    status {:#04X}", command.scsi_status);
        let _ = match Sense::parse(&command.sense) {
            Ok(sense) => write!(
                text,
                ", sense {:X}/{:02X}/{:02X} {}",
                sense.key.0,
                sense.asc,
                sense.ascq,
                sense.name().unwrap_or("(no name)")
            ),
            Err(_) => write!(text, ", sense bytes {}", hex(&command.sense)),
        };
    }
    text
}

fn data(bytes: &[u8]) -> String {
    match bytes.len() {
        0 => String::new(),
        length if length <= SHOWN => format!(": {}", hex(bytes)),
        _ => format!(": {}...", hex(&bytes[..SHOWN])),
    }
}
