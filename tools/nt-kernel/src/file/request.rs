//! One request: its buffers, its IRP, its outcome.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use nt_machine::irql::{self, APC, PASSIVE};
use nt_machine::memory::{self, Kind};
use nt_machine::threads;

use super::handle::File;
use crate::io::irp::{self, Origin};
use crate::io::{self, Buffers, Final};
use crate::layout::{
    DEVICE_OBJECT, IO_SECURITY_CONTEXT, IRP, IRP_CREATE_OPERATION, IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_CREATE,
    IRP_MJ_FLUSH_BUFFERS, IRP_MJ_READ, IRP_MJ_SHUTDOWN, IRP_MJ_WRITE, IRP_READ_OPERATION, IRP_SYNCHRONOUS_API,
    IRP_WRITE_OPERATION,
};
use crate::{get, objects, pool, put, raw, status, system};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// IRP_MJ_CREATE; [`super::open`] sends it.
    Create,
    /// IRP_MJ_CLEANUP; [`File::close`] sends it.
    Cleanup,
    /// IRP_MJ_CLOSE; [`File::close`] sends it.
    Close,
    /// A device control.
    DeviceControl {
        /// The control code.
        code: u32,
        /// The input.
        input: Vec<u8>,
        /// Bytes of the output buffer.
        output: u32,
        /// What the output buffer holds before, from its start; the rest keeps its fill.
        content: Vec<u8>,
        /// IRP_MJ_INTERNAL_DEVICE_CONTROL instead, which only the kernel can send.
        internal: bool,
    },
    /// A read.
    Read {
        /// Where.
        offset: i64,
        /// How much.
        length: u32,
    },
    /// A write.
    Write {
        /// Where.
        offset: i64,
        /// What.
        data: Vec<u8>,
    },
    /// IRP_MJ_FLUSH_BUFFERS.
    Flush,
    /// IRP_MJ_SHUTDOWN.
    Shutdown,
}

/// How it is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestOptions {
    /// The requestor is the kernel: its buffers are in system space and its access is not checked.
    pub kernel: bool,
    /// The requestor is a 32-bit program.
    pub wow64: bool,
    /// Flags of the stack location.
    pub location_flags: u8,
    /// More flags of the IRP, such as those of paging I/O.
    pub irp_flags: u32,
    /// The minor function.
    pub minor: u8,
    /// The caller's buffers start that far into a page; else against an edge of their pages.
    pub page_offset: Option<usize>,
    /// Sent at APC_LEVEL, as paging I/O may be.
    pub at_apc: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What the caller gets to see: the dispatch routine's answer, or after PENDING the final status.
    pub status: i32,
    /// The final information.
    pub information: usize,
    /// The caller's whole output buffer afterwards.
    pub output: Vec<u8>,
    /// The whole system buffer when the request was completed; empty when there was none.
    pub system_buffer: Vec<u8>,
    /// The driver never saw it.
    pub refused: bool,
    /// The dispatch routine returned PENDING.
    pub pended: bool,
    /// The handle that an open made.
    pub file: Option<File>,
}

impl Outcome {
    pub(super) fn refused(status: i32) -> Self {
        Self { status, refused: true, ..Self::default() }
    }
}

/// What the request's thread and the host share.
#[derive(Default)]
pub(super) struct Shared {
    outcome: RefCell<Option<Outcome>>,
    /// The IRP while it can be cancelled.
    irp: Cell<usize>,
    thread: Cell<u32>,
}

impl Shared {
    pub(super) fn finish(&self, outcome: Outcome) {
        self.outcome.replace(Some(outcome));
    }
}

/// A request that was made.
#[derive(Clone)]
pub struct Pending(Rc<Shared>);

impl Pending {
    /// Whether it is over.
    #[must_use]
    pub fn done(&self) -> bool {
        self.0.outcome.borrow().is_some()
    }

    /// What came of it, once it is over.
    #[must_use]
    pub fn result(&self) -> Option<Outcome> {
        self.0.outcome.borrow().clone()
    }

    /// The IRP, as long as it can be cancelled; else null.
    #[must_use]
    pub fn irp(&self) -> *mut IRP {
        self.0.irp.get() as *mut IRP
    }

    /// Cancels the request, on another simulated thread, if it is still there then.
    pub fn cancel(&self) {
        let shared = self.0.clone();
        threads::spawn("cancel", PASSIVE, Box::new(move || cancel_now(&shared)));
    }

    /// The program's thread ends: `PsIsThreadTerminating` says so, and the request is cancelled.
    pub fn terminate_thread(&self) {
        system::set_terminating(threads::thread_object(threads::ThreadId(self.0.thread.get())));
        self.cancel();
    }
}

fn cancel_now(shared: &Shared) {
    let request = shared.irp.get() as *mut IRP;
    if !request.is_null() {
        io::cancel(request);
    }
}

/// Starts a thread of a program.
pub(super) fn spawn(what: &'static str, body: impl FnOnce(&Rc<Shared>) + 'static) -> Pending {
    let shared = Rc::new(Shared::default());
    let pending = Pending(shared.clone());
    let id = threads::spawn(what, PASSIVE, Box::new(move || body(&shared)));
    pending.0.thread.set(id.0);
    pending
}

/// Makes a request of a device's stack, with a handle or without one.
#[must_use]
pub fn submit(
    device: *mut DEVICE_OBJECT,
    file: Option<File>,
    operation: Operation,
    options: RequestOptions,
) -> Pending {
    spawn("program", move |shared| {
        let outcome = perform(device, file, operation, options, Some(shared.clone()));
        shared.finish(outcome);
    })
}

/// The access that a device control's code asks for: bit 0 read, bit 1 write.
fn required_access(code: u32) -> u32 {
    code >> 14 & 3
}

/// The caller's buffers.
struct Memory {
    input: *mut u8,
    input_length: usize,
    output: *mut u8,
    output_length: usize,
}

impl Memory {
    fn new(operation: &Operation, options: &RequestOptions) -> Self {
        let buffer = |content: &[u8], length: usize, what: &str| {
            if length == 0 {
                return core::ptr::null_mut();
            }
            let kind = if options.kernel { Kind::NonPagedPool } else { Kind::User };
            let block = match options.page_offset {
                Some(offset) => memory::allocate_at(kind, length, offset % 0x1000, what),
                // As aligned as a program's allocator gives it, for all masks that adapters have.
                None => memory::allocate(kind, length, pool::alignment(length, 8), 0, what),
            };
            raw::put_bytes(block, &content[..content.len().min(length)]);
            block
        };
        let (input, output, output_length): (&[u8], &[u8], usize) = match operation {
            Operation::DeviceControl { input, output, content, .. } => (input, content, *output as usize),
            Operation::Read { length, .. } => (&[], &[], *length as usize),
            Operation::Write { data, .. } => (&[], data, data.len()),
            _ => (&[], &[], 0),
        };
        Self {
            input: buffer(input, input.len(), "input of a request"),
            input_length: input.len(),
            output: buffer(output, output_length, "buffer of a request"),
            output_length,
        }
    }

    fn free(self) {
        for block in [self.input, self.output] {
            if !block.is_null() {
                memory::free(block);
            }
        }
    }
}

/// Makes a request on the running thread and waits for its end.
pub(super) fn perform(
    device: *mut DEVICE_OBJECT,
    file: Option<File>,
    operation: Operation,
    options: RequestOptions,
    shared: Option<Rc<Shared>>,
) -> Outcome {
    if let (Operation::DeviceControl { code, .. }, Some(file), false) = (&operation, file, options.kernel)
        && required_access(*code) & !file.access & 3 != 0
    {
        return Outcome::refused(status::ACCESS_DENIED);
    }
    let shared = shared.unwrap_or_default();
    let top = io::attached_top(device);
    let request = irp::allocate(get!(top, StackSize), Origin::Threaded);
    let buffers = Memory::new(&operation, &options);
    let thread = threads::thread_object(threads::current());
    put!(request, RequestorMode, u8::from(!options.kernel));
    put!(request, Thread, thread.cast());
    let object = file.map_or(core::ptr::null_mut(), |file| file.object);
    put!(request, OriginalFileObject, object);
    irp::with(request, |known| known.wow64 = options.wow64);
    let (filled, context) = fill(request, top, &operation, &options, &buffers, file);
    if let Err(error) = filled {
        io::discard(request);
        buffers.free();
        return Outcome::refused(error);
    }
    let next = io::next(request);
    put!(next, FileObject, object);
    put!(next, Flags, options.location_flags);
    put!(next, MinorFunction, options.minor);
    put!(request, Flags, get!(request, Flags) | options.irp_flags);
    // A request holds its file object.
    if !object.is_null() && operation != Operation::Close {
        objects::reference(object.cast());
    }
    let outcome = send(top, request, options.at_apc, &shared);
    if !object.is_null() && operation != Operation::Close {
        objects::dereference(object.cast());
    }
    let output = raw::bytes(buffers.output, buffers.output_length);
    buffers.free();
    for block in context {
        memory::free(block);
    }
    Outcome { output, ..outcome }
}

fn send(top: *mut DEVICE_OBJECT, request: *mut IRP, at_apc: bool, shared: &Rc<Shared>) -> Outcome {
    let end = Rc::new(RefCell::new(None));
    let (slot, own) = (end.clone(), shared.clone());
    let on_finish = move |request: *mut IRP, end: Final| {
        own.irp.set(0);
        slot.replace(Some((end, system_buffer(request))));
    };
    irp::with(request, |known| known.on_finish = Some(Box::new(on_finish)));
    shared.irp.set(request as usize);
    if at_apc {
        irql::raise(APC);
    }
    let returned = io::call_driver(top, request);
    if at_apc {
        irql::lower(PASSIVE);
    }
    // The buffers are the IRP's until it is gone.
    threads::block("the end of a request", None, &|| end.borrow().is_some() && !irp::is_live(request));
    let (last, system_buffer) = end.take().expect("just waited for");
    let pended = returned == status::PENDING;
    Outcome {
        status: if pended { last.status } else { returned },
        information: last.information,
        system_buffer,
        pended,
        ..Outcome::default()
    }
}

/// The whole system buffer of an IRP.
fn system_buffer(request: *mut IRP) -> Vec<u8> {
    let buffer = get!(request, SystemBuffer).cast::<u8>();
    let block = memory::lookup(buffer as usize).filter(|block| block.address == buffer as usize);
    block.map_or_else(Vec::new, |block| raw::bytes(buffer, block.size))
}

/// Fills IRP and location by the kind of request. What has to be freed afterwards besides the buffers comes back.
fn fill(
    request: *mut IRP,
    top: *mut DEVICE_OBJECT,
    operation: &Operation,
    options: &RequestOptions,
    buffers: &Memory,
    file: Option<File>,
) -> (Result<(), i32>, Vec<*mut u8>) {
    let user = !options.kernel;
    let plain = |major: u8, flags: u32| {
        put!(io::next(request), MajorFunction, major);
        put!(request, Flags, flags);
        (Ok(()), Vec::new())
    };
    match operation {
        Operation::Create => {
            let (result, _) = plain(IRP_MJ_CREATE, IRP_CREATE_OPERATION | IRP_SYNCHRONOUS_API);
            (result, fill_create(request, file.map_or(0, |file| file.access)))
        }
        Operation::Cleanup => plain(IRP_MJ_CLEANUP, IRP_SYNCHRONOUS_API),
        Operation::Close => plain(IRP_MJ_CLOSE, IRP_SYNCHRONOUS_API),
        Operation::Flush => plain(IRP_MJ_FLUSH_BUFFERS, IRP_SYNCHRONOUS_API),
        Operation::Shutdown => plain(IRP_MJ_SHUTDOWN, IRP_SYNCHRONOUS_API),
        Operation::DeviceControl { code, internal, .. } => {
            let buffers = Buffers {
                input: buffers.input,
                input_length: buffers.input_length as u32,
                output: buffers.output,
                output_length: buffers.output_length as u32,
            };
            (io::fill_device_control(request, *code, *internal, buffers, user), Vec::new())
        }
        Operation::Read { offset, length } => {
            put!(request, Flags, IRP_READ_OPERATION);
            (io::fill_fsd(request, top, IRP_MJ_READ, buffers.output, *length, *offset, user), Vec::new())
        }
        Operation::Write { offset, data } => {
            put!(request, Flags, IRP_WRITE_OPERATION);
            let length = data.len() as u32;
            (io::fill_fsd(request, top, IRP_MJ_WRITE, buffers.output, length, *offset, user), Vec::new())
        }
    }
}

fn fill_create(request: *mut IRP, access: u32) -> Vec<*mut u8> {
    const ACCESS_STATE_SIZE: usize = 0xA0;
    const FILE_OPEN: u32 = 1;
    const SHARE_ALL: u16 = 7;
    const ATTRIBUTE_NORMAL: u16 = 0x80;
    let state = memory::allocate(Kind::Object, ACCESS_STATE_SIZE, 16, 0, "access state");
    raw::fill(state, 0, ACCESS_STATE_SIZE);
    let size = size_of::<IO_SECURITY_CONTEXT>();
    let context = memory::allocate(Kind::Object, size, 8, 0, "security context");
    raw::fill(context, 0, size);
    put!(context.cast::<IO_SECURITY_CONTEXT>(), AccessState, state.cast());
    put!(context.cast::<IO_SECURITY_CONTEXT>(), DesiredAccess, access);
    let next = io::next(request);
    put!(next, Parameters.Create.SecurityContext, context.cast());
    put!(next, Parameters.Create.Options, FILE_OPEN << 24);
    put!(next, Parameters.Create.ShareAccess, SHARE_ALL);
    put!(next, Parameters.Create.FileAttributes, ATTRIBUTE_NORMAL);
    vec![state, context]
}
