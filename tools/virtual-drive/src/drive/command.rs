//! One command on its way through the drive: its fields, its data, its answer.

use std::cell::Cell;
use std::time::Duration;

use super::fault::{Failure, Fault};

/// What a handler gives.
pub(crate) type Outcome = Result<Answer, Failure>;

/// A command as a handler sees it.
#[derive(Debug)]
pub(crate) struct Command<'a> {
    /// The command descriptor block, filled up with zeros.
    cdb: [u8; 16],
    /// Data from the host.
    out: &'a [u8],
    /// Room for data at the host.
    room: usize,
    /// Bytes of `out` that the drive took.
    taken: Cell<usize>,
}

impl<'a> Command<'a> {
    /// The command of `cdb`, of which bytes beyond 16 are left out.
    pub(crate) fn new(cdb: &[u8], out: &'a [u8], room: usize) -> Self {
        let mut block = [0; 16];
        let length = cdb.len().min(block.len());
        block[..length].copy_from_slice(&cdb[..length]);
        Self { cdb: block, out, room, taken: Cell::new(0) }
    }

    /// Byte `offset` of the block; offsets are below 16 everywhere.
    pub(crate) const fn byte(&self, offset: usize) -> u8 {
        self.cdb[offset]
    }

    /// Bit `index` of byte `offset`.
    pub(crate) const fn bit(&self, offset: usize, index: u8) -> bool {
        self.cdb[offset] >> index & 1 != 0
    }

    /// The 16-bit field at `offset`.
    pub(crate) const fn be16(&self, offset: usize) -> u16 {
        u16::from_be_bytes([self.cdb[offset], self.cdb[offset + 1]])
    }

    /// The 24-bit field at `offset`.
    pub(crate) const fn be24(&self, offset: usize) -> u32 {
        u32::from_be_bytes([0, self.cdb[offset], self.cdb[offset + 1], self.cdb[offset + 2]])
    }

    /// The 32-bit field at `offset`.
    pub(crate) const fn be32(&self, offset: usize) -> u32 {
        u32::from_be_bytes([self.cdb[offset], self.cdb[offset + 1], self.cdb[offset + 2], self.cdb[offset + 3]])
    }

    /// The minute, second and frame at `offset`, as a logical block address; `None` when second or frame is too large.
    pub(crate) fn msf(&self, offset: usize) -> Option<i32> {
        let [minute, second, frame] = [self.cdb[offset], self.cdb[offset + 1], self.cdb[offset + 2]].map(i32::from);
        (second < 60 && frame < 75).then(|| (minute * 60 + second) * 75 + frame - 150)
    }

    /// Room for data at the host.
    pub(crate) const fn room(&self) -> usize {
        self.room
    }

    /// Takes the first `length` bytes of the data from the host.
    pub(crate) fn parameters(&self, length: usize) -> Result<&'a [u8], Failure> {
        self.taken.set(length.min(self.out.len()));
        self.out.get(..length).ok_or_else(|| Fault::ParameterListLength.into())
    }

    /// Bytes that the drive took from the host.
    pub(crate) const fn taken(&self) -> usize {
        self.taken.get()
    }
}

/// Data for the host and the time it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Data-in.
    pub(crate) data: Vec<u8>,
    /// Time beyond what every command takes.
    pub(crate) took: Duration,
}

impl Answer {
    /// GOOD without data.
    pub(crate) fn done() -> Self {
        Self::default()
    }

    /// GOOD without data after `took`.
    pub(crate) const fn after(took: Duration) -> Self {
        Self { data: Vec::new(), took }
    }

    /// `data` cut to an allocation length.
    pub(crate) fn cut(mut data: Vec<u8>, allocation_length: impl Into<u32>) -> Self {
        data.truncate(usize::try_from(allocation_length.into()).unwrap_or(usize::MAX));
        Self { data, took: Duration::ZERO }
    }
}

/// Puts the number of bytes that follow the first two in front of `body`.
pub(crate) fn with_length_16(body: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(body.len() + 2);
    data.extend_from_slice(&u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
    data.extend_from_slice(body);
    data
}

/// The minute, second and frame of a logical block address; minutes above 255 wrap, as drives do for DVD.
pub(crate) fn msf_of(lba: i32) -> [u8; 3] {
    let frames = u32::try_from(lba.saturating_add(150)).unwrap_or(0);
    [(frames / 4500) as u8, (frames / 75 % 60) as u8, (frames % 75) as u8]
}

/// A four-byte address field: the logical block address, or zero, minute, second and frame.
pub(crate) fn address_field(lba: i32, msf: bool) -> [u8; 4] {
    if msf {
        let [minute, second, frame] = msf_of(lba);
        [0, minute, second, frame]
    } else {
        lba.to_be_bytes()
    }
}
