//! Threads and processes.

use std::cell::{Cell, RefCell};

use nt_machine::call::{self, Export};
use nt_machine::findings::{self, Rule};
use nt_machine::irql::{DISPATCH, HIGH, PASSIVE};
use nt_machine::memory::{self, Kind};
use nt_machine::threads;

use crate::exports::function;
use crate::layout::{DEVICE_OBJECT, HANDLE, NTSTATUS, PVOID};
use crate::ledger::Ledger;
use crate::objects::{self, Kind as ObjectKind, Opened};
use crate::{pool, raw, status, sync};

/// The one process there is.
pub(crate) const PROCESS_ID: u32 = 4;

/// What is known of a thread, by its object.
#[derive(Default)]
struct Thread {
    /// The device that a file system is to verify.
    to_verify: usize,
    terminating: bool,
    ended: bool,
}

thread_local! {
    static THREADS: RefCell<Ledger<Thread>> = const { RefCell::new(Ledger::new()) };
    static PROCESS: Cell<PVOID> = const { Cell::new(core::ptr::null_mut()) };
}

pub(super) fn reset() {
    THREADS.replace(Ledger::new());
    PROCESS.set(core::ptr::null_mut());
}

fn with<T>(thread: PVOID, action: impl FnOnce(&mut Thread) -> T) -> T {
    THREADS.with_borrow_mut(|all| {
        if !all.contains(thread as usize) {
            all.insert(thread as usize, Thread::default());
        }
        action(all.get_mut(thread as usize).expect("it was just entered"))
    })
}

fn current() -> PVOID {
    threads::thread_object(threads::current()).cast()
}

/// Whether an address is that of a thread's object: a page of the machine's that is no block.
pub(crate) fn is_thread(object: *mut u8) -> bool {
    let known = THREADS.with_borrow(|all| all.contains(object as usize)) || objects::is(object, ObjectKind::Thread);
    known || object.cast::<core::ffi::c_void>() == current()
}

/// Whether a thread is over.
pub(crate) fn thread_has_ended(object: *mut u8) -> bool {
    with(object.cast(), |thread| thread.ended)
}

/// A thread is about to end: `PsIsThreadTerminating` says so from now on.
pub fn set_terminating(thread: *mut u8) {
    with(thread.cast(), |thread| thread.terminating = true);
}

/// Notes the device that a thread's file system is to verify.
pub fn set_device_to_verify(thread: PVOID, device: *mut DEVICE_OBJECT) {
    with(thread, |thread| thread.to_verify = device as usize);
}

/// The device that a thread's file system is to verify, or null.
#[must_use]
pub fn device_to_verify(thread: PVOID) -> *mut DEVICE_OBJECT {
    with(thread, |thread| thread.to_verify) as *mut DEVICE_OBJECT
}

/// The process object.
pub(crate) fn process() -> PVOID {
    if PROCESS.get().is_null() {
        let block = memory::allocate(Kind::Object, 0x100, 16, 0, "process");
        raw::fill(block, 0, 0x100);
        PROCESS.set(block.cast());
    }
    PROCESS.get()
}

extern "win64" fn get_current_thread() -> PVOID {
    current()
}

extern "win64" fn get_current_thread_id() -> usize {
    threads::current().0 as usize * 4
}

extern "win64" fn get_current_process() -> PVOID {
    process()
}

extern "win64" fn get_current_process_id() -> usize {
    PROCESS_ID as usize
}

extern "win64" fn is_thread_terminating(thread: PVOID) -> u8 {
    u8::from(with(thread, |thread| thread.terminating))
}

extern "win64" fn is_system_thread(_thread: PVOID) -> u8 {
    0
}

type StartRoutine = extern "win64" fn(PVOID);

extern "win64" fn create_system_thread(
    handle: *mut HANDLE,
    _access: u32,
    _attributes: PVOID,
    _process: HANDLE,
    _client: PVOID,
    routine: StartRoutine,
    context: PVOID,
) -> NTSTATUS {
    if !pool::try_charge() {
        return status::INSUFFICIENT_RESOURCES;
    }
    let id = threads::spawn(
        "system thread of a driver",
        PASSIVE,
        Box::new(move || {
            call::driver("system thread", || routine(context));
            end_thread();
        }),
    );
    let object = threads::thread_object(id);
    with(object.cast(), |_| ());
    objects::register(object, ObjectKind::Thread, "system thread of a driver");
    raw::write(handle, objects::open(Opened::Object(object as usize)));
    status::SUCCESS
}

/// The running thread is over for those who wait for it.
fn end_thread() {
    with(current(), |thread| thread.ended = true);
    sync::thread_ended(current());
}

extern "win64" fn terminate_system_thread(_status: NTSTATUS) -> NTSTATUS {
    end_thread();
    // Its routine never goes on; the thread stays, doing nothing.
    threads::block("nothing: the thread has ended", None, &|| false);
    findings::fatal(Rule::Stuck, "", "an ended thread went on")
}

extern "win64" fn set_priority_thread(_thread: PVOID, _priority: i32) -> i32 {
    const NORMAL: i32 = 8;
    NORMAL
}

extern "win64" fn kernel_mode() -> u8 {
    0
}

extern "win64" fn remaining_stack_size() -> usize {
    let here = 0_u8;
    let here = &raw const here as usize;
    memory::lookup(here).map_or(0, |stack| here - stack.address)
}

pub(super) const EXPORTS: &[Export] = &[
    function("PsGetCurrentThread", DISPATCH, get_current_thread as *const ()),
    function("KeGetCurrentThread", HIGH, get_current_thread as *const ()),
    function("PsGetCurrentThreadId", DISPATCH, get_current_thread_id as *const ()),
    function("PsGetCurrentProcess", DISPATCH, get_current_process as *const ()),
    function("IoGetCurrentProcess", DISPATCH, get_current_process as *const ()),
    function("PsGetCurrentProcessId", DISPATCH, get_current_process_id as *const ()),
    function("PsIsThreadTerminating", DISPATCH, is_thread_terminating as *const ()),
    function("PsIsSystemThread", DISPATCH, is_system_thread as *const ()),
    function("PsCreateSystemThread", PASSIVE, create_system_thread as *const ()),
    function("PsTerminateSystemThread", PASSIVE, terminate_system_thread as *const ()),
    function("KeSetPriorityThread", PASSIVE, set_priority_thread as *const ()),
    function("ExGetPreviousMode", DISPATCH, kernel_mode as *const ()),
    function("IoGetRemainingStackSize", DISPATCH, remaining_stack_size as *const ()),
];
