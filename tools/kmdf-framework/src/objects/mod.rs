//! Framework objects: handles, types, parents, references, contexts, deletion.
//!
//! An object has a [`Body`]: what its subject module keeps for it. A subject creates objects in two steps:
//! [`Plan::check`] validates the driver's attributes by the rules of the [`Kind`], [`create`] charges the allocation,
//! makes the context and links the object to its parent. It finds them again with [`get`], which checks the handle.
//!
//! Handles are opaque: addresses in the half of the address space that no user-mode mapping has, counted upwards and
//! never used again, so that a stale handle is always recognised.

mod attributes;
mod callback_lock;
mod context;
mod entry_points;
mod kind;
mod lifecycle;
#[cfg(test)]
mod tests;

pub use attributes::{Level, Plan, Scope};
pub use callback_lock::{CallbackLock, lock_of, run_locked};
pub use context::context_of;
pub use entry_points::FUNCTIONS;
pub(crate) use entry_points::store;
pub use kind::{Kind, ParentRule, Rules};
pub use lifecycle::{abandon, delete, dereference, disposals_pending, reference, wait_for_disposals};
pub(crate) use lifecycle::{begin_delete, delete_children, end_delete};

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use nt_machine::call::{self, Site};

use crate::client::Client;
use crate::fail::{Violation, violation};
use crate::status;

/// An object handle as drivers hold it.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub usize);

impl Handle {
    /// No object.
    pub const NULL: Handle = Handle(0);

    /// True for no object.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// What a subject keeps for its objects. Bodies are shared: a caller may hold one across a deletion.
pub trait Body: Any {
    /// Called once the object exists, with its handle.
    fn created(&self, _handle: Handle) {}

    /// Type-specific part of the disposal: before the object's `EvtCleanup`, after the disposal of its children.
    /// It stops what is running and waits for it; it is called at PASSIVE_LEVEL where the kind asks for that.
    fn dispose(&self, _handle: Handle) {}

    /// Last step: after `EvtDestroy`, the handle is gone when this returns.
    fn destroy(&self, _handle: Handle) {}
}

/// Where an object is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Life {
    /// Usable.
    Alive,
    /// Deletion was asked for; disposal waits for a thread at PASSIVE_LEVEL.
    Deleting,
    /// Being disposed or disposed: the driver may still hold references.
    Disposed,
    /// The last reference is gone.
    Destroyed,
}

/// A framework object.
pub struct Object {
    /// Its handle.
    pub handle: Handle,
    /// Its type.
    pub kind: Kind,
    /// The driver it belongs to.
    pub client: Rc<Client>,
    /// The call that created it.
    pub created_by: Site,
    /// Resolved execution level.
    pub level: Level,
    /// Resolved synchronisation scope.
    pub scope: Scope,
    body: Rc<dyn Body>,
    /// Its disposal has to run at PASSIVE_LEVEL.
    passive: bool,
    /// Part of another object: it cannot get contexts.
    embedded: bool,
    /// The driver may delete it.
    deletable: Cell<bool>,
    /// Callbacks of its contexts run (not for a request that the driver never saw).
    notify: Cell<bool>,
    parent: Cell<Handle>,
    children: RefCell<Vec<Handle>>,
    contexts: RefCell<Vec<context::Context>>,
    references: Cell<u32>,
    life: Cell<Life>,
    lock: RefCell<Option<Rc<CallbackLock>>>,
}

impl Object {
    /// Where it is in its life.
    #[must_use]
    pub fn life(&self) -> Life {
        self.life.get()
    }

    /// Its parent, NULL for none.
    #[must_use]
    pub fn parent(&self) -> Handle {
        self.parent.get()
    }

    /// References held, the initial one included.
    #[must_use]
    pub fn references(&self) -> u32 {
        self.references.get()
    }

    /// Its body, if it is of that type.
    #[must_use]
    pub fn body<T: Body>(&self) -> Option<Rc<T>> {
        let body: Rc<dyn Any> = Rc::<dyn Body>::clone(&self.body);
        body.downcast().ok()
    }

    /// Lets or forbids the driver to delete it.
    pub fn set_deletable(&self, deletable: bool) {
        self.deletable.set(deletable);
    }

    /// Suppresses or restores the context callbacks.
    pub fn set_notify(&self, notify: bool) {
        self.notify.set(notify);
    }

    /// Gives it a callback lock (devices and queues with a scope).
    pub fn set_lock(&self, lock: Option<Rc<CallbackLock>>) {
        *self.lock.borrow_mut() = lock;
    }
}

enum Slot {
    Live(Rc<Object>),
    Freed(Kind),
}

thread_local! {
    static SLOTS: RefCell<Vec<Slot>> = const { RefCell::new(Vec::new()) };
}

/// Handles are this plus 16 times the object's number: no process has memory there.
const BASE: usize = 0xFFFF_F0DE_0000_0000;
const STEP: usize = 16;

fn number(handle: Handle) -> Option<usize> {
    let offset = handle.0.checked_sub(BASE)?;
    offset.is_multiple_of(STEP).then_some(offset / STEP)
}

/// Creates an object: charges the allocation, makes its context, links it to its parent.
///
/// # Errors
/// INSUFFICIENT_RESOURCES; DELETE_PENDING if the parent is being deleted.
pub fn create(plan: Plan, body: Rc<dyn Body>) -> Result<Handle, i32> {
    if !nt_kernel::pool::try_charge() {
        return Err(status::INSUFFICIENT_RESOURCES);
    }
    link(plan, body, false)
}

/// As [`create`], for an object that is part of another one and needs no allocation.
///
/// # Errors
/// DELETE_PENDING if the parent is being deleted.
pub fn create_embedded(plan: Plan, body: Rc<dyn Body>) -> Result<Handle, i32> {
    link(plan, body, true)
}

fn link(plan: Plan, body: Rc<dyn Body>, embedded: bool) -> Result<Handle, i32> {
    let parent = if plan.parent.is_null() { None } else { Some(any(plan.parent, "ParentObject")) };
    if parent.as_ref().is_some_and(|parent| parent.life() != Life::Alive) {
        return Err(status::DELETE_PENDING);
    }
    let handle = SLOTS.with_borrow(|slots| Handle(BASE + slots.len() * STEP));
    let object = Rc::new(Object {
        handle,
        kind: plan.kind,
        client: Rc::clone(&plan.client),
        created_by: call::site(),
        level: plan.level,
        scope: plan.scope,
        body: Rc::clone(&body),
        passive: plan.passive || plan.kind.rules().passive || plan.level == Level::Passive,
        embedded,
        deletable: Cell::new(plan.kind.rules().deletable),
        notify: Cell::new(true),
        parent: Cell::new(plan.parent),
        children: RefCell::new(Vec::new()),
        contexts: RefCell::new(Vec::new()),
        references: Cell::new(1),
        life: Cell::new(Life::Alive),
        lock: RefCell::new(None),
    });
    SLOTS.with_borrow_mut(|slots| slots.push(Slot::Live(Rc::clone(&object))));
    context::add(&object, &plan.context);
    if let Some(parent) = parent {
        parent.children.borrow_mut().push(handle);
    }
    body.created(handle);
    Ok(handle)
}

/// The object of a handle, if it is alive or disposed but still referenced.
#[must_use]
pub fn find(handle: Handle) -> Option<Rc<Object>> {
    let number = number(handle)?;
    SLOTS.with_borrow(|slots| match slots.get(number)? {
        Slot::Live(object) => Some(Rc::clone(object)),
        Slot::Freed(_) => None,
    })
}

/// The object of a handle of any type; ends the run when the handle is none (bug check 0x10D/5).
#[must_use]
pub fn any(handle: Handle, argument: &str) -> Rc<Object> {
    find(handle).unwrap_or_else(|| invalid(handle, "an object", argument))
}

/// Kind of a handle whose object is gone.
#[must_use]
pub fn freed_kind(handle: Handle) -> Option<Kind> {
    let number = number(handle)?;
    SLOTS.with_borrow(|slots| match slots.get(number)? {
        Slot::Live(_) => None,
        Slot::Freed(kind) => Some(*kind),
    })
}

/// The body of an object of the expected kind; ends the run when the handle is none (bug check 0x10D/5).
#[must_use]
pub fn get<T: Body>(handle: Handle, kind: Kind, argument: &str) -> Rc<T> {
    match find(handle) {
        Some(object) if object.kind == kind => object.body().unwrap_or_else(|| invalid(handle, kind.name(), argument)),
        _ => invalid(handle, kind.name(), argument),
    }
}

fn invalid(handle: Handle, expected: &str, argument: &str) -> ! {
    let what = match number(handle) {
        _ if handle.is_null() => "NULL".to_owned(),
        None => format!("{handle}, which is no handle"),
        Some(number) => SLOTS.with_borrow(|slots| match slots.get(number) {
            None => format!("{handle}, which is no handle"),
            Some(Slot::Live(object)) => format!("{handle}, which is a {}", object.kind.name()),
            Some(Slot::Freed(kind)) => format!("{handle}, a {} that was freed", kind.name()),
        }),
    };
    violation(Violation::InvalidHandle, argument, format_args!("expected {expected}, got {what}"))
}

/// Kind of a live handle.
#[must_use]
pub fn kind_of(handle: Handle) -> Option<Kind> {
    find(handle).map(|object| object.kind)
}

/// The nearest object of a kind at or above a handle.
#[must_use]
pub fn ancestor(handle: Handle, kind: Kind) -> Option<Handle> {
    let mut at = handle;
    loop {
        let object = find(at)?;
        if object.kind == kind {
            return Some(at);
        }
        at = object.parent();
    }
}

/// Children of an object, in order of creation.
#[must_use]
pub fn children(handle: Handle) -> Vec<Handle> {
    find(handle).map(|object| object.children.borrow().clone()).unwrap_or_default()
}

/// Every live object of a client, in order of creation.
#[must_use]
pub fn live(client: &Rc<Client>) -> Vec<Rc<Object>> {
    SLOTS.with_borrow(|slots| {
        let live = slots.iter().filter_map(|slot| match slot {
            Slot::Live(object) if Rc::ptr_eq(&object.client, client) => Some(Rc::clone(object)),
            _ => None,
        });
        live.collect()
    })
}

pub(crate) fn clear() {
    // Bodies may look other objects up while they are dropped, so the table is emptied before.
    let slots = SLOTS.with_borrow_mut(std::mem::take);
    drop(slots);
    context::clear();
    lifecycle::clear();
}

fn bury(handle: Handle) {
    let Some(number) = number(handle) else { return };
    let buried = SLOTS.with_borrow_mut(|slots| {
        let slot = slots.get_mut(number)?;
        let kind = match slot {
            Slot::Live(object) => object.kind,
            Slot::Freed(kind) => *kind,
        };
        Some(std::mem::replace(slot, Slot::Freed(kind)))
    });
    drop(buried);
}
