//! Resources (ERESOURCE) and run-down protection.

use std::cell::RefCell;

use nt_machine::call::Export;
use nt_machine::findings::{self, Rule};
use nt_machine::irql::{APC, DISPATCH};
use nt_machine::threads::{self, ThreadId};

use crate::exports::function;
use crate::ledger::{Ledger, Left};
use crate::{raw, status};

/// An ERESOURCE is opaque to drivers; its state is kept beside it.
#[derive(Default)]
struct Resource {
    exclusive: Option<(ThreadId, u32)>,
    shared: Vec<ThreadId>,
}

thread_local! {
    static RESOURCES: RefCell<Ledger<Resource>> = const { RefCell::new(Ledger::new()) };
}

pub(super) fn reset() {
    RESOURCES.replace(Ledger::new());
}

fn with<T>(resource: *mut u8, action: impl FnOnce(&mut Resource) -> T) -> T {
    let known = RESOURCES.with_borrow(|all| all.contains(resource as usize));
    if !known {
        let text = format!("{} is no resource", crate::describe(resource as usize));
        findings::fatal(Rule::BadArgument, "Resource", text);
    }
    RESOURCES.with_borrow_mut(|all| action(all.get_mut(resource as usize).expect("it is known")))
}

extern "win64" fn initialise(resource: *mut u8) -> i32 {
    RESOURCES.with_borrow_mut(|all| all.insert(resource as usize, Resource::default()));
    status::SUCCESS
}

extern "win64" fn delete(resource: *mut u8) -> i32 {
    if with(resource, |own| own.exclusive.is_some() || !own.shared.is_empty()) {
        findings::report(Rule::Lock, "Resource", "a resource was deleted while it is held");
    }
    RESOURCES.with_borrow_mut(|all| all.remove(resource as usize));
    status::SUCCESS
}

/// Whether the running thread could have it now.
fn is_free(resource: *mut u8, exclusive: bool) -> bool {
    let own = threads::current();
    with(resource, |known| match known.exclusive {
        Some((owner, _)) => owner == own,
        None => !exclusive || known.shared.is_empty(),
    })
}

fn take(resource: *mut u8, exclusive: bool) {
    let own = threads::current();
    with(resource, |known| match &mut known.exclusive {
        // The owner may take it again, shared too.
        Some((_, depth)) => *depth += 1,
        None if exclusive => known.exclusive = Some((own, 1)),
        None => known.shared.push(own),
    });
}

fn acquire(resource: *mut u8, exclusive: bool, wait: u8) -> u8 {
    if exclusive && with(resource, |known| known.shared.contains(&threads::current())) {
        findings::fatal(
            Rule::Lock,
            "Resource",
            "a thread that shares the resource wants it for itself: it waits for itself",
        );
    }
    if !is_free(resource, exclusive) {
        if wait == 0 {
            return 0;
        }
        threads::block("a resource", None, &|| is_free(resource, exclusive));
    }
    take(resource, exclusive);
    1
}

extern "win64" fn acquire_exclusive(resource: *mut u8, wait: u8) -> u8 {
    acquire(resource, true, wait)
}

extern "win64" fn acquire_shared(resource: *mut u8, wait: u8) -> u8 {
    acquire(resource, false, wait)
}

extern "win64" fn release(resource: *mut u8) {
    let own = threads::current();
    let held = with(resource, |known| {
        if let Some((owner, depth)) = &mut known.exclusive {
            if *owner != own {
                return false;
            }
            *depth -= 1;
            if *depth == 0 {
                known.exclusive = None;
            }
            return true;
        }
        let place = known.shared.iter().position(|&sharer| sharer == own);
        place.map(|place| known.shared.remove(place)).is_some()
    });
    if !held {
        findings::report(Rule::Lock, "Resource", "a resource was released by a thread that does not hold it");
    }
}

extern "win64" fn is_acquired_exclusive(resource: *mut u8) -> u8 {
    u8::from(with(resource, |known| known.exclusive.is_some_and(|(owner, _)| owner == threads::current())))
}

pub(super) fn check_freed(start: usize, size: usize) {
    for at in RESOURCES.with_borrow(|all| all.within(start, size)) {
        findings::report(Rule::UseAfterFree, "P", "memory was freed with a resource in it that was not deleted");
        RESOURCES.with_borrow_mut(|all| all.remove(at));
    }
}

pub(super) fn left() -> Vec<Left> {
    RESOURCES.with_borrow(|all| all.left(|at, _| format!("resource, {}", crate::describe(at))))
}

/// Bit 0 of the word says that the object runs down; the rest counts those who use it.
const RUNNING_DOWN: usize = 1;
const ONE_USER: usize = 2;

extern "win64" fn initialise_rundown(word: *mut usize) {
    raw::write(word, 0);
}

extern "win64" fn acquire_rundown(word: *mut usize) -> u8 {
    let value = raw::read(word);
    if value & RUNNING_DOWN != 0 {
        return 0;
    }
    raw::write(word, value + ONE_USER);
    1
}

extern "win64" fn release_rundown(word: *mut usize) {
    let value = raw::read(word);
    if value < ONE_USER {
        findings::report(Rule::Lock, "RunRef", "run-down protection was released that nobody holds");
        return;
    }
    raw::write(word, value - ONE_USER);
}

extern "win64" fn wait_for_rundown(word: *mut usize) {
    raw::write(word, raw::read(word) | RUNNING_DOWN);
    threads::block("the users of a run-down protection", None, &|| raw::read(word) == RUNNING_DOWN);
}

pub(super) const EXPORTS: &[Export] = &[
    function("ExInitializeResourceLite", DISPATCH, initialise as *const ()),
    function("ExDeleteResourceLite", DISPATCH, delete as *const ()),
    function("ExAcquireResourceExclusiveLite", APC, acquire_exclusive as *const ()),
    function("ExAcquireResourceSharedLite", APC, acquire_shared as *const ()),
    function("ExReleaseResourceLite", DISPATCH, release as *const ()),
    function("ExIsResourceAcquiredExclusiveLite", DISPATCH, is_acquired_exclusive as *const ()),
    function("ExInitializeRundownProtection", DISPATCH, initialise_rundown as *const ()),
    function("ExReInitializeRundownProtection", DISPATCH, initialise_rundown as *const ()),
    function("ExAcquireRundownProtection", DISPATCH, acquire_rundown as *const ()),
    function("ExReleaseRundownProtection", DISPATCH, release_rundown as *const ()),
    function("ExWaitForRundownProtectionRelease", APC, wait_for_rundown as *const ()),
];
