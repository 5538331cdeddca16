//! READ TOC/PMA/ATIP for IOCTL_CDROM_READ_TOC, IOCTL_CDROM_GET_LAST_SESSION and IOCTL_CDROM_READ_TOC_EX.
//!
//! The drive's answer is given as it is, except that bytes past the length it claims are zero.

use scsi_cdb::bytes::be16_at;
use scsi_cdb::sub_channel::AudioStatus;
use scsi_cdb::toc::{ReadTocPmaAtip, TocFormat};

use super::{Context, Input, Next, audio};
use crate::ioctl::Operation;
use crate::ntstatus::NtStatus;
use crate::step::ScsiCommand;

/// Bytes of `CDROM_TOC`: a header and 100 track descriptors.
const TOC_LENGTH: u32 = 804;

/// Which answer is awaited for the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Whether audio still plays.
    AudioStatus(Operation),
    /// The table of contents.
    Answer(Operation),
}

/// One way to ask for a table of contents.
struct Form {
    command: ReadTocPmaAtip,
    /// The answer is a structure of fixed layout, zero where the drive sent nothing.
    structure: bool,
    /// Shortest answer that is given to the caller.
    least: u32,
}

fn form(operation: Operation, context: &Context<'_, '_>) -> Form {
    let room = context.request.output_length.min(context.buffers.scratch_length());
    let length = |most: u32| u16::try_from(room.min(most)).unwrap_or(u16::MAX);
    let structure = |msf, format| Form {
        command: ReadTocPmaAtip { msf, ..ReadTocPmaAtip::new(format, length(TOC_LENGTH)) },
        structure: true,
        least: 4,
    };
    match operation {
        Operation::ReadToc => structure(true, TocFormat::FORMATTED_TOC),
        Operation::LastSession => structure(false, TocFormat::MULTI_SESSION_INFORMATION),
        _ => {
            let [first, track_session, ..] = context.input_array::<4>();
            let command = ReadTocPmaAtip {
                msf: first & 0x80 != 0,
                track_session,
                ..ReadTocPmaAtip::new(TocFormat(first & 0x0F), length(0xFFFF))
            };
            Form { command, structure: false, least: 2 }
        }
    }
}

/// Asks for the table of contents; a drive that was playing audio is asked first whether it still does.
pub fn start(operation: Operation, context: &mut Context<'_, '_>) -> Next {
    if context.device.audio_playing {
        Next::send(audio::position(), State::AudioStatus(operation))
    } else {
        read(operation, context)
    }
}

/// Goes on to the table of contents, or gives it.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let result = input.command();
    match state {
        State::AudioStatus(operation) => match audio::audio_status(result, context) {
            Some(AudioStatus::PLAYING) => Next::fail(NtStatus::DEVICE_BUSY),
            Some(_) => {
                context.device.audio_playing = false;
                read(operation, context)
            }
            None if result.status == NtStatus::CANCELLED => Next::fail(result.status),
            None => read(operation, context),
        },
        State::Answer(_) if !result.status.is_success() => Next::fail(result.status),
        State::Answer(operation) if !result.brought(form(operation, context).least) => {
            Next::fail(NtStatus::INVALID_DEVICE_REQUEST)
        }
        State::Answer(_) => Next::success(give(result.transferred, context)),
    }
}

fn read(operation: Operation, context: &mut Context<'_, '_>) -> Next {
    let form = form(operation, context);
    if form.structure {
        context.clear_output(usize::from(form.command.allocation_length));
    }
    Next::send(ScsiCommand::new(&form.command), State::Answer(operation))
}

/// Copies the answer to the caller, zeros past its claimed length; returns the bytes written.
fn give(transferred: u32, context: &mut Context<'_, '_>) -> usize {
    let claimed = be16_at(context.buffers.answer(transferred), 0).unwrap_or(0);
    let length = context.give_answer(0, transferred);
    if let Some(rest) = context.output().get_mut(usize::from(claimed).saturating_add(2)..length) {
        rest.fill(0);
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::{CALLER_FILL, Host, Reply, hex};
    use scsi_cdb::Direction;
    use std::format;

    const READ_TOC: u32 = 0x0002_4000;
    const LAST_SESSION: u32 = 0x0002_4038;
    const READ_TOC_EX: u32 = 0x0002_4054;

    const POSITION: &str = "42 02 40 01 00 00 00 00 10 00";
    const TOC: &str = "43 02 00 00 00 00 00 03 24 00";
    const SESSION: &str = "43 00 01 00 00 00 00 03 24 00";

    const ONE_TRACK: &str = "00 12 01 01 00 14 01 00 00 00 02 00 00 14 AA 00 00 04 02 00";
    const TWO_SESSIONS: &str = "00 0A 01 02 00 14 04 00 00 01 2A 70";

    const SUCCESS: NtStatus = NtStatus::SUCCESS;

    #[test]
    fn requests_are_checked_in_order() {
        let invalid = (NtStatus::INVALID_PARAMETER, 0);
        let mismatch = (NtStatus::INFO_LENGTH_MISMATCH, 0);
        for (code, input, room, expected) in [
            (READ_TOC, "", 0, (NtStatus::BUFFER_TOO_SMALL, 804)),
            (READ_TOC, "", 803, (NtStatus::BUFFER_TOO_SMALL, 804)),
            (READ_TOC, "", 805, invalid),
            (LAST_SESSION, "", 11, (NtStatus::BUFFER_TOO_SMALL, 12)),
            (LAST_SESSION, "", 13, invalid),
            (READ_TOC_EX, "", 804, mismatch),
            (READ_TOC_EX, "80 00 00", 0, mismatch),
            (READ_TOC_EX, "F6 00 01 01", 1, (NtStatus::BUFFER_TOO_SMALL, 2)),
            (READ_TOC_EX, "80 00 00 00", 0x1_0000, invalid),
            (READ_TOC_EX, "80 00 00 00", 5, invalid),
            (READ_TOC_EX, "10 00 00 00", 804, invalid),
            (READ_TOC_EX, "40 00 00 00", 804, invalid),
            (READ_TOC_EX, "00 00 01 00", 804, invalid),
            (READ_TOC_EX, "00 00 00 01", 804, invalid),
            (READ_TOC_EX, "01 01 00 00", 804, invalid),
            (READ_TOC_EX, "03 01 00 00", 804, invalid),
            (READ_TOC_EX, "04 01 00 00", 804, invalid),
            (READ_TOC_EX, "06 00 00 00", 804, invalid),
            (READ_TOC_EX, "8F 00 00 00", 804, invalid),
        ] {
            assert_eq!(Host::default().control(code, input, room).end(), expected, "{code:#x} {input} {room}");
        }
    }

    #[test]
    fn zero_power_answers_for_an_empty_drive() {
        let mut host = Host::default();
        host.dispatcher.device.zero_power.active = true;
        for (code, room, expected) in [
            (READ_TOC, 804, (NtStatus::NO_MEDIA_IN_DEVICE, 0)),
            (READ_TOC, 803, (NtStatus::NO_MEDIA_IN_DEVICE, 804)),
            (READ_TOC_EX, 804, (NtStatus::NO_MEDIA_IN_DEVICE, 0)),
        ] {
            assert_eq!(host.control(code, "00 00 00 00", room).end(), expected);
        }
        assert_eq!(host.on(SESSION, Reply::data(TWO_SESSIONS)).control(LAST_SESSION, "", 804).end(), (SUCCESS, 12));
    }

    #[test]
    fn the_three_forms_send_their_commands() {
        for (code, input, room, cdb, length) in [
            (READ_TOC, "", 804, TOC, 804),
            (READ_TOC, "01 02", 1000, TOC, 804),
            (LAST_SESSION, "", 12, "43 00 01 00 00 00 00 00 0C 00", 12),
            (LAST_SESSION, "", 4096, SESSION, 804),
            (READ_TOC_EX, "00 01 00 00", 804, "43 00 00 00 00 00 01 03 24 00", 804),
            (READ_TOC_EX, "80 AA 00 00", 2048, "43 02 00 00 00 00 AA 08 00 00", 2048),
            (READ_TOC_EX, "81 00 00 00", 2, "43 02 01 00 00 00 00 00 02 00", 2),
            (READ_TOC_EX, "02 01 00 00", 0xFFFE, "43 00 02 00 00 00 01 FF FE 00", 0xFFFE),
            (READ_TOC_EX, "83 00 00 00", 804, "43 02 03 00 00 00 00 03 24 00", 804),
            (READ_TOC_EX, "04 00 00 00 FF", 804, "43 00 04 00 00 00 00 03 24 00", 804),
            (READ_TOC_EX, "05 FF 00 00", 804, "43 00 05 00 00 00 FF 03 24 00", 804),
        ] {
            let mut host = Host::default();
            let answer = host.on(cdb, Reply::data("00 02 01 01")).control(code, input, room);
            assert_eq!(answer.end(), (SUCCESS, u64::from(room.min(4))), "{cdb}");
            let command = &answer.commands[0];
            assert_eq!((command.direction, command.length, command.timeout_s), (Direction::In, length, 10));
        }
    }

    #[test]
    fn a_small_adapter_bounds_command_and_transfer_alike() {
        let mut host = Host::default();
        host.scratch_length = 4096;
        host.on("43 00 02 00 00 00 01 10 00 00", Reply::data("00 02 01 01"));
        let answer = host.control(READ_TOC_EX, "02 01 00 00", 0x8000);
        assert_eq!((answer.status, answer.commands[0].length), (SUCCESS, 4096));
    }

    #[test]
    fn the_answer_is_given_as_it_came() {
        for (code, cdb, data) in [(READ_TOC, TOC, ONE_TRACK), (LAST_SESSION, SESSION, TWO_SESSIONS)] {
            let mut host = Host::default();
            let answer = host.on(cdb, Reply::data(data)).control(code, "", 804);
            assert_eq!(answer.output, hex(data));
            assert!(answer.whole_output[hex(data).len()..].iter().all(|byte| *byte == 0), "the structure is zeroed");
        }
        let mut host = Host::default();
        host.on("43 02 00 00 00 00 00 03 24 00", Reply::data(ONE_TRACK));
        let answer = host.control(READ_TOC_EX, "80 00 00 00", 804);
        assert_eq!(answer.output, hex(ONE_TRACK));
        assert!(answer.whole_output[20..].iter().all(|byte| *byte == CALLER_FILL), "nothing more is touched");
    }

    /// The published page: CDROM_TOC_SESSION_DATA with first and last complete session and the first track of the last
    /// one; Information = bytes returned; SUCCESS, BUFFER_TOO_SMALL or INSUFFICIENT_RESOURCES.
    #[test]
    fn owner_page_get_last_session_tells_sessions_and_first_track() {
        const ROOM: u32 = 12;
        const COMMAND: &str = "43 00 01 00 00 00 00 00 0C 00";
        let one_session = "00 0A 01 01 00 14 01 00 00 00 00 00";
        for (data, sessions, track, address) in [(TWO_SESSIONS, [1, 2], 4, 0x0001_2A70), (one_session, [1, 1], 1, 0)] {
            let answer = Host::default().on(COMMAND, Reply::data(data)).control(LAST_SESSION, "", ROOM);
            assert_eq!(answer.end(), (SUCCESS, 12));
            assert_eq!((&answer.output[2..4], answer.output[6]), (&sessions[..], track));
            assert_eq!(answer.output[8..12], u32::to_be_bytes(address));
            assert_eq!(answer.commands.len(), 1);
        }
        for room in 0..ROOM {
            let answer = Host::default().control(LAST_SESSION, "", room);
            assert_eq!(answer.end(), (NtStatus::BUFFER_TOO_SMALL, 12), "nothing is asked");
            assert!(answer.commands.is_empty() && answer.output.is_empty());
        }
        let starved = Reply::port(NtStatus::INSUFFICIENT_RESOURCES);
        let answer = Host::default().always(COMMAND, starved).control(LAST_SESSION, "", ROOM);
        assert_eq!(answer.end(), (NtStatus::INSUFFICIENT_RESOURCES, 0));
    }

    #[test]
    fn bytes_past_the_claimed_length_are_zero() {
        let tail = format!("{ONE_TRACK} 07 0E 15");
        for (reply, information, kept) in [
            (Reply::data(&tail), 23, 20),
            (Reply::data(ONE_TRACK).claiming(804), 804, 20),
            (Reply::data("00 02 01 01 00 14 01 00"), 8, 4),
            (Reply::data("00 00 01 01 00 14 01 00"), 8, 2),
            (Reply::data("FF FF 01 01 00 14 01 00"), 8, 8),
        ] {
            for (code, input) in [(READ_TOC, ""), (READ_TOC_EX, "80 00 00 00")] {
                let mut host = Host::default();
                let answer = host.on(TOC, reply.clone()).control(code, input, 804);
                assert_eq!(answer.end(), (SUCCESS, information));
                assert_ne!(answer.output[kept - 1], 0xEE);
                assert!(answer.output[kept..].iter().all(|byte| *byte == 0), "{:02X?}", answer.output);
            }
        }
    }

    #[test]
    fn an_answer_without_a_header_fails() {
        for (code, cdb, input, least) in
            [(READ_TOC, TOC, "", 4), (LAST_SESSION, SESSION, "", 4), (READ_TOC_EX, TOC, "80 00 00 00", 2)]
        {
            for length in 0..=least {
                let mut host = Host::default();
                let data = hex(ONE_TRACK);
                let answer = host.on(cdb, Reply::bytes(&data[..length])).control(code, input, 804);
                let expected = if length < least {
                    (NtStatus::INVALID_DEVICE_REQUEST, 0)
                } else {
                    (SUCCESS, u64::try_from(length).unwrap())
                };
                assert_eq!(answer.end(), expected, "{code:#x} {length}");
            }
        }
    }

    #[test]
    fn an_over_run_is_an_answer() {
        for (code, cdb, input) in [(READ_TOC, TOC, ""), (LAST_SESSION, SESSION, ""), (READ_TOC_EX, TOC, "80 00 00 00")]
        {
            let mut host = Host::default();
            let reply = Reply::port(NtStatus::DATA_OVERRUN).with_data(TWO_SESSIONS);
            assert_eq!(host.on(cdb, reply).control(code, input, 804).end(), (SUCCESS, 12));
        }
    }

    #[test]
    fn sense_is_mapped() {
        for (sense, status) in [
            ((2, 0x3A, 0), NtStatus::NO_MEDIA_IN_DEVICE),
            ((3, 0x57, 0), NtStatus::UNRECOGNIZED_MEDIA),
            ((3, 0x02, 0x01), NtStatus::DEVICE_DATA_ERROR),
            ((5, 0x24, 0), NtStatus::INVALID_DEVICE_REQUEST),
            ((8, 0, 0), NtStatus::NO_DATA_DETECTED),
        ] {
            let mut host = Host::default();
            let answer = host.on(TOC, Reply::sense(sense.0, sense.1, sense.2)).control(READ_TOC, "", 804);
            assert_eq!(answer.end(), (status, 0));
        }
    }

    #[test]
    fn a_drive_that_was_playing_is_asked_first() {
        for (code, cdb, input) in [(READ_TOC, TOC, ""), (LAST_SESSION, SESSION, ""), (READ_TOC_EX, TOC, "80 00 00 00")]
        {
            let mut host = Host::default();
            host.dispatcher.device.audio_playing = true;
            let answer = host.on(POSITION, Reply::data("00 11 00 0C")).control(code, input, 804);
            assert_eq!(answer.end(), (NtStatus::DEVICE_BUSY, 0));
            assert!(host.dispatcher.device.audio_playing);

            host.on(POSITION, Reply::data("00 13 00 0C")).on(cdb, Reply::data(TWO_SESSIONS));
            assert_eq!(host.control(code, input, 804).end(), (SUCCESS, 12));
            assert!(!host.dispatcher.device.audio_playing);
        }
    }

    #[test]
    fn a_drive_that_does_not_tell_counts_as_not_playing_this_once() {
        for reply in [Reply::sense(5, 0x20, 0), Reply::data("00"), Reply::port(NtStatus::NO_SUCH_DEVICE)] {
            let mut host = Host::default();
            host.dispatcher.device.audio_playing = true;
            host.on(POSITION, reply).on(TOC, Reply::data(ONE_TRACK));
            assert_eq!(host.control(READ_TOC, "", 804).end(), (SUCCESS, 20));
            assert!(host.dispatcher.device.audio_playing);
        }
    }

    #[test]
    fn cancellation_counts_between_the_two_commands() {
        for reply in [Reply::data("00 13 00 0C"), Reply::port(NtStatus::CANCELLED)] {
            let mut host = Host::default();
            host.dispatcher.device.audio_playing = true;
            let answer = host.on(POSITION, reply.cancelling()).control(READ_TOC, "", 804);
            assert_eq!(answer.end(), (NtStatus::CANCELLED, 0));
        }
    }
}
