//! Undoing one frame by the unwind codes of its function.

use iced_x86::{Decoder, DecoderOptions, Mnemonic, Register};

use super::context::{Context, RuntimeFunction, Xmm, register::RSP};
use crate::image;

/// Handler kinds in unwind information.
pub(super) const EXCEPTION_HANDLER: u8 = 1;
pub(super) const UNWIND_HANDLER: u8 = 2;
const CHAINED: u8 = 4;

/// What undoing a frame found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) image_base: u64,
    pub(super) function: *const RuntimeFunction,
    /// The frame, as handlers are told.
    pub(super) frame: u64,
    /// The handler of the wanted kind, or 0.
    pub(super) handler: usize,
    pub(super) handler_data: *const u32,
}

/// Operations of unwind codes.
mod operation {
    pub const PUSH: u8 = 0;
    pub const ALLOCATE_LARGE: u8 = 1;
    pub const ALLOCATE_SMALL: u8 = 2;
    pub const SET_FRAME: u8 = 3;
    pub const SAVE: u8 = 4;
    pub const SAVE_FAR: u8 = 5;
    pub const EPILOGUE: u8 = 6;
    pub const SPARE: u8 = 7;
    pub const SAVE_XMM: u8 = 8;
    pub const SAVE_XMM_FAR: u8 = 9;
    pub const MACHINE_FRAME: u8 = 10;
}

fn read<T: Copy>(address: u64) -> T {
    // SAFETY: unwinding reads the image's tables, which were mapped by the loader, and the stack of the thread that is
    // unwound; should either be damaged the access faults, and the machine reports that. Only used with plain numbers.
    unsafe { (address as *const T).read_unaligned() }
}

/// Unwind information at its address.
#[derive(Clone, Copy)]
struct Information(u64);

impl Information {
    fn flags(self) -> u8 {
        read::<u8>(self.0) >> 3
    }

    fn prologue_size(self) -> u64 {
        u64::from(read::<u8>(self.0 + 1))
    }

    fn count(self) -> u64 {
        u64::from(read::<u8>(self.0 + 2))
    }

    fn frame_register(self) -> usize {
        usize::from(read::<u8>(self.0 + 3) & 15)
    }

    fn frame_offset(self) -> u64 {
        u64::from(read::<u8>(self.0 + 3) >> 4) * 16
    }

    /// The half word of a code slot.
    fn slot(self, index: u64) -> u16 {
        read(self.0 + 4 + 2 * index)
    }

    /// What follows the codes: a handler, or the entry of the function that this is a part of.
    fn tail(self) -> u64 {
        self.0 + 4 + 2 * self.count().next_multiple_of(2)
    }

    fn codes(self) -> Codes {
        Codes { information: self, next: 0 }
    }
}

/// One code: offset in the prologue, operation, information, operand.
struct Code {
    offset: u64,
    operation: u8,
    information: u8,
    operand: u64,
}

struct Codes {
    information: Information,
    next: u64,
}

impl Iterator for Codes {
    type Item = Code;

    fn next(&mut self) -> Option<Code> {
        if self.next >= self.information.count() {
            return None;
        }
        let [offset, rest] = self.information.slot(self.next).to_le_bytes();
        let (operation, information) = (rest & 15, rest >> 4);
        let slot = |index| u64::from(self.information.slot(self.next + index));
        let wide = || slot(1) | slot(2) << 16;
        let (operand, slots) = match (operation, information) {
            (operation::ALLOCATE_LARGE, 0) => (slot(1) * 8, 2),
            (operation::ALLOCATE_LARGE, _) => (wide(), 3),
            (operation::ALLOCATE_SMALL, size) => (u64::from(size) * 8 + 8, 1),
            (operation::SAVE, _) => (slot(1) * 8, 2),
            (operation::SAVE_XMM, _) => (slot(1) * 16, 2),
            (operation::SAVE_FAR | operation::SAVE_XMM_FAR | operation::SPARE, _) => (wide(), 3),
            _ => (0, 1),
        };
        self.next += slots;
        Some(Code { offset: u64::from(offset), operation, information, operand })
    }
}

/// Finds the table entry of the function that holds an address: the image's base and the entry.
pub fn lookup(pc: u64) -> Option<(u64, *const RuntimeFunction)> {
    let (base, table, count) = image::function_table(pc as usize)?;
    let offset = (pc - base as u64) as u32;
    let entry = |index: usize| (table + index * size_of::<RuntimeFunction>()) as *const RuntimeFunction;
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        let function: RuntimeFunction = read(entry(middle) as u64);
        if offset < function.begin {
            high = middle;
        } else if offset >= function.end {
            low = middle + 1;
        } else {
            return Some((base as u64, entry(middle)));
        }
    }
    None
}

fn pop(context: &mut Context) -> u64 {
    let value = read(context.rsp());
    context.general[RSP] += 8;
    value
}

/// Undoes the frame of the function that `context` is in. A function without table entry has no frame.
pub(super) fn undo(context: &mut Context, wanted: u8) -> Option<Found> {
    let Some((image_base, function)) = lookup(context.rip) else {
        context.rip = pop(context);
        return None;
    };
    Some(undo_function(context, image_base, function, context.rip, wanted))
}

/// Undoes the frame of a function of which `pc` is executed.
pub(super) fn undo_function(
    context: &mut Context,
    image_base: u64,
    function: *const RuntimeFunction,
    pc: u64,
    wanted: u8,
) -> Found {
    let entry: RuntimeFunction = read(function as u64);
    let information = Information(image_base + u64::from(entry.unwind));
    let offset = pc - image_base - u64::from(entry.begin);
    let in_prologue = offset < information.prologue_size();
    let frame = establisher(context, information, offset);
    let none = Found { image_base, function, frame, handler: 0, handler_data: std::ptr::null() };
    if !in_prologue
        && leave_by_epilogue(context, pc, image_base + u64::from(entry.begin)..image_base + u64::from(entry.end))
    {
        return none;
    }
    apply(context, information, image_base, if in_prologue { offset } else { u64::MAX }, frame);
    if in_prologue || information.flags() & CHAINED != 0 || information.flags() & wanted == 0 {
        return none;
    }
    let handler = image_base as usize + read::<u32>(information.tail()) as usize;
    Found { handler, handler_data: (information.tail() + 4) as *const u32, ..none }
}

/// The frame: the stack pointer, or what the frame register says once it is set.
fn establisher(context: &Context, information: Information, offset: u64) -> u64 {
    let register = information.frame_register();
    let set = information.codes().any(|code| code.operation == operation::SET_FRAME && code.offset <= offset);
    if register != 0 && (set || information.flags() & CHAINED != 0) {
        context.general[register].wrapping_sub(information.frame_offset())
    } else {
        context.rsp()
    }
}

/// Undoes the codes of a prologue up to an offset, then those of the function that it is a part of.
fn apply(context: &mut Context, information: Information, image_base: u64, offset: u64, frame: u64) {
    let mut returned = false;
    for code in information.codes().filter(|code| code.offset <= offset) {
        let register = usize::from(code.information);
        match code.operation {
            operation::PUSH => context.general[register] = pop(context),
            operation::ALLOCATE_LARGE | operation::ALLOCATE_SMALL => context.general[RSP] += code.operand,
            operation::SET_FRAME => {
                let base = context.general[information.frame_register()];
                context.general[RSP] = base.wrapping_sub(information.frame_offset());
            }
            operation::SAVE | operation::SAVE_FAR => context.general[register] = read(frame + code.operand),
            operation::SAVE_XMM | operation::SAVE_XMM_FAR => context.xmm[register] = read::<Xmm>(frame + code.operand),
            operation::MACHINE_FRAME => {
                let start = context.rsp() + if code.information == 0 { 0 } else { 8 };
                context.rip = read(start);
                context.general[RSP] = read(start + 24);
                returned = true;
            }
            operation::EPILOGUE | operation::SPARE => {}
            _ => {}
        }
    }
    if information.flags() & CHAINED != 0 {
        let whole: RuntimeFunction = read(information.tail());
        let whole = Information(image_base + u64::from(whole.unwind));
        apply(context, whole, image_base, u64::MAX, frame);
    } else if !returned {
        context.rip = pop(context);
    }
}

/// Carries the rest of an epilogue out, when that is where control is: `add rsp` or `lea rsp`, pops, and a return or a
/// jump out of the function.
fn leave_by_epilogue(context: &mut Context, pc: u64, function: std::ops::Range<u64>) -> bool {
    if !function.contains(&pc) {
        return false;
    }
    // SAFETY: the function's code was mapped readable by the loader.
    let code = unsafe { std::slice::from_raw_parts(pc as *const u8, (function.end - pc) as usize) };
    let mut after = context.clone();
    let mut decoder = Decoder::with_ip(64, code, pc, DecoderOptions::NONE);
    let mut first = true;
    while decoder.can_decode() {
        let instruction = decoder.decode();
        let to = instruction.op0_register();
        match instruction.mnemonic() {
            Mnemonic::Add if first && to == Register::RSP && instruction.op1_register() == Register::None => {
                after.general[RSP] = after.rsp().wrapping_add(instruction.immediate(1));
            }
            Mnemonic::Lea if first && to == Register::RSP && instruction.memory_index() == Register::None => {
                let base = instruction.memory_base();
                if !base.is_gpr64() {
                    return false;
                }
                after.general[RSP] = after.general[base.number()].wrapping_add(instruction.memory_displacement64());
            }
            Mnemonic::Pop if to.is_gpr64() => after.general[to.number()] = pop(&mut after),
            Mnemonic::Ret => break,
            // A jump out of the function ends an epilogue, but where it comes first the frame may still be there.
            Mnemonic::Jmp if first => return false,
            Mnemonic::Jmp if instruction.is_jmp_near_indirect() => break,
            Mnemonic::Jmp if !function.contains(&instruction.near_branch_target()) => break,
            _ => return false,
        }
        first = false;
    }
    after.rip = pop(&mut after);
    *context = after;
    true
}
