//! The handler of C's `__try` with `__except` and `__finally`.

use super::context::{Context, DispatcherContext, ExceptionRecord, flag};
use super::dispatch::{Disposition, unwind};

/// What a filter is told (EXCEPTION_POINTERS).
#[repr(C)]
struct Pointers {
    record: *mut ExceptionRecord,
    context: *mut Context,
}

/// An entry of a scope table: offsets from the image's base.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Scope {
    begin: u32,
    end: u32,
    /// A filter, 1 for one that takes everything, or a termination handler.
    handler: u32,
    /// Where the handling block is; 0 for a termination handler.
    target: u32,
}

/// A filter that takes everything, without being a function.
const TAKE_ALL: u32 = 1;

type Filter = extern "win64" fn(*mut Pointers, u64) -> i32;
type Termination = extern "win64" fn(u8, u64);

/// Decides for one frame, as `__C_specific_handler` does.
///
/// # Safety
/// The arguments must be those that a handler gets; the function's handler data must be a scope table.
pub unsafe extern "win64" fn c_specific_handler(
    record: *mut ExceptionRecord,
    frame: u64,
    context: *mut Context,
    dispatcher: *mut DispatcherContext,
) -> Disposition {
    // SAFETY: a handler gets a valid record, which nobody else uses while it runs.
    let record = unsafe { &mut *record };
    // SAFETY: as for the record.
    let dispatcher = unsafe { &mut *dispatcher };
    let base = dispatcher.image_base;
    let pc = (dispatcher.control_pc - base) as u32;
    // SAFETY: the handler data is a scope table, which begins with its length.
    let count = unsafe { dispatcher.handler_data.read_unaligned() };
    while dispatcher.scope_index < count {
        let index = dispatcher.scope_index as usize;
        dispatcher.scope_index += 1;
        let entry = dispatcher.handler_data.wrapping_add(1).cast::<Scope>().wrapping_add(index);
        // SAFETY: the entries follow the length.
        let scope = unsafe { entry.read_unaligned() };
        if !(scope.begin..scope.end).contains(&pc) {
            continue;
        }
        if record.flags & (flag::UNWINDING | flag::EXIT_UNWIND) == 0 {
            match scope.target {
                0 => {}
                target => match filter(&scope, base, record, context, frame) {
                    0 => {}
                    answer if answer < 0 => return Disposition::CONTINUE_EXECUTION,
                    _ => {
                        let code = u64::from(record.code);
                        unwind(frame, base + u64::from(target), Some(record), code)
                    }
                },
            }
            continue;
        }
        if record.flags & flag::TARGET_UNWIND != 0 {
            let target = (dispatcher.target_ip - base) as u32;
            // Control stays inside this scope, or goes to its own handling block: the scopes around it are not left.
            if (scope.begin..scope.end).contains(&target) || scope.target == target {
                break;
            }
        }
        if scope.target == 0 {
            // SAFETY: without a target the entry names a termination handler.
            let terminate: Termination = unsafe { std::mem::transmute((base + u64::from(scope.handler)) as usize) };
            terminate(1, frame);
        }
    }
    Disposition::CONTINUE_SEARCH
}

fn filter(scope: &Scope, base: u64, record: *mut ExceptionRecord, context: *mut Context, frame: u64) -> i32 {
    if scope.handler == TAKE_ALL {
        return 1;
    }
    // SAFETY: with a target the entry names a filter.
    let filter: Filter = unsafe { std::mem::transmute((base + u64::from(scope.handler)) as usize) };
    filter(&mut Pointers { record, context }, frame)
}
