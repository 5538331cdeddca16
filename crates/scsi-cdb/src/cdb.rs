//! Command descriptor blocks and the trait that every command type implements.

use core::fmt;

use crate::error::ParseError;
use crate::opcode::Opcode;

/// A command descriptor block: up to 16 bytes and the number of them that is sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cdb {
    bytes: [u8; 16],
    length: u8,
}

impl Cdb {
    /// A 6-byte block.
    #[must_use]
    pub const fn new6(bytes: [u8; 6]) -> Self {
        Self::from_array(bytes)
    }

    /// A 10-byte block.
    #[must_use]
    pub const fn new10(bytes: [u8; 10]) -> Self {
        Self::from_array(bytes)
    }

    /// A 12-byte block.
    #[must_use]
    pub const fn new12(bytes: [u8; 12]) -> Self {
        Self::from_array(bytes)
    }

    /// A 16-byte block.
    #[must_use]
    pub const fn new16(bytes: [u8; 16]) -> Self {
        Self::from_array(bytes)
    }

    /// The block in `bytes`; `None` for no byte or more than 16.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut block = Self { bytes: [0; 16], length: u8::try_from(bytes.len()).ok()? };
        if bytes.is_empty() {
            return None;
        }
        block.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(block)
    }

    /// The block in `source`, at most 16 bytes.
    pub(crate) const fn from_array<const N: usize>(source: [u8; N]) -> Self {
        let mut bytes = [0; 16];
        let (used, _) = bytes.split_at_mut(N);
        used.copy_from_slice(&source);
        #[expect(clippy::as_conversions, reason = "N is 6, 10, 12 or 16")]
        let length = N as u8;
        Self { bytes, length }
    }

    /// The same block sent with `length` bytes (at most 16), zeros following.
    ///
    /// Some drivers send a 10-byte command in a 12-byte block; drives look at the operation code alone.
    #[must_use]
    pub const fn with_length(mut self, length: u8) -> Self {
        self.length = if length > 16 { 16 } else { length };
        self
    }

    /// The bytes that are sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&self.bytes)
    }

    /// All 16 bytes, zeros after [`Self::as_bytes`].
    #[must_use]
    pub const fn padded(&self) -> &[u8; 16] {
        &self.bytes
    }

    /// The first byte.
    #[must_use]
    pub const fn opcode(&self) -> Opcode {
        let [first, ..] = self.bytes;
        Opcode(first)
    }
}

impl fmt::Debug for Cdb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.as_bytes().iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}

/// Which way a command's data moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// No data.
    None,
    /// From the drive.
    In,
    /// To the drive.
    Out,
}

/// The data phase of a command: direction and length in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transfer {
    /// No data.
    None,
    /// At most that many bytes from the drive.
    In(u32),
    /// Exactly that many bytes to the drive.
    Out(u32),
}

impl Transfer {
    /// The direction; a transfer of no bytes has none.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Self::None | Self::In(0) | Self::Out(0) => Direction::None,
            Self::In(_) => Direction::In,
            Self::Out(_) => Direction::Out,
        }
    }

    /// The length in bytes.
    #[must_use]
    pub const fn length(self) -> u32 {
        match self {
            Self::None => 0,
            Self::In(length) | Self::Out(length) => length,
        }
    }
}

/// A command as a value.
///
/// Building and parsing are inverse: `Self::parse(command.cdb().as_bytes()) == Ok(command)` for every value whose
/// fields fit the bits that the standard gives them. `parse` ignores the control byte and reserved bits.
pub trait Command: Copy + Eq + fmt::Debug + Sized {
    /// The operation code.
    const OPCODE: Opcode;

    /// The command descriptor block.
    fn cdb(&self) -> Cdb;

    /// The data phase.
    fn transfer(&self) -> Transfer;

    /// The command in `cdb`.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for too few bytes, [`ParseError::WrongCode`] for another operation code,
    /// [`ParseError::BadField`] for a value that the type cannot hold.
    fn parse(cdb: &[u8]) -> Result<Self, ParseError>;
}

/// Checks operation code and length of a block before its fields are read.
pub(crate) fn expect<const N: usize>(cdb: &[u8], opcode: Opcode) -> Result<[u8; N], ParseError> {
    match cdb.first_chunk::<N>() {
        Some(block) => match block.first() {
            Some(&found) if found != opcode.0 => Err(ParseError::WrongCode { expected: opcode.0, found }),
            _ => Ok(*block),
        },
        None => Err(ParseError::TooShort { needed: N, found: cdb.len() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_keep_their_length_and_print_as_hex() {
        let block = Cdb::new6([0x1B, 0, 0, 0, 2, 0]);
        assert_eq!(block.as_bytes(), [0x1B, 0, 0, 0, 2, 0]);
        assert_eq!(std::format!("{block:?}"), "1B 00 00 00 02 00");
        assert_eq!(block.with_length(12).as_bytes().len(), 12);
        assert_eq!(Cdb::from_slice(&[]), None);
        assert_eq!(Cdb::from_slice(&[0; 17]), None);
        assert_eq!(Cdb::from_slice(block.as_bytes()), Some(block));
    }

    #[test]
    fn a_transfer_of_nothing_has_no_direction() {
        assert_eq!(Transfer::In(0).direction(), Direction::None);
        assert_eq!(Transfer::Out(8).direction(), Direction::Out);
        assert_eq!(Transfer::In(8).length(), 8);
    }
}
