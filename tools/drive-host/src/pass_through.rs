//! What the port answers to requests that the driver passes down.

use ioctl_dispatch::arrival::IRP_MN_SCSI_CLASS;
use ioctl_dispatch::request::Request;
use ioctl_dispatch::{Completion, NtStatus};
use scsi_cdb::{Cdb, Direction};

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
        SCSI_PASS_THROUGH => Call::new(request, false, port, system).and_then(|call| call.run(port, clock, system)),
        SCSI_PASS_THROUGH_DIRECT => {
            Call::new(request, true, port, system).and_then(|call| call.run(port, clock, system))
        }
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

/// Where the fields of `SCSI_PASS_THROUGH` lie that depend on the caller's pointer size.
struct Layout {
    length: usize,
    buffer: usize,
    pointer_size: usize,
    sense_offset: usize,
    cdb: usize,
}

const LAYOUT_64: Layout = Layout { length: 0x38, buffer: 0x18, pointer_size: 8, sense_offset: 0x20, cdb: 0x24 };
const LAYOUT_32: Layout = Layout { length: 0x2C, buffer: 0x14, pointer_size: 4, sense_offset: 0x18, cdb: 0x1C };

/// A pass-through that was found to be in order.
struct Call {
    layout: &'static Layout,
    direct: bool,
    command: PortCommand,
    data: std::ops::Range<usize>,
    sense_offset: usize,
    sense_room: usize,
}

impl Call {
    /// Validates the structure in the order of a stock port.
    fn new(request: &Request, direct: bool, port: &Port, system: &[u8]) -> Result<Self, NtStatus> {
        const INVALID: NtStatus = NtStatus::INVALID_PARAMETER;
        let require = |pass: bool| if pass { Ok(()) } else { Err(INVALID) };
        let layout = if request.wow64 { &LAYOUT_32 } else { &LAYOUT_64 };
        let input = system.get(..to_usize(request.input_length)).unwrap_or(system);
        if input.len() < layout.length {
            return Err(NtStatus::BUFFER_TOO_SMALL);
        }
        if usize::from(u16::from_le_bytes([input[0], input[1]])) != layout.length {
            return Err(NtStatus::REVISION_MISMATCH);
        }
        let length = u32_at(input, 0x0C);
        let limits = port.limits();
        require(length <= limits.aligned)?;
        let mut pointer = [0; 8];
        pointer[..layout.pointer_size].copy_from_slice(&input[layout.buffer..layout.buffer + layout.pointer_size]);
        let pointer = u64::from_le_bytes(pointer);
        require(length == 0 || pointer & u64::from(limits.alignment_mask) == 0)?;
        let timeout_s = u32_at(input, 0x10);
        require((1..=108_000).contains(&timeout_s))?;
        require(input[6] <= 16 && input[8] <= 2)?;
        let sense_room = usize::from(input[7]);
        let sense_offset = to_usize(u32_at(input, layout.sense_offset));
        let output_length = to_usize(request.output_length);
        let start = usize::try_from(pointer).unwrap_or(usize::MAX);
        let data = start..start.saturating_add(to_usize(length));
        if sense_room != 0 {
            let end = sense_offset.saturating_add(sense_room);
            require(sense_offset >= layout.length)?;
            require(direct || ((length == 0 || end <= data.start) && end <= output_length))?;
        }
        let (reads, writes) = (input[8] != 0, input[8] != 1);
        if !direct && length != 0 {
            require(data.start >= layout.length)?;
            require((!reads || data.end <= output_length) && (!writes || data.end <= input.len()))?;
        }
        if direct && length != 0 {
            // The pointer is one of the caller's process, which does not exist here.
            return Err(NtStatus::INSUFFICIENT_RESOURCES);
        }
        let cdb = &input[layout.cdb..layout.cdb + usize::from(input[6])];
        let direction = match (length, reads) {
            (0, _) => Direction::None,
            (_, true) => Direction::In,
            (_, false) => Direction::Out,
        };
        let command = PortCommand { cdb: Cdb::from_slice(cdb).ok_or(INVALID)?, direction, timeout_s };
        let data = if length == 0 { 0..0 } else { data };
        Ok(Self { layout, direct, command, data, sense_offset, sense_room })
    }

    /// Sends the command; gives Information.
    fn run(self, port: &mut Port, clock: &mut Clock, system: &mut [u8]) -> Result<u32, NtStatus> {
        // What the caller gets back and did not send is zero, not leftover memory.
        let answer = {
            let room = system.get_mut(self.data.clone()).ok_or(NtStatus::INVALID_PARAMETER)?;
            if self.command.direction == Direction::In {
                room.fill(0);
            }
            port.execute(&self.command, room, clock)
        };
        if !answer.status.is_success() {
            return Err(answer.status);
        }
        if answer.scsi_status == 0x02 && self.sense_room == 0 {
            return Err(NtStatus::IO_DEVICE_ERROR);
        }
        let sense = &answer.sense[..answer.sense.len().min(self.sense_room)];
        system[2] = answer.scsi_status;
        system[3..6].fill(0);
        system[7] = u8::try_from(sense.len()).unwrap_or(u8::MAX);
        system[0x0C..0x10].copy_from_slice(&answer.transferred.to_le_bytes());
        let mut end = self.layout.length;
        if !self.direct && self.command.direction == Direction::In {
            end = self.data.start + to_usize(answer.transferred);
        }
        if !sense.is_empty() {
            let place = self.sense_offset..self.sense_offset + sense.len();
            end = end.max(place.end);
            system.get_mut(place).ok_or(NtStatus::INVALID_PARAMETER)?.copy_from_slice(sense);
        }
        Ok(u32::try_from(end).unwrap_or(u32::MAX))
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    bytes.get(offset..).and_then(<[u8]>::first_chunk).map_or(0, |field| u32::from_le_bytes(*field))
}
