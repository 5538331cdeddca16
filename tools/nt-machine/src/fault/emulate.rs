//! Instructions that a kernel may execute and a process may not.

use iced_x86::{Instruction, Mnemonic, Register};

use super::registers::Registers;
use super::shared;
use crate::{irql, shared_page};

/// What became of a fault.
pub(super) enum Outcome {
    /// The instruction was carried out.
    Done,
    /// It must be reported.
    Fault(What),
}

/// What sort of fault is to be reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// An access of that many bytes; 0: unknown.
    Access {
        /// Where it begins.
        start: usize,
        /// Bytes.
        size: usize,
    },
    /// A fast fail with this code.
    FastFail(u32),
    /// A breakpoint or debugger service, by interrupt number.
    Breakpoint(u8),
    /// A privileged instruction that the host does not carry out.
    Privileged(Mnemonic),
    /// An address that no processor could use, or an operand that is not aligned.
    BadOperand(usize),
    /// An instruction that is not one, or that is meant to stop.
    Illegal,
    /// Nothing was called for that many seconds of processor time.
    Hang(u32),
    /// A division.
    Arithmetic,
}

const GENERAL_PROTECTION: u64 = 13;

/// Carries the instruction out, when it is one of the kernel's.
pub(super) fn emulate(signal: libc::c_int, address: usize, registers: &mut Registers<'_>) -> Outcome {
    match signal {
        libc::SIGTRAP if shared::finish_step(registers) => return Outcome::Done,
        libc::SIGTRAP => return Outcome::Fault(What::Breakpoint(3)),
        libc::SIGILL => return Outcome::Fault(What::Illegal),
        libc::SIGFPE => return Outcome::Fault(What::Arithmetic),
        _ => {}
    }
    let Some(instruction) = registers.instruction() else {
        return Outcome::Fault(What::Access { start: address, size: 0 });
    };
    let operand = registers.memory_operand(&instruction);
    if registers.vector() != GENERAL_PROTECTION && signal == libc::SIGSEGV {
        if shared_page::contains(address) && shared::read(registers, &instruction, address) {
            return Outcome::Done;
        }
        let size = instruction.memory_size().size();
        // The fault is at the first byte that is inaccessible; the access may begin before.
        let start = operand.filter(|&start| start <= address && address - start < size.max(1)).unwrap_or(address);
        return Outcome::Fault(What::Access { start, size });
    }
    privileged(registers, &instruction, operand)
}

fn privileged(registers: &mut Registers<'_>, instruction: &Instruction, operand: Option<usize>) -> Outcome {
    let done = match instruction.mnemonic() {
        Mnemonic::Mov if instruction.op1_register() == Register::CR8 => {
            registers.set(instruction.op0_register(), u64::from(irql::current()));
            true
        }
        Mnemonic::Mov if instruction.op0_register() == Register::CR8 => {
            let level = registers.get(instruction.op1_register()).and_then(|value| u8::try_from(value).ok());
            if let Some(level) = level.filter(|&level| level <= irql::HIGH) {
                irql::set(level);
            }
            level.is_some_and(|level| level <= irql::HIGH)
        }
        // Nothing interrupts a simulated thread between two kernel calls.
        Mnemonic::Cli | Mnemonic::Sti => true,
        Mnemonic::Int => {
            return Outcome::Fault(match instruction.immediate8() {
                0x29 => What::FastFail(registers.get(Register::ECX).unwrap_or_default() as u32),
                number => What::Breakpoint(number),
            });
        }
        _ => false,
    };
    if done {
        registers.skip(instruction);
        return Outcome::Done;
    }
    Outcome::Fault(match operand {
        Some(address) if !instruction.is_privileged() => What::BadOperand(address),
        _ => What::Privileged(instruction.mnemonic()),
    })
}
