//! Where the bytes of sectors come from.

use std::fmt::Debug;
use std::io;

/// What a source holds of each sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SectorForm {
    /// 2048 bytes of user data: Mode 1, or Mode 2 Form 1 in an XA track.
    User2048,
    /// 2324 bytes of user data of Mode 2 Form 2.
    Form2User2324,
    /// 2336 bytes: all that follows the header of a Mode 2 sector.
    Mode2Body2336,
    /// 2352 bytes: the whole main channel, audio or data.
    Raw2352,
    /// 2352 bytes of main channel and 96 bytes of sub-channels R to W, one symbol a byte.
    RawWithSub2448,
}

impl SectorForm {
    /// Bytes of one sector.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::User2048 => 2048,
            Self::Form2User2324 => 2324,
            Self::Mode2Body2336 => 2336,
            Self::Raw2352 => 2352,
            Self::RawWithSub2448 => 2448,
        }
    }

    /// The form with `size` bytes a sector.
    #[must_use]
    pub const fn from_size(size: usize) -> Option<Self> {
        Some(match size {
            2048 => Self::User2048,
            2324 => Self::Form2User2324,
            2336 => Self::Mode2Body2336,
            2352 => Self::Raw2352,
            2448 => Self::RawWithSub2448,
            _ => return None,
        })
    }
}

/// Sectors by number, each of the same form.
pub trait SectorSource: Debug + Send + Sync {
    /// What each sector holds.
    fn form(&self) -> SectorForm;

    /// Fills `out`, which has the size of [`form`](Self::form), with sector `index`.
    ///
    /// # Errors
    /// When the bytes cannot be had, for example because the image file was cut after it was opened.
    fn read(&self, index: u64, out: &mut [u8]) -> io::Result<()>;
}

/// Sectors given by a function of their number; nothing is stored.
#[derive(Clone, Copy, Debug)]
pub struct Formula {
    form: SectorForm,
    fill: fn(index: u64, out: &mut [u8]),
}

impl Formula {
    /// Sectors of `form`, each filled by `fill` (the buffer is zero before).
    #[must_use]
    pub const fn new(form: SectorForm, fill: fn(index: u64, out: &mut [u8])) -> Self {
        Self { form, fill }
    }
}

impl SectorSource for Formula {
    fn form(&self) -> SectorForm {
        self.form
    }

    fn read(&self, index: u64, out: &mut [u8]) -> io::Result<()> {
        out.fill(0);
        (self.fill)(index, out);
        Ok(())
    }
}

/// Sectors in memory.
#[derive(Clone, Debug)]
pub struct Memory {
    form: SectorForm,
    bytes: Vec<u8>,
}

impl Memory {
    /// Sectors of `form`, one after the other in `bytes`; the last is filled up with zeros.
    #[must_use]
    pub const fn new(form: SectorForm, bytes: Vec<u8>) -> Self {
        Self { form, bytes }
    }
}

impl SectorSource for Memory {
    fn form(&self) -> SectorForm {
        self.form
    }

    fn read(&self, index: u64, out: &mut [u8]) -> io::Result<()> {
        out.fill(0);
        let start = usize::try_from(index).ok().and_then(|index| index.checked_mul(self.form.size()));
        let stored = start.and_then(|start| self.bytes.get(start..)).unwrap_or_default();
        let len = stored.len().min(out.len());
        out[..len].copy_from_slice(&stored[..len]);
        Ok(())
    }
}
