//! Building an answer to GET CONFIGURATION.

use super::{Configuration, Feature, FeatureDescriptor, Profile};
use crate::bytes::put;

/// Writes an answer to GET CONFIGURATION into a buffer.
#[derive(Debug)]
pub struct ConfigurationWriter<'b> {
    buffer: &'b mut [u8],
    length: usize,
}

impl<'b> ConfigurationWriter<'b> {
    /// Starts an answer without features; `None` if `buffer` has no room for the header of 8 bytes.
    #[must_use]
    pub fn new(buffer: &'b mut [u8], current_profile: Profile) -> Option<Self> {
        let header = buffer.get_mut(..Configuration::HEADER_LENGTH)?;
        header.fill(0);
        put(header, 6, &current_profile.0.to_be_bytes());
        Some(Self { buffer, length: Configuration::HEADER_LENGTH })
    }

    /// Appends a feature given by its fields; `false`, with nothing appended, if it does not fit.
    pub fn push<'f, F: Feature<'f>>(&mut self, feature: &F, version: u8, persistent: bool, current: bool) -> bool {
        let mut data = [0; 255];
        let length = feature.write(&mut data);
        let descriptor =
            data.get(..length).map(|data| FeatureDescriptor { code: F::CODE, version, persistent, current, data });
        descriptor.is_some_and(|descriptor| self.push_descriptor(&descriptor))
    }

    /// Appends a descriptor; `false`, with nothing appended, if it does not fit.
    pub fn push_descriptor(&mut self, descriptor: &FeatureDescriptor<'_>) -> bool {
        match self.buffer.get_mut(self.length..).and_then(|room| descriptor.write(room)) {
            Some(written) => {
                self.length = self.length.saturating_add(written);
                true
            }
            None => false,
        }
    }

    /// Fills in the data length and returns the answer.
    #[must_use]
    pub fn finish(self) -> &'b [u8] {
        let data_length = u32::try_from(self.length.saturating_sub(4)).unwrap_or(u32::MAX);
        put(self.buffer, 0, &data_length.to_be_bytes());
        self.buffer.get(..self.length).unwrap_or(self.buffer)
    }
}
