//! Pool: guarded blocks with tags, counted so that the n-th allocation can be made to fail.

use std::cell::{Cell, RefCell};

use nt_machine::call::Export;
use nt_machine::findings::{self, Rule};
use nt_machine::irql::{APC, DISPATCH};
use nt_machine::memory::{self, Kind};

use crate::exports::function;
use crate::layout::PVOID;
use crate::ledger::Ledger;
use crate::{raw, sync};

const PAGE: usize = 0x1000;

const POOL_FLAG_UNINITIALIZED: u64 = 0x2;
const POOL_FLAG_CACHE_ALIGNED: u64 = 0x8;
const POOL_FLAG_RAISE_ON_FAILURE: u64 = 0x20;
const POOL_FLAG_NON_PAGED: u64 = 0x40;
const POOL_FLAG_NON_PAGED_EXECUTE: u64 = 0x80;
const POOL_FLAG_PAGED: u64 = 0x100;
/// Flags from here up are optional: unknown ones are ignored.
const POOL_FLAG_OPTIONAL_START: u64 = 1 << 32;

/// A block that somebody holds.
struct Held {
    tag: u32,
    size: usize,
}

thread_local! {
    static HELD: RefCell<Ledger<Held>> = const { RefCell::new(Ledger::new()) };
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static FAIL: Cell<Option<u64>> = const { Cell::new(None) };
}

pub(crate) fn reset() {
    HELD.replace(Ledger::new());
    COUNT.set(0);
    FAIL.set(None);
}

/// Makes the `nth` allocation from now on fail, counted from 1; `None` lets all succeed. The count starts anew.
pub fn set_failure(nth: Option<u64>) {
    COUNT.set(0);
    FAIL.set(nth);
}

/// Allocations since the last [`set_failure`].
#[must_use]
pub fn count() -> u64 {
    COUNT.get()
}

/// Counts one allocation on behalf of a driver and tells whether it succeeds. Whoever allocates something for a driver
/// that may fail for lack of memory asks here first, so that the n-th failure covers it too.
#[must_use]
pub fn try_charge() -> bool {
    COUNT.set(COUNT.get() + 1);
    FAIL.get() != Some(COUNT.get())
}

/// Allocates a block for a driver; null when this allocation was chosen to fail. The content is not initialised.
#[must_use]
pub fn allocate(paged: bool, size: usize, tag: u32) -> *mut u8 {
    if is_possible(size) { allocate_always(paged, size, tag, alignment(size, 8)) } else { core::ptr::null_mut() }
}

/// No driver gets more at once than this.
const LARGEST: usize = 1 << 28;

/// Whether this allocation succeeds.
fn is_possible(size: usize) -> bool {
    try_charge() && size <= LARGEST
}

/// The alignment of a block that may not give more away than `least`: the largest up to 16 that its size is a multiple of,
/// so that the block ends where its pages do. A structure's size is a multiple of its alignment, so what needs 16 has it.
pub(crate) fn alignment(size: usize, least: usize) -> usize {
    (1 << size.trailing_zeros().min(4)).max(least)
}

fn allocate_always(paged: bool, size: usize, tag: u32, align: usize) -> *mut u8 {
    let kind = if paged { Kind::PagedPool } else { Kind::NonPagedPool };
    // Pool blocks of a page and more start on a page.
    let align = if size >= PAGE { PAGE } else { align };
    let block = memory::allocate(kind, size, align, tag, &format!("pool block {}", tag_name(tag)));
    HELD.with_borrow_mut(|held| held.insert(block as usize, Held { tag, size }));
    block
}

/// Frees a block of [`allocate`], of a driver's own allocation, or another one of the machine's that drivers put things
/// in. What is armed or queued in it, or waited for, is a finding.
pub fn free(block: *mut u8) {
    HELD.with_borrow_mut(|held| held.remove(block as usize));
    if let Some(live) = memory::lookup(block as usize).filter(|live| live.freed_by.is_none()) {
        sync::check_freed(live.address, live.size);
    }
    memory::free(block);
}

/// What is held still, for the check at unload.
pub(crate) fn held() -> Vec<(usize, String)> {
    HELD.with_borrow(|held| {
        let text = |entry: &Held| format!("{} bytes with tag {}", entry.size, tag_name(entry.tag));
        held.in_order().into_iter().map(|(address, entry)| (address, text(entry))).collect()
    })
}

/// A tag as text: `'CdRm'`.
#[must_use]
pub fn tag_name(tag: u32) -> String {
    let text: String = tag.to_le_bytes().iter().map(|&b| if b.is_ascii_graphic() { b as char } else { '.' }).collect();
    format!("'{text}'")
}

fn check_irql(paged: bool) {
    if paged && nt_machine::irql::current() > APC {
        findings::report(Rule::Irql, "PoolType", "paged pool above APC_LEVEL");
    }
}

extern "win64" fn allocate_pool_with_tag(kind: u32, size: usize, tag: u32) -> PVOID {
    let paged = kind & 1 != 0;
    check_irql(paged);
    if size == 0 {
        findings::report(Rule::BadArgument, "NumberOfBytes", "an allocation of no bytes");
    }
    if tag == 0 {
        findings::report(Rule::BadArgument, "Tag", "an allocation with tag 0");
    }
    allocate(paged, size, tag).cast()
}

extern "win64" fn allocate_pool(kind: u32, size: usize) -> PVOID {
    allocate_pool_with_tag(kind, size, u32::from_le_bytes(*b"None"))
}

extern "win64" fn allocate_pool_with_priority(kind: u32, size: usize, tag: u32, _priority: u32) -> PVOID {
    allocate_pool_with_tag(kind, size, tag)
}

extern "win64" fn allocate_pool2(flags: u64, size: usize, tag: u32) -> PVOID {
    let kinds = flags & (POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED);
    let known = 0x3FF;
    if tag == 0 || kinds.count_ones() != 1 || flags & (POOL_FLAG_OPTIONAL_START - 1) & !known != 0 {
        findings::report(Rule::BadArgument, "Flags", format_args!("flags {flags:#x} with tag {}", tag_name(tag)));
        return core::ptr::null_mut();
    }
    let paged = kinds == POOL_FLAG_PAGED;
    check_irql(paged);
    if size == 0 {
        findings::report(Rule::BadArgument, "NumberOfBytes", "an allocation of no bytes");
    }
    if !is_possible(size) {
        if flags & POOL_FLAG_RAISE_ON_FAILURE != 0 {
            crate::exception::raise(crate::status::INSUFFICIENT_RESOURCES);
        }
        return core::ptr::null_mut();
    }
    let align = if flags & POOL_FLAG_CACHE_ALIGNED != 0 { 64 } else { alignment(size, 8) };
    let block = allocate_always(paged, size, tag, align);
    if flags & POOL_FLAG_UNINITIALIZED == 0 {
        raw::fill(block, 0, size);
    }
    block.cast()
}

extern "win64" fn allocate_pool3(flags: u64, size: usize, tag: u32, _parameters: PVOID, _count: u32) -> PVOID {
    allocate_pool2(flags, size, tag)
}

extern "win64" fn free_pool_with_tag(block: PVOID, tag: u32) {
    let known = HELD.with_borrow(|held| held.get(block as usize).map(|entry| entry.tag));
    if let Some(own) = known
        && tag != 0
        && own != tag
    {
        let text = format!("block with tag {} freed with tag {}", tag_name(own), tag_name(tag));
        findings::report(Rule::BadArgument, "Tag", text);
    }
    if known.is_some() && memory::lookup(block as usize).is_some_and(|found| found.kind == Kind::PagedPool) {
        check_irql(true);
    }
    free(block.cast());
}

extern "win64" fn free_pool(block: PVOID) {
    free_pool_with_tag(block, 0);
}

extern "win64" fn free_pool2(block: PVOID, tag: u32, _parameters: PVOID, _count: u32) {
    free_pool_with_tag(block, tag);
}

pub(crate) const EXPORTS: &[Export] = &[
    function("ExAllocatePool", DISPATCH, allocate_pool as *const ()),
    function("ExAllocatePoolWithTag", DISPATCH, allocate_pool_with_tag as *const ()),
    function("ExAllocatePoolWithQuotaTag", DISPATCH, allocate_pool_with_tag as *const ()),
    function("ExAllocatePoolWithTagPriority", DISPATCH, allocate_pool_with_priority as *const ()),
    function("ExAllocatePool2", DISPATCH, allocate_pool2 as *const ()),
    function("ExAllocatePool3", DISPATCH, allocate_pool3 as *const ()),
    function("ExFreePool", DISPATCH, free_pool as *const ()),
    function("ExFreePoolWithTag", DISPATCH, free_pool_with_tag as *const ()),
    function("ExFreePool2", DISPATCH, free_pool2 as *const ()),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, found};

    const TAG: u32 = u32::from_le_bytes(*b"CdRm");

    #[test]
    fn the_chosen_allocation_fails_whoever_makes_it() {
        clean(|| {
            set_failure(Some(3));
            let first = allocate(false, 8, TAG);
            assert!(!first.is_null() && try_charge());
            assert!(allocate_pool2(POOL_FLAG_NON_PAGED, 8, TAG).is_null());
            let fourth = allocate_pool2(POOL_FLAG_PAGED, 8, TAG);
            assert_eq!((count(), raw::bytes(fourth.cast(), 8)), (4, vec![0; 8]));
            free(first);
            free(fourth.cast());
            set_failure(None);
            assert_eq!(count(), 0);
            assert!(allocate(false, usize::MAX, TAG).is_null());
            crate::check_at_unload();
        });
    }

    #[test]
    fn wrong_use_is_found() {
        found(Rule::BadArgument, "with tag 'CdRm' freed with tag 'None'", || {
            free_pool_with_tag(allocate(false, 8, TAG).cast(), u32::from_le_bytes(*b"None"));
        });
        found(Rule::BadArgument, "no bytes", || _ = allocate_pool_with_tag(0, 0, TAG));
        found(Rule::BadArgument, "flags 0x140", || _ = allocate_pool2(POOL_FLAG_NON_PAGED | POOL_FLAG_PAGED, 8, TAG));
        found(Rule::Irql, "paged pool above APC_LEVEL", || {
            let old = nt_machine::irql::raise(DISPATCH);
            _ = allocate_pool_with_tag(1, 8, TAG);
            nt_machine::irql::lower(old);
        });
        found(Rule::UseAfterFree, "", || {
            let block = allocate(false, 8, TAG);
            free(block);
            free(block);
        });
        found(Rule::Leak, "is left", || {
            _ = allocate(false, 8, TAG);
            crate::check_at_unload();
        });
    }
}
