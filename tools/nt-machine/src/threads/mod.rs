//! Simulated kernel threads: coroutines of which one runs at a time.
//!
//! A thread goes on until it waits or until a scheduling point, where the seed decides whether another one that can
//! run does. The host's main context is not a thread: it makes threads and lets them go on by [`run`] and [`settle`].

mod scheduler;
mod stack;

use std::cell::{Cell, RefCell};

use corosensei::Yielder;

use crate::findings::{self, Rule};
use crate::machine::trace;
use crate::{irql, random, time};
use scheduler::{Pause, Resume, Scheduler, with};
pub use scheduler::{RunEnd, run, settle, waiting, waiting_calls};

/// A simulated thread; 0 is the host's main context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadId(pub u32);

type Hook = Box<dyn FnMut(u64)>;

thread_local! {
    static CURRENT: Cell<u32> = const { Cell::new(0) };
    static YIELDER: Cell<*const Yielder<Resume, Pause>> = const { Cell::new(std::ptr::null()) };
    /// Where the running thread's stack starts.
    static STACK: Cell<usize> = const { Cell::new(0) };
    static DEAD: Cell<bool> = const { Cell::new(false) };
    static POINTS: Cell<u64> = const { Cell::new(0) };
    static HOOKED: Cell<bool> = const { Cell::new(false) };
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    /// A thread is switched away from at a point when the drawn number has none of these bits; `None`: never.
    static PREEMPTION: Cell<Option<u64>> = const { Cell::new(None) };
    /// Points since a thread last waited or began.
    static BUSY: Cell<u64> = const { Cell::new(0) };
}

pub(crate) fn set_up(seed: u64) {
    scheduler::set_up(seed != 0);
    CURRENT.set(0);
    DEAD.set(false);
    POINTS.set(0);
    BUSY.set(0);
    HOOKED.set(false);
    drop(HOOK.take());
    // Seeds differ in how often they switch: every second point to every sixteenth.
    PREEMPTION.set((seed != 0).then(|| (2 << random::below(4)) - 1));
    show_main();
}

pub(crate) fn tear_down() {
    HOOKED.set(false);
    drop(HOOK.take());
    scheduler::tear_down();
    CURRENT.set(0);
    YIELDER.set(std::ptr::null());
}

fn show_main() {
    STACK.set(0);
    let (object, _) = scheduler::shown(0);
    crate::processor::set_thread(object, 0, 0);
}

/// Makes a thread that can run; it starts at a later scheduling choice, at `irql`.
pub fn spawn(name: &str, irql: u8, body: Box<dyn FnOnce()>) -> ThreadId {
    let id = scheduler::spawn(name, irql, body);
    trace!("spawn {} {name}", id.0);
    id
}

/// The running thread.
pub fn current() -> ThreadId {
    ThreadId(CURRENT.get())
}

/// The running thread's name.
pub fn current_name() -> String {
    match CURRENT.get() {
        0 => "the host".to_owned(),
        id => with(|scheduler| scheduler.name_of(id)),
    }
}

/// A zeroed page that stands for the thread's object: what `gs:[0x188]` shows while it runs. Stays after its end.
pub fn thread_object(id: ThreadId) -> *mut u8 {
    scheduler::object(id.0) as *mut u8
}

/// A scheduling point.
pub fn point() {
    let number = POINTS.get() + 1;
    POINTS.set(number);
    if HOOKED.get() {
        call_hook(number);
    }
    if CURRENT.get() == 0 {
        return;
    }
    let busy = BUSY.get() + 1;
    BUSY.set(busy);
    if busy.is_multiple_of(TIME_SLICE) {
        end_time_slice(busy);
    } else if PREEMPTION.get().is_some_and(|mask| random::next() & mask == 0) && Scheduler::has_others() {
        suspend(Pause::Point);
    }
}

/// Points after which a thread that never waits is switched away from, whatever the seed: what it polls for may need
/// another thread.
const TIME_SLICE: u64 = 1 << 14;

/// Points after which nothing is expected to come any more.
const ENDLESS: u64 = if cfg!(test) { 100_000 } else { 10_000_000 };

#[cold]
fn end_time_slice(busy: u64) {
    if busy >= ENDLESS {
        findings::fatal(Rule::Stuck, "", format_args!("called the kernel {busy} times and nobody ever waited"));
    }
    suspend(Pause::Point);
}

/// Lets others go on, when the clock was moved by a thread that stalls.
pub(crate) fn give_way() {
    if CURRENT.get() != 0 {
        suspend(Pause::Point);
    }
}

/// How many scheduling points there were.
pub fn points() -> u64 {
    POINTS.get()
}

/// Sets what is called at each point, with the point's number; not while it is being called.
pub fn on_point(hook: Option<Box<dyn FnMut(u64)>>) {
    HOOKED.set(hook.is_some());
    drop(HOOK.replace(hook));
}

#[cold]
fn call_hook(number: u64) {
    let Some(mut hook) = HOOK.take() else { return };
    HOOKED.set(false);
    hook(number);
    // The hook may have put another one, or none, in its own place.
    if !HOOKED.get() && HOOK.with_borrow(Option::is_none) {
        on_point(Some(hook));
    }
}

/// Waits until `ready` holds. False: the clock reached `deadline` first. At DISPATCH_LEVEL or above it is a finding.
///
/// `ready` may be asked any number of times and must not change anything. When this returns true it holds: nobody ran
/// in between.
pub fn block(what: &str, deadline: Option<i64>, ready: &dyn Fn() -> bool) -> bool {
    let level = irql::current();
    if level >= irql::DISPATCH {
        findings::report(Rule::Wait, what, format_args!("waits at IRQL {level}"));
    }
    wait(what, deadline, ready)
}

/// Waits actively until `ready` holds: at any IRQL, as another processor goes on. The rules of [`block`] hold.
pub fn spin(what: &str, ready: &dyn Fn() -> bool) {
    wait(what, None, ready);
}

fn wait(what: &str, deadline: Option<i64>, ready: &dyn Fn() -> bool) -> bool {
    let passed = || deadline.is_some_and(|deadline| deadline <= time::now());
    if ready() {
        return true;
    }
    if passed() {
        return false;
    }
    let id = CURRENT.get();
    if id == 0 {
        return matches!(run(ready, deadline), RunEnd::Done);
    }
    trace!("waits for {what}");
    with(|scheduler| scheduler.set_wait(id, what, deadline));
    BUSY.set(0);
    let mut pause = Pause::Wait;
    loop {
        match suspend(pause) {
            Resume::Poll => pause = if ready() { Pause::Ready } else { Pause::Wait },
            Resume::Run => {
                let ready = ready();
                if ready || passed() {
                    with(|scheduler| scheduler.end_wait(id));
                    return ready;
                }
                pause = Pause::Wait;
            }
        }
    }
}

/// Gives the processor to the scheduler.
fn suspend(pause: Pause) -> Resume {
    // SAFETY: the yielder lies on the running coroutine's stack; it was set when that coroutine was resumed.
    let yielder = unsafe { &*YIELDER.get() };
    yielder.suspend(pause)
}

/// Ends the run: the running thread never goes on.
pub(crate) fn die() -> ! {
    if DEAD.replace(true) && CURRENT.get() != 0 {
        // The driver destroyed what it takes to leave its stack: nothing can be saved but the sentence.
        eprintln!("nothing can go on after: {}", findings::last().unwrap_or_default());
        std::process::abort();
    }
    if CURRENT.get() == 0 {
        panic!("outside of a simulated thread: {}", findings::last().unwrap_or_default());
    }
    loop {
        suspend(Pause::Dead);
    }
}

/// The stack that holds an address, as a block.
pub(crate) fn stack_block(address: usize) -> Option<crate::memory::Block> {
    scheduler::stack_block(address)
}

/// The running thread's stack; empty in the main context.
pub(crate) fn stack() -> std::ops::Range<usize> {
    STACK.get()..STACK.get() + if STACK.get() == 0 { 0 } else { stack::STACK_SIZE }
}

/// Whether a thread runs, rather than the main context.
pub(crate) fn in_thread() -> bool {
    CURRENT.get() != 0
}

#[cfg(test)]
mod tests;
