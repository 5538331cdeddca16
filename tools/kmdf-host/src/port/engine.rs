//! How commands run: queued, sent to the drive, completed when its time is over, cancelled in between.

use drive_formats::pass_through::PassThrough;
use nt_kernel::io;
use nt_kernel::layout::{DEVICE_OBJECT, IRP};
use nt_kernel::status;
use nt_kernel::{get, put, raw};
use nt_machine::{irql, time};

use super::queue::{Bypass, Id};
use super::srb::{self, Srb, flags, srb_status};
use super::unit::Answer;
use super::work::{Form, Work};
use super::{session_time, with};

/// Completes a request at once.
pub fn complete(irp: *mut IRP, status: i32, information: usize) -> i32 {
    put!(irp, IoStatus.Status, status);
    put!(irp, IoStatus.Information, information);
    io::complete(irp, BOOST);
    status
}

/// IO_DISK_INCREMENT.
const BOOST: i8 = 1;

/// Takes a request with a command. Gives what the dispatch routine returns.
pub fn submit(work: Work, bypass: Bypass) -> i32 {
    let irp = work.irp;
    io::mark_pending(irp);
    with(|port| port.queue.push(work, bypass));
    io::set_cancel_routine(irp, Some(cancel));
    // Cancelled before there was a routine: whoever clears the routine completes.
    if get!(irp, Cancel) != 0 && io::set_cancel_routine(irp, None).is_some() {
        cancelled(irp);
    } else {
        pump();
    }
    status::PENDING
}

/// Starts what may run.
pub fn pump() {
    let started = with(|port| {
        let super::Port { queue, unit, .. } = port;
        let (id, work) = queue.start()?;
        let answer = unit.execute(&work.command, session_time());
        let duration = answer.duration;
        work.answer = Some(answer);
        Some((id, duration))
    });
    match started {
        Some((id, duration)) => {
            let due = time::now().saturating_add(i64::try_from(duration.as_nanos() / 100).unwrap_or(i64::MAX));
            time::timer_set(due, irql::DISPATCH, "the drive's answer", Box::new(move || finish(id)));
        }
        None => quiesced(),
    }
}

/// Completes QUIESCE requests when nothing runs any more.
fn quiesced() {
    let done = with(|port| if port.queue.is_empty() { std::mem::take(&mut port.quiescing) } else { Vec::new() });
    for irp in done {
        complete(irp, status::SUCCESS, 0);
    }
}

/// The drive has answered.
fn finish(id: Id) {
    let Some(mut work) = with(|port| port.queue.finish(id)) else { return };
    // Nothing to do for a request whose cancellation is under way: its cancel routine completes it.
    if io::set_cancel_routine(work.irp, None).is_some()
        && let Some(answer) = work.answer.take()
    {
        work.deliver(&answer);
        match &work.form {
            Form::PassThrough(call) => end_pass_through(work.irp, call, &answer),
            Form::Srb(srb) => end_srb(work.irp, *srb, &answer, work.command.sense_room),
        }
    }
    drop(work);
    pump();
}

fn end_pass_through(irp: *mut IRP, call: &PassThrough, answer: &Answer) {
    let failed = answer.status != 0 && answer.scsi_status == 0;
    let result = if failed {
        Err(answer.status)
    } else {
        // The structure, and the sense data behind it, in the request's buffer.
        let (system, room) = super::pass_through::system_buffer(irp);
        let mut bytes = raw::bytes(system, room);
        let transferred = u32::try_from(answer.transferred).unwrap_or(u32::MAX);
        let result = call.answer(&mut bytes, answer.scsi_status, &answer.sense, transferred);
        raw::put_bytes(system, &bytes);
        result
    };
    match result {
        Ok(information) => complete(irp, status::SUCCESS, information),
        Err(status) => complete(irp, status.cast_signed(), 0),
    };
}

fn end_srb(irp: *mut IRP, srb: *mut Srb, answer: &Answer, sense_room: usize) {
    let mut ended = answer.srb_status;
    let sense = &answer.sense[..answer.sense.len().min(sense_room)];
    put!(srb, ScsiStatus, answer.scsi_status);
    put!(srb, DataTransferLength, u32::try_from(answer.transferred).unwrap_or(u32::MAX));
    if !sense.is_empty() {
        raw::put_bytes(get!(srb, SenseInfoBuffer).cast(), sense);
        put!(srb, SenseInfoBufferLength, u8::try_from(sense.len()).unwrap_or(u8::MAX));
        ended |= srb_status::AUTOSENSE_VALID;
    }
    let harmless = matches!(answer.srb_status, srb_status::SUCCESS | srb_status::DATA_OVERRUN);
    if !harmless && get!(srb, SrbFlags) & flags::NO_QUEUE_FREEZE == 0 {
        ended |= srb_status::QUEUE_FROZEN;
        with(|port| port.queue.set_frozen(true));
    }
    if answer.srb_status == srb_status::INTERNAL_ERROR {
        put!(srb, InternalStatus, answer.status);
    }
    srb::end(srb, ended);
    complete(irp, answer.status.cast_signed(), answer.transferred);
}

/// Ends a request that did not run to its end.
pub fn abandon(work: &Work, srb_ended: u8, status: i32) {
    if let Some(srb) = work.srb() {
        put!(srb, DataTransferLength, 0);
        srb::end(srb, srb_ended);
    }
    complete(work.irp, status, 0);
}

/// Takes over every request that waits or runs, and ends it; those whose cancellation is under way end by it.
pub fn abandon_all(works: Vec<Work>, srb_ended: u8, status: i32) {
    for work in works {
        if io::set_cancel_routine(work.irp, None).is_some() {
            abandon(&work, srb_ended, status);
        }
    }
}

extern "win64" fn cancel(_device: *mut DEVICE_OBJECT, irp: *mut IRP) {
    io::release_cancel_lock(get!(irp, CancelIrql));
    cancelled(irp);
}

/// Completes a request that was cancelled; its completion is nobody else's any more.
fn cancelled(irp: *mut IRP) {
    match with(|port| port.queue.take(|work| work.irp == irp)) {
        Some(work) => abandon(&work, srb_status::ABORTED, status::CANCELLED),
        // The drive's answer came at the same time, and was dropped for the cancellation.
        None => {
            complete(irp, status::CANCELLED, 0);
        }
    }
    pump();
}
