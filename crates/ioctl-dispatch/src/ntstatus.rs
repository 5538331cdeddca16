//! The NTSTATUS values that this driver answers with or reads from the port.

use core::fmt;

macro_rules! statuses {
    ($( $(#[$meta:meta])* $name:ident = $value:expr ),* $(,)?) => {
        impl NtStatus {
            $( $(#[$meta])* #[doc = concat!("`STATUS_", stringify!($name), "`.")] pub const $name: Self = Self($value); )*

            const NAMED: &'static [(Self, &'static str)] = &[ $( (Self::$name, concat!("STATUS_", stringify!($name))) ),* ];
        }
    };
}

/// An NTSTATUS. Bits 31-30 are the severity: 0 success, 1 information, 2 warning, 3 error.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NtStatus(pub u32);

statuses! {
    SUCCESS = 0x0000_0000,
    TIMEOUT = 0x0000_0102,
    PENDING = 0x0000_0103,
    BUFFER_OVERFLOW = 0x8000_0005,
    DEVICE_BUSY = 0x8000_0011,
    VERIFY_REQUIRED = 0x8000_0016,
    MEDIA_CHANGED = 0x8000_001C,
    NO_DATA_DETECTED = 0x8000_0022,
    CLEANER_CARTRIDGE_INSTALLED = 0x8000_0027,
    UNSUCCESSFUL = 0xC000_0001,
    INFO_LENGTH_MISMATCH = 0xC000_0004,
    INVALID_HANDLE = 0xC000_0008,
    INVALID_PARAMETER = 0xC000_000D,
    NO_SUCH_DEVICE = 0xC000_000E,
    INVALID_DEVICE_REQUEST = 0xC000_0010,
    WRONG_VOLUME = 0xC000_0012,
    NO_MEDIA_IN_DEVICE = 0xC000_0013,
    UNRECOGNIZED_MEDIA = 0xC000_0014,
    NONEXISTENT_SECTOR = 0xC000_0015,
    ACCESS_DENIED = 0xC000_0022,
    BUFFER_TOO_SMALL = 0xC000_0023,
    OBJECT_NAME_NOT_FOUND = 0xC000_0034,
    DATA_OVERRUN = 0xC000_003C,
    DELETE_PENDING = 0xC000_0056,
    REVISION_MISMATCH = 0xC000_0059,
    INSUFFICIENT_RESOURCES = 0xC000_009A,
    DEVICE_DATA_ERROR = 0xC000_009C,
    DEVICE_NOT_CONNECTED = 0xC000_009D,
    MEDIA_WRITE_PROTECTED = 0xC000_00A2,
    DEVICE_NOT_READY = 0xC000_00A3,
    IO_TIMEOUT = 0xC000_00B5,
    NOT_SUPPORTED = 0xC000_00BB,
    DEVICE_DOES_NOT_EXIST = 0xC000_00C0,
    INTERNAL_ERROR = 0xC000_00E5,
    INVALID_USER_BUFFER = 0xC000_00E8,
    INVALID_PARAMETER_1 = 0xC000_00EF,
    INVALID_PARAMETER_2 = 0xC000_00F0,
    INVALID_PARAMETER_3 = 0xC000_00F1,
    INVALID_PARAMETER_5 = 0xC000_00F3,
    CANCELLED = 0xC000_0120,
    INVALID_LEVEL = 0xC000_0148,
    INVALID_BLOCK_LENGTH = 0xC000_0173,
    INVALID_DEVICE_STATE = 0xC000_0184,
    IO_DEVICE_ERROR = 0xC000_0185,
    DEVICE_PROTOCOL_ERROR = 0xC000_0186,
    INVALID_BUFFER_SIZE = 0xC000_0206,
    NOT_FOUND = 0xC000_0225,
    COPY_PROTECTION_FAILURE = 0xC000_0305,
    CSS_AUTHENTICATION_FAILURE = 0xC000_0306,
    CSS_KEY_NOT_PRESENT = 0xC000_0307,
    CSS_KEY_NOT_ESTABLISHED = 0xC000_0308,
    CSS_SCRAMBLED_SECTOR = 0xC000_0309,
    CSS_REGION_MISMATCH = 0xC000_030A,
    CSS_RESETS_EXHAUSTED = 0xC000_030B,
}

impl NtStatus {
    /// `NT_SUCCESS`: severity success or information.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 < 0x8000_0000
    }

    /// `NT_ERROR`: the I/O manager copies nothing back to a buffered caller.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.0 >= 0xC000_0000
    }

    /// `IoIsErrorUserInduced`: a person could mend it, so the thread's hard-error device is set.
    #[must_use]
    pub const fn is_user_induced(self) -> bool {
        matches!(
            self,
            Self::DEVICE_NOT_READY
                | Self::IO_TIMEOUT
                | Self::MEDIA_WRITE_PROTECTED
                | Self::NO_MEDIA_IN_DEVICE
                | Self::VERIFY_REQUIRED
                | Self::UNRECOGNIZED_MEDIA
                | Self::WRONG_VOLUME
        )
    }

    /// The name in `ntstatus.h`, if this driver knows it.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Self::NAMED.iter().find(|(status, _)| *status == self).map(|(_, name)| *name)
    }
}

impl fmt::Debug for NtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "NTSTATUS({:#010X})", self.0),
        }
    }
}

impl fmt::Display for NtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities() {
        assert!(NtStatus::SUCCESS.is_success() && NtStatus::TIMEOUT.is_success());
        assert!(!NtStatus::BUFFER_OVERFLOW.is_success() && !NtStatus::BUFFER_OVERFLOW.is_error());
        assert!(NtStatus::CANCELLED.is_error());
    }

    #[test]
    fn names_are_those_of_the_header() {
        assert_eq!(std::format!("{}", NtStatus::CANCELLED), "STATUS_CANCELLED");
        assert_eq!(std::format!("{}", NtStatus(0xC123_4567)), "NTSTATUS(0xC1234567)");
    }
}
