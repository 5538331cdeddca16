//! Sense data: why a command did not end as asked (SPC-4 4.5).

use crate::cdb::Transfer;
use crate::layout::{Byte, Flag};

command! {
    /// REQUEST SENSE (SPC-4 6.39, MMC-6 6.32).
    pub struct RequestSense: REQUEST_SENSE, 6 {
        /// Whether the answer is wanted in descriptor format.
        descriptor_format: bool = Flag(1, 0),
        /// Room for the answer, in bytes.
        allocation_length: u8 = Byte(4),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, round_trip};

    #[test]
    fn request_sense() {
        let fixed = RequestSense { descriptor_format: false, allocation_length: 18 };
        golden(fixed, &[3, 0, 0, 0, 18, 0], Direction::In, 18);
        let descriptors = RequestSense { descriptor_format: true, allocation_length: 252 };
        golden(descriptors, &[3, 1, 0, 0, 252, 0], Direction::In, 252);
        round_trip::<RequestSense>();
    }
}
