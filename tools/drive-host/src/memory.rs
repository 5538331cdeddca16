//! The buffers of a request, as the I/O manager would give them to the driver.

use drive_formats::results::{Ended, FILL};
use ioctl_dispatch::request::Mdl;

/// Where system buffers seem to lie: pool memory at a page's start.
const SYSTEM_ADDRESS: u64 = 0xFFFF_A000_0000_1000;

/// Where callers' pages seem to lie.
const CALLER_ADDRESS: u64 = 0x0000_0200_0001_0000;

/// The buffers of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// System buffer: input at the front, output over it.
    pub system: Vec<u8>,
    /// The caller's pages, for direct I/O.
    pub pages: Option<Pages>,
    before: Vec<u8>,
    output_length: usize,
}

/// A caller's buffer that a memory descriptor list describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pages {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Where in a page it starts.
    pub offset: u32,
}

impl Memory {
    /// METHOD_BUFFERED: one buffer of the longer length, the input in front.
    #[must_use]
    pub fn buffered(input: &[u8], output_length: u32) -> Self {
        let output_length = to_usize(output_length);
        let mut system = vec![FILL; input.len().max(output_length)];
        system[..input.len()].copy_from_slice(input);
        Self { before: system.clone(), system, pages: None, output_length }
    }

    /// METHOD_OUT_DIRECT: the input in a system buffer, the output in the caller's pages.
    #[must_use]
    pub fn out_direct(input: &[u8], output_length: u32, offset: u32) -> Self {
        let bytes = vec![FILL; to_usize(output_length)];
        Self {
            system: input.to_vec(),
            before: bytes.clone(),
            output_length: bytes.len(),
            pages: (!bytes.is_empty()).then_some(Pages { bytes, offset: offset & 0xFFF }),
        }
    }

    /// The caller's pages of a read.
    #[must_use]
    pub fn for_read(length: u32, offset: u32) -> Self {
        Self::out_direct(&[], length, offset)
    }

    /// The caller's pages of a write.
    #[must_use]
    pub fn for_write(data: Vec<u8>, offset: u32) -> Self {
        let pages = Some(Pages { bytes: data, offset: offset & 0xFFF });
        Self { system: Vec::new(), before: Vec::new(), output_length: 0, pages }
    }

    /// Address of the system buffer; 0 if there is none.
    #[must_use]
    pub fn system_address(&self) -> u64 {
        if self.system.is_empty() { 0 } else { SYSTEM_ADDRESS }
    }

    /// The memory descriptor list of the caller's pages.
    #[must_use]
    pub fn mdl(&self) -> Option<Mdl> {
        self.pages.as_ref().map(|pages| Mdl {
            address: CALLER_ADDRESS + u64::from(pages.offset),
            byte_count: u32::try_from(pages.bytes.len()).unwrap_or(u32::MAX),
        })
    }

    /// The buffer that the caller gets back, whole.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        match &self.pages {
            Some(pages) => &pages.bytes[..self.output_length],
            None => &self.system[..self.output_length.min(self.system.len())],
        }
    }

    /// The buffers of a request that ended so.
    #[must_use]
    pub fn ended(&self, status: u32, information: u64) -> Ended<'_> {
        let now = self.pages.as_ref().map_or(&self.system, |pages| &pages.bytes);
        Ended { status, information, before: &self.before, now, output_length: self.output_length }
    }
}

fn to_usize(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use drive_formats::results::changed;

    #[test]
    fn buffered_memory_has_the_input_in_front() {
        let mut memory = Memory::buffered(&[1, 2, 3], 5);
        assert_eq!(memory.system, [1, 2, 3, FILL, FILL]);
        memory.system[0] = 9;
        memory.system[4] = 0;
        assert_eq!(memory.output(), [9, 2, 3, FILL, 0]);
        let ended = memory.ended(0, 1);
        assert_eq!((ended.returned(), changed(ended.before, ended.now, 1)), (&[9][..], vec![(4, &[0][..])]));
        assert_eq!(Memory::buffered(&[1, 2, 3], 1).output(), [1]);
        assert_eq!(Memory::buffered(&[], 0).system_address(), 0);
    }

    #[test]
    fn direct_memory_lies_in_the_callers_pages() {
        let memory = Memory::out_direct(&[1], 4, 16);
        assert_eq!((memory.system.as_slice(), memory.output()), (&[1][..], &[FILL; 4][..]));
        assert_eq!(memory.mdl().map(|mdl| (mdl.address & 0xFFF, mdl.byte_count)), Some((16, 4)));
        assert_eq!(Memory::out_direct(&[], 0, 0).mdl(), None);
        assert!(Memory::for_write(vec![1, 2], 0).output().is_empty());
    }
}
