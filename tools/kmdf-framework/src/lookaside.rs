//! Look-aside lists: makers of memory objects of one size.

use std::rc::Rc;

use nt_kernel::pool;

use crate::client::{self, Globals};
use crate::functions::Function;
use crate::memory::{Memory, Origin, is_paged};
use crate::objects::{self, Body, Handle, Kind, Plan, store};
use crate::status;
use crate::structs::{self, WDF_OBJECT_ATTRIBUTES};

/// What this module implements.
pub const FUNCTIONS: &[Function] =
    &[("WdfLookasideListCreate", create as *const ()), ("WdfMemoryCreateFromLookaside", create_memory as *const ())];

/// A list. Blocks go back to pool at once, so that a use after free is seen.
struct Lookaside {
    size: usize,
    paged: bool,
    tag: u32,
    attributes: Option<WDF_OBJECT_ATTRIBUTES>,
}

impl Body for Lookaside {}

unsafe extern "win64" fn create(
    globals: Globals,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    size: usize,
    pool_type: i32,
    memory_attributes: *const WDF_OBJECT_ATTRIBUTES,
    tag: u32,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    store(out, "Lookaside", || {
        if size == 0 {
            return Err(status::INVALID_PARAMETER);
        }
        let paged = is_paged(pool_type);
        let mut plan = Plan::check(&client, Kind::Lookaside, attributes, client.driver.get())?;
        Plan::check(&client, Kind::Memory, memory_attributes, client.driver.get())?;
        plan.passive |= paged;
        let tag = if tag == 0 { client.tag.get() } else { tag };
        let attributes = if memory_attributes.is_null() { None } else { structs::read(memory_attributes) };
        objects::create(plan, Rc::new(Lookaside { size, paged, tag, attributes }))
    })
}

unsafe extern "win64" fn create_memory(globals: Globals, list: Handle, out: *mut Handle) -> i32 {
    let client = client::of(globals);
    let body: Rc<Lookaside> = objects::get(list, Kind::Lookaside, "Lookaside");
    store(out, "Memory", || {
        let attributes = body.attributes.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let mut plan = Plan::check(&client, Kind::Memory, attributes, client.driver.get())?;
        plan.passive |= body.paged;
        let buffer = pool::allocate(body.paged, body.size, body.tag);
        if buffer.is_null() {
            return Err(status::INSUFFICIENT_RESOURCES);
        }
        let memory = Memory::over(buffer, body.size, Origin::Lookaside(list), false);
        let handle = objects::create(plan, Rc::new(memory)).inspect_err(|_| pool::free(buffer))?;
        objects::reference(list);
        Ok(handle)
    })
}

#[cfg(test)]
mod tests;
