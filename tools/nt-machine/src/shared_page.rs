//! The page that the kernel shares with everyone (KUSER_SHARED_DATA): times, as inline functions of the headers read
//! them. It lies at an address that no process can have; loads from it fault and are carried out.

use crate::time;

/// Where the page is.
pub(crate) const START: usize = 0xFFFF_F780_0000_0000;
pub(crate) const SIZE: usize = 0x1000;

/// 100-ns units between two clock ticks.
const TICK: i64 = 156_250;

mod offset {
    pub const TICK_COUNT_MULTIPLIER: usize = 0x04;
    pub const INTERRUPT_TIME: usize = 0x08;
    pub const SYSTEM_TIME: usize = 0x14;
    pub const TICK_COUNT: usize = 0x320;
}

/// Milliseconds of a tick, as a fraction of 2^24.
const TICK_COUNT_MULTIPLIER: u32 = 0x0FA0_0000;

/// Whether the address is in the page.
pub(crate) fn contains(address: usize) -> bool {
    (START..START + SIZE).contains(&address)
}

/// The bytes at an address of the page, as a number.
pub(crate) fn load(address: usize, size: usize) -> Option<u64> {
    let offset = address.checked_sub(START)?;
    let page = page();
    let bytes = page.get(offset..offset.checked_add(size)?).filter(|bytes| bytes.len() <= 8)?;
    let mut wide = [0; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Some(u64::from_le_bytes(wide))
}

/// The page as it is now.
pub(crate) fn page() -> [u8; SIZE] {
    let mut page = [0; SIZE];
    page[offset::TICK_COUNT_MULTIPLIER..][..4].copy_from_slice(&TICK_COUNT_MULTIPLIER.to_le_bytes());
    let ticks = time::now() / TICK;
    let times = [
        (offset::INTERRUPT_TIME, time::now()),
        (offset::SYSTEM_TIME, time::system_time()),
        (offset::TICK_COUNT, ticks),
    ];
    for (offset, time) in times {
        // A time is low part, high part, and the high part again.
        page[offset..][..8].copy_from_slice(&time.to_le_bytes());
        page[offset + 8..][..4].copy_from_slice(&((time >> 32) as u32).to_le_bytes());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_where_the_headers_look() {
        assert_eq!(load(START + 0x14, 8), Some(time::system_time() as u64));
        assert_eq!(load(START + 0x320, 4), Some((time::now() / TICK) as u64));
        assert_eq!(load(START + 0xFFC, 8), None);
    }
}
