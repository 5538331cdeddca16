//! READ (10) and (12) (MMC-6 6.17), VERIFY (10) (6.43), SEEK (10) (6.35).

use std::time::Duration;

use super::Drive;
use super::capacity::recorded_end;
use super::command::{Answer, Command, Outcome};
use super::fault::{Failure, Fault};
use super::mode_data::ERROR_RECOVERY;
use crate::disc::{Disc, MediaFamily, ReadError};

/// The sense key of recovered errors.
const RECOVERED: u8 = 0x01;
/// The post-error bit of page 01.
const POST_ERROR: u8 = 0x04;

impl Drive {
    /// READ (10): address in bytes 2 to 5, blocks in 7 and 8.
    pub(crate) fn read_10(&mut self, command: &Command<'_>) -> Outcome {
        self.read_blocks(command, command.be32(2), u32::from(command.be16(7)))
    }

    /// READ (12): address in bytes 2 to 5, blocks in 6 to 9.
    pub(crate) fn read_12(&mut self, command: &Command<'_>) -> Outcome {
        self.read_blocks(command, command.be32(2), command.be32(6))
    }

    fn read_blocks(&mut self, command: &Command<'_>, start: u32, blocks: u32) -> Outcome {
        self.check_relative(command)?;
        let start = self.block_range(start, blocks)?;
        self.check_scrambling(start, blocks)?;
        self.read_sectors(command, start, blocks, |disc, lba, data| {
            data.extend_from_slice(&disc.read_user_data(lba)?);
            Ok(())
        })
    }

    /// Relative addresses need linked commands, which drives do not have.
    fn check_relative(&self, command: &Command<'_>) -> Result<(), Failure> {
        if command.bit(1, 0) { Err(Fault::InvalidFieldInCdb.into()) } else { Ok(()) }
    }

    /// The start of a range that is recorded; address and length as in the command.
    pub(crate) fn block_range(&self, start: u32, blocks: u32) -> Result<i32, Failure> {
        let end = u32::try_from(recorded_end(self.ready_disc()?)).unwrap_or(0);
        let last = start.checked_add(blocks).filter(|last| start < end && *last <= end);
        match (last, i32::try_from(start)) {
            (Some(_), Ok(start)) => Ok(start),
            _ => Err(Failure::from(Fault::AddressOutOfRange).at(start)),
        }
    }

    /// Scrambled blocks of a protected DVD are for hosts that have authenticated and for the region of the disc.
    fn check_scrambling(&self, start: i32, blocks: u32) -> Result<(), Failure> {
        let disc = self.ready_disc()?;
        let Some(css) = disc.css.filter(|_| self.model.css && disc.media.family() == MediaFamily::Dvd) else {
            return Ok(());
        };
        let (first, last) = css.scrambled;
        let start = start.cast_unsigned();
        if start > last || start.saturating_add(blocks) <= first {
            return Ok(());
        }
        if !self.keys.is_css_authenticated() {
            return Err(Failure::from(Fault::ScrambledSector).at(start.max(first)));
        }
        if !self.region.allows(css.region_mask) {
            return Err(Failure::from(Fault::RegionMismatch).at(start.max(first)));
        }
        Ok(())
    }

    /// Reads sectors one by one, as many as the host has room for. What was read before an error is transferred.
    pub(crate) fn read_sectors(
        &mut self,
        command: &Command<'_>,
        start: i32,
        blocks: u32,
        read: impl Fn(&Disc, i32, &mut Vec<u8>) -> Result<(), ReadError>,
    ) -> Outcome {
        self.player.stop();
        let spin = self.wake();
        let report_recovered = self.modes.current(ERROR_RECOVERY).is_some_and(|page| page[2] & POST_ERROR != 0);
        let disc = self.ready_disc()?;
        let mut data = Vec::new();
        let mut failure: Option<Failure> = None;
        let mut done = 0;
        while done < blocks && data.len() < command.room() {
            let lba = start.saturating_add_unsigned(done);
            if let Err(error) = read(disc, lba, &mut data) {
                failure = Some(Failure::from(error).at(lba.cast_unsigned()));
                break;
            }
            done += 1;
            if let Some(code) = disc.defect_at(lba).filter(|code| report_recovered && code.key == RECOVERED) {
                failure = Some(Failure::from(Fault::Medium(code)).at(lba.cast_unsigned()));
            }
        }
        let retries = match &failure {
            Some(failure) if failure.code.key == 0x03 => Duration::from_secs(2),
            _ => Duration::ZERO,
        };
        let took = spin + self.transfer_time(start, done, data.len()) + retries;
        match failure {
            Some(failure) => Err(failure.with_data(data, took)),
            None => Ok(Answer { data, took }),
        }
    }

    /// VERIFY (10): reads without transferring; comparing bytes is not offered.
    pub(crate) fn verify_10(&mut self, command: &Command<'_>) -> Outcome {
        if command.bit(1, 1) {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        let blocks = u32::from(command.be16(7));
        let start = self.block_range(command.be32(2), blocks)?;
        let spin = self.wake();
        let disc = self.ready_disc()?;
        for lba in (0..blocks).map(|index| start.saturating_add_unsigned(index)) {
            disc.read_user_data(lba).map_err(|error| Failure::from(error).at(lba.cast_unsigned()))?;
        }
        let bytes = usize::try_from(blocks).unwrap_or(0) * 2048;
        Ok(Answer::after(spin + self.transfer_time(start, blocks, bytes)))
    }

    /// SEEK (10): moves the head and stops audio.
    pub(crate) fn seek(&mut self, command: &Command<'_>) -> Outcome {
        let start = self.block_range(command.be32(2), 0)?;
        let spin = self.wake();
        self.player.stop();
        self.head = start.saturating_add(1);
        Ok(Answer::after(spin + self.timing.seek))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cd, code, disc, hex};
    use crate::disc::SenseCode;
    use crate::disc::generated::numbered_block;
    use crate::target::{Completion, DataPhase};
    use std::time::Duration;

    #[test]
    fn data_comes_with_its_time() {
        let mut bench = Bench::ready("cdrom", Some(disc("data-cd")));
        let reply = bench.run("28 00 00 00 10 00 00 00 02 00", DataPhase::In(4096));
        assert_eq!(reply.data, [numbered_block(0x1000), numbered_block(0x1001)].concat());
        assert_eq!(reply.transferred, 4096);
        assert!(reply.duration > Duration::from_millis(100), "{:?}", reply.duration);
        let next = bench.run("A8 00 00 00 10 02 00 00 00 01 00 00", DataPhase::In(2048));
        assert!(next.duration < Duration::from_millis(5), "{:?}", next.duration);
        assert_eq!(bench.run("28 00 00 00 10 00 00 00 02 00", DataPhase::In(100)).data.len(), 100);
    }

    #[test]
    fn illegal_addresses_and_modes() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        assert_eq!(bench.sense("28 00 00 00 00 10 00 00 01 00"), (5, 0x64, 0));
        assert_eq!(bench.sense("28 00 00 FF 00 10 00 00 01 00"), (5, 0x21, 0));
        assert_eq!(bench.sense("28 00 FF FF FF FF 00 00 01 00"), (5, 0x21, 0));
        assert_eq!(bench.sense("28 00 00 00 85 33 00 00 02 00"), (5, 0x21, 0));
        bench.data("28 00 00 00 85 33 00 00 01 00");
    }

    #[test]
    fn a_defect_gives_the_blocks_before_it() {
        let mut disc = disc("data-cd");
        disc.add_defect(0x102, SenseCode::new(3, 0x11, 5));
        let mut bench = Bench::ready("cdrom", Some(disc));
        let reply = bench.run("28 00 00 00 01 00 00 00 04 00", DataPhase::In(8192));
        assert_eq!(code(&reply), (3, 0x11, 5));
        assert_eq!(reply.data, [numbered_block(0x100), numbered_block(0x101)].concat());
        let Completion::Status { sense, .. } = reply.completion else { panic!("a status") };
        assert_eq!(sense, hex("F0 00 03 00 00 01 02 0A 00 00 00 00 11 05 00 00 00 00"));
        assert_eq!(bench.sense("2F 00 00 00 01 00 00 00 04 00"), (3, 0x11, 5));
    }

    #[test]
    fn recovered_errors_are_told_on_demand() {
        let mut disc = disc("data-cd");
        disc.add_defect(0x101, SenseCode::new(1, 0x17, 1));
        let mut bench = Bench::ready("cdrom", Some(disc));
        assert_eq!(bench.data("28 00 00 00 01 00 00 00 02 00").len(), 4096);
        let list = hex("00 00 00 00 00 00 00 00 01 0A C4 20 00 00 00 00 20 00 00 00");
        bench.send("55 10 00 00 00 00 00 00 14 00", &list);
        let reply = bench.run("28 00 00 00 01 00 00 00 02 00", DataPhase::In(4096));
        assert_eq!((code(&reply), reply.data.len()), ((1, 0x17, 1), 4096));
    }

    #[test]
    fn scrambled_blocks_need_authentication() {
        let mut bench = Bench::ready("dvdrom-css", Some(disc("dvd-rom")));
        bench.data("28 00 00 00 00 10 00 00 01 00");
        assert_eq!(bench.sense("28 00 00 0F 42 40 00 00 01 00"), (5, 0x6F, 3));
    }
}
