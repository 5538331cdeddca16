//! Addresses on a compact disc: logical blocks and minute, second, frame.

/// Frames (sectors) in a second of a CD.
pub const FRAMES_PER_SECOND: u32 = 75;

/// Seconds in a minute of a CD address.
pub const SECONDS_PER_MINUTE: u32 = 60;

/// Frames between absolute time zero and logical block 0 (MMC-6 table 703).
pub const LBA_OFFSET: i32 = 150;

/// A logical block address; negative in the lead-in and in the first pregap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lba(pub i32);

/// An absolute CD address: minute, second 0..=59, frame 0..=74, each in binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Msf {
    /// Minute.
    pub minute: u8,
    /// Second.
    pub second: u8,
    /// Frame.
    pub frame: u8,
}

impl Msf {
    /// The address `minute:second:frame`; fields are taken as they are.
    #[must_use]
    pub const fn new(minute: u8, second: u8, frame: u8) -> Self {
        Self { minute, second, frame }
    }

    /// Frames since absolute time zero.
    #[must_use]
    pub fn frames(self) -> u32 {
        u32::from(self.minute)
            .saturating_mul(SECONDS_PER_MINUTE)
            .saturating_add(u32::from(self.second))
            .saturating_mul(FRAMES_PER_SECOND)
            .saturating_add(u32::from(self.frame))
    }

    /// The address `frames` after absolute time zero; `None` beyond minute 255.
    #[must_use]
    pub fn from_frames(frames: u32) -> Option<Self> {
        let seconds = frames.checked_div(FRAMES_PER_SECOND)?;
        Some(Self {
            minute: u8::try_from(seconds.checked_div(SECONDS_PER_MINUTE)?).ok()?,
            second: u8::try_from(seconds.checked_rem(SECONDS_PER_MINUTE)?).ok()?,
            frame: u8::try_from(frames.checked_rem(FRAMES_PER_SECOND)?).ok()?,
        })
    }

    /// The logical block at this address, counted on from 00:02:00 = block 0.
    #[must_use]
    pub fn to_lba(self) -> Lba {
        Lba(i32::try_from(self.frames()).unwrap_or(i32::MAX).saturating_sub(LBA_OFFSET))
    }
}

impl Lba {
    /// The absolute address of this block; blocks below -150 count back from 100:00:00 (MMC-6 table 703).
    #[must_use]
    pub fn to_msf(self) -> Option<Msf> {
        let offset = if self.0 < LBA_OFFSET.saturating_neg() { 450_150 } else { LBA_OFFSET };
        Msf::from_frames(u32::try_from(self.0.checked_add(offset)?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn msf_and_lba_are_150_frames_apart() {
        assert_eq!(Msf::new(0, 2, 0).to_lba(), Lba(0));
        assert_eq!(Msf::new(0, 0, 0).to_lba(), Lba(-150));
        assert_eq!(Lba(0).to_msf(), Some(Msf::new(0, 2, 0)));
        assert_eq!(Lba(-150).to_msf(), Some(Msf::new(0, 0, 0)));
        assert_eq!(Lba(-151).to_msf(), Some(Msf::new(99, 59, 74)));
        assert_eq!(Lba(i32::MAX).to_msf(), None);
    }

    #[test]
    fn frames_round_trip() {
        for frames in [0, 1, 74, 75, 4499, 4500, 449_999] {
            assert_eq!(Msf::from_frames(frames).map(Msf::frames), Some(frames));
        }
    }
}
