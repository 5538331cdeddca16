//! Buffers at addresses that the sender gave: unprobed, or probed, locked and mapped.

use nt_kernel::layout::IRP_MJ_INTERNAL_DEVICE_CONTROL;
use nt_kernel::mdl;
use nt_kernel::mdl::Lock;

use super::buffers::{Direction, Method, data, embed, from_user, give};
use super::open;
use crate::client::{self, Globals};
use crate::fail::{require, require_irql};
use crate::functions::Function;
use crate::objects::{self, Handle};
use crate::status;

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfRequestRetrieveUnsafeUserInputBuffer", retrieve_unsafe_input as *const ()),
    ("WdfRequestRetrieveUnsafeUserOutputBuffer", retrieve_unsafe_output as *const ()),
    ("WdfRequestProbeAndLockUserBufferForRead", probe_for_read as *const ()),
    ("WdfRequestProbeAndLockUserBufferForWrite", probe_for_write as *const ()),
];

fn retrieve_unsafe(
    request: Handle,
    direction: Direction,
    minimum: usize,
    buffer: *mut *mut u8,
    length: *mut usize,
) -> i32 {
    require(buffer, "Buffer");
    let found = || {
        let request = open(request).ok_or(status::INVALID_DEVICE_REQUEST)?;
        let data = data(&request, direction)?;
        if request.major() == IRP_MJ_INTERNAL_DEVICE_CONTROL || data.method != Method::Neither {
            return Err(status::INVALID_DEVICE_REQUEST);
        }
        if data.length == 0 || data.length < minimum {
            return Err(status::BUFFER_TOO_SMALL);
        }
        Ok((data.pointer.cast(), data.length))
    };
    give(found(), buffer, length)
}

unsafe extern "win64" fn retrieve_unsafe_input(
    _: Globals,
    request: Handle,
    minimum: usize,
    buffer: *mut *mut u8,
    length: *mut usize,
) -> i32 {
    retrieve_unsafe(request, Direction::Input, minimum, buffer, length)
}

unsafe extern "win64" fn retrieve_unsafe_output(
    _: Globals,
    request: Handle,
    minimum: usize,
    buffer: *mut *mut u8,
    length: *mut usize,
) -> i32 {
    retrieve_unsafe(request, Direction::Output, minimum, buffer, length)
}

fn probe_and_lock(
    globals: Globals,
    request: Handle,
    buffer: *mut u8,
    length: usize,
    write: bool,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    require(buffer, "Buffer");
    require_irql(0, "Request");
    objects::store(out, "MemoryObject", || {
        let request = open(request).ok_or(status::INVALID_DEVICE_REQUEST)?;
        if length == 0 {
            return Err(status::INVALID_USER_BUFFER);
        }
        if !nt_kernel::pool::try_charge() {
            return Err(status::INSUFFICIENT_RESOURCES);
        }
        let mdl = mdl::allocate(buffer, length as u32);
        let user = from_user(request.irp.get());
        if let Err(status) = mdl::probe_and_lock(mdl, user, if write { Lock::Write } else { Lock::Read }) {
            mdl::free(mdl);
            return Err(status);
        }
        let address = mdl::map(mdl);
        request.buffers.borrow_mut().locked.push(mdl);
        if address.is_null() {
            return Err(status::INSUFFICIENT_RESOURCES);
        }
        embed(&client, &request, address.cast(), length, !write)
    })
}

unsafe extern "win64" fn probe_for_read(
    globals: Globals,
    request: Handle,
    buffer: *mut u8,
    length: usize,
    out: *mut Handle,
) -> i32 {
    probe_and_lock(globals, request, buffer, length, false, out)
}

unsafe extern "win64" fn probe_for_write(
    globals: Globals,
    request: Handle,
    buffer: *mut u8,
    length: usize,
    out: *mut Handle,
) -> i32 {
    probe_and_lock(globals, request, buffer, length, true, out)
}
