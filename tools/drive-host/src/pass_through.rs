//! What the port answers to requests that the driver passes down.

use drive_formats::pass_through::{Call, PassThrough};
use ioctl_dispatch::arrival::IRP_MN_SCSI_CLASS;
use ioctl_dispatch::request::Request;
use ioctl_dispatch::{Completion, NtStatus};
use scsi_cdb::Direction;

use crate::clock::Clock;
use crate::port::{Port, PortCommand};

const SCSI_GET_ADDRESS: u32 = 0x0004_1018;
/// Codes of the adapter's device, which a drive's own port device refuses.
const SCSI_GET_INQUIRY_DATA: u32 = 0x0004_100C;
const SCSI_GET_CAPABILITIES: u32 = 0x0004_1010;
const SCSI_RESCAN_BUS: u32 = 0x0004_101C;
const SCSI_MINIPORT: u32 = 0x0004_D008;
const SCSI_PASS_THROUGH: u32 = 0x0004_D004;
const SCSI_PASS_THROUGH_DIRECT: u32 = 0x0004_D014;
const STORAGE_QUERY_PROPERTY: u32 = 0x002D_1400;

/// STATUS_NOT_IMPLEMENTED, which only ports answer.
const NOT_IMPLEMENTED: NtStatus = NtStatus(0xC000_0002);

/// Answers `request`, which the driver passed down with minor function `minor`.
pub fn answer(
    port: &mut Port,
    clock: &mut Clock,
    request: &Request,
    minor: Option<u8>,
    system: &mut [u8],
) -> Completion {
    let result = match request.code.0 {
        SCSI_PASS_THROUGH | SCSI_PASS_THROUGH_DIRECT if minor != Some(IRP_MN_SCSI_CLASS) => {
            Err(NtStatus::INVALID_DEVICE_REQUEST)
        }
        SCSI_PASS_THROUGH => pass_through(port, clock, request, false, system),
        SCSI_PASS_THROUGH_DIRECT => pass_through(port, clock, request, true, system),
        STORAGE_QUERY_PROPERTY => query_property(port, request, system),
        SCSI_GET_ADDRESS => give(request, system, &[8, 0, 0, 0, 0, 0, 0, 0]),
        SCSI_GET_INQUIRY_DATA | SCSI_GET_CAPABILITIES | SCSI_RESCAN_BUS => Err(NtStatus::INVALID_DEVICE_REQUEST),
        SCSI_MINIPORT if request.input_length == 0 => Err(NOT_IMPLEMENTED),
        _ => Err(NtStatus::NOT_SUPPORTED),
    };
    match result {
        Ok(information) => Completion::new(NtStatus::SUCCESS, u64::from(information)),
        Err(status) => Completion::new(status, 0),
    }
}

fn to_usize(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn give(request: &Request, system: &mut [u8], data: &[u8]) -> Result<u32, NtStatus> {
    let room = system.get_mut(..data.len()).filter(|_| to_usize(request.output_length) >= data.len());
    room.ok_or(NtStatus::BUFFER_TOO_SMALL)?.copy_from_slice(data);
    Ok(u32::try_from(data.len()).unwrap_or(u32::MAX))
}

fn query_property(port: &Port, request: &Request, system: &mut [u8]) -> Result<u32, NtStatus> {
    if request.input_length < 12 {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let descriptor = port.descriptor(u32_at(system, 0)).ok_or(NtStatus::INVALID_PARAMETER_1)?;
    match u32_at(system, 4) {
        0 if to_usize(request.output_length) < descriptor.len() => give(request, system, &descriptor[..8]),
        0 => give(request, system, &descriptor),
        1 => Ok(0),
        _ => Err(NtStatus::INVALID_PARAMETER_2),
    }
}

/// Validates a pass-through and sends its command; gives Information.
fn pass_through(
    port: &mut Port,
    clock: &mut Clock,
    request: &Request,
    direct: bool,
    system: &mut [u8],
) -> Result<u32, NtStatus> {
    let call = Call {
        system,
        address: 0,
        input_length: to_usize(request.input_length),
        output_length: to_usize(request.output_length),
        direct,
        wow64: request.wow64,
    };
    let call = PassThrough::read(&call, port.adapter()).map_err(NtStatus)?;
    if direct && call.length != 0 {
        // The pointer is one of the caller's process, which does not exist here.
        return Err(NtStatus::INSUFFICIENT_RESOURCES);
    }
    let room = system.get_mut(call.data_range().unwrap_or(0..0)).ok_or(NtStatus::INVALID_PARAMETER)?;
    if call.direction == Direction::In {
        // What the caller gets back and did not send is zero, not leftover memory.
        room.fill(0);
    }
    let command = PortCommand { cdb: call.cdb, direction: call.direction, timeout_s: call.timeout_s };
    let answer = port.execute(&command, room, clock);
    if !answer.status.is_success() {
        return Err(answer.status);
    }
    let information = call.answer(system, answer.scsi_status, &answer.sense, answer.transferred);
    Ok(u32::try_from(information.map_err(NtStatus)?).unwrap_or(u32::MAX))
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    bytes.get(offset..).and_then(<[u8]>::first_chunk).map_or(0, |field| u32::from_le_bytes(*field))
}
