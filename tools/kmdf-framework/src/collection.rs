//! Collections: ordered lists of objects, each kept alive by a reference.

use std::cell::RefCell;
use std::rc::Rc;

use nt_kernel::pool;

use crate::client::{self, Globals};
use crate::fail::misuse;
use crate::functions::Function;
use crate::objects::{self, Body, Handle, Kind, Plan, store};
use crate::status;
use crate::structs::WDF_OBJECT_ATTRIBUTES;

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfCollectionCreate", create as *const ()),
    ("WdfCollectionGetCount", get_count as *const ()),
    ("WdfCollectionAdd", add as *const ()),
    ("WdfCollectionRemove", remove as *const ()),
    ("WdfCollectionRemoveItem", remove_item as *const ()),
    ("WdfCollectionGetItem", get_item as *const ()),
    ("WdfCollectionGetFirstItem", get_first_item as *const ()),
    ("WdfCollectionGetLastItem", get_last_item as *const ()),
];

/// A collection.
#[derive(Default)]
struct Collection {
    items: RefCell<Vec<Handle>>,
}

impl Body for Collection {
    fn dispose(&self, _handle: Handle) {
        let items = std::mem::take(&mut *self.items.borrow_mut());
        items.into_iter().for_each(objects::dereference);
    }
}

fn of(handle: Handle) -> Rc<Collection> {
    objects::get(handle, Kind::Collection, "Collection")
}

/// Adds an object with a reference.
///
/// # Errors
/// STATUS_UNSUCCESSFUL when the entry cannot be allocated.
pub(crate) fn append(collection: Handle, item: Handle) -> Result<(), i32> {
    let body = of(collection);
    objects::reference(item);
    if !pool::try_charge() {
        objects::dereference(item);
        return Err(status::UNSUCCESSFUL);
    }
    body.items.borrow_mut().push(item);
    Ok(())
}

/// The objects, in order.
pub(crate) fn items(collection: Handle) -> Vec<Handle> {
    of(collection).items.borrow().clone()
}

unsafe extern "win64" fn create(globals: Globals, attributes: *const WDF_OBJECT_ATTRIBUTES, out: *mut Handle) -> i32 {
    let client = client::of(globals);
    store(out, "Collection", || {
        let plan = Plan::check(&client, Kind::Collection, attributes, client.driver.get())?;
        objects::create(plan, Rc::new(Collection::default()))
    })
}

unsafe extern "win64" fn get_count(_: Globals, collection: Handle) -> u32 {
    of(collection).items.borrow().len() as u32
}

unsafe extern "win64" fn add(_: Globals, collection: Handle, item: Handle) -> i32 {
    let _ = of(collection);
    let _ = objects::any(item, "Object");
    append(collection, item).err().unwrap_or(status::SUCCESS)
}

fn take(collection: Handle, at: Option<usize>, argument: &str) {
    let body = of(collection);
    let taken = {
        let mut items = body.items.borrow_mut();
        at.filter(|at| *at < items.len()).map(|at| items.remove(at))
    };
    match taken {
        Some(item) => objects::dereference(item),
        None => misuse(argument, format_args!("collection {collection} does not hold that item")),
    }
}

unsafe extern "win64" fn remove(_: Globals, collection: Handle, item: Handle) {
    let at = of(collection).items.borrow().iter().position(|held| *held == item);
    take(collection, at, "Item");
}

unsafe extern "win64" fn remove_item(_: Globals, collection: Handle, index: u32) {
    take(collection, Some(index as usize), "Index");
}

unsafe extern "win64" fn get_item(_: Globals, collection: Handle, index: u32) -> Handle {
    of(collection).items.borrow().get(index as usize).copied().unwrap_or(Handle::NULL)
}

unsafe extern "win64" fn get_first_item(_: Globals, collection: Handle) -> Handle {
    of(collection).items.borrow().first().copied().unwrap_or(Handle::NULL)
}

unsafe extern "win64" fn get_last_item(_: Globals, collection: Handle) -> Handle {
    of(collection).items.borrow().last().copied().unwrap_or(Handle::NULL)
}

#[cfg(test)]
mod tests;
