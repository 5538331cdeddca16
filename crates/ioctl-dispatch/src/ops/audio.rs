//! Audio that the drive plays by itself, and the Q sub-channel (ioctl-cdrom-disk.md, "Play-active flag").
//!
//! While audio plays, as far as [`Device::audio_playing`](crate::Device::audio_playing) knows, reads and writes are
//! refused: they would end it.

use scsi_cdb::Msf;
use scsi_cdb::audio_play::{PauseResume, PlayAudioMsf};
use scsi_cdb::bytes::u8_at;
use scsi_cdb::read_write::Seek10;
use scsi_cdb::start_stop::StartStopUnit;
use scsi_cdb::sub_channel::{AudioStatus, ReadSubChannel, SubChannelFormat};

use super::{CommandResult, Context, Input, Next};
use crate::ioctl::Operation;
use crate::step::ScsiCommand;

/// What a finished command means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A command without data; audio plays from now on, or no longer, or as before (`None`).
    Control(Option<bool>),
    /// Sub-channel data for the caller.
    QChannel,
}

/// Sends the operation's command.
pub fn start(operation: Operation, context: &mut Context<'_, '_>) -> Next {
    let (command, playing) = match operation {
        Operation::PlayAudio => {
            let [m0, s0, f0, m1, s1, f1] = context.input_array();
            let play = PlayAudioMsf { start: Msf::new(m0, s0, f0), end: Msf::new(m1, s1, f1) };
            (ScsiCommand::new(&play), Some(true))
        }
        Operation::SeekAudio => {
            let [minute, second, frame] = context.input_array();
            let lba = Msf::new(minute, second, frame).to_lba().0.cast_unsigned();
            (ScsiCommand::new(&Seek10 { lba }), None)
        }
        Operation::PauseAudio => (ScsiCommand::new(&PauseResume { resume: false }), Some(false)),
        Operation::ResumeAudio => (ScsiCommand::new(&PauseResume { resume: true }), Some(true)),
        Operation::StopAudio => {
            (ScsiCommand::new(&StartStopUnit { immediate: true, ..StartStopUnit::STOP }), Some(false))
        }
        _ => {
            let [format, track] = context.input_array();
            return Next::send(read_sub_channel(SubChannelFormat(format), track), State::QChannel);
        }
    };
    Next::send(command, State::Control(playing))
}

/// Notes whether audio plays and gives the answer.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let result = input.command();
    if !result.status.is_success() {
        return Next::fail(result.status);
    }
    match state {
        State::Control(playing) => {
            context.device.audio_playing = playing.unwrap_or(context.device.audio_playing);
            Next::success(0)
        }
        State::QChannel => {
            context.device.audio_playing = audio_status(result, context) == Some(AudioStatus::PLAYING);
            Next::success(context.give_answer(0, result.transferred))
        }
    }
}

/// The command that tells whether audio plays: the current position.
#[must_use]
pub fn position() -> ScsiCommand {
    read_sub_channel(SubChannelFormat::CURRENT_POSITION, 0)
}

/// What a finished READ SUB-CHANNEL says of audio; `None` if it failed or ended before the status byte.
#[must_use]
pub fn audio_status(result: CommandResult, context: &Context<'_, '_>) -> Option<AudioStatus> {
    let answer = result.brought(2).then(|| context.buffers.answer(result.transferred))?;
    u8_at(answer, 1).ok().map(AudioStatus)
}

fn read_sub_channel(format: SubChannelFormat, track: u8) -> ScsiCommand {
    let position = format == SubChannelFormat::CURRENT_POSITION;
    ScsiCommand::new(&ReadSubChannel {
        msf: position,
        subq: true,
        format,
        track: if format == SubChannelFormat::ISRC { track } else { 0 },
        allocation_length: if position { 16 } else { 24 },
    })
}

#[cfg(test)]
mod tests {
    use crate::NtStatus;
    use crate::test_host::{Host, Reply};
    use scsi_cdb::Direction;

    const SEEK: u32 = 0x0002_4004;
    const STOP: u32 = 0x0002_4008;
    const PAUSE: u32 = 0x0002_400C;
    const RESUME: u32 = 0x0002_4010;
    const PLAY: u32 = 0x0002_4018;
    const READ_Q: u32 = 0x0002_402C;

    const OK: (NtStatus, u64) = (NtStatus::SUCCESS, 0);

    #[test]
    fn commands_without_data_move_the_play_flag_when_they_succeed() {
        for (code, input, cdb, before, after) in [
            (PLAY, "00 02 00 01 02 03", "47 00 00 00 02 00 01 02 03 00", false, true),
            (PLAY, "FF FF FF FF FF FF 08", "47 00 00 FF FF FF FF FF FF 00", false, true),
            (RESUME, "", "4B 00 00 00 00 00 00 00 01 00", false, true),
            (PAUSE, "01 02", "4B 00 00 00 00 00 00 00 00 00", true, false),
            (STOP, "", "1B 01 00 00 00 00", true, false),
            (SEEK, "01 02 03", "2B 00 00 00 11 97 00 00 00 00", true, true),
            (SEEK, "01 02 03", "2B 00 00 00 11 97 00 00 00 00", false, false),
        ] {
            let mut host = Host::default();
            host.dispatcher.device.audio_playing = before;
            let answer = host.on(cdb, Reply::good()).control(code, input, 0);
            assert_eq!(answer.end(), OK);
            let command = &answer.commands[0];
            assert_eq!((command.direction, command.length, command.timeout_s), (Direction::None, 0, 10));
            assert_eq!(host.dispatcher.device.audio_playing, after, "{cdb}");

            host.dispatcher.device.audio_playing = before;
            let answer = host.on(cdb, Reply::sense(5, 0x64, 0)).control(code, input, 0);
            assert_eq!(answer.end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
            assert_eq!(host.dispatcher.device.audio_playing, before, "a failure changes nothing");
        }
    }

    #[test]
    fn seek_counts_blocks_from_two_seconds_and_wraps_below() {
        for (input, lba) in [
            ("00 02 00", "00 00 00 00"),
            ("00 00 00", "FF FF FF 6A"),
            ("00 01 4A", "FF FF FF FF"),
            ("00 01 99", "00 00 00 4E"),
            ("63 3B 4A", "00 06 DD 39"),
            ("FF FF FF", "00 11 CD 8A"),
        ] {
            let mut host = Host::default();
            host.on(&std::format!("2B 00 {lba} 00 00 00 00"), Reply::good());
            assert_eq!(host.control(SEEK, input, 0).end(), OK);
        }
    }

    #[test]
    fn input_lengths_are_checked() {
        for (code, least) in [(PLAY, 6), (SEEK, 3), (READ_Q, 2)] {
            let mut host = Host::default();
            for length in 0..least {
                let answer = host.control(code, &"01".repeat(length), 24);
                assert_eq!(answer.end(), (NtStatus::INFO_LENGTH_MISMATCH, 0));
            }
        }
    }

    #[test]
    fn q_channel_formats_need_room_for_their_answer() {
        for (format, needed) in [(1, 16), (2, 24), (3, 24)] {
            let mut host = Host::default();
            let input = std::format!("{format:02X} 00");
            for room in [0, 1, needed - 1] {
                let answer = host.control(READ_Q, &input, room);
                assert_eq!(answer.end(), (NtStatus::BUFFER_TOO_SMALL, u64::from(needed)));
            }
        }
        for format in ["00", "04", "80", "FF"] {
            let answer = Host::default().control(READ_Q, &std::format!("{format} 00"), 64);
            assert_eq!(answer.end(), (NtStatus::INVALID_PARAMETER, 0));
        }
    }

    #[test]
    fn q_channel_commands_and_answers() {
        let position = "00 15 00 0C 01 10 02 01 00 03 04 05 00 00 01 02";
        let catalogue = "00 13 00 14 02 00 00 00 80 30 31 32 33 34 35 36 37 38 39 30 31 32 00 00";
        for (input, room, cdb, data) in [
            ("01 03", 16, "42 02 40 01 00 00 00 00 10 00", position),
            ("01 03", 64, "42 02 40 01 00 00 00 00 10 00", position),
            ("02 07", 24, "42 00 40 02 00 00 00 00 18 00", catalogue),
            ("03 FF", 25, "42 00 40 03 00 00 FF 00 18 00", catalogue),
        ] {
            let mut host = Host::default();
            let answer = host.on(cdb, Reply::data(data)).control(READ_Q, input, room);
            let expected = crate::test_host::hex(data);
            assert_eq!(answer.end(), (NtStatus::SUCCESS, u64::try_from(expected.len()).unwrap()));
            assert_eq!(answer.output, expected);
            assert_eq!((answer.commands[0].direction, answer.commands[0].timeout_s), (Direction::In, 10));
        }
    }

    #[test]
    fn every_q_channel_answer_tells_whether_audio_plays() {
        let cdb = "42 00 40 02 00 00 00 00 18 00";
        for (before, data, information, after) in [
            (false, "00 11 00 00", 4, true),
            (true, "00 12", 2, false),
            (true, "00 15 00 00", 4, false),
            (true, "00", 1, false),
            (true, "", 0, false),
        ] {
            let mut host = Host::default();
            host.dispatcher.device.audio_playing = before;
            let answer = host.on(cdb, Reply::data(data)).control(READ_Q, "02 00", 24);
            assert_eq!(answer.end(), (NtStatus::SUCCESS, information));
            assert_eq!(host.dispatcher.device.audio_playing, after, "{data}");
        }
    }

    #[test]
    fn an_answer_longer_than_asked_is_cut_and_an_over_run_fails() {
        let cdb = "42 02 40 01 00 00 00 00 10 00";
        let mut host = Host::default();
        let answer = host.on(cdb, Reply::data(&"11".repeat(40)).claiming(40)).control(READ_Q, "01 00", 24);
        assert_eq!(answer.end(), (NtStatus::SUCCESS, 16));
        let answer = host.on(cdb, Reply::port(NtStatus::DATA_OVERRUN)).control(READ_Q, "01 00", 16);
        assert_eq!(answer.end(), (NtStatus::DATA_OVERRUN, 0));
    }

    #[test]
    fn a_failed_attempt_clears_the_flag_and_a_good_retry_sets_it_again() {
        let cdb = "42 02 40 01 00 00 00 00 10 00";
        let mut host = Host::default();
        host.dispatcher.device.audio_playing = true;
        let answer = host.on(cdb, Reply::sense(2, 0x3A, 0)).control(READ_Q, "01 00", 16);
        assert_eq!(answer.end(), (NtStatus::NO_MEDIA_IN_DEVICE, 0));
        assert!(!host.dispatcher.device.audio_playing);
        host.on(cdb, Reply::sense(4, 0x44, 0)).on(cdb, Reply::data("00 11 00 0C"));
        assert_eq!(host.control(READ_Q, "01 00", 16).end(), (NtStatus::SUCCESS, 4));
        assert!(host.dispatcher.device.audio_playing);
    }
}
