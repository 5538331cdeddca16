//! Stand-in for `wdk-sys` (KMDF 1.15, feature `storage`) where there is no Windows Driver Kit. `crates/driver` compiles
//! against this or against the real one and cannot tell which: names, types, values and layouts are the same, for what
//! a storage class driver uses. The bindings are generated from `../tables` by the build script; what `wdk-sys` writes
//! by hand is written by hand here too.
#![no_std]

mod constants;
mod entry;
mod imports;
pub mod ntddk;
#[cfg(target_arch = "aarch64")]
mod stack_probe;
mod types;
pub mod wdf;

#[doc(hidden)]
pub use wdk_macros as __proc_macros;

pub use crate::constants::*;
pub use crate::entry::{WdfDriverGlobals, WdfFunctions};
pub use crate::types::*;

include!(concat!(env!("OUT_DIR"), "/call.rs"));

/// Whether a status means success (or is only informational).
#[allow(non_snake_case, reason = "the kit's name")]
#[must_use]
pub const fn NT_SUCCESS(nt_status: NTSTATUS) -> bool {
    nt_status >= 0
}

/// Whether a status is informational.
#[allow(non_snake_case, reason = "the kit's name")]
#[must_use]
pub const fn NT_INFORMATION(nt_status: NTSTATUS) -> bool {
    nt_status as u32 >> 30 == 1
}

/// Whether a status is a warning.
#[allow(non_snake_case, reason = "the kit's name")]
#[must_use]
pub const fn NT_WARNING(nt_status: NTSTATUS) -> bool {
    nt_status as u32 >> 30 == 2
}

/// Whether a status is an error.
#[allow(non_snake_case, reason = "the kit's name")]
#[must_use]
pub const fn NT_ERROR(nt_status: NTSTATUS) -> bool {
    nt_status as u32 >> 30 == 3
}

/// Asserts, in a debug build, that paged memory may be touched here.
#[allow(non_snake_case, reason = "the kit's name")]
#[macro_export]
macro_rules! PAGED_CODE {
    () => {
        debug_assert!(unsafe { $crate::ntddk::KeGetCurrentIrql() <= $crate::APC_LEVEL as u8 });
    };
}

/// The compiler asks for this symbol where floating point could occur. Nothing reads it.
// SAFETY: no other symbol of that name exists in a driver.
#[unsafe(no_mangle)]
pub static _fltused: () = ();

/// `core` comes compiled with tables for unwinding that name this function. A driver aborts instead, so it never runs.
// SAFETY: no other symbol of that name exists in a driver.
#[unsafe(no_mangle)]
pub const extern "system" fn __CxxFrameHandler3() -> i32 {
    0
}
