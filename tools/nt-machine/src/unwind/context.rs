//! The structures of exception handling, as drivers see them.

use std::mem::offset_of;

/// A 128-bit register.
pub type Xmm = [u64; 2];

/// The registers of a thread (CONTEXT). Parts that nothing here uses are only room.
#[repr(C, align(16))]
#[derive(Clone)]
pub struct Context {
    homes: [u64; 6],
    /// Which parts are valid.
    pub flags: u32,
    /// Control and status of floating point.
    pub mxcsr: u32,
    segments: [u16; 6],
    /// Processor flags.
    pub eflags: u32,
    debug: [u64; 6],
    /// General registers by their number in instructions: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15.
    pub general: [u64; 16],
    /// Where the thread goes on.
    pub rip: u64,
    legacy: [u64; 20],
    /// xmm0 to xmm15.
    pub xmm: [Xmm; 16],
    rest: [u64; 70],
}

/// Numbers of registers with a role.
pub mod register {
    /// Return value.
    pub const RAX: usize = 0;
    /// Stack pointer.
    pub const RSP: usize = 4;
}

const _: () = assert!(offset_of!(Context, flags) == 0x30);
const _: () = assert!(offset_of!(Context, eflags) == 0x44);
const _: () = assert!(offset_of!(Context, general) == 0x78);
const _: () = assert!(offset_of!(Context, rip) == 0xF8);
const _: () = assert!(offset_of!(Context, xmm) == 0x1A0);
const _: () = assert!(size_of::<Context>() == 0x4D0);

/// Control, integer and floating-point parts of an x86-64 context.
const FULL: u32 = 0x0010_000B;

/// The control and status register as a kernel starts with it: all exceptions masked.
const MXCSR: u32 = 0x1F80;

impl Context {
    /// Registers that are all zero.
    pub(crate) fn new() -> Self {
        Self {
            homes: [0; 6],
            flags: FULL,
            mxcsr: MXCSR,
            segments: [0; 6],
            eflags: 0x202,
            debug: [0; 6],
            general: [0; 16],
            rip: 0,
            legacy: [0; 20],
            xmm: [[0; 2]; 16],
            rest: [0; 70],
        }
    }

    /// The stack pointer.
    pub fn rsp(&self) -> u64 {
        self.general[register::RSP]
    }
}

/// An exception (EXCEPTION_RECORD).
#[repr(C)]
#[derive(Clone, Debug)]
pub struct ExceptionRecord {
    /// The status.
    pub code: u32,
    /// Bits of [`flag`].
    pub flags: u32,
    /// The exception during whose handling this one came.
    pub nested: *mut ExceptionRecord,
    /// Where it happened.
    pub address: u64,
    /// How many parameters there are.
    pub parameter_count: u32,
    /// The parameters: of an access violation, 0 read, 1 write or 8 execute, and the address.
    pub parameters: [u64; 15],
}

const _: () = assert!(offset_of!(ExceptionRecord, parameters) == 0x20);
const _: () = assert!(size_of::<ExceptionRecord>() == 0x98);

impl ExceptionRecord {
    pub(crate) fn new(code: u32, flags: u32, address: u64, parameters: &[u64]) -> Self {
        let mut all = [0; 15];
        let count = parameters.len().min(all.len());
        all[..count].copy_from_slice(&parameters[..count]);
        Self { code, flags, nested: std::ptr::null_mut(), address, parameter_count: count as u32, parameters: all }
    }
}

/// Flags of an exception.
pub mod flag {
    /// The code that raised it can not go on.
    pub const NONCONTINUABLE: u32 = 1;
    /// The stack is being unwound.
    pub const UNWINDING: u32 = 2;
    /// It is unwound to its very end.
    pub const EXIT_UNWIND: u32 = 4;
    /// This frame is the one unwound to.
    pub const TARGET_UNWIND: u32 = 0x20;
}

/// What a handler is told of its frame (DISPATCHER_CONTEXT).
#[repr(C)]
#[derive(Clone, Debug)]
pub struct DispatcherContext {
    /// Where in the function control is.
    pub control_pc: u64,
    /// The image's base.
    pub image_base: u64,
    /// The function's table entry.
    pub function: *const RuntimeFunction,
    /// The frame.
    pub frame: u64,
    /// Where an unwind goes on.
    pub target_ip: u64,
    /// The registers.
    pub context: *mut Context,
    /// The handler.
    pub handler: usize,
    /// What the function's unwind information holds for the handler.
    pub handler_data: *const u32,
    history: usize,
    /// Where the walk over the scopes goes on.
    pub scope_index: u32,
    fill: u32,
}

const _: () = assert!(size_of::<DispatcherContext>() == 0x50);

impl DispatcherContext {
    pub(super) fn new(found: &super::codes::Found, control_pc: u64, target_ip: u64, context: *mut Context) -> Self {
        Self {
            control_pc,
            image_base: found.image_base,
            function: found.function,
            frame: found.frame,
            target_ip,
            context,
            handler: found.handler,
            handler_data: found.handler_data,
            history: 0,
            scope_index: 0,
            fill: 0,
        }
    }
}

/// An entry of an image's function table (RUNTIME_FUNCTION): offsets from the image's base.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuntimeFunction {
    /// The first byte.
    pub begin: u32,
    /// Past the last byte.
    pub end: u32,
    /// The unwind information.
    pub unwind: u32,
}
