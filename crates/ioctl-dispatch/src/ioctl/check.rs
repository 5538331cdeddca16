//! The checks that a request passes on arrival, as data.

use scsi_cdb::bytes;

use crate::ntstatus::NtStatus;
use crate::request::Request;

/// What a check may look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The request.
    pub request: &'a Request,
    /// The input bytes: at most InputBufferLength, at most what the system buffer holds.
    pub input: &'a [u8],
    /// AlignmentMask of the adapter.
    pub alignment_mask: u32,
    /// The drive is a DVD drive (feature 001F at start).
    pub is_dvd: bool,
    /// The drive knows AACS (feature 010D at start).
    pub is_aacs: bool,
    /// The drive answers GET CONFIGURATION.
    pub is_mmc: bool,
    /// Bytes that a transfer to a page-aligned and to another buffer may have.
    pub transfer_limits: (u32, u32),
    /// Last known capacity in bytes.
    pub capacity: u64,
    /// Scratch buffer size in bytes.
    pub scratch_length: u32,
    /// The mounted-device interface is registered.
    pub has_mounted_interface: bool,
}

impl Facts<'_> {
    /// The little-endian u32 at `offset` of the input; 0 where the input is too short.
    #[must_use]
    pub fn u32_at(&self, offset: usize) -> u32 {
        bytes::array_at(self.input, offset).map(u32::from_le_bytes).unwrap_or(0)
    }

    /// The little-endian u64 at `offset` of the input; 0 where the input is too short.
    #[must_use]
    pub fn u64_at(&self, offset: usize) -> u64 {
        bytes::array_at(self.input, offset).map(u64::from_le_bytes).unwrap_or(0)
    }

    /// The byte at `offset` of the input; 0 where the input is too short.
    #[must_use]
    pub fn u8_at(&self, offset: usize) -> u8 {
        bytes::u8_at(self.input, offset).unwrap_or(0)
    }
}

/// How a failed check answers: status and Information.
pub type Rejection = (NtStatus, u32);

/// One check. Checks run in the order of a row; the first that fails answers.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// InputBufferLength is not 0, else BUFFER_TOO_SMALL with Information 0 (the framework's rule).
    InputPresent,
    /// InputBufferLength is at least this, else the status.
    InputAtLeast(u32, NtStatus),
    /// InputBufferLength is exactly this, else the status.
    InputExactly(u32, NtStatus),
    /// OutputBufferLength is at least this, else BUFFER_TOO_SMALL with this Information.
    OutputAtLeast(u32),
    /// As [`Self::OutputAtLeast`], with Information 0.
    OutputAtLeastSilently(u32),
    /// OutputBufferLength is at most this, else the status.
    OutputAtMost(u32, NtStatus),
    /// OutputBufferLength has no bit of the adapter's alignment mask, else INVALID_PARAMETER.
    OutputAligned,
    /// A DVD drive, else INVALID_DEVICE_REQUEST.
    Dvd,
    /// An AACS drive, else INVALID_DEVICE_REQUEST.
    Aacs,
    /// The u32 at this input offset is at most this, else INVALID_PARAMETER.
    U32AtMost(usize, u32),
    /// A rule of its own.
    Rule(fn(&Facts<'_>) -> Result<(), Rejection>),
}

impl Check {
    /// Runs the check.
    ///
    /// # Errors
    /// Status and Information of the answer.
    pub fn run(&self, facts: &Facts<'_>) -> Result<(), Rejection> {
        let input = facts.request.input_length;
        let output = facts.request.output_length;
        let (pass, rejection) = match *self {
            Self::InputPresent => (input != 0, (NtStatus::BUFFER_TOO_SMALL, 0)),
            Self::InputAtLeast(least, status) => (input >= least, (status, 0)),
            Self::InputExactly(length, status) => (input == length, (status, 0)),
            Self::OutputAtLeast(least) => (output >= least, (NtStatus::BUFFER_TOO_SMALL, least)),
            Self::OutputAtLeastSilently(least) => (output >= least, (NtStatus::BUFFER_TOO_SMALL, 0)),
            Self::OutputAtMost(most, status) => (output <= most, (status, 0)),
            Self::OutputAligned => (output & facts.alignment_mask == 0, (NtStatus::INVALID_PARAMETER, 0)),
            Self::Dvd => (facts.is_dvd, (NtStatus::INVALID_DEVICE_REQUEST, 0)),
            Self::Aacs => (facts.is_aacs, (NtStatus::INVALID_DEVICE_REQUEST, 0)),
            Self::U32AtMost(offset, most) => (facts.u32_at(offset) <= most, (NtStatus::INVALID_PARAMETER, 0)),
            Self::Rule(rule) => return rule(facts),
        };
        if pass { Ok(()) } else { Err(rejection) }
    }
}
