//! Address space reserved for one machine: two regions over one memory file.
//!
//! A memory file (rather than anonymous memory) lets a page be mapped twice, and lets neighbouring mappings of equal
//! protection merge again after a block was freed, so that the number of mappings stays with the number of live
//! blocks. The regions lie at fixed addresses below which the user's memory and above which the system's is found;
//! each machine of the process has a slot of its own in both.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a page.
pub(crate) const PAGE: usize = 4096;

/// The first address of system space; every address of a user's memory is below.
pub const SYSTEM_START: usize = 0x0400_0000_0000;

const USER_START: usize = 0x0100_0000_0000;
const SLOT_SIZE: usize = 0x8_0000_0000;
const SLOTS: u32 = 64;

static SLOTS_IN_USE: AtomicU64 = AtomicU64::new(0);

/// What may be done with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    None,
    Read,
    ReadWrite,
    ReadExecute,
    ReadWriteExecute,
}

impl Protection {
    fn bits(self) -> libc::c_int {
        match self {
            Self::None => libc::PROT_NONE,
            Self::Read => libc::PROT_READ,
            Self::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
            Self::ReadExecute => libc::PROT_READ | libc::PROT_EXEC,
            Self::ReadWriteExecute => libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC,
        }
    }

    /// Whether an access is allowed.
    pub(crate) fn allows(self, write: bool) -> bool {
        match self {
            Self::None => false,
            Self::Read | Self::ReadExecute => !write,
            Self::ReadWrite | Self::ReadWriteExecute => true,
        }
    }
}

/// Which of the two regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    User,
    System,
}

struct Region {
    base: usize,
    next: usize,
}

/// The reserved address space.
pub(crate) struct Arena {
    file: libc::c_int,
    slot: u32,
    user: Region,
    system: Region,
}

impl Arena {
    pub(crate) fn new() -> Self {
        let slot = take_slot();
        // SAFETY: the name is a C string; the call touches no memory of ours.
        let file = unsafe { libc::memfd_create(c"nt-machine".as_ptr(), libc::MFD_CLOEXEC) };
        assert!(file >= 0, "memfd_create: {}", std::io::Error::last_os_error());
        // SAFETY: resizes our own file.
        let resized = unsafe { libc::ftruncate64(file, 2 * SLOT_SIZE as i64) };
        assert_eq!(resized, 0, "ftruncate: {}", std::io::Error::last_os_error());
        let region = |start: usize, offset: usize| {
            let base = start + slot as usize * SLOT_SIZE;
            let flags = libc::MAP_FIXED_NOREPLACE | libc::MAP_NORESERVE;
            map(base, SLOT_SIZE, Protection::None, flags, file, offset);
            Region { base, next: base + PAGE }
        };
        Self { file, slot, user: region(USER_START, 0), system: region(SYSTEM_START, SLOT_SIZE) }
    }

    /// Takes fresh address space of whole pages, with an inaccessible page at either end.
    pub(crate) fn reserve(&mut self, space: Space, size: usize) -> usize {
        let region = match space {
            Space::User => &mut self.user,
            Space::System => &mut self.system,
        };
        let start = region.next;
        region.next = start + size + PAGE;
        assert!(region.next <= region.base + SLOT_SIZE, "the machine's address space is used up");
        start
    }

    /// Whether the address lies in this machine's address space.
    pub(crate) fn contains(&self, address: usize) -> bool {
        [&self.user, &self.system].iter().any(|region| (region.base..region.base + SLOT_SIZE).contains(&address))
    }

    /// Changes what may be done with whole pages.
    pub(crate) fn protect(&self, address: usize, size: usize, protection: Protection) {
        debug_assert!(self.contains(address) && self.contains(address + size - 1));
        protect(address, size, protection);
    }

    /// Gives the bytes of whole pages back; they read as zero if ever mapped again.
    pub(crate) fn discard(&self, address: usize, size: usize) {
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        // SAFETY: works on our own file, in whole pages that hold no live block.
        let result = unsafe { libc::fallocate64(self.file, mode, self.offset_of(address) as i64, size as i64) };
        assert_eq!(result, 0, "fallocate: {}", std::io::Error::last_os_error());
    }

    /// Maps the bytes behind `source` a second time, at reserved address space `target`.
    pub(crate) fn alias(&self, target: usize, source: usize, size: usize) {
        map(target, size, Protection::ReadWrite, libc::MAP_FIXED, self.file, self.offset_of(source));
    }

    /// Makes aliased address space inaccessible, and its own again.
    pub(crate) fn unalias(&self, target: usize, size: usize) {
        map(target, size, Protection::None, libc::MAP_FIXED | libc::MAP_NORESERVE, self.file, self.offset_of(target));
    }

    /// Where in the file the bytes of an address are, aliases apart.
    fn offset_of(&self, address: usize) -> usize {
        if address >= self.system.base { address - self.system.base + SLOT_SIZE } else { address - self.user.base }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        for region in [&self.user, &self.system] {
            // SAFETY: the region was mapped by `new`; no reference into it outlives its machine.
            unsafe { libc::munmap(region.base as *mut c_void, SLOT_SIZE) };
        }
        // SAFETY: our own descriptor, closed once.
        unsafe { libc::close(self.file) };
        SLOTS_IN_USE.fetch_and(!(1 << self.slot), Ordering::AcqRel);
    }
}

fn take_slot() -> u32 {
    let taken = SLOTS_IN_USE.fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
        let slot = used.trailing_ones();
        (slot < SLOTS).then(|| used | 1 << slot)
    });
    taken.expect("too many machines at a time").trailing_ones()
}

fn map(address: usize, size: usize, protection: Protection, flags: i32, file: libc::c_int, offset: usize) {
    // SAFETY: the range is either free (NOREPLACE) or lies in address space that the arena reserved.
    let result = unsafe {
        libc::mmap64(address as *mut c_void, size, protection.bits(), libc::MAP_SHARED | flags, file, offset as i64)
    };
    assert_eq!(result as usize, address, "mmap: {}", std::io::Error::last_os_error());
}

/// Changes the protection of pages in an arena of this process.
pub(crate) fn protect(address: usize, size: usize, protection: Protection) {
    // SAFETY: the range lies in address space that an arena reserved, so no memory of the host changes.
    let result = unsafe { libc::mprotect(address as *mut c_void, size, protection.bits()) };
    assert_eq!(result, 0, "mprotect: {}", std::io::Error::last_os_error());
}
