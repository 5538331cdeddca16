//! How much one transfer may carry (io-path-and-errors.md 1.1).

/// Bytes in a page.
pub const PAGE_SIZE: u32 = 4096;

/// READ (10) counts blocks in 16 bits; a limit beyond that many pages could not be used.
const MOST: u32 = 0x0400_0000;

/// What the adapter can move at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferLimits {
    /// Bytes to or from a page-aligned buffer.
    pub aligned: u32,
    /// Bytes to or from any other buffer.
    pub unaligned: u32,
    /// AlignmentMask: bits that must be 0 in a buffer address.
    pub alignment_mask: u32,
}

impl TransferLimits {
    /// The limits of an adapter with these fields of `STORAGE_ADAPTER_DESCRIPTOR`.
    #[must_use]
    pub fn new(maximum_transfer: u32, maximum_pages: u32, alignment_mask: u32) -> Self {
        let bytes = |pages: u32| pages.saturating_mul(PAGE_SIZE).min(maximum_transfer).clamp(PAGE_SIZE, MOST);
        let fewer = if maximum_pages > 1 { maximum_pages.saturating_sub(1) } else { maximum_pages };
        Self { aligned: bytes(maximum_pages), unaligned: bytes(fewer), alignment_mask }
    }

    /// The limit for a buffer at `address`.
    #[must_use]
    pub const fn for_address(&self, address: u64) -> u32 {
        if address & 0xFFF == 0 { self.aligned } else { self.unaligned }
    }

    /// Size of the scratch buffer.
    #[must_use]
    pub fn scratch_length(&self) -> u32 {
        self.aligned.min(0x1_0000)
    }
}

impl Default for TransferLimits {
    /// A typical ATAPI adapter: 64 KiB, 17 pages, word alignment.
    fn default() -> Self {
        Self::new(0x1_0000, 17, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_follow_pages_and_length() {
        for (length, pages, aligned, unaligned) in [
            (0x1_0000, 17, 0x1_0000, 0x1_0000),
            (0x1_0000, 16, 0x1_0000, 0xF000),
            (0x2_0000, 17, 0x1_1000, 0x1_0000),
            (0, 0, 0x1000, 0x1000),
            (u32::MAX, u32::MAX, 0x0400_0000, 0x0400_0000),
            (0x1_0000, 1, 0x1000, 0x1000),
        ] {
            let limits = TransferLimits::new(length, pages, 0);
            assert_eq!((limits.aligned, limits.unaligned), (aligned, unaligned), "{length:#x} {pages}");
        }
    }
}
