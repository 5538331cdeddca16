//! Work for system threads at PASSIVE_LEVEL.

use std::cell::RefCell;

use nt_machine::call::{self, Export};
use nt_machine::findings::{self, Rule};
use nt_machine::irql::{DISPATCH, PASSIVE};
use nt_machine::memory::{self, Kind};
use nt_machine::threads;

use crate::exports::function;
use crate::layout::{DEVICE_OBJECT, PVOID, WORK_QUEUE_ITEM};
use crate::ledger::{Ledger, Left};
use crate::{get, objects, pool};

/// The routine of a work item of the I/O manager.
type Routine = extern "win64" fn(*mut DEVICE_OBJECT, PVOID);
/// The routine of `IoQueueWorkItemEx`; the first argument is the device or driver object.
type RoutineEx = extern "win64" fn(PVOID, PVOID, PVOID);

struct Item {
    /// The device or driver object that it was made for.
    object: *mut u8,
    queued: bool,
}

/// IO_WORKITEM is opaque; drivers that keep one in memory of their own ask for its size.
const ITEM_SIZE: usize = 0x40;

thread_local! {
    static ITEMS: RefCell<Ledger<Item>> = const { RefCell::new(Ledger::new()) };
}

pub(super) fn reset() {
    ITEMS.replace(Ledger::new());
}

/// Runs something on a system thread at PASSIVE_LEVEL, soon.
pub fn queue_work(what: &'static str, routine: Box<dyn FnOnce()>) {
    threads::spawn(what, PASSIVE, routine);
}

extern "win64" fn allocate(object: PVOID) -> PVOID {
    if !pool::try_charge() {
        return core::ptr::null_mut();
    }
    let item = memory::allocate(Kind::Object, ITEM_SIZE, 16, 0, "work item");
    ITEMS.with_borrow_mut(|all| all.insert(item as usize, Item { object: object.cast(), queued: false }));
    item.cast()
}

extern "win64" fn initialise(object: PVOID, item: PVOID) {
    ITEMS.with_borrow_mut(|all| all.insert(item as usize, Item { object: object.cast(), queued: false }));
}

extern "win64" fn uninitialise(item: PVOID) {
    judge_idle(item);
    ITEMS.with_borrow_mut(|all| all.remove(item as usize));
}

extern "win64" fn size_of_item() -> u32 {
    ITEM_SIZE as u32
}

fn judge_idle(item: PVOID) {
    match ITEMS.with_borrow(|all| all.get(item as usize).map(|known| known.queued)) {
        Some(false) => {}
        Some(true) => findings::report(Rule::UseAfterFree, "IoWorkItem", "a work item was freed while it is queued"),
        None => {
            let text = format!("{} is no work item", crate::describe(item as usize));
            findings::fatal(Rule::BadArgument, "IoWorkItem", text);
        }
    }
}

extern "win64" fn free(item: PVOID) {
    judge_idle(item);
    ITEMS.with_borrow_mut(|all| all.remove(item as usize));
    memory::free(item.cast());
}

/// Marks an item queued, and gives its object, referenced until the routine has run.
fn take(item: PVOID) -> *mut u8 {
    let taken = ITEMS.with_borrow_mut(|all| {
        all.get_mut(item as usize).map(|known| (core::mem::replace(&mut known.queued, true), known.object))
    });
    match taken {
        Some((false, object)) => {
            objects::reference(object);
            object
        }
        Some((true, _)) => {
            findings::fatal(Rule::BadArgument, "IoWorkItem", "a work item was queued that is queued already")
        }
        None => {
            let text = format!("{} is no work item", crate::describe(item as usize));
            findings::fatal(Rule::BadArgument, "IoWorkItem", text)
        }
    }
}

/// From here on the item may be freed or queued again, also by its own routine.
fn idle(item: PVOID) {
    ITEMS.with_borrow_mut(|all| {
        if let Some(known) = all.get_mut(item as usize) {
            known.queued = false;
        }
    });
}

extern "win64" fn queue(item: PVOID, routine: Routine, _kind: u32, context: PVOID) {
    let object = take(item);
    queue_work(
        "work item",
        Box::new(move || {
            idle(item);
            call::driver("work item routine", || routine(object.cast(), context));
            objects::dereference(object);
        }),
    );
}

extern "win64" fn queue_ex(item: PVOID, routine: RoutineEx, _kind: u32, context: PVOID) {
    let object = take(item);
    queue_work(
        "work item",
        Box::new(move || {
            idle(item);
            call::driver("work item routine", || routine(object.cast(), context, item));
            objects::dereference(object);
        }),
    );
}

extern "win64" fn queue_plain(item: *mut WORK_QUEUE_ITEM, _kind: u32) {
    let Some(routine) = get!(item, WorkerRoutine) else {
        findings::fatal(Rule::BadArgument, "WorkItem", "a work item without a routine")
    };
    let parameter = get!(item, Parameter);
    queue_work("work item", Box::new(move || call::driver("work item routine", || routine(parameter))));
}

pub(super) fn left() -> Vec<Left> {
    ITEMS.with_borrow(|all| {
        let text = |known: &Item| if known.queued { "queued work item" } else { "work item" };
        all.left(|_, known| format!("{} of {}", text(known), objects::name(known.object)))
    })
}

pub(super) const EXPORTS: &[Export] = &[
    function("IoAllocateWorkItem", DISPATCH, allocate as *const ()),
    function("IoInitializeWorkItem", DISPATCH, initialise as *const ()),
    function("IoUninitializeWorkItem", DISPATCH, uninitialise as *const ()),
    function("IoSizeofWorkItem", DISPATCH, size_of_item as *const ()),
    function("IoFreeWorkItem", DISPATCH, free as *const ()),
    function("IoQueueWorkItem", DISPATCH, queue as *const ()),
    function("IoQueueWorkItemEx", DISPATCH, queue_ex as *const ()),
    function("ExQueueWorkItem", DISPATCH, queue_plain as *const ()),
];
