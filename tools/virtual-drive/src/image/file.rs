//! Sectors in a file, read on demand.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use crate::disc::{SectorForm, SectorSource};

/// A file that several runs of sectors share.
pub(super) type SharedFile = Arc<Mutex<File>>;

/// Sectors one after the other in a part of a file.
#[derive(Debug)]
pub(super) struct FileSource {
    /// The file.
    pub file: SharedFile,
    /// What each sector is.
    pub form: SectorForm,
    /// The byte where sector 0 begins.
    pub offset: u64,
    /// The byte where the part ends; what a last sector lacks is zero.
    pub end: u64,
    /// Whether the two bytes of each audio sample are exchanged.
    pub swapped: bool,
}

impl SectorSource for FileSource {
    fn form(&self) -> SectorForm {
        self.form
    }

    fn read(&self, index: u64, out: &mut [u8]) -> io::Result<()> {
        let size = self.form.size() as u64;
        let start = index.checked_mul(size).and_then(|bytes| self.offset.checked_add(bytes));
        let start = start.filter(|start| *start < self.end).ok_or(io::ErrorKind::UnexpectedEof)?;
        let present = usize::try_from(self.end - start).unwrap_or(usize::MAX).min(out.len());
        let (given, rest) = out.split_at_mut(present);
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(given)?;
        }
        rest.fill(0);
        if self.swapped {
            out.chunks_exact_mut(2).for_each(|sample| sample.swap(0, 1));
        }
        Ok(())
    }
}
