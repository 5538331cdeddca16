//! Failures and exit codes.

use std::process::ExitCode;

use ioctl_dispatch::NtStatus;
use scsi_cdb::Cdb;
use scsi_cdb::sense::Sense;

/// The drive or the driver answered an error.
pub const DRIVE: u8 = 1;

/// The call was wrong: an option, a file, a device.
pub const USAGE: u8 = 2;

/// A request that ended with an error status.
#[derive(Debug)]
pub struct RequestFailed {
    /// What was asked.
    pub what: String,
    /// How it ended.
    pub status: NtStatus,
}

impl std::fmt::Display for RequestFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} ({:#010X})", self.what, self.status, self.status.0)?;
        match hint(self.status) {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RequestFailed {}

/// A pass-through command that the drive refused.
#[derive(Debug)]
pub struct DriveRefused {
    /// The command.
    pub cdb: Cdb,
    /// SCSI status.
    pub scsi_status: u8,
    /// Sense bytes.
    pub sense: Vec<u8>,
}

impl std::fmt::Display for DriveRefused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.cdb.opcode().name().unwrap_or("command");
        match Sense::parse(&self.sense) {
            Ok(sense) => {
                let text = sense.name().unwrap_or("no name");
                write!(f, "{name}: sense {:X}/{:02X}/{:02X} {text}", sense.key.0, sense.asc, sense.ascq)
            }
            Err(_) => write!(f, "{name}: SCSI status {:#04X}", self.scsi_status),
        }
    }
}

impl std::error::Error for DriveRefused {}

fn hint(status: NtStatus) -> Option<&'static str> {
    Some(match status {
        NtStatus::NO_MEDIA_IN_DEVICE => "there is no disc in the drive",
        NtStatus::UNRECOGNIZED_MEDIA => "the disc cannot be read: blank, damaged or of another kind",
        NtStatus::DEVICE_NOT_READY => "the drive is not ready; try again in a moment",
        NtStatus::ACCESS_DENIED => "another program has the drive to itself",
        NtStatus::INVALID_DEVICE_REQUEST => {
            "the drive refuses it: it, or the disc in it, may not be of the kind for that"
        }
        NtStatus::NONEXISTENT_SECTOR => "the disc has no such sector",
        NtStatus::DEVICE_DATA_ERROR => "the sectors cannot be read",
        NtStatus::MEDIA_WRITE_PROTECTED => "the disc cannot be written",
        NtStatus::CSS_AUTHENTICATION_FAILURE | NtStatus::CSS_KEY_NOT_PRESENT | NtStatus::CSS_SCRAMBLED_SECTOR => {
            "the disc is copy-protected"
        }
        _ => return None,
    })
}

/// Says what went wrong on stderr; gives the exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("cdromctl: {error:#}");
    let from_drive = error.chain().any(|cause| {
        cause.is::<RequestFailed>()
            || cause.is::<DriveRefused>()
            || matches!(
                cause.downcast_ref(),
                Some(drive_host::HostError::Start(_) | drive_host::HostError::Endless { .. })
            )
    });
    ExitCode::from(if from_drive { DRIVE } else { USAGE })
}
