//! The machine's source of choices: a small generator seeded by the run (splitmix64).

use std::cell::Cell;

thread_local! {
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// Restarts the sequence.
pub(crate) fn seed(seed: u64) {
    STATE.set(seed);
}

/// The next 64 bits of the run's sequence.
pub fn next() -> u64 {
    let state = STATE.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
    STATE.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// A number below `bound`; 0 when the bound is 0.
pub fn below(bound: u64) -> u64 {
    ((u128::from(next()) * u128::from(bound)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_its_own_sequence() {
        seed(1);
        let first: Vec<u64> = (0..8).map(|_| next()).collect();
        seed(1);
        assert_eq!(first, (0..8).map(|_| next()).collect::<Vec<_>>());
        seed(2);
        assert_ne!(first, (0..8).map(|_| next()).collect::<Vec<_>>());
        assert!((0..1000).map(|_| below(7)).all(|number| number < 7));
        assert_eq!(below(0), 0);
    }
}
