//! Why bytes could not be read as a command or an answer.

use core::fmt;

/// Why a byte string is not the command or the answer that a parser was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseError {
    /// Fewer bytes than the smallest form needs.
    TooShort {
        /// Bytes that the smallest form needs.
        needed: usize,
        /// Bytes that were there.
        found: usize,
    },
    /// The operation code or page code is another one.
    WrongCode {
        /// The code that the parser reads.
        expected: u8,
        /// The code that was found.
        found: u8,
    },
    /// A length inside the bytes contradicts the structure it describes.
    BadLength {
        /// Byte offset of the length field.
        offset: usize,
    },
    /// A field holds a value that the type cannot represent.
    BadField {
        /// Byte offset of the field.
        offset: usize,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooShort { needed, found } => write!(f, "{found} bytes where {needed} are needed"),
            Self::WrongCode { expected, found } => write!(f, "code {found:#04x} where {expected:#04x} is expected"),
            Self::BadLength { offset } => write!(f, "impossible length in byte {offset}"),
            Self::BadField { offset } => write!(f, "impossible value in byte {offset}"),
        }
    }
}

impl core::error::Error for ParseError {}
