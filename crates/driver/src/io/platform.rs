//! What only the system can do, with an answer.

use ioctl_dispatch::NtStatus;
use ioctl_dispatch::request::Irql;
use ioctl_dispatch::step::{PlatformCall, PortFunction};
use wdk_sys::NT_SUCCESS;

use crate::device::{Device, settings};
use crate::io::port::Port;
use crate::io::srb::Function;
use crate::km::irp::control_location;
use crate::km::time;
use crate::status;

/// IOCTL_STORAGE_QUERY_PROPERTY.
const QUERY_PROPERTY: u32 = 0x002D_1400;

/// IOCTL_DISK_VOLUMES_ARE_READY.
const VOLUMES_ARE_READY: u32 = 0x0007_C220;

/// Bytes of `STORAGE_PROPERTY_QUERY`.
const QUERY_LENGTH: usize = 12;

/// SRB_FLAGS_DISABLE_SYNCH_TRANSFER | SRB_FLAGS_NO_QUEUE_FREEZE, with which flush and shutdown are sent.
const FLUSH_FLAGS: u32 = 0x0000_0108;

/// The same with SRB_FLAGS_D3_PROCESSING and SRB_FLAGS_BYPASS_LOCKED_QUEUE, for functions of a power transition.
const POWER_FLAGS: u32 = 0x0008_0908;

/// SP_UNTAGGED.
const UNTAGGED: u8 = 0xFF;

/// Asks, when the work's turn has come. `scratch` takes answers that are long.
pub fn ask(device: &Device, port: &mut Port, scratch: &mut [u8], call: PlatformCall) -> (NtStatus, u64) {
    match call {
        PlatformCall::ReadDefaultRegion => {
            (NtStatus::SUCCESS, u64::from(settings::parameter("DefaultDvdRegion").unwrap_or(0)))
        }
        PlatformCall::ReadSuggestedLink => suggested_link(device),
        PlatformCall::QueryPortProperty { property } => query_property(device, port, property, scratch),
        PlatformCall::VolumesAreReady => {
            let mut number = device.number().to_le_bytes();
            let (status, _) = port.control(device, control_location(0, VOLUMES_ARE_READY, 4, 0), &mut number);
            (status::to_core(status), 0)
        }
        PlatformCall::PortFunction { function, timeout_s } => {
            let (code, flags) = match function {
                PortFunction::Shutdown => (0x07, FLUSH_FLAGS),
                PortFunction::Flush => (0x08, FLUSH_FLAGS),
                PortFunction::LockQueue => (0x18, POWER_FLAGS),
                PortFunction::UnlockQueue => (0x19, POWER_FLAGS),
                PortFunction::QuiesceDevice => (0x1A, POWER_FLAGS),
            };
            let function = Function { code, flags, queue_tag: UNTAGGED, timeout_s };
            // SAFETY: initialised when the device was added; whoever has the port has the engine.
            (status::to_core(unsafe { device.srbs.call(device.lower(), function) }), 0)
        }
        // Zero power is not offered to ports: for the core it is as if the port had refused.
        PlatformCall::EnableIdlePower { .. } | PlatformCall::QueryD3Cold | PlatformCall::IdlePowerupReason => {
            (NtStatus::NOT_SUPPORTED, 0)
        }
    }
}

/// Asks for a request that is answered on arrival.
pub fn ask_on_arrival(device: &Device, call: PlatformCall) -> (NtStatus, u64) {
    match call {
        PlatformCall::ReadSuggestedLink if time::irql() == Irql::Passive => suggested_link(device),
        _ => (NtStatus::OBJECT_NAME_NOT_FOUND, 0),
    }
}

fn suggested_link(device: &Device) -> (NtStatus, u64) {
    match settings::suggested_link(device) {
        Some(packed) => (NtStatus::SUCCESS, packed),
        None => (NtStatus::OBJECT_NAME_NOT_FOUND, 0),
    }
}

/// Asks the port for a property, first for its length; the answer goes to `room`. Gives the number of its bytes.
pub fn query_property(device: &Device, port: &mut Port, property: u32, room: &mut [u8]) -> (NtStatus, u64) {
    let mut query = [0; QUERY_LENGTH];
    if let Some(id) = query.first_chunk_mut::<4>() {
        *id = property.to_le_bytes();
    }
    let mut header = query;
    let (status, came) = port.control(device, property_location(QUERY_LENGTH), &mut header);
    if !NT_SUCCESS(status) {
        return (status::to_core(status), 0);
    }
    let size = header.get(4..8).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes));
    if came < 8 || size == 0 {
        return (NtStatus::UNSUCCESSFUL, 0);
    }
    let length = usize::try_from(size).unwrap_or(usize::MAX).max(QUERY_LENGTH).min(room.len());
    let Some(buffer) = room.get_mut(..length) else { return (NtStatus::INSUFFICIENT_RESOURCES, 0) };
    buffer.fill(0);
    for (to, from) in buffer.iter_mut().zip(query) {
        *to = from;
    }
    let (status, came) = port.control(device, property_location(length), buffer);
    let most = u64::try_from(length).unwrap_or(0);
    (status::to_core(status), came.min(most))
}

fn property_location(length: usize) -> wdk_sys::IO_STACK_LOCATION {
    let length = u32::try_from(length).unwrap_or(0);
    control_location(0, QUERY_PROPERTY, length, length)
}
