//! How fast the drive works: SET CD SPEED, SET STREAMING, and streaming commands for a handle (ioctl-cdrom-disk.md).

use scsi_cdb::streaming::{PerformanceDescriptor, SetCdSpeed, SetStreaming};

use super::{Context, Input, Next};
use crate::ioctl::Operation;
use crate::ntstatus::NtStatus;
use crate::step::ScsiCommand;

/// RequestType CdromSetStreaming; else CdromSetSpeed.
const STREAMING: u32 = 1;

/// On whose behalf speeds are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A program's.
    Request,
    /// The driver's own, after a media change.
    Restore,
}

/// Sets speeds, or notes a handle's choice of commands.
pub fn start(operation: Operation, context: &mut Context<'_, '_>) -> Next {
    if operation == Operation::EnableStreaming {
        return Next::fail(enable_streaming(context));
    }
    if context.input_u32(0) == STREAMING {
        let input = context.input_array::<36>();
        context.device.restore_speed_on_media_change = input.last() == Some(&0);
        return Next::send(set_streaming(descriptor(context), context), State::Request);
    }
    let [_, _, _, _, read_low, read_high, write_low, write_high, rotation_control, ..] = context.input_array::<12>();
    let command = SetCdSpeed {
        rotation_control,
        read_speed: u16::from_le_bytes([read_low, read_high]),
        write_speed: u16::from_le_bytes([write_low, write_high]),
    };
    Next::send(ScsiCommand::new(&command), State::Request)
}

/// Gives the drive its default speeds back.
pub fn restore(context: &mut Context<'_, '_>) -> Next {
    Next::send_own(set_streaming(PerformanceDescriptor::RESTORE_DEFAULTS, context), State::Restore)
}

/// Ends the request; what came of the driver's own command is of no interest.
pub fn resume(state: State, input: Input, _context: &mut Context<'_, '_>) -> Next {
    match state {
        State::Request => Next::fail(input.command().status),
        State::Restore => Next::success(0),
    }
}

fn set_streaming(descriptor: PerformanceDescriptor, context: &mut Context<'_, '_>) -> ScsiCommand {
    context.put_parameters(&descriptor.to_bytes());
    ScsiCommand::new(&SetStreaming::PERFORMANCE)
}

/// `CDROM_SET_STREAMING` (36 bytes) as the drive wants it.
fn descriptor(context: &Context<'_, '_>) -> PerformanceDescriptor {
    let [.., restore_defaults, exact, random_access, _] = context.input_array::<36>();
    let [rotation_control, ..] = context.input_u32(28).to_le_bytes();
    PerformanceDescriptor {
        rotation_control,
        restore_defaults: restore_defaults != 0,
        exact: exact != 0,
        random_access: random_access != 0,
        start_lba: context.input_u32(20),
        end_lba: context.input_u32(24),
        read_size: context.input_u32(4),
        read_time: context.input_u32(8),
        write_size: context.input_u32(12),
        write_time: context.input_u32(16),
    }
}

/// Notes which transfers of the handle stream; gives the status.
fn enable_streaming(context: &mut Context<'_, '_>) -> NtStatus {
    let (read, write) = match context.input_u32(0) {
        2 => (true, false),
        3 => (false, true),
        4 => (true, true),
        _ => (false, false),
    };
    let Some(handle) = context.handle.as_deref_mut() else { return NtStatus::INVALID_HANDLE };
    let capability = &context.device.capability;
    let impossible = (read && !capability.streaming_read) || (write && !capability.streaming_write);
    if impossible || ((read || write) && context.device.quirks.no_streaming) {
        return NtStatus::INVALID_DEVICE_REQUEST;
    }
    handle.streaming_read = read;
    handle.streaming_write = write;
    NtStatus::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Job;
    use crate::effect::Effect;
    use crate::test_host::{Host, Reply, hex};
    use scsi_cdb::Direction;
    use std::format;

    const SET_SPEED: u32 = 0x0002_4060;
    const ENABLE_STREAMING: u32 = 0x0002_4068;
    const SET_STREAMING: &str = "B6 00 00 00 00 00 00 00 00 00 1C 00";
    const OK: (NtStatus, u64) = (NtStatus::SUCCESS, 0);

    /// `CDROM_SET_STREAMING` with sizes, times and blocks that differ in every byte.
    fn streaming(rotation_control: &str, flags: &str) -> std::string::String {
        format!("01000000 44332211 88776655 CCBBAA99 00FFEEDD 04030201 08070605 {rotation_control} {flags}")
    }

    #[test]
    fn requests_are_checked_in_order() {
        let mismatch = (NtStatus::INFO_LENGTH_MISMATCH, 0);
        let whole = streaming("00000000", "00000000");
        for (mmc, input, expected) in [
            (true, "", mismatch),
            (true, "FF FF FF FF 00 00 00 00 00 00 00", mismatch),
            (true, "02000000 00000000 00000000", (NtStatus::INVALID_PARAMETER, 0)),
            (true, "FFFFFFFF 00000000 00000000", (NtStatus::INVALID_PARAMETER, 0)),
            (true, "00000080 00000000 00000000", (NtStatus::INVALID_PARAMETER, 0)),
            (false, "01000000 00000000 00000000", (NtStatus::INVALID_DEVICE_REQUEST, 0)),
            (true, "01000000 00000000 00000000", mismatch),
            (true, &whole[..whole.len() - 2], mismatch),
        ] {
            let mut host = if mmc { Host::mmc() } else { Host::default() };
            assert_eq!(host.control(SET_SPEED, input, 0).end(), expected, "{input}");
        }
    }

    #[test]
    fn cd_speeds() {
        for (input, cdb) in [
            ("00000000 E406 C202 00000000", "BB 00 06 E4 02 C2 00 00 00 00 00 00"),
            ("00000000 FFFF B000 01000000", "BB 01 FF FF 00 B0 00 00 00 00 00 00"),
            ("00000000 0000 0000 04000000", "BB 00 00 00 00 00 00 00 00 00 00 00"),
            ("00000000 0000 0000 FFFFFFFF 00", "BB 03 00 00 00 00 00 00 00 00 00 00"),
        ] {
            let mut host = Host::default();
            host.dispatcher.device.restore_speed_on_media_change = true;
            let answer = host.on(cdb, Reply::good()).control(SET_SPEED, input, 0);
            assert_eq!(answer.end(), OK);
            let command = &answer.commands[0];
            assert_eq!((command.direction, command.length, command.timeout_s), (Direction::None, 0, 10));
            assert!(host.dispatcher.device.restore_speed_on_media_change);
        }
    }

    #[test]
    fn streaming_descriptors() {
        let rest = "00 00 00 01020304 05060708 11223344 55667788 99AABBCC DDEEFF00";
        for (rotation_control, flags, first) in [
            ("00000000", "00 00 00 00", "00"),
            ("01000000", "00 00 00 01", "08"),
            ("02000000", "00 00 00 FF", "10"),
            ("07000000", "00 00 00 00", "18"),
            ("04000080", "00 00 00 00", "00"),
            ("00000000", "01 00 00 00", "04"),
            ("00000000", "00 01 00 00", "02"),
            ("00000000", "00 00 01 00", "01"),
            ("00000000", "02 FF 80 00", "07"),
        ] {
            let mut host = Host::mmc();
            let answer =
                host.on(SET_STREAMING, Reply::good()).control(SET_SPEED, &streaming(rotation_control, flags), 0);
            assert_eq!(answer.end(), OK);
            let command = &answer.commands[0];
            assert_eq!((command.direction, command.length, command.timeout_s), (Direction::Out, 28, 10));
            assert_eq!(command.data_out, hex(&format!("{first} {rest}")), "{rotation_control} {flags}");
        }
    }

    #[test]
    fn speeds_that_are_not_to_last_are_taken_back_after_a_media_change() {
        for (persistent, restores) in [("00", true), ("01", false), ("02", false)] {
            let mut host = Host::mmc();
            host.dispatcher.device.restore_speed_on_media_change = !restores;
            host.on(SET_STREAMING, Reply::good());
            host.control(SET_SPEED, &streaming("00000000", &format!("00 00 00 {persistent}")), 0);
            assert_eq!(host.dispatcher.device.restore_speed_on_media_change, restores);
            let changed = ["00 00 00 00 00 00"; 2];
            host.on(changed[0], Reply::sense(6, 0x28, 0)).on(changed[1], Reply::good());
            let answer = host.control(0x002D_4800, "", 0);
            assert_eq!(answer.effects.contains(&Effect::RestoreSpeed), restores);
        }
    }

    #[test]
    fn a_failure_forgets_to_restore() {
        for input in [streaming("00000000", "00 00 00 00"), "00000000 E406 C202 00000000".into()] {
            let mut host = Host::mmc();
            host.dispatcher.device.restore_speed_on_media_change = true;
            let cdb = if input.starts_with("01") { SET_STREAMING } else { "BB 00 06 E4 02 C2 00 00 00 00 00 00" };
            host.on(cdb, Reply::sense(5, 0x24, 0));
            assert_eq!(host.control(SET_SPEED, &input, 0).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
            assert!(!host.dispatcher.device.restore_speed_on_media_change);
        }
    }

    #[test]
    fn restoring_asks_for_the_defaults_and_never_fails() {
        for reply in [Reply::good(), Reply::sense(5, 0x20, 0)] {
            let mut host = Host::mmc();
            host.dispatcher.device.restore_speed_on_media_change = true;
            let answer = host.on(SET_STREAMING, reply).run(Job::RestoreSpeed);
            assert_eq!(answer.end(), OK);
            assert_eq!(answer.commands[0].data_out, hex(&format!("04 {}", "00".repeat(27))));
            assert!(host.dispatcher.device.restore_speed_on_media_change);
        }
    }

    #[test]
    fn streaming_control_is_checked() {
        let mut host = Host::default();
        assert_eq!(host.control(ENABLE_STREAMING, "01 00 00", 0).end(), (NtStatus::INFO_LENGTH_MISMATCH, 0));
        for input in ["00000000", "05000000", "01000080", "FFFFFFFF"] {
            assert_eq!(host.control(ENABLE_STREAMING, input, 0).end(), (NtStatus::INVALID_PARAMETER, 0));
        }
        host.handle = None;
        assert_eq!(host.control(ENABLE_STREAMING, "01000000", 0).end(), (NtStatus::INVALID_HANDLE, 0));
    }

    #[test]
    fn a_handle_streams_what_the_drive_can() {
        for (reads, writes, broken, control, granted) in [
            (true, true, false, 1, Some((false, false))),
            (true, false, false, 2, Some((true, false))),
            (false, true, false, 2, None),
            (false, true, false, 3, Some((false, true))),
            (true, false, false, 3, None),
            (true, true, false, 4, Some((true, true))),
            (true, false, false, 4, None),
            (false, true, false, 4, None),
            (true, true, true, 4, None),
            (false, false, true, 1, Some((false, false))),
        ] {
            let mut host = Host::mmc();
            let device = &mut host.dispatcher.device;
            device.capability.streaming_read = reads;
            device.capability.streaming_write = writes;
            device.quirks.no_streaming = broken;
            let before = (control == 1, true);
            let handle = host.handle.as_mut().unwrap();
            (handle.streaming_read, handle.streaming_write) = before;
            let answer = host.control(ENABLE_STREAMING, &format!("{control:02X}000000"), 0);
            let status = if granted.is_some() { NtStatus::SUCCESS } else { NtStatus::INVALID_DEVICE_REQUEST };
            assert_eq!(answer.end(), (status, 0));
            let handle = host.handle.unwrap();
            assert_eq!((handle.streaming_read, handle.streaming_write), granted.unwrap_or(before));
        }
    }
}
