//! The two forms of a status: the core's, unsigned, and the system's, signed.

use ioctl_dispatch::NtStatus;
use wdk_sys::{NT_SUCCESS, NTSTATUS};

/// A status of the core for the system.
pub const fn to_system(status: NtStatus) -> NTSTATUS {
    status.0.cast_signed()
}

/// A status of the system for the core.
pub const fn to_core(status: NTSTATUS) -> NtStatus {
    NtStatus(status.cast_unsigned())
}

/// A status of the system as a result.
///
/// # Errors
/// The status, if it is no success.
pub const fn check(status: NTSTATUS) -> Result<(), NTSTATUS> {
    if NT_SUCCESS(status) { Ok(()) } else { Err(status) }
}

/// A result as a status of the system.
pub const fn of(result: Result<(), NTSTATUS>) -> NTSTATUS {
    match result {
        Ok(()) => wdk_sys::STATUS_SUCCESS,
        Err(status) => status,
    }
}
