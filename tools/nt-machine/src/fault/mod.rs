//! Faults of the processor in simulated threads.
//!
//! The handler runs on a stack of its own and decides. An instruction that a kernel may execute and a process may not
//! is carried out and skipped ([`emulate`]). Anything else is described: the handler notes the fault and returns into
//! [`land`], which runs as ordinary code on another stack, reports the finding and ends the run. Faults outside of
//! simulated threads go to whoever handled them before.

mod describe;
mod emulate;
mod registers;
mod shared;
mod watchdog;

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::OnceLock;

use describe::Fault;
use registers::Registers;

use crate::unwind::{self, ACCESS_VIOLATION, Context, ExceptionRecord};
use crate::{image, memory, threads};

/// Bytes of the stack that handlers run on.
const HANDLER_STACK: usize = 128 * 1024;

/// Bytes of the stack that a fault is described on: the faulting one may be used up.
const LANDING_STACK: usize = 512 * 1024;

const SIGNALS: [libc::c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, watchdog::SIGNAL];

thread_local! {
    /// A fault is being described: another one would go round for ever.
    static DESCRIBING: Cell<bool> = const { Cell::new(false) };
    static LANDING: Cell<usize> = const { Cell::new(0) };
    static OLD_STACK: Cell<Option<libc::stack_t>> = const { Cell::new(None) };
}

/// What handled each signal before, in the order of [`SIGNALS`].
static PREVIOUS: OnceLock<[libc::sigaction; SIGNALS.len()]> = OnceLock::new();

/// Installs the handlers for the process, once, and the stacks for this machine.
pub(crate) fn set_up() {
    PREVIOUS.get_or_init(|| SIGNALS.map(install));
    let start = memory::raw("signal stack", HANDLER_STACK);
    let stack = libc::stack_t { ss_sp: start as *mut c_void, ss_flags: 0, ss_size: HANDLER_STACK };
    OLD_STACK.set(Some(switch_stack(&stack)));
    LANDING.set(memory::raw("fault stack", LANDING_STACK) + LANDING_STACK);
    DESCRIBING.set(false);
    shared::set_up();
    watchdog::set_up();
}

/// Gives the thread its former signal stack back, before the machine's memory goes.
pub(crate) fn tear_down() {
    watchdog::tear_down();
    if let Some(old) = OLD_STACK.take() {
        switch_stack(&old);
    }
    LANDING.set(0);
}

fn switch_stack(stack: &libc::stack_t) -> libc::stack_t {
    let mut old = libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
    // SAFETY: both point at valid structures; the stack named by the new one stays until it is replaced again.
    let result = unsafe { libc::sigaltstack(stack, &raw mut old) };
    assert_eq!(result, 0, "sigaltstack: {}", std::io::Error::last_os_error());
    old
}

fn install(signal: libc::c_int) -> libc::sigaction {
    type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut c_void);
    let handler: Handler = on_signal;
    // SAFETY: a sigaction of zeros is valid: default handling, no flags, empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: as above.
    let mut previous: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: both structures are valid; the handler has the signature that SA_SIGINFO asks for.
    let result = unsafe { libc::sigaction(signal, &raw const action, &raw mut previous) };
    assert_eq!(result, 0, "sigaction: {}", std::io::Error::last_os_error());
    previous
}

extern "C" fn on_signal(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the system hands valid structures to a handler installed with SA_SIGINFO.
    let details = unsafe { &*info };
    // SAFETY: for the signals that are handled the system fills the address in.
    let address = unsafe { details.si_addr() } as usize;
    // SAFETY: as above; nobody else refers to the context while the handler runs.
    let mut registers = Registers::new(unsafe { &mut *context.cast::<libc::ucontext_t>() });
    let may_land = LANDING.get() != 0 && threads::in_thread() && !DESCRIBING.get();
    if signal == watchdog::SIGNAL {
        if let Some(what) = watchdog::judge(&registers).filter(|_| may_land) {
            go_and_land(Fault::new(signal, address, &registers, what), &mut registers);
        }
    } else if may_land {
        if let emulate::Outcome::Fault(what) = emulate::emulate(signal, address, &mut registers) {
            go_and_land(Fault::new(signal, address, &registers, what), &mut registers);
        }
    } else {
        pass_on(signal, info, context);
    }
}

/// What the handler leaves for [`land`].
struct Landed {
    fault: Fault,
    context: Context,
    /// The thread's own stack is in use, with room on it.
    on_own_stack: bool,
}

/// Bytes that must be left on a stack to describe a fault there.
const ROOM: usize = 256 * 1024;

/// Makes the interrupted thread go on in [`land`].
fn go_and_land(fault: Fault, registers: &mut Registers<'_>) {
    let pointer = registers.stack_pointer();
    let stack = threads::stack();
    let on_own_stack = (stack.start + ROOM..stack.end).contains(&pointer);
    // Code of the host may use some bytes below its stack pointer.
    let top = if on_own_stack { pointer - 256 } else { LANDING.get() };
    let landed = (top - size_of::<Landed>()) & !63;
    let note = Landed { fault, context: registers.context(), on_own_stack };
    // SAFETY: the bytes are on a stack, below everything that is in use there, aligned, with room left below.
    unsafe { (landed as *mut Landed).write(note) };
    registers.go_to(land as extern "C" fn(&mut Landed) -> ! as usize, landed, landed);
}

/// Offers the noted fault to the driver's handlers, or describes it and ends the run.
extern "C" fn land(landed: &mut Landed) -> ! {
    if landed.on_own_stack {
        offer(landed);
    }
    DESCRIBING.set(true);
    describe::report(&landed.fault);
    DESCRIBING.set(false);
    threads::die()
}

/// Lets the driver's handlers have what they may: faults of its own code, and of the host's when that works on a
/// program's memory for the driver. Returns when none takes it.
fn offer(landed: &mut Landed) {
    let Some((code, parameters)) = landed.fault.exception() else { return };
    let own = image::contains(landed.fault.instruction_pointer());
    let context =
        if own { Some(landed.context.clone()) } else { unwind::capture().filter(|_| code == ACCESS_VIOLATION) };
    let Some(mut context) = context else { return };
    landed.fault.report_overrun();
    let mut record = ExceptionRecord::new(code, 0, context.rip, &parameters);
    unwind::offer(&mut record, &mut context);
}

/// Lets the former handler have the signal.
fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let index = SIGNALS.iter().position(|&own| own == signal);
    let previous = PREVIOUS.get().zip(index).map(|(previous, index)| previous[index]);
    match previous {
        Some(previous) if previous.sa_flags & libc::SA_SIGINFO != 0 && previous.sa_sigaction > libc::SIG_IGN => {
            type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut c_void);
            // SAFETY: with SA_SIGINFO the value is the address of a function of this signature.
            let handler: Handler = unsafe { std::mem::transmute(previous.sa_sigaction) };
            handler(signal, info, context);
        }
        _ => {
            // With default handling the instruction faults again, and the system ends the process.
            // SAFETY: sets default handling of a signal.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
}

#[cfg(test)]
mod tests;
