//! SRB statuses in the terms of requests.

/// The request status (NTSTATUS) that ports give for an SRB status, whose flag bits are not looked at.
#[must_use]
pub const fn status_of(srb: u8) -> u32 {
    match srb & 0x3F {
        0x01 => 0x0000_0000,                      // STATUS_SUCCESS
        0x05 => 0xC000_00A3,                      // STATUS_DEVICE_NOT_READY
        0x08 | 0x11 | 0x20 | 0x21 => 0xC000_00C0, // STATUS_DEVICE_DOES_NOT_EXIST
        0x09 | 0x0B => 0xC000_00B5,               // STATUS_IO_TIMEOUT
        0x0A => 0xC000_009D,                      // STATUS_DEVICE_NOT_CONNECTED
        0x12 => 0x8000_0005,                      // STATUS_BUFFER_OVERFLOW
        0x15 | 0x22 => 0xC000_0010,               // STATUS_INVALID_DEVICE_REQUEST
        0x16 => 0xC000_0001,                      // STATUS_UNSUCCESSFUL
        0x30 => 0xC000_00E5,                      // STATUS_INTERNAL_ERROR
        _ => 0xC000_0185,                         // STATUS_IO_DEVICE_ERROR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_bits_do_not_count() {
        assert_eq!((status_of(0x01), status_of(0x81), status_of(0xC9)), (0, 0, 0xC000_00B5));
        assert_eq!(status_of(0x04), 0xC000_0185);
    }
}
