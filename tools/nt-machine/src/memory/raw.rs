//! Address space without a block's books: stacks, images, the processor's page, call stubs.

use std::collections::BTreeMap;
use std::ffi::c_void;

use super::{PAGE, Protection, Space, with};

/// A named range of whole pages.
#[derive(Clone, Debug)]
struct Extent {
    length: usize,
    name: String,
    /// Protections, by offset of the first page that has them.
    protections: BTreeMap<usize, Protection>,
}

/// All extents by their first page.
#[derive(Default)]
pub(super) struct Extents(BTreeMap<usize, Extent>);

impl Extents {
    /// Whether every page of the range allows the access.
    pub(super) fn allow(&self, start: usize, end: usize, write: bool) -> bool {
        let Some((&base, extent)) = self.0.range(..=start).next_back() else { return false };
        end <= base + extent.length
            && (start & !(PAGE - 1)..end).step_by(PAGE).all(|page| {
                let protection = extent.protections.range(..=page - base).next_back();
                protection.is_some_and(|(_, protection)| protection.allows(write))
            })
    }
}

/// Reserves inaccessible address space of whole pages in system space.
pub(crate) fn reserve(name: &str, size: usize) -> usize {
    let length = size.next_multiple_of(PAGE);
    with(|memory| {
        let start = memory.arena.reserve(Space::System, length);
        let protections = BTreeMap::from([(0, Protection::None)]);
        memory.extents.0.insert(start, Extent { length, name: name.to_owned(), protections });
        start
    })
}

/// Sets the protection of whole pages inside one extent.
pub(crate) fn protect_extent(address: usize, size: usize, protection: Protection) {
    let size = size.next_multiple_of(PAGE);
    with(|memory| {
        memory.arena.protect(address, size, protection);
        let (&base, extent) = memory.extents.0.range_mut(..=address).next_back().expect("an extent");
        let (from, to) = (address - base, address - base + size);
        let after = extent.protections.range(..=to).next_back().map_or(Protection::None, |found| *found.1);
        extent.protections.retain(|&offset, _| offset < from || offset > to);
        extent.protections.insert(from, protection);
        if to < extent.length {
            extent.protections.insert(to, after);
        }
    });
}

/// Zeroed memory that may be read and written, until the machine ends.
pub(crate) fn raw(name: &str, size: usize) -> usize {
    let start = reserve(name, size);
    protect_extent(start, size, Protection::ReadWrite);
    start
}

/// A page of executable code, until the machine ends.
pub(crate) fn code(name: &str, bytes: &[u8]) -> usize {
    let start = raw(name, bytes.len());
    // SAFETY: the page was just made writable, is long enough and known to nobody else.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start as *mut u8, bytes.len()) };
    protect_extent(start, bytes.len(), Protection::ReadExecute);
    start
}

/// Renames an extent.
pub(crate) fn name_extent(start: usize, name: &str) {
    with(|memory| {
        if let Some(extent) = memory.extents.0.get_mut(&start) {
            name.clone_into(&mut extent.name);
        }
    });
}

/// The name and the first address of the extent that holds the address.
pub(crate) fn extent_of(address: usize) -> Option<(String, usize)> {
    with(|memory| {
        let (&start, extent) = memory.extents.0.range(..=address).next_back()?;
        (address < start + extent.length).then(|| (extent.name.clone(), start))
    })
}

/// Whether memory outside of the machine can be read, as the system sees it.
pub(super) fn host_access(address: usize, size: usize) -> bool {
    let first = address & !(PAGE - 1);
    (first..address + size).step_by(PAGE).all(|page| {
        let mut byte = 0_u8;
        let local = libc::iovec { iov_base: (&raw mut byte).cast::<c_void>(), iov_len: 1 };
        let remote = libc::iovec { iov_base: page.max(address) as *mut c_void, iov_len: 1 };
        // SAFETY: getpid has no preconditions.
        let own = unsafe { libc::getpid() };
        // SAFETY: writes one byte to `byte`; the kernel checks the remote address and fails instead of faulting.
        let read = unsafe { libc::process_vm_readv(own, &raw const local, 1, &raw const remote, 1, 0) };
        read == 1
    })
}
