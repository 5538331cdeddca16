//! READ CAPACITY and the answers made of it (ioctl-cdrom-disk.md, "Capacity and geometry computation").

use scsi_cdb::read_capacity::ReadCapacity10;

use super::{Context, Input, Next};
use crate::ioctl::Operation;
use crate::ntstatus::NtStatus;
use crate::step::ScsiCommand;

/// Time-out of READ CAPACITY in seconds.
const TIMEOUT_S: u32 = 20;

/// MEDIA_TYPE RemovableMedia.
const REMOVABLE_MEDIA: u32 = 11;

const TRACKS_PER_CYLINDER: u32 = 64;
const SECTORS_PER_TRACK: u32 = 32;

/// The answer that the capacity is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// DISK_GEOMETRY.
    Geometry,
    /// DISK_GEOMETRY_EX, without its variable part.
    GeometryEx,
    /// GET_LENGTH_INFORMATION.
    Length,
    /// STORAGE_READ_CAPACITY.
    Capacity,
}

/// READ CAPACITY (10) as this driver sends it.
#[must_use]
pub fn command() -> ScsiCommand {
    ScsiCommand::new(&ReadCapacity10 {}).timeout(TIMEOUT_S)
}

/// Asks the drive, always: the medium may be another one.
#[must_use]
pub fn start(operation: Operation) -> Next {
    let state = match operation {
        Operation::GeometryEx => State::GeometryEx,
        Operation::LengthInfo => State::Length,
        Operation::ReadCapacity => State::Capacity,
        _ => State::Geometry,
    };
    Next::send_own(command(), state)
}

/// Takes the answer over, a failure too.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let status = take_over(input, context);
    if !status.is_success() {
        return Next::fail(status);
    }
    let geometry = disk_geometry(context);
    let capacity = context.device.geometry.capacity().to_le_bytes();
    match state {
        State::Geometry => Next::success(context.write(0, &geometry)),
        State::GeometryEx => {
            context.write(0, &geometry);
            context.write(24, &capacity);
            Next::success(32)
        }
        State::Length => Next::success(context.write(0, &capacity)),
        State::Capacity => {
            let block_length = context.device.geometry.block_length();
            let blocks = context.device.geometry.capacity().checked_div(u64::from(block_length)).unwrap_or(0);
            context.clear_output(32);
            context.write(0, &32_u32.to_le_bytes());
            context.write(4, &32_u32.to_le_bytes());
            context.write(8, &block_length.to_le_bytes());
            context.write(16, &blocks.to_le_bytes());
            context.write(24, &capacity);
            Next::success(32)
        }
    }
}

/// Updates the device's geometry from a finished READ CAPACITY; gives its status.
pub fn take_over(input: Input, context: &mut Context<'_, '_>) -> NtStatus {
    let result = input.command();
    let answer = result.status.is_success().then(|| context.buffers.answer(result.transferred));
    context.device.geometry.update(answer);
    result.status
}

/// `DISK_GEOMETRY` (24 bytes, little-endian) of the geometry last told.
#[must_use]
pub fn disk_geometry(context: &Context<'_, '_>) -> [u8; 24] {
    let geometry = &context.device.geometry;
    let mut bytes = [0; 24];
    scsi_cdb::bytes::put(&mut bytes, 0, &geometry.cylinders().to_le_bytes());
    let words = [REMOVABLE_MEDIA, TRACKS_PER_CYLINDER, SECTORS_PER_TRACK, geometry.bytes_per_sector()];
    for (word, offset) in words.into_iter().zip([8, 12, 16, 20]) {
        scsi_cdb::bytes::put(&mut bytes, offset, &word.to_le_bytes());
    }
    bytes
}
