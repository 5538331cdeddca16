//! Instructions of a kernel, carried out or reported.

use std::arch::asm;
use std::cell::Cell;
use std::rc::Rc;

use crate::findings::Rule;
use crate::testing::{death, machine, on_thread};
use crate::threads::RunEnd;
use crate::{irql, time};

/// Executes instructions that end the run.
macro_rules! stop {
    ($($part:tt)*) => {
        // SAFETY: never returns, since the machine ends the run.
        unsafe { asm!($($part)*) }
    };
}

#[test]
fn the_level_is_read_and_written_through_cr8() {
    let _machine = machine();
    let levels = Rc::new(Cell::new((9, 9, 9)));
    let seen = Rc::clone(&levels);
    let (end, findings) = on_thread(move || {
        let (before, during, after): (u64, u64, u64);
        // SAFETY: the machine carries these instructions out.
        unsafe {
            asm!(
                "mov {before}, cr8",
                "mov r11d, 2",
                "mov cr8, r11",
                "mov {during}, cr8",
                before = out(reg) before,
                during = out(reg) during,
                out("r11") _,
            );
        }
        let host = irql::current();
        // SAFETY: as above; an interrupt flag does not exist here.
        unsafe { asm!("cli", "mov cr8, {low}", "mov rax, cr8", "sti", low = in(reg) 0_u64, out("rax") after) };
        assert_eq!(host, irql::DISPATCH);
        seen.set((before, during, after));
    });
    assert_eq!((end, findings), (RunEnd::Done, Vec::new()));
    assert_eq!(levels.get(), (0, 2, 0));
}

#[test]
fn the_shared_page_tells_the_time() {
    let _machine = machine();
    let seen = Rc::new(Cell::new((0, 0)));
    let cell = Rc::clone(&seen);
    let (end, findings) = on_thread(move || {
        let (system, high): (u64, u32);
        // SAFETY: the machine carries these loads out.
        unsafe {
            asm!(
                "mov {system}, [{page} + 0x14]",
                "mov {high:e}, [{page} + 0x18]",
                page = in(reg) 0xFFFF_F780_0000_0000_u64,
                system = out(reg) system,
                high = out(reg) high,
            );
        }
        cell.set((system, high));
    });
    assert_eq!((end, findings), (RunEnd::Done, Vec::new()));
    let expected = time::system_time() as u64;
    assert_eq!(seen.get(), (expected, (expected >> 32) as u32));
}

#[test]
fn any_instruction_may_read_the_shared_page() {
    let _machine = machine();
    let (end, findings) = on_thread(|| {
        let (equal, sum, vector, base): (u8, u64, u64, u64);
        // SAFETY: the machine lets these reads see a copy of the page.
        unsafe {
            asm!(
                "cmp r8, [rcx + 0x14]",
                "sete {equal}",
                "mov r9d, 1",
                "add r9, [rcx + 8]",
                "movq xmm0, [rcx + rdx * 2 + 0x14]",
                "movq {vector}, xmm0",
                equal = out(reg_byte) equal,
                vector = out(reg) vector,
                in("r8") time::system_time(),
                out("r9") sum,
                in("rdx") 0,
                inout("rcx") 0xFFFF_F780_0000_0000_u64 => base,
                out("xmm0") _,
            );
        }
        assert_eq!((equal, sum as i64, vector as i64), (1, time::now() + 1, time::system_time()));
        assert_eq!(base, 0xFFFF_F780_0000_0000);
    });
    assert_eq!((end, findings), (RunEnd::Done, Vec::new()));
}

#[test]
fn the_shared_page_can_not_be_written() {
    let _machine = machine();
    let finding = death(|| stop!("mov byte ptr [rax], 1", in("rax") 0xFFFF_F780_0000_0000_u64));
    assert!(finding.text.contains("writes 1 bytes at 0xfffff78000000000"), "{finding}");
}

#[test]
fn faults_are_told_apart() {
    let cases: [(fn(), Rule, &str); 9] = [
        (|| stop!("int 0x29", in("ecx") 3), Rule::BugCheck, "fast fail 3 (list entry damaged)"),
        (|| stop!("int3"), Rule::BugCheck, "breakpoint without a debugger"),
        (|| stop!("int 0x2c"), Rule::BugCheck, "failed assertion"),
        (|| stop!("ud2"), Rule::Crash, "undefined instruction"),
        (|| stop!("hlt"), Rule::Crash, "privileged instruction hlt"),
        (|| stop!("rdmsr", out("eax") _, out("edx") _), Rule::Crash, "privileged instruction rdmsr"),
        (|| stop!("div ecx", in("ecx") 0, out("eax") _, out("edx") _), Rule::Crash, "divides by zero"),
        (
            || stop!("mov byte ptr [rax], 1", in("rax") 0x18),
            Rule::Crash,
            "writes 1 bytes at 0x18, through a null pointer",
        ),
        (
            || stop!("mov al, [rcx]", in("rcx") 0xABCD_u64 << 48, out("al") _),
            Rule::Crash,
            "uses the address 0xabcd000000000000",
        ),
    ];
    for (body, rule, text) in cases {
        let _machine = machine();
        let finding = death(body);
        assert_eq!(finding.rule, rule, "{finding}");
        assert!(finding.text.contains(text), "{finding}");
    }
}

#[test]
fn a_jump_to_nowhere_is_an_execution() {
    let _machine = machine();
    let finding = death(|| stop!("call rax", in("rax") 0x10, clobber_abi("C")));
    assert!(finding.text.contains("executes code at 0x10, through a null pointer"), "{finding}");
}

#[test]
fn faults_in_the_host_name_its_code() {
    let _machine = machine();
    let finding = death(|| stop!("mov byte ptr [rax], 1", in("rax") 0x18));
    assert!(finding.text.contains("in the host's own code at /"), "{finding}");
    assert_eq!(finding.function, "test");
}

#[test]
fn a_machine_after_a_fault_is_like_new() {
    for _ in 0..200 {
        let _machine = machine();
        death(|| stop!("ud2"));
    }
}
