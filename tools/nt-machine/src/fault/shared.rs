//! Reads of the page that the kernel shares with everyone.
//!
//! Plain loads are carried out. Other instructions are let loose on a copy of the page: the base register is moved
//! there for one step, after which a trap moves it back.

use std::cell::Cell;

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

use super::registers::Registers;
use crate::{memory, shared_page};

/// An instruction that works on the copy.
#[derive(Clone, Copy)]
struct Step {
    base: Register,
    value: u64,
}

thread_local! {
    static COPY: Cell<usize> = const { Cell::new(0) };
    static STEP: Cell<Option<Step>> = const { Cell::new(None) };
}

/// Makes the place for the copy.
pub(super) fn set_up() {
    COPY.set(memory::raw("shared page", shared_page::SIZE));
    STEP.set(None);
}

/// The bit of a page fault's error code that says that it was a write.
const WRITE: u64 = 1 << 1;

/// Lets the instruction at which control is read from the page. False: it is no instruction that can.
pub(super) fn read(registers: &mut Registers<'_>, instruction: &Instruction, address: usize) -> bool {
    registers.error() & WRITE == 0 && (load(registers, instruction, address) || step(registers, instruction))
}

/// Carries a plain load out.
fn load(registers: &mut Registers<'_>, instruction: &Instruction, address: usize) -> bool {
    let is_load = instruction.op_count() == 2
        && instruction.op0_kind() == OpKind::Register
        && instruction.op0_register().is_gpr()
        && instruction.op1_kind() == OpKind::Memory;
    if !is_load {
        return false;
    }
    let size = instruction.memory_size().size();
    let Some(value) = shared_page::load(address, size) else { return false };
    let value = match instruction.mnemonic() {
        Mnemonic::Mov | Mnemonic::Movzx => value,
        Mnemonic::Movsx | Mnemonic::Movsxd => {
            let unused = 64 - 8 * size as u32;
            ((value << unused) as i64 >> unused) as u64
        }
        _ => return false,
    };
    registers.set(instruction.op0_register(), value);
    registers.skip(instruction);
    true
}

/// Moves the base register to the copy for one instruction, which may not use it otherwise.
fn step(registers: &mut Registers<'_>, instruction: &Instruction) -> bool {
    let base = instruction.memory_base();
    let used_otherwise = (0..instruction.op_count()).any(|operand| {
        let register = instruction.op_register(operand);
        instruction.op_kind(operand) == OpKind::Register && register.full_register() == base
    });
    if !base.is_gpr64() || used_otherwise || instruction.memory_index() == base {
        return false;
    }
    let Some(value) = registers.get(base) else { return false };
    let page = shared_page::page();
    // SAFETY: the copy's page was made by `set_up`, is as long and read by nobody while the signal is handled.
    unsafe { std::ptr::copy_nonoverlapping(page.as_ptr(), COPY.get() as *mut u8, page.len()) };
    registers.set(base, value.wrapping_sub(shared_page::START as u64).wrapping_add(COPY.get() as u64));
    registers.set_trap(true);
    STEP.set(Some(Step { base, value }));
    true
}

/// Moves the base register back, when this trap ends such a step.
pub(super) fn finish_step(registers: &mut Registers<'_>) -> bool {
    let Some(Step { base, value }) = STEP.take() else { return false };
    registers.set(base, value);
    registers.set_trap(false);
    true
}
