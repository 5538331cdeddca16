//! SRBs, which come by IRP_MJ_SCSI (IRP_MJ_INTERNAL_DEVICE_CONTROL).

use drive_formats::record::Sent;
use nt_kernel::layout::{DEVICE_OBJECT, IRP};
use nt_kernel::{get, io, mdl, put, status};
use nt_machine::findings::{self, Rule};
use nt_machine::memory;
use scsi_cdb::{Cdb, Direction};

use super::engine::{abandon_all, complete, pump, submit};
use super::queue::Bypass;
use super::srb::{self, Srb, flags, function, srb_status};
use super::unit::Command;
use super::with;
use super::work::{Data, Form, Work};

/// IRP_MJ_SCSI.
pub extern "win64" fn dispatch(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    let srb: *mut Srb = get!(io::current(irp), Parameters.Others.Argument1).cast();
    if !memory::access(srb.addr(), srb::SIZE, true) {
        report(srb, "the address in Parameters.Scsi.Srb is not that of a SCSI_REQUEST_BLOCK");
        return complete(irp, status::INVALID_PARAMETER, 0);
    }
    if get!(srb, Function) == function::STORAGE_REQUEST_BLOCK {
        report(srb, "a STORAGE_REQUEST_BLOCK was sent to an adapter whose descriptor has SrbType 0");
        return refuse(irp, srb, srb_status::INVALID_REQUEST, status::INVALID_DEVICE_REQUEST);
    }
    if usize::from(get!(srb, Length)) != srb::SIZE {
        return refuse(irp, srb, srb_status::BAD_SRB_BLOCK_LENGTH, status::INVALID_DEVICE_REQUEST);
    }
    if with(|port| port.unit.is_gone() && get!(srb, Function) == function::CLAIM_DEVICE) {
        return refuse(irp, srb, srb_status::NO_DEVICE, status::DEVICE_DOES_NOT_EXIST);
    }
    put!(srb, PathId, 0);
    put!(srb, TargetId, 0);
    put!(srb, Lun, 0);
    match get!(srb, Function) {
        function::EXECUTE => execute(irp, srb),
        function::CLAIM_DEVICE => claim(irp, srb),
        function::RELEASE_DEVICE => {
            with(|port| port.claimed = false);
            succeed(irp, srb)
        }
        function::RELEASE_QUEUE => {
            with(|port| port.queue.set_frozen(false));
            let status = succeed(irp, srb);
            pump();
            status
        }
        function::FLUSH_QUEUE => flush_queue(irp, srb),
        // This adapter has no cache: both are done at once.
        code @ (function::SHUTDOWN | function::FLUSH) => {
            record(srb, code);
            succeed(irp, srb)
        }
        function::LOCK_QUEUE => {
            record(srb, function::LOCK_QUEUE);
            with(|port| port.queue.lock());
            succeed(irp, srb)
        }
        function::UNLOCK_QUEUE => unlock(irp, srb),
        function::QUIESCE_DEVICE => quiesce(irp, srb),
        function::ABORT_COMMAND => abort(irp, srb),
        function::RESET_BUS | function::RESET_DEVICE => {
            let works = with(|port| port.queue.take_all());
            abandon_all(works, srb_status::BUS_RESET, status::IO_DEVICE_ERROR);
            succeed(irp, srb)
        }
        _ => refuse(irp, srb, srb_status::BAD_FUNCTION, status::NOT_IMPLEMENTED),
    }
}

fn report(srb: *mut Srb, problem: &str) {
    findings::report(Rule::BadArgument, format_args!("SRB {srb:p}"), problem);
}

fn refuse(irp: *mut IRP, srb: *mut Srb, ended: u8, status: i32) -> i32 {
    srb::end(srb, ended);
    complete(irp, status, 0)
}

fn succeed(irp: *mut IRP, srb: *mut Srb) -> i32 {
    refuse(irp, srb, srb_status::SUCCESS, status::SUCCESS)
}

fn record(srb: *mut Srb, code: u8) {
    let timeout_s = get!(srb, TimeOutValue);
    with(|port| port.unit.recorder.add(Sent::Function { code, timeout_s }));
}

fn claim(irp: *mut IRP, srb: *mut Srb) -> i32 {
    let claimed = with(|port| std::mem::replace(&mut port.claimed, true));
    if claimed {
        return refuse(irp, srb, srb_status::BUSY, status::DEVICE_BUSY);
    }
    put!(srb, DataBuffer, with(|port| port.pdo).cast());
    succeed(irp, srb)
}

fn flush_queue(irp: *mut IRP, srb: *mut Srb) -> i32 {
    if !with(|port| port.queue.is_frozen()) {
        return refuse(irp, srb, srb_status::INVALID_REQUEST, status::INVALID_DEVICE_REQUEST);
    }
    let works = with(|port| {
        port.queue.set_frozen(false);
        port.queue.flush()
    });
    abandon_all(works, srb_status::REQUEST_FLUSHED, status::UNSUCCESSFUL);
    succeed(irp, srb)
}

fn unlock(irp: *mut IRP, srb: *mut Srb) -> i32 {
    record(srb, function::UNLOCK_QUEUE);
    if with(|port| port.queue.is_locked()) && get!(srb, SrbFlags) & flags::BYPASS_LOCKED_QUEUE == 0 {
        report(srb, "UNLOCK_QUEUE without SRB_FLAGS_BYPASS_LOCKED_QUEUE waits behind the lock that it is to undo");
    }
    with(|port| port.queue.unlock());
    let status = succeed(irp, srb);
    pump();
    status
}

fn quiesce(irp: *mut IRP, srb: *mut Srb) -> i32 {
    record(srb, function::QUIESCE_DEVICE);
    if with(|port| port.queue.is_empty()) {
        return succeed(irp, srb);
    }
    srb::end(srb, srb_status::SUCCESS);
    io::mark_pending(irp);
    with(|port| port.quiescing.push(irp));
    status::PENDING
}

fn abort(irp: *mut IRP, srb: *mut Srb) -> i32 {
    let victim = get!(srb, NextSrb);
    match with(|port| port.queue.take(|work| work.srb() == Some(victim))) {
        Some(work) => {
            abandon_all(vec![work], srb_status::ABORTED, status::IO_DEVICE_ERROR);
            let status = succeed(irp, srb);
            pump();
            status
        }
        None => refuse(irp, srb, srb_status::ABORT_FAILED, status::IO_DEVICE_ERROR),
    }
}

fn execute(irp: *mut IRP, srb: *mut Srb) -> i32 {
    if with(|port| port.queue.holds(|work| work.srb() == Some(srb))) {
        findings::fatal(
            Rule::BadArgument,
            format_args!("SRB {srb:p}"),
            "the SRB is sent again while the port still has it",
        );
    }
    if get!(srb, OriginalRequest) != irp {
        report(srb, "OriginalRequest is not the request that carries the SRB");
    }
    put!(srb, SrbStatus, 0);
    put!(srb, ScsiStatus, 0);
    let set = get!(srb, SrbFlags);
    match read(irp, srb) {
        Ok(work) => {
            let frozen = set & flags::BYPASS_FROZEN_QUEUE != 0;
            let locked = set & flags::BYPASS_LOCKED_QUEUE != 0;
            submit(work, Bypass { frozen, locked })
        }
        Err((ended, status)) => refuse(irp, srb, ended, status),
    }
}

fn read(irp: *mut IRP, srb: *mut Srb) -> Result<Work, (u8, i32)> {
    let invalid = (srb_status::INVALID_REQUEST, status::INVALID_PARAMETER);
    let length = usize::try_from(get!(srb, DataTransferLength)).unwrap_or(usize::MAX);
    let set = get!(srb, SrbFlags);
    let direction = match (length, set & flags::DATA_IN != 0, set & flags::DATA_OUT != 0) {
        (0, ..) | (_, false, false) => Direction::None,
        (_, true, _) => Direction::In,
        (_, false, true) => Direction::Out,
    };
    let length = if direction == Direction::None { 0 } else { length };
    let Some(cdb) = Cdb::from_slice(&srb::cdb(srb)).filter(|_| get!(srb, CdbLength) <= 16) else {
        report(srb, "CdbLength is not from 1 to 16");
        return Err(invalid);
    };
    let data = data(irp, srb, length).ok_or(invalid)?;
    let data_out = if direction == Direction::Out { data.read() } else { Vec::new() };
    let wants_sense = set & flags::DISABLE_AUTOSENSE == 0 && !get!(srb, SenseInfoBuffer).is_null();
    let sense_room = if wants_sense { usize::from(get!(srb, SenseInfoBufferLength)) } else { 0 };
    if !memory::access(get!(srb, SenseInfoBuffer).addr(), sense_room, true) && sense_room != 0 {
        report(srb, "SenseInfoBuffer is not accessible for SenseInfoBufferLength bytes");
        return Err(invalid);
    }
    let command = Command {
        cdb,
        direction,
        length,
        data_out,
        timeout_s: get!(srb, TimeOutValue),
        sense_room,
        srb_flags: Some(set),
        own: true,
    };
    Ok(Work { irp, command, data, form: Form::Srb(srb), answer: None })
}

/// Where the data lies: DataBuffer is an index into the request's MDL, or, without one, a system address.
fn data(irp: *mut IRP, srb: *mut Srb, length: usize) -> Option<Data> {
    if length == 0 {
        return Some(Data::none());
    }
    let adapter = with(|port| port.unit.adapter);
    let buffer: *mut u8 = get!(srb, DataBuffer).cast();
    if length > usize::try_from(adapter.max_transfer).unwrap_or(usize::MAX) {
        report(srb, "DataTransferLength is more than the adapter's MaximumTransferLength");
        return None;
    }
    if buffer.addr() & usize::try_from(adapter.alignment_mask).unwrap_or(0) != 0 {
        report(srb, "the data address does not suit the adapter's AlignmentMask");
        return None;
    }
    let pages = (buffer.addr() % 4096 + length).div_ceil(4096);
    if pages > usize::try_from(adapter.max_pages).unwrap_or(usize::MAX) {
        report(srb, "the data lies in more pages than the adapter can gather (MaximumPhysicalPages)");
        return None;
    }
    let list = get!(irp, MdlAddress);
    if list.is_null() {
        if !memory::access(buffer.addr(), length, true) {
            report(srb, "the request has no MDL, and DataBuffer is no accessible system address");
            return None;
        }
        return Some(Data::at(buffer, length));
    }
    let start = get!(list, StartVa).wrapping_byte_add(usize::try_from(get!(list, ByteOffset)).unwrap_or(0));
    let offset = buffer.addr().wrapping_sub(start.addr());
    let room = usize::try_from(get!(list, ByteCount)).unwrap_or(0);
    if offset.checked_add(length).is_none_or(|end| end > room) {
        report(srb, "DataBuffer and DataTransferLength reach beyond the request's MDL");
        return None;
    }
    let mapped = mdl::map(list);
    if mapped.is_null() {
        return None;
    }
    Some(Data::at(mapped.wrapping_add(offset), length))
}
