//! Memory descriptor lists: the real structure with its array of pages, locks and mappings.

mod exports;

use std::cell::RefCell;

use nt_machine::findings::{self, Rule};
use nt_machine::memory::{self, Kind};

use crate::layout::{
    MDL, MDL_ALLOCATED_FIXED_SIZE, MDL_IO_PAGE_READ, MDL_IO_SPACE, MDL_MAPPED_TO_SYSTEM_VA, MDL_PAGES_LOCKED,
    MDL_PARTIAL, MDL_PARTIAL_HAS_BEEN_MAPPED, MDL_SOURCE_IS_NONPAGED_POOL, MDL_WRITE_OPERATION, PVOID,
};
use crate::ledger::{Ledger, Left};
use crate::{get, put, raw, status};

pub(crate) use exports::EXPORTS;

const PAGE: usize = 0x1000;

/// What pages are locked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// `IoReadAccess`: the device reads from memory.
    Read,
    /// `IoWriteAccess` and `IoModifyAccess`: it also writes.
    Write,
}

/// The mapping in system space that was made through a list, not through the one that it is a part of.
#[derive(Clone, Copy, Default)]
enum Mapping {
    #[default]
    None,
    /// A second mapping of the pages.
    View(usize),
    /// The pages' own place: stacks and images are in system space already.
    Same,
}

#[derive(Default)]
struct Known {
    mapping: Mapping,
    /// Memory of a driver (`MmInitializeMdl`), not made by [`allocate`].
    foreign: bool,
}

thread_local! {
    static MDLS: RefCell<Ledger<Known>> = const { RefCell::new(Ledger::new()) };
}

pub(crate) fn reset() {
    MDLS.replace(Ledger::new());
}

/// Pages that `length` bytes at `address` touch.
#[must_use]
pub const fn pages(address: usize, length: usize) -> usize {
    (address % PAGE + length).div_ceil(PAGE)
}

/// Whether this is an MDL; one that a driver made in memory of its own becomes known.
fn check(list: *mut MDL) {
    if MDLS.with_borrow(|all| all.contains(list as usize)) {
        return;
    }
    let gone = memory::lookup(list as usize).is_some_and(|block| block.freed_by.is_some());
    if gone || !memory::access(list as usize, size_of::<MDL>(), true) {
        let text = format!("{} is no MDL", crate::describe(list as usize));
        findings::fatal(if gone { Rule::UseAfterFree } else { Rule::BadArgument }, "Mdl", text);
    }
    MDLS.with_borrow_mut(|all| all.insert(list as usize, Known { foreign: true, ..Known::default() }));
}

/// Memory of a driver is freed: MDLs that it made there end.
pub(crate) fn check_freed(start: usize, size: usize) {
    for at in MDLS.with_borrow(|all| all.within(start, size)) {
        let list = at as *mut MDL;
        if flags(list) & MDL_PAGES_LOCKED != 0 && flags(list) & MDL_PARTIAL == 0 {
            findings::report(Rule::Leak, "P", "memory of an MDL was freed while its pages are locked");
        }
        unmap_own(list);
        MDLS.with_borrow_mut(|all| all.remove(at));
    }
}

fn flags(list: *mut MDL) -> i16 {
    get!(list, MdlFlags)
}

fn change_flags(list: *mut MDL, clear: i16, set: i16) {
    put!(list, MdlFlags, flags(list) & !clear | set);
}

/// The first byte described.
#[must_use]
pub fn address(list: *mut MDL) -> *mut u8 {
    get!(list, StartVa).cast::<u8>().wrapping_add(get!(list, ByteOffset) as usize)
}

/// Makes an MDL for `length` bytes at `address`. It is the caller's, to be freed with [`free`].
#[must_use]
pub fn allocate(address: *mut u8, length: u32) -> *mut MDL {
    let count = pages(address as usize, length as usize);
    let size = size_of::<MDL>() + count * size_of::<usize>();
    let list = memory::allocate(Kind::Object, size, 8, u32::from_le_bytes(*b"Mdl "), "MDL").cast::<MDL>();
    raw::fill(list.cast(), 0, size);
    put!(list, Size, size.min(i16::MAX as usize) as i16);
    describe_range(list, address, length);
    MDLS.with_borrow_mut(|all| all.insert(list as usize, Known::default()));
    list
}

fn describe_range(list: *mut MDL, address: *mut u8, length: u32) {
    put!(list, StartVa, (address as usize & !(PAGE - 1)) as PVOID);
    put!(list, ByteOffset, (address as usize % PAGE) as u32);
    put!(list, ByteCount, length);
}

/// Frees an MDL, and the mapping of a partial one.
pub fn free(list: *mut MDL) {
    check(list);
    if MDLS.with_borrow(|all| all.get(list as usize).is_some_and(|known| known.foreign)) {
        findings::report(Rule::BadArgument, "Mdl", "IoFreeMdl on an MDL that IoAllocateMdl did not make");
        return;
    }
    if flags(list) & MDL_PAGES_LOCKED != 0 && flags(list) & MDL_PARTIAL == 0 {
        findings::report(Rule::Leak, "Mdl", "an MDL was freed while its pages are locked");
    }
    unmap_own(list);
    MDLS.with_borrow_mut(|all| all.remove(list as usize));
    memory::free(list.cast());
}

/// Frees all MDLs of an IRP.
pub(crate) fn free_chain(list: *mut MDL) {
    let mut list = list;
    while !list.is_null() {
        let next = get!(list, Next);
        free(list);
        list = next;
    }
}

/// Unlocks all MDLs of an IRP that are locked.
pub(crate) fn unlock_chain(list: *mut MDL) {
    let mut list = list;
    while !list.is_null() {
        if flags(list) & MDL_PAGES_LOCKED != 0 && flags(list) & MDL_PARTIAL == 0 {
            unlock(list);
        }
        list = get!(list, Next);
    }
}

/// Page numbers stand for nothing in the host; they are the addresses' own, so that equal pages have equal numbers.
fn fill_frames(list: *mut MDL) {
    let first = get!(list, StartVa) as usize / PAGE;
    let frames = list.wrapping_add(1).cast::<usize>();
    for page in 0..pages(address(list) as usize, get!(list, ByteCount) as usize) {
        raw::write(frames.wrapping_add(page), first + page);
    }
}

/// Describes memory that is never paged.
pub fn build_nonpaged(list: *mut MDL) {
    check(list);
    let start = address(list) as usize;
    match memory::lookup(start) {
        Some(block) if matches!(block.kind, Kind::PagedPool | Kind::User) => {
            let text = format!("MmBuildMdlForNonPagedPool over {}", block.describe());
            findings::report(Rule::BadArgument, "Mdl", text);
        }
        _ => {}
    }
    judge_range(list);
    fill_frames(list);
    change_flags(list, 0, MDL_SOURCE_IS_NONPAGED_POOL);
    put!(list, MappedSystemVa, address(list).cast());
    put!(list, Process, core::ptr::null_mut());
}

fn judge_range(list: *mut MDL) {
    let (start, length) = (address(list) as usize, get!(list, ByteCount) as usize);
    if !memory::access(start, length, false) {
        let text = format!("{length} bytes at {} are not all there", crate::describe(start));
        findings::report(Rule::BadArgument, "Mdl", text);
    }
}

/// Locks the pages described. `user`: they must be a program's.
///
/// # Errors
/// `ACCESS_VIOLATION`, which `MmProbeAndLockPages` raises.
pub fn probe_and_lock(list: *mut MDL, user: bool, operation: Lock) -> Result<(), i32> {
    check(list);
    let (start, length) = (address(list) as usize, get!(list, ByteCount) as usize);
    if flags(list) & (MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL) != 0 {
        findings::report(Rule::BadArgument, "Mdl", "MmProbeAndLockPages on an MDL that is locked or built already");
    }
    if length == 0 {
        findings::report(Rule::BadArgument, "Mdl", "MmProbeAndLockPages on an MDL of no bytes");
    }
    let foreign = user && start.saturating_add(length) > memory::SYSTEM_START;
    if foreign || !memory::access(start, length, operation == Lock::Write) {
        return Err(status::ACCESS_VIOLATION);
    }
    fill_frames(list);
    let write = if operation == Lock::Write { MDL_WRITE_OPERATION } else { 0 };
    change_flags(list, MDL_WRITE_OPERATION, MDL_PAGES_LOCKED | write);
    put!(list, Process, crate::system::process());
    Ok(())
}

/// Unlocks the pages, and takes their mapping away.
pub fn unlock(list: *mut MDL) {
    check(list);
    if flags(list) & MDL_PARTIAL != 0 {
        findings::report(Rule::BadArgument, "Mdl", "MmUnlockPages on a partial MDL");
        return;
    }
    if flags(list) & MDL_PAGES_LOCKED == 0 {
        findings::report(Rule::BadArgument, "Mdl", "MmUnlockPages on an MDL whose pages are not locked");
        return;
    }
    unmap_own(list);
    change_flags(list, MDL_PAGES_LOCKED | MDL_WRITE_OPERATION, 0);
}

/// The address in system space: the one there is, or a new mapping.
#[must_use]
pub fn map(list: *mut MDL) -> *mut u8 {
    check(list);
    let now = flags(list);
    if now & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL) != 0 {
        return get!(list, MappedSystemVa).cast();
    }
    if now & (MDL_PAGES_LOCKED | MDL_PARTIAL) == 0 {
        findings::report(Rule::BadArgument, "Mdl", "an MDL was mapped whose pages are not locked");
    }
    let own = address(list);
    let in_block = memory::lookup(own as usize).is_some_and(|block| block.kind != Kind::Stack);
    let view = if in_block { memory::view(own, get!(list, ByteCount) as usize) } else { own };
    if view.is_null() {
        return view;
    }
    MDLS.with_borrow_mut(|all| {
        if let Some(known) = all.get_mut(list as usize) {
            known.mapping = if in_block { Mapping::View(view as usize) } else { Mapping::Same };
        }
    });
    let partial = if now & MDL_PARTIAL == 0 { 0 } else { MDL_PARTIAL_HAS_BEEN_MAPPED };
    change_flags(list, 0, MDL_MAPPED_TO_SYSTEM_VA | partial);
    put!(list, MappedSystemVa, view.cast());
    view
}

/// Takes the mapping away that was made through this list.
fn unmap_own(list: *mut MDL) {
    let mapping =
        MDLS.with_borrow_mut(|all| all.get_mut(list as usize).map(|known| core::mem::take(&mut known.mapping)));
    match mapping {
        None | Some(Mapping::None) => return,
        Some(Mapping::View(view)) => _ = memory::unview(view as *mut u8),
        Some(Mapping::Same) => {}
    }
    change_flags(list, MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED, 0);
    put!(list, MappedSystemVa, core::ptr::null_mut());
}

/// Takes a mapping away.
pub fn unmap(list: *mut MDL) {
    check(list);
    if flags(list) & MDL_SOURCE_IS_NONPAGED_POOL != 0 {
        findings::report(Rule::BadArgument, "Mdl", "MmUnmapLockedPages on an MDL of nonpaged pool");
        return;
    }
    if flags(list) & MDL_MAPPED_TO_SYSTEM_VA == 0 {
        findings::report(Rule::BadArgument, "Mdl", "MmUnmapLockedPages on an MDL that is not mapped");
        return;
    }
    unmap_own(list);
}

/// Makes `target` describe a part of what `source` describes.
pub fn build_partial(source: *mut MDL, target: *mut MDL, start: *mut u8, length: u32) {
    check(source);
    check(target);
    let from = (start as usize).wrapping_sub(address(source) as usize);
    let available = get!(source, ByteCount) as usize;
    if from > available || length as usize > available - from {
        findings::fatal(Rule::BadArgument, "VirtualAddress", "a part that is not within the MDL");
    }
    let length = if length == 0 { (available - from) as u32 } else { length };
    let room = get!(target, Size) as usize;
    if size_of::<MDL>() + pages(start as usize, length as usize) * size_of::<usize>() > room {
        findings::fatal(Rule::BugCheck, "TargetMdl", "the MDL has too few pages (TARGET_MDL_TOO_SMALL)");
    }
    describe_range(target, start, length);
    let inherited =
        flags(source) & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL | MDL_IO_PAGE_READ | MDL_IO_SPACE);
    put!(target, MdlFlags, flags(target) & MDL_ALLOCATED_FIXED_SIZE | MDL_PARTIAL | inherited);
    put!(target, Process, get!(source, Process));
    fill_frames(target);
    let mapped = get!(source, MappedSystemVa).cast::<u8>();
    let own = if mapped.is_null() { mapped } else { mapped.wrapping_add(from) };
    put!(target, MappedSystemVa, own.cast());
}

/// MDLs that exist still, with what else is held through them.
pub(crate) fn left() -> Vec<Left> {
    let lists: Vec<_> = MDLS
        .with_borrow(|all| all.in_order().into_iter().map(|(at, known)| (at, known.mapping, known.foreign)).collect());
    lists
        .into_iter()
        .filter(|&(at, _, foreign)| !foreign || flags(at as *mut MDL) & MDL_PAGES_LOCKED != 0)
        .map(|(at, mapping, _)| {
            let list = at as *mut MDL;
            let locked = if flags(list) & MDL_PAGES_LOCKED == 0 { "" } else { ", pages locked" };
            let mapped = if matches!(mapping, Mapping::None) { "" } else { ", mapped" };
            let what = format!("MDL of {} bytes{locked}{mapped}", get!(list, ByteCount));
            Left { what, site: MDLS.with_borrow(|all| all.site(at)) }
        })
        .collect()
}

#[cfg(test)]
mod tests;
