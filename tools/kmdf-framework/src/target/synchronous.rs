//! The synchronous senders: format, send, wait, and give the result.

use std::rc::Rc;

use nt_kernel::layout::{IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_READ, IRP_MJ_WRITE};
use nt_kernel::{get, raw};

use super::buffer::Buffer;
use super::format::{self, Operation};
use super::rules::{IGNORE_TARGET_STATE, Options, SYNCHRONOUS, TIMEOUT};
use super::{of, sending};
use crate::client::{self, Globals};
use crate::functions::Function;
use crate::objects::{self, Handle};
use crate::request::{self, Request};
use crate::status;
use crate::structs::{self, WDF_MEMORY_DESCRIPTOR, WDF_REQUEST_SEND_OPTIONS};

/// What this module implements.
pub(super) const FUNCTIONS: &[Function] = &[
    ("WdfIoTargetSendReadSynchronously", send_read as *const ()),
    ("WdfIoTargetSendWriteSynchronously", send_write as *const ()),
    ("WdfIoTargetSendIoctlSynchronously", send_ioctl as *const ()),
    ("WdfIoTargetSendInternalIoctlSynchronously", send_internal_ioctl as *const ()),
    ("WdfIoTargetSendInternalIoctlOthersSynchronously", send_others as *const ()),
];

/// What all synchronous senders take.
struct Call {
    globals: Globals,
    target: Handle,
    request: Handle,
    options: *const WDF_REQUEST_SEND_OPTIONS,
    bytes: *mut usize,
}

/// Reads send options; none are no flags.
///
/// # Errors
/// STATUS_INVALID_PARAMETER for a wrong size or flags that are not allowed here.
pub(super) fn options(pointer: *const WDF_REQUEST_SEND_OPTIONS, allowed: u32) -> Result<Options, i32> {
    if pointer.is_null() {
        return Ok(Options::default());
    }
    let options = structs::read(pointer).ok_or(status::INVALID_PARAMETER)?;
    Options::check(options.Flags, options.Timeout, allowed)
}

impl Call {
    fn run(self, operation: impl FnOnce() -> Result<Operation, i32>) -> i32 {
        self.try_run(operation).err().unwrap_or(status::SUCCESS)
    }

    fn try_run(self, operation: impl FnOnce() -> Result<Operation, i32>) -> Result<(), i32> {
        let client = client::of(self.globals);
        let target = of(self.target);
        let options = options(self.options, TIMEOUT | SYNCHRONOUS | IGNORE_TARGET_STATE)?;
        let operation = operation()?;
        let (request, temporary) = if self.request.is_null() {
            (request::create::temporary(&client)?, true)
        } else {
            (request::get(self.request), false)
        };
        let result = self.send(&target, &request, operation, options);
        if temporary {
            objects::delete(request.handle.get());
        } else {
            request.sending.release_format();
        }
        result
    }

    fn send(
        &self,
        target: &Rc<super::Target>,
        request: &Rc<Request>,
        operation: Operation,
        options: Options,
    ) -> Result<(), i32> {
        format::apply(target, request, operation)?;
        let sent = sending::submit_and_wait(target, request, options);
        let irp = request.irp.get();
        if !self.bytes.is_null() {
            raw::write(self.bytes, get!(irp, IoStatus.Information));
        }
        sent?;
        match get!(irp, IoStatus.Status) {
            status::SUCCESS => Ok(()),
            other => Err(other),
        }
    }
}

fn transfer(
    major: u8,
    buffer: *const WDF_MEMORY_DESCRIPTOR,
    offset: *const i64,
    argument: &str,
) -> Result<Operation, i32> {
    let buffer = Buffer::of_descriptor(buffer, argument)?;
    let offset = if offset.is_null() { 0 } else { raw::read(offset) };
    Ok(Operation::Transfer { major, buffer, offset })
}

unsafe extern "win64" fn send_read(
    globals: Globals,
    target: Handle,
    request: Handle,
    output: *const WDF_MEMORY_DESCRIPTOR,
    offset: *const i64,
    options: *const WDF_REQUEST_SEND_OPTIONS,
    bytes: *mut usize,
) -> i32 {
    let call = Call { globals, target, request, options, bytes };
    call.run(|| transfer(IRP_MJ_READ, output, offset, "OutputBuffer"))
}

unsafe extern "win64" fn send_write(
    globals: Globals,
    target: Handle,
    request: Handle,
    input: *const WDF_MEMORY_DESCRIPTOR,
    offset: *const i64,
    options: *const WDF_REQUEST_SEND_OPTIONS,
    bytes: *mut usize,
) -> i32 {
    let call = Call { globals, target, request, options, bytes };
    call.run(|| transfer(IRP_MJ_WRITE, input, offset, "InputBuffer"))
}

fn control(
    major: u8,
    code: u32,
    input: *const WDF_MEMORY_DESCRIPTOR,
    output: *const WDF_MEMORY_DESCRIPTOR,
) -> Result<Operation, i32> {
    let input = Buffer::of_descriptor(input, "InputBuffer")?;
    let output = Buffer::of_descriptor(output, "OutputBuffer")?;
    Ok(Operation::Control { major, code, input, output })
}

unsafe extern "win64" fn send_ioctl(
    globals: Globals,
    target: Handle,
    request: Handle,
    code: u32,
    input: *const WDF_MEMORY_DESCRIPTOR,
    output: *const WDF_MEMORY_DESCRIPTOR,
    options: *const WDF_REQUEST_SEND_OPTIONS,
    bytes: *mut usize,
) -> i32 {
    let call = Call { globals, target, request, options, bytes };
    call.run(|| control(IRP_MJ_DEVICE_CONTROL, code, input, output))
}

unsafe extern "win64" fn send_internal_ioctl(
    globals: Globals,
    target: Handle,
    request: Handle,
    code: u32,
    input: *const WDF_MEMORY_DESCRIPTOR,
    output: *const WDF_MEMORY_DESCRIPTOR,
    options: *const WDF_REQUEST_SEND_OPTIONS,
    bytes: *mut usize,
) -> i32 {
    let call = Call { globals, target, request, options, bytes };
    call.run(|| control(IRP_MJ_INTERNAL_DEVICE_CONTROL, code, input, output))
}

unsafe extern "win64" fn send_others(
    globals: Globals,
    target: Handle,
    request: Handle,
    code: u32,
    first: *const WDF_MEMORY_DESCRIPTOR,
    second: *const WDF_MEMORY_DESCRIPTOR,
    fourth: *const WDF_MEMORY_DESCRIPTOR,
    options: *const WDF_REQUEST_SEND_OPTIONS,
    bytes: *mut usize,
) -> i32 {
    let call = Call { globals, target, request, options, bytes };
    call.run(|| {
        let first = Buffer::of_descriptor(first, "OtherArg1")?;
        let second = Buffer::of_descriptor(second, "OtherArg2")?;
        let fourth = Buffer::of_descriptor(fourth, "OtherArg4")?;
        Ok(Operation::Others { code, arguments: [first, second, fourth] })
    })
}
