//! The memory that one call may touch.

use scsi_cdb::bytes;

/// Largest scratch buffer, and the largest answer that is kept.
pub const SCRATCH_MAX: usize = 0x1_0000;

/// Buffers lent to the dispatcher for the length of one call.
#[derive(Debug)]
pub struct Buffers<'a> {
    /// Data of commands that do not go to the caller's pages: min(page-aligned maximum transfer, 64 KiB) bytes.
    ///
    /// Untouched between the step that asks for a command and the call that brings its outcome, except by the port.
    pub scratch: &'a mut [u8],
    /// The kept GET CONFIGURATION answer (all features), 64 KiB, same contents in every call.
    pub features: &'a mut [u8],
    /// The request's system buffer: max(input, output) bytes, input at the front, output over it.
    pub system: &'a mut [u8],
}

impl Buffers<'_> {
    /// Scratch bytes as a length that fits a command.
    #[must_use]
    pub fn scratch_length(&self) -> u32 {
        u32::try_from(self.scratch.len()).unwrap_or(u32::MAX)
    }

    /// The first `length` scratch bytes, or all there are.
    #[must_use]
    pub fn answer(&self, length: u32) -> &[u8] {
        bytes::clamp(self.scratch, 0, usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// Zeroes the first `length` scratch bytes.
    pub fn clear_scratch(&mut self, length: u32) {
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(self.scratch.len());
        if let Some(part) = self.scratch.get_mut(..length) {
            part.fill(0);
        }
    }
}
