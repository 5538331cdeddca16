//! INQUIRY: what the device is and who made it (SPC-3 6.4, MMC-6 6.8).

use crate::bytes::bit;
use crate::bytes::{flag, put, u8_at};
use crate::cdb::Transfer;
use crate::error::ParseError;
use crate::layout::{Be16, Layout};

command! {
    /// INQUIRY, for the standard data or for one page of vital product data.
    pub struct Inquiry: INQUIRY, 6 {
        /// The vital product data page, or `None` for the standard data.
        vpd_page: Option<u8> = VpdPage,
        /// Room for the answer, in bytes.
        allocation_length: u16 = Be16(3),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}

/// The page code in byte 2, which counts only with the flag in byte 1.
struct VpdPage;

impl Layout<Option<u8>> for VpdPage {
    fn get(&self, block: &[u8]) -> Result<Option<u8>, ParseError> {
        match bit(u8_at(block, 1)?, 0) {
            true => u8_at(block, 2).map(Some),
            false => Ok(None),
        }
    }

    fn set(&self, block: &mut [u8], value: Option<u8>) {
        put(block, 1, &[flag(value.is_some(), 0), value.unwrap_or(0)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, round_trip};

    #[test]
    fn command() {
        let standard = Inquiry { vpd_page: None, allocation_length: 36 };
        golden(standard, &[0x12, 0, 0, 0, 0x24, 0], Direction::In, 36);
        let vpd = Inquiry { vpd_page: Some(0x83), allocation_length: 0x0102 };
        golden(vpd, &[0x12, 1, 0x83, 1, 2, 0], Direction::In, 0x0102);
        round_trip::<Inquiry>();
    }
}
