//! Sense data as a drive sends it.

use super::{BLOCK_COMMANDS, INFORMATION, KEY_SPECIFIC, KeySpecific, Sense};
use crate::bytes::{field, flag, put};

impl Sense {
    /// Writes 18 bytes of fixed-format sense data (70h or 71h) to the start of `buffer`, cut to its length; returns the
    /// number of bytes written.
    ///
    /// An information field beyond 32 bits does not fit this format and is left out, as SPC-3 4.5.2.2 has it.
    pub fn emit_fixed(&self, buffer: &mut [u8]) -> usize {
        let information = self.information.and_then(|value| u32::try_from(value).ok());
        let mut bytes = [0_u8; Self::FIXED_LENGTH];
        put(&mut bytes, 0, &[response_code(self.deferred, 0x70) | flag(information.is_some(), 7)]);
        put(&mut bytes, 2, &[(self.key.0 & 0x0F) | flag(self.incorrect_length, 5)]);
        put(&mut bytes, 3, &information.unwrap_or(0).to_be_bytes());
        put(&mut bytes, 7, &[10]);
        put(&mut bytes, 12, &[self.asc, self.ascq]);
        if let Some(specific) = self.specific {
            put(&mut bytes, 15, &specific.to_bytes());
        }
        put(buffer, 0, &bytes)
    }

    /// Writes descriptor-format sense data (72h or 73h), at most 32 bytes, to the start of `buffer`, cut to its length;
    /// returns the number of bytes written.
    pub fn emit_descriptors(&self, buffer: &mut [u8]) -> usize {
        let mut bytes = [0_u8; 32];
        put(&mut bytes, 0, &[response_code(self.deferred, 0x72), self.key.0 & 0x0F, self.asc, self.ascq]);
        let mut end = 8_usize;
        if let Some(information) = self.information {
            end = end.saturating_add(put(&mut bytes, end, &[INFORMATION, 10, 0x80, 0]));
            end = end.saturating_add(put(&mut bytes, end, &information.to_be_bytes()));
        }
        if let Some([first, second, third]) = self.specific.map(KeySpecific::to_bytes) {
            end = end.saturating_add(put(&mut bytes, end, &[KEY_SPECIFIC, 6, 0, 0, first, second, third, 0]));
        }
        if self.incorrect_length {
            end = end.saturating_add(put(&mut bytes, end, &[BLOCK_COMMANDS, 2, 0, flag(true, 5)]));
        }
        put(&mut bytes, 7, &[u8::try_from(end.saturating_sub(8)).unwrap_or(0)]);
        put(buffer, 0, bytes.get(..end).unwrap_or(&bytes))
    }
}

impl KeySpecific {
    /// The three bytes with the valid bit set.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 3] {
        let (flags, number) = match self {
            Self::FieldPointer { in_command, byte, bit } => {
                (flag(in_command, 6) | bit.map_or(0, |bit| flag(true, 3) | (bit & 0x07)), byte.to_be_bytes())
            }
            Self::Progress(number) | Self::RetryCount(number) => (0, number.to_be_bytes()),
            Self::Other([first, second, third]) => (first, [second, third]),
        };
        let [second, third] = number;
        [flag(true, 7) | flags, second, third]
    }
}

fn response_code(deferred: bool, current: u8) -> u8 {
    current | field(u8::from(deferred), 0)
}
