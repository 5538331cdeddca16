//! The printf family. Functions with variable arguments put their registers beside the stack's arguments, which makes the
//! list that the others are given.

use core::arch::naked_asm;

use nt_machine::call::Export;
use nt_machine::irql::{HIGH, PASSIVE};

use super::format::format;
use super::string::{terminated, terminated_bytes};
use crate::exports::function;
use crate::{raw, status};

/// A function whose arguments from number `$fixed` on vary: it calls `$target` with the fixed ones and their list. The list
/// starts in the caller's home space, which the call must not reuse, hence the frame.
macro_rules! variadic {
    ($name:ident, $list:literal, $register:literal, $target:ident) => {
        #[unsafe(naked)]
        extern "win64" fn $name() {
            naked_asm!(
                "mov [rsp + 0x08], rcx",
                "mov [rsp + 0x10], rdx",
                "mov [rsp + 0x18], r8",
                "mov [rsp + 0x20], r9",
                concat!("lea ", $register, ", [rsp + ", $list, "]"),
                "sub rsp, 0x28",
                "call {target}",
                "add rsp, 0x28",
                "ret",
                target = sym $target,
            )
        }
    };
}

variadic!(dbg_print, "0x10", "rdx", debug_print);
variadic!(dbg_print_ex, "0x20", "r9", v_dbg_print_ex);
variadic!(sprintf, "0x18", "r8", vsprintf);
variadic!(snprintf, "0x20", "r9", vsnprintf);
variadic!(swprintf, "0x18", "r8", vswprintf);
variadic!(snwprintf, "0x20", "r9", vsnwprintf);

fn show(prefix: &[u16], text: *const u8, arguments: *const u64) -> i32 {
    let text: Vec<u16> = terminated_bytes(text).into_iter().map(u16::from).collect();
    let all = [prefix, &format(&text, false, arguments)].concat();
    crate::system::debug_output(&String::from_utf16_lossy(&all));
    status::SUCCESS
}

extern "win64" fn debug_print(text: *const u8, arguments: *const u64) -> i32 {
    show(&[], text, arguments)
}

extern "win64" fn v_dbg_print_ex(_component: u32, _level: u32, text: *const u8, arguments: *const u64) -> i32 {
    show(&[], text, arguments)
}

extern "win64" fn v_dbg_print_ex_with_prefix(
    prefix: *const u8,
    _component: u32,
    _level: u32,
    text: *const u8,
    arguments: *const u64,
) -> i32 {
    let prefix: Vec<u16> = terminated_bytes(prefix).into_iter().map(u16::from).collect();
    show(&prefix, text, arguments)
}

/// Writes what fits; -1 when not all did. The terminator is written when there is room for it.
fn give<T: Copy>(to: *mut T, room: usize, text: &[T], end: T) -> i32 {
    for (at, &unit) in text.iter().chain(&[end]).take(room).enumerate() {
        raw::write(to.wrapping_add(at), unit);
    }
    if text.len() > room { -1 } else { text.len() as i32 }
}

extern "win64" fn vsnprintf(to: *mut u8, room: usize, text: *const u8, arguments: *const u64) -> i32 {
    let text: Vec<u16> = terminated_bytes(text).into_iter().map(u16::from).collect();
    let bytes: Vec<u8> =
        format(&text, false, arguments).iter().map(|&unit| u8::try_from(unit).unwrap_or(b'?')).collect();
    give(to, room, &bytes, 0)
}

extern "win64" fn vsprintf(to: *mut u8, text: *const u8, arguments: *const u64) -> i32 {
    vsnprintf(to, usize::MAX, text, arguments)
}

extern "win64" fn vsnwprintf(to: *mut u16, room: usize, text: *const u16, arguments: *const u64) -> i32 {
    give(to, room, &format(&terminated(text), true, arguments), 0)
}

extern "win64" fn vswprintf(to: *mut u16, text: *const u16, arguments: *const u64) -> i32 {
    vsnwprintf(to, usize::MAX, text, arguments)
}

pub(super) const EXPORTS: &[Export] = &[
    function("DbgPrint", HIGH, dbg_print as *const ()),
    function("DbgPrintEx", HIGH, dbg_print_ex as *const ()),
    function("vDbgPrintEx", HIGH, v_dbg_print_ex as *const ()),
    function("vDbgPrintExWithPrefix", HIGH, v_dbg_print_ex_with_prefix as *const ()),
    function("sprintf", HIGH, sprintf as *const ()),
    function("_snprintf", HIGH, snprintf as *const ()),
    function("swprintf", PASSIVE, swprintf as *const ()),
    function("_snwprintf", PASSIVE, snwprintf as *const ()),
    function("_vsnprintf", HIGH, vsnprintf as *const ()),
    function("vsprintf", HIGH, vsprintf as *const ()),
    function("_vsnwprintf", PASSIVE, vsnwprintf as *const ()),
    function("vswprintf", PASSIVE, vswprintf as *const ()),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_arguments_are_found_in_registers_and_on_the_stack() {
        type Print = extern "win64" fn(*mut u8, usize, *const u8, u64, u64, u64) -> i32;
        // SAFETY: the function takes any number of arguments after the format; three are given.
        let print: Print = unsafe { core::mem::transmute(snprintf as *const ()) };
        let mut room = [b'x'; 16];
        assert_eq!(print(room.as_mut_ptr(), 16, c"%d-%d-%x".as_ptr().cast(), 1, 2, 0xAB), 6);
        assert_eq!(&room[..8], b"1-2-ab\0x");
        assert_eq!(print(room.as_mut_ptr(), 3, c"%d-%d-%x".as_ptr().cast(), 1, 2, 0xAB), -1);
        assert_eq!(&room[..4], b"1-2-");
    }
}
