//! References, deletion, disposal and destruction.

use std::cell::Cell;
use std::rc::Rc;

use nt_kernel::sync;
use nt_machine::{irql, threads};

use super::{Handle, Life, Object, any, bury, context, find};
use crate::fail::{Violation, misuse, violation};

thread_local! {
    /// Disposals that wait for or run in a work item.
    static PENDING: Cell<usize> = const { Cell::new(0) };
}

/// Adds a reference.
pub fn reference(handle: Handle) {
    let object = any(handle, "Handle");
    object.references.set(object.references() + 1);
}

/// Drops a reference. The last one destroys a deleted object; of one that was never deleted it is bug check 0x10D/7.
pub fn dereference(handle: Handle) {
    let object = any(handle, "Handle");
    if object.references() == 1 && object.life() == Life::Alive {
        violation(
            Violation::ObjectError,
            "Handle",
            format_args!("the last reference of {} {handle} was dropped without a delete", object.kind.name()),
        );
    }
    release(&object);
}

fn release(object: &Rc<Object>) {
    object.references.set(object.references() - 1);
    if object.references() > 0 {
        return;
    }
    if object.passive && irql::current() > 0 {
        let object = Rc::clone(object);
        defer(move || destroy(&object));
    } else {
        destroy(object);
    }
}

fn destroy(object: &Rc<Object>) {
    context::notify(object, "EvtDestroyCallback", |context| context.destroy);
    object.life.set(Life::Destroyed);
    context::free_all(object);
    object.body.destroy(object.handle);
    bury(object.handle);
}

/// Deletes an object and its children: disposal, then the initial reference goes. A second delete is ignored.
pub fn delete(handle: Handle) {
    let Some(object) = find(handle) else { return };
    if object.life() != Life::Alive {
        return;
    }
    unlink(&object);
    if irql::current() > 0 && needs_passive(&object) {
        mark_deleting(&object);
        defer(move || finish(&object));
    } else {
        finish(&object);
    }
}

/// Removes an object whose creator failed after [`super::create`]: none of its callbacks runs.
pub fn abandon(handle: Handle) {
    let Some(object) = find(handle) else { return };
    object.set_notify(false);
    delete(handle);
}

/// First half of a deletion: disposal of the subtree. The object stays until [`end_delete`].
pub(crate) fn begin_delete(handle: Handle) {
    let Some(object) = find(handle) else { return };
    if object.life() != Life::Alive {
        return;
    }
    if irql::current() > 0 {
        // A request that is completed above PASSIVE_LEVEL does not wait for children that need it.
        for child in kids(&object).iter().filter(|child| needs_passive(child)) {
            delete(child.handle);
        }
    }
    unlink(&object);
    dispose(&object);
}

/// Deletes the children of an object that lives on.
pub(crate) fn delete_children(handle: Handle) {
    let Some(object) = find(handle) else { return };
    for child in kids(&object) {
        delete(child.handle);
    }
}

/// Second half: drops the initial references of the subtree.
pub(crate) fn end_delete(handle: Handle) {
    if let Some(object) = find(handle) {
        drop_subtree(&object);
    }
}

fn finish(object: &Rc<Object>) {
    dispose(object);
    drop_subtree(object);
}

fn unlink(object: &Rc<Object>) {
    let parent = object.parent.replace(Handle::NULL);
    if let Some(parent) = find(parent) {
        parent.children.borrow_mut().retain(|child| *child != object.handle);
    }
}

fn needs_passive(object: &Rc<Object>) -> bool {
    object.passive || kids(object).iter().any(needs_passive)
}

fn kids(object: &Rc<Object>) -> Vec<Rc<Object>> {
    object.children.borrow().iter().filter_map(|child| find(*child)).collect()
}

fn mark_deleting(object: &Rc<Object>) {
    if object.life() == Life::Alive {
        object.life.set(Life::Deleting);
        kids(object).iter().for_each(mark_deleting);
    }
}

/// Disposes the subtree: children first, then the object's own part, then `EvtCleanup`.
fn dispose(object: &Rc<Object>) {
    if object.life() >= Life::Disposed {
        return;
    }
    object.life.set(Life::Deleting);
    // Children may go while others are disposed: take them one at a time.
    while let Some(child) = kids(object).into_iter().find(|child| child.life() < Life::Disposed) {
        dispose(&child);
    }
    object.body.dispose(object.handle);
    object.life.set(Life::Disposed);
    context::notify(object, "EvtCleanupCallback", |context| context.cleanup);
}

/// Drops the initial references of a disposed subtree, children first.
fn drop_subtree(object: &Rc<Object>) {
    let children: Vec<_> = kids(object);
    object.children.borrow_mut().clear();
    for child in children {
        child.parent.set(Handle::NULL);
        drop_subtree(&child);
    }
    release(object);
}

fn defer(work: impl FnOnce() + 'static) {
    PENDING.set(PENDING.get() + 1);
    let work = move || {
        work();
        PENDING.set(PENDING.get() - 1);
    };
    sync::queue_work("disposal of framework objects", Box::new(work));
}

/// Disposals that were postponed to a work item and are not finished.
#[must_use]
pub fn disposals_pending() -> usize {
    PENDING.get()
}

/// Waits until postponed disposals are finished. PASSIVE_LEVEL.
pub fn wait_for_disposals() {
    if PENDING.get() > 0 {
        threads::block("postponed disposals", None, &|| PENDING.get() == 0);
    }
}

/// `WdfObjectDelete`: only what the driver may delete.
pub(super) fn delete_by_driver(handle: Handle) {
    let object = any(handle, "Object");
    if !object.deletable.get() {
        misuse("Object", format_args!("{} {handle} may not be deleted by the driver", object.kind.name()));
        return;
    }
    delete(handle);
}

pub(super) fn clear() {
    PENDING.set(0);
}
