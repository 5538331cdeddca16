//! Blocks of bytes, as compilers call for them.

use core::ffi::c_void;

use nt_machine::call::Export;
use nt_machine::irql::HIGH;

use crate::exports::function;
use crate::raw;

extern "win64" fn copy(to: *mut c_void, from: *const c_void, length: usize) -> *mut c_void {
    raw::copy_bytes(from.cast(), to.cast(), length);
    to
}

extern "win64" fn set(to: *mut c_void, value: i32, length: usize) -> *mut c_void {
    raw::fill(to.cast(), value as u8, length);
    to
}

extern "win64" fn zero(to: *mut c_void, length: usize) {
    raw::fill(to.cast(), 0, length);
}

extern "win64" fn fill(to: *mut c_void, length: usize, value: u8) {
    raw::fill(to.cast(), value, length);
}

/// How many bytes from the start are equal.
fn equal(first: *const u8, second: *const u8, length: usize) -> usize {
    let differs = |&at: &usize| raw::read(first.wrapping_add(at)) != raw::read(second.wrapping_add(at));
    (0..length).find(differs).unwrap_or(length)
}

extern "win64" fn compare(first: *const u8, second: *const u8, length: usize) -> i32 {
    let at = equal(first, second, length);
    if at == length {
        return 0;
    }
    i32::from(raw::read(first.wrapping_add(at))) - i32::from(raw::read(second.wrapping_add(at)))
}

extern "win64" fn compare_memory(first: *const u8, second: *const u8, length: usize) -> usize {
    equal(first, second, length)
}

extern "win64" fn find(from: *const u8, value: i32, length: usize) -> *const u8 {
    let at = (0..length).find(|&at| raw::read(from.wrapping_add(at)) == value as u8);
    at.map_or(core::ptr::null(), |at| from.wrapping_add(at))
}

/// Compilers call this before they move the stack pointer by a page and more: RAX has the number of bytes. The stacks of
/// simulated threads are there as a whole, so a touch of each page only has to find the guard below.
#[unsafe(naked)]
extern "win64" fn check_stack() {
    core::arch::naked_asm!(
        "push rcx",
        "push rax",
        "lea rcx, [rsp + 0x18]",
        "2:",
        "cmp rax, 0x1000",
        "jb 3f",
        "sub rcx, 0x1000",
        "test [rcx], cl",
        "sub rax, 0x1000",
        "jmp 2b",
        "3:",
        "sub rcx, rax",
        "test [rcx], cl",
        "pop rax",
        "pop rcx",
        "ret",
    )
}

/// `__chkstk` is entered with its argument in RAX and must keep all registers: no stub may stand before it.
pub(crate) fn check_stack_address() -> *const () {
    check_stack as *const ()
}

pub(super) const EXPORTS: &[Export] = &[
    function("memcpy", HIGH, copy as *const ()),
    function("memmove", HIGH, copy as *const ()),
    function("memset", HIGH, set as *const ()),
    function("memcmp", HIGH, compare as *const ()),
    function("memchr", HIGH, find as *const ()),
    function("RtlCompareMemory", HIGH, compare_memory as *const ()),
    function("RtlCopyMemory", HIGH, copy as *const ()),
    function("RtlMoveMemory", HIGH, copy as *const ()),
    function("RtlZeroMemory", HIGH, zero as *const ()),
    function("RtlFillMemory", HIGH, fill as *const ()),
    function("__chkstk", HIGH, check_stack as *const ()),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_compare_as_unsigned_bytes() {
        assert!(compare([1, 0xFF].as_ptr(), [1, 2].as_ptr(), 2) > 0);
        assert_eq!(compare([1, 2].as_ptr(), [1, 3].as_ptr(), 1), 0);
        assert_eq!(compare_memory([1, 2, 3].as_ptr(), [1, 2, 4].as_ptr(), 3), 2);
        assert!(find([1, 2].as_ptr(), 3, 2).is_null());
    }

    #[test]
    fn check_stack_keeps_all_registers() {
        let (kept, pointer): (u64, u64);
        // SAFETY: the routine touches 0x1800 bytes below the stack pointer, of which the test's stack has many more, and
        // keeps every register.
        unsafe {
            core::arch::asm!(
                "mov rax, 0x1800", "mov rcx, 77", "call {routine}",
                routine = in(reg) check_stack as *const (), out("rax") pointer, out("rcx") kept,
            );
        }
        assert_eq!((kept, pointer), (77, 0x1800));
    }
}
