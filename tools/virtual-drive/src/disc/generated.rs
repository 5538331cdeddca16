//! Discs made in code, named `sim:NAME` on a command line.
//!
//! Their sectors are computed from the address: [`numbered_block`] behind a small file system for data, two tones for
//! audio. Nothing is stored, however large the disc.

use std::sync::Arc;

use super::cd_text::{CdText, PackType};
use super::dvd_bd;
use super::layout::{Index, PREGAP, Session, Track, TrackMode, control, next_session_start};
use super::media::MediaType;
use super::source::{Formula, SectorForm};
use super::structures::{Aacs, Css};
use super::volume::Volume;
use super::{Disc, Layers};

pub use super::volume::numbered_block;

/// Samples of one channel in a sector of audio.
const SAMPLES: u64 = 588;

/// Blocks that 80 minutes of CD-R have room for.
const CD_80_MINUTES: u32 = 359_847;
/// Blocks of a single-layer DVD-R and DVD-RW.
const DVD_MINUS_CAPACITY: u32 = 2_298_496;
/// Blocks of a single-layer DVD+R and DVD+RW.
const DVD_PLUS_CAPACITY: u32 = 2_295_104;
/// Blocks of a DVD-RAM of 4.7 GB, formatted.
const DVD_RAM_CAPACITY: u32 = 2_236_704;
/// Blocks of one layer of a BD.
const BD_CAPACITY: u32 = 12_219_392;
/// Blocks of one layer of a BD-RE that is formatted with the usual spare areas.
const BD_RE_FORMATTED: u32 = 11_826_176;

macro_rules! discs {
    ($($name:literal, $description:literal, $make:expr;)*) => {
        const LIST: &[(&str, &str)] = &[$(($name, $description)),*];
        const MAKERS: &[(&str, fn() -> Disc)] = &[$(($name, $make)),*];
    };
}

discs! {
    "mixed-cd", "CD, two sessions: three audio tracks with CD-TEXT, catalogue number and ISRCs, then data", mixed_cd;
    "audio-cd", "audio CD, three tracks with pregaps, index 2 and CD-TEXT", audio_cd;
    "data-cd", "CD-ROM, one data track", data_cd;
    "dvd-rom", "DVD-ROM, one layer, CSS, regions 1 and 2", dvd_rom;
    "dvd-rom-dl", "DVD-ROM, two layers with opposite track path", dvd_rom_dual_layer;
    "bd-rom", "BD-ROM, AACS with a media key block of two packs", bd_rom;
    "cd-r-blank", "CD-R, blank", || Disc::blank_medium(MediaType::CdR, CD_80_MINUTES);
    "cd-r-appendable", "CD-R, one closed session, appendable", || appendable(MediaType::CdR, CD_80_MINUTES, 3_000);
    "cd-rw-blank", "CD-RW, blank", || Disc::blank_medium(MediaType::CdRw, CD_80_MINUTES);
    "cd-rw", "CD-RW, one closed session, appendable", || appendable(MediaType::CdRw, CD_80_MINUTES, 3_000);
    "dvd-r-blank", "DVD-R, blank", || recordable(MediaType::DvdR, DVD_MINUS_CAPACITY);
    "dvd-r", "DVD-R, one closed session, appendable", || appendable(MediaType::DvdR, DVD_MINUS_CAPACITY, 32_000);
    "dvd-rw-blank", "DVD-RW, sequential, blank", || recordable(MediaType::DvdRwSequential, DVD_MINUS_CAPACITY);
    "dvd-rw", "DVD-RW, sequential, one closed session, appendable", || appendable(MediaType::DvdRwSequential, DVD_MINUS_CAPACITY, 32_000);
    "dvd-rw-ro", "DVD-RW, restricted overwrite, formatted", || overwritable(MediaType::DvdRwRestricted, DVD_MINUS_CAPACITY, DVD_MINUS_CAPACITY);
    "dvd+r-blank", "DVD+R, blank", || recordable(MediaType::DvdPlusR, DVD_PLUS_CAPACITY);
    "dvd+r", "DVD+R, one closed session, appendable", || appendable(MediaType::DvdPlusR, DVD_PLUS_CAPACITY, 32_000);
    "dvd+rw-blank", "DVD+RW, not formatted", || recordable(MediaType::DvdPlusRw, DVD_PLUS_CAPACITY);
    "dvd+rw", "DVD+RW, formatted", || overwritable(MediaType::DvdPlusRw, DVD_PLUS_CAPACITY, DVD_PLUS_CAPACITY);
    "dvd-ram", "DVD-RAM, formatted", || overwritable(MediaType::DvdRam, DVD_RAM_CAPACITY, DVD_RAM_CAPACITY);
    "bd-r-blank", "BD-R, blank", || recordable(MediaType::BdR, BD_CAPACITY);
    "bd-re-blank", "BD-RE, not formatted", || recordable(MediaType::BdRe, BD_CAPACITY);
    "bd-re", "BD-RE, formatted", || overwritable(MediaType::BdRe, BD_CAPACITY, BD_RE_FORMATTED);
}

/// Names and one-line descriptions of all generated discs.
#[must_use]
pub const fn list() -> &'static [(&'static str, &'static str)] {
    LIST
}

/// The generated disc of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<Disc> {
    MAKERS.iter().find(|(known, _)| *known == name).map(|(_, make)| make())
}

/// Four bytes for each sample pair: triangle waves, 441 Hz left and 296 Hz right, from the start of the disc.
///
/// The phase of both together tells sectors apart for fifty seconds.
#[must_use]
pub fn audio_sector(lba: u32) -> [u8; 2352] {
    let mut sector = [0; 2352];
    fill_audio(u64::from(lba), &mut sector);
    sector
}

fn fill_audio(index: u64, out: &mut [u8]) {
    for (sample, pair) in (index * SAMPLES..).zip(out.chunks_exact_mut(4)) {
        pair[..2].copy_from_slice(&triangle(sample, 100).to_le_bytes());
        pair[2..].copy_from_slice(&triangle(sample, 149).to_le_bytes());
    }
}

/// A triangle wave of `period` samples, amplitude 8000.
fn triangle(sample: u64, period: u64) -> i16 {
    let phase = i64::try_from(sample % period).unwrap_or(0);
    let period = i64::try_from(period).unwrap_or(1);
    let rising = 32_000 * phase / period;
    i16::try_from(if rising < 16_000 { rising - 8_000 } else { 24_000 - rising }).unwrap_or(0)
}

fn audio_track(number: u16, start: i32, length: u32, pregap: i32) -> Track {
    let source = Arc::new(Formula::new(SectorForm::Raw2352, fill_audio));
    Track::new(number, 1, TrackMode::Audio, start, length)
        .with_pregap(pregap)
        .with_source(source, u64::try_from(start).unwrap_or(0))
}

fn data_track(number: u16, session: u16, start: i32, blocks: u32, label: &'static str) -> Track {
    let base = u32::try_from(start).unwrap_or(0);
    let read_me = format!("This disc was generated. Block N of DATA.BIN begins with the text\n{}", {
        String::from_utf8_lossy(&numbered_block(base)[..32]).into_owned()
    });
    Track::new(number, session, TrackMode::Mode1, start, blocks)
        .with_source(Arc::new(Volume::new(base, blocks, label, read_me)), 0)
}

fn mixed_cd() -> Disc {
    let mut audio =
        vec![audio_track(1, 0, 4_500, PREGAP), audio_track(2, 4_650, 6_000, PREGAP), audio_track(3, 10_650, 3_050, 0)];
    audio[0].isrc = Some(*b"GBCRS2400001");
    audio[1].isrc = Some(*b"GBCRS2400002");
    audio[1].control = control::COPY_PERMITTED;
    audio[2].isrc = Some(*b"GBCRS2400003");
    audio[2].control = control::PRE_EMPHASIS;
    audio[2].indexes.retain(|index| index.number != 0);
    let first = Session::closed(1, audio);
    let start = next_session_start(1, first.lead_out);
    let data = data_track(4, 2, start, 9_000, "MIXED_CD").with_pregap(PREGAP);
    let mut disc = Disc::complete(MediaType::CdRom, vec![first, Session::closed(2, vec![data])]);
    disc.catalog = Some(*b"2012345678903");
    let mut text = album("Two Sessions", "The Virtual Drives", &["Triangle", "Interval", "Short Ending"]);
    text.set(PackType::Songwriter, 1, "A. Writer");
    text.set(PackType::Message, 0, "The second session holds data.");
    disc.cd_text = text.packs(1, 3);
    disc
}

fn audio_cd() -> Disc {
    let mut tracks = vec![
        audio_track(1, 0, 9_000, PREGAP),
        audio_track(2, 9_150, 13_500, PREGAP),
        audio_track(3, 22_875, 11_250, 225),
    ];
    tracks[1].indexes.push(Index { number: 2, lba: 15_000 });
    let mut disc = Disc::complete(MediaType::CdRom, vec![Session::closed(1, tracks)]);
    disc.cd_text = album("Red Book", "The Virtual Drives", &["Opening", "Two Parts", "Closing"]).packs(1, 3);
    disc
}

fn album(title: &str, performer: &str, tracks: &[&str]) -> CdText {
    let mut text = CdText::new();
    text.set(PackType::Title, 0, title);
    text.set(PackType::Performer, 0, performer);
    for (number, title) in (1..).zip(tracks) {
        text.set(PackType::Title, number, title);
        text.set(PackType::Performer, number, performer);
    }
    text
}

fn data_cd() -> Disc {
    let track = data_track(1, 1, 0, 18_000, "DATA_CD").with_pregap(PREGAP);
    Disc::complete(MediaType::CdRom, vec![Session::closed(1, vec![track])])
}

fn pressed(media: MediaType, blocks: u32, layers: Layers, label: &'static str) -> Disc {
    let mut disc = Disc::complete(media, vec![Session::closed(1, vec![data_track(1, 1, 0, blocks, label)])]);
    disc.layers = Some(layers);
    disc
}

fn dvd_rom() -> Disc {
    let blocks = 2_000_000;
    let layers = Layers { count: 1, first_end: blocks - 1, opposite: false };
    let mut disc = pressed(MediaType::DvdRom, blocks, layers, "DVD_ROM");
    disc.css = Some(Css { region_mask: 0xFC, scrambled: (1_000, 1_500_000) });
    dvd_bd::add_structures(&mut disc);
    disc
}

fn dvd_rom_dual_layer() -> Disc {
    let layers = Layers { count: 2, first_end: 2_050_015, opposite: true };
    let mut disc = pressed(MediaType::DvdRom, 4_100_000, layers, "DVD_ROM_DL");
    dvd_bd::add_structures(&mut disc);
    disc
}

fn bd_rom() -> Disc {
    let layers = Layers { count: 1, first_end: BD_CAPACITY - 1, opposite: false };
    let mut disc = pressed(MediaType::BdRom, BD_CAPACITY, layers, "BD_ROM");
    disc.aacs = Some(Aacs {
        volume_id: *b"\x40\x00VIRTUAL BD-ROM",
        serial_number: Some(*b"\x40\x01SERIAL 0000001"),
        media_id: None,
        key_block: dvd_bd::key_block(),
        bus_encryption: false,
    });
    dvd_bd::add_structures(&mut disc);
    disc
}

fn recordable(media: MediaType, capacity: u32) -> Disc {
    let mut disc = Disc::blank_medium(media, capacity);
    disc.layers = Some(Layers { count: 1, first_end: capacity - 1, opposite: false });
    dvd_bd::add_structures(&mut disc);
    disc
}

/// A sequential medium with one closed session of `blocks` blocks.
fn appendable(media: MediaType, capacity: u32, blocks: u32) -> Disc {
    let mut disc = recordable(media, capacity);
    let mut track = data_track(1, 1, 0, blocks, "APPENDABLE");
    if media.family() == super::MediaFamily::Cd {
        track = track.with_pregap(PREGAP);
    }
    disc.sessions = vec![Session::closed(1, vec![track])];
    disc.state = super::DiscState::Appendable;
    disc
}

/// A formatted medium with a file system on it.
fn overwritable(media: MediaType, capacity: u32, formatted: u32) -> Disc {
    let mut disc = recordable(media, capacity);
    disc.sessions = vec![Session::closed(1, vec![data_track(1, 1, 0, formatted, "OVERWRITABLE")])];
    disc.state = super::DiscState::Complete;
    disc.formatted = true;
    disc
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disc::{DiscState, MediaFamily, ReadError, StructureKey};

    #[test]
    fn every_name_makes_a_disc_whose_tracks_are_in_order() {
        for (name, description) in list() {
            let disc = by_name(name).expect(name);
            assert!(!description.is_empty());
            let mut end = i32::MIN;
            for track in disc.tracks() {
                assert!(track.first() >= end, "{name}: track {} overlaps", track.number);
                assert!(track.start < track.end());
                end = track.end();
                if track.mode.is_data() {
                    let descriptor = disc.read_user_data(track.start + 16).expect("recorded");
                    assert_eq!(&descriptor[1..6], b"CD001", "{name}");
                    let last = disc.read_user_data(track.end() - 1).expect("recorded");
                    assert_eq!(last, numbered_block(u32::try_from(track.end() - 1).unwrap()));
                }
            }
            assert_eq!(disc.state == DiscState::Blank, disc.sessions.is_empty(), "{name}");
            let structured = disc.media.family() != MediaFamily::Cd;
            assert_eq!(disc.structures.iter().next().is_some(), structured, "{name}");
        }
        assert!(by_name("no-such-disc").is_none());
    }

    #[test]
    fn the_mixed_disc_has_its_sessions_apart() {
        let disc = by_name("mixed-cd").expect("generated");
        let sessions: Vec<_> =
            disc.sessions.iter().map(|session| (session.tracks[0].start, session.lead_out)).collect();
        assert_eq!(sessions, [(0, 13_700), (25_100, 34_100)]);
        assert_eq!(disc.read_user_data(0), Err(ReadError::WrongMode(0)));
        assert_eq!(disc.read_user_data(13_700), Err(ReadError::OutOfRange(13_700)));
        assert_eq!(disc.read_raw(10).as_ref(), Ok(&audio_sector(10)));
        assert_eq!(disc.read_raw(4_500), Ok([0; 2352]));
        assert_eq!(disc.cd_text.as_ref().map(|packs| packs.len() % 18), Some(0));
    }

    #[test]
    fn layers_and_protection_are_in_the_structures() {
        let dual = by_name("dvd-rom-dl").expect("generated");
        let physical = dual.structures.get(StructureKey::dvd(0).on_layer(1)).expect("two layers");
        assert_eq!(physical[..4], [0x01, 0x02, 0x31, 0x10]);
        // Layer 0 ends at 0x30000 + 2050015 = 0x2247DF; layer 1 begins at its complement 0xDDB820 and has 2049984 blocks.
        assert_eq!(physical[4..16], [0, 3, 0, 0, 0, 0xFC, 0xFF, 0xDF, 0, 0x22, 0x47, 0xDF]);
        let css = by_name("dvd-rom").expect("generated");
        assert_eq!(css.structures.get(StructureKey::dvd(1)), Some(&[1, 0xFC, 0, 0][..]));
        let aacs = by_name("bd-rom").and_then(|disc| disc.aacs).expect("protected");
        assert_eq!(aacs.key_block.iter().map(Vec::len).collect::<Vec<_>>(), [32_768, 8_192]);
    }
}
