//! The three numbers of sense data.

use scsi_cdb::bytes::{bit, u8_at};

/// Sense key, additional sense code and qualifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SenseCode {
    /// Sense data was there and long enough to have a key.
    pub valid: bool,
    /// Sense key.
    pub key: u8,
    /// Additional sense code, 0 where absent.
    pub asc: u8,
    /// Additional sense code qualifier, 0 where absent.
    pub ascq: u8,
    /// Incorrect length indicator.
    pub incorrect_length: bool,
}

impl SenseCode {
    /// No sense data.
    pub const NONE: Self = Self { valid: false, key: 0, asc: 0, ascq: 0, incorrect_length: false };

    /// Reads fixed (70h, 71h) and descriptor format (72h, 73h).
    ///
    /// Fixed format needs 8 bytes, and ASC and ASCQ count only within the additional length as the reference driver
    /// computes it: byte 7 + 7, one less than the standard's + 8 (io-path-and-errors.md 9, step C).
    #[must_use]
    pub fn parse(sense: &[u8]) -> Self {
        let byte = |offset| u8_at(sense, offset).unwrap_or(0);
        match byte(0) & 0x7F {
            0x72 | 0x73 if sense.len() >= 4 => {
                Self { valid: true, key: byte(1) & 0x0F, asc: byte(2), ascq: byte(3), incorrect_length: false }
            }
            _ if sense.len() < 8 => Self::NONE,
            _ => {
                let usable = usize::from(byte(7)).saturating_add(7).min(sense.len());
                Self {
                    valid: true,
                    key: byte(2) & 0x0F,
                    asc: if usable >= 13 { byte(12) } else { 0 },
                    ascq: if usable >= 14 { byte(13) } else { 0 },
                    incorrect_length: bit(byte(2), 5),
                }
            }
        }
    }

    /// As [`Self::parse`], without looking at the additional length: what device handlers read.
    #[must_use]
    pub fn parse_unchecked(sense: &[u8]) -> Self {
        let checked = Self::parse(sense);
        if matches!(u8_at(sense, 0).unwrap_or(0) & 0x7F, 0x72 | 0x73) || !checked.valid {
            return checked;
        }
        Self { asc: u8_at(sense, 12).unwrap_or(0), ascq: u8_at(sense, 13).unwrap_or(0), ..checked }
    }

    /// Key and ASC are these.
    #[must_use]
    pub const fn is(&self, key: u8, asc: u8) -> bool {
        self.valid && self.key == key && self.asc == asc
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_format_counts_one_byte_less_than_the_standard() {
        let mut sense = [0_u8; 18];
        (sense[0], sense[2], sense[7], sense[12], sense[13]) = (0x70, 0x22, 10, 0x3A, 0x01);
        let code = SenseCode::parse(&sense);
        assert_eq!((code.key, code.asc, code.ascq, code.incorrect_length), (2, 0x3A, 1, true));
        sense[7] = 6;
        assert_eq!((SenseCode::parse(&sense).asc, SenseCode::parse(&sense).ascq), (0x3A, 0));
        sense[7] = 5;
        assert_eq!(SenseCode::parse(&sense).asc, 0);
        assert_eq!(SenseCode::parse_unchecked(&sense).asc, 0x3A);
        assert_eq!(SenseCode::parse(&sense[..7]), SenseCode::NONE);
        assert_eq!(SenseCode::parse(&sense[..8]).key, 2);
    }

    #[test]
    fn descriptor_format_is_read() {
        let code = SenseCode::parse(&[0x72, 0x05, 0x24, 0x00, 0, 0, 0, 0]);
        assert!(code.is(5, 0x24));
        assert_eq!(SenseCode::parse(&[0x72, 5, 0x24]), SenseCode::NONE);
    }
}
