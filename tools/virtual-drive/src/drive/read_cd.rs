//! READ CD (MMC-6 6.20) and READ CD MSF: any part of a CD's sectors, with sub-channels and error pointers.

use super::Drive;
use super::command::{Command, Outcome};
use super::fault::{Failure, Fault};
use crate::disc::{Disc, MediaFamily, ReadError, SectorKind};

/// Which parts of a sector are wanted: bytes 9 and 10 of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Selection {
    sync: bool,
    header: bool,
    sub_header: bool,
    user_data: bool,
    codes: bool,
    error_pointers: ErrorPointers,
    sub_channels: SubChannels,
}

/// C2 error information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ErrorPointers {
    None,
    /// 294 bytes, one bit for each byte of the sector.
    Bits,
    /// Block error byte and pad in front of them.
    BlockAndBits,
}

/// Sub-channel data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SubChannels {
    None,
    /// All eight, 96 bytes as on the disc.
    Raw,
    /// Q, 16 bytes.
    FormattedQ,
    /// R to W, 96 bytes.
    RToW,
}

impl Selection {
    fn parse(command: &Command<'_>) -> Result<Self, Failure> {
        let error_pointers = match command.byte(9) >> 1 & 3 {
            0 => ErrorPointers::None,
            1 => ErrorPointers::Bits,
            2 => ErrorPointers::BlockAndBits,
            _ => return Err(Fault::InvalidFieldInCdb.into()),
        };
        let sub_channels = match command.byte(10) & 7 {
            0 => SubChannels::None,
            1 => SubChannels::Raw,
            2 => SubChannels::FormattedQ,
            4 => SubChannels::RToW,
            _ => return Err(Fault::InvalidFieldInCdb.into()),
        };
        Ok(Self {
            sync: command.bit(9, 7),
            sub_header: command.bit(9, 6),
            header: command.bit(9, 5),
            user_data: command.bit(9, 4),
            codes: command.bit(9, 3),
            error_pointers,
            sub_channels,
        })
    }

    /// The parts of a sector of `kind` as ranges of its 2352 bytes; they must follow one another without a gap
    /// (MMC-6 table 351).
    fn ranges(self, kind: SectorKind) -> Result<Option<(usize, usize)>, Failure> {
        if kind == SectorKind::Audio {
            return Ok(self.user_data.then_some((0, 2352)));
        }
        // Ends of sync, header, sub-header, user data, and error detection and correction.
        let ends = match kind {
            SectorKind::Mode1 => [12, 16, 16, 2064, 2352],
            SectorKind::Form1 => [12, 16, 24, 2072, 2352],
            SectorKind::Form2 => [12, 16, 24, 2352, 2352],
            SectorKind::Audio | SectorKind::Mode2 => [12, 16, 16, 2352, 2352],
        };
        let wanted = [self.sync, self.header, self.sub_header, self.user_data, self.codes];
        if self.codes && !self.user_data {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        let mut whole: Option<(usize, usize)> = None;
        let mut start = 0;
        for (end, wanted) in ends.into_iter().zip(wanted) {
            if wanted && end > start {
                whole = match whole {
                    None => Some((start, end)),
                    Some((first, last)) if last == start => Some((first, end)),
                    Some(_) => return Err(Fault::InvalidFieldInCdb.into()),
                };
            }
            start = end;
        }
        Ok(whole)
    }
}

/// Whether a sector is of the expected type: bits 4 to 2 of byte 1.
const fn is_expected(expected: u8, kind: SectorKind) -> Option<bool> {
    Some(match expected {
        0 => true,
        1 => matches!(kind, SectorKind::Audio),
        2 => matches!(kind, SectorKind::Mode1),
        3 => matches!(kind, SectorKind::Mode2),
        4 => matches!(kind, SectorKind::Form1),
        5 => matches!(kind, SectorKind::Form2),
        _ => return None,
    })
}

impl Drive {
    /// READ CD: address in bytes 2 to 5, sectors in 6 to 8.
    pub(crate) fn read_cd(&mut self, command: &Command<'_>) -> Outcome {
        self.read_parts(command, command.be32(2).cast_signed(), command.be24(6))
    }

    /// READ CD MSF: first address in bytes 3 to 5, the one after the last in 6 to 8.
    pub(crate) fn read_cd_msf(&mut self, command: &Command<'_>) -> Outcome {
        let (Some(start), Some(end)) = (command.msf(3), command.msf(6)) else {
            return Err(Fault::InvalidFieldInCdb.into());
        };
        let sectors = u32::try_from(end.saturating_sub(start)).map_err(|_| Fault::InvalidFieldInCdb)?;
        self.read_parts(command, start, sectors)
    }

    fn read_parts(&mut self, command: &Command<'_>, start: i32, sectors: u32) -> Outcome {
        let selection = Selection::parse(command)?;
        let expected = command.byte(1) >> 2 & 7;
        if is_expected(expected, SectorKind::Audio).is_none() {
            return Err(Fault::InvalidFieldInCdb.into());
        }
        let disc = self.ready_disc()?;
        if disc.media.family() != MediaFamily::Cd {
            return Err(Fault::IllegalModeForTrack.into());
        }
        if sectors == 0 {
            return Ok(super::command::Answer::done());
        }
        let last = start.checked_add_unsigned(sectors - 1);
        if disc.track_at(start).is_none() || last.is_none_or(|last| disc.track_at(last).is_none()) {
            return Err(Failure::from(Fault::AddressOutOfRange).at(start.cast_unsigned()));
        }
        // The selection must suit the first sector; later ones of other kinds end the transfer.
        if let Ok((kind, _)) = disc.read_sector(start) {
            selection.ranges(kind)?;
        }
        let nothing_wanted = command.byte(9) & 0xF8 == 0
            && selection.error_pointers == ErrorPointers::None
            && selection.sub_channels == SubChannels::None;
        if nothing_wanted {
            return Ok(super::command::Answer::done());
        }
        self.read_sectors(command, start, sectors, |disc, lba, data| {
            read_selected(disc, lba, selection, expected, data)
        })
    }
}

fn read_selected(
    disc: &Disc,
    lba: i32,
    selection: Selection,
    expected: u8,
    data: &mut Vec<u8>,
) -> Result<(), ReadError> {
    let (kind, raw) = disc.read_sector(lba)?;
    if is_expected(expected, kind) != Some(true) {
        return Err(ReadError::WrongMode(lba));
    }
    if let Some((start, end)) = selection.ranges(kind).map_err(|_| ReadError::WrongMode(lba))? {
        data.extend_from_slice(&raw[start..end]);
    }
    match selection.error_pointers {
        ErrorPointers::None => {}
        ErrorPointers::Bits => data.extend([0; 294]),
        ErrorPointers::BlockAndBits => data.extend([0; 296]),
    }
    let missing = ReadError::OutOfRange(lba);
    match selection.sub_channels {
        SubChannels::None => {}
        SubChannels::Raw => data.extend(disc.sub_channels(lba).ok_or(missing)?),
        SubChannels::FormattedQ => data.extend(disc.formatted_q(lba).ok_or(missing)?),
        SubChannels::RToW => data.extend(disc.sub_channels(lba).ok_or(missing)?.map(|symbol| symbol & 0x3F)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cd, hex};
    use crate::disc::generated::{audio_sector, numbered_block};

    /// The first block of the second session of the mixed disc.
    const DATA: i32 = 0x620C;

    fn read(bench: &mut Bench, lba: i32, flags: u8, sub: u8) -> Vec<u8> {
        let [a, b, c, d] = lba.to_be_bytes();
        bench.data(&format!("BE 00 {a:02X} {b:02X} {c:02X} {d:02X} 00 00 01 {flags:02X} {sub:02X} 00"))
    }

    #[test]
    fn audio_is_all_user_data() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        assert_eq!(read(&mut bench, 100, 0x10, 0), audio_sector(100));
        assert_eq!(read(&mut bench, 100, 0xF8, 0), audio_sector(100));
        assert_eq!(read(&mut bench, 100, 0x12, 0).len(), 2352 + 294);
        assert_eq!(read(&mut bench, 100, 0x14, 1).len(), 2352 + 296 + 96);
    }

    #[test]
    fn parts_of_a_mode_1_sector() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        assert_eq!(u32::from_be_bytes(bench.data("43 00 01 00 00 00 00 00 0C 00")[8..].try_into().unwrap()), 0x620C);
        let lba = DATA + 1000;
        let whole = read(&mut bench, lba, 0xF8, 0);
        assert_eq!(whole.len(), 2352);
        assert_eq!(whole[16..2064], numbered_block(lba.cast_unsigned()));
        assert_eq!(read(&mut bench, lba, 0x10, 0), whole[16..2064]);
        assert_eq!(read(&mut bench, lba, 0x18, 0), whole[16..]);
        assert_eq!(read(&mut bench, lba, 0x20, 0), whole[12..16]);
        assert_eq!(read(&mut bench, lba, 0x50, 0), whole[16..2064]);
        assert_eq!(read(&mut bench, lba, 0xB0, 0), whole[..2064]);
        assert_eq!(bench.sense("BE 00 00 00 65 F4 00 00 01 90 00 00"), (5, 0x24, 0));
        assert_eq!(bench.sense("BE 00 00 00 65 F4 00 00 01 08 00 00"), (5, 0x24, 0));
        assert_eq!(bench.sense("BE 00 00 00 65 F4 00 00 01 16 00 00"), (5, 0x24, 0));
        assert_eq!(bench.sense("BE 00 00 00 65 F4 00 00 01 10 03 00"), (5, 0x24, 0));
    }

    #[test]
    fn expected_types_are_checked() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        assert_eq!(bench.sense("BE 08 00 00 00 64 00 00 01 10 00 00"), (5, 0x64, 0));
        bench.data("BE 04 00 00 00 64 00 00 01 10 00 00");
        assert_eq!(bench.sense("BE 18 00 00 00 64 00 00 01 10 00 00"), (5, 0x24, 0));
        let mut dvd = Bench::ready("dvdwriter", Some(super::super::testing::disc("dvd+rw")));
        assert_eq!(dvd.sense("BE 00 00 00 00 64 00 00 01 10 00 00"), (5, 0x64, 0));
    }

    #[test]
    fn golden_formatted_q() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        // Track 1, index 1, 00:01:25 in the track, 00:03:25 on the disc, in BCD.
        let q = read(&mut bench, 100, 0x00, 2);
        assert_eq!(q[..10], hex("01 01 01 00 01 25 00 00 03 25"));
        assert_eq!(q[12..], [0; 4]);
    }

    #[test]
    fn minutes_seconds_frames() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        assert_eq!(bench.data("B9 04 00 00 03 19 00 03 1A 10 00 00"), audio_sector(100));
        assert!(bench.data("B9 04 00 00 03 19 00 03 19 10 00 00").is_empty());
        assert_eq!(bench.sense("B9 04 00 00 03 19 00 03 18 10 00 00"), (5, 0x24, 0));
        assert_eq!(bench.sense("B9 04 00 00 3C 00 00 3D 00 10 00 00"), (5, 0x24, 0));
        assert_eq!(bench.sense("B9 04 00 63 00 00 63 00 01 10 00 00"), (5, 0x21, 0));
    }
}
