//! Memory objects: a buffer with a handle, references and bounds.

use std::cell::Cell;
use std::rc::Rc;

use nt_kernel::{pool, raw};

use crate::client::{self, Client, Globals};
use crate::fail::{Violation, require, violation};
use crate::functions::Function;
use crate::objects::{self, Body, Handle, Kind, Plan, store};
use crate::status;
use crate::structs::{WDF_OBJECT_ATTRIBUTES, WDFMEMORY_OFFSET};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfMemoryCreate", create as *const ()),
    ("WdfMemoryCreatePreallocated", create_preallocated as *const ()),
    ("WdfMemoryGetBuffer", get_buffer as *const ()),
    ("WdfMemoryAssignBuffer", assign_buffer as *const ()),
    ("WdfMemoryCopyToBuffer", copy_to_buffer as *const ()),
    ("WdfMemoryCopyFromBuffer", copy_from_buffer as *const ()),
];

/// Where the buffer of a memory object comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Allocated by the framework, freed with the object.
    Pool,
    /// The driver's.
    Preallocated,
    /// Of a look-aside list, which the object keeps alive.
    Lookaside(Handle),
    /// A buffer of a request.
    Request,
}

/// A memory object.
pub struct Memory {
    buffer: Cell<*mut u8>,
    size: Cell<usize>,
    origin: Origin,
    read_only: bool,
}

impl Memory {
    /// A memory object over a buffer that something else owns.
    #[must_use]
    pub fn over(buffer: *mut u8, size: usize, origin: Origin, read_only: bool) -> Memory {
        Memory { buffer: Cell::new(buffer), size: Cell::new(size), origin, read_only }
    }

    /// The buffer and its size.
    #[must_use]
    pub fn buffer(&self) -> (*mut u8, usize) {
        (self.buffer.get(), self.size.get())
    }

    /// Lets the object describe another buffer (what a request's memory shows after the request got a new one).
    pub fn set_buffer(&self, buffer: *mut u8, size: usize) {
        self.buffer.set(buffer);
        self.size.set(size);
    }
}

impl Body for Memory {
    fn destroy(&self, _handle: Handle) {
        match self.origin {
            Origin::Pool => pool::free(self.buffer.get()),
            Origin::Lookaside(list) => {
                pool::free(self.buffer.get());
                objects::dereference(list);
            }
            Origin::Preallocated | Origin::Request => {}
        }
    }
}

/// The memory object of a handle.
#[must_use]
pub fn of(handle: Handle, argument: &str) -> Rc<Memory> {
    objects::get(handle, Kind::Memory, argument)
}

/// `POOL_TYPE`: the odd ones are paged.
pub(crate) const fn is_paged(pool_type: i32) -> bool {
    pool_type & 1 != 0
}

/// Which bytes of a memory of that size the driver means.
///
/// # Errors
/// STATUS_INTEGER_OVERFLOW when they are not all inside.
pub fn part(size: usize, offset: Option<WDFMEMORY_OFFSET>) -> Result<(usize, usize), i32> {
    let Some(WDFMEMORY_OFFSET { BufferOffset: start, BufferLength: length }) = offset else { return Ok((0, size)) };
    let end = start.checked_add(length).ok_or(status::INTEGER_OVERFLOW)?;
    if end > size {
        return Err(status::INTEGER_OVERFLOW);
    }
    Ok((start, if length == 0 { size - start } else { length }))
}

/// Makes a memory object with a buffer of its own from pool. The caller gives the plan, whose parent it chose.
///
/// # Errors
/// STATUS_INVALID_PARAMETER for size 0; STATUS_INSUFFICIENT_RESOURCES; STATUS_DELETE_PENDING.
pub(crate) fn allocate(mut plan: Plan, paged: bool, tag: u32, size: usize) -> Result<Handle, i32> {
    if size == 0 {
        return Err(status::INVALID_PARAMETER);
    }
    let tag = if tag == 0 { plan.client.tag.get() } else { tag };
    plan.passive |= paged;
    let buffer = pool::allocate(paged, size, tag);
    if buffer.is_null() {
        return Err(status::INSUFFICIENT_RESOURCES);
    }
    let memory = Memory::over(buffer, size, Origin::Pool, false);
    objects::create(plan, Rc::new(memory)).inspect_err(|_| pool::free(buffer))
}

/// Makes a memory object from pool that holds a copy of `bytes`.
///
/// # Errors
/// As [`allocate`], and those of the attributes.
pub(crate) fn create_filled(
    client: &Rc<Client>,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    default_parent: Handle,
    pool_type: i32,
    bytes: &[u8],
) -> Result<Handle, i32> {
    let plan = Plan::check(client, Kind::Memory, attributes, default_parent)?;
    let handle = allocate(plan, is_paged(pool_type), 0, bytes.len())?;
    raw::put_bytes(of(handle, "Memory").buffer().0, bytes);
    Ok(handle)
}

fn put<T: Copy>(out: *mut T, value: T) {
    if !out.is_null() {
        raw::write(out, value);
    }
}

unsafe extern "win64" fn create(
    globals: Globals,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    pool_type: i32,
    tag: u32,
    size: usize,
    out: *mut Handle,
    buffer: *mut *mut u8,
) -> i32 {
    let client = client::of(globals);
    put(buffer, std::ptr::null_mut());
    store(out, "Memory", || {
        if is_paged(pool_type) {
            crate::fail::require_irql(1, "PoolType");
        }
        let plan = Plan::check(&client, Kind::Memory, attributes, client.driver.get())?;
        let handle = allocate(plan, is_paged(pool_type), tag, size)?;
        put(buffer, of(handle, "Memory").buffer().0);
        Ok(handle)
    })
}

unsafe extern "win64" fn create_preallocated(
    globals: Globals,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    buffer: *mut u8,
    size: usize,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    require(buffer, "Buffer");
    store(out, "Memory", || {
        if size == 0 {
            return Err(status::INVALID_PARAMETER);
        }
        let plan = Plan::check(&client, Kind::Memory, attributes, client.driver.get())?;
        objects::create(plan, Rc::new(Memory::over(buffer, size, Origin::Preallocated, false)))
    })
}

unsafe extern "win64" fn get_buffer(_: Globals, memory: Handle, size: *mut usize) -> *mut u8 {
    let (buffer, length) = of(memory, "Memory").buffer();
    put(size, length);
    buffer
}

unsafe extern "win64" fn assign_buffer(_: Globals, memory: Handle, buffer: *mut u8, size: usize) -> i32 {
    let body = of(memory, "Memory");
    if body.origin != Origin::Preallocated {
        violation(Violation::InvalidHandle, "Memory", format_args!("{memory} was not made over a preallocated buffer"));
    }
    require(buffer, "Buffer");
    if size == 0 {
        return status::INVALID_PARAMETER;
    }
    body.set_buffer(buffer, size);
    status::SUCCESS
}

/// What keeps a copy from being made, if anything does.
fn check_copy(body: &Memory, offset: usize, other: *const u8, length: usize, too_long: i32) -> Result<(), i32> {
    if length == 0 || other.is_null() {
        return Err(status::INVALID_PARAMETER);
    }
    let size = body.size.get();
    if offset >= size || length > size - offset { Err(too_long) } else { Ok(()) }
}

unsafe extern "win64" fn copy_to_buffer(
    _: Globals,
    memory: Handle,
    offset: usize,
    buffer: *mut u8,
    length: usize,
) -> i32 {
    let body = of(memory, "SourceMemory");
    if let Err(status) = check_copy(&body, offset, buffer, length, status::BUFFER_TOO_SMALL) {
        return status;
    }
    raw::copy_bytes(body.buffer.get().wrapping_add(offset), buffer, length);
    status::SUCCESS
}

unsafe extern "win64" fn copy_from_buffer(
    _: Globals,
    memory: Handle,
    offset: usize,
    buffer: *const u8,
    length: usize,
) -> i32 {
    let body = of(memory, "DestinationMemory");
    if body.read_only {
        return status::ACCESS_VIOLATION;
    }
    if let Err(status) = check_copy(&body, offset, buffer, length, status::INVALID_BUFFER_SIZE) {
        return status;
    }
    raw::copy_bytes(buffer, body.buffer.get().wrapping_add(offset), length);
    status::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(start: usize, length: usize) -> Result<(usize, usize), i32> {
        part(16, Some(WDFMEMORY_OFFSET { BufferOffset: start, BufferLength: length }))
    }

    #[test]
    fn a_part_lies_inside_its_memory() {
        assert_eq!(part(16, None), Ok((0, 16)));
        assert_eq!(slice(0, 0), Ok((0, 16)));
        assert_eq!(slice(4, 0), Ok((4, 12)));
        assert_eq!(slice(4, 12), Ok((4, 12)));
        assert_eq!(slice(4, 13), Err(status::INTEGER_OVERFLOW));
        assert_eq!(slice(usize::MAX, 2), Err(status::INTEGER_OVERFLOW));
    }

    #[test]
    fn copies_stay_inside() {
        let mut bytes = [0_u8; 4];
        let body = Memory::over(bytes.as_mut_ptr(), 4, Origin::Preallocated, false);
        let other = bytes.as_ptr();
        let short = status::BUFFER_TOO_SMALL;
        assert_eq!(check_copy(&body, 0, other, 0, short), Err(status::INVALID_PARAMETER));
        assert_eq!(check_copy(&body, 0, std::ptr::null(), 1, short), Err(status::INVALID_PARAMETER));
        assert_eq!(check_copy(&body, 4, other, 1, short), Err(short));
        assert_eq!(check_copy(&body, 1, other, 4, short), Err(short));
        assert_eq!(check_copy(&body, 1, other, 3, short), Ok(()));
    }
}
