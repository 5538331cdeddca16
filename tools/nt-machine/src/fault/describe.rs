//! A fault in a sentence.

use super::emulate::What;
use super::registers::Registers;
use crate::call;
use crate::findings::{self, Rule};
use crate::memory::{self, Block, Kind};
use crate::unwind::ACCESS_VIOLATION;
use crate::{image, irql};

/// What the handler notes of a fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    signal: libc::c_int,
    /// The address that could not be touched.
    address: usize,
    instruction_pointer: usize,
    stack_pointer: usize,
    /// What the stack pointer points at: after a jump to nowhere, the return address.
    top_of_stack: usize,
    /// The page fault's error code.
    error: u64,
    what: What,
}

/// Bits of a page fault's error code.
const WRITE: u64 = 1 << 1;
const FETCH: u64 = 1 << 4;

impl Fault {
    pub(super) fn new(signal: libc::c_int, address: usize, registers: &Registers<'_>, what: What) -> Self {
        let stack = registers.stack_pointer();
        let top_of_stack = if memory::readable(stack, 8) {
            // SAFETY: the eight bytes were just found readable; any bytes are a number.
            unsafe { (stack as *const usize).read_unaligned() }
        } else {
            0
        };
        let (instruction_pointer, error) = (registers.instruction_pointer(), registers.error());
        Self { signal, address, instruction_pointer, stack_pointer: stack, top_of_stack, error, what }
    }

    pub(super) fn instruction_pointer(&self) -> usize {
        self.instruction_pointer
    }

    /// The exception that a driver may catch, with its parameters: a fault at an address of the system is none, but
    /// stops the system.
    pub(super) fn exception(&self) -> Option<(u32, Vec<u64>)> {
        Some(match self.what {
            What::Access { .. } if self.address < memory::SYSTEM_START => {
                let sort = if self.is_fetch() { 8 } else { u64::from(self.error & WRITE != 0) };
                (ACCESS_VIOLATION, vec![sort, self.address as u64])
            }
            What::BadOperand(_) => (ACCESS_VIOLATION, vec![0, u64::MAX]),
            What::Arithmetic => (0xC000_0094, Vec::new()),
            What::Illegal => (0xC000_001D, Vec::new()),
            What::Privileged(_) => (0xC000_0096, Vec::new()),
            What::Breakpoint(3) => (0x8000_0003, vec![0]),
            What::Access { .. } | What::Breakpoint(_) | What::FastFail(_) | What::Hang(_) => return None,
        })
    }

    /// Reports an access beyond a live buffer of a program, even if the driver catches the exception: on a real system
    /// it may hit what lies there.
    pub(super) fn report_overrun(&self) {
        let block = memory::lookup(self.address).filter(|block| block.kind == Kind::User && block.freed_by.is_none());
        if matches!(self.what, What::Access { .. }) && block.is_some() {
            report(self);
        }
    }

    fn is_fetch(&self) -> bool {
        matches!(self.what, What::Access { .. })
            && (self.error & FETCH != 0 || self.address == self.instruction_pointer)
    }

    fn verb(&self) -> &'static str {
        if self.is_fetch() {
            "executes"
        } else if self.error & WRITE != 0 {
            "writes"
        } else {
            "reads"
        }
    }
}

/// Reports the fault: at the instruction when the driver's own code faulted, at the driver's call when the host did so
/// for it.
pub(super) fn report(fault: &Fault) {
    let code = if fault.is_fetch() { fault.top_of_stack } else { fault.instruction_pointer };
    let (function, address) = if image::contains(code) {
        (call::callback().unwrap_or_else(crate::threads::current_name), code)
    } else if fault.is_fetch() && image::contains(fault.instruction_pointer) {
        (call::callback().unwrap_or_else(crate::threads::current_name), fault.instruction_pointer)
    } else {
        (call::function_in_progress(), call::site().caller)
    };
    let (rule, text) = sentence(fault);
    let text = if address == 0 {
        format!("{text} (in the host's own code at {})", host_code(fault.instruction_pointer))
    } else {
        text
    };
    findings::report_at(rule, &function, "", address, text);
}

fn sentence(fault: &Fault) -> (Rule, String) {
    match fault.what {
        What::Access { start, size } => access(fault, start, size),
        What::FastFail(code) => (Rule::BugCheck, format!("fast fail {code} ({}), bug check 139", fast_fail_name(code))),
        What::Breakpoint(3) => (Rule::BugCheck, "breakpoint without a debugger, bug check 1E (80000003)".to_owned()),
        What::Breakpoint(0x2C) => (Rule::BugCheck, "failed assertion (int 2Ch), bug check 1E (C0000420)".to_owned()),
        What::Breakpoint(number) => (Rule::BugCheck, format!("int {number:02X}h without a debugger")),
        What::Privileged(mnemonic) => {
            let name = format!("{mnemonic:?}").to_lowercase();
            (Rule::Crash, format!("executes the privileged instruction {name}, which the host does not carry out"))
        }
        What::BadOperand(address) => {
            (Rule::Crash, format!("uses the address {address:#x}, which is not canonical or not aligned for it"))
        }
        What::Hang(seconds) => {
            (Rule::Stuck, format!("loops: it has not called the kernel for {seconds} seconds of processor time"))
        }
        What::Illegal => (Rule::Crash, "executes an undefined instruction, as compilers emit to abort".to_owned()),
        What::Arithmetic => (Rule::Crash, "divides by zero, or the quotient does not fit".to_owned()),
    }
}

fn access(fault: &Fault, start: usize, size: usize) -> (Rule, String) {
    let verb = fault.verb();
    let what = match size {
        _ if fault.is_fetch() => format!("{verb} code at {:#x}", fault.address),
        0 => format!("{verb} memory at {start:#x}"),
        size => format!("{verb} {size} bytes at {start:#x}"),
    };
    if memory::is_closed_at(fault.address) {
        let place = memory::lookup(fault.address).map_or_else(
            || format!("pageable {}", image::symbolise(fault.address)),
            |block| format!("{} {}", block.place_of(fault.address), block.describe()),
        );
        return (Rule::PagedAtDispatch, format!("{what}, {place}, at IRQL {}", irql::current()));
    }
    // The page below a stack borders on whatever lies before it.
    let stack = crate::threads::stack();
    let below = stack.start.saturating_sub(memory::PAGE)..stack.start;
    if below.contains(&fault.address) && (below.start..below.end + memory::PAGE).contains(&fault.stack_pointer) {
        let block = crate::threads::stack_block(stack.start).map(|block| block.describe()).unwrap_or_default();
        return (Rule::Crash, format!("{what}, below the end of {block}: the stack is used up"));
    }
    if let Some(block) = memory::lookup(fault.address) {
        return (rule_of(&block, fault), format!("{what}, {}", place(&block, start, fault.address)));
    }
    let text = if fault.address < 0x1_0000 {
        format!("{what}, through a null pointer")
    } else if image::is_unloaded(fault.address) {
        return (Rule::UseAfterFree, format!("{what}, {}", image::symbolise(fault.address)));
    } else if image::contains(fault.address) {
        format!("{what}, {}, which does not allow it", image::symbolise(fault.address))
    } else if let Some((name, start)) = memory::extent_of(fault.address) {
        format!("{what}, {:#x} bytes into '{name}'", fault.address - start)
    } else if memory::is_own(fault.address) {
        format!("{what}, which is not allocated; it may have been freed long ago")
    } else if fault.signal == libc::SIGBUS {
        format!("{what}, which is no memory (bus error)")
    } else {
        format!("{what}, which is no memory")
    };
    (Rule::Crash, text)
}

fn rule_of(block: &Block, fault: &Fault) -> Rule {
    if block.freed_by.is_some() {
        Rule::UseAfterFree
    } else if block.kind == Kind::Stack || (block.address..block.address + block.size).contains(&fault.address) {
        Rule::Crash
    } else {
        Rule::OutOfBounds
    }
}

fn place(block: &Block, start: usize, address: usize) -> String {
    if block.kind == Kind::Stack && address < block.address {
        return format!("below the end of {}: the stack is used up", block.describe());
    }
    let touched = format!("{} {}", block.place_of(address), block.describe());
    if start == address { touched } else { format!("beginning {} bytes before the byte {touched}", address - start) }
}

fn fast_fail_name(code: u32) -> &'static str {
    match code {
        0 | 2 => "stack cookie damaged",
        3 => "list entry damaged",
        4 => "stack out of its range",
        5 => "invalid argument",
        6 => "stack cookie not initialised",
        7 => "fatal exit of the program",
        9 => "registry query of an unsafe type",
        10 => "indirect call to a target that is not allowed",
        _ => "no name known",
    }
}

/// An address of the host, in a form that tools can look up.
fn host_code(address: usize) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut first = None;
    for line in maps.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let Some((from, to)) = fields.first().and_then(|range| range.split_once('-')) else { continue };
        let parse = |text| usize::from_str_radix(text, 16).unwrap_or(0);
        let path = fields.get(5).copied().unwrap_or_default();
        if first.is_none_or(|(_, known)| known != path) {
            first = Some((parse(from), path));
        }
        if (parse(from)..parse(to)).contains(&address) {
            let base = first.map_or(0, |(base, _)| base);
            return format!("{path}+{:#x}", address - base);
        }
    }
    format!("{address:#x}")
}
