//! The format functions of targets.

use nt_kernel::layout::{IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_READ, IRP_MJ_WRITE};
use nt_kernel::raw;

use super::buffer::Buffer;
use super::format::{Operation, apply};
use super::of;
use crate::client::Globals;
use crate::functions::Function;
use crate::objects::Handle;
use crate::structs::WDFMEMORY_OFFSET;
use crate::{request, status};

/// What this module implements.
pub(super) const FUNCTIONS: &[Function] = &[
    ("WdfIoTargetFormatRequestForRead", for_read as *const ()),
    ("WdfIoTargetFormatRequestForWrite", for_write as *const ()),
    ("WdfIoTargetFormatRequestForIoctl", for_ioctl as *const ()),
    ("WdfIoTargetFormatRequestForInternalIoctl", for_internal_ioctl as *const ()),
    ("WdfIoTargetFormatRequestForInternalIoctlOthers", for_others as *const ()),
];

/// Runs a format function.
fn formatted(target: Handle, request: Handle, operation: impl FnOnce() -> Result<Operation, i32>) -> i32 {
    let (target, request) = (of(target), request::get(request));
    let result = operation().and_then(|operation| apply(&target, &request, operation));
    result.err().unwrap_or(status::SUCCESS)
}

fn transfer(
    major: u8,
    memory: Handle,
    part: *const WDFMEMORY_OFFSET,
    offset: *const i64,
    argument: &str,
) -> Result<Operation, i32> {
    let buffer = Buffer::of_memory(memory, part, argument)?;
    let offset = if offset.is_null() { 0 } else { raw::read(offset) };
    Ok(Operation::Transfer { major, buffer, offset })
}

unsafe extern "win64" fn for_read(
    _: Globals,
    target: Handle,
    request: Handle,
    output: Handle,
    part: *const WDFMEMORY_OFFSET,
    offset: *const i64,
) -> i32 {
    formatted(target, request, || transfer(IRP_MJ_READ, output, part, offset, "OutputBuffer"))
}

unsafe extern "win64" fn for_write(
    _: Globals,
    target: Handle,
    request: Handle,
    input: Handle,
    part: *const WDFMEMORY_OFFSET,
    offset: *const i64,
) -> i32 {
    formatted(target, request, || transfer(IRP_MJ_WRITE, input, part, offset, "InputBuffer"))
}

fn control(
    major: u8,
    code: u32,
    input: (Handle, *const WDFMEMORY_OFFSET),
    output: (Handle, *const WDFMEMORY_OFFSET),
) -> Result<Operation, i32> {
    let input = Buffer::of_memory(input.0, input.1, "InputBuffer")?;
    let output = Buffer::of_memory(output.0, output.1, "OutputBuffer")?;
    Ok(Operation::Control { major, code, input, output })
}

unsafe extern "win64" fn for_ioctl(
    _: Globals,
    target: Handle,
    request: Handle,
    code: u32,
    input: Handle,
    input_part: *const WDFMEMORY_OFFSET,
    output: Handle,
    output_part: *const WDFMEMORY_OFFSET,
) -> i32 {
    formatted(target, request, || control(IRP_MJ_DEVICE_CONTROL, code, (input, input_part), (output, output_part)))
}

unsafe extern "win64" fn for_internal_ioctl(
    _: Globals,
    target: Handle,
    request: Handle,
    code: u32,
    input: Handle,
    input_part: *const WDFMEMORY_OFFSET,
    output: Handle,
    output_part: *const WDFMEMORY_OFFSET,
) -> i32 {
    formatted(target, request, || {
        control(IRP_MJ_INTERNAL_DEVICE_CONTROL, code, (input, input_part), (output, output_part))
    })
}

unsafe extern "win64" fn for_others(
    _: Globals,
    target: Handle,
    request: Handle,
    code: u32,
    first: Handle,
    first_part: *const WDFMEMORY_OFFSET,
    second: Handle,
    second_part: *const WDFMEMORY_OFFSET,
    fourth: Handle,
    fourth_part: *const WDFMEMORY_OFFSET,
) -> i32 {
    formatted(target, request, || {
        let first = Buffer::of_memory(first, first_part, "OtherArg1")?;
        let second = Buffer::of_memory(second, second_part, "OtherArg2")?;
        let fourth = Buffer::of_memory(fourth, fourth_part, "OtherArg4")?;
        Ok(Operation::Others { code, arguments: [first, second, fourth] })
    })
}
