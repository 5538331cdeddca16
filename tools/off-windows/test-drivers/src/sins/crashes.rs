//! What stops a system at once.

use wdk_sys::{WDFDEVICE, WDFREQUEST};

use crate::kernel::{event, lower, peek, poke, raise, wait};

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    /// An export of the kernel that no storage driver calls, and so none that a host has.
    fn HalMakeBeep(frequency: u32) -> u8;
}

pub fn function_not_there(_: WDFDEVICE) {
    // SAFETY: any frequency will do.
    unsafe { HalMakeBeep(440) };
    crate::kernel::stay();
}

#[allow(unconditional_recursion, clippy::only_used_in_recursion, reason = "the sin")]
pub fn stack_overflow(device: WDFDEVICE) {
    let room = core::hint::black_box([0u64; 64]);
    stack_overflow(device);
    core::hint::black_box(room);
}

pub fn fast_fail(_: WDFDEVICE) {
    // SAFETY: never returns; the code says that a list is broken.
    unsafe { core::arch::asm!("int 0x29", in("ecx") 3, options(noreturn)) };
}

pub fn breakpoint(_: WDFDEVICE) {
    // SAFETY: stops where no debugger is.
    unsafe { core::arch::asm!("int3") };
}

pub fn null_dereference(_: WDFDEVICE) {
    peek(core::ptr::without_provenance(0x18));
}

pub fn waits_for_ever(_: WDFDEVICE, _: WDFREQUEST) {
    let mut never = event();
    let _ = wait((&raw mut never).cast(), None);
}

pub fn spins_for_ever(_: WDFDEVICE) {
    let mut lock = 1u64;
    let old = raise(2);
    kernel!(KeAcquireSpinLockAtDpcLevel((&raw mut lock).cast()));
    lower(old);
}

pub fn bug_check(_: WDFDEVICE) {
    crate::kernel::bug_check(1);
}

pub fn code_written(_: WDFDEVICE) {
    poke(code_written as *mut u8, 0);
}

pub fn wild_call(_: WDFDEVICE) {
    let nowhere: *const () = core::ptr::without_provenance(0x7fff_0000_1000);
    // SAFETY: there is nothing at that address: the sin.
    let nowhere: extern "C" fn() = unsafe { core::mem::transmute(core::hint::black_box(nowhere)) };
    nowhere();
}

pub fn division_by_zero(_: WDFDEVICE) {
    // SAFETY: faults; the operands are named.
    unsafe {
        core::arch::asm!("div {divisor}", divisor = in(reg) 0u64, inout("rax") 1u64 => _, inout("rdx") 0u64 => _);
    }
}
