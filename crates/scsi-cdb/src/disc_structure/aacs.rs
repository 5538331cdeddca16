//! Structures of AACS, formats 80 to 86, on BD and HD DVD alike.

use crate::bytes::be32_at;
use crate::layout::{Be32, Raw};

/// Bytes of a pack of a media key block; all but the last are full.
pub const PACK_LENGTH: usize = 32_768;

record! {
    /// Formats 80, 81 and 82 and a binding nonce: 16 bytes and the code that authenticates them.
    pub struct AuthenticatedId: 32 {
        /// Volume identifier, media serial number, media identifier or nonce.
        id: [u8; 16] = Raw(0),
        /// Message authentication code.
        mac: [u8; 16] = Raw(16),
    }
}

record! {
    /// Format 84: data keys, encrypted with the bus key.
    pub struct DataKeys: 32 {
        /// For reading.
        read: [u8; 16] = Raw(0),
        /// For writing.
        write: [u8; 16] = Raw(16),
    }
}

record! {
    /// An extent of format 85: blocks that the drive encrypts on the bus.
    pub struct LbaExtent: 16 {
        /// First block.
        start: u32 = Be32(8),
        /// Number of blocks.
        blocks: u32 = Be32(12),
    }
}

/// The extents of format 85; `body` is the answer without its header.
pub fn lba_extents(body: &[u8]) -> impl Iterator<Item = LbaExtent> + Clone + '_ {
    body.chunks_exact(LbaExtent::LENGTH).filter_map(|bytes| LbaExtent::parse(bytes).ok())
}

/// A record of a media key block: type, length and data, headers included in the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MkbRecord<'a> {
    /// Type of the record; 0x10 type and version, 0x02 end of block.
    pub kind: u8,
    /// What follows the four bytes of its header.
    pub data: &'a [u8],
}

/// The records of a media key block from its start, as long as their lengths make sense.
pub fn mkb_records(block: &[u8]) -> impl Iterator<Item = MkbRecord<'_>> + Clone {
    let mut rest = block;
    core::iter::from_fn(move || {
        let [kind, a, b, c] = *rest.first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok().filter(|length| *length >= 4)?;
        let (record, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(MkbRecord { kind, data: record.get(4..)? })
    })
}

/// The version of a media key block, from its first record.
#[must_use]
pub fn mkb_version(block: &[u8]) -> Option<u32> {
    let record = mkb_records(block).next().filter(|record| record.kind == 0x10)?;
    be32_at(record.data, 4).ok()
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::test_support::{hex, total};

    /// MMC-6 6.22, formats 80 to 82 and 85.
    #[test]
    fn identifiers_and_extents_are_read() {
        let bytes = hex("000102030405060708090A0B0C0D0E0F 101112131415161718191A1B1C1D1E1F");
        let id = AuthenticatedId::parse(&bytes).unwrap();
        assert_eq!((id.id[15], id.mac[0]), (0x0F, 0x10));
        assert_eq!(id.to_bytes(), bytes[..]);
        let body = hex("0000000000000000 00000100 00000020 0000000000000000 00000200 00000001 EE");
        let extents: Vec<_> = lba_extents(&body).map(|extent| (extent.start, extent.blocks)).collect();
        assert_eq!(extents, [(256, 32), (512, 1)]);
    }

    /// AACS common book: type and version record, then end of block.
    #[test]
    fn media_key_block_is_walked() {
        let block = hex("10 00000C 00031003 00000044  02 000008 11223344  00 000000");
        assert_eq!(mkb_version(&block), Some(0x44));
        let kinds: Vec<_> = mkb_records(&block).map(|record| (record.kind, record.data.len())).collect();
        assert_eq!(kinds, [(0x10, 8), (0x02, 4)]);
        assert_eq!(mkb_version(&block[..11]), None);
    }

    #[test]
    fn any_bytes_are_handled() {
        total(|bytes| mkb_records(bytes).map(|record| record.data.len()).sum::<usize>());
        total(mkb_version);
        total(|bytes| lba_extents(bytes).count());
    }
}
