//! Checked reads and writes of big-endian fields in byte slices.

use crate::error::ParseError;

/// The byte at `offset`, or [`ParseError::TooShort`].
pub fn u8_at(bytes: &[u8], offset: usize) -> Result<u8, ParseError> {
    array_at::<1>(bytes, offset).map(|[byte]| byte)
}

/// The big-endian 16-bit field at `offset`.
pub fn be16_at(bytes: &[u8], offset: usize) -> Result<u16, ParseError> {
    array_at(bytes, offset).map(u16::from_be_bytes)
}

/// The big-endian 24-bit field at `offset`.
pub fn be24_at(bytes: &[u8], offset: usize) -> Result<u32, ParseError> {
    array_at::<3>(bytes, offset).map(|[high, middle, low]| u32::from_be_bytes([0, high, middle, low]))
}

/// The big-endian 32-bit field at `offset`.
pub fn be32_at(bytes: &[u8], offset: usize) -> Result<u32, ParseError> {
    array_at(bytes, offset).map(u32::from_be_bytes)
}

/// The big-endian 64-bit field at `offset`.
pub fn be64_at(bytes: &[u8], offset: usize) -> Result<u64, ParseError> {
    array_at(bytes, offset).map(u64::from_be_bytes)
}

/// The `N` bytes at `offset`.
pub fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], ParseError> {
    let too_short = ParseError::TooShort { needed: offset.saturating_add(N), found: bytes.len() };
    bytes.get(offset..).and_then(<[u8]>::first_chunk::<N>).copied().ok_or(too_short)
}

/// The bytes `offset..offset + length`, or as many of them as there are.
#[must_use]
pub fn clamp(bytes: &[u8], offset: usize, length: usize) -> &[u8] {
    let tail = bytes.get(offset..).unwrap_or(&[]);
    tail.get(..length).unwrap_or(tail)
}

/// The part of an answer that the big-endian 16-bit length at `offset` covers: everything up to and including the
/// length field and as many bytes more as it says, or all there are.
pub fn counted16(bytes: &[u8], offset: usize) -> Result<&[u8], ParseError> {
    let claimed = be16_at(bytes, offset)?;
    Ok(clamp(bytes, 0, offset.saturating_add(2).saturating_add(usize::from(claimed))))
}

/// The first `N` bytes, zeros in place of those that are missing; fewer than `minimum` are an error.
pub fn padded<const N: usize>(bytes: &[u8], minimum: usize) -> Result<[u8; N], ParseError> {
    if bytes.len() < minimum {
        return Err(ParseError::TooShort { needed: minimum, found: bytes.len() });
    }
    let mut block = [0; N];
    put(&mut block, 0, bytes);
    Ok(block)
}

/// Copies `source` to `target[offset..]` as far as both reach; returns the number of bytes copied.
pub fn put(target: &mut [u8], offset: usize, source: &[u8]) -> usize {
    let Some(room) = target.get_mut(offset..) else { return 0 };
    let length = room.len().min(source.len());
    match (room.get_mut(..length), source.get(..length)) {
        (Some(room), Some(source)) => {
            room.copy_from_slice(source);
            length
        }
        _ => 0,
    }
}

/// The value of the bits `low..low + width` of `byte`, `width` in 1..=8.
#[must_use]
pub const fn bits(byte: u8, low: u32, width: u32) -> u8 {
    let shifted = match byte.checked_shr(low) {
        Some(value) => value,
        None => 0,
    };
    let mask = match 0xFF_u8.checked_shr(8_u32.saturating_sub(width)) {
        Some(mask) => mask,
        None => 0,
    };
    shifted & mask
}

/// Whether bit `index` of `byte` is set.
#[must_use]
pub const fn bit(byte: u8, index: u32) -> bool {
    bits(byte, index, 1) != 0
}

/// `value` moved to bit `low` of a byte; bits that do not fit are lost.
#[must_use]
pub const fn field(value: u8, low: u32) -> u8 {
    match value.checked_shl(low) {
        Some(value) => value,
        None => 0,
    }
}

/// A byte with only bit `index` set if `on`.
#[must_use]
pub const fn flag(on: bool, index: u32) -> u8 {
    if on { field(1, index) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_checked_and_big_endian() {
        let bytes = [0x01, 0x02, 0x03, 0x04];
        assert_eq!(be16_at(&bytes, 1), Ok(0x0203));
        assert_eq!(be24_at(&bytes, 1), Ok(0x02_0304));
        assert_eq!(be32_at(&bytes, 0), Ok(0x0102_0304));
        assert_eq!(be32_at(&bytes, 1), Err(ParseError::TooShort { needed: 5, found: 4 }));
        assert_eq!(u8_at(&bytes, usize::MAX), Err(ParseError::TooShort { needed: usize::MAX, found: 4 }));
    }

    #[test]
    fn put_and_clamp_stop_at_the_end() {
        let mut target = [0_u8; 3];
        assert_eq!(put(&mut target, 1, &[7, 8, 9]), 2);
        assert_eq!(target, [0, 7, 8]);
        assert_eq!(put(&mut target, 9, &[1]), 0);
        assert_eq!(clamp(&target, 2, 5), &[8]);
        assert_eq!(clamp(&target, 9, 5), &[] as &[u8]);
    }

    #[test]
    fn counted_answers_end_where_their_length_says() {
        assert_eq!(counted16(&[0, 1, 7, 8], 0), Ok(&[0, 1, 7][..]));
        assert_eq!(counted16(&[9, 9, 0, 1, 7, 8], 2), Ok(&[9, 9, 0, 1, 7][..]));
        assert_eq!(counted16(&[0xFF, 0xFF, 7], 0), Ok(&[0xFF, 0xFF, 7][..]));
        assert_eq!(counted16(&[0], 0), Err(ParseError::TooShort { needed: 2, found: 1 }));
        assert_eq!(padded::<4>(&[1, 2], 2), Ok([1, 2, 0, 0]));
        assert_eq!(padded::<1>(&[1, 2], 0), Ok([1]));
        assert_eq!(padded::<4>(&[1, 2], 3), Err(ParseError::TooShort { needed: 3, found: 2 }));
    }

    #[test]
    fn bit_fields_round_trip() {
        assert_eq!(bits(0b1011_0110, 4, 3), 0b011);
        assert_eq!(bits(0xFF, 0, 8), 0xFF);
        assert_eq!(field(0b011, 4), 0b0011_0000);
        assert!(bit(0x80, 7) && !bit(0x80, 6));
        assert_eq!(flag(true, 7), 0x80);
    }
}
