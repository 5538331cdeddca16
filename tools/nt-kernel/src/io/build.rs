//! IRPs with buffers: what `IoBuildDeviceIoControlRequest` and its like make.

use nt_machine::memory::{self, Kind};
use nt_machine::threads;

use super::irp::{self, Origin};
use crate::layout::{
    DEVICE_OBJECT, DO_BUFFERED_IO, DO_DIRECT_IO, IO_STATUS_BLOCK, IRP, IRP_BUFFERED_IO, IRP_DEALLOCATE_BUFFER,
    IRP_INPUT_OPERATION, IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_PNP, IRP_MJ_POWER, IRP_MJ_READ,
    IRP_MJ_WRITE, KEVENT, PVOID,
};
use crate::{get, mdl, put, raw, status};

/// The caller's buffers of a device control.
#[derive(Clone, Copy, Debug)]
pub struct Buffers {
    /// Input, or null.
    pub input: *mut u8,
    /// Bytes of input.
    pub input_length: u32,
    /// Output, or null.
    pub output: *mut u8,
    /// Bytes of output.
    pub output_length: u32,
}

/// A block for buffered data. Past the input it keeps what fresh memory holds: the I/O manager does not clear it.
fn system_buffer(input: *const u8, input_length: usize, size: usize) -> *mut u8 {
    let align = crate::pool::alignment(size, 4);
    let block = memory::allocate(Kind::NonPagedPool, size, align, u32::from_le_bytes(*b"IoSB"), "system buffer");
    raw::copy_bytes(input, block, input_length);
    block
}

/// Fills the next location and the buffers of a device control, by the method that its code says.
///
/// # Errors
/// The status of locking the caller's pages.
pub fn fill_device_control(
    request: *mut IRP,
    code: u32,
    internal: bool,
    buffers: Buffers,
    user: bool,
) -> Result<(), i32> {
    let next = super::next(request);
    put!(next, MajorFunction, if internal { IRP_MJ_INTERNAL_DEVICE_CONTROL } else { IRP_MJ_DEVICE_CONTROL });
    put!(next, Parameters.DeviceIoControl.OutputBufferLength, buffers.output_length);
    put!(next, Parameters.DeviceIoControl.InputBufferLength, buffers.input_length);
    put!(next, Parameters.DeviceIoControl.IoControlCode, code);
    put!(request, UserBuffer, buffers.output.cast());
    let (input, output) = (buffers.input_length as usize, buffers.output_length as usize);
    irp::with(request, |known| known.output = Some(output));
    match code & 3 {
        0 => {
            if input.max(output) == 0 {
                return Ok(());
            }
            put!(request, SystemBuffer, system_buffer(buffers.input, input, input.max(output)).cast());
            let back = if buffers.output.is_null() { 0 } else { IRP_INPUT_OPERATION };
            put!(request, Flags, IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER | back);
        }
        3 => put!(next, Parameters.DeviceIoControl.Type3InputBuffer, buffers.input.cast()),
        method => {
            if input != 0 && !buffers.input.is_null() {
                put!(request, SystemBuffer, system_buffer(buffers.input, input, input).cast());
                put!(request, Flags, IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER);
            }
            if output != 0 {
                lock_buffer(request, buffers.output, output, user, method == 2)?;
            }
        }
    }
    Ok(())
}

/// Describes and locks the caller's buffer; `write`: the device writes to it.
fn lock_buffer(request: *mut IRP, buffer: *mut u8, length: usize, user: bool, write: bool) -> Result<(), i32> {
    let list = mdl::allocate(buffer, length as u32);
    put!(request, MdlAddress, list);
    let operation = if write { mdl::Lock::Write } else { mdl::Lock::Read };
    mdl::probe_and_lock(list, user, operation)
}

/// Fills the next location and the buffer of a read, write, flush, shutdown, PnP or power request.
///
/// # Errors
/// The status of locking the caller's pages.
pub fn fill_fsd(
    request: *mut IRP,
    device: *mut DEVICE_OBJECT,
    major: u8,
    buffer: *mut u8,
    length: u32,
    offset: i64,
    user: bool,
) -> Result<(), i32> {
    let next = super::next(request);
    put!(next, MajorFunction, major);
    if matches!(major, IRP_MJ_PNP | IRP_MJ_POWER) {
        put!(request, IoStatus.Status, status::NOT_SUPPORTED);
    }
    if !matches!(major, IRP_MJ_READ | IRP_MJ_WRITE) {
        return Ok(());
    }
    put!(next, Parameters.Read.Length, length);
    put!(next, Parameters.Read.ByteOffset, offset);
    let reads = major == IRP_MJ_READ;
    let bytes = length as usize;
    irp::with(request, |known| known.output = Some(bytes));
    let flags = get!(device, Flags);
    if flags & DO_BUFFERED_IO != 0 {
        if bytes != 0 {
            let input = if reads { 0 } else { bytes };
            put!(request, SystemBuffer, system_buffer(buffer, input, bytes).cast());
        }
        put!(request, UserBuffer, buffer.cast());
        let back = if reads { IRP_INPUT_OPERATION } else { 0 };
        put!(request, Flags, get!(request, Flags) | IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER | back);
    } else if flags & DO_DIRECT_IO != 0 {
        if bytes != 0 {
            lock_buffer(request, buffer, bytes, user, reads)?;
        }
    } else {
        put!(request, UserBuffer, buffer.cast());
    }
    Ok(())
}

/// Gives back what was filled in, of an IRP that was not sent.
pub(crate) fn discard(request: *mut IRP) {
    mdl::unlock_chain(get!(request, MdlAddress));
    mdl::free_chain(get!(request, MdlAddress));
    if get!(request, Flags) & IRP_DEALLOCATE_BUFFER != 0 && !get!(request, SystemBuffer).is_null() {
        memory::free(get!(request, SystemBuffer).cast());
    }
    irp::release(request);
}

fn belong_to_thread(request: *mut IRP, event: *mut KEVENT, block: *mut IO_STATUS_BLOCK) {
    put!(request, UserEvent, event);
    put!(request, UserIosb, block);
    put!(request, Thread, threads::thread_object(threads::current()).cast::<core::ffi::c_void>() as PVOID);
}

/// `IoBuildDeviceIoControlRequest`; null when the caller's buffer cannot be locked.
#[must_use]
pub fn build_device_control(
    device: *mut DEVICE_OBJECT,
    code: u32,
    internal: bool,
    buffers: Buffers,
    event: *mut KEVENT,
    block: *mut IO_STATUS_BLOCK,
) -> *mut IRP {
    let request = irp::allocate(get!(device, StackSize), Origin::Threaded);
    if fill_device_control(request, code, internal, buffers, false).is_err() {
        discard(request);
        return core::ptr::null_mut();
    }
    belong_to_thread(request, event, block);
    request
}

/// `IoBuildSynchronousFsdRequest`, and with `asynchronous` the other; null when the caller's buffer cannot be locked.
#[expect(clippy::too_many_arguments, reason = "the arguments of the function that it is")]
#[must_use]
pub fn build_fsd(
    device: *mut DEVICE_OBJECT,
    major: u8,
    buffer: *mut u8,
    length: u32,
    offset: i64,
    event: *mut KEVENT,
    block: *mut IO_STATUS_BLOCK,
    asynchronous: bool,
) -> *mut IRP {
    let origin = if asynchronous { Origin::Asynchronous } else { Origin::Threaded };
    let request = irp::allocate(get!(device, StackSize), origin);
    if fill_fsd(request, device, major, buffer, length, offset, false).is_err() {
        discard(request);
        return core::ptr::null_mut();
    }
    belong_to_thread(request, event, block);
    request
}
