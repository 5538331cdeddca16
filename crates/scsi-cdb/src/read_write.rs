//! READ and WRITE of blocks, and the commands around them: verify, flush, seek and read-ahead.
//!
//! A block command does not say how long a block is. [`Command::transfer`](crate::cdb::Command::transfer) of these
//! types therefore assumes [`USUAL_BLOCK_LENGTH`]; `transfer_with` takes the length that READ CAPACITY gave.

use crate::cdb::Transfer;
use crate::layout::{Be16, Be32, Flag};

/// Bytes in a block of every optical medium that holds data, unless a mode select changed it.
pub const USUAL_BLOCK_LENGTH: u32 = 2048;

/// Declares a command that moves whole blocks one way, with `transfer_with`.
macro_rules! block_command {
    (
        $(#[$meta:meta])*
        pub struct $name:ident: $opcode:ident, $length:literal, $direction:ident {
            $( $(#[$field_meta:meta])* $field:ident: $type:ty = $layout:expr ),* $(,)?
        }
    ) => {
        command! {
            $(#[$meta])*
            pub struct $name: $opcode, $length {
                /// First block.
                lba: u32 = Be32(2),
                $( $(#[$field_meta])* $field: $type = $layout, )*
            }
            transfer: |command| command.transfer_with(USUAL_BLOCK_LENGTH)
        }

        impl $name {
            /// The data phase when a block has `block_length` bytes; saturates at 4 GiB - 1.
            #[must_use]
            pub fn transfer_with(&self, block_length: u32) -> Transfer {
                Transfer::$direction(u32::from(self.blocks).saturating_mul(block_length))
            }
        }
    };
}

/// Declares READ or WRITE in both lengths.
macro_rules! read_or_write {
    (
        $direction:ident,
        $(#[$access_meta:meta])* force_unit_access,
        $(#[$meta10:meta])* $name10:ident: $opcode10:ident,
        $(#[$meta12:meta])* $name12:ident: $opcode12:ident $(,)?
    ) => {
        block_command! {
            $(#[$meta10])*
            pub struct $name10: $opcode10, 10, $direction {
                /// Number of blocks.
                blocks: u16 = Be16(7),
                $(#[$access_meta])*
                force_unit_access: bool = Flag(1, 3),
            }
        }

        block_command! {
            $(#[$meta12])*
            pub struct $name12: $opcode12, 12, $direction {
                /// Number of blocks.
                blocks: u32 = Be32(6),
                $(#[$access_meta])*
                force_unit_access: bool = Flag(1, 3),
                /// Whether keeping the data flowing matters more than its being right.
                streaming: bool = Flag(10, 7),
            }
        }
    };
}

read_or_write! {
    In,
    /// Whether the drive must read the medium, not its buffer.
    force_unit_access,
    /// READ (10) (MMC-6 6.14).
    Read10: READ_10,
    /// READ (12) (MMC-6 6.15).
    Read12: READ_12,
}

read_or_write! {
    Out,
    /// Whether the data must be on the medium when the command ends.
    force_unit_access,
    /// WRITE (10) (MMC-6 6.46).
    Write10: WRITE_10,
    /// WRITE (12) (MMC-6 6.47).
    Write12: WRITE_12,
}

block_command! {
    /// WRITE AND VERIFY (10) (MMC-6 6.48).
    pub struct WriteAndVerify10: WRITE_AND_VERIFY_10, 10, Out {
        /// Number of blocks.
        blocks: u16 = Be16(7),
    }
}

command! {
    /// VERIFY (10) (MMC-6 6.45).
    pub struct Verify10: VERIFY_10, 10 {
        /// Whether the medium is compared with data that is sent; MMC drives know only the form without.
        byte_check: bool = Flag(1, 1),
        /// First block.
        lba: u32 = Be32(2),
        /// Number of blocks.
        blocks: u16 = Be16(7),
    }
    transfer: |command| command.transfer_with(USUAL_BLOCK_LENGTH)
}

command! {
    /// SYNCHRONIZE CACHE (10) (MMC-6 6.43): write what the drive's buffer still holds.
    pub struct SynchronizeCache10: SYNCHRONIZE_CACHE_10, 10 {
        /// Whether the drive answers before it has finished.
        immediate: bool = Flag(1, 1),
        /// First block; 0 with `blocks` 0 means all.
        lba: u32 = Be32(2),
        /// Number of blocks.
        blocks: u16 = Be16(7),
    }
    transfer: |_| Transfer::None
}

command! {
    /// SEEK (10) (MMC-6 6.34).
    pub struct Seek10: SEEK_10, 10 {
        /// The block to move to.
        lba: u32 = Be32(2),
    }
    transfer: |_| Transfer::None
}

command! {
    /// SET READ AHEAD (MMC-6 6.40): after reading one block, go on reading at another.
    pub struct SetReadAhead: SET_READ_AHEAD, 12 {
        /// The block whose reading starts the read-ahead.
        trigger_lba: u32 = Be32(2),
        /// Where the read-ahead starts.
        read_ahead_lba: u32 = Be32(6),
    }
    transfer: |_| Transfer::None
}

impl Verify10 {
    /// The data phase when a block has `block_length` bytes: none without `byte_check`.
    #[must_use]
    pub fn transfer_with(&self, block_length: u32) -> Transfer {
        if self.byte_check {
            Transfer::Out(u32::from(self.blocks).saturating_mul(block_length))
        } else {
            Transfer::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::{Command, Direction};
    use crate::test_support::{golden, round_trip};

    #[test]
    fn ten_byte_forms() {
        let read = Read10 { force_unit_access: false, lba: 0x0102_0304, blocks: 0x0506 };
        golden(read, &[0x28, 0, 1, 2, 3, 4, 0, 5, 6, 0], Direction::In, 0x0506 * 2048);
        let write = Write10 { force_unit_access: true, lba: 16, blocks: 1 };
        golden(write, &[0x2A, 8, 0, 0, 0, 16, 0, 0, 1, 0], Direction::Out, 2048);
        golden(WriteAndVerify10 { lba: 16, blocks: 1 }, &[0x2E, 0, 0, 0, 0, 16, 0, 0, 1, 0], Direction::Out, 2048);
        let verify = Verify10 { byte_check: false, lba: 16, blocks: 2 };
        golden(verify, &[0x2F, 0, 0, 0, 0, 16, 0, 0, 2, 0], Direction::None, 0);
        let compare = Verify10 { byte_check: true, ..verify };
        golden(compare, &[0x2F, 2, 0, 0, 0, 16, 0, 0, 2, 0], Direction::Out, 4096);
        let flush = SynchronizeCache10 { immediate: true, lba: 0, blocks: 0 };
        golden(flush, &[0x35, 2, 0, 0, 0, 0, 0, 0, 0, 0], Direction::None, 0);
        golden(Seek10 { lba: 0xFFFF_FFFE }, &[0x2B, 0, 0xFF, 0xFF, 0xFF, 0xFE, 0, 0, 0, 0], Direction::None, 0);
    }

    #[test]
    fn twelve_byte_forms() {
        let read = Read12 { force_unit_access: false, lba: 1, blocks: 0x20, streaming: true };
        golden(read, &[0xA8, 0, 0, 0, 0, 1, 0, 0, 0, 0x20, 0x80, 0], Direction::In, 0x20 * 2048);
        let write = Write12 { force_unit_access: true, lba: 1, blocks: 0x20, streaming: true };
        golden(write, &[0xAA, 8, 0, 0, 0, 1, 0, 0, 0, 0x20, 0x80, 0], Direction::Out, 0x20 * 2048);
        let ahead = SetReadAhead { trigger_lba: 0x0A, read_ahead_lba: 0x0B };
        golden(ahead, &[0xA7, 0, 0, 0, 0, 0x0A, 0, 0, 0, 0x0B, 0, 0], Direction::None, 0);
    }

    #[test]
    fn the_block_length_may_be_given() {
        let read = Read10 { force_unit_access: false, lba: 0, blocks: 3 };
        assert_eq!(read.transfer_with(2352), Transfer::In(7056));
        let huge = Read12 { force_unit_access: false, lba: 0, blocks: u32::MAX, streaming: false };
        assert_eq!(huge.transfer(), Transfer::In(u32::MAX));
    }

    #[test]
    fn round_trips() {
        round_trip::<Read10>();
        round_trip::<Read12>();
        round_trip::<Write10>();
        round_trip::<Write12>();
        round_trip::<WriteAndVerify10>();
        round_trip::<Verify10>();
        round_trip::<SynchronizeCache10>();
        round_trip::<Seek10>();
        round_trip::<SetReadAhead>();
    }
}
