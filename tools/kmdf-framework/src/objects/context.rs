//! Context memory: guarded blocks, found by type, freed after `EvtDestroy`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::rc::Rc;

use nt_kernel::get;
use nt_machine::{call, memory};

use super::{Handle, Object};
use crate::structs::{EvtObject, WDF_OBJECT_CONTEXT_TYPE_INFO};

/// What the attributes ask for.
#[derive(Clone, Default)]
pub(crate) struct ContextPlan {
    /// Identity of the type, 0 for no context memory.
    pub key: usize,
    pub size: usize,
    pub name: String,
    pub cleanup: EvtObject,
    pub destroy: EvtObject,
}

/// One context of an object. Callbacks without a context type have an entry without memory.
pub(super) struct Context {
    key: usize,
    memory: *mut u8,
    pub cleanup: EvtObject,
    pub destroy: EvtObject,
}

thread_local! {
    /// Object of each context block.
    static OWNERS: RefCell<BTreeMap<usize, Handle>> = const { RefCell::new(BTreeMap::new()) };
}

/// Context blocks lie on this boundary, as pool allocations of x64 do.
const ALIGNMENT: usize = 16;

/// The identity of a context type: several copies of one type in an image share their unique type.
pub(super) fn identity(info: *const WDF_OBJECT_CONTEXT_TYPE_INFO) -> usize {
    let unique = get!(info.cast_mut(), UniqueType);
    if unique.is_null() { info as usize } else { unique as usize }
}

pub(super) fn type_name(name: *const u8) -> String {
    if name.is_null() {
        return String::new();
    }
    // SAFETY: a context name is a NUL-terminated string in the driver's image.
    unsafe { CStr::from_ptr(name.cast()) }.to_string_lossy().into_owned()
}

/// Adds a context to an object: zeroed memory of the asked size. Gives its address.
pub(super) fn add(object: &Rc<Object>, plan: &ContextPlan) -> *mut u8 {
    let mut block = std::ptr::null_mut();
    if plan.key != 0 {
        let label = format!("{} of a {}", plan.name, object.kind.name());
        let size = plan.size.max(1);
        block = memory::allocate(memory::Kind::NonPagedPool, size, ALIGNMENT, object.client.tag.get(), &label);
        // SAFETY: the block was just allocated with this size.
        unsafe { block.write_bytes(0, size) };
        OWNERS.with_borrow_mut(|owners| owners.insert(block as usize, object.handle));
    } else if plan.cleanup.is_none() && plan.destroy.is_none() {
        return block;
    }
    object.contexts.borrow_mut().push(Context {
        key: plan.key,
        memory: block,
        cleanup: plan.cleanup,
        destroy: plan.destroy,
    });
    block
}

/// The context of that type, NULL if the object has none.
pub(super) fn typed(object: &Object, key: usize) -> *mut u8 {
    let contexts = object.contexts.borrow();
    contexts.iter().find(|context| context.key == key && key != 0).map_or(std::ptr::null_mut(), |found| found.memory)
}

/// Address of an object's first context block, NULL if it has none: the WDM device extension of a device.
#[must_use]
pub fn context_of(object: &Object) -> *mut u8 {
    let contexts = object.contexts.borrow();
    contexts.iter().find(|context| context.key != 0).map_or(std::ptr::null_mut(), |first| first.memory)
}

/// The object that owns a context block.
pub(super) fn owner(block: usize) -> Option<Handle> {
    OWNERS.with_borrow(|owners| owners.get(&block).copied())
}

/// Runs one callback of each context, in order of creation.
pub(super) fn notify(object: &Object, what: &str, select: fn(&Context) -> EvtObject) {
    if !object.notify.get() {
        return;
    }
    let callbacks: Vec<_> = object.contexts.borrow().iter().filter_map(select).collect();
    for callback in callbacks {
        // SAFETY: the driver gave this callback for objects made with these attributes.
        call::driver(what, || unsafe { callback(object.handle) });
    }
}

/// Frees the context blocks; later accesses are findings.
pub(super) fn free_all(object: &Object) {
    for context in object.contexts.borrow_mut().drain(..) {
        if !context.memory.is_null() {
            OWNERS.with_borrow_mut(|owners| owners.remove(&(context.memory as usize)));
            nt_kernel::pool::free(context.memory);
        }
    }
}

pub(super) fn clear() {
    OWNERS.with_borrow_mut(BTreeMap::clear);
}
