//! Sizes: READ CAPACITY (MMC-6 6.19), READ FORMAT CAPACITIES (6.24), READ BUFFER CAPACITY (6.18).

use super::Drive;
use super::command::{Answer, Command, Outcome};
use crate::disc::{Disc, MediaFamily, MediaType};

/// Bytes of a logical block.
pub(crate) const BLOCK: u32 = 2048;

/// The block after the last that can be read: the lead-out of the last closed session; on DVD and BD the end of what
/// is recorded.
pub(crate) fn recorded_end(disc: &Disc) -> i32 {
    let cd = disc.media.family() == MediaFamily::Cd;
    disc.sessions.iter().rev().find(|session| session.closed || !cd).map_or(0, |session| session.lead_out)
}

impl Drive {
    /// The last block that can be read, or zero.
    pub(crate) fn last_block(&self) -> u32 {
        let end = self.known_disc().map_or(0, recorded_end);
        u32::try_from(end - 1).unwrap_or(0)
    }

    /// READ CAPACITY (10): last block and block length.
    pub(crate) fn read_capacity(&mut self, command: &Command<'_>) -> Outcome {
        let partial = command.bit(8, 0);
        if !partial && command.be32(2) != 0 {
            return Err(super::fault::Fault::InvalidFieldInCdb.into());
        }
        let data = [self.last_block().to_be_bytes(), BLOCK.to_be_bytes()].concat();
        Ok(Answer::cut(data, 8_u32))
    }

    /// READ FORMAT CAPACITIES: the current or maximum capacity, then what FORMAT UNIT can make of the disc.
    pub(crate) fn read_format_capacities(&mut self, command: &Command<'_>) -> Outcome {
        let descriptor = |blocks: u32, kind: u8, parameter: u32| {
            let [_, high, middle, low] = parameter.to_be_bytes();
            [&blocks.to_be_bytes()[..], &[kind, high, middle, low]].concat()
        };
        let mut list = match self.known_disc() {
            // Type 3: no disc, the greatest capacity that there is.
            None => descriptor(u32::MAX, 3, BLOCK),
            Some(disc) if disc.formatted || !disc.media.is_erasable() => {
                descriptor(u32::try_from(recorded_end(disc)).unwrap_or(0), 2, BLOCK)
            }
            Some(disc) => descriptor(disc.capacity, 1, BLOCK),
        };
        if let Some(disc) = self.known_disc().filter(|disc| self.model.can_write(disc.media)) {
            for kind in format_types(disc.media) {
                let parameter = match kind {
                    0x00 | 0x30 | 0x31 => BLOCK,
                    0x26 => 0,
                    _ => disc.media.ecc_blocks(),
                };
                list.extend(descriptor(disc.capacity, kind << 2, parameter));
            }
        }
        let length = u8::try_from(list.len()).unwrap_or(u8::MAX);
        Ok(Answer::cut([&[0, 0, 0, length][..], &list].concat(), command.be16(7)))
    }

    /// READ BUFFER CAPACITY: all of the buffer is free, in bytes or in blocks.
    pub(crate) fn read_buffer_capacity(&mut self, command: &Command<'_>) -> Outcome {
        let blocks = command.bit(1, 0);
        let bytes = u32::from(self.model.buffer) * 1024;
        let free = if blocks { bytes / BLOCK } else { bytes };
        let total = if blocks { 0 } else { bytes };
        let data = [&[0, 10, 0, u8::from(blocks)][..], &total.to_be_bytes(), &free.to_be_bytes()].concat();
        Ok(Answer::cut(data, command.be16(7)))
    }
}

/// Format types of FORMAT UNIT that suit this medium (MMC-6 table 276).
pub(crate) fn format_types(media: MediaType) -> impl Iterator<Item = u8> {
    let types: &[u8] = match media {
        MediaType::CdRw => &[0x10],
        MediaType::DvdRwSequential | MediaType::DvdRwRestricted => &[0x00, 0x10, 0x15],
        MediaType::DvdRam => &[0x00, 0x01],
        MediaType::DvdPlusRw => &[0x26],
        MediaType::BdRe => &[0x00, 0x30, 0x31],
        _ => &[],
    };
    types.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cd, disc, hex};

    #[test]
    fn golden_capacity() {
        let mut bench = Bench::ready("cdrom", Some(disc("data-cd")));
        assert_eq!(bench.data("25 00 00 00 00 00 00 00 00 00"), hex("00 00 46 4F 00 00 08 00"));
        assert_eq!(bench.sense("25 00 00 00 00 01 00 00 00 00"), (5, 0x24, 0));
        let mut blank = Bench::ready("cdrw", Some(disc("cd-r-blank")));
        assert_eq!(blank.data("25 00 00 00 00 00 00 00 00 00"), hex("00 00 00 00 00 00 08 00"));
        let mut mixed = Bench::ready("cdrom", Some(cd()));
        assert_eq!(mixed.data("25 00 00 00 00 00 00 00 00 00"), hex("00 00 85 33 00 00 08 00"));
    }

    #[test]
    fn golden_format_capacities() {
        let mut bench = Bench::ready("dvdwriter", None);
        assert_eq!(bench.data("23 00 00 00 00 00 00 00 FF 00"), hex("00 00 00 08 FF FF FF FF 03 00 08 00"));
        let mut bench = Bench::ready("dvdwriter", Some(disc("dvd+rw-blank")));
        let expected = hex("00 00 00 10 00 23 05 40 01 00 08 00 00 23 05 40 98 00 00 00");
        assert_eq!(bench.data("23 00 00 00 00 00 00 00 FF 00"), expected);
    }

    #[test]
    fn golden_buffer_capacity() {
        let mut bench = Bench::ready("cdrw", None);
        assert_eq!(bench.data("5C 00 00 00 00 00 00 00 0C 00"), hex("00 0A 00 00 00 20 00 00 00 20 00 00"));
        assert_eq!(bench.data("5C 01 00 00 00 00 00 00 0C 00"), hex("00 0A 00 01 00 00 00 00 00 00 04 00"));
    }
}
