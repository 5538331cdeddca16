//! Features whose data hold a list.

use super::Feature;
use crate::bytes::{be16_at, bit, clamp, flag, put, u8_at};
use crate::configuration::{FeatureCode, Profile};
use crate::error::ParseError;

/// Profile List (MMC-6 5.3, feature 0000): entries of 4 bytes, the best profile first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileList<'a> {
    /// The entries as bytes; a last one that is cut off is ignored.
    pub entries: &'a [u8],
}

/// A profile that the drive knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProfileEntry {
    /// Which profile it is.
    pub profile: Profile,
    /// Whether the medium is of this profile.
    pub current: bool,
}

impl ProfileEntry {
    /// The entry on the wire.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 4] {
        let [high, low] = self.profile.0.to_be_bytes();
        [high, low, flag(self.current, 0), 0]
    }
}

impl<'a> ProfileList<'a> {
    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = ProfileEntry> + use<'a> {
        let (entries, _) = self.entries.as_chunks::<4>();
        entries.iter().map(|&[high, low, flags, _]| ProfileEntry {
            profile: Profile(u16::from_be_bytes([high, low])),
            current: bit(flags, 0),
        })
    }
}

impl<'a> Feature<'a> for ProfileList<'a> {
    const CODE: FeatureCode = FeatureCode::PROFILE_LIST;

    fn from_data(data: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self { entries: data })
    }

    fn write(&self, target: &mut [u8]) -> usize {
        put(target, 0, self.entries)
    }
}

/// Incremental Streaming Writable (MMC-6 5.3, feature 0021): sequential recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncrementalStreamingWritable<'a> {
    /// Data block types that can be recorded: bit n for type n.
    pub data_types: u16,
    /// Whether track resource information is reported (TRIO).
    pub track_resources: bool,
    /// Whether RESERVE TRACK splits a track by address (ARSV).
    pub address_reservation: bool,
    /// Whether recording goes on without loss after the buffer ran empty (BUF).
    pub buffer_underrun_free: bool,
    /// Link sizes in blocks.
    pub link_sizes: &'a [u8],
}

impl<'a> Feature<'a> for IncrementalStreamingWritable<'a> {
    const CODE: FeatureCode = FeatureCode::INCREMENTAL_STREAMING_WRITABLE;

    fn from_data(data: &'a [u8]) -> Result<Self, ParseError> {
        let link_sizes = link_sizes(data)?;
        let flags = u8_at(data, 2)?;
        Ok(Self {
            data_types: be16_at(data, 0)?,
            track_resources: bit(flags, 2),
            address_reservation: bit(flags, 1),
            buffer_underrun_free: bit(flags, 0),
            link_sizes,
        })
    }

    fn write(&self, target: &mut [u8]) -> usize {
        let flags =
            flag(self.track_resources, 2) | flag(self.address_reservation, 1) | flag(self.buffer_underrun_free, 0);
        let [high, low] = self.data_types.to_be_bytes();
        put_link_sizes(target, [high, low, flags], self.link_sizes)
    }
}

/// Layer Jump Recording (MMC-6 5.3, feature 0033).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerJumpRecording<'a> {
    /// Link sizes in blocks.
    pub link_sizes: &'a [u8],
}

impl<'a> Feature<'a> for LayerJumpRecording<'a> {
    const CODE: FeatureCode = FeatureCode::LAYER_JUMP_RECORDING;

    fn from_data(data: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self { link_sizes: link_sizes(data)? })
    }

    fn write(&self, target: &mut [u8]) -> usize {
        put_link_sizes(target, [0; 3], self.link_sizes)
    }
}

/// Drive Serial Number (MMC-6 5.3, feature 0108): ASCII, filled up with spaces or zeros to a multiple of 4 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriveSerialNumber<'a> {
    /// The number as the drive sent it.
    pub serial_number: &'a [u8],
}

impl DriveSerialNumber<'_> {
    /// The number without the spaces and zeros around it.
    #[must_use]
    pub fn trimmed(&self) -> &[u8] {
        let padding = |byte: &u8| matches!(byte, 0 | b' ');
        let start = self.serial_number.iter().position(|byte| !padding(byte)).unwrap_or_default();
        let end = self.serial_number.iter().rposition(|byte| !padding(byte)).map_or(0, |last| last.saturating_add(1));
        self.serial_number.get(start..end).unwrap_or_default()
    }
}

impl<'a> Feature<'a> for DriveSerialNumber<'a> {
    const CODE: FeatureCode = FeatureCode::DRIVE_SERIAL_NUMBER;

    fn from_data(data: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self { serial_number: data })
    }

    fn write(&self, target: &mut [u8]) -> usize {
        let written = put(target, 0, self.serial_number);
        pad_to_four(target, written, b' ')
    }
}

/// Disc Control Blocks (MMC-6 5.3, feature 010A): the content descriptors of the blocks that the drive handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiscControlBlocks<'a> {
    /// The descriptors as bytes, 4 each; a last one that is cut off is ignored.
    pub entries: &'a [u8],
}

impl<'a> DiscControlBlocks<'a> {
    /// The content descriptors in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + use<'a> {
        let (entries, _) = self.entries.as_chunks::<4>();
        entries.iter().map(|entry| u32::from_be_bytes(*entry))
    }
}

impl<'a> Feature<'a> for DiscControlBlocks<'a> {
    const CODE: FeatureCode = FeatureCode::DISC_CONTROL_BLOCKS;

    fn from_data(data: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self { entries: data })
    }

    fn write(&self, target: &mut [u8]) -> usize {
        put(target, 0, self.entries)
    }
}

/// OSSC (MMC-6 5.3, feature 0142): the optical security subsystem class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ossc<'a> {
    /// The PSAU bit.
    pub psau: bool,
    /// The LOSPB bit.
    pub lospb: bool,
    /// The ME bit.
    pub me: bool,
    /// The profiles it works with, as big-endian 16-bit numbers.
    pub profiles: &'a [u8],
}

impl<'a> Ossc<'a> {
    /// The profiles in order.
    pub fn iter(&self) -> impl Iterator<Item = Profile> + use<'a> {
        let (profiles, _) = self.profiles.as_chunks::<2>();
        profiles.iter().map(|profile| Profile(u16::from_be_bytes(*profile)))
    }
}

impl<'a> Feature<'a> for Ossc<'a> {
    const CODE: FeatureCode = FeatureCode::OSSC;

    fn from_data(data: &'a [u8]) -> Result<Self, ParseError> {
        let flags = u8_at(data, 0)?;
        let length = usize::from(u8_at(data, 1)?).saturating_mul(2);
        Ok(Self {
            psau: bit(flags, 7),
            lospb: bit(flags, 6),
            me: bit(flags, 0),
            profiles: counted(data, 2, length, 1)?,
        })
    }

    fn write(&self, target: &mut [u8]) -> usize {
        let flags = flag(self.psau, 7) | flag(self.lospb, 6) | flag(self.me, 0);
        let count = self.profiles.len().checked_div(2).and_then(|count| u8::try_from(count).ok()).unwrap_or(u8::MAX);
        let head = put(target, 0, &[flags, count]);
        let list = put(target, head, self.profiles);
        pad_to_four(target, head.saturating_add(list), 0)
    }
}

/// The list whose count is byte 3 and which follows it.
fn link_sizes(data: &[u8]) -> Result<&[u8], ParseError> {
    counted(data, 4, u8_at(data, 3)?.into(), 3)
}

fn put_link_sizes(target: &mut [u8], start: [u8; 3], sizes: &[u8]) -> usize {
    let head = put(target, 0, &start).saturating_add(put(target, 3, &[u8::try_from(sizes.len()).unwrap_or(u8::MAX)]));
    let list = put(target, head, sizes);
    pad_to_four(target, head.saturating_add(list), 0)
}

/// The `length` bytes from `offset` on, which the field at `count_offset` promises.
fn counted(data: &[u8], offset: usize, length: usize, count_offset: usize) -> Result<&[u8], ParseError> {
    let list = clamp(data, offset, length);
    if list.len() == length { Ok(list) } else { Err(ParseError::BadLength { offset: count_offset }) }
}

fn pad_to_four(target: &mut [u8], written: usize, filler: u8) -> usize {
    let padding = written.next_multiple_of(4).saturating_sub(written);
    written.saturating_add(put(target, written, clamp(&[filler; 3], 0, padding)))
}
