//! Pass-through requests.

use drive_formats::pass_through::{Call, PassThrough};
use nt_kernel::io;
use nt_kernel::layout::IRP;
use nt_kernel::status;
use nt_kernel::{get, raw};
use nt_machine::findings::{self, Rule};
use nt_machine::irql;
use nt_machine::memory::{self, Kind};
use scsi_cdb::Direction;

use super::engine::{complete, submit};
use super::queue::Bypass;
use super::unit::Command;
use super::with;
use super::work::{Data, Form, Work};

/// IRP_MN_SCSI_CLASS: the sender is the class driver, which has looked at the command.
const IRP_MN_SCSI_CLASS: u8 = 1;

/// Serves a pass-through request.
pub fn dispatch(irp: *mut IRP, direct: bool) -> i32 {
    let stack = io::current(irp);
    if irql::current() > irql::PASSIVE {
        findings::report(
            Rule::Irql,
            format_args!("IRQL {}", irql::current()),
            "pass-through requests are synchronous and must be sent at PASSIVE_LEVEL",
        );
    }
    if with(|port| port.claimed) && get!(stack, MinorFunction) != IRP_MN_SCSI_CLASS {
        return complete(irp, status::INVALID_DEVICE_REQUEST, 0);
    }
    match read(irp, direct) {
        Ok(work) => submit(work, Bypass::default()),
        Err(status) => complete(irp, status.cast_signed(), 0),
    }
}

/// The system buffer of a device-control request, and its length.
pub fn system_buffer(irp: *mut IRP) -> (*mut u8, usize) {
    let stack = io::current(irp);
    let (input, output) = lengths(stack);
    (get!(irp, SystemBuffer).cast(), input.max(output))
}

fn lengths(stack: *mut nt_kernel::layout::IO_STACK_LOCATION) -> (usize, usize) {
    let input = get!(stack, Parameters.DeviceIoControl.InputBufferLength);
    let output = get!(stack, Parameters.DeviceIoControl.OutputBufferLength);
    (to_usize(input), to_usize(output))
}

fn to_usize(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn read(irp: *mut IRP, direct: bool) -> Result<Work, u32> {
    let (input_length, output_length) = lengths(io::current(irp));
    let (buffer, room) = system_buffer(irp);
    let system = raw::bytes(buffer, room);
    let call = Call {
        system: &system,
        address: buffer.addr() as u64,
        input_length,
        output_length,
        direct,
        wow64: io::is_32_bit(irp),
    };
    let adapter = with(|port| port.unit.adapter);
    let call = PassThrough::read(&call, &adapter).inspect_err(|_| note(irp, "is refused by the port"))?;
    let length = to_usize(call.length);
    let data = match call.data_range() {
        Some(range) => {
            let data = Data::at(buffer.wrapping_add(range.start), length);
            if call.direction == Direction::In {
                // What the caller gets back and did not send is zero, not leftover memory.
                raw::fill(buffer.wrapping_add(range.start), 0, length);
            }
            data
        }
        None => locked(irp, &call, length)?,
    };
    let data_out = if call.direction == Direction::Out { data.read() } else { Vec::new() };
    let command = Command {
        cdb: call.cdb,
        direction: call.direction,
        length,
        data_out,
        timeout_s: call.timeout_s,
        sense_room: call.sense_room,
        srb_flags: None,
        own: of_the_driver(irp),
    };
    Ok(Work { irp, command, data, form: Form::PassThrough(call), answer: None })
}

/// Locks the data of a direct request with the request's RequestorMode.
fn locked(irp: *mut IRP, call: &PassThrough, length: usize) -> Result<Data, u32> {
    let refused = status::INSUFFICIENT_RESOURCES.cast_unsigned();
    let address = usize::try_from(call.data).map_err(|_| refused)?;
    let of_user = length == 0 || memory::lookup(address).is_some_and(|block| block.kind == Kind::User);
    if get!(irp, RequestorMode) != 0 && !of_user {
        return Err(refused);
    }
    // A page more may be needed than the length alone says.
    let pages = (address % PAGE + length).div_ceil(PAGE);
    if pages > to_usize(with(|port| port.unit.adapter.max_pages)) {
        note(irp, "has data in more pages than the adapter can gather");
    }
    let data = Data::mapped(core::ptr::with_exposed_provenance_mut(address), length, call.direction);
    if data.is_none() {
        note(irp, "has data at an address that is not accessible");
    }
    data.ok_or(refused)
}

const PAGE: usize = 4096;

/// A request that the driver built itself must be in order; what a program sends need not.
fn note(irp: *mut IRP, problem: &str) {
    if of_the_driver(irp) {
        findings::report(
            Rule::BadArgument,
            format_args!("IRP {irp:p}"),
            format_args!("a pass-through request of the driver {problem}"),
        );
    }
}

/// Whether the driver made the request itself: those of programs have a thread.
fn of_the_driver(irp: *mut IRP) -> bool {
    get!(irp, OriginalFileObject).is_null() && get!(irp, Thread).is_null()
}
