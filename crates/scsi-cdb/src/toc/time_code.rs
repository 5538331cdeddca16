//! Times of the Q sub-channel in binary or in BCD.

use crate::address::Msf;

/// How a drive writes the times of a raw TOC: MMC asks for binary, some drives pass the disc's BCD on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeCode {
    /// Binary.
    Binary,
    /// Two decimal digits a byte.
    Bcd,
}

impl TimeCode {
    /// The value of `byte`; bytes that are no BCD are taken as binary.
    #[must_use]
    pub fn decode(self, byte: u8) -> u8 {
        match (self, from_bcd(byte)) {
            (Self::Bcd, Some(value)) => value,
            _ => byte,
        }
    }

    /// Whether `byte` is two decimal digits.
    #[must_use]
    pub fn is_bcd(byte: u8) -> bool {
        from_bcd(byte).is_some()
    }

    /// The address in the bytes of `msf`.
    #[must_use]
    pub fn decode_msf(self, msf: Msf) -> Msf {
        Msf::new(self.decode(msf.minute), self.decode(msf.second), self.decode(msf.frame))
    }
}

fn from_bcd(byte: u8) -> Option<u8> {
    match (byte >> 4, byte & 0x0F) {
        (tens @ 0..=9, ones @ 0..=9) => tens.checked_mul(10)?.checked_add(ones),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_bcd_stay_as_they_are() {
        assert_eq!(TimeCode::Bcd.decode_msf(Msf::new(0x79, 0x59, 0x74)), Msf::new(79, 59, 74));
        assert_eq!(TimeCode::Bcd.decode(0xA0), 0xA0);
        assert_eq!(TimeCode::Binary.decode(0x59), 0x59);
        assert!(TimeCode::is_bcd(0x99) && !TimeCode::is_bcd(0x9A));
    }
}
