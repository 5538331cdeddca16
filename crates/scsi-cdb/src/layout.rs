//! Where the fields of a command descriptor block lie, and the macro that makes a command out of such a list.

use crate::address::Msf;
use crate::bytes::{array_at, be16_at, be24_at, be32_at, be64_at, bit, bits, field, flag, put, u8_at};
use crate::error::ParseError;

/// A place in a block that holds a value of one type.
pub(crate) trait Layout<T> {
    /// The value in `block`.
    fn get(&self, block: &[u8]) -> Result<T, ParseError>;
    /// Writes `value` into the bits of this place; bits of `value` that do not fit are lost.
    fn set(&self, block: &mut [u8], value: T);
}

/// Bit `.1` of byte `.0`.
pub(crate) struct Flag(pub usize, pub u32);

impl Layout<bool> for Flag {
    fn get(&self, block: &[u8]) -> Result<bool, ParseError> {
        u8_at(block, self.0).map(|byte| bit(byte, self.1))
    }

    fn set(&self, block: &mut [u8], value: bool) {
        replace(block, self.0, flag(true, self.1), flag(value, self.1));
    }
}

/// `.2` bits of byte `.0` from bit `.1` on.
pub(crate) struct Bits(pub usize, pub u32, pub u32);

impl<T: From<u8> + Into<u8>> Layout<T> for Bits {
    fn get(&self, block: &[u8]) -> Result<T, ParseError> {
        u8_at(block, self.0).map(|byte| bits(byte, self.1, self.2).into())
    }

    fn set(&self, block: &mut [u8], value: T) {
        let value = bits(value.into(), 0, self.2);
        replace(block, self.0, field(bits(0xFF, 0, self.2), self.1), field(value, self.1));
    }
}

/// Byte `.0`.
pub(crate) struct Byte(pub usize);

impl<T: From<u8> + Into<u8>> Layout<T> for Byte {
    fn get(&self, block: &[u8]) -> Result<T, ParseError> {
        u8_at(block, self.0).map(T::from)
    }

    fn set(&self, block: &mut [u8], value: T) {
        put(block, self.0, &[value.into()]);
    }
}

/// Declares a layout of a whole big-endian integer.
macro_rules! big_endian {
    ($($(#[$meta:meta])* $name:ident: $int:ty = $read:ident, $skip:literal;)*) => { $(
        $(#[$meta])*
        pub(crate) struct $name(pub usize);

        impl<T: From<$int> + Into<$int>> Layout<T> for $name {
            fn get(&self, block: &[u8]) -> Result<T, ParseError> {
                $read(block, self.0).map(T::from)
            }

            fn set(&self, block: &mut [u8], value: T) {
                let value: $int = value.into();
                put(block, self.0, value.to_be_bytes().get($skip..).unwrap_or(&[]));
            }
        }
    )* };
}

big_endian! {
    /// The big-endian 16-bit field from byte `.0` on.
    Be16: u16 = be16_at, 0;
    /// The big-endian 24-bit field from byte `.0` on.
    Be24: u32 = be24_at, 1;
    /// The big-endian 32-bit field from byte `.0` on.
    Be32: u32 = be32_at, 0;
    /// The big-endian 64-bit field from byte `.0` on.
    Be64: u64 = be64_at, 0;
}

/// Minute, second and frame in the three bytes from `.0` on.
pub(crate) struct MsfAt(pub usize);

impl Layout<Msf> for MsfAt {
    fn get(&self, block: &[u8]) -> Result<Msf, ParseError> {
        array_at(block, self.0).map(|[minute, second, frame]| Msf { minute, second, frame })
    }

    fn set(&self, block: &mut [u8], value: Msf) {
        put(block, self.0, &[value.minute, value.second, value.frame]);
    }
}

/// `N` bytes as they are, from byte `.0` on.
pub(crate) struct Raw(pub usize);

impl<const N: usize> Layout<[u8; N]> for Raw {
    fn get(&self, block: &[u8]) -> Result<[u8; N], ParseError> {
        array_at(block, self.0)
    }

    fn set(&self, block: &mut [u8], value: [u8; N]) {
        put(block, self.0, &value);
    }
}

fn replace(block: &mut [u8], offset: usize, mask: u8, value: u8) {
    if let Some(byte) = block.get_mut(offset) {
        *byte = (*byte & !mask) | (value & mask);
    }
}

/// Declares a command: its documentation, operation code, length in bytes, fields with their places in the block, and
/// its data phase as a function of the command.
///
/// ```text
/// command! {
///     /// READ (10): blocks from the medium (MMC-6 6.14).
///     pub struct Read10: READ_10, 10 {
///         /// Whether the drive must read the medium instead of its buffer.
///         force_unit_access: bool = Flag(1, 3),
///         /// First block.
///         lba: u32 = Be32(2),
///     }
///     transfer: |command| Transfer::In(…)
/// }
/// ```
macro_rules! command {
    (
        $(#[$meta:meta])*
        pub struct $name:ident: $opcode:ident, $length:literal {
            $( $(#[$field_meta:meta])* $field:ident: $type:ty = $layout:expr ),* $(,)?
        }
        transfer: $transfer:expr
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
        }

        impl $crate::cdb::Command for $name {
            const OPCODE: $crate::opcode::Opcode = $crate::opcode::Opcode::$opcode;

            fn cdb(&self) -> $crate::cdb::Cdb {
                let mut block = [0_u8; $length];
                $crate::bytes::put(&mut block, 0, &[Self::OPCODE.0]);
                $( $crate::layout::Layout::<$type>::set(&$layout, &mut block, self.$field); )*
                $crate::cdb::Cdb::from_array(block)
            }

            fn transfer(&self) -> $crate::cdb::Transfer {
                let transfer: fn(&Self) -> $crate::cdb::Transfer = $transfer;
                transfer(self)
            }

            fn parse(cdb: &[u8]) -> Result<Self, $crate::error::ParseError> {
                let block = $crate::cdb::expect::<$length>(cdb, Self::OPCODE)?;
                let _ = &block;
                Ok(Self { $( $field: $crate::layout::Layout::<$type>::get(&$layout, &block)?, )* })
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_keep_their_neighbours() {
        let mut block = [0xFF_u8; 8];
        Bits(1, 2, 3).set(&mut block, 0b010_u8);
        assert_eq!(block[1], 0b1110_1011);
        Flag(1, 7).set(&mut block, false);
        assert_eq!(block[1], 0b0110_1011);
        assert_eq!(Layout::<u8>::get(&Bits(1, 2, 3), &block), Ok(0b010));
        Be24(2).set(&mut block, 0xAA01_0203_u32);
        assert_eq!(block[2..6], [1, 2, 3, 0xFF]);
        Layout::<u8>::set(&Byte(99), &mut block, 0);
        assert!(Layout::<u8>::get(&Byte(99), &block).is_err());
    }
}
