// An image with guarded code, for the tests of exception handling. Its functions take one argument and return one
// number: 0 for no exception, or the exception's code plus 1.
#![no_std]
#![allow(missing_docs)]

use core::arch::global_asm;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(no_mangle)]
pub static _fltused: u32 = 0;

macro_rules! unused {
    ($($name:ident)*) => { $(#[unsafe(no_mangle)] pub extern "system" fn $name() {})* };
}
unused! { memcpy memset memcmp memmove __CxxFrameHandler3 entry }

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "system" {
    fn ExRaiseStatus(code: u32) -> !;
    fn RtlFill(address: *mut u8);
    fn DbgNote(number: u64);
    fn RtlUnwindEx(frame: u64, ip: u64, record: *mut u8, value: u64, context: *mut u8, history: *mut u8);
    fn __C_specific_handler();
}

#[used]
static KEEP: [unsafe extern "system" fn(); 6] =
    [catch_raised, catch_fault, catch_fault_of_kernel, catch_through_finally, refuse, mend];
#[used]
static KEEP_TOO: unsafe extern "system" fn() = unwind_itself;
#[used]
static IMPORTS: (
    unsafe extern "system" fn(u32) -> !,
    unsafe extern "system" fn(*mut u8),
    unsafe extern "system" fn(u64),
    unsafe extern "system" fn(),
    unsafe extern "system" fn(u64, u64, *mut u8, u64, *mut u8, *mut u8),
) = (ExRaiseStatus, RtlFill, DbgNote, __C_specific_handler, RtlUnwindEx);

unsafe extern "system" {
    fn catch_raised();
    fn catch_fault();
    fn catch_fault_of_kernel();
    fn catch_through_finally();
    fn refuse();
    fn mend();
    fn unwind_itself();
}

// A guarded body between a prologue that saves registers and a handling block that checks that they came back.
global_asm!(
    ".macro guarded name, filter",
    ".globl \\name",
    ".def \\name; .scl 2; .type 32; .endef",
    ".seh_proc \\name",
    "\\name:",
    "push rbx",
    ".seh_pushreg rbx",
    "push rsi",
    ".seh_pushreg rsi",
    "push rbp",
    ".seh_pushreg rbp",
    "sub rsp, 0x40",
    ".seh_stackalloc 0x40",
    "movaps [rsp + 0x20], xmm7",
    ".seh_savexmm xmm7, 0x20",
    "lea rbp, [rsp + 0x20]",
    ".seh_setframe rbp, 0x20",
    ".seh_endprologue",
    "mov rbx, 0x1234",
    "mov rsi, 0x5678",
    "movq xmm7, rbx",
    ".Lbegin_\\name:",
    ".endm",
    ".macro handled name, filter",
    "nop",
    ".Lend_\\name:",
    "xor eax, eax",
    ".Lout_\\name:",
    "movaps xmm7, [rsp + 0x20]",
    "add rsp, 0x40",
    "pop rbp",
    "pop rsi",
    "pop rbx",
    "ret",
    ".Lexcept_\\name:",
    "mov eax, eax",
    "movq rcx, xmm7",
    "cmp rcx, 0x1234",
    "jne .Lwrong_\\name",
    "cmp rbx, 0x1234",
    "jne .Lwrong_\\name",
    "cmp rsi, 0x5678",
    "jne .Lwrong_\\name",
    "add rax, 1",
    "jmp .Lout_\\name",
    ".Lwrong_\\name:",
    "mov rax, -1",
    "jmp .Lout_\\name",
    ".seh_handler __C_specific_handler, @except, @unwind",
    ".seh_handlerdata",
    ".long 1",
    ".long .Lbegin_\\name@IMGREL, .Lend_\\name@IMGREL, \\filter, .Lexcept_\\name@IMGREL",
    ".text",
    ".seh_endproc",
    ".endm",
    ".text",
    "guarded catch_raised",
    "call ExRaiseStatus",
    "handled catch_raised, 1",
    "guarded catch_fault",
    "mov byte ptr [rcx], 1",
    "handled catch_fault, 1",
    "guarded catch_fault_of_kernel",
    "call RtlFill",
    "handled catch_fault_of_kernel, 1",
    "guarded catch_through_finally",
    "call with_finally",
    "handled catch_through_finally, 1",
    "guarded refuse",
    "call ExRaiseStatus",
    "handled refuse, never@IMGREL",
);

// A function in the middle, with a termination handler and a leaf's caller below it.
global_asm!(
    ".def with_finally; .scl 3; .type 32; .endef",
    ".seh_proc with_finally",
    "with_finally:",
    "push rbx",
    ".seh_pushreg rbx",
    "push rsi",
    ".seh_pushreg rsi",
    "sub rsp, 0x1028",
    ".seh_stackalloc 0x1028",
    ".seh_endprologue",
    "mov rbx, 1",
    "mov rsi, 2",
    ".Lbegin_finally:",
    "call raiser",
    "nop",
    ".Lend_finally:",
    "add rsp, 0x1028",
    "pop rsi",
    "pop rbx",
    "ret",
    ".seh_handler __C_specific_handler, @except, @unwind",
    ".seh_handlerdata",
    ".long 1",
    ".long .Lbegin_finally@IMGREL, .Lend_finally@IMGREL, finally@IMGREL, 0",
    ".text",
    ".seh_endproc",
    ".def raiser; .scl 3; .type 32; .endef",
    ".seh_proc raiser",
    "raiser:",
    "sub rsp, 0x28",
    ".seh_stackalloc 0x28",
    ".seh_endprologue",
    "call ExRaiseStatus",
    "nop",
    ".seh_endproc",
    ".def finally; .scl 3; .type 32; .endef",
    ".seh_proc finally",
    "finally:",
    "sub rsp, 0x28",
    ".seh_stackalloc 0x28",
    ".seh_endprologue",
    "cmp cl, 1",
    "jne .Lnormal",
    "mov ecx, 77",
    "call DbgNote",
    ".Lnormal:",
    "add rsp, 0x28",
    "ret",
    ".seh_endproc",
    "never:",
    "xor eax, eax",
    "ret",
);

// A filter that mends the register through which the body faulted, and goes on.
global_asm!(
    ".globl mend",
    ".def mend; .scl 2; .type 32; .endef",
    ".seh_proc mend",
    "mend:",
    "push rbx",
    ".seh_pushreg rbx",
    "sub rsp, 0x20",
    ".seh_stackalloc 0x20",
    ".seh_endprologue",
    "mov rbx, rcx",
    "xor r10d, r10d",
    ".Lbegin_mend:",
    "mov byte ptr [r10], 1",
    ".Lend_mend:",
    "mov rax, r10",
    "add rsp, 0x20",
    "pop rbx",
    "ret",
    ".seh_handler __C_specific_handler, @except, @unwind",
    ".seh_handlerdata",
    ".long 1",
    ".long .Lbegin_mend@IMGREL, .Lend_mend@IMGREL, mender@IMGREL, .Lend_mend@IMGREL",
    ".text",
    ".seh_endproc",
    // rcx: record and context. The context's rbx goes into its r10.
    "mender:",
    "mov rcx, [rcx + 8]",
    "mov rax, [rcx + 0x90]",
    "mov [rcx + 0xC8], rax",
    "mov eax, -1",
    "ret",
);

// A function that unwinds to its own caller's frame without an exception, as setjmp and longjmp do.
global_asm!(
    ".globl unwind_itself",
    ".def unwind_itself; .scl 2; .type 32; .endef",
    ".seh_proc unwind_itself",
    "unwind_itself:",
    "push rbx",
    ".seh_pushreg rbx",
    "sub rsp, 0x20",
    ".seh_stackalloc 0x20",
    ".seh_endprologue",
    "mov rbx, 100",
    "mov rdx, rsp",
    "call deeper",
    "ud2",
    "landing:",
    "add rax, rbx",
    "add rsp, 0x20",
    "pop rbx",
    "ret",
    ".seh_endproc",
    // rcx: the value, rdx: the frame.
    ".def deeper; .scl 3; .type 32; .endef",
    ".seh_proc deeper",
    "deeper:",
    "push rbx",
    ".seh_pushreg rbx",
    "sub rsp, 0x30",
    ".seh_stackalloc 0x30",
    ".seh_endprologue",
    "mov rbx, 3",
    "mov r9, rcx",
    "mov rcx, rdx",
    "lea rdx, [rip + landing]",
    "xor r8d, r8d",
    "mov qword ptr [rsp + 0x20], 0",
    "mov qword ptr [rsp + 0x28], 0",
    "call RtlUnwindEx",
    "nop",
    ".seh_endproc",
);
