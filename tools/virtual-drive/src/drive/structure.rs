//! READ DISC STRUCTURE (MMC-6 6.22).

use super::Drive;
use super::command::{Answer, Command, Outcome, with_length_16};
use super::fault::{Failure, Fault};
use super::keys::agid;
use crate::disc::{Disc, MediaFamily, StructureKey};

/// Format that lists all formats.
const CAPABILITY_LIST: u8 = 0xFF;
/// Media key block of AACS.
const MEDIA_KEY_BLOCK: u8 = 0x83;
/// Write protection status.
const WRITE_PROTECTION: u8 = 0xC0;
/// Disc key of CSS.
const DISC_KEY: u8 = 0x02;
/// Bytes of each pack of a media key block; the last is filled up with zeros.
const PACK: usize = 32_768;
/// The structure can be read: RDS bit of the capability list.
const READABLE: u8 = 0x40;

impl Drive {
    /// READ DISC STRUCTURE: media type, address, layer, format, AGID.
    pub(crate) fn read_disc_structure(&mut self, command: &Command<'_>) -> Outcome {
        let (media, format, layer) = (command.byte(1) & 0x0F, command.byte(7), command.byte(6));
        let address = command.be32(2);
        let spin = self.wake();
        let disc = self.ready_disc()?;
        let payload = match format {
            0x80..=0x82 if self.model.aacs => self.protected_identifier(agid(command), format)?,
            MEDIA_KEY_BLOCK if self.model.aacs => return self.media_key_block(command, address),
            CAPABILITY_LIST => capability_list(disc, self.model.aacs, self.model.has_writing()),
            WRITE_PROTECTION if self.model.has_writing() => vec![0; 4],
            0x80.. => return Err(Fault::InvalidFieldInCdb.into()),
            _ => {
                if media != media_type(disc)? {
                    return Err(Fault::CannotReadIncompatible.into());
                }
                if media == 0 && format == DISC_KEY {
                    self.disc_key(agid(command))?;
                }
                let key = StructureKey { media, format, layer, address: 0 };
                let structures = &self.ready_disc()?.structures;
                structures
                    .get(key.at(address))
                    .or_else(|| structures.get(key))
                    .ok_or(Fault::InvalidFieldInCdb)?
                    .to_vec()
            }
        };
        let mut answer = Answer::cut(with_length_16(&[&[0, 0], &payload[..]].concat()), command.be16(8));
        answer.took = spin;
        Ok(answer)
    }

    /// Format 0x83: the pack with this number; the last header byte is how many there are.
    fn media_key_block(&self, command: &Command<'_>, number: u32) -> Outcome {
        let packs = &self.protected_disc()?.key_block;
        let pack = usize::try_from(number).ok().and_then(|number| packs.get(number)).ok_or(Fault::InvalidFieldInCdb)?;
        let count = u8::try_from(packs.len()).unwrap_or(u8::MAX);
        let mut body = [&[0, count], &pack[..]].concat();
        body.resize(2 + PACK, 0);
        Ok(Answer::cut(with_length_16(&body), command.be16(8)))
    }
}

/// The media type field that suits the disc: 0 DVD, 1 BD.
fn media_type(disc: &Disc) -> Result<u8, Failure> {
    match disc.media.family() {
        MediaFamily::Dvd => Ok(0),
        MediaFamily::Bd => Ok(1),
        MediaFamily::Cd => Err(Fault::CannotReadIncompatible.into()),
    }
}

/// Format 0xFF: four bytes for each format: code, flags, length of its answer.
fn capability_list(disc: &Disc, aacs: bool, writer: bool) -> Vec<u8> {
    let entry = |format: u8, payload: usize| {
        let [high, low] = u16::try_from(payload + 4).unwrap_or(u16::MAX).to_be_bytes();
        [format, READABLE, high, low]
    };
    let media = media_type(disc).ok();
    let stored =
        disc.structures.iter().filter(|(key, _)| Some(key.media) == media && key.layer == 0 && key.address == 0);
    let mut list: Vec<[u8; 4]> = stored.map(|(key, payload)| entry(key.format, payload.len())).collect();
    if let Some(protection) = disc.aacs.as_ref().filter(|_| aacs) {
        list.push(entry(0x80, 32));
        if protection.serial_number.is_some() {
            list.push(entry(0x81, 32));
        }
        if protection.media_id.is_some() {
            list.push(entry(0x82, 32));
        }
        list.push(entry(MEDIA_KEY_BLOCK, PACK));
    }
    if writer {
        list.push(entry(WRITE_PROTECTION, 4));
    }
    list.concat()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cd, disc, hex};

    #[test]
    fn golden_dvd_structures() {
        let mut bench = Bench::ready("dvdrom-css", Some(disc("dvd-rom")));
        let physical = bench.data("AD 00 00 00 00 00 00 00 08 04 00 00");
        assert_eq!(physical[..16], hex("08 02 00 00 01 02 01 00 00 03 00 00 00 21 84 7F"));
        assert_eq!(bench.data("AD 00 00 00 00 00 00 01 00 08 00 00"), hex("00 06 00 00 01 FC 00 00"));
        assert_eq!(bench.data("AD 00 00 00 00 00 00 03 00 FF 00 00")[..2], hex("00 BE"));
        assert_eq!(bench.sense("AD 00 00 00 00 00 01 00 08 04 00 00"), (5, 0x24, 0));
        assert_eq!(bench.sense("AD 00 00 00 00 00 00 7F 08 04 00 00"), (5, 0x24, 0));
        assert_eq!(bench.sense("AD 01 00 00 00 00 00 00 08 04 00 00"), (5, 0x30, 2));
    }

    #[test]
    fn the_list_of_formats() {
        let mut bench = Bench::ready("dvdrom-css", Some(disc("dvd-rom")));
        assert_eq!(
            bench.data("AD 00 00 00 00 00 00 FF 00 FF 00 00"),
            hex("00 16 00 00 00 40 08 04 01 40 00 08 02 40 08 04 03 40 00 C0 04 40 08 04")
        );
    }

    #[test]
    fn media_key_block_by_pack() {
        let mut bench = Bench::ready("bdwriter", Some(disc("bd-rom")));
        for pack in 0..2 {
            let data = bench.data(&format!("AD 00 00 00 00 {pack:02X} 00 83 80 04 00 00"));
            assert_eq!((data.len(), &data[..4]), (0x8004, &[0x80, 0x02, 0x00, 0x02][..]));
        }
        assert_eq!(bench.data("AD 00 00 00 00 00 00 83 00 04 00 00").len(), 4);
        assert_eq!(bench.sense("AD 00 00 00 00 02 00 83 80 04 00 00"), (5, 0x24, 0));
        assert_eq!(bench.data("AD 01 00 00 00 00 00 00 10 04 00 00").len(), 4100);
    }

    #[test]
    fn a_cd_has_no_structures() {
        let mut bench = Bench::ready("dvdrom-css", Some(cd()));
        assert_eq!(bench.sense("AD 00 00 00 00 00 00 00 08 04 00 00"), (5, 0x30, 2));
    }
}
