//! Look-aside lists: with a depth of nothing, so that each entry is a pool block of its own, with its guards.

use std::cell::RefCell;

use nt_machine::call::Export;
use nt_machine::findings::{self, Rule};
use nt_machine::irql::{APC, DISPATCH};

use crate::exports::{function, routine};
use crate::layout::PVOID;
use crate::ledger::{Ledger, Left};
use crate::raw;

/// Where the members of a list are that the inline functions of the headers use.
mod offset {
    pub const KIND: usize = 0x24;
    pub const TAG: usize = 0x28;
    pub const SIZE: usize = 0x2C;
    pub const ALLOCATE: usize = 0x30;
    pub const FREE: usize = 0x38;
    /// Bytes up to what only the kernel uses.
    pub const END: usize = 0x60;
}

thread_local! {
    static LISTS: RefCell<Ledger<u32>> = const { RefCell::new(Ledger::new()) };
}

pub(crate) fn reset() {
    LISTS.replace(Ledger::new());
}

/// Lists that were not deleted.
pub(crate) fn left() -> Vec<Left> {
    LISTS.with_borrow(|all| all.left(|_, tag| format!("look-aside list with tag {}", crate::pool::tag_name(*tag))))
}

/// Memory of a driver is freed: a list in it should have been deleted.
pub(crate) fn check_freed(start: usize, size: usize) {
    for at in LISTS.with_borrow(|all| all.within(start, size)) {
        findings::report(Rule::UseAfterFree, "P", "memory was freed with a look-aside list in it that was not deleted");
        LISTS.with_borrow_mut(|all| all.remove(at));
    }
}

fn initialise(list: *mut u8, allocate: PVOID, free: PVOID, kind: u32, size: usize, tag: u32) {
    let given = |own: PVOID, name: &str| {
        if own.is_null() { routine(name).map_or(core::ptr::null_mut(), |found| found.cast_mut().cast()) } else { own }
    };
    raw::fill(list, 0, offset::END);
    raw::write(list.wrapping_add(offset::KIND).cast(), kind);
    raw::write(list.wrapping_add(offset::TAG).cast(), tag);
    raw::write(list.wrapping_add(offset::SIZE).cast(), size as u32);
    raw::write(list.wrapping_add(offset::ALLOCATE).cast(), given(allocate, "ExAllocatePoolWithTag"));
    raw::write(list.wrapping_add(offset::FREE).cast(), given(free, "ExFreePool"));
    LISTS.with_borrow_mut(|all| all.insert(list as usize, tag));
}

extern "win64" fn initialise_nonpaged(
    list: *mut u8,
    allocate: PVOID,
    free: PVOID,
    flags: u32,
    size: usize,
    tag: u32,
    _depth: u16,
) {
    // The flags are those of a pool type: no-execute, for one.
    initialise(list, allocate, free, flags & !1, size, tag);
}

extern "win64" fn initialise_paged(
    list: *mut u8,
    allocate: PVOID,
    free: PVOID,
    flags: u32,
    size: usize,
    tag: u32,
    _depth: u16,
) {
    const PAGED_POOL: u32 = 1;
    initialise(list, allocate, free, flags | PAGED_POOL, size, tag);
}

extern "win64" fn delete(list: *mut u8) {
    if LISTS.with_borrow_mut(|all| all.remove(list as usize)).is_none() {
        let text = format!("{} is no look-aside list", crate::describe(list as usize));
        findings::report(Rule::BadArgument, "Lookaside", text);
    }
}

pub(crate) const EXPORTS: &[Export] = &[
    function("ExInitializeNPagedLookasideList", DISPATCH, initialise_nonpaged as *const ()),
    function("ExInitializePagedLookasideList", APC, initialise_paged as *const ()),
    function("ExDeleteNPagedLookasideList", DISPATCH, delete as *const ()),
    function("ExDeletePagedLookasideList", APC, delete as *const ()),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{clean, found};

    const TAG: u32 = u32::from_le_bytes(*b"Look");

    #[test]
    fn an_entry_is_a_block_of_the_lists_size() {
        clean(|| {
            let list = crate::pool::allocate(false, 0x80, TAG);
            initialise_nonpaged(list, core::ptr::null_mut(), core::ptr::null_mut(), 0x200, 24, TAG, 0);
            let read = |at: usize| raw::read(list.wrapping_add(at).cast::<u32>());
            // What the inline function does once it finds the list empty.
            let (kind, size, tag) = (read(offset::KIND), read(offset::SIZE), read(offset::TAG));
            assert_eq!((kind, size, tag), (0x200, 24, TAG));
            assert!(!raw::read(list.wrapping_add(offset::ALLOCATE).cast::<PVOID>()).is_null());
            delete(list);
            crate::pool::free(list);
        });
        found(Rule::UseAfterFree, "a look-aside list", || {
            let list = crate::pool::allocate(false, 0x80, TAG);
            initialise_paged(list, core::ptr::null_mut(), core::ptr::null_mut(), 0, 24, TAG, 0);
            crate::pool::free(list);
        });
        found(Rule::BadArgument, "is no look-aside list", || delete(crate::pool::allocate(false, 0x80, TAG)));
    }
}
