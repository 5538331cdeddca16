//! A mode page as a value, and the pages of an answer one after another.

use core::fmt;

use crate::bytes::{be16_at, bit, bits, clamp, u8_at};
use crate::error::ParseError;

/// A mode page whose fields are known.
///
/// Reading and writing are inverse: `Self::parse(page.to_bytes())` gives `page` for every value whose fields fit.
pub trait ModePage: Copy + Eq + fmt::Debug + Sized {
    /// The page code.
    const CODE: u8;

    /// Length in bytes of the form that is written, with its header of two bytes.
    const LENGTH: usize;

    /// The page at the start of `bytes`, which begin with its header.
    ///
    /// A page that is longer than [`Self::LENGTH`] has its rest ignored. One that is shorter, as older drives have it,
    /// gives zero for the fields that are missing.
    ///
    /// # Errors
    /// [`ParseError::WrongCode`] for another page, [`ParseError::TooShort`] if the fields that all drives have are not
    /// there, by the bytes or by the length in the header.
    fn parse(bytes: &[u8]) -> Result<Self, ParseError>;

    /// Writes the page to the start of `buffer`, cut to its length; returns the number of bytes written.
    fn emit(&self, buffer: &mut [u8]) -> usize;
}

/// Declares a mode page: its documentation, code, length with header, the least length that is accepted, and fields
/// with their places counted from the header (see [`layout`](crate::layout)).
macro_rules! mode_page {
    (
        $(#[$meta:meta])*
        pub struct $name:ident: $code:literal, $length:literal, at least $minimum:literal {
            $( $(#[$field_meta:meta])* $field:ident: $type:ty = $layout:expr ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
        }

        impl $name {
            /// The page on the wire, reserved bits zero; bits of a value that do not fit its field are lost.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; $length] {
                let mut block = [0_u8; $length];
                $crate::bytes::put(&mut block, 0, &[$code, $length - 2]);
                $( $crate::layout::Layout::<$type>::set(&$layout, &mut block, self.$field); )*
                block
            }
        }

        impl $crate::mode::ModePage for $name {
            const CODE: u8 = $code;
            const LENGTH: usize = $length;

            fn parse(bytes: &[u8]) -> Result<Self, $crate::error::ParseError> {
                let block = $crate::mode::page::padded::<$length>(bytes, $code, $minimum)?;
                Ok(Self { $( $field: $crate::layout::Layout::<$type>::get(&$layout, &block)?, )* })
            }

            fn emit(&self, buffer: &mut [u8]) -> usize {
                $crate::bytes::put(buffer, 0, &self.to_bytes())
            }
        }
    };
}

/// The page at the start of `bytes`, zeros after its end, if it has this code and at least `minimum` bytes.
pub(super) fn padded<const N: usize>(bytes: &[u8], code: u8, minimum: usize) -> Result<[u8; N], ParseError> {
    let page = RawPage::split(bytes).ok_or(ParseError::TooShort { needed: minimum, found: bytes.len() })?.0;
    if page.code != code || page.subpage.is_some() {
        return Err(ParseError::WrongCode { expected: code, found: page.code });
    }
    if page.bytes.len() < minimum {
        return Err(ParseError::TooShort { needed: minimum, found: page.bytes.len() });
    }
    let mut block = [0; N];
    crate::bytes::put(&mut block, 0, page.bytes);
    Ok(block)
}

/// One page of an answer, not yet read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawPage<'a> {
    /// The page code.
    pub code: u8,
    /// The sub-page code, if the page is in sub-page format.
    pub subpage: Option<u8>,
    /// Whether the drive can save the page.
    pub saveable: bool,
    /// The page with its header of two or, in sub-page format, four bytes; as much of it as is there.
    pub bytes: &'a [u8],
    /// Bytes that the page has by its header, header included; more than `bytes` if the answer was cut.
    pub claimed_length: usize,
}

impl<'a> RawPage<'a> {
    /// The fields of the page.
    ///
    /// # Errors
    /// As [`ModePage::parse`].
    pub fn read<P: ModePage>(&self) -> Result<P, ParseError> {
        P::parse(self.bytes)
    }

    /// Whether all of the page is there.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.bytes.len() == self.claimed_length
    }

    /// The page at the start of `bytes` and what follows it; `None` if not even its header is there.
    fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let first = u8_at(bytes, 0).ok()?;
        let (subpage, claimed_length) = if bit(first, 6) {
            let length = be16_at(bytes, 2).ok()?;
            (Some(u8_at(bytes, 1).ok()?), usize::from(length).saturating_add(4))
        } else {
            (None, usize::from(u8_at(bytes, 1).ok()?).saturating_add(2))
        };
        let page = Self {
            code: bits(first, 0, 6),
            subpage,
            saveable: bit(first, 7),
            bytes: clamp(bytes, 0, claimed_length),
            claimed_length,
        };
        Some((page, bytes.get(claimed_length..).unwrap_or(&[])))
    }
}

/// The pages in a row of bytes; the last one may be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModePages<'a> {
    rest: &'a [u8],
}

impl<'a> ModePages<'a> {
    /// The pages in `bytes`, which start with the header of the first.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The first page of type `P`.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] if there is none, or if the one there is has been cut before its least length.
    pub fn find_page<P: ModePage>(&self) -> Result<P, ParseError> {
        self.find_raw(P::CODE).ok_or(ParseError::TooShort { needed: P::LENGTH, found: 0 }).and_then(|page| page.read())
    }

    /// The first page with this code that is not in sub-page format.
    #[must_use]
    pub fn find_raw(&self, code: u8) -> Option<RawPage<'a>> {
        self.clone().find(|page| page.code == code && page.subpage.is_none())
    }
}

impl<'a> Iterator for ModePages<'a> {
    type Item = RawPage<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (page, rest) = RawPage::split(self.rest)?;
        self.rest = rest;
        Some(page)
    }
}
