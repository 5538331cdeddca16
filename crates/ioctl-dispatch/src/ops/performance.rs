//! GET PERFORMANCE for IOCTL_CDROM_GET_PERFORMANCE (ioctl-cdrom-disk.md).

use scsi_cdb::performance::{GetPerformance, PerformanceDataType, PerformanceHeader, PerformanceType};
use scsi_cdb::{Command, Transfer};

use super::refresh::PERFORMANCE_TIMEOUT_S;
use super::{Context, Input, Next};
use crate::ntstatus::NtStatus;
use crate::step::ScsiCommand;

/// RequestType CdromPerformanceRequest; else CdromWriteSpeedRequest.
const PERFORMANCE: u32 = 1;

/// PerformanceType CdromWritePerformance.
const WRITE: u32 = 2;

/// Exceptions: CdromEntirePerformanceList and CdromPerformanceExceptionsOnly.
const ENTIRE_LIST: u32 = 2;
const EXCEPTIONS_ONLY: u32 = 3;

/// The answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State;

/// Asks for as many descriptors as there is room for.
pub fn start(context: &mut Context<'_, '_>) -> Next {
    let scratch = context.buffers.scratch_length();
    let alignment = context.device.limits.alignment_mask;
    let length = context.request.output_length.saturating_add(alignment) & !alignment;
    let length = length.min(scratch);
    let (command, descriptor_length) = command(context);
    let room = context.request.output_length.min(scratch).saturating_sub(8);
    let descriptors = room.checked_div(descriptor_length).unwrap_or(0);
    let command = GetPerformance { max_descriptors: u16::try_from(descriptors).unwrap_or(u16::MAX), ..command };
    let command = ScsiCommand::with_transfer(command.cdb(), Transfer::In(length)).timeout(PERFORMANCE_TIMEOUT_S);
    Next::send(command, State)
}

/// The command for the caller's structure, and the descriptor size that room is counted in.
fn command(context: &Context<'_, '_>) -> (GetPerformance, u32) {
    if context.input_u32(0) != PERFORMANCE {
        let kind = PerformanceType::WRITE_SPEED;
        return (GetPerformance { data_type: PerformanceDataType(0), starting_lba: 0, max_descriptors: 0, kind }, 16);
    }
    let (exceptions, descriptor_length) = match context.input_u32(8) {
        ENTIRE_LIST => (1, 16),
        EXCEPTIONS_ONLY => (2, 6),
        _ => (0, 16),
    };
    let command = GetPerformance {
        data_type: PerformanceDataType::new(2, context.input_u32(4) == WRITE, exceptions),
        starting_lba: context.input_u32(16),
        max_descriptors: 0,
        kind: PerformanceType::PERFORMANCE,
    };
    (command, descriptor_length)
}

/// Gives the answer, which has at least a header.
pub fn resume(_: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let result = input.command();
    if !result.status.is_success() {
        return Next::fail(result.status);
    }
    if usize::try_from(result.transferred).unwrap_or(0) < PerformanceHeader::LENGTH {
        return Next::fail(NtStatus::INVALID_DEVICE_REQUEST);
    }
    Next::success(context.give_answer(0, result.transferred))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::{Host, Reply, hex};
    use scsi_cdb::Direction;
    use std::format;
    use std::string::String;

    const GET_PERFORMANCE: u32 = 0x0002_4070;
    const WRITE_SPEED: &str = "02 00 00 00";
    const ANSWER: &str = "00 00 00 14 00 00 00 00 00 00 00 00 00 00 1B 90 00 05 16 15 00 00 1B 90";

    fn request(kind: u32, exceptions: u32, tolerance: u32) -> String {
        format!("01000000 {kind:02X}000000 {exceptions:02X}000000 {tolerance:02X}000000 78563412")
    }

    #[test]
    fn requests_are_checked_in_order() {
        let invalid = (NtStatus::INVALID_PARAMETER, 0);
        let mismatch = (NtStatus::INFO_LENGTH_MISMATCH, 0);
        let nominal = request(1, 1, 1);
        for (input, room, expected) in [
            ("02 00 00", 0, mismatch),
            (&nominal[..nominal.len() - 2], 0, mismatch),
            (&request(0, 1, 1), 0, invalid),
            (&request(3, 1, 1), 0, invalid),
            (&request(1, 0, 1), 0, invalid),
            (&request(1, 4, 1), 0, invalid),
            (&request(1, 1, 0), 0, invalid),
            (&request(1, 1, 2), 0, invalid),
            ("00 00 00 00", 0, invalid),
            ("03 00 00 00", 0, invalid),
            ("FF FF FF FF", 0, invalid),
            (&nominal, 0, (NtStatus::BUFFER_TOO_SMALL, 8)),
            (WRITE_SPEED, 7, (NtStatus::BUFFER_TOO_SMALL, 8)),
            (WRITE_SPEED, 0x1_0000, invalid),
        ] {
            assert_eq!(Host::default().control(GET_PERFORMANCE, input, room).end(), expected, "{input} {room}");
        }
    }

    #[test]
    fn commands() {
        for (input, room, cdb, length) in [
            (request(1, 1, 1), 72, "AC 10 12 34 56 78 00 00 00 04 00 00", 72),
            (request(2, 1, 1), 23, "AC 14 12 34 56 78 00 00 00 00 00 00", 24),
            (request(1, 2, 1), 40, "AC 11 12 34 56 78 00 00 00 02 00 00", 40),
            (request(2, 2, 1), 39, "AC 15 12 34 56 78 00 00 00 01 00 00", 40),
            (request(1, 3, 1), 20, "AC 12 12 34 56 78 00 00 00 02 00 00", 20),
            (request(2, 3, 1), 32, "AC 16 12 34 56 78 00 00 00 04 00 00", 32),
            (WRITE_SPEED.into(), 8, "AC 00 00 00 00 00 00 00 00 00 03 00", 8),
            (WRITE_SPEED.into(), 0xFFFF, "AC 00 00 00 00 00 00 00 0F FF 03 00", 0x1_0000),
        ] {
            let mut host = Host::default();
            let answer = host.on(cdb, Reply::data(ANSWER)).control(GET_PERFORMANCE, &input, room);
            assert_eq!(answer.end(), (NtStatus::SUCCESS, u64::from(room.min(24))), "{cdb}");
            let command = &answer.commands[0];
            assert_eq!((command.direction, command.length, command.timeout_s), (Direction::In, length, 20));
            assert_eq!(answer.output, hex(ANSWER)[..answer.output.len()]);
        }
    }

    #[test]
    fn a_small_adapter_bounds_descriptors_and_transfer_alike() {
        let mut host = Host::default();
        host.scratch_length = 4096;
        host.on("AC 00 00 00 00 00 00 00 00 FF 03 00", Reply::data(ANSWER));
        assert_eq!(host.control(GET_PERFORMANCE, WRITE_SPEED, 0xFFFF).commands[0].length, 4096);
    }

    #[test]
    fn an_answer_without_a_header_fails() {
        let cdb = "AC 00 00 00 00 00 00 00 00 01 03 00";
        for length in 0..=9 {
            let mut host = Host::default();
            let answer = host.on(cdb, Reply::bytes(&hex(ANSWER)[..length])).control(GET_PERFORMANCE, WRITE_SPEED, 24);
            let expected = match length {
                0..8 => (NtStatus::INVALID_DEVICE_REQUEST, 0),
                _ => (NtStatus::SUCCESS, u64::try_from(length).unwrap()),
            };
            assert_eq!(answer.end(), expected);
        }
    }

    #[test]
    fn over_runs_are_answers_and_failures_are_mapped() {
        let cdb = "AC 00 00 00 00 00 00 00 00 01 03 00";
        let mut host = Host::default();
        host.on(cdb, Reply::port(NtStatus::DATA_OVERRUN).with_data(ANSWER));
        assert_eq!(host.control(GET_PERFORMANCE, WRITE_SPEED, 24).end(), (NtStatus::SUCCESS, 24));
        host.on(cdb, Reply::sense(5, 0x20, 0));
        assert_eq!(host.control(GET_PERFORMANCE, WRITE_SPEED, 24).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    }

    #[test]
    fn exceptions_say_nothing_about_single_features() {
        let cdb = "AC 12 12 34 56 78 00 00 00 02 00 00";
        let mut host = Host::default();
        host.on(cdb, Reply::port(NtStatus::IO_TIMEOUT)).on(cdb, Reply::data(ANSWER));
        assert_eq!(host.control(GET_PERFORMANCE, &request(1, 3, 1), 20).end(), (NtStatus::SUCCESS, 20));
        assert!(!host.dispatcher.device.quirks.no_type_one);
    }
}
