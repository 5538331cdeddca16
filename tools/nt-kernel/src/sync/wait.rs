//! Waits on dispatcher objects: first come, first served, as soon as the object is signalled.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use nt_machine::findings::{self, Rule};
use nt_machine::irql::{self, APC, DISPATCH};
use nt_machine::{call, threads, time};

use super::objects;
use crate::layout::DISPATCHER_HEADER;
use crate::status;

/// What a mutex is called among the locks that a thread holds.
pub(crate) const MUTEX: &str = "mutex";

/// What a framework's wait lock is called there.
pub const WAIT_LOCK: &str = "wait lock";

/// Somebody who waits.
struct Waiter {
    objects: Vec<*mut DISPATCHER_HEADER>,
    all: bool,
    thread: *mut u8,
    /// The object that ended the wait, by its place.
    satisfied: Cell<Option<usize>>,
}

thread_local! {
    static WAITERS: RefCell<Vec<Rc<Waiter>>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn reset() {
    WAITERS.replace(Vec::new());
}

impl Waiter {
    /// Takes what the objects give, if they give enough.
    fn try_satisfy(&self) -> bool {
        let signalled = |&object: &*mut DISPATCHER_HEADER| objects::is_signalled(object, self.thread);
        if self.all {
            if !self.objects.iter().all(signalled) {
                return false;
            }
            for &object in &self.objects {
                objects::consume(object, self.thread);
            }
            self.satisfied.set(Some(0));
        } else {
            let Some(place) = self.objects.iter().position(signalled) else { return false };
            objects::consume(self.objects[place], self.thread);
            self.satisfied.set(Some(place));
        }
        true
    }
}

/// An object was signalled: whoever waits for it, in the order of their coming, gets what there is.
pub(super) fn signalled(object: *mut DISPATCHER_HEADER) {
    let waiting: Vec<_> =
        WAITERS.with_borrow(|all| all.iter().filter(|w| w.objects.contains(&object)).cloned().collect());
    for waiter in waiting {
        if waiter.satisfied.get().is_none() && waiter.try_satisfy() {
            WAITERS.with_borrow_mut(|all| all.retain(|other| !Rc::ptr_eq(other, &waiter)));
        }
    }
}

/// Memory is freed that somebody waits for.
pub(super) fn check_freed(start: usize, size: usize) {
    let inside = |object: &*mut DISPATCHER_HEADER| (start..start + size).contains(&(*object as usize));
    if WAITERS.with_borrow(|all| all.iter().any(|waiter| waiter.objects.iter().any(inside))) {
        findings::report(Rule::UseAfterFree, "P", "memory was freed with an object in it that a thread waits for");
    }
}

/// The moment that a time-out means: negative relative, positive absolute system time; `None` without one.
pub(super) fn deadline(timeout: Option<i64>) -> Option<i64> {
    timeout.map(|timeout| {
        if timeout <= 0 { time::now().saturating_sub(timeout) } else { timeout - time::system_time() + time::now() }
    })
}

/// Waits for one object. `timeout` as the kernel has it, in units of 100 ns: `None` for ever, 0 not at all, negative
/// relative, positive absolute.
pub fn wait<T>(object: *mut T, timeout: Option<i64>) -> i32 {
    wait_for(&[object.cast()], false, timeout)
}

/// Waits for one of the objects, or all.
pub fn wait_for(of: &[*mut DISPATCHER_HEADER], all: bool, timeout: Option<i64>) -> i32 {
    let poll = timeout == Some(0);
    if !poll && irql::current() >= DISPATCH {
        findings::report(Rule::Wait, "Timeout", format_args!("a wait at IRQL {}", irql::current()));
    }
    for &object in of {
        objects::check(object);
    }
    if irql::current() == APC && timeout.is_none() && of.iter().any(|&object| crate::io::irp::is_awaited(object.cast()))
    {
        let text = "a wait at APC_LEVEL for a request that the system ends by an APC";
        findings::report(Rule::Wait, "Object", text);
    }
    let thread = threads::thread_object(threads::current());
    let waiter = Rc::new(Waiter { objects: of.to_vec(), all, thread, satisfied: Cell::new(None) });
    if waiter.try_satisfy() {
        return result(&waiter);
    }
    if poll {
        return status::TIMEOUT;
    }
    WAITERS.with_borrow_mut(|all| all.push(waiter.clone()));
    let names: Vec<_> = of.iter().map(|&object| objects::describe(object)).collect();
    threads::block(&names.join(", "), deadline(timeout), &|| waiter.satisfied.get().is_some());
    WAITERS.with_borrow_mut(|all| all.retain(|other| !Rc::ptr_eq(other, &waiter)));
    if waiter.satisfied.get().is_some() { result(&waiter) } else { status::TIMEOUT }
}

fn result(waiter: &Waiter) -> i32 {
    // Whoever signalled gave the mutex to this thread; that the thread holds it is noted on the thread itself.
    let taken = |&(place, _): &(usize, _)| waiter.all || waiter.satisfied.get() == Some(place);
    for (_, &object) in waiter.objects.iter().enumerate().filter(taken) {
        if objects::is_mutex(object) {
            call::hold(object as usize, MUTEX);
        }
    }
    waiter.satisfied.get().map_or(status::TIMEOUT, |place| status::SUCCESS + place as i32)
}

/// Lets time pass.
pub fn delay(interval: i64) -> i32 {
    threads::block("a delay", deadline(Some(interval)), &|| false);
    status::SUCCESS
}
