//! READ CAPACITY (10): last block and block length of the medium (MMC-6 6.18).

use crate::cdb::Transfer;

command! {
    /// READ CAPACITY (10); the answer has eight bytes.
    pub struct ReadCapacity10: READ_CAPACITY_10, 10 {}
    transfer: |_| Transfer::In(8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, round_trip};

    #[test]
    fn command() {
        golden(ReadCapacity10 {}, &[0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], Direction::In, 8);
        round_trip::<ReadCapacity10>();
    }
}
