//! READ SUB-CHANNEL (MMC-3 5.27): current position, catalogue number, ISRC, and the audio status in front of them.

use super::Drive;
use super::command::{Answer, Command, Outcome, address_field};
use super::fault::Fault;
use crate::disc::MediaFamily;

impl Drive {
    /// READ SUB-CHANNEL: MSF bit, SubQ bit, format 1 to 3, track number of the ISRC.
    pub(crate) fn read_sub_channel(&mut self, command: &Command<'_>) -> Outcome {
        let msf = command.bit(1, 1);
        let disc = self.ready_disc()?;
        if disc.media.family() != MediaFamily::Cd {
            return Err(Fault::CannotReadIncompatible.into());
        }
        let body = match (command.bit(2, 6), command.byte(3)) {
            (false, _) => Vec::new(),
            (true, 1) => self.position_data(msf),
            (true, 2) => {
                let mut body = vec![2, 0, 0, 0, 0];
                body.extend(disc.catalog.unwrap_or_default());
                body[4] = u8::from(disc.catalog.is_some()) << 7;
                body.resize(20, 0);
                body
            }
            (true, 3) => {
                let number = command.byte(6);
                let track = disc.track(u16::from(number)).ok_or(Fault::InvalidFieldInCdb)?;
                let mut body = vec![3, 0x10 | track.control, number, 0, u8::from(track.isrc.is_some()) << 7];
                body.extend(track.isrc.unwrap_or_default());
                body.resize(20, 0);
                body
            }
            _ => return Err(Fault::InvalidFieldInCdb.into()),
        };
        let length = u16::try_from(body.len()).unwrap_or(0).to_be_bytes();
        let status = if self.model.audio { self.player.take_status() } else { 0x00 };
        Ok(Answer::cut([&[0, status][..], &length, &body].concat(), command.be16(7)))
    }

    /// Format 1: control, track and index, address on the disc and in the track.
    fn position_data(&self, msf: bool) -> Vec<u8> {
        let lba = self.position();
        let track = self.known_disc().and_then(|disc| disc.track_at(lba));
        let (control, number, index, start) = track.map_or((0, 0, 0, 0), |track| {
            (track.control, u8::try_from(track.number).unwrap_or(u8::MAX), track.index_at(lba), track.start)
        });
        let relative = lba - start;
        let relative_field = if msf {
            // From zero, not from the 150 frames that addresses on the disc begin with; in pregaps it counts down.
            address_field(relative.saturating_abs() - 150, true)
        } else {
            address_field(relative, false)
        };
        [&[1, 0x10 | control, number, index][..], &address_field(lba, msf), &relative_field].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cd, disc, hex};

    #[test]
    fn golden_catalogue_number_and_isrc() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        let mut mcn = hex("00 15 00 14 02 00 00 00 80");
        mcn.extend(b"2012345678903\0\0");
        assert_eq!(bench.data("42 00 40 02 00 00 00 00 18 00"), mcn);
        let mut isrc = hex("00 15 00 14 03 12 02 00 80");
        isrc.extend(b"GBCRS2400002\0\0\0");
        assert_eq!(bench.data("42 00 40 03 00 00 02 00 18 00"), isrc);
        assert_eq!(bench.data("42 00 40 03 00 00 04 00 18 00")[8], 0);
        assert_eq!(bench.sense("42 00 40 03 00 00 09 00 18 00"), (5, 0x24, 0));
        assert_eq!(bench.sense("42 00 40 00 00 00 00 00 18 00"), (5, 0x24, 0));
    }

    #[test]
    fn golden_header_and_position() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        assert_eq!(bench.data("42 00 00 01 00 00 00 00 10 00"), hex("00 15 00 00"));
        bench.good("2B 00 00 00 62 16 00 00 00 00");
        assert_eq!(bench.data("42 00 40 01 00 00 00 00 10 00"), hex("00 15 00 0C 01 14 04 01 00 00 62 16 00 00 00 0A"));
    }

    #[test]
    fn dvd_has_no_sub_channels() {
        let mut bench = Bench::ready("dvdrom-css", Some(disc("dvd-rom")));
        assert_eq!(bench.sense("42 02 40 01 00 00 00 00 10 00"), (5, 0x30, 2));
    }
}
