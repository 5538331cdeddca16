//! Mutations of inputs, the same for the same seed.

/// A xorshift generator (Marsaglia's 64-bit triple 13, 7, 17): speed and repeatability are all that is asked of it.
#[derive(Clone, Debug)]
pub struct Mutator {
    state: u64,
}

/// Bytes that parsers are tempted to get wrong.
const TELLING: [u8; 12] = [0x00, 0x01, 0x02, 0x03, 0x04, 0x07, 0x08, 0x10, 0x7F, 0x80, 0xFE, 0xFF];

impl Mutator {
    /// A generator with that seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed ^ 0x9E37_79B9_7F4A_7C15 }
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    /// A number below `end`; 0 for 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % end.max(1)
    }

    /// A changed copy of `input`, with parts of `other` now and then; at most `most` bytes.
    pub fn mutate(&mut self, input: &[u8], other: &[u8], most: usize) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(4) {
            self.mutate_once(&mut bytes, other);
        }
        bytes.truncate(most);
        bytes
    }

    fn mutate_once(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len());
        let end = at + self.below(bytes.len() - at + 1);
        match self.below(8) {
            0 => bytes.truncate(at),
            1 => bytes.extend((0..=self.below(64)).map(|_| self.next().to_le_bytes()[7]).collect::<Vec<_>>()),
            2 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            3 => drop(bytes.drain(at..end)),
            4 => {
                let from = self.below(other.len());
                let part = &other[from..(from + self.below(32)).min(other.len())];
                bytes.splice(at..at, part.iter().copied());
            }
            5 => {
                let telling = TELLING[self.below(TELLING.len())];
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = telling;
                }
            }
            6 => {
                let bit = 1 << self.below(8);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= bit;
                }
            }
            _ => {
                let random = self.next().to_le_bytes()[7];
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_mutations_and_another_seed_others() {
        let of = |seed| {
            let mut mutator = Mutator::new(seed);
            (0..100).map(|_| mutator.mutate(b"some input", b"another", 32)).collect::<Vec<_>>()
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert!(of(1).iter().all(|bytes| bytes.len() <= 32));
        assert!(of(1).iter().any(|bytes| bytes.len() > 10) && of(1).iter().any(|bytes| bytes.len() < 10));
    }
}
