//! Failures and exit codes.

use std::process::ExitCode;

use ioctl_dispatch::NtStatus;

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

fn hint(status: NtStatus) -> Option<&'static str> {
    Some(match status {
        NtStatus::NO_MEDIA_IN_DEVICE => "there is no disc in the drive",
        NtStatus::UNRECOGNIZED_MEDIA => "the disc cannot be read: blank, damaged or of another kind",
        NtStatus::DEVICE_NOT_READY => "the drive is not ready; try again in a moment",
        NtStatus::ACCESS_DENIED => "another program has the drive to itself",
        NtStatus::INVALID_DEVICE_REQUEST => "this drive cannot do that",
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
            || matches!(
                cause.downcast_ref(),
                Some(drive_host::HostError::Start(_) | drive_host::HostError::Endless { .. })
            )
    });
    ExitCode::from(if from_drive { DRIVE } else { USAGE })
}
