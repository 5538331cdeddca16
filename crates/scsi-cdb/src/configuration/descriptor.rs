//! Feature descriptors and the walk over them (MMC-6 5.2).

use super::{FeatureBody, FeatureCode};
use crate::bytes::{array_at, be16_at, bit, bits, clamp, field, flag, put, u8_at};
use crate::error::ParseError;

/// One feature of an answer to GET CONFIGURATION.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureDescriptor<'a> {
    /// Which feature it is.
    pub code: FeatureCode,
    /// Version of the feature (4 bits).
    pub version: u8,
    /// Whether the feature is always current.
    pub persistent: bool,
    /// Whether the feature can be used now.
    pub current: bool,
    /// What follows the four bytes of the header: at most 255 bytes, a multiple of 4 in every standard feature.
    pub data: &'a [u8],
}

impl<'a> FeatureDescriptor<'a> {
    /// Bytes before [`Self::data`].
    pub const HEADER_LENGTH: usize = 4;

    /// The descriptor at the start of `bytes`.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] if header or data are not there as a whole.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let header = array_at::<{ FeatureDescriptor::HEADER_LENGTH }>(bytes, 0)?;
        let flags = u8_at(&header, 2)?;
        let length = usize::from(u8_at(&header, 3)?);
        let data = clamp(bytes, Self::HEADER_LENGTH, length);
        if data.len() < length {
            return Err(ParseError::TooShort {
                needed: Self::HEADER_LENGTH.saturating_add(length),
                found: bytes.len(),
            });
        }
        Ok(Self {
            code: FeatureCode(be16_at(&header, 0)?),
            version: bits(flags, 2, 4),
            persistent: bit(flags, 1),
            current: bit(flags, 0),
            data,
        })
    }

    /// The fields of the feature.
    #[must_use]
    pub fn body(&self) -> FeatureBody<'a> {
        FeatureBody::parse(self.code, self.data)
    }

    /// Length in bytes of header and data.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.data.len().saturating_add(Self::HEADER_LENGTH)
    }

    /// Writes header and data to the start of `target`; returns their length, or `None`, with nothing written, if
    /// `target` is too short or the data longer than 255 bytes.
    #[must_use]
    pub fn write(&self, target: &mut [u8]) -> Option<usize> {
        let additional_length = u8::try_from(self.data.len()).ok()?;
        let target = target.get_mut(..self.length())?;
        let [high, low] = self.code.0.to_be_bytes();
        let flags = field(bits(self.version, 0, 4), 2) | flag(self.persistent, 1) | flag(self.current, 0);
        put(target, 0, &[high, low, flags, additional_length]);
        put(target, Self::HEADER_LENGTH, self.data);
        Some(self.length())
    }
}

/// The whole descriptors of an answer, one after the other; a descriptor that is cut off ends the walk.
#[derive(Clone, Debug)]
pub struct FeatureDescriptors<'a> {
    rest: &'a [u8],
}

impl<'a> FeatureDescriptors<'a> {
    /// The descriptors in `bytes`, which begin with the first of them.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for FeatureDescriptors<'a> {
    type Item = FeatureDescriptor<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let descriptor = FeatureDescriptor::parse(self.rest).ok()?;
        self.rest = self.rest.get(descriptor.length()..).unwrap_or_default();
        Some(descriptor)
    }
}
