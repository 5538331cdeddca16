//! Exports for memory descriptor lists.

use nt_machine::call::Export;
use nt_machine::findings::{self, Rule};
use nt_machine::irql::{APC, DISPATCH};

use super::{
    Lock, address, allocate, build_nonpaged, build_partial, check, flags, free, map, pages, probe_and_lock, unlock,
    unmap,
};
use crate::exports::function;
use crate::layout::{IRP, MDL, MDL_MAPPED_TO_SYSTEM_VA, PVOID};
use crate::{exception, get, pool, put};

extern "win64" fn io_allocate_mdl(buffer: PVOID, length: u32, secondary: u8, quota: u8, request: *mut IRP) -> *mut MDL {
    if quota != 0 {
        findings::report(Rule::BadArgument, "ChargeQuota", "must be FALSE");
    }
    if !pool::try_charge() {
        return core::ptr::null_mut();
    }
    let list = allocate(buffer.cast(), length);
    if !request.is_null() {
        let first = get!(request, MdlAddress);
        if secondary == 0 {
            put!(request, MdlAddress, list);
        } else if first.is_null() {
            findings::report(Rule::BadArgument, "SecondaryBuffer", "the IRP has no first MDL");
            put!(request, MdlAddress, list);
        } else {
            let mut last = first;
            while !get!(last, Next).is_null() {
                last = get!(last, Next);
            }
            put!(last, Next, list);
        }
    }
    list
}

extern "win64" fn io_free_mdl(list: *mut MDL) {
    free(list);
}

extern "win64" fn io_build_partial_mdl(source: *mut MDL, target: *mut MDL, start: PVOID, length: u32) {
    build_partial(source, target, start.cast(), length);
}

extern "win64" fn mm_build_mdl_for_nonpaged_pool(list: *mut MDL) {
    build_nonpaged(list);
}

extern "win64" fn mm_probe_and_lock_pages(list: *mut MDL, mode: u8, operation: u32) {
    let operation = if operation == 0 { Lock::Read } else { Lock::Write };
    if let Err(error) = probe_and_lock(list, mode != 0, operation) {
        exception::raise(error);
    }
}

extern "win64" fn mm_unlock_pages(list: *mut MDL) {
    unlock(list);
}

extern "win64" fn mm_map_locked_pages_specify_cache(
    list: *mut MDL,
    mode: u8,
    _cache: u32,
    _requested: PVOID,
    bug_check_on_failure: u32,
    _priority: u32,
) -> PVOID {
    if mode != 0 {
        if nt_machine::irql::current() > APC {
            findings::report(Rule::Irql, "AccessMode", "a mapping to user space above APC_LEVEL");
        }
        // The process's own address: user pages are mapped there already.
        return address(list).cast();
    }
    if bug_check_on_failure != 0 {
        findings::report(Rule::BadArgument, "BugCheckOnFailure", "must be FALSE");
    }
    if flags(list) & MDL_MAPPED_TO_SYSTEM_VA == 0 && !pool::try_charge() {
        return core::ptr::null_mut();
    }
    map(list).cast()
}

extern "win64" fn mm_map_locked_pages(list: *mut MDL, mode: u8) -> PVOID {
    mm_map_locked_pages_specify_cache(list, mode, 1, core::ptr::null_mut(), 0, 0)
}

extern "win64" fn mm_unmap_locked_pages(mapped: PVOID, list: *mut MDL) {
    check(list);
    if flags(list) & MDL_MAPPED_TO_SYSTEM_VA != 0 && get!(list, MappedSystemVa) != mapped {
        findings::report(Rule::BadArgument, "BaseAddress", "not the address that the MDL is mapped at");
    }
    unmap(list);
}

extern "win64" fn mm_size_of_mdl(base: PVOID, length: usize) -> usize {
    size_of::<MDL>() + pages(base as usize, length) * size_of::<usize>()
}

pub(crate) const EXPORTS: &[Export] = &[
    function("IoAllocateMdl", DISPATCH, io_allocate_mdl as *const ()),
    function("IoFreeMdl", DISPATCH, io_free_mdl as *const ()),
    function("IoBuildPartialMdl", DISPATCH, io_build_partial_mdl as *const ()),
    function("MmBuildMdlForNonPagedPool", DISPATCH, mm_build_mdl_for_nonpaged_pool as *const ()),
    function("MmProbeAndLockPages", DISPATCH, mm_probe_and_lock_pages as *const ()),
    function("MmUnlockPages", DISPATCH, mm_unlock_pages as *const ()),
    function("MmMapLockedPagesSpecifyCache", DISPATCH, mm_map_locked_pages_specify_cache as *const ()),
    function("MmMapLockedPages", DISPATCH, mm_map_locked_pages as *const ()),
    function("MmUnmapLockedPages", DISPATCH, mm_unmap_locked_pages as *const ()),
    function("MmSizeOfMdl", DISPATCH, mm_size_of_mdl as *const ()),
];
