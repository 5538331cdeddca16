//! Requests of programs: from a script's line to the kernel's, and back to a result.

use drive_formats::Access;
use drive_formats::requests::{Kind, Request};
use drive_formats::results::{Ended, FILL};
use nt_kernel::file::{self, File, Operation, Pending, RequestOptions};
use nt_kernel::io;
use nt_kernel::layout::DEVICE_OBJECT;

const READ_DATA: u32 = 0x1;
const WRITE_DATA: u32 = 0x2;
const READ_ATTRIBUTES: u32 = 0x80;

/// METHOD_OUT_DIRECT and METHOD_IN_DIRECT, in the low bits of a control code.
const DIRECT: [u32; 2] = [1, 2];

/// Opens the device; the outcome holds the handle.
pub fn open(device: *mut DEVICE_OBJECT, access: Access) -> Pending {
    let (read, write) = access.rights();
    let rights = [(read, READ_DATA), (write, WRITE_DATA)].into_iter().filter(|(asked, _)| *asked);
    file::open(device, rights.fold(READ_ATTRIBUTES, |rights, (_, right)| rights | right))
}

/// A request under way.
#[derive(Clone)]
pub struct Ongoing {
    pending: Pending,
    /// The output comes in the system buffer.
    buffered: bool,
    input: Vec<u8>,
    output_length: usize,
}

/// Sends what the line says. Nothing runs before threads go on.
pub fn begin(device: *mut DEVICE_OBJECT, file: Option<File>, request: &Request) -> Ongoing {
    let mut options = RequestOptions {
        kernel: request.kernel_mode,
        wow64: request.wow64,
        location_flags: request.stack_flags,
        minor: request.minor,
        page_offset: usize::try_from(request.mdl_offset & 0xFFF).ok(),
        ..RequestOptions::default()
    };
    let (mut buffered, mut sent, mut room) = (false, Vec::new(), 0);
    let operation = match &request.kind {
        Kind::Ioctl { code, input, output_length } => {
            buffered = !DIRECT.contains(&(code & 3));
            if buffered {
                // The driver does not see the caller's buffers: they may lie against the edges of their pages.
                options.page_offset = None;
            }
            (sent, room) = (input.clone(), *output_length);
            Operation::DeviceControl {
                code: *code,
                input: input.clone(),
                output: *output_length,
                content: Vec::new(),
                internal: false,
            }
        }
        Kind::Read { offset, length } => {
            room = *length;
            Operation::Read { offset: *offset, length: *length }
        }
        Kind::Write { offset, data } => Operation::Write { offset: *offset, data: data.clone() },
        Kind::Flush => Operation::Flush,
        Kind::Shutdown => Operation::Shutdown,
    };
    let pending = file::submit(device, file, operation, options);
    Ongoing { pending, buffered, input: sent, output_length: usize::try_from(room).unwrap_or(usize::MAX) }
}

/// How a request ended, and its output buffer before and after.
pub struct Outcome {
    status: u32,
    information: u64,
    before: Vec<u8>,
    now: Vec<u8>,
    output_length: usize,
}

impl Outcome {
    /// The same in the terms of the file formats.
    pub fn ended(&self) -> Ended<'_> {
        let Self { status, information, before, now, output_length } = self;
        Ended { status: *status, information: *information, before, now, output_length: *output_length }
    }
}

impl Ongoing {
    /// Whether it has ended.
    pub fn done(&self) -> bool {
        self.pending.done()
    }

    /// Cancels it, on the running simulated thread, if it is still there.
    pub fn cancel(&self) {
        let irp = self.pending.irp();
        if !irp.is_null() {
            io::cancel(irp);
        }
    }

    /// What came of it.
    pub fn result(&self) -> Option<Outcome> {
        let file::Outcome { status, information, output, system_buffer, .. } = self.pending.result()?;
        let (before, now) = if self.buffered {
            let mut before = vec![FILL; self.input.len().max(self.output_length)];
            before[..self.input.len()].copy_from_slice(&self.input);
            (before, system_buffer)
        } else {
            (vec![FILL; self.output_length], output)
        };
        let information = u64::try_from(information).unwrap_or(u64::MAX);
        Some(Outcome { status: status.cast_unsigned(), information, before, now, output_length: self.output_length })
    }
}
