//! The region of an RPC-II drive (MMC-6 6.29.3.1.8 and 6.37.3.1.4).

use super::Drive;
use super::fault::{Failure, Fault};

/// User changes of a new drive.
const USER_CHANGES: u8 = 5;
/// Vendor resets of a new drive.
const VENDOR_RESETS: u8 = 4;
/// Region playback control scheme: phase II.
const PHASE_II: u8 = 1;

/// Region and how often it can still be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RegionState {
    /// A zero bit for the drive's region; all ones when none is set.
    mask: u8,
    user_changes: u8,
}

impl Default for RegionState {
    fn default() -> Self {
        Self { mask: 0xFF, user_changes: USER_CHANGES }
    }
}

impl RegionState {
    /// Sets `region` (1 to 8) and spends a user change.
    pub(crate) const fn set(&mut self, region: u8) {
        self.mask = !(1 << (region.wrapping_sub(1) & 7));
        self.user_changes = self.user_changes.saturating_sub(1);
    }

    /// Whether a disc with this region mask (a set bit forbids) may be played: it is for all regions, or for ours.
    pub(crate) const fn allows(self, disc_mask: u8) -> bool {
        disc_mask == 0 || !self.mask & !disc_mask != 0
    }

    /// Type code: no region, set, last change left, permanent.
    const fn type_code(self) -> u8 {
        match (self.mask, self.user_changes) {
            (0xFF, _) => 0,
            (_, 0) => 3,
            (_, 1) => 2,
            _ => 1,
        }
    }

    /// The RPC state as REPORT KEY gives it: type, vendor resets and user changes; mask; scheme.
    pub(crate) const fn report(self) -> [u8; 4] {
        [self.type_code() << 6 | VENDOR_RESETS << 3 | self.user_changes, self.mask, PHASE_II, 0]
    }
}

impl Drive {
    /// SEND KEY format 6: one region, that of the disc in the drive; five changes in all.
    pub(crate) fn set_region(&mut self, mask: u8) -> Result<(), Failure> {
        if mask.count_zeros() != 1 {
            return Err(Fault::InvalidFieldInParameterList.into());
        }
        let disc = self.ready_disc()?;
        let wanted = RegionState { mask, ..self.region };
        if disc.css.is_some_and(|css| !wanted.allows(css.region_mask)) {
            return Err(Fault::RegionMismatch.into());
        }
        if self.region.mask == mask {
            return Ok(());
        }
        if self.region.user_changes == 0 {
            return Err(Fault::RegionPermanent.into());
        }
        self.region = RegionState { mask, user_changes: self.region.user_changes - 1 };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, disc, hex};

    const GET: &str = "A4 00 00 00 00 00 00 00 00 08 08 00";
    const SET: &str = "A3 00 00 00 00 00 00 00 00 08 06 00";

    fn set(bench: &mut Bench, mask: u8) -> (u8, u8, u8) {
        bench.send_sense(SET, &[0, 6, 0, 0, mask, 0, 0, 0])
    }

    #[test]
    fn five_changes_and_no_more() {
        let mut bench = Bench::ready("dvdrom-css", Some(disc("dvd-rom-dl")));
        assert_eq!(bench.data(GET), hex("00 06 00 00 25 FF 01 00"));
        let states = ["64 FE", "63 FD", "62 FE", "A1 FD", "E0 FE"];
        for state in states {
            let state = hex(state);
            assert_eq!(set(&mut bench, state[1]), (0, 0, 0));
            assert_eq!(bench.data(GET)[4..6], state);
        }
        assert_eq!(set(&mut bench, 0xFE), (0, 0, 0));
        assert_eq!(set(&mut bench, 0xFD), (5, 0x6F, 5));
        bench.drive.power_on();
        assert_eq!(bench.sense(GET), (6, 0x29, 0));
        assert_eq!(bench.data(GET)[4..6], [0xE0, 0xFE]);
    }

    #[test]
    fn the_region_must_be_one_of_the_disc() {
        let mut bench = Bench::ready("dvdrom-css", Some(disc("dvd-rom")));
        assert_eq!(set(&mut bench, 0xFB), (5, 0x6F, 4));
        assert_eq!(set(&mut bench, 0xFC), (5, 0x26, 0));
        assert_eq!(set(&mut bench, 0xFD), (0, 0, 0));
        assert_eq!(bench.send_sense(SET, &[0, 6]), (5, 0x1A, 0));
        let mut empty = Bench::ready("dvdrom-css", None);
        assert_eq!(set(&mut empty, 0xFD), (2, 0x3A, 1));
        assert_eq!(empty.data(GET)[4], 0x25);
    }
}
