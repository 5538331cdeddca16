//! Sector size and capacity, as READ CAPACITY last told (io-path-and-errors.md 1.2).

use scsi_cdb::bytes::{be32_at, put};

/// Capacity in bytes while none is known.
pub const FALLBACK_CAPACITY: u64 = 0x7FFF_FFFF;

const DEFAULT_SHIFT: u32 = 11;
const SECTORS_PER_CYLINDER: u64 = 2048;

/// What the last READ CAPACITY gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Geometry {
    /// READ CAPACITY has been tried since the start.
    known: bool,
    shift: u32,
    sectors: u64,
    failed: bool,
    removed: bool,
}

impl Geometry {
    /// Takes the answer of a READ CAPACITY (10): `Ok` of a command that succeeded, `Err` with what came of one that
    /// failed. Bytes that did not come are 0.
    ///
    /// A block length that is no power of two is rounded down to one; 0 and lengths outside 512..=65536 count as a
    /// failure: 2048 bytes and [`FALLBACK_CAPACITY`]. Cylinders are counted from the bytes that came in any case.
    pub fn update(&mut self, answer: Result<&[u8], &[u8]>) {
        if self.removed {
            return;
        }
        let (Ok(came) | Err(came)) = answer;
        let mut bytes = [0; 8];
        put(&mut bytes, 0, came);
        let [last, block_length] = [0, 4].map(|offset| be32_at(&bytes, offset).unwrap_or(0));
        let shift = block_length.checked_ilog2().unwrap_or(0);
        self.known = true;
        self.failed = answer.is_err() || !(9..=16).contains(&shift) || block_length > 0x1_0000;
        self.shift = if self.failed { DEFAULT_SHIFT } else { shift };
        self.sectors = u64::from(last).saturating_add(1);
    }

    /// The device is gone: no capacity, for good. The rest stays as it was.
    pub const fn remove(&mut self) {
        self.removed = true;
    }

    /// Bytes per sector for reads and writes: 2048 before the first answer.
    #[must_use]
    pub fn block_length(&self) -> u32 {
        1_u32.checked_shl(self.shift()).unwrap_or(2048)
    }

    /// BytesPerSector as geometry structures report it: 0 before the first answer.
    #[must_use]
    pub fn bytes_per_sector(&self) -> u32 {
        if self.known { self.block_length() } else { 0 }
    }

    /// Base-2 logarithm of the sector size.
    #[must_use]
    pub const fn shift(&self) -> u32 {
        if self.known { self.shift } else { DEFAULT_SHIFT }
    }

    /// PartitionLength: the capacity in bytes.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        match (self.known, self.removed, self.failed) {
            (false, ..) | (_, true, _) => 0,
            (_, _, true) => FALLBACK_CAPACITY,
            _ => self.sectors.checked_shl(self.shift).unwrap_or(FALLBACK_CAPACITY),
        }
    }

    /// Cylinders of 64 tracks with 32 sectors.
    #[must_use]
    pub fn cylinders(&self) -> u64 {
        self.sectors.checked_div(SECTORS_PER_CYLINDER).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(last: u32, block_length: u32) -> Geometry {
        let mut geometry = Geometry::default();
        let mut answer = [0; 8];
        answer[..4].copy_from_slice(&last.to_be_bytes());
        answer[4..].copy_from_slice(&block_length.to_be_bytes());
        geometry.update(Ok(&answer));
        geometry
    }

    #[test]
    fn block_lengths_are_rounded_down_and_bounded() {
        for (told, used, capacity) in [
            (2048, 2048, 2048 * 100),
            (2352, 2048, 2048 * 100),
            (512, 512, 51_200),
            (0x1_0000, 0x1_0000, 0x64_0000),
            (0, 2048, FALLBACK_CAPACITY),
            (1, 2048, FALLBACK_CAPACITY),
            (0x1_0001, 2048, FALLBACK_CAPACITY),
            (0x8000_0000, 2048, FALLBACK_CAPACITY),
        ] {
            let geometry = after(99, told);
            assert_eq!((geometry.block_length(), geometry.capacity()), (used, capacity), "{told}");
        }
    }

    #[test]
    fn the_last_block_address_does_not_wrap() {
        let geometry = after(u32::MAX, 2048);
        assert_eq!(geometry.capacity(), 0x1_0000_0000 << 11);
        assert_eq!(geometry.cylinders(), 0x20_0000);
    }

    #[test]
    fn bytes_that_did_not_come_are_zero() {
        let mut geometry = Geometry::default();
        geometry.update(Ok(&[0, 0, 0x7F, 0xFF, 0, 0, 8]));
        assert_eq!((geometry.capacity(), geometry.cylinders()), (0x8000 * 2048, 16));
        geometry.update(Ok(&[0, 0, 0x7F, 0xFF, 0, 0]));
        assert_eq!((geometry.capacity(), geometry.cylinders()), (FALLBACK_CAPACITY, 16));
    }

    #[test]
    fn a_failure_has_the_cylinders_of_the_bytes_that_came_with_it() {
        let mut geometry = Geometry::default();
        for (bytes, cylinders) in
            [(&[0, 0, 0x7F, 0xFF, 0, 0, 8, 0][..], 16), (&[0, 0, 0x0F, 0xFF], 2), (&[0, 0, 0x08], 1), (&[], 0)]
        {
            geometry.update(Err(bytes));
            assert_eq!((geometry.capacity(), geometry.block_length()), (FALLBACK_CAPACITY, 2048));
            assert_eq!(geometry.cylinders(), cylinders, "{bytes:02X?}");
        }
    }

    #[test]
    fn failure_and_removal() {
        let mut geometry = Geometry::default();
        assert_eq!((geometry.capacity(), geometry.bytes_per_sector(), geometry.block_length()), (0, 0, 2048));
        geometry.update(Err(&[]));
        assert_eq!(
            (geometry.capacity(), geometry.bytes_per_sector(), geometry.cylinders()),
            (FALLBACK_CAPACITY, 2048, 0)
        );
        let mut geometry = after(0x7FFF, 512);
        geometry.remove();
        geometry.update(Err(&[]));
        assert_eq!(geometry.capacity(), 0, "a geometry request after removal brings no capacity back");
        assert_eq!((geometry.bytes_per_sector(), geometry.cylinders()), (512, 16), "the rest is as it was");
    }
}
