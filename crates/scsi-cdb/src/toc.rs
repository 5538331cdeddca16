//! READ TOC/PMA/ATIP (MMC-6 6.25) and its six answers.
//!
//! Every answer starts with a [`TocHeader`], whose length counts what follows its own two bytes.
//! The parsers look at `min(received, length + 2)` bytes and at whole descriptors only.

pub mod answer;
pub mod atip;
pub mod cd_text;
pub mod formatted;
pub mod pma;
pub mod q;
pub mod raw;
pub mod time_code;

pub use answer::{Descriptor, TocAnswer, TocHeader};
pub use atip::Atip;
pub use cd_text::CdText;
pub use formatted::{FormattedToc, LEAD_OUT_TRACK, MultiSessionInformation, TrackDescriptor};
pub use pma::Pma;
pub use q::{Adr, DiscAddress, TrackControl};
pub use raw::{RawEntry, RawToc};
pub use time_code::TimeCode;

use crate::cdb::Transfer;
use crate::error::ParseError;
use crate::layout::{Be16, Bits, Byte, Flag, Layout};

open_enum! {
    /// Which answer READ TOC/PMA/ATIP gives (byte 2, bits 3-0).
    pub TocFormat: u8 {
        /// Tracks of all complete sessions and the last lead-out.
        FORMATTED_TOC = 0 => "formatted TOC",
        /// First and last complete session, first track of the last one.
        MULTI_SESSION_INFORMATION = 1 => "multi-session information",
        /// The Q sub-channel entries of every lead-in.
        RAW_TOC = 2 => "raw TOC",
        /// The Q sub-channel entries of the program memory area.
        PMA = 3 => "PMA",
        /// Absolute time in pregroove of a blank or recordable disc.
        ATIP = 4 => "ATIP",
        /// CD-TEXT packs of the lead-in.
        CD_TEXT = 5 => "CD-TEXT",
    }
}

command! {
    /// READ TOC/PMA/ATIP.
    pub struct ReadTocPmaAtip: READ_TOC_PMA_ATIP, 10 {
        /// Addresses as minute, second, frame instead of logical blocks, where the format leaves the choice.
        msf: bool = Flag(1, 1),
        /// The answer that is wanted, 4 bits. Parsing takes a zero here for the format in the control byte.
        format: TocFormat = FormatPlace,
        /// First track (formatted TOC) or first session (raw TOC); 0 otherwise.
        track_session: u8 = Byte(6),
        /// Length of the answer buffer in bytes.
        allocation_length: u16 = Be16(7),
        /// Repeats the format in bits 7-6 of the control byte, where SFF-8020i drives look for it.
        ///
        /// Formats 1 to 3 only: the others have no such code and leave those bits zero.
        legacy_format: bool = LegacyFormatPlace,
    }
    transfer: |command| Transfer::In(u32::from(command.allocation_length))
}

impl ReadTocPmaAtip {
    /// `format` from track or session 0, addresses as logical blocks.
    #[must_use]
    pub const fn new(format: TocFormat, allocation_length: u16) -> Self {
        Self { msf: false, format, track_session: 0, allocation_length, legacy_format: false }
    }

    /// The same command for drives that read the format from the control byte.
    #[must_use]
    pub const fn with_legacy_format(mut self) -> Self {
        self.legacy_format = true;
        self
    }
}

/// The format in byte 2 or, when that is zero, in the control byte.
struct FormatPlace;

impl Layout<TocFormat> for FormatPlace {
    fn get(&self, block: &[u8]) -> Result<TocFormat, ParseError> {
        match MMC_FORMAT.get(block)? {
            TocFormat(0) => LEGACY_FORMAT.get(block),
            format => Ok(format),
        }
    }

    fn set(&self, block: &mut [u8], value: TocFormat) {
        MMC_FORMAT.set(block, value);
    }
}

/// Whether the control byte holds the same format as byte 2.
struct LegacyFormatPlace;

impl Layout<bool> for LegacyFormatPlace {
    fn get(&self, block: &[u8]) -> Result<bool, ParseError> {
        let legacy: TocFormat = LEGACY_FORMAT.get(block)?;
        Ok(legacy.0 != 0 && legacy == FormatPlace.get(block)?)
    }

    /// Copies the format, which is in byte 2 already.
    fn set(&self, block: &mut [u8], value: bool) {
        if let (true, Ok(format @ TocFormat(0..=3))) = (value, MMC_FORMAT.get(block)) {
            LEGACY_FORMAT.set(block, format);
        }
    }
}

const MMC_FORMAT: Bits = Bits(2, 0, 4);
const LEGACY_FORMAT: Bits = Bits(9, 6, 2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::{Command, Direction};
    use crate::test_support::{golden, hex, round_trip};

    /// MMC-6 6.25, command descriptor block.
    #[test]
    fn blocks() {
        let mut command = ReadTocPmaAtip { msf: true, ..ReadTocPmaAtip::new(TocFormat::FORMATTED_TOC, 804) };
        golden(command, &hex("43 02 00 00 00 00 00 03 24 00"), Direction::In, 804);
        command = ReadTocPmaAtip::new(TocFormat::MULTI_SESSION_INFORMATION, 804);
        golden(command, &hex("43 00 01 00 00 00 00 03 24 00"), Direction::In, 804);
        golden(command.with_legacy_format(), &hex("43 00 01 00 00 00 00 03 24 40"), Direction::In, 804);
        command = ReadTocPmaAtip { track_session: 1, ..ReadTocPmaAtip::new(TocFormat::RAW_TOC, 2048) };
        golden(command, &hex("43 00 02 00 00 00 01 08 00 00"), Direction::In, 2048);
        golden(ReadTocPmaAtip::new(TocFormat::CD_TEXT, 4), &hex("43 00 05 00 00 00 00 00 04 00"), Direction::In, 4);
        round_trip::<ReadTocPmaAtip>();
    }

    #[test]
    fn the_format_may_stand_in_the_control_byte_alone() {
        let command = ReadTocPmaAtip::parse(&hex("43 02 00 00 00 00 01 00 0C 80")).unwrap();
        assert_eq!((command.format, command.legacy_format), (TocFormat::RAW_TOC, true));
        let command = ReadTocPmaAtip::new(TocFormat::ATIP, 4).with_legacy_format();
        assert_eq!(command.cdb().as_bytes(), hex("43 00 04 00 00 00 00 00 04 00"));
    }
}
