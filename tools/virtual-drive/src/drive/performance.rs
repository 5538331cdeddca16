//! Speeds: GET PERFORMANCE (MMC-6 6.8), SET STREAMING (6.40), SET CD SPEED (MMC-3 5.45), SET READ AHEAD (6.39).

use std::time::Duration;

use super::Drive;
use super::command::{Answer, Command, Outcome};
use super::fault::Fault;
use crate::disc::MediaFamily;

/// Bytes of the SET STREAMING performance descriptor.
const STREAMING_DESCRIPTOR: usize = 28;
/// Fastest reading of DVD, 8x, in 1000 bytes a second.
const DVD_READ: u16 = 11_080;
/// Fastest writing of DVD, 8x.
const DVD_WRITE: u16 = 11_080;
/// Fastest reading of BD, 8x.
const BD_READ: u16 = 35_968;
/// Fastest writing of BD, 4x.
const BD_WRITE: u16 = 17_984;
/// Fastest writing of CD, 24x.
const CD_WRITE: u16 = 4_234;
/// The rate that transfers are timed with, of CD: 8x.
const CD_TRANSFER: u16 = 1_412;

/// Speeds that the host has set, in 1000 bytes a second; `None`: the fastest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Speeds {
    read: Option<u16>,
    write: Option<u16>,
}

impl Drive {
    fn family(&self) -> MediaFamily {
        self.known_disc().map_or(MediaFamily::Cd, |disc| disc.media.family())
    }

    /// Fastest reading with this disc.
    pub(crate) fn fastest_read(&self) -> u16 {
        match self.family() {
            MediaFamily::Cd => self.model.cd_speed,
            MediaFamily::Dvd => DVD_READ,
            MediaFamily::Bd => BD_READ,
        }
    }

    /// Fastest writing with this disc.
    pub(crate) fn fastest_write(&self) -> u16 {
        match self.family() {
            MediaFamily::Cd => CD_WRITE,
            MediaFamily::Dvd => DVD_WRITE,
            MediaFamily::Bd => BD_WRITE,
        }
    }

    /// Reading speed now.
    pub(crate) fn read_speed(&self) -> u16 {
        let fastest = self.fastest_read();
        self.speeds.read.map_or(fastest, |speed| speed.clamp(1, fastest))
    }

    /// Writing speed now.
    pub(crate) fn write_speed(&self) -> u16 {
        let fastest = self.fastest_write();
        self.speeds.write.map_or(fastest, |speed| speed.clamp(1, fastest))
    }

    /// The speeds that the disc can be written with, the fastest first.
    pub(crate) fn write_speeds(&self) -> Vec<u16> {
        let writable = self
            .known_disc()
            .is_some_and(|disc| self.model.can_write(disc.media) && (disc.is_appendable() || disc.is_overwritable()));
        let fastest = self.fastest_write();
        if writable { vec![fastest, fastest / 2] } else { Vec::new() }
    }

    /// The time that reading `bytes` from `lba` on takes, the jump there included.
    pub(crate) fn transfer_time(&mut self, lba: i32, blocks: u32, bytes: usize) -> Duration {
        let seek = if lba == self.head { Duration::ZERO } else { self.timing.seek };
        self.head = lba.saturating_add_unsigned(blocks);
        let rate = match self.family() {
            MediaFamily::Cd => CD_TRANSFER.min(self.read_speed()),
            _ => self.read_speed(),
        };
        let microseconds = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(1000) / u64::from(rate.max(1));
        seek + Duration::from_micros(microseconds)
    }

    /// GET PERFORMANCE: type 0 (nominal and write performance, exceptions), 3 (write speeds), 5 (write speed by layer,
    /// none here).
    pub(crate) fn get_performance(&mut self, command: &Command<'_>) -> Outcome {
        let most = usize::from(command.be16(8));
        let data_type = command.byte(1) & 0x1F;
        let (write, exceptions) = (data_type & 0x04 != 0, data_type & 0x03);
        let end = self.last_block();
        let (flags, mut descriptors) = match command.byte(10) {
            0x00 if exceptions < 2 => {
                if !write && !matches!(data_type >> 3, 0b10) || (write && !self.model.has_writing()) {
                    return Err(Fault::InvalidFieldInCdb.into());
                }
                let speed = if write { self.write_speed() } else { self.read_speed() };
                let start = command.be32(2);
                let descriptor = [start, u32::from(speed), end.max(start), u32::from(speed)];
                (u8::from(write) << 1, vec![descriptor.map(u32::to_be_bytes).concat()])
            }
            0x00 if exceptions == 2 => (u8::from(write) << 1 | 1, Vec::new()),
            0x03 if self.model.has_writing() => {
                let read = self.read_speed();
                let rows = self.write_speeds().into_iter();
                let describe = |write: u16| [0, end, u32::from(read), u32::from(write)].map(u32::to_be_bytes).concat();
                (0, rows.map(describe).collect())
            }
            0x05 if self.model.has_writing() => (0, Vec::new()),
            _ => return Err(Fault::InvalidFieldInCdb.into()),
        };
        descriptors.truncate(most);
        let body = descriptors.concat();
        let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
        Ok(Answer { data: [&length.to_be_bytes()[..], &[flags, 0, 0, 0], &body].concat(), took: Duration::ZERO })
    }

    /// SET STREAMING, type 0: one descriptor with a range of blocks, and sizes in KB over times in milliseconds.
    pub(crate) fn set_streaming(&mut self, command: &Command<'_>) -> Outcome {
        let length = usize::from(command.be16(9));
        if command.byte(8) != 0 {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        let list = command.parameters(length)?;
        if length == 0 {
            return Ok(Answer::done());
        }
        if length != STREAMING_DESCRIPTOR {
            return Err(Fault::ParameterListLength.into());
        }
        let field = |at: usize| u64::from(u32::from_be_bytes([list[at], list[at + 1], list[at + 2], list[at + 3]]));
        let rate = |size: u64, time: u64| (time != 0).then(|| u16::try_from(size * 1000 / time).unwrap_or(u16::MAX));
        let (read, write) = (rate(field(12), field(16)), rate(field(20), field(24)));
        let restore_defaults = list[0] & 0x04 != 0;
        if restore_defaults {
            self.speeds = Speeds::default();
            return Ok(Answer::done());
        }
        if field(8) < field(4) || read.is_none() || write.is_none() {
            return Err(Fault::InvalidFieldInParameterList.into());
        }
        self.speeds = Speeds { read, write };
        Ok(Answer::done())
    }

    /// SET CD SPEED: reading and writing speed, 0xFFFF for the fastest.
    pub(crate) fn set_cd_speed(&mut self, command: &Command<'_>) -> Outcome {
        let wanted = |speed: u16| (speed != u16::MAX).then_some(speed);
        let (read, write) = (command.be16(2), command.be16(4));
        if read == 0 {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        self.speeds = Speeds { read: wanted(read), write: wanted(write) };
        Ok(Answer::done())
    }

    /// SET READ AHEAD: after the trigger block, reading goes on at the other address. Both must be on the disc.
    pub(crate) fn set_read_ahead(&mut self, command: &Command<'_>) -> Outcome {
        let end = self.last_block();
        if command.be32(2) > end || command.be32(6) > end {
            return Err(Fault::AddressOutOfRange.into());
        }
        Ok(Answer::done())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cd, disc, hex};

    #[test]
    fn golden_nominal_performance() {
        let mut bench = Bench::ready("cdrom", Some(disc("data-cd")));
        let expected = hex("00 00 00 14 00 00 00 00 00 00 00 00 00 00 1B 90 00 00 46 4F 00 00 1B 90");
        assert_eq!(bench.data("AC 10 00 00 00 00 00 00 00 01 00 00"), expected);
        assert_eq!(bench.data("AC 10 00 00 00 00 00 00 00 00 00 00"), hex("00 00 00 04 00 00 00 00"));
        assert_eq!(bench.data("AC 12 00 00 00 00 00 00 00 01 00 00"), hex("00 00 00 04 01 00 00 00"));
        assert_eq!(bench.sense("AC 14 00 00 00 00 00 00 00 01 00 00"), (5, 0x24, 0));
        assert_eq!(bench.sense("AC 10 00 00 00 00 00 00 00 01 04 00"), (5, 0x24, 0));
    }

    #[test]
    fn golden_write_speeds() {
        let mut bench = Bench::ready("cdrw", Some(disc("cd-r-blank")));
        let data = bench.data("AC 00 00 00 00 00 00 00 00 08 03 00");
        assert_eq!(data[..8], hex("00 00 00 24 00 00 00 00"));
        assert_eq!(data[16..24], hex("00 00 1B 90 00 00 10 8A"));
    }

    #[test]
    fn speeds_are_set_and_restored() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        let speed = |bench: &mut Bench| bench.data("AC 10 00 00 00 00 00 00 00 01 00 00")[14..16].to_vec();
        bench.good("BB 00 02 C2 FF FF 00 00 00 00 00 00");
        assert_eq!(speed(&mut bench), [0x02, 0xC2]);
        let list = hex("00 00 00 00 00 00 00 00 00 00 10 00 00 00 05 84 00 00 03 E8 00 00 05 84 00 00 03 E8");
        bench.send("B6 00 00 00 00 00 00 00 00 00 1C 00", &list);
        assert_eq!(speed(&mut bench), [0x05, 0x84]);
        bench.send("B6 00 00 00 00 00 00 00 00 00 1C 00", &[&[4_u8][..], &[0; 27]].concat());
        assert_eq!(speed(&mut bench), [0x1B, 0x90]);
        assert_eq!(bench.send_sense("B6 00 00 00 00 00 00 00 00 00 1C 00", &[0; 28]), (5, 0x26, 0));
    }
}
