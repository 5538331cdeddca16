//! Device control at the drive's device object.

use nt_kernel::io;
use nt_kernel::layout::{DEVICE_OBJECT, IRP};
use nt_kernel::status;
use nt_kernel::{get, raw};

use super::engine::complete;
use super::{pass_through, with};

const SCSI_GET_ADDRESS: u32 = 0x0004_1018;
/// Codes of the adapter's device, which a drive's own port device refuses.
const SCSI_GET_INQUIRY_DATA: u32 = 0x0004_100C;
const SCSI_GET_CAPABILITIES: u32 = 0x0004_1010;
const SCSI_RESCAN_BUS: u32 = 0x0004_101C;
const SCSI_MINIPORT: u32 = 0x0004_D008;
const SCSI_PASS_THROUGH: u32 = 0x0004_D004;
const SCSI_PASS_THROUGH_DIRECT: u32 = 0x0004_D014;
const STORAGE_QUERY_PROPERTY: u32 = 0x002D_1400;

/// IRP_MJ_DEVICE_CONTROL.
pub extern "win64" fn dispatch(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    let stack = io::current(irp);
    let input = usize::try_from(get!(stack, Parameters.DeviceIoControl.InputBufferLength)).unwrap_or(usize::MAX);
    let answer = match get!(stack, Parameters.DeviceIoControl.IoControlCode) {
        SCSI_PASS_THROUGH => return pass_through::dispatch(irp, false),
        SCSI_PASS_THROUGH_DIRECT => return pass_through::dispatch(irp, true),
        STORAGE_QUERY_PROPERTY => query_property(irp, input),
        SCSI_GET_ADDRESS => give(irp, &[8, 0, 0, 0, 0, 0, 0, 0]),
        SCSI_GET_INQUIRY_DATA | SCSI_GET_CAPABILITIES | SCSI_RESCAN_BUS => Err(status::INVALID_DEVICE_REQUEST),
        SCSI_MINIPORT if input == 0 => Err(status::NOT_IMPLEMENTED),
        // A port of this kind serves neither the volume's code nor idle power, nor extended pass-through.
        _ => Err(status::NOT_SUPPORTED),
    };
    match answer {
        Ok(information) => complete(irp, status::SUCCESS, information),
        Err(status) => complete(irp, status, 0),
    }
}

fn give(irp: *mut IRP, data: &[u8]) -> Result<usize, i32> {
    let room = get!(io::current(irp), Parameters.DeviceIoControl.OutputBufferLength);
    if usize::try_from(room).unwrap_or(usize::MAX) < data.len() {
        return Err(status::BUFFER_TOO_SMALL);
    }
    raw::put_bytes(get!(irp, SystemBuffer).cast(), data);
    Ok(data.len())
}

fn query_property(irp: *mut IRP, input: usize) -> Result<usize, i32> {
    if input < 12 {
        return Err(status::INVALID_PARAMETER);
    }
    let query: *const u32 = get!(irp, SystemBuffer).cast();
    let (property, kind) = (raw::read(query), raw::read(query.wrapping_add(1)));
    let descriptor = with(|port| port.unit.descriptor(property)).ok_or(status::INVALID_PARAMETER_1)?;
    let room = get!(io::current(irp), Parameters.DeviceIoControl.OutputBufferLength);
    match kind {
        0 if usize::try_from(room).unwrap_or(usize::MAX) < descriptor.len() => give(irp, &descriptor[..8]),
        0 => give(irp, &descriptor),
        1 => Ok(0),
        _ => Err(status::INVALID_PARAMETER_2),
    }
}
