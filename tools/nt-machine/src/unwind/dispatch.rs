//! Offering an exception to frames, and unwinding to one.

use std::arch::naked_asm;
use std::mem::offset_of;

use super::codes::{EXCEPTION_HANDLER, UNWIND_HANDLER, undo};
use super::context::{Context, DispatcherContext, ExceptionRecord, flag, register};
use crate::call;
use crate::findings::{self, Rule};
use crate::image;
use crate::machine::trace;

/// What a handler answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Disposition(pub i32);

impl Disposition {
    /// Go on where the exception happened.
    pub const CONTINUE_EXECUTION: Self = Self(0);
    /// Ask the next frame.
    pub const CONTINUE_SEARCH: Self = Self(1);
}

type Handler = extern "win64" fn(*mut ExceptionRecord, u64, *mut Context, *mut DispatcherContext) -> Disposition;

fn handler_at(address: usize) -> Handler {
    // SAFETY: the address comes from the unwind information of a loaded image, which names a function of this type.
    unsafe { std::mem::transmute::<usize, Handler>(address) }
}

/// An exception that is being offered, for the unwind that a handler asks for.
struct InProgress {
    /// Where it happened.
    context: *mut Context,
    /// The address of the one during whose handling it came, or 0.
    outer: usize,
}

/// The registers of the driver's code that called the kernel function in progress, as after its return.
pub fn capture() -> Option<Context> {
    let frame = call::frame();
    if frame.rip == 0 {
        return None;
    }
    let mut context = Context::new();
    context.rip = frame.rip;
    for (number, value) in frame.general() {
        context.general[number] = value;
    }
    context.xmm[6..].copy_from_slice(&frame.xmm);
    Some(context)
}

/// Raises an exception in the driver's code that called the kernel function in progress. When no frame of the driver
/// handles it, that is the end of the run: the system would stop with bug check 1E.
pub fn raise(code: u32, parameters: &[u64]) -> ! {
    if let Some(mut context) = capture() {
        let mut record = ExceptionRecord::new(code, flag::NONCONTINUABLE, context.rip, parameters);
        offer(&mut record, &mut context);
    }
    findings::fatal(
        Rule::BugCheck,
        "",
        format_args!("raises exception {code:08X}, which no frame of the driver handles"),
    )
}

/// Offers an exception to the frames from `context` outwards. Returns only when none takes it.
pub(crate) fn offer(record: &mut ExceptionRecord, context: &mut Context) {
    let mut walk = context.clone();
    let in_progress = InProgress { context, outer: call::exception() };
    call::set_exception(&raw const in_progress as usize);
    trace!("exception {:08X} at {}", record.code, image::symbolise(record.address as usize));
    while image::contains(walk.rip as usize) {
        let control_pc = walk.rip;
        let Some(found) = undo(&mut walk, EXCEPTION_HANDLER) else { continue };
        if found.handler == 0 {
            continue;
        }
        let mut dispatcher = DispatcherContext::new(&found, control_pc, 0, in_progress.context);
        let handler = handler_at(found.handler);
        let answer = handler(record, found.frame, in_progress.context, &raw mut dispatcher);
        if answer == Disposition::CONTINUE_EXECUTION {
            if record.flags & flag::NONCONTINUABLE != 0 {
                findings::fatal(Rule::BugCheck, "", "a filter goes on after an exception that can not be continued");
            }
            call::set_exception(in_progress.outer);
            // SAFETY: the registers are those of the code that faulted, which its filter may have changed.
            unsafe { restore(in_progress.context) };
        }
    }
    call::set_exception(in_progress.outer);
}

/// Unwinds the driver's stack to `target_frame` and goes on at `target_ip` with `value` in rax, as RtlUnwindEx does:
/// from where the exception in progress happened, or else from the caller of the kernel function. Frame 0 means all.
pub fn unwind(target_frame: u64, target_ip: u64, record: Option<&mut ExceptionRecord>, value: u64) -> ! {
    let in_progress = call::exception() as *const InProgress;
    // SAFETY: not null, it is on the stack of the offer that this thread has in progress.
    let in_progress = (!in_progress.is_null()).then(|| unsafe { in_progress.read() });
    let before = in_progress.as_ref().map_or(0, |in_progress| in_progress.outer);
    let start = match in_progress {
        // SAFETY: as above, it waits further up this stack.
        Some(in_progress) => Some(unsafe { (*in_progress.context).clone() }),
        None => capture(),
    };
    let Some(mut context) = start else {
        findings::fatal(Rule::BugCheck, "TargetFrame", "unwinds where no driver's code is on the stack");
    };
    let mut own = ExceptionRecord::new(STATUS_UNWIND, 0, context.rip, &[]);
    let record = record.unwrap_or(&mut own);
    record.flags |= flag::UNWINDING | if target_frame == 0 { flag::EXIT_UNWIND } else { 0 };
    while image::contains(context.rip as usize) {
        let control_pc = context.rip;
        let mut outer = context.clone();
        let found = undo(&mut outer, UNWIND_HANDLER);
        let is_target = found.is_some_and(|found| found.frame == target_frame);
        if let Some(found) = found.filter(|found| found.handler != 0) {
            if is_target {
                record.flags |= flag::TARGET_UNWIND;
            }
            context.general[register::RAX] = value;
            let mut dispatcher = DispatcherContext::new(&found, control_pc, target_ip, &raw mut context);
            let handler = handler_at(found.handler);
            let answer = handler(record, found.frame, &raw mut context, &raw mut dispatcher);
            if answer != Disposition::CONTINUE_SEARCH {
                let text = format_args!("a termination handler answers {}, which the host can not follow", answer.0);
                findings::fatal(Rule::BugCheck, "", text);
            }
        }
        if is_target {
            context.general[register::RAX] = value;
            context.rip = target_ip;
            call::set_exception(before);
            // SAFETY: the registers are those of the target function's body, on the stack that is in use.
            unsafe { restore(&raw const context) };
        }
        context = outer;
    }
    findings::fatal(Rule::BugCheck, format_args!("{target_frame:#x}"), "unwinds to a frame that is not on the stack")
}

/// The status of an unwind that has no exception.
const STATUS_UNWIND: u32 = 0xC000_0027;

/// Loads all registers and goes on where they say.
///
/// # Safety
/// The stack pointer must be that of a live frame of the running thread, below which nothing is needed any more but
/// the context itself.
#[unsafe(naked)]
unsafe extern "win64" fn restore(context: *const Context) -> ! {
    naked_asm!(
        // Six words below the new stack pointer hold what is loaded last. Should they overlap the context's end, it is
        // with parts that are not used.
        "mov r10, [rcx + {general} + 8 * 4]",
        "sub r10, 48",
        "mov rax, [rcx + {rip}]",
        "mov [r10 + 40], rax",
        "mov eax, [rcx + {eflags}]",
        "mov [r10 + 32], rax",
        "mov rax, [rcx + {general}]",
        "mov [r10 + 24], rax",
        "mov rax, [rcx + {general} + 8 * 1]",
        "mov [r10 + 16], rax",
        "mov rax, [rcx + {general} + 8 * 11]",
        "mov [r10 + 8], rax",
        "mov rax, [rcx + {general} + 8 * 10]",
        "mov [r10], rax",
        "movups xmm0, [rcx + {xmm}]",
        "movups xmm1, [rcx + {xmm} + 16 * 1]",
        "movups xmm2, [rcx + {xmm} + 16 * 2]",
        "movups xmm3, [rcx + {xmm} + 16 * 3]",
        "movups xmm4, [rcx + {xmm} + 16 * 4]",
        "movups xmm5, [rcx + {xmm} + 16 * 5]",
        "movups xmm6, [rcx + {xmm} + 16 * 6]",
        "movups xmm7, [rcx + {xmm} + 16 * 7]",
        "movups xmm8, [rcx + {xmm} + 16 * 8]",
        "movups xmm9, [rcx + {xmm} + 16 * 9]",
        "movups xmm10, [rcx + {xmm} + 16 * 10]",
        "movups xmm11, [rcx + {xmm} + 16 * 11]",
        "movups xmm12, [rcx + {xmm} + 16 * 12]",
        "movups xmm13, [rcx + {xmm} + 16 * 13]",
        "movups xmm14, [rcx + {xmm} + 16 * 14]",
        "movups xmm15, [rcx + {xmm} + 16 * 15]",
        "mov rdx, [rcx + {general} + 8 * 2]",
        "mov rbx, [rcx + {general} + 8 * 3]",
        "mov rbp, [rcx + {general} + 8 * 5]",
        "mov rsi, [rcx + {general} + 8 * 6]",
        "mov rdi, [rcx + {general} + 8 * 7]",
        "mov r8, [rcx + {general} + 8 * 8]",
        "mov r9, [rcx + {general} + 8 * 9]",
        "mov r12, [rcx + {general} + 8 * 12]",
        "mov r13, [rcx + {general} + 8 * 13]",
        "mov r14, [rcx + {general} + 8 * 14]",
        "mov r15, [rcx + {general} + 8 * 15]",
        "mov rsp, r10",
        "pop r10",
        "pop r11",
        "pop rcx",
        "pop rax",
        "popfq",
        "ret",
        rip = const offset_of!(Context, rip),
        eflags = const offset_of!(Context, eflags),
        general = const offset_of!(Context, general),
        xmm = const offset_of!(Context, xmm),
    )
}
