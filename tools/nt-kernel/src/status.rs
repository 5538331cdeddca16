//! NTSTATUS values as signed numbers, and their classes.

macro_rules! statuses {
    ($($name:ident = $value:literal;)*) => {
        $(
            #[doc = concat!("STATUS_", stringify!($name))]
            pub const $name: i32 = $value.cast_signed();
        )*
        /// The name of a status as the WDK has it, or its number.
        #[must_use]
        pub fn name(status: i32) -> String {
            match status {
                $($name => concat!("STATUS_", stringify!($name)).to_owned(),)*
                _ => format!("{:#010X}", status.cast_unsigned()),
            }
        }
    };
}

statuses! {
    SUCCESS = 0x00000000_u32;
    WAIT_1 = 0x00000001_u32;
    USER_APC = 0x000000C0_u32;
    ALERTED = 0x00000101_u32;
    TIMEOUT = 0x00000102_u32;
    PENDING = 0x00000103_u32;
    REPARSE = 0x00000104_u32;
    OBJECT_NAME_EXISTS = 0x40000000_u32;
    DATATYPE_MISALIGNMENT = 0x80000002_u32;
    BUFFER_OVERFLOW = 0x80000005_u32;
    DEVICE_BUSY = 0x80000011_u32;
    VERIFY_REQUIRED = 0x80000016_u32;
    NO_MORE_ENTRIES = 0x8000001A_u32;
    UNSUCCESSFUL = 0xC0000001_u32;
    NOT_IMPLEMENTED = 0xC0000002_u32;
    INVALID_INFO_CLASS = 0xC0000003_u32;
    INFO_LENGTH_MISMATCH = 0xC0000004_u32;
    ACCESS_VIOLATION = 0xC0000005_u32;
    INVALID_HANDLE = 0xC0000008_u32;
    INVALID_PARAMETER = 0xC000000D_u32;
    NO_SUCH_DEVICE = 0xC000000E_u32;
    INVALID_DEVICE_REQUEST = 0xC0000010_u32;
    WRONG_VOLUME = 0xC0000012_u32;
    NO_MEDIA_IN_DEVICE = 0xC0000013_u32;
    UNRECOGNIZED_MEDIA = 0xC0000014_u32;
    MORE_PROCESSING_REQUIRED = 0xC0000016_u32;
    NO_MEMORY = 0xC0000017_u32;
    ACCESS_DENIED = 0xC0000022_u32;
    BUFFER_TOO_SMALL = 0xC0000023_u32;
    OBJECT_TYPE_MISMATCH = 0xC0000024_u32;
    OBJECT_NAME_INVALID = 0xC0000033_u32;
    OBJECT_NAME_NOT_FOUND = 0xC0000034_u32;
    OBJECT_NAME_COLLISION = 0xC0000035_u32;
    OBJECT_PATH_INVALID = 0xC0000039_u32;
    OBJECT_PATH_NOT_FOUND = 0xC000003A_u32;
    SHARING_VIOLATION = 0xC0000043_u32;
    QUOTA_EXCEEDED = 0xC0000044_u32;
    MUTANT_NOT_OWNED = 0xC0000046_u32;
    DELETE_PENDING = 0xC0000056_u32;
    REVISION_MISMATCH = 0xC0000059_u32;
    ARRAY_BOUNDS_EXCEEDED = 0xC000008C_u32;
    INTEGER_OVERFLOW = 0xC0000095_u32;
    INSUFFICIENT_RESOURCES = 0xC000009A_u32;
    DEVICE_NOT_CONNECTED = 0xC000009D_u32;
    DEVICE_POWER_FAILURE = 0xC000009E_u32;
    MEDIA_WRITE_PROTECTED = 0xC00000A2_u32;
    DEVICE_NOT_READY = 0xC00000A3_u32;
    IO_TIMEOUT = 0xC00000B5_u32;
    NOT_SUPPORTED = 0xC00000BB_u32;
    DEVICE_DOES_NOT_EXIST = 0xC00000C0_u32;
    INVALID_USER_BUFFER = 0xC00000E8_u32;
    INVALID_PARAMETER_1 = 0xC00000EF_u32;
    INVALID_PARAMETER_2 = 0xC00000F0_u32;
    INVALID_PARAMETER_3 = 0xC00000F1_u32;
    CANCELLED = 0xC0000120_u32;
    UNRECOGNIZED_VOLUME = 0xC000014F_u32;
    KEY_DELETED = 0xC000017C_u32;
    DEVICE_CONFIGURATION_ERROR = 0xC0000182_u32;
    DRIVER_INTERNAL_ERROR = 0xC0000183_u32;
    INVALID_DEVICE_STATE = 0xC0000184_u32;
    IO_DEVICE_ERROR = 0xC0000185_u32;
    NOT_FOUND = 0xC0000225_u32;
}

/// Success and information.
#[must_use]
pub const fn success(status: i32) -> bool {
    status >= 0
}

/// Neither success nor error: 0x8xxxxxxx.
#[must_use]
pub const fn warning(status: i32) -> bool {
    status.cast_unsigned() >> 30 == 2
}

/// 0xCxxxxxxx.
#[must_use]
pub const fn error(status: i32) -> bool {
    status.cast_unsigned() >> 30 == 3
}

/// The statuses that a user can do something about (`IoIsErrorUserInduced`).
#[must_use]
pub const fn user_induced(status: i32) -> bool {
    matches!(
        status,
        DEVICE_NOT_READY
            | IO_TIMEOUT
            | MEDIA_WRITE_PROTECTED
            | NO_MEDIA_IN_DEVICE
            | VERIFY_REQUIRED
            | UNRECOGNIZED_MEDIA
            | WRONG_VOLUME
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_top_bits_are_the_class() {
        assert!(success(PENDING) && success(OBJECT_NAME_EXISTS));
        assert!(warning(BUFFER_OVERFLOW) && !success(BUFFER_OVERFLOW) && !error(BUFFER_OVERFLOW));
        assert!(error(IO_DEVICE_ERROR));
    }

    #[test]
    fn statuses_have_names() {
        assert_eq!(name(VERIFY_REQUIRED), "STATUS_VERIFY_REQUIRED");
        assert_eq!(name(0xC000_1234_u32.cast_signed()), "0xC0001234");
    }
}
