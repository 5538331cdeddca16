//! The crossing between host and driver.
//!
//! A driver calls the host through [`thunk`]s, which record the [`Site`], judge the IRQL and are scheduling points.
//! The host calls the driver through [`driver`], which names the callback and judges how it comes back.

mod stub;

use std::cell::{Cell, RefCell};

use crate::findings::{self, Rule};
use crate::irql;
use crate::machine::trace;
pub use stub::{calls, missing, thunk};
pub(crate) use stub::{set_up, tear_down};

/// A kernel function in progress, and the driver's code that called it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Its name; empty when no kernel function is in progress.
    pub function: &'static str,
    /// The return address in the driver, 0 when there is none.
    pub caller: usize,
}

/// A kernel function that the host provides.
#[derive(Clone, Copy, Debug)]
pub struct Export {
    /// Its name, as the driver imports it.
    pub name: &'static str,
    /// The `extern "win64"` function.
    pub address: *const (),
    /// The highest IRQL that it may be called at.
    pub max_irql: u8,
    /// The lowest IRQL that it may be called at.
    pub min_irql: u8,
}

// SAFETY: the address is that of a function, which any thread may call; nothing is reached through it otherwise.
unsafe impl Sync for Export {}
// SAFETY: as for Sync.
unsafe impl Send for Export {}

/// What a simulated thread has in progress between host and driver.
#[derive(Default)]
pub(crate) struct Context {
    site: Site,
    callbacks: Vec<String>,
    locks: Vec<(usize, &'static str)>,
    /// Stack pointer at the innermost callback's entry.
    entry: usize,
    frame: Frame,
    /// The exception that is being offered to the driver's frames, as an address, or 0.
    exception: usize,
}

impl Context {
    /// The kernel function in progress.
    pub(crate) fn site(&self) -> Site {
        self.site
    }
}

/// The registers that a callee preserves, as the driver's code has them after the kernel function in progress.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Frame {
    rbx: u64,
    rbp: u64,
    rsi: u64,
    rdi: u64,
    r12: u64,
    r13: u64,
    r14: u64,
    r15: u64,
    rsp: u64,
    /// Where the driver's code goes on.
    pub(crate) rip: u64,
    /// xmm6 to xmm15.
    pub(crate) xmm: [[u64; 2]; 10],
}

impl Frame {
    const NONE: Self =
        Self { rbx: 0, rbp: 0, rsi: 0, rdi: 0, r12: 0, r13: 0, r14: 0, r15: 0, rsp: 0, rip: 0, xmm: [[0; 2]; 10] };

    /// The general registers with their numbers in instructions.
    pub(crate) fn general(&self) -> [(usize, u64); 9] {
        [
            (3, self.rbx),
            (4, self.rsp),
            (5, self.rbp),
            (6, self.rsi),
            (7, self.rdi),
            (12, self.r12),
            (13, self.r13),
            (14, self.r14),
            (15, self.r15),
        ]
    }
}

/// The deepest use of the stack by driver code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackUse {
    /// Bytes from the entry of the callback to the call of the kernel function.
    pub bytes: usize,
    /// The callback.
    pub callback: String,
    /// The kernel function.
    pub function: &'static str,
}

thread_local! {
    static SITE: Cell<Site> = const { Cell::new(Site { function: "", caller: 0 }) };
    static CALLBACKS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static LOCKS: RefCell<Vec<(usize, &'static str)>> = const { RefCell::new(Vec::new()) };
    static ENTRY: Cell<usize> = const { Cell::new(0) };
    static FRAME: Cell<Frame> = const { Cell::new(Frame::NONE) };
    static EXCEPTION: Cell<usize> = const { Cell::new(0) };
    static DEEPEST: Cell<usize> = const { Cell::new(0) };
    static STACK_USE: RefCell<StackUse> = RefCell::new(StackUse::default());
}

/// Puts another thread's context in the place of the running one's, which is returned.
pub(crate) fn replace(context: Context) -> Context {
    Context {
        site: SITE.replace(context.site),
        callbacks: CALLBACKS.replace(context.callbacks),
        locks: LOCKS.replace(context.locks),
        entry: ENTRY.replace(context.entry),
        frame: FRAME.replace(context.frame),
        exception: EXCEPTION.replace(context.exception),
    }
}

fn clear() {
    drop(replace(Context::default()));
    DEEPEST.set(0);
    drop(STACK_USE.take());
}

/// The kernel function in progress on the running thread.
pub fn site() -> Site {
    SITE.get()
}

/// The registers of the driver's code that called the kernel function in progress.
pub(crate) fn frame() -> Frame {
    FRAME.get()
}

/// The exception that is being offered on the running thread.
pub(crate) fn exception() -> usize {
    EXCEPTION.get()
}

/// Notes the exception that is being offered on the running thread.
pub(crate) fn set_exception(exception: usize) {
    EXCEPTION.set(exception);
}

/// The name of the innermost callback of the driver in progress on the running thread.
pub fn callback() -> Option<String> {
    CALLBACKS.with_borrow(|callbacks| callbacks.last().cloned())
}

/// What a finding names: the kernel function, else the callback, else the thread.
pub(crate) fn function_in_progress() -> String {
    match site().function {
        "" => callback().unwrap_or_else(crate::threads::current_name),
        function => function.to_owned(),
    }
}

/// The deepest use of a stack by driver code so far, seen where it called the kernel.
pub fn stack_use() -> StackUse {
    STACK_USE.with_borrow(StackUse::clone)
}

/// Calls into the driver. `what` names the callback. A changed IRQL and a spin lock still held are findings; the IRQL
/// is put right, and the locks that the callback took are forgotten.
pub fn driver<R>(what: &str, call: impl FnOnce() -> R) -> R {
    trace!("-> {what}");
    CALLBACKS.with_borrow_mut(|callbacks| callbacks.push(what.to_owned()));
    let outer = SITE.replace(Site::default());
    let level = irql::current();
    let held = LOCKS.with_borrow(Vec::len);
    let entry = ENTRY.replace(stub::stack_pointer());
    let (frame, exception) = (FRAME.replace(Frame::NONE), EXCEPTION.replace(0));
    let result = call();
    FRAME.set(frame);
    EXCEPTION.set(exception);
    ENTRY.set(entry);
    let caller = SITE.replace(outer).caller;
    judge_return(what, level, held, caller);
    CALLBACKS.with_borrow_mut(Vec::pop);
    trace!("<- {what}");
    result
}

fn judge_return(what: &str, level: u8, held: usize, caller: usize) {
    let now = irql::current();
    if now != level {
        let text = format_args!("returns at IRQL {now}; it was called at {level}");
        findings::report_at(Rule::Irql, what, "", caller, text);
        irql::set(level);
    }
    let kept = LOCKS.with_borrow_mut(|locks| locks.split_off(held.min(locks.len())));
    for (lock, kind) in kept {
        let text = format_args!("returns with a {kind} held");
        findings::report_at(Rule::Lock, what, format_args!("{lock:#x}"), caller, text);
    }
}

/// Records that the running thread holds a spin lock.
pub fn hold(lock: usize, what: &'static str) {
    LOCKS.with_borrow_mut(|locks| locks.push((lock, what)));
}

/// Records that the running thread lets a spin lock go. False: it does not hold it.
pub fn release(lock: usize) -> bool {
    LOCKS.with_borrow_mut(|locks| {
        let index = locks.iter().rposition(|held| held.0 == lock);
        index.map(|index| locks.remove(index)).is_some()
    })
}

/// The spin locks that the running thread holds, in the order of taking them.
pub fn held() -> Vec<(usize, &'static str)> {
    LOCKS.with_borrow(Vec::clone)
}

/// Judges the end of a simulated thread.
pub(crate) fn thread_ends() {
    let name = crate::threads::current_name();
    for (lock, kind) in LOCKS.take() {
        let text = format_args!("ends with a {kind} held");
        findings::report_at(Rule::Lock, &name, format_args!("{lock:#x}"), 0, text);
    }
}

#[cfg(test)]
mod tests;
