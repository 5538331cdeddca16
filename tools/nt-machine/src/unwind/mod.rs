//! Structured exception handling of x86-64 images: what happens when a kernel function raises an exception, or a
//! driver touches a program's memory that is not there, inside `__try`.
//!
//! An exception is offered to the frames of the driver that are on the stack, the innermost first, up to the host's
//! own frames: exceptions never cross those. A handler that takes it unwinds to its frame, running the termination
//! handlers of the frames between. Host frames that are given up on the way are not unwound: whoever raises an
//! exception may not hold a borrow or anything else that must be dropped.

mod codes;
mod context;
mod dispatch;
mod scope;

pub use codes::lookup;
pub use context::{Context, DispatcherContext, ExceptionRecord, RuntimeFunction, flag, register};
pub(crate) use dispatch::offer;
pub use dispatch::{Disposition, capture, raise, unwind};
pub use scope::c_specific_handler;

/// Status of an access to memory that is not there.
pub const ACCESS_VIOLATION: u32 = 0xC000_0005;

/// Undoes one frame, as RtlVirtualUnwind does. `handler_kind` is 1 for exception handlers, 2 for termination handlers,
/// 0 for none. Returns the handler's address (0: none), its data and the frame.
pub fn virtual_unwind(
    handler_kind: u8,
    image_base: u64,
    pc: u64,
    function: *const RuntimeFunction,
    context: &mut Context,
) -> (usize, *const u32, u64) {
    let found = codes::undo_function(context, image_base, function, pc, handler_kind);
    (found.handler, found.handler_data, found.frame)
}

#[cfg(test)]
mod tests;
