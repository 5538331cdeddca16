//! READ BUFFER CAPACITY: how much of what is to be written the drive can take at once (MMC-6 6.17).

use crate::cdb::Transfer;
use crate::layout::{Be16, Be32, Flag};

command! {
    /// READ BUFFER CAPACITY (MMC-6 6.17).
    pub struct ReadBufferCapacity: READ_BUFFER_CAPACITY, 10 {
        /// Whether the answer counts blocks instead of bytes.
        in_blocks: bool = Flag(1, 0),
        /// Room for the answer, in bytes.
        allocation_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}

record! {
    /// The answer to READ BUFFER CAPACITY.
    pub struct BufferCapacity: 12 {
        /// Bytes that follow these two, 10.
        data_length: u16 = Be16(0),
        /// Whether lengths count blocks, in which case only [`Self::available`] is given.
        in_blocks: bool = Flag(3, 0),
        /// Length of the whole buffer in bytes.
        total: u32 = Be32(4),
        /// Length of the part that is free, in bytes or blocks.
        available: u32 = Be32(8),
    }
}

impl BufferCapacity {
    /// The answer in bytes.
    #[must_use]
    pub const fn in_bytes(total: u32, available: u32) -> Self {
        Self { data_length: 10, in_blocks: false, total, available }
    }

    /// The answer in blocks.
    #[must_use]
    pub const fn in_blocks(available: u32) -> Self {
        Self { data_length: 10, in_blocks: true, total: 0, available }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::Direction;
    use crate::test_support::{golden, prefixes, round_trip, total};

    #[test]
    fn command() {
        let command = ReadBufferCapacity { in_blocks: true, allocation_length: 12 };
        golden(command, &[0x5C, 1, 0, 0, 0, 0, 0, 0, 12, 0], Direction::In, 12);
        round_trip::<ReadBufferCapacity>();
    }

    #[test]
    fn answer() {
        let bytes = [0, 10, 0, 0, 0, 0x20, 0, 0, 0, 0x1F, 0x80, 0];
        let capacity = BufferCapacity::in_bytes(0x20_0000, 0x1F_8000);
        assert_eq!(BufferCapacity::parse(&bytes), Ok(capacity));
        assert_eq!(capacity.to_bytes(), bytes);
        assert_eq!(BufferCapacity::in_blocks(5).to_bytes(), [0, 10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5]);
        prefixes(&bytes, BufferCapacity::parse);
        total(BufferCapacity::parse);
    }
}
