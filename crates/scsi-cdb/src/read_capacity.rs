//! READ CAPACITY (10): last block and block length of the medium (MMC-6 6.18).

use crate::cdb::Transfer;
use crate::layout::Be32;

command! {
    /// READ CAPACITY (10); the answer has eight bytes.
    pub struct ReadCapacity10: READ_CAPACITY_10, 10 {}
    transfer: |_| Transfer::In(8)
}

record! {
    /// The answer of READ CAPACITY (10) (MMC-6 6.18.3).
    pub struct Capacity10: 8 {
        /// The last block; FFFFFFFFh if it does not fit 32 bits.
        last_lba: u32 = Be32(0),
        /// Bytes in a block.
        block_length: u32 = Be32(4),
    }
}

impl Capacity10 {
    /// The number of blocks: 1 to 2^32.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        u64::from(self.last_lba).saturating_add(1)
    }

    /// The block length rounded down to a power of two; `None` for 0.
    ///
    /// CD drives that say 2352, 2336 or 2340 serve blocks of 2048 bytes to reads all the same.
    #[must_use]
    pub const fn power_of_two_block_length(&self) -> Option<u32> {
        match self.block_length.checked_ilog2() {
            Some(exponent) => 1_u32.checked_shl(exponent),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, prefixes, round_trip, total};

    #[test]
    fn command() {
        golden(ReadCapacity10 {}, &[0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], Direction::In, 8);
        round_trip::<ReadCapacity10>();
    }

    #[test]
    fn answer() {
        let bytes = [0x00, 0x05, 0x2B, 0x1F, 0x00, 0x00, 0x08, 0x00];
        let capacity = Capacity10::parse(&bytes).unwrap();
        assert_eq!(capacity, Capacity10 { last_lba: 0x05_2B1F, block_length: 2048 });
        assert_eq!(capacity.blocks(), 0x05_2B20);
        assert_eq!(capacity.to_bytes(), bytes);
        assert_eq!(Capacity10::parse(&[0xFF; 8]).map(|capacity| capacity.blocks()), Ok(1 << 32));
        prefixes(&bytes, Capacity10::parse);
        total(Capacity10::parse);
    }

    #[test]
    fn block_lengths_are_rounded_down() {
        let of = |block_length| Capacity10 { last_lba: 0, block_length }.power_of_two_block_length();
        assert_eq!([of(0), of(1), of(2048), of(2352), of(4095)], [None, Some(1), Some(2048), Some(2048), Some(2048)]);
        assert_eq!(of(u32::MAX), Some(1 << 31));
    }
}
