//! Sense data: why a command did not end as asked (SPC-3 4.5).

mod codes;
mod emit;
mod table;

pub use codes::{additional_sense_name, named_codes};

use crate::bytes::{array_at, be32_at, be64_at, bit, bits, clamp, u8_at};
use crate::cdb::Transfer;
use crate::error::ParseError;
use crate::layout::{Byte, Flag};

command! {
    /// REQUEST SENSE (SPC-3 6.27).
    pub struct RequestSense: REQUEST_SENSE, 6 {
        /// Whether the answer is wanted in descriptor format.
        descriptor_format: bool = Flag(1, 0),
        /// Room for the answer, in bytes.
        allocation_length: u8 = Byte(4),
    }
    transfer: |command| Transfer::In(command.allocation_length.into())
}

open_enum! {
    /// The sense key: what kind of condition it is (SPC-3 4.5.6).
    pub SenseKey: u8 {
        /// Nothing to report, or a condition that only the flags tell.
        NO_SENSE = 0x0 => "NO SENSE",
        /// The command succeeded after the drive had repaired something.
        RECOVERED_ERROR = 0x1 => "RECOVERED ERROR",
        /// No access to the medium now.
        NOT_READY = 0x2 => "NOT READY",
        /// A flaw of the medium or of what is recorded.
        MEDIUM_ERROR = 0x3 => "MEDIUM ERROR",
        /// A failure of the drive.
        HARDWARE_ERROR = 0x4 => "HARDWARE ERROR",
        /// The command or its parameters are wrong.
        ILLEGAL_REQUEST = 0x5 => "ILLEGAL REQUEST",
        /// Something has changed that the initiator should know.
        UNIT_ATTENTION = 0x6 => "UNIT ATTENTION",
        /// The medium must not be read or written there.
        DATA_PROTECT = 0x7 => "DATA PROTECT",
        /// Blank medium where data was expected, or the reverse.
        BLANK_CHECK = 0x8 => "BLANK CHECK",
        /// For vendors.
        VENDOR_SPECIFIC = 0x9 => "VENDOR SPECIFIC",
        /// A copy between devices ended early.
        COPY_ABORTED = 0xA => "COPY ABORTED",
        /// The drive ended the command.
        ABORTED_COMMAND = 0xB => "ABORTED COMMAND",
        /// More data than the medium takes.
        VOLUME_OVERFLOW = 0xD => "VOLUME OVERFLOW",
        /// Data and medium differ.
        MISCOMPARE = 0xE => "MISCOMPARE",
        /// Completed, with something to say (SPC-4).
        COMPLETED = 0xF => "COMPLETED",
    }
}

/// Sense data of either format as one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sense {
    /// Whether this is about an earlier command (response codes 71h and 73h).
    pub deferred: bool,
    /// The kind of condition.
    pub key: SenseKey,
    /// Additional sense code; 0 if the drive gave none.
    pub asc: u8,
    /// Additional sense code qualifier; 0 if the drive gave none.
    pub ascq: u8,
    /// Usually the logical block in question; `None` unless the drive says that it is valid.
    pub information: Option<u64>,
    /// Incorrect length: a block of another length than asked for.
    pub incorrect_length: bool,
    /// What belongs to the sense key; `None` unless the drive says that it is valid.
    pub specific: Option<KeySpecific>,
}

/// The three sense-key specific bytes (SPC-3 4.5.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeySpecific {
    /// With ILLEGAL REQUEST: the field that is wrong.
    FieldPointer {
        /// Whether the field is in the command block, or in the data that was sent.
        in_command: bool,
        /// Byte of the field.
        byte: u16,
        /// Most significant bit of the field, if the drive tells.
        bit: Option<u8>,
    },
    /// With NO SENSE and NOT READY: the part of an operation that is done, in 1/65536.
    Progress(u16),
    /// With RECOVERED, MEDIUM and HARDWARE ERROR: how often the drive tried.
    RetryCount(u16),
    /// With any other key: the bytes without the valid bit.
    Other([u8; 3]),
}

impl Sense {
    /// Bytes of fixed-format sense data up to the sense-key specific field: what nearly every host asks for.
    pub const FIXED_LENGTH: usize = 18;

    /// A condition of the current command with nothing but its codes.
    #[must_use]
    pub const fn new(key: SenseKey, asc: u8, ascq: u8) -> Self {
        Self { deferred: false, key, asc, ascq, information: None, incorrect_length: false, specific: None }
    }

    /// Reads sense data in fixed (70h, 71h) or descriptor format (72h, 73h).
    ///
    /// Fields past the end of `bytes`, or past the length that the data claims, are taken as absent.
    ///
    /// # Errors
    /// [`ParseError::TooShort`] if not even the sense key is there, [`ParseError::BadField`] for another response code.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        match bits(u8_at(bytes, 0)?, 0, 7) {
            0x70 => Self::parse_fixed(bytes, false),
            0x71 => Self::parse_fixed(bytes, true),
            0x72 => Self::parse_descriptors(bytes, false),
            0x73 => Self::parse_descriptors(bytes, true),
            _ => Err(ParseError::BadField { offset: 0 }),
        }
    }

    /// The codes in fixed-format sense data, read as Microsoft's CD-ROM class driver reads them; `None` below 8 bytes.
    ///
    /// Of the bytes, `min(byte 7 + 7, length)` count: one less than the standard has, so that the additional sense code
    /// needs an additional length of 6 and the qualifier one of 7. The response code and the valid bits are not looked
    /// at; `information` is therefore bytes 3 to 6 as they are.
    #[must_use]
    pub fn parse_fixed_as_reference(bytes: &[u8]) -> Option<Self> {
        let usable = usize::from(u8_at(bytes, 7).ok()?).saturating_add(7).min(bytes.len());
        let code = |offset: usize| if usable > offset { u8_at(bytes, offset).unwrap_or(0) } else { 0 };
        let flags = u8_at(bytes, 2).ok()?;
        Some(Self {
            deferred: bits(u8_at(bytes, 0).ok()?, 0, 7) == 0x71,
            key: SenseKey(bits(flags, 0, 4)),
            asc: code(12),
            ascq: code(13),
            information: be32_at(bytes, 3).ok().map(u64::from),
            incorrect_length: bit(flags, 5),
            specific: None,
        })
    }

    /// The standard's name of the additional sense code and qualifier.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        additional_sense_name(self.asc, self.ascq)
    }

    /// Key, additional sense code and qualifier, for matching.
    #[must_use]
    pub const fn codes(&self) -> (SenseKey, u8, u8) {
        (self.key, self.asc, self.ascq)
    }

    fn parse_fixed(bytes: &[u8], deferred: bool) -> Result<Self, ParseError> {
        let flags = u8_at(bytes, 2)?;
        let claimed = u8_at(bytes, 7).map_or(8, |additional| usize::from(additional).saturating_add(8));
        let bytes = clamp(bytes, 0, claimed);
        let key = SenseKey(bits(flags, 0, 4));
        let valid = bit(u8_at(bytes, 0)?, 7);
        Ok(Self {
            deferred,
            key,
            asc: u8_at(bytes, 12).unwrap_or(0),
            ascq: u8_at(bytes, 13).unwrap_or(0),
            information: be32_at(bytes, 3).ok().filter(|_| valid).map(u64::from),
            incorrect_length: bit(flags, 5),
            specific: array_at(bytes, 15).ok().and_then(|specific| KeySpecific::from_bytes(key, specific)),
        })
    }

    fn parse_descriptors(bytes: &[u8], deferred: bool) -> Result<Self, ParseError> {
        let key = SenseKey(bits(u8_at(bytes, 1)?, 0, 4));
        let [asc, ascq] = [2, 3].map(|offset| u8_at(bytes, offset).unwrap_or(0));
        let mut sense = Self { deferred, ..Self::new(key, asc, ascq) };
        let claimed = u8_at(bytes, 7).map_or(0, usize::from);
        for (kind, body) in descriptors(clamp(bytes, 8, claimed)) {
            match kind {
                INFORMATION if u8_at(body, 0).is_ok_and(|byte| bit(byte, 7)) => {
                    sense.information = be64_at(body, 2).ok();
                }
                KEY_SPECIFIC => {
                    sense.specific = array_at(body, 2).ok().and_then(|bytes| KeySpecific::from_bytes(key, bytes));
                }
                BLOCK_COMMANDS | STREAM_COMMANDS => {
                    sense.incorrect_length = u8_at(body, 1).is_ok_and(|byte| bit(byte, 5));
                }
                _ => {}
            }
        }
        Ok(sense)
    }
}

impl KeySpecific {
    /// The field in the three bytes that go with `key`; `None` if their valid bit is clear.
    #[must_use]
    pub fn from_bytes(key: SenseKey, bytes: [u8; 3]) -> Option<Self> {
        let [first, second, third] = bytes;
        let number = u16::from_be_bytes([second, third]);
        bit(first, 7).then_some(match key {
            SenseKey::ILLEGAL_REQUEST => Self::FieldPointer {
                in_command: bit(first, 6),
                byte: number,
                bit: bit(first, 3).then_some(bits(first, 0, 3)),
            },
            SenseKey::NO_SENSE | SenseKey::NOT_READY => Self::Progress(number),
            SenseKey::RECOVERED_ERROR | SenseKey::MEDIUM_ERROR | SenseKey::HARDWARE_ERROR => Self::RetryCount(number),
            _ => Self::Other([bits(first, 0, 7), second, third]),
        })
    }
}

/// Sense data descriptor types (SPC-3 4.5.2.1).
const INFORMATION: u8 = 0x00;
const KEY_SPECIFIC: u8 = 0x02;
const STREAM_COMMANDS: u8 = 0x04;
const BLOCK_COMMANDS: u8 = 0x05;

/// Type and body (from byte 2 on) of each whole descriptor.
fn descriptors(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes;
    core::iter::from_fn(move || {
        let kind = u8_at(rest, 0).ok()?;
        let length = usize::from(u8_at(rest, 1).ok()?);
        let (body, tail) = rest.get(2..)?.split_at_checked(length)?;
        rest = tail;
        Some((kind, body))
    })
}

#[cfg(test)]
mod tests;
