//! GET CONFIGURATION (MMC-6 6.6): profiles and features, and which are current with this disc.

use super::Drive;
use super::command::{Answer, Command, Outcome};
use super::fault::Fault;
use super::model::Model;
use crate::disc::{Disc, DiscState, MediaFamily, MediaType};

/// A feature of a drive.
struct Feature {
    code: u16,
    version: u8,
    /// Always current.
    persistent: bool,
    current: bool,
    data: Vec<u8>,
}

impl Feature {
    fn encode(&self) -> Vec<u8> {
        let flags = self.version << 2 | u8::from(self.persistent) << 1 | u8::from(self.current);
        let length = u8::try_from(self.data.len()).unwrap_or(u8::MAX);
        [&self.code.to_be_bytes()[..], &[flags, length], &self.data].concat()
    }
}

/// When a feature is current.
type When = fn(&Disc, &Model) -> bool;
/// What a drive must have for a feature.
type Has = fn(&Model) -> bool;

/// A feature with fixed data.
struct Row(u16, u8, Has, When, &'static [u8]);

/// Features whose data is the same in each drive that has them; those with their own data are in [`computed`].
#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Code, version, drives, current with, data (MMC-6 clause 5.3).
    // Formattable.
    Row(0x0023, 1, writes_random, formattable, &[0; 8]),
    // Defect management by the drive, supplementary spare areas.
    Row(0x0024, 1, writes_random, managed, &[0x80, 0, 0, 0]),
    // Restricted overwrite.
    Row(0x0026, 0, writes_dvd_rw, restricted, &[]),
    // DVD+RW: written, quick start and close not.
    Row(0x002A, 1, reads_dvd, |disc, _| disc.media == MediaType::DvdPlusRw, &[0x01, 0, 0, 0]),
    // DVD+R.
    Row(0x002B, 0, reads_dvd, |disc, _| disc.media == MediaType::DvdPlusR, &[0x01, 0, 0, 0]),
    // Rigid restricted overwrite: intermediate sessions and blank command.
    Row(0x002C, 0, writes_dvd_rw, restricted, &[0x03, 0, 0, 0]),
    // CD track at once: buffer under-run protection, CD-RW, sub-channels; data types.
    Row(0x002D, 2, writes_cd, writable_cd, &[0x43, 0x00, 0x05, 0x01]),
    // CD session at once: the same, and the longest cue sheet.
    Row(0x002E, 0, writes_cd, writable_cd, &[0x63, 0x00, 0x08, 0x00]),
    // DVD-R and DVD-RW write: buffer under-run protection, dual layer, DVD-RW.
    Row(0x002F, 2, writes_dvd_rw, writable_dvd_minus, &[0x4A, 0, 0, 0]),
    // CD-RW media write support: sub-types 0 to 2.
    Row(0x0037, 0, writes_cd, |disc, _| disc.media == MediaType::CdRw, &[0, 0x07, 0, 0]),
    // DVD+R dual layer.
    Row(0x003B, 0, writes_dvd_rw, |disc, _| disc.media == MediaType::DvdPlusRDualLayer, &[0x01, 0, 0, 0]),
    // BD read: BD-RE, BD-R and BD-ROM class and version bitmaps.
    Row(0x0040, 0, Model::has_bd, is_bd, &[0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0]),
    // BD write: BD-RE and BD-R class and version bitmaps.
    Row(0x0041, 0, writes_bd, writable_bd, &[0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0]),
    // Power management.
    Row(0x0100, 0, Model::has_mmc, always, &[]),
    // CD audio external play: separate volume and mute, 256 levels.
    Row(0x0103, 0, Model::has_audio, has_audio_tracks, &[0x03, 0, 0x01, 0x00]),
    // Time-out.
    Row(0x0105, 1, Model::has_mmc, always, &[0, 0, 0, 0]),
    // DVD CSS, version 1.
    Row(0x0106, 0, |model| model.css, |disc, _| disc.css.is_some(), &[0, 0, 0, 1]),
    // Real-time streaming: SET CD SPEED and page 2A speeds; writers also buffer capacity in blocks, write speed
    // descriptors and streamed writing.
    Row(0x0107, 3, |model| model.mmc && !model.has_writing(), |_, _| true, &[0x0C, 0, 0, 0]),
    Row(0x0107, 3, Model::has_writing, |_, _| true, &[0x1F, 0, 0, 0]),
];

const ALWAYS: &[u16] = &[0x0100, 0x0105];

impl Drive {
    /// GET CONFIGURATION: requested type (0 all, 1 current ones, 2 the one named) and starting feature.
    pub(crate) fn get_configuration(&mut self, command: &Command<'_>) -> Outcome {
        let start = command.be16(2);
        let wanted: fn(&Feature, u16) -> bool = match command.byte(1) & 3 {
            0 => |feature, start| feature.code >= start,
            1 => |feature, start| feature.code >= start && feature.current,
            2 => |feature, start| feature.code == start,
            _ => return Err(Fault::InvalidFieldInCdb.into()),
        };
        let profile = self.known_disc().map_or(0, |disc| disc.media.profile());
        let mut body = vec![0, 0];
        body.extend(profile.to_be_bytes());
        for feature in self.features().iter().filter(|feature| wanted(feature, start)) {
            body.extend(feature.encode());
        }
        let mut data = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
        data.extend(body);
        Ok(Answer::cut(data, command.be16(7)))
    }

    fn features(&self) -> Vec<Feature> {
        let disc = self.known_disc();
        let mut features = self.computed();
        features.extend(ROWS.iter().filter(|Row(_, _, has, ..)| has(self.model)).map(
            |Row(code, version, _, when, data)| {
                let persistent = ALWAYS.contains(code);
                let current = persistent || disc.is_some_and(|disc| when(disc, self.model));
                Feature { code: *code, version: *version, persistent, current, data: data.to_vec() }
            },
        ));
        features.sort_by_key(|feature| feature.code);
        features
    }

    /// Features whose data depends on the drive or the disc.
    fn computed(&self) -> Vec<Feature> {
        let model = self.model;
        let disc = self.known_disc();
        let is = |when: fn(&Disc) -> bool| disc.is_some_and(when);
        let always = |code, version, data| Feature { code, version, persistent: true, current: true, data };
        let with = |code, version, current, data| Feature { code, version, persistent: false, current, data };
        let blocking = disc.map_or(1, |disc| disc.media.ecc_blocks() as u8);
        let mut features = vec![
            always(0x0000, 0, self.profile_list()),
            // Core: physical interface, device busy class events.
            always(0x0001, 2, [&model.interface.to_be_bytes()[..], &[0x01, 0, 0, 0]].concat()),
            // Morphing: operational change events.
            always(0x0002, 1, vec![0x02, 0, 0, 0]),
            // Removable medium: tray, load, eject, lock.
            always(0x0003, 1, vec![0x39, 0, 0, 0]),
            with(0x0010, 0, is(readable), vec![0, 0, 8, 0, 0, blocking, 1, 0]),
            with(0x001D, 0, is(is_cd), Vec::new()),
            // CD read: C2 pointers and CD-TEXT.
            with(0x001E, 2, is(is_cd), vec![0x03, 0, 0, 0]),
        ];
        if model.has_dvd() {
            features.push(with(0x001F, 1, is(is_dvd), vec![0x01, 0, 0x01, 0]));
        }
        if writes_random(model) {
            let last = disc.filter(|disc| disc.is_overwritable()).map_or(0, |_| self.last_block());
            let granule = disc.map_or(16, |disc| disc.media.ecc_blocks() as u8);
            let current = disc.is_some_and(|disc| {
                disc.is_overwritable() && disc.media != MediaType::DvdRwRestricted && model.can_write(disc.media)
            });
            let data = [&last.to_be_bytes()[..], &[0, 0, 8, 0, 0, granule, 1, 0]].concat();
            features.push(with(0x0020, 1, current, data));
        }
        if model.has_writing() {
            let current = disc.is_some_and(|disc| disc.is_appendable() && model.can_write(disc.media));
            features.push(with(0x0021, 1, current, vec![0x05, 0x00, 0x07, 1, 7, 0, 0, 0]));
        }
        if let Some(serial) = model.serial {
            let mut data = serial.as_bytes().to_vec();
            data.resize(data.len().next_multiple_of(4), b' ');
            features.push(always(0x0108, 0, data));
        }
        if model.has_writing() {
            // Firmware creation date: century, year, month, day, hour, minute, second in digits.
            features.push(always(0x010C, 0, b"20240229120000\0\0".to_vec()));
        }
        if model.aacs {
            // AACS: binding nonces of 32 blocks, four AGIDs, version 1.
            let current = disc.is_some_and(|disc| disc.aacs.is_some());
            features.push(with(0x010D, 1, current, vec![0x01, 32, 4, 1]));
        }
        features
    }

    /// Feature 0x0000: profile numbers, the highest first, each with its current bit.
    fn profile_list(&self) -> Vec<u8> {
        let current = self.known_disc().map(|disc| disc.media.profile());
        let offered = |media: &MediaType| match media.family() {
            MediaFamily::Cd if *media != MediaType::CdRom => self.model.can_write(*media),
            _ => self.model.can_read(*media) && (self.model.can_write(*media) || is_pressed(*media)),
        };
        let mut profiles: Vec<u16> = self
            .model
            .reads
            .iter()
            .filter(|media| offered(media) || current == Some(media.profile()))
            .map(|media| media.profile())
            .collect();
        profiles.sort_unstable_by(|left, right| right.cmp(left));
        profiles
            .into_iter()
            .flat_map(|profile| {
                let [high, low] = profile.to_be_bytes();
                [high, low, u8::from(current == Some(profile)), 0]
            })
            .collect()
    }
}

const fn is_pressed(media: MediaType) -> bool {
    matches!(media, MediaType::CdRom | MediaType::DvdRom | MediaType::BdRom)
}

const fn always(_: &Disc, _: &Model) -> bool {
    true
}

fn reads_dvd(model: &Model) -> bool {
    model.can_write(MediaType::DvdPlusR)
}

fn writes_cd(model: &Model) -> bool {
    model.can_write(MediaType::CdR)
}

fn writes_dvd_rw(model: &Model) -> bool {
    model.can_write(MediaType::DvdRwSequential)
}

fn writes_random(model: &Model) -> bool {
    model.can_write(MediaType::DvdRam)
}

fn writes_bd(model: &Model) -> bool {
    model.can_write(MediaType::BdRe)
}

fn is_cd(disc: &Disc) -> bool {
    disc.media.family() == MediaFamily::Cd
}

fn is_dvd(disc: &Disc) -> bool {
    disc.media.family() == MediaFamily::Dvd
}

fn is_bd(disc: &Disc, _: &Model) -> bool {
    disc.media.family() == MediaFamily::Bd
}

fn readable(disc: &Disc) -> bool {
    disc.state != DiscState::Blank
}

fn has_audio_tracks(disc: &Disc, _: &Model) -> bool {
    disc.tracks().any(|track| !track.mode.is_data())
}

fn formattable(disc: &Disc, model: &Model) -> bool {
    disc.media.is_erasable() && model.can_write(disc.media)
}

fn managed(disc: &Disc, model: &Model) -> bool {
    matches!(disc.media, MediaType::DvdRam | MediaType::BdRe) && model.can_write(disc.media)
}

fn restricted(disc: &Disc, _: &Model) -> bool {
    disc.media == MediaType::DvdRwRestricted
}

fn writable_cd(disc: &Disc, model: &Model) -> bool {
    is_cd(disc) && disc.is_appendable() && model.can_write(disc.media)
}

fn writable_dvd_minus(disc: &Disc, model: &Model) -> bool {
    let minus = matches!(disc.media, MediaType::DvdR | MediaType::DvdRDualLayer | MediaType::DvdRwSequential);
    minus && disc.is_appendable() && model.can_write(disc.media)
}

fn writable_bd(disc: &Disc, model: &Model) -> bool {
    let open = disc.is_appendable() || disc.is_overwritable();
    matches!(disc.media, MediaType::BdR | MediaType::BdRe) && open && model.can_write(disc.media)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, cd};
    use crate::disc::generated;

    #[test]
    fn golden_cd_rom_drive_with_a_disc() {
        let mut bench = Bench::ready("cdrom", Some(cd()));
        #[rustfmt::skip]
        assert_eq!(bench.data("46 00 00 00 00 00 00 01 00 00"), [
            0, 0, 0, 0x68, 0, 0, 0, 0x08,
            0x00, 0x00, 0x03, 4, 0x00, 0x08, 1, 0,
            0x00, 0x01, 0x0B, 8, 0, 0, 0, 2, 1, 0, 0, 0,
            0x00, 0x02, 0x07, 4, 2, 0, 0, 0,
            0x00, 0x03, 0x07, 4, 0x39, 0, 0, 0,
            0x00, 0x10, 0x01, 8, 0, 0, 8, 0, 0, 1, 1, 0,
            0x00, 0x1D, 0x01, 0,
            0x00, 0x1E, 0x09, 4, 3, 0, 0, 0,
            0x01, 0x00, 0x03, 0,
            0x01, 0x03, 0x01, 4, 3, 0, 1, 0,
            0x01, 0x05, 0x07, 4, 0, 0, 0, 0,
            0x01, 0x07, 0x0D, 4, 0x0C, 0, 0, 0,
            0x01, 0x08, 0x03, 8, b'C', b'D', b'0', b'0', b'0', b'1', b' ', b' ',
        ]);
    }

    #[test]
    fn golden_requested_types() {
        let mut bench = Bench::ready("cdrom", None);
        assert_eq!(bench.data("46 02 00 1D 00 00 00 01 00 00"), [0, 0, 0, 8, 0, 0, 0, 0, 0, 0x1D, 0, 0]);
        assert_eq!(bench.data("46 02 00 1F 00 00 00 01 00 00"), [0, 0, 0, 4, 0, 0, 0, 0]);
        let current = bench.data("46 01 00 10 00 00 00 01 00 00");
        assert_eq!(current[8..12], [1, 0, 3, 0]);
        assert_eq!(bench.sense("46 03 00 00 00 00 00 01 00 00"), (5, 0x24, 0));
        assert_eq!(Bench::ready("oldcd", None).sense("46 00 00 00 00 00 00 01 00 00"), (5, 0x20, 0));
    }

    #[test]
    fn every_disc_in_every_drive_has_a_whole_number_of_features() {
        for model in super::super::MODELS.iter().filter(|model| model.mmc) {
            for (name, _) in generated::list() {
                let mut bench = Bench::ready(model.name, generated::by_name(name));
                let data = bench.data("46 00 00 00 00 00 00 FF F8 00");
                assert_eq!(u32::from_be_bytes([data[0], data[1], data[2], data[3]]) as usize, data.len() - 4);
                let (mut at, mut previous) = (8, None);
                while at < data.len() {
                    let code = u16::from_be_bytes([data[at], data[at + 1]]);
                    assert!(previous < Some(code), "{} {name}: {code:04X}", model.name);
                    assert_eq!(data[at + 3] % 4, 0);
                    previous = Some(code);
                    at += 4 + usize::from(data[at + 3]);
                }
                assert_eq!(at, data.len());
            }
        }
    }
}
