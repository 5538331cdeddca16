//! What a format puts into a request: the next stack location, buffers of the IRP, and what is taken back at completion.

use std::rc::Rc;

use nt_kernel::layout::{
    DO_BUFFERED_IO, DO_DIRECT_IO, IO_STACK_LOCATION, IRP, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_READ, IRP_MJ_WRITE,
    MDL, PVOID,
};
use nt_kernel::mdl::Lock;
use nt_kernel::{get, io, mdl, pool, put, raw};
use nt_machine::memory::{self as machine_memory, Kind as BlockKind};

use super::Target;
use super::buffer::Buffer;
use super::sending::Sending;
use crate::objects::{self, Handle};
use crate::request::{Origin, Request};
use crate::status;
use crate::structs::WDF_REQUEST_COMPLETION_PARAMS;

/// `WDF_REQUEST_TYPE` of formats without a major function of their own.
const TYPE_OTHERS: u32 = 28;
const TYPE_NO_FORMAT: u32 = 255;

/// What is asked of the lower driver.
#[derive(Clone, Copy)]
pub(super) enum Operation {
    /// A transfer at a device offset.
    Transfer { major: u8, buffer: Buffer, offset: i64 },
    /// A control with buffers by its method.
    Control { major: u8, code: u32, input: Buffer, output: Buffer },
    /// An internal control whose arguments are addresses.
    Others { code: u32, arguments: [Buffer; 3] },
}

/// IRP fields of a request from I/O that a format borrows.
struct Borrowed {
    system_buffer: PVOID,
    user_buffer: PVOID,
    mdl: *mut MDL,
    flags: u32,
}

/// A format in force.
pub struct Format {
    irp: *mut IRP,
    operation: Operation,
    /// Memory objects kept alive.
    referenced: Vec<Handle>,
    /// Buffer of the framework that stands for the driver's; NULL if none.
    system_buffer: *mut u8,
    /// Description of pages that the framework made, and whether it locked them.
    pages: Option<(*mut MDL, bool)>,
    /// Where Information bytes of the system buffer go at completion, at most so many.
    copy_back: Option<(*mut u8, usize)>,
    borrowed: Option<Borrowed>,
}

impl Format {
    /// Gives a request from I/O its own buffers back.
    fn give_back(&mut self) {
        let irp = self.irp;
        if let Some(own) = self.borrowed.take() {
            put!(irp, SystemBuffer, own.system_buffer);
            put!(irp, UserBuffer, own.user_buffer);
            put!(irp, MdlAddress, own.mdl);
            put!(irp, Flags, own.flags);
        }
    }

    /// Ends the format.
    pub(super) fn release(mut self) {
        let irp = self.irp;
        self.give_back();
        if let Some((pages, locked)) = self.pages.take() {
            if get!(irp, MdlAddress) == pages {
                put!(irp, MdlAddress, std::ptr::null_mut());
            }
            if locked {
                mdl::unlock(pages);
            }
            mdl::free(pages);
        }
        if !self.system_buffer.is_null() {
            if get!(irp, SystemBuffer) == self.system_buffer.cast() {
                put!(irp, SystemBuffer, std::ptr::null_mut());
            }
            pool::free(self.system_buffer);
        }
        self.referenced.drain(..).for_each(objects::dereference);
    }

    /// The completion parameters' type and union.
    fn parameters(&self, information: usize) -> (u32, [usize; 6]) {
        match &self.operation {
            Operation::Transfer { major, buffer, .. } => {
                let (memory, offset) = buffer.memory();
                (u32::from(*major), [memory.0, information, offset, 0, 0, 0])
            }
            Operation::Control { major, code, input, output } => {
                let ((input, from), (output, to)) = (input.memory(), output.memory());
                (u32::from(*major), [*code as usize, input.0, from, output.0, to, information])
            }
            Operation::Others { code, arguments } => {
                let [first, second, fourth] = arguments.each_ref().map(|argument| argument.memory().0.0);
                (TYPE_OTHERS, [first, second, *code as usize, fourth, 0, 0])
            }
        }
    }
}

/// Takes over the results of a send: the driver gets its bytes, a request from I/O its own buffers.
pub(super) fn results(sending: &Sending, irp: *mut IRP) -> WDF_REQUEST_COMPLETION_PARAMS {
    let (status, information) = (get!(irp, IoStatus.Status), get!(irp, IoStatus.Information));
    let mut format = sending.format.borrow_mut();
    let (kind, parameters) = match format.as_mut() {
        None => (TYPE_NO_FORMAT, [0; 6]),
        Some(format) => {
            if let Some((to, length)) = format.copy_back {
                raw::copy_bytes(format.system_buffer, to, information.min(length));
            }
            format.give_back();
            format.parameters(information)
        }
    };
    WDF_REQUEST_COMPLETION_PARAMS {
        Size: size_of::<WDF_REQUEST_COMPLETION_PARAMS>() as u32,
        Type: kind,
        IoStatus: [status as u32 as usize, information],
        Parameters: parameters,
    }
}

/// Formats a request for a target.
///
/// # Errors
/// Those of the table of format functions; the request is then not formatted.
pub(super) fn apply(target: &Rc<Target>, request: &Rc<Request>, operation: Operation) -> Result<(), i32> {
    let stack = target.stack_size()?;
    request.sending.release_format();
    request.ensure_stack(stack)?;
    let irp = request.irp.get();
    let mut format = Format {
        irp,
        operation,
        referenced: Vec::new(),
        system_buffer: std::ptr::null_mut(),
        pages: None,
        copy_back: None,
        borrowed: from_io(request).then(|| Borrowed {
            system_buffer: get!(irp, SystemBuffer),
            user_buffer: get!(irp, UserBuffer),
            mdl: get!(irp, MdlAddress),
            flags: get!(irp, Flags),
        }),
    };
    begin_location(target, request, irp);
    let filled = match operation {
        Operation::Transfer { major, buffer, offset } => format.transfer(target, irp, major, buffer, offset),
        Operation::Control { major, code, input, output } => format.control(irp, major, code, input, output),
        Operation::Others { code, arguments } => format.others(irp, code, arguments),
    };
    if let Err(status) = filled {
        format.release();
        return Err(status);
    }
    format.keep_alive(operation);
    *request.sending.format.borrow_mut() = Some(format);
    request.sending.formatted.set(true);
    Ok(())
}

fn from_io(request: &Request) -> bool {
    request.origin == Origin::Io
}

/// Clears the next location; what a request from I/O carries along is the file object and the flags of its location.
fn begin_location(target: &Target, request: &Request, irp: *mut IRP) {
    let next = io::next(irp);
    raw::fill(next.cast(), 0, size_of::<IO_STACK_LOCATION>());
    if from_io(request) {
        put!(next, FileObject, get!(io::current(irp), FileObject));
        put!(next, Flags, get!(io::current(irp), Flags));
    }
    if !target.file.get().is_null() {
        put!(next, FileObject, target.file.get());
    }
}

impl Format {
    fn keep_alive(&mut self, operation: Operation) {
        let buffers = match operation {
            Operation::Transfer { buffer, .. } => [buffer, Buffer::Absent, Buffer::Absent],
            Operation::Control { input, output, .. } => [input, output, Buffer::Absent],
            Operation::Others { arguments, .. } => arguments,
        };
        for buffer in buffers {
            let (handle, _) = buffer.memory();
            if !handle.is_null() {
                objects::reference(handle);
                self.referenced.push(handle);
            }
        }
    }

    fn transfer(&mut self, target: &Target, irp: *mut IRP, major: u8, buffer: Buffer, offset: i64) -> Result<(), i32> {
        let next = io::next(irp);
        let length = buffer.length();
        put!(next, MajorFunction, major);
        put!(next, Parameters.Read.Length, u32::try_from(length).map_err(|_| status::INVALID_PARAMETER)?);
        put!(next, Parameters.Read.ByteOffset, offset);
        let flags = get!(target.device.get(), Flags);
        if flags & DO_BUFFERED_IO != 0 {
            let from = if major == IRP_MJ_WRITE { buffer } else { Buffer::Absent };
            let to = if major == IRP_MJ_READ { buffer } else { Buffer::Absent };
            self.buffered(irp, from, to)
        } else if flags & DO_DIRECT_IO != 0 {
            self.direct(irp, buffer, if major == IRP_MJ_READ { Lock::Write } else { Lock::Read })
        } else {
            put!(irp, UserBuffer, buffer.address()?.cast());
            Ok(())
        }
    }

    fn control(&mut self, irp: *mut IRP, major: u8, code: u32, input: Buffer, output: Buffer) -> Result<(), i32> {
        let next = io::next(irp);
        let length = |buffer: Buffer| u32::try_from(buffer.length()).map_err(|_| status::INVALID_PARAMETER);
        put!(next, MajorFunction, major);
        put!(next, Parameters.DeviceIoControl.OutputBufferLength, length(output)?);
        put!(next, Parameters.DeviceIoControl.InputBufferLength, length(input)?);
        put!(next, Parameters.DeviceIoControl.IoControlCode, code);
        match code & 3 {
            0 => {
                self.buffered(irp, input, output)?;
                put!(irp, UserBuffer, output.address()?.cast());
            }
            method @ (1 | 2) => {
                put!(irp, SystemBuffer, input.address()?.cast());
                self.direct(irp, output, if method == 1 { Lock::Read } else { Lock::Write })?;
            }
            _ => {
                put!(next, Parameters.DeviceIoControl.Type3InputBuffer, input.address()?.cast());
                put!(irp, UserBuffer, output.address()?.cast());
            }
        }
        Ok(())
    }

    fn others(&mut self, irp: *mut IRP, code: u32, arguments: [Buffer; 3]) -> Result<(), i32> {
        let next = io::next(irp);
        let [first, second, fourth] = arguments;
        put!(next, MajorFunction, IRP_MJ_INTERNAL_DEVICE_CONTROL);
        put!(next, Parameters.Others.Argument1, first.address()?.cast());
        put!(next, Parameters.Others.Argument2, second.address()?.cast());
        put!(next, Parameters.Others.Argument4, fourth.address()?.cast());
        put!(next, Parameters.DeviceIoControl.IoControlCode, code);
        Ok(())
    }

    /// A non-paged buffer in place of the driver's: input copied in now, output copied back at completion.
    fn buffered(&mut self, irp: *mut IRP, input: Buffer, output: Buffer) -> Result<(), i32> {
        let size = input.length().max(output.length());
        put!(irp, SystemBuffer, std::ptr::null_mut());
        if size == 0 {
            return Ok(());
        }
        let (from, to) = (input.address()?, output.address()?);
        self.system_buffer = pool::allocate(false, size, u32::from_le_bytes(*b"FxDr"));
        if self.system_buffer.is_null() {
            return Err(status::INSUFFICIENT_RESOURCES);
        }
        raw::copy_bytes(from, self.system_buffer, input.length());
        put!(irp, SystemBuffer, self.system_buffer.cast());
        self.copy_back = (output.length() > 0).then_some((to, output.length()));
        Ok(())
    }

    /// A description of the buffer's pages: the driver's own, or one made and locked by the framework.
    fn direct(&mut self, irp: *mut IRP, buffer: Buffer, access: Lock) -> Result<(), i32> {
        let pages = match buffer {
            Buffer::Pages { mdl, .. } => mdl,
            _ if buffer.length() == 0 => std::ptr::null_mut(),
            _ => self.describe(buffer.address()?, buffer.length(), access)?,
        };
        put!(irp, MdlAddress, pages);
        Ok(())
    }

    fn describe(&mut self, address: *mut u8, length: usize, access: Lock) -> Result<*mut MDL, i32> {
        if !pool::try_charge() {
            return Err(status::INSUFFICIENT_RESOURCES);
        }
        let pages = mdl::allocate(address, u32::try_from(length).map_err(|_| status::INVALID_PARAMETER)?);
        let kind = machine_memory::lookup(address as usize).map(|block| block.kind);
        let locked = !matches!(kind, Some(BlockKind::NonPagedPool | BlockKind::Object | BlockKind::View));
        self.pages = Some((pages, false));
        if locked {
            mdl::probe_and_lock(pages, false, access)?;
            self.pages = Some((pages, true));
        } else {
            mdl::build_nonpaged(pages);
        }
        Ok(pages)
    }
}
