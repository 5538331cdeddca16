//! Decisions drawn from the fuzzer's bytes.

/// Gives the bytes in order, from the start again when they are used up: a short input makes a drive that always says
/// the same.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Source<'a> {
    /// Draws from `bytes`; zeros if there are none.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at = (self.at + 1) % self.bytes.len().max(1);
        byte
    }

    /// The next four bytes.
    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// The next eight bytes.
    pub fn long(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        let high = usize::from(self.byte());
        let low = usize::from(self.byte());
        (high << 8 | low) % end
    }

    /// True one time in `times`.
    pub fn one_in(&mut self, times: u8) -> bool {
        self.byte().is_multiple_of(times)
    }

    /// One of `choices`.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Fills `target`.
    pub fn fill(&mut self, target: &mut [u8]) {
        target.iter_mut().for_each(|byte| *byte = self.byte());
    }
}
