//! The frame of every answer: a header of four bytes and a list of descriptors of one length.

use core::marker::PhantomData;

use crate::bytes::{clamp, counted16};
use crate::error::ParseError;
use crate::layout::{Be16, Byte};

record! {
    /// The header of every answer but ATIP and CD-TEXT fills in whole.
    pub struct TocHeader: 4 {
        /// Bytes that follow this field, as the drive claims.
        data_length: u16 = Be16(0),
        /// First track (formatted TOC) or first complete session; reserved in PMA, ATIP and CD-TEXT.
        first: u8 = Byte(2),
        /// Last track or last complete session; reserved in PMA, ATIP and CD-TEXT.
        last: u8 = Byte(3),
    }
}

impl TocHeader {
    /// The header of an answer with `descriptors` bytes after it.
    #[must_use]
    pub fn new(descriptors: usize, first: u8, last: u8) -> Self {
        let data_length = u16::try_from(descriptors.saturating_add(2)).unwrap_or(u16::MAX);
        Self { data_length, first, last }
    }
}

/// One element of an answer's list.
pub trait Descriptor: Copy {
    /// Length in bytes, not zero.
    const LENGTH: usize;

    /// The descriptor at the start of `bytes`.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for fewer than [`Self::LENGTH`] bytes.
    fn read(bytes: &[u8]) -> Result<Self, ParseError>;
}

/// Makes a [`Descriptor`] of a structure that `record!` declared.
macro_rules! descriptor {
    ($name:ident) => {
        impl $crate::toc::answer::Descriptor for $name {
            const LENGTH: usize = Self::LENGTH;

            fn read(bytes: &[u8]) -> Result<Self, $crate::error::ParseError> {
                Self::parse(bytes)
            }
        }
    };
}
pub(crate) use descriptor;

/// An answer that lists descriptors of the type `D`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TocAnswer<'a, D> {
    header: TocHeader,
    list: &'a [u8],
    kind: PhantomData<D>,
}

impl<'a, D: Descriptor> TocAnswer<'a, D> {
    /// The answer in `bytes`, as far as both its length and what was received reach.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for fewer than the four bytes of the header.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let header = TocHeader::parse(bytes)?;
        let list = clamp(counted16(bytes, 0)?, TocHeader::LENGTH, usize::MAX);
        Ok(Self { header, list, kind: PhantomData })
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> TocHeader {
        self.header
    }

    /// The bytes after the header.
    #[must_use]
    pub const fn list(&self) -> &'a [u8] {
        self.list
    }

    /// The whole descriptors that are there, in the drive's order.
    pub fn descriptors(&self) -> impl Iterator<Item = D> + Clone + use<'a, D> {
        self.list.chunks(D::LENGTH.max(1)).map_while(|bytes| D::read(bytes).ok())
    }

    /// Whether the drive claims more descriptors than the buffer received.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        usize::from(self.header.data_length) > self.list.len().saturating_add(2)
    }
}
