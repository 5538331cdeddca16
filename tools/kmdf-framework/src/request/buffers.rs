//! Buffers of a request: system buffer, mapped MDL or the sender's pointer, by the request's transfer method.

use std::ffi::c_void;
use std::rc::Rc;

use nt_kernel::layout::{
    DO_BUFFERED_IO, DO_DIRECT_IO, IRP, IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_READ,
    IRP_MJ_WRITE, MDL, MDL_MAPPED_TO_SYSTEM_VA, MDL_SOURCE_IS_NONPAGED_POOL,
};
use nt_kernel::{get, mdl, raw};

use super::{Request, open};
use crate::client::{self, Client, Globals};
use crate::fail::require;
use crate::functions::Function;
use crate::memory::{self, Memory};
use crate::objects::{self, Handle, Kind, Plan};
use crate::status;

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfRequestRetrieveInputBuffer", retrieve_input_buffer as *const ()),
    ("WdfRequestRetrieveOutputBuffer", retrieve_output_buffer as *const ()),
    ("WdfRequestRetrieveInputMemory", retrieve_input_memory as *const ()),
    ("WdfRequestRetrieveOutputMemory", retrieve_output_memory as *const ()),
    ("WdfRequestRetrieveInputWdmMdl", retrieve_input_mdl as *const ()),
    ("WdfRequestRetrieveOutputWdmMdl", retrieve_output_mdl as *const ()),
];

/// What was made over a request's buffers and goes with its completion.
#[derive(Default)]
pub(crate) struct Cached {
    input: Handle,
    output: Handle,
    /// MDL over the system buffer: one for both directions.
    mdl: Option<*mut MDL>,
    /// MDLs of probed and locked user buffers.
    pub(super) locked: Vec<*mut MDL>,
}

/// Which way the data goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the driver.
    Input,
    /// From the driver.
    Output,
}

/// How the data travels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// In the system buffer.
    Buffered,
    /// In pages that an MDL describes.
    Direct,
    /// At the address that the sender gave.
    Neither,
}

/// A buffer before it is looked at: its method, the whole length that the sender gave, and the sender's pointer.
pub(super) struct Data {
    pub method: Method,
    pub length: usize,
    pub pointer: *mut c_void,
}

pub(super) fn data(request: &Request, direction: Direction) -> Result<Data, i32> {
    let irp = request.irp.get();
    if irp.is_null() || get!(irp, CurrentLocation) > get!(irp, StackCount) {
        return Err(status::INVALID_DEVICE_REQUEST);
    }
    let location = request.location();
    match (request.major(), direction) {
        (IRP_MJ_READ, Direction::Output) | (IRP_MJ_WRITE, Direction::Input) => {
            let flags = request.device.as_ref().map_or(0, |device| get!(device.wdm.get(), Flags));
            let method = match flags {
                _ if flags & DO_BUFFERED_IO != 0 => Method::Buffered,
                _ if flags & DO_DIRECT_IO != 0 => Method::Direct,
                _ => Method::Neither,
            };
            let length = get!(location, Parameters.Read.Length) as usize;
            Ok(Data { method, length, pointer: get!(irp, UserBuffer) })
        }
        (IRP_MJ_DEVICE_CONTROL | IRP_MJ_INTERNAL_DEVICE_CONTROL, _) => {
            let code = get!(location, Parameters.DeviceIoControl.IoControlCode);
            let (length, pointer) = match direction {
                Direction::Input => (
                    get!(location, Parameters.DeviceIoControl.InputBufferLength),
                    get!(location, Parameters.DeviceIoControl.Type3InputBuffer),
                ),
                Direction::Output => {
                    (get!(location, Parameters.DeviceIoControl.OutputBufferLength), get!(irp, UserBuffer))
                }
            };
            let method = match (code & 3, direction) {
                (0, _) | (1 | 2, Direction::Input) => Method::Buffered,
                (1 | 2, Direction::Output) => Method::Direct,
                _ => Method::Neither,
            };
            Ok(Data { method, length: length as usize, pointer })
        }
        _ => Err(status::INVALID_DEVICE_REQUEST),
    }
}

pub(super) fn from_user(irp: *mut IRP) -> bool {
    get!(irp, RequestorMode) != 0
}

/// Address and length of a buffer that the driver may touch.
fn retrieve(request: &Request, direction: Direction, minimum: usize) -> Result<(*mut u8, usize), i32> {
    let data = data(request, direction)?;
    if data.length == 0 || data.length < minimum {
        return Err(status::BUFFER_TOO_SMALL);
    }
    let irp = request.irp.get();
    let address = match data.method {
        Method::Buffered => get!(irp, SystemBuffer),
        Method::Direct => mapped(irp)?,
        // A sender in user mode is not to be trusted; an internal control never comes from there.
        Method::Neither if from_user(irp) && request.major() != IRP_MJ_INTERNAL_DEVICE_CONTROL => {
            return Err(status::INVALID_DEVICE_REQUEST);
        }
        Method::Neither => data.pointer,
    };
    Ok((address.cast(), data.length))
}

/// System address of the pages that the IRP's MDL describes.
fn mapped(irp: *mut IRP) -> Result<*mut c_void, i32> {
    let mdl = get!(irp, MdlAddress);
    if mdl.is_null() {
        return Err(status::BUFFER_TOO_SMALL);
    }
    // A mapping that exists already cannot fail.
    let exists = get!(mdl, MdlFlags) & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL) != 0;
    if !exists && !nt_kernel::pool::try_charge() {
        return Err(status::INSUFFICIENT_RESOURCES);
    }
    let address = mdl::map(mdl);
    if address.is_null() { Err(status::INSUFFICIENT_RESOURCES) } else { Ok(address.cast()) }
}

fn retrieve_buffer(
    request: Handle,
    direction: Direction,
    minimum: usize,
    buffer: *mut *mut u8,
    length: *mut usize,
) -> i32 {
    require(buffer, "Buffer");
    let found = match open(request) {
        Some(request) => retrieve(&request, direction, minimum),
        None => Err(status::INVALID_DEVICE_REQUEST),
    };
    give(found, buffer, length)
}

/// Stores address and length, or NULL and 0.
pub(super) fn give(found: Result<(*mut u8, usize), i32>, buffer: *mut *mut u8, length: *mut usize) -> i32 {
    let (address, size, result) = match found {
        Ok((address, size)) => (address, size, status::SUCCESS),
        Err(status) => (std::ptr::null_mut(), 0, status),
    };
    raw::write(buffer, address);
    if !length.is_null() {
        raw::write(length, size);
    }
    result
}

unsafe extern "win64" fn retrieve_input_buffer(
    _: Globals,
    request: Handle,
    minimum: usize,
    buffer: *mut *mut u8,
    length: *mut usize,
) -> i32 {
    retrieve_buffer(request, Direction::Input, minimum, buffer, length)
}

unsafe extern "win64" fn retrieve_output_buffer(
    _: Globals,
    request: Handle,
    minimum: usize,
    buffer: *mut *mut u8,
    length: *mut usize,
) -> i32 {
    retrieve_buffer(request, Direction::Output, minimum, buffer, length)
}

/// A memory object that is part of the request.
pub(super) fn embed(
    client: &Rc<Client>,
    request: &Request,
    address: *mut u8,
    length: usize,
    read_only: bool,
) -> Result<Handle, i32> {
    let plan = Plan::check(client, Kind::Memory, std::ptr::null(), request.handle.get())?;
    let memory = Memory::over(address, length, memory::Origin::Request, read_only);
    let handle = objects::create_embedded(plan, Rc::new(memory))?;
    objects::any(handle, "Memory").set_deletable(false);
    Ok(handle)
}

/// The memory object over a buffer: the same handle each time, valid until completion.
fn retrieve_memory(globals: Globals, request: Handle, direction: Direction, out: *mut Handle) -> i32 {
    let client = client::of(globals);
    objects::store(out, "Memory", || {
        let request = open(request).ok_or(status::INVALID_DEVICE_REQUEST)?;
        let (address, length) = retrieve(&request, direction, 0)?;
        let cached = match direction {
            Direction::Input => request.buffers.borrow().input,
            Direction::Output => request.buffers.borrow().output,
        };
        if !cached.is_null() {
            return Ok(cached);
        }
        // Data that goes to the device is not the driver's to change.
        let read_only = direction == Direction::Input && request.major() == IRP_MJ_WRITE;
        let handle = embed(&client, &request, address, length, read_only)?;
        let mut buffers = request.buffers.borrow_mut();
        match direction {
            Direction::Input => buffers.input = handle,
            Direction::Output => buffers.output = handle,
        }
        Ok(handle)
    })
}

unsafe extern "win64" fn retrieve_input_memory(globals: Globals, request: Handle, out: *mut Handle) -> i32 {
    retrieve_memory(globals, request, Direction::Input, out)
}

unsafe extern "win64" fn retrieve_output_memory(globals: Globals, request: Handle, out: *mut Handle) -> i32 {
    retrieve_memory(globals, request, Direction::Output, out)
}

fn find_mdl(request: &Request, direction: Direction) -> Result<*mut MDL, i32> {
    let data = data(request, direction)?;
    if data.length == 0 {
        return Err(status::BUFFER_TOO_SMALL);
    }
    let irp = request.irp.get();
    match data.method {
        Method::Neither => Err(status::INVALID_DEVICE_REQUEST),
        Method::Direct => {
            let mdl = get!(irp, MdlAddress);
            if mdl.is_null() { Err(status::BUFFER_TOO_SMALL) } else { Ok(mdl) }
        }
        Method::Buffered => {
            if let Some(mdl) = request.buffers.borrow().mdl {
                return Ok(mdl);
            }
            if !nt_kernel::pool::try_charge() {
                return Err(status::INSUFFICIENT_RESOURCES);
            }
            let mdl = mdl::allocate(get!(irp, SystemBuffer).cast(), data.length as u32);
            mdl::build_nonpaged(mdl);
            request.buffers.borrow_mut().mdl = Some(mdl);
            Ok(mdl)
        }
    }
}

fn retrieve_mdl(request: Handle, direction: Direction, out: *mut *mut MDL) -> i32 {
    require(out, "Mdl");
    raw::write(out, std::ptr::null_mut());
    let found = open(request).ok_or(status::INVALID_DEVICE_REQUEST);
    match found.and_then(|request| find_mdl(&request, direction)) {
        Ok(mdl) => {
            raw::write(out, mdl);
            status::SUCCESS
        }
        Err(status) => status,
    }
}

unsafe extern "win64" fn retrieve_input_mdl(_: Globals, request: Handle, out: *mut *mut MDL) -> i32 {
    retrieve_mdl(request, Direction::Input, out)
}

unsafe extern "win64" fn retrieve_output_mdl(_: Globals, request: Handle, out: *mut *mut MDL) -> i32 {
    retrieve_mdl(request, Direction::Output, out)
}

impl Cached {
    /// Memory objects that were handed out.
    pub(crate) fn memories(&self) -> impl Iterator<Item = Handle> {
        [self.input, self.output].into_iter().filter(|handle| !handle.is_null())
    }

    /// Takes the MDLs, which end with the request.
    pub(crate) fn release(&mut self) {
        if let Some(mdl) = self.mdl.take() {
            mdl::free(mdl);
        }
        for mdl in self.locked.drain(..) {
            mdl::unlock(mdl);
            mdl::free(mdl);
        }
        *self = Cached::default();
    }
}
