//! GET CONFIGURATION: profiles and features of the drive and of the medium in it (MMC-6 6.5 and clause 5).

mod codes;
mod descriptor;
mod features;
mod writer;

pub use codes::{FeatureCode, Profile};
pub use descriptor::{FeatureDescriptor, FeatureDescriptors};
pub use features::*;
pub use writer::ConfigurationWriter;

use crate::bytes::{array_at, be16_at, be32_at, clamp};
use crate::cdb::Transfer;
use crate::error::ParseError;
use crate::layout::{Be16, Bits};

open_enum! {
    /// Which features GET CONFIGURATION returns (the RT field, MMC-6 6.5).
    pub ConfigurationRequest: u8 {
        /// Every feature the drive can ever have, from the starting feature on.
        ALL = 0 => "all",
        /// The features that are current, from the starting feature on.
        CURRENT = 1 => "current",
        /// The starting feature alone, if the drive has it.
        ONE = 2 => "one",
    }
}

command! {
    /// GET CONFIGURATION (MMC-6 6.5): what the drive can do, with and without the present medium.
    pub struct GetConfiguration: GET_CONFIGURATION, 10 {
        /// Which features are asked for (2 bits).
        request: ConfigurationRequest = Bits(1, 0, 2),
        /// The first feature of the answer, or the only one.
        starting_feature: FeatureCode = Be16(2),
        /// Room for the answer, in bytes.
        allocation_length: u16 = Be16(7),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}

/// The answer to GET CONFIGURATION: a header of 8 bytes, then feature descriptors (MMC-6 6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Configuration<'a> {
    /// Bytes that the drive says follow the first four, whether they were transferred or not.
    pub data_length: u32,
    /// The profile of the medium, or [`Profile::NONE`].
    pub current_profile: Profile,
    bytes: &'a [u8],
}

impl<'a> Configuration<'a> {
    /// Bytes of the header.
    pub const HEADER_LENGTH: usize = 8;

    /// The answer in the bytes that were received.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] for fewer than 8 bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let header = array_at::<8>(bytes, 0)?;
        Ok(Self { data_length: be32_at(&header, 0)?, current_profile: Profile(be16_at(&header, 6)?), bytes })
    }

    /// Length in bytes of the whole answer as the drive claims it, header included.
    #[must_use]
    pub const fn full_length(&self) -> u32 {
        self.data_length.saturating_add(4)
    }

    /// The bytes that were both received and claimed.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        clamp(self.bytes, 0, usize::try_from(self.full_length()).unwrap_or(usize::MAX))
    }

    /// The descriptors that were received whole, in the order of the answer.
    #[must_use]
    pub fn features(&self) -> FeatureDescriptors<'a> {
        FeatureDescriptors::new(self.as_bytes().get(Self::HEADER_LENGTH..).unwrap_or_default())
    }

    /// The descriptor of `code`, found as the Windows driver finds it.
    ///
    /// That search is stricter than [`Self::features`]: it needs 12 bytes, and gives up at the first other descriptor
    /// whose additional length is no multiple of 4. It means to spare vendor features (0xFF00 and above) from that
    /// rule but tests the code it looks for instead of the one it passes, so one odd vendor descriptor hides every
    /// standard feature after it.
    #[must_use]
    pub fn find(&self, code: FeatureCode) -> Option<FeatureDescriptor<'a>> {
        if self.bytes.len() < Self::HEADER_LENGTH.saturating_add(FeatureDescriptor::HEADER_LENGTH) {
            return None;
        }
        for descriptor in self.features() {
            if descriptor.code == code {
                return Some(descriptor);
            }
            if descriptor.data.len().checked_rem(4) != Some(0) && !code.is_vendor_specific() {
                return None;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
