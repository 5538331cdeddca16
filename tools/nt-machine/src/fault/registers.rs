//! The registers of the interrupted code.

use iced_x86::{Decoder, DecoderOptions, Instruction, Register};

use crate::memory;
use crate::unwind::Context;

/// Where each general register is in the saved context, by its number in instructions.
const GENERAL: [libc::c_int; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

const TRAP: i64 = 1 << 8;

/// Direction, trap and alignment-check flags, which ordinary code expects to be clear.
const FLAGS_TO_CLEAR: i64 = 1 << 10 | TRAP | 1 << 18;

pub(super) struct Registers<'a>(&'a mut libc::ucontext_t);

impl<'a> Registers<'a> {
    pub(super) fn new(context: &'a mut libc::ucontext_t) -> Self {
        Self(context)
    }

    fn saved(&self, index: libc::c_int) -> i64 {
        self.0.uc_mcontext.gregs[index as usize]
    }

    fn saved_mut(&mut self, index: libc::c_int) -> &mut i64 {
        &mut self.0.uc_mcontext.gregs[index as usize]
    }

    /// The address of the instruction.
    pub(super) fn instruction_pointer(&self) -> usize {
        self.saved(libc::REG_RIP) as usize
    }

    pub(super) fn stack_pointer(&self) -> usize {
        self.saved(libc::REG_RSP) as usize
    }

    /// The exception's vector: 13 general protection, 14 page fault.
    pub(super) fn vector(&self) -> u64 {
        self.saved(libc::REG_TRAPNO) as u64
    }

    /// The exception's error code.
    pub(super) fn error(&self) -> u64 {
        self.saved(libc::REG_ERR) as u64
    }

    /// The value of a general register, in the width of the name.
    pub(super) fn get(&self, register: Register) -> Option<u64> {
        if !register.is_gpr() {
            return None;
        }
        let full = self.saved(GENERAL[register.full_register().number()]) as u64;
        Some(match register.size() {
            8 => full,
            4 => full & 0xFFFF_FFFF,
            2 => full & 0xFFFF,
            _ if (Register::AH..=Register::BH).contains(&register) => full >> 8 & 0xFF,
            _ => full & 0xFF,
        })
    }

    /// Sets a general register, as an instruction that writes this width would.
    pub(super) fn set(&mut self, register: Register, value: u64) {
        let high = (Register::AH..=Register::BH).contains(&register);
        let saved = self.saved_mut(GENERAL[register.full_register().number()]);
        let old = *saved as u64;
        *saved = match register.size() {
            8 => value,
            4 => value & 0xFFFF_FFFF,
            2 => old & !0xFFFF | value & 0xFFFF,
            _ if high => old & !0xFF00 | (value & 0xFF) << 8,
            _ => old & !0xFF | value & 0xFF,
        } as i64;
    }

    /// Whether the next instruction is followed by a trap.
    pub(super) fn set_trap(&mut self, on: bool) {
        let flags = self.saved_mut(libc::REG_EFL);
        *flags = if on { *flags | TRAP } else { *flags & !TRAP };
    }

    /// Goes on after an instruction.
    pub(super) fn skip(&mut self, instruction: &Instruction) {
        *self.saved_mut(libc::REG_RIP) = instruction.next_ip() as i64;
    }

    /// All registers, as exception handling wants them.
    pub(super) fn context(&self) -> Context {
        let mut context = Context::new();
        context.rip = self.instruction_pointer() as u64;
        context.eflags = self.saved(libc::REG_EFL) as u32;
        for (number, &index) in GENERAL.iter().enumerate() {
            context.general[number] = self.saved(index) as u64;
        }
        // SAFETY: the system fills the pointer in for every handler; the state stays valid while it runs.
        let floating = unsafe { self.0.uc_mcontext.fpregs.as_ref() };
        if let Some(floating) = floating {
            for (to, from) in context.xmm.iter_mut().zip(&floating._xmm) {
                let [a, b, c, d] = from.element.map(u64::from);
                *to = [a | b << 32, c | d << 32];
            }
        }
        context
    }

    /// Goes on at a function that takes one argument and never returns, on another stack.
    pub(super) fn go_to(&mut self, function: usize, argument: usize, stack_top: usize) {
        *self.saved_mut(libc::REG_RIP) = function as i64;
        *self.saved_mut(libc::REG_RDI) = argument as i64;
        // At a function's entry the stack pointer is 8 below a multiple of 16.
        *self.saved_mut(libc::REG_RSP) = ((stack_top & !15) - 8) as i64;
        *self.saved_mut(libc::REG_EFL) &= !FLAGS_TO_CLEAR;
    }

    /// The instruction at the instruction pointer.
    pub(super) fn instruction(&self) -> Option<Instruction> {
        const LONGEST: usize = 15;
        let address = self.instruction_pointer();
        // The code may end before the longest instruction would.
        let length = (1..=LONGEST).rev().find(|&length| memory::readable(address, length))?;
        // SAFETY: the range was just found readable; code is not written while it runs.
        let bytes = unsafe { std::slice::from_raw_parts(address as *const u8, length) };
        let mut decoder = Decoder::with_ip(64, bytes, address as u64, DecoderOptions::AMD);
        let instruction = decoder.decode();
        (!instruction.is_invalid()).then_some(instruction)
    }

    /// The address of an instruction's memory operand, segment bases apart.
    pub(super) fn memory_operand(&self, instruction: &Instruction) -> Option<usize> {
        let has_memory =
            (0..instruction.op_count()).any(|operand| matches!(instruction.op_kind(operand), iced_x86::OpKind::Memory));
        if !has_memory {
            return None;
        }
        if instruction.is_ip_rel_memory_operand() {
            return Some(instruction.ip_rel_memory_address() as usize);
        }
        let part = |register: Register| match register {
            Register::None => Some(0),
            register => self.get(register),
        };
        let base = part(instruction.memory_base())?;
        let index = part(instruction.memory_index())?.wrapping_mul(u64::from(instruction.memory_index_scale()));
        Some(base.wrapping_add(index).wrapping_add(instruction.memory_displacement64()) as usize)
    }
}
