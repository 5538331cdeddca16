//! Playing audio: PLAY AUDIO (MMC-3 5.11 to 5.13), PAUSE/RESUME (5.10), STOP PLAY/SCAN (5.46), and where it plays.

use std::time::Duration;

use super::Drive;
use super::command::{Answer, Command, Outcome};
use super::fault::{Failure, Fault};
use crate::disc::TrackMode;

/// Sectors that play in a second.
const FRAMES_PER_SECOND: u128 = 75;

/// What the player does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing, and nothing to tell.
    #[default]
    Idle,
    /// From a sector on since that time.
    Playing { from: i32, since: Duration },
    /// Kept at a sector.
    Paused { at: i32 },
    /// It has come to the end.
    Completed,
    /// It ran into data.
    Failed,
}

/// The audio player.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Player {
    state: State,
    /// The sector after the last to be played.
    end: i32,
    /// Whether data follows at `end`, though more was to be played.
    ends_at_data: bool,
}

impl Player {
    /// Plays on until `now`.
    pub(crate) fn advance(&mut self, now: Duration) {
        if self.is_playing() && self.position(now).is_some_and(|position| position >= self.end) {
            self.state = if self.ends_at_data { State::Failed } else { State::Completed };
        }
    }

    /// Stops; nothing is left to tell.
    pub(crate) const fn stop(&mut self) {
        self.state = State::Idle;
    }

    /// Whether sound comes out.
    pub(crate) const fn is_playing(&self) -> bool {
        matches!(self.state, State::Playing { .. })
    }

    /// The sector that is played or was last, if any.
    pub(crate) fn position(&self, now: Duration) -> Option<i32> {
        match self.state {
            State::Idle => None,
            State::Playing { from, since } => {
                let frames = now.saturating_sub(since).as_millis() * FRAMES_PER_SECOND / 1000;
                Some(from.saturating_add(i32::try_from(frames).unwrap_or(i32::MAX)).min(self.end))
            }
            State::Paused { at } => Some(at),
            State::Completed | State::Failed => Some(self.end - 1),
        }
    }

    /// The audio status of READ SUB-CHANNEL (MMC-3 table 324); an end or an error is told once.
    pub(crate) const fn take_status(&mut self) -> u8 {
        let status = match self.state {
            State::Idle => 0x15,
            State::Playing { .. } => 0x11,
            State::Paused { .. } => 0x12,
            State::Completed => 0x13,
            State::Failed => 0x14,
        };
        if matches!(self.state, State::Completed | State::Failed) {
            self.state = State::Idle;
        }
        status
    }

    /// The qualifier of additional sense code 0 that tells what the player does.
    pub(crate) const fn sense_qualifier(&self) -> Option<u8> {
        match self.state {
            State::Idle => None,
            State::Playing { .. } => Some(0x11),
            State::Paused { .. } => Some(0x12),
            State::Completed => Some(0x13),
            State::Failed => Some(0x14),
        }
    }
}

impl Drive {
    /// PLAY AUDIO (10): address in bytes 2 to 5, sectors in 7 and 8.
    pub(crate) fn play_audio_10(&mut self, command: &Command<'_>) -> Outcome {
        self.play_length(command.be32(2), u32::from(command.be16(7)))
    }

    /// PLAY AUDIO (12): address in bytes 2 to 5, sectors in 6 to 9.
    pub(crate) fn play_audio_12(&mut self, command: &Command<'_>) -> Outcome {
        self.play_length(command.be32(2), command.be32(6))
    }

    /// PLAY AUDIO MSF: start in bytes 3 to 5 (all ones: where it is), end in 6 to 8.
    pub(crate) fn play_audio_msf(&mut self, command: &Command<'_>) -> Outcome {
        let start = match command.be24(3) {
            0x00FF_FFFF => self.position(),
            _ => command.msf(3).ok_or(Fault::InvalidFieldInCdb)?,
        };
        let end = command.msf(6).ok_or(Fault::InvalidFieldInCdb)?;
        if start > end {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        self.play(start, end)
    }

    fn play_length(&mut self, start: u32, length: u32) -> Outcome {
        let start = if start == u32::MAX { self.position() } else { start.cast_signed() };
        let end = start.checked_add_unsigned(length).ok_or(Fault::AddressOutOfRange)?;
        self.play(start, end)
    }

    /// Plays from `start` to before `end`; an empty range plays nothing and is no error.
    fn play(&mut self, start: i32, end: i32) -> Outcome {
        let disc = self.ready_disc()?;
        let out_of_range = || Failure::from(Fault::AddressOutOfRange).at(start.cast_unsigned());
        let track = disc.track_at(start).ok_or_else(out_of_range)?;
        if track.mode != TrackMode::Audio {
            return Err(Fault::IllegalModeForTrack.into());
        }
        if end > super::capacity::recorded_end(disc) {
            return Err(out_of_range());
        }
        let data = disc.tracks().find(|track| track.mode.is_data() && track.first() >= start && track.first() < end);
        let player = Player {
            state: State::Playing { from: start, since: self.now + self.timing.seek },
            end: data.map_or(end, |track| track.first()),
            ends_at_data: data.is_some(),
        };
        let spin = self.wake();
        if start < end {
            self.player = player;
        } else {
            self.player.stop();
        }
        self.head = start.saturating_add(1);
        Ok(Answer::after(spin + self.timing.seek))
    }

    /// PAUSE/RESUME: resume bit in byte 8.
    pub(crate) fn pause_resume(&mut self, command: &Command<'_>) -> Outcome {
        let resume = command.bit(8, 0);
        self.player.state = match (resume, self.player.state) {
            (true, State::Paused { at }) => State::Playing { from: at, since: self.now },
            (false, State::Playing { .. }) => State::Paused { at: self.position() },
            (true, State::Playing { .. }) | (false, State::Paused { .. }) => return Ok(Answer::done()),
            _ => return Err(Fault::CommandSequence.into()),
        };
        Ok(Answer::done())
    }

    /// STOP PLAY/SCAN.
    pub(crate) fn stop_play(&mut self, _: &Command<'_>) -> Outcome {
        self.head = self.position().saturating_add(1);
        self.player.stop();
        Ok(Answer::done())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cd, hex};
    use std::time::Duration;

    const POSITION: &str = "42 02 40 01 00 00 00 00 10 00";

    #[test]
    fn the_position_moves_with_time() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        assert_eq!(bench.data(POSITION)[1], 0x15);
        // Sector 0 to 4500: 00:02:00 to 01:02:00.
        bench.good("47 00 00 00 02 00 01 02 00 00");
        let now = bench.data(POSITION);
        assert_eq!(now[..12], hex("00 11 00 0C 01 10 01 01 00 00 02 00"));
        bench.pass(Duration::from_secs(10));
        let later = bench.data(POSITION);
        assert_eq!(later[1], 0x11);
        assert_eq!(later[8..11], [0, 0, 12]);
        assert_eq!(later[12..15], [0, 0, 10]);
        bench.pass(Duration::from_secs(60));
        assert_eq!(bench.data(POSITION)[1], 0x13);
        assert_eq!(bench.data(POSITION)[1], 0x15);
    }

    #[test]
    fn pause_and_resume() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        assert_eq!(bench.sense("4B 00 00 00 00 00 00 00 01 00"), (5, 0x2C, 0));
        bench.good("45 00 00 00 00 00 00 10 00 00");
        bench.pass(Duration::from_secs(5));
        bench.good("4B 00 00 00 00 00 00 00 00 00");
        let paused = bench.data(POSITION);
        assert_eq!(paused[1], 0x12);
        bench.pass(Duration::from_secs(5));
        assert_eq!(bench.data(POSITION), paused);
        bench.good("4B 00 00 00 00 00 00 00 01 00");
        bench.pass(Duration::from_secs(1));
        let resumed = bench.data(POSITION);
        assert_eq!(resumed[1], 0x11);
        assert!(resumed[8..12] > paused[8..12]);
        bench.good("4E 00 00 00 00 00 00 00 00 00");
        assert_eq!(bench.data(POSITION)[1], 0x15);
    }

    #[test]
    fn what_cannot_be_played() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        assert_eq!(bench.sense("45 00 00 00 70 00 00 00 10 00"), (5, 0x64, 0));
        assert_eq!(bench.sense("45 00 00 0F 70 00 00 00 10 00"), (5, 0x21, 0));
        assert_eq!(bench.sense("47 00 00 00 03 00 00 02 00 00"), (5, 0x24, 0));
        assert_eq!(bench.sense("47 00 00 00 03 00 00 3C 00 00"), (5, 0x24, 0));
        bench.good("47 00 00 00 03 00 00 03 00 00");
        assert_eq!(bench.data(POSITION)[1], 0x15);
    }

    #[test]
    fn playing_into_data_is_an_error() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        // The end of track 3 and the start of the data track lie in one request.
        bench.good("A5 00 00 00 35 00 00 00 30 00 00 00");
        bench.pass(Duration::from_secs(300));
        assert_eq!(bench.data(POSITION)[1], 0x14);
        assert_eq!(bench.data(POSITION)[1], 0x15);
    }

    #[test]
    fn reading_and_seeking_stop_the_player() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        for stop in ["28 00 00 00 70 00 00 00 01 00", "2B 00 00 00 00 10 00 00 00 00"] {
            bench.good("45 00 00 00 00 00 00 10 00 00");
            bench.try_sense(stop);
            assert_eq!(bench.data(POSITION)[1], 0x15);
        }
    }

    #[test]
    fn request_sense_tells_what_plays() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        bench.good("45 00 00 00 00 00 00 10 00 00");
        assert_eq!(bench.data("03 00 00 00 12 00")[12..14], [0x00, 0x11]);
    }
}
