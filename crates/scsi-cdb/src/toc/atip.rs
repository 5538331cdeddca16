//! Format 4: absolute time in pregroove, the maker's data on a recordable CD.

use crate::address::Msf;
use crate::bytes::{bits, counted16, padded};
use crate::error::ParseError;
use crate::layout::{Be16, Bits, Flag, MsfAt, Raw};

record! {
    /// The answer to [`TocFormat::ATIP`](crate::toc::TocFormat::ATIP).
    pub struct Atip: 32 {
        /// Bytes that follow this field, as the drive claims.
        data_length: u16 = Be16(0),
        /// Indicative target writing power, a code that depends on the disc type (Orange Book).
        target_writing_power: u8 = Bits(4, 4, 3),
        /// A double density CD.
        ddcd: bool = Flag(4, 3),
        /// Reference speed, a code of CD-RW discs.
        reference_speed: u8 = Bits(4, 0, 3),
        /// For unrestricted use; clear on discs for consumer audio recorders.
        unrestricted_use: bool = Flag(5, 6),
        /// CD-RW rather than CD-R.
        rewritable: bool = Flag(6, 6),
        /// Sub-type of the disc, for CD-RW its speed class.
        sub_type: u8 = Bits(6, 3, 3),
        /// Whether `additional_1` is on the disc.
        additional_1_valid: bool = Flag(6, 2),
        /// Whether `additional_2` is on the disc.
        additional_2_valid: bool = Flag(6, 1),
        /// Whether `additional_3` is on the disc.
        additional_3_valid: bool = Flag(6, 0),
        /// Start of the lead-in; by it the maker is known.
        lead_in_start: Msf = MsfAt(8),
        /// Latest possible start of the lead-out: the capacity.
        last_lead_out: Msf = MsfAt(12),
        /// Additional information 1: speeds and powers.
        additional_1: [u8; 3] = Raw(16),
        /// Additional information 2.
        additional_2: [u8; 3] = Raw(20),
        /// Additional information 3.
        additional_3: [u8; 3] = Raw(24),
        /// Special information 4, in answers of 32 bytes.
        special_4: [u8; 3] = Raw(28),
    }
}

/// Where [`Atip::last_lead_out`] ends; later fields are missing in some answers.
const SHORTEST: usize = 15;

impl Atip {
    /// The answer in `bytes`; fields beyond its length or beyond what was received are zero and not valid.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] unless the answer reaches to the capacity.
    pub fn from_answer(bytes: &[u8]) -> Result<Self, ParseError> {
        let bytes = counted16(bytes, 0)?;
        let mut atip = Self::parse(&padded::<{ Self::LENGTH }>(bytes, SHORTEST)?)?;
        atip.additional_1_valid &= bytes.len() >= 19;
        atip.additional_2_valid &= bytes.len() >= 23;
        atip.additional_3_valid &= bytes.len() >= 27;
        Ok(atip)
    }

    /// The codes of the lowest and of the highest recording speed, if additional information 1 is valid.
    #[must_use]
    pub fn recording_speeds(&self) -> Option<(u8, u8)> {
        let [speeds, ..] = self.additional_1;
        self.additional_1_valid.then_some((bits(speeds, 4, 3), bits(speeds, 0, 4)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{hex, prefixes, total};

    /// MMC-6 6.25, format 4: an 80 minute CD-R, lead-in from 97:24:01, lead-out at 79:59:74.
    const CD_R: &str = "00 1A 00 00  C0 40 84 00  61 18 01 00  4F 3B 4A 00  12 34 56 00  00 00 00 00  00 00 00 00";

    #[test]
    fn capacity_maker_and_speeds_are_read() {
        let atip = Atip::from_answer(&hex(CD_R)).unwrap();
        assert_eq!((atip.lead_in_start, atip.last_lead_out), (Msf::new(97, 24, 1), Msf::new(79, 59, 74)));
        assert_eq!((atip.target_writing_power, atip.reference_speed), (4, 0));
        assert!(atip.unrestricted_use && !atip.rewritable && !atip.additional_2_valid);
        assert_eq!(atip.recording_speeds(), Some((1, 2)));
        assert_eq!(Atip::parse(&atip.to_bytes()), Ok(atip));
        prefixes(&hex(CD_R), Atip::from_answer);
    }

    #[test]
    fn what_is_missing_is_not_valid() {
        let atip = Atip::from_answer(&hex(CD_R)[..16]).unwrap();
        assert_eq!((atip.additional_1_valid, atip.recording_speeds()), (false, None));
        assert!(Atip::from_answer(&hex(CD_R)[..14]).is_err());
    }

    #[test]
    fn any_bytes_are_handled() {
        total(Atip::from_answer);
    }
}
