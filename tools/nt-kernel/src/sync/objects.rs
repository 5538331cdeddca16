//! Dispatcher objects: events, mutexes, semaphores, timers, threads. Their state is in their headers, where drivers look.

use nt_machine::findings::{self, Rule};
use nt_machine::memory;

use super::wait;
use crate::layout::{DISPATCHER_HEADER, KEVENT, KMUTANT, KSEMAPHORE, LIST_ENTRY, object_type};
use crate::{exception, field, get, put, raw, status};

/// Fills a header.
pub(super) fn init(header: *mut DISPATCHER_HEADER, kind: u8, size: usize, state: i32) {
    put!(header, Type, kind);
    put!(header, Signalling, 0);
    put!(header, Size, (size / 4) as u8);
    put!(header, TimerMiscFlags, 0);
    put!(header, SignalState, state);
    let list = field!(header, WaitListHead);
    raw::write(list, LIST_ENTRY { Flink: list, Blink: list });
}

/// Whether this can be waited for.
pub(super) fn check(object: *mut DISPATCHER_HEADER) {
    if !memory::access(object as usize, size_of::<DISPATCHER_HEADER>(), true) {
        let gone = memory::lookup(object as usize).is_some_and(|block| block.freed_by.is_some());
        let text = format!("{} is no object to wait for", crate::describe(object as usize));
        findings::fatal(if gone { Rule::UseAfterFree } else { Rule::BadArgument }, "Object", text);
    }
    if crate::system::is_thread(object.cast()) {
        return;
    }
    let own = get!(object, WaitListHead.Flink);
    if !is_known_type(get!(object, Type)) || own.is_null() {
        let text = format!("{} was not initialised as an object to wait for", crate::describe(object as usize));
        findings::fatal(Rule::BadArgument, "Object", text);
    }
}

fn is_known_type(kind: u8) -> bool {
    matches!(
        kind,
        object_type::NOTIFICATION_EVENT
            | object_type::SYNCHRONIZATION_EVENT
            | object_type::MUTANT
            | object_type::SEMAPHORE
            | object_type::NOTIFICATION_TIMER
            | object_type::SYNCHRONIZATION_TIMER
    )
}

/// How a wait for it reads in a message.
pub(super) fn describe(object: *mut DISPATCHER_HEADER) -> String {
    let what = if crate::system::is_thread(object.cast()) {
        "a thread"
    } else {
        match get!(object, Type) {
            object_type::NOTIFICATION_EVENT => "a notification event",
            object_type::SYNCHRONIZATION_EVENT => "a synchronisation event",
            object_type::MUTANT => "a mutex",
            object_type::SEMAPHORE => "a semaphore",
            object_type::NOTIFICATION_TIMER | object_type::SYNCHRONIZATION_TIMER => "a timer",
            _ => "an object",
        }
    };
    format!("{what} ({})", crate::describe(object as usize))
}

/// Whether a wait by this thread would end now.
pub(super) fn is_signalled(object: *mut DISPATCHER_HEADER, thread: *mut u8) -> bool {
    if crate::system::is_thread(object.cast()) {
        return crate::system::thread_has_ended(object.cast());
    }
    let owned = get!(object, Type) == object_type::MUTANT
        && get!(object.cast::<KMUTANT>(), OwnerThread) == thread.cast::<core::ffi::c_void>();
    get!(object, SignalState) > 0 || owned
}

/// Whether it is a mutex.
pub(super) fn is_mutex(object: *mut DISPATCHER_HEADER) -> bool {
    !crate::system::is_thread(object.cast()) && get!(object, Type) == object_type::MUTANT
}

/// What the end of a wait does to the object.
pub(super) fn consume(object: *mut DISPATCHER_HEADER, thread: *mut u8) {
    if crate::system::is_thread(object.cast()) {
        return;
    }
    match get!(object, Type) {
        object_type::SYNCHRONIZATION_EVENT | object_type::SYNCHRONIZATION_TIMER => put!(object, SignalState, 0),
        object_type::SEMAPHORE => put!(object, SignalState, get!(object, SignalState) - 1),
        object_type::MUTANT => {
            put!(object, SignalState, get!(object, SignalState) - 1);
            put!(object.cast::<KMUTANT>(), OwnerThread, thread.cast());
            super::locks::mutex_taken(object.cast(), thread);
        }
        _ => {}
    }
}

/// Signals an object and gives its state before.
pub(super) fn signal(object: *mut DISPATCHER_HEADER) -> i32 {
    let before = get!(object, SignalState);
    put!(object, SignalState, 1);
    wait::signalled(object);
    before
}

/// Initialises an event; `synchronization`: it lets one waiter go and is clear again.
pub fn event_init(event: *mut KEVENT, synchronization: bool, state: bool) {
    let kind = if synchronization { object_type::SYNCHRONIZATION_EVENT } else { object_type::NOTIFICATION_EVENT };
    init(event.cast(), kind, size_of::<KEVENT>(), i32::from(state));
}

/// Sets an event and gives its state before.
pub fn event_set(event: *mut KEVENT) -> i32 {
    check(event.cast());
    signal(event.cast())
}

/// Clears an event.
pub fn event_clear(event: *mut KEVENT) {
    put!(event, Header.SignalState, 0);
}

/// Clears an event and gives its state before.
pub fn event_reset(event: *mut KEVENT) -> i32 {
    let before = event_state(event);
    event_clear(event);
    before
}

/// The state of an event.
#[must_use]
pub fn event_state(event: *mut KEVENT) -> i32 {
    get!(event, Header.SignalState)
}

pub(super) fn mutex_init(mutex: *mut KMUTANT) {
    init(mutex.cast(), object_type::MUTANT, size_of::<KMUTANT>(), 1);
    let list = field!(mutex, MutantListEntry);
    raw::write(list, LIST_ENTRY { Flink: list, Blink: list });
    put!(mutex, OwnerThread, core::ptr::null_mut());
    put!(mutex, Abandoned, 0);
    put!(mutex, ApcDisable, 1);
}

/// Releases a mutex once and gives its state before.
pub(super) fn mutex_release(mutex: *mut KMUTANT) -> i32 {
    check(mutex.cast());
    let thread = nt_machine::threads::thread_object(nt_machine::threads::current());
    if get!(mutex, OwnerThread) != thread.cast::<core::ffi::c_void>() {
        findings::report(Rule::Lock, "Mutex", "a mutex was released by a thread that does not own it");
        exception::raise(status::MUTANT_NOT_OWNED);
    }
    let before = get!(mutex, Header.SignalState);
    put!(mutex, Header.SignalState, before + 1);
    super::locks::mutex_released(mutex, thread);
    nt_machine::call::release(mutex as usize);
    if before + 1 == 1 {
        put!(mutex, OwnerThread, core::ptr::null_mut());
        wait::signalled(mutex.cast());
    }
    before
}

pub(super) fn semaphore_init(semaphore: *mut KSEMAPHORE, count: i32, limit: i32) {
    init(semaphore.cast(), object_type::SEMAPHORE, size_of::<KSEMAPHORE>(), count);
    put!(semaphore, Limit, limit);
}

pub(super) fn semaphore_release(semaphore: *mut KSEMAPHORE, by: i32) -> i32 {
    check(semaphore.cast());
    let before = get!(semaphore, Header.SignalState);
    if before.checked_add(by).is_none_or(|after| after > get!(semaphore, Limit)) {
        findings::report(Rule::BadArgument, "Adjustment", "a semaphore was released beyond its limit");
        exception::raise(0xC000_0047_u32.cast_signed());
    }
    put!(semaphore, Header.SignalState, before + by);
    wait::signalled(semaphore.cast());
    before
}
