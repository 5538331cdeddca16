//! Functions that a driver links with and `wdk-sys` does not declare: those the compiler calls by itself, and those a
//! driver declares itself because the kit's headers hide or inline them. Nothing is reachable through this module; the
//! declarations make the linker know where the symbols come from, as the kit's import libraries do.
#![allow(dead_code, reason = "called by compiled code, or by declarations of the driver's own")]

use crate::types::{KIRQL, PVOID, SIZE_T, ULONG};

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    fn memcpy(to: PVOID, from: PVOID, bytes: SIZE_T) -> PVOID;
    #[cfg(target_arch = "x86_64")]
    fn __chkstk();
    fn ExAllocatePoolWithTag(kind: ULONG, bytes: SIZE_T, tag: ULONG) -> PVOID;
    fn KeInitializeSpinLock(lock: *mut usize);
    fn KeLowerIrql(level: KIRQL);
    fn KfRaiseIrql(level: KIRQL) -> KIRQL;
    fn PsGetCurrentThread() -> PVOID;
}
