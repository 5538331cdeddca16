//! Bug checks and assertions, probing, routines by name.

use nt_machine::call::Export;
use nt_machine::findings::{self, Rule};
use nt_machine::irql::{APC, HIGH, PASSIVE};
use nt_machine::memory;

use crate::exports::function;
use crate::layout::{PVOID, UNICODE_STRING};
use crate::{exception, raw, rtl, status};

extern "win64" fn bug_check_ex(code: u32, first: usize, second: usize, third: usize, fourth: usize) {
    let text = format!("bug check {code:#X} ({first:#x}, {second:#x}, {third:#x}, {fourth:#x})");
    findings::fatal(Rule::BugCheck, "BugCheckCode", text);
}

extern "win64" fn bug_check(code: u32) {
    bug_check_ex(code, 0, 0, 0, 0);
}

extern "win64" fn assertion(failed: *const u8, file: *const u8, line: u32, message: *const u8) {
    let text = |from: *const u8| if from.is_null() { String::new() } else { read_text(from) };
    let text = format!("assertion failed: {} ({}:{line}) {}", text(failed), text(file), text(message));
    findings::report(Rule::BugCheck, "FailedAssertion", text);
}

fn read_text(from: *const u8) -> String {
    String::from_utf8_lossy(&rtl::terminated_bytes(from)).into_owned()
}

extern "win64" fn break_point() {
    findings::report(Rule::BugCheck, "", "a break point without a debugger");
}

/// What both probes check.
fn probe(address: usize, length: usize, alignment: u32, write: bool) {
    if length == 0 {
        return;
    }
    if alignment != 0 && !address.is_multiple_of(alignment as usize) {
        exception::raise(status::DATATYPE_MISALIGNMENT);
    }
    if address.checked_add(length).is_none_or(|end| end > memory::SYSTEM_START) {
        exception::raise(status::ACCESS_VIOLATION);
    }
    // Reading is not tried, writing is: one byte of each page.
    if write && !memory::access(address, length, true) {
        exception::raise(status::ACCESS_VIOLATION);
    }
}

extern "win64" fn probe_for_read(address: PVOID, length: usize, alignment: u32) {
    probe(address as usize, length, alignment, false);
}

extern "win64" fn probe_for_write(address: PVOID, length: usize, alignment: u32) {
    probe(address as usize, length, alignment, true);
}

extern "win64" fn get_system_routine_address(name: *const UNICODE_STRING) -> *const () {
    crate::exports::routine(&rtl::string(name)).unwrap_or(core::ptr::null())
}

extern "win64" fn is_address_valid(address: PVOID) -> u8 {
    u8::from(memory::access(address as usize, 1, false))
}

extern "win64" fn random(seed: *mut u32) -> u32 {
    let next = raw::read(seed).wrapping_mul(0x7FFF_FFED).wrapping_add(0x7FFF_FFC3) & 0x7FFF_FFFF;
    raw::write(seed, next);
    next
}

extern "win64" fn swap_u16(value: u16) -> u16 {
    value.swap_bytes()
}

extern "win64" fn swap_u32(value: u32) -> u32 {
    value.swap_bytes()
}

extern "win64" fn swap_u64(value: u64) -> u64 {
    value.swap_bytes()
}

pub(super) const EXPORTS: &[Export] = &[
    function("KeBugCheckEx", HIGH, bug_check_ex as *const ()),
    function("KeBugCheck", HIGH, bug_check as *const ()),
    function("RtlAssert", HIGH, assertion as *const ()),
    function("DbgBreakPoint", HIGH, break_point as *const ()),
    function("DbgBreakPointWithStatus", HIGH, break_point as *const ()),
    function("ProbeForRead", APC, probe_for_read as *const ()),
    function("ProbeForWrite", APC, probe_for_write as *const ()),
    function("MmGetSystemRoutineAddress", PASSIVE, get_system_routine_address as *const ()),
    function("MmIsAddressValid", HIGH, is_address_valid as *const ()),
    function("RtlRandom", HIGH, random as *const ()),
    function("RtlRandomEx", HIGH, random as *const ()),
    function("RtlUshortByteSwap", HIGH, swap_u16 as *const ()),
    function("RtlUlongByteSwap", HIGH, swap_u32 as *const ()),
    function("RtlUlonglongByteSwap", HIGH, swap_u64 as *const ()),
];
