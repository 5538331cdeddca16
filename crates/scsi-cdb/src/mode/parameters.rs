//! Mode parameters: what MODE SENSE returns and MODE SELECT sends (SPC-3 7.4.2 and 7.4.3).
//!
//! A header, block descriptors of eight bytes (sixteen with long addresses), then pages.

use super::page::{ModePage, ModePages};
use crate::bytes::{be16_at, bit, clamp, flag, put, u8_at};
use crate::error::ParseError;
use crate::layout::{Be24, Byte};

record! {
    /// A block descriptor in the short form (SPC-3 7.4.4.1).
    pub struct BlockDescriptor: 8 {
        /// Density code; 0 for the default of the medium.
        density_code: u8 = Byte(0),
        /// How many blocks it applies to; 0 for all that remain.
        blocks: u32 = Be24(1),
        /// Bytes in a block.
        block_length: u32 = Be24(5),
    }
}

/// The two headers: that of the 6-byte commands and that of the 10-byte commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderForm {
    /// Four bytes.
    Six,
    /// Eight bytes.
    Ten,
}

impl HeaderForm {
    /// Length of the header in bytes.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::Six => 4,
            Self::Ten => 8,
        }
    }
}

/// An answer of MODE SENSE, or the data of MODE SELECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeParameters<'a> {
    /// Bytes that the answer has by its length field, that field included; 0 or more than was received in bad answers.
    pub claimed_length: usize,
    /// Medium type; MMC drives of today say 0.
    pub medium_type: u8,
    /// Whether the medium is write-protected (device-specific byte, bit 7).
    pub write_protected: bool,
    /// Whether READ and WRITE know the FUA bit (device-specific byte, bit 4, DPOFUA).
    pub dpo_fua: bool,
    /// Whether the block descriptors have the long form (10-byte header only).
    pub long_lba: bool,
    /// The block descriptors that are there.
    pub block_descriptors: &'a [u8],
    /// The pages.
    pub pages: ModePages<'a>,
}

impl<'a> ModeParameters<'a> {
    /// The answer in `bytes` as far as its length field says.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] if the header is not there in full.
    pub fn parse(form: HeaderForm, bytes: &'a [u8]) -> Result<Self, ParseError> {
        let claimed = Self::parse_whole(form, bytes)?.claimed_length.max(form.length());
        Self::parse_whole(form, clamp(bytes, 0, claimed))
    }

    /// The answer in all of `bytes`, whatever its length field says: for the data of MODE SELECT, whose length field is
    /// reserved, and for drives that leave it out.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] if the header is not there in full.
    pub fn parse_whole(form: HeaderForm, bytes: &'a [u8]) -> Result<Self, ParseError> {
        if bytes.len() < form.length() {
            return Err(ParseError::TooShort { needed: form.length(), found: bytes.len() });
        }
        let (claimed_length, type_offset, descriptors_length, long_lba) = match form {
            HeaderForm::Six => {
                (usize::from(u8_at(bytes, 0)?).saturating_add(1), 1_usize, u8_at(bytes, 3)?.into(), false)
            }
            HeaderForm::Ten => {
                let claimed_length = usize::from(be16_at(bytes, 0)?).saturating_add(2);
                (claimed_length, 2_usize, be16_at(bytes, 6)?, bit(u8_at(bytes, 4)?, 0))
            }
        };
        let specific = u8_at(bytes, type_offset.saturating_add(1))?;
        let pages_start = form.length().saturating_add(descriptors_length.into());
        Ok(Self {
            claimed_length,
            medium_type: u8_at(bytes, type_offset)?,
            write_protected: bit(specific, 7),
            dpo_fua: bit(specific, 4),
            long_lba,
            block_descriptors: clamp(bytes, form.length(), descriptors_length.into()),
            pages: ModePages::new(bytes.get(pages_start..).unwrap_or(&[])),
        })
    }

    /// The first block descriptor, if it is there in full and has the short form.
    #[must_use]
    pub fn block_descriptor(&self) -> Option<BlockDescriptor> {
        BlockDescriptor::parse(self.block_descriptors).ok().filter(|_| !self.long_lba)
    }
}

/// Builds mode parameters in a buffer of the caller's.
///
/// Once something does not fit, nothing more is written and the result is `None`.
#[derive(Debug)]
pub struct ModeParametersBuilder<'b> {
    form: HeaderForm,
    buffer: &'b mut [u8],
    length: Option<usize>,
}

impl<'b> ModeParametersBuilder<'b> {
    /// Starts with a header of zeros.
    pub fn new(form: HeaderForm, buffer: &'b mut [u8]) -> Self {
        let mut builder = Self { form, buffer, length: Some(0) };
        let header = [0; 8];
        builder.append(header.get(..form.length()).unwrap_or(&header));
        builder
    }

    /// Sets the medium type and the device-specific byte, for the answer of a drive.
    #[must_use]
    pub fn device(self, medium_type: u8, write_protected: bool, dpo_fua: bool) -> Self {
        let offset = match self.form {
            HeaderForm::Six => 1,
            HeaderForm::Ten => 2,
        };
        self.patch(offset, &[medium_type, flag(write_protected, 7) | flag(dpo_fua, 4)])
    }

    /// Adds a block descriptor; belongs before the first page.
    #[must_use]
    pub fn block_descriptor(mut self, descriptor: BlockDescriptor) -> Self {
        self.append(&descriptor.to_bytes());
        let length = self.length.unwrap_or(0).saturating_sub(self.form.length());
        let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        match self.form {
            HeaderForm::Six => self.patch(3, &[low]),
            HeaderForm::Ten => self.patch(6, &[high, low]),
        }
    }

    /// Adds a page.
    #[must_use]
    pub fn page<P: ModePage>(mut self, page: &P) -> Self {
        self.length = self.length.and_then(|start| {
            let end = start.checked_add(P::LENGTH)?;
            page.emit(self.buffer.get_mut(start..end)?);
            Some(end)
        });
        self
    }

    /// Adds a page given by its bytes, header included.
    #[must_use]
    pub fn raw_page(mut self, bytes: &[u8]) -> Self {
        self.append(bytes);
        self
    }

    /// The data of a MODE SELECT: its length field is zero, as the standard demands.
    #[must_use]
    pub fn finish(self) -> Option<&'b [u8]> {
        self.buffer.get(..self.length?)
    }

    /// The answer of a MODE SENSE: its length field says how many bytes follow.
    #[must_use]
    pub fn finish_answer(self) -> Option<&'b [u8]> {
        let length = self.length?;
        match self.form {
            HeaderForm::Six => self.patch(0, &[u8::try_from(length.checked_sub(1)?).ok()?]),
            HeaderForm::Ten => self.patch(0, &u16::try_from(length.checked_sub(2)?).ok()?.to_be_bytes()),
        }
        .finish()
    }

    fn append(&mut self, bytes: &[u8]) {
        self.length = self.length.and_then(|start| {
            let end = start.checked_add(bytes.len())?;
            self.buffer.get_mut(start..end)?.copy_from_slice(bytes);
            Some(end)
        });
    }

    fn patch(self, offset: usize, bytes: &[u8]) -> Self {
        if self.length.is_some() {
            put(self.buffer, offset, bytes);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::{AudioControlPage, CachingPage};
    use crate::test_support::{hex, prefixes, total};

    const CACHING: CachingPage = CachingPage { write_cache_enable: true, read_cache_disable: false };

    #[test]
    fn six_byte_header() {
        let bytes = hex("17 05 90 08 | 00 00 00 00 00 00 08 00 | 88 0A 04 00 00 00 00 00 00 00 00 00 | FF FF");
        let parameters = ModeParameters::parse(HeaderForm::Six, &bytes).unwrap();
        assert_eq!((parameters.claimed_length, parameters.medium_type), (24, 5));
        assert!(parameters.write_protected && parameters.dpo_fua);
        let descriptor = BlockDescriptor { density_code: 0, blocks: 0, block_length: 2048 };
        assert_eq!(parameters.block_descriptor(), Some(descriptor));
        assert_eq!(parameters.pages.clone().count(), 1);
        assert!(parameters.pages.find_raw(8).unwrap().saveable);
        assert_eq!(parameters.pages.find_page(), Ok(CACHING));
        prefixes(&bytes, |bytes| ModeParameters::parse(HeaderForm::Six, bytes));

        let mut buffer = [0xAA; 64];
        let answer = ModeParametersBuilder::new(HeaderForm::Six, &mut buffer)
            .device(5, true, true)
            .block_descriptor(descriptor)
            .raw_page(&bytes[12..24])
            .finish_answer();
        assert_eq!(answer, Some(&bytes[..24]));
    }

    #[test]
    fn ten_byte_header() {
        let bytes = hex("00 16 00 00 00 00 00 00 | 0E 0E 04 00 00 00 00 4B 01 FF 02 80 00 00 00 00");
        let parameters = ModeParameters::parse(HeaderForm::Ten, &bytes).unwrap();
        assert_eq!(parameters.block_descriptor(), None);
        let audio: AudioControlPage = parameters.pages.find_page().unwrap();
        assert_eq!(audio.ports.map(|port| port.volume), [0xFF, 0x80, 0, 0]);
        prefixes(&bytes, |bytes| ModeParameters::parse(HeaderForm::Ten, bytes));

        let mut buffer = [0xAA; 24];
        let answer = ModeParametersBuilder::new(HeaderForm::Ten, &mut buffer).page(&audio).finish_answer();
        assert_eq!(answer, Some(&bytes[..]));
        let select = ModeParametersBuilder::new(HeaderForm::Ten, &mut buffer).page(&audio).finish().unwrap();
        assert_eq!((&select[..8], &select[8..]), (&[0; 8][..], &bytes[8..]));
        let parsed = ModeParameters::parse_whole(HeaderForm::Ten, select).unwrap();
        assert_eq!(parsed.pages.find_page(), Ok(audio));
    }

    /// The data that sets a drive to blocks of 2048 bytes.
    #[test]
    fn a_block_descriptor_alone() {
        let mut buffer = [0; 12];
        let descriptor = BlockDescriptor { density_code: 0, blocks: 0, block_length: 2048 };
        let list = ModeParametersBuilder::new(HeaderForm::Six, &mut buffer).block_descriptor(descriptor).finish();
        assert_eq!(list, Some(&hex("00 00 00 08 00 00 00 00 00 00 08 00")[..]));
    }

    #[test]
    fn what_does_not_fit_gives_nothing() {
        let mut buffer = [0; 15];
        assert_eq!(ModeParametersBuilder::new(HeaderForm::Ten, &mut buffer).page(&CACHING).finish(), None);
        assert_eq!(ModeParametersBuilder::new(HeaderForm::Ten, &mut buffer[..7]).finish_answer(), None);
    }

    #[test]
    fn a_length_of_zero_leaves_no_pages_unless_ignored() {
        let bytes = hex("00 00 00 00 00 00 00 00 08 0A 04 00 00 00 00 00 00 00 00 00");
        assert_eq!(ModeParameters::parse(HeaderForm::Ten, &bytes).unwrap().pages.count(), 0);
        assert_eq!(ModeParameters::parse_whole(HeaderForm::Ten, &bytes).unwrap().pages.count(), 1);
    }

    #[test]
    fn sub_pages_and_cut_pages_are_told_apart() {
        let bytes = hex("48 01 00 02 AA BB | 08 0A 04 00");
        let pages: std::vec::Vec<_> = ModePages::new(&bytes).collect();
        assert_eq!((pages[0].code, pages[0].subpage, pages[0].is_complete()), (8, Some(1), true));
        assert_eq!((pages[1].code, pages[1].subpage, pages[1].is_complete()), (8, None, false));
        assert_eq!(ModePages::new(&bytes).find_page::<CachingPage>(), Ok(CACHING));
        assert_eq!(
            ModePages::new(&bytes).find_page::<AudioControlPage>(),
            Err(ParseError::TooShort { needed: 16, found: 0 })
        );
    }

    #[test]
    fn nothing_panics() {
        for form in [HeaderForm::Six, HeaderForm::Ten] {
            total(|bytes| {
                let parameters = ModeParameters::parse(form, bytes)?;
                let _ = parameters.block_descriptor();
                Ok::<_, ParseError>(parameters.pages.count())
            });
        }
    }
}
