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
    let came = context.buffers.answer(result.transferred);
    context.device.geometry.update(if result.status.is_success() { Ok(came) } else { Err(came) });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::{Host, Reply, hex};
    use std::vec::Vec;

    const READ_CAPACITY: &str = "25 00 00 00 00 00 00 00 00 00";
    const GEOMETRY: &[u32] = &[0x0002_404C, 0x0007_0000];
    const GEOMETRY_EX: &[u32] = &[0x0002_4050, 0x0007_00A0];
    const LENGTH_INFO: u32 = 0x0007_405C;
    const STORAGE_READ_CAPACITY: u32 = 0x002D_5140;

    /// 120 000 blocks of 2048 bytes: 58 cylinders.
    const ANSWER: &str = "00 01 D4 BF 00 00 08 00";
    const DISK_GEOMETRY: &str = "3A00000000000000 0B000000 40000000 20000000 00080000";
    const CAPACITY: &str = "0000A60E00000000";

    #[test]
    fn every_request_asks_the_drive_and_answers_in_its_form() {
        let geometry = hex(DISK_GEOMETRY);
        let extended: Vec<u8> = geometry.iter().copied().chain(hex(CAPACITY)).collect();
        let capacity = hex("20000000 20000000 00080000 00000000 C0D4010000000000 0000A60E00000000");
        let forms = GEOMETRY.iter().map(|code| (*code, 24, geometry.clone()));
        let forms = forms.chain(GEOMETRY_EX.iter().map(|code| (*code, 32, extended.clone())));
        for (code, length, expected) in
            forms.chain([(LENGTH_INFO, 8, hex(CAPACITY)), (STORAGE_READ_CAPACITY, 32, capacity)])
        {
            for room in [length, length + 1, 512] {
                let mut host = Host::default();
                let answer = host.on(READ_CAPACITY, Reply::data(ANSWER)).control(code, "", room);
                assert_eq!(answer.end(), (NtStatus::SUCCESS, length.into()), "{code:#x}");
                assert_eq!(answer.output, expected, "{code:#x}");
                assert_eq!((answer.commands[0].length, answer.commands[0].timeout_s), (8, 20));
            }
            let too_small = (NtStatus::BUFFER_TOO_SMALL, length.into());
            assert_eq!(Host::default().control(code, "", length - 1).end(), too_small, "{code:#x}");
        }
    }

    #[test]
    fn the_padding_of_a_capacity_is_zero_though_the_callers_bytes_were_there() {
        let mut host = Host::default();
        host.on(READ_CAPACITY, Reply::data(ANSWER));
        let answer = host.control(STORAGE_READ_CAPACITY, &"FF".repeat(32), 32);
        assert_eq!(answer.output[12..16], [0; 4]);
    }

    #[test]
    fn a_failure_is_the_answer_and_the_fallback_stays() {
        let mut host = Host::default();
        host.on(READ_CAPACITY, Reply::sense(2, 0x3A, 0));
        assert_eq!(host.control(LENGTH_INFO, "", 8).end(), (NtStatus::NO_MEDIA_IN_DEVICE, 0));
        assert_eq!(host.dispatcher.device.geometry.capacity(), crate::geometry::FALLBACK_CAPACITY);
        host.on(READ_CAPACITY, Reply::data("00 01 D4 BF 00 00 00 00"));
        let answer = host.control(LENGTH_INFO, "", 8);
        assert_eq!((answer.status, answer.output), (NtStatus::SUCCESS, hex("FFFFFF7F00000000")));
    }

    #[test]
    fn a_failure_that_brought_bytes_counts_cylinders() {
        let mut host = Host::default();
        host.on(READ_CAPACITY, Reply::sense(5, 0x24, 0).with_data(ANSWER));
        assert_eq!(host.control(LENGTH_INFO, "", 8).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
        let types = host.on("00 00 00 00 00 00", Reply::good()).control(0x002D_0C04, "", 40);
        assert_eq!(types.output[8..16], hex(&DISK_GEOMETRY[..16]));
        assert_eq!(types.output[28..32], hex("00080000"));
    }

    #[test]
    fn a_drive_that_is_not_ready_is_asked_three_times() {
        let mut host = Host::default();
        for _ in 0..3 {
            host.on(READ_CAPACITY, Reply::sense(2, 0x04, 0x01));
        }
        assert_eq!(host.control(LENGTH_INFO, "", 8).end(), (NtStatus::DEVICE_NOT_READY, 0));
    }

    #[test]
    fn a_drive_without_power_is_not_woken() {
        let mut host = Host::default();
        host.dispatcher.device.zero_power.active = true;
        assert_eq!(host.control(LENGTH_INFO, "", 8).end(), (NtStatus::NO_MEDIA_IN_DEVICE, 0));
        assert_eq!(host.control(LENGTH_INFO, "", 7).end(), (NtStatus::BUFFER_TOO_SMALL, 8), "after the check");
    }
}
