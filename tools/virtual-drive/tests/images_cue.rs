//! CUE sheets and their files: the discs they make.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;
use virtual_drive::disc::{Disc, Track, TrackMode, control};
use virtual_drive::image;

/// A folder with a CUE sheet and files.
struct Folder(TempDir);

impl Folder {
    fn new(sheet: &str) -> Self {
        let folder = Self(TempDir::new().expect("temporary folder"));
        fs::write(folder.sheet(), sheet).expect("written");
        folder
    }

    /// Adds a file of `sectors` sectors of `size` bytes; each begins with its number.
    fn with(self, name: &str, size: usize, sectors: u32) -> Self {
        fs::write(self.0.path().join(name), numbered(size, sectors)).expect("written");
        self
    }

    fn with_bytes(self, name: &str, bytes: &[u8]) -> Self {
        fs::write(self.0.path().join(name), bytes).expect("written");
        self
    }

    fn sheet(&self) -> PathBuf {
        self.0.path().join("disc.cue")
    }

    fn open(&self) -> Disc {
        image::open(&self.sheet()).unwrap_or_else(|error| panic!("{error}"))
    }
}

fn numbered(size: usize, sectors: u32) -> Vec<u8> {
    (0..sectors)
        .flat_map(|number| {
            let mut sector = vec![0x11; size];
            sector[..4].copy_from_slice(&number.to_le_bytes());
            sector
        })
        .collect()
}

/// Number, session, mode, first, start, end.
fn layout(disc: &Disc) -> Vec<(u16, u16, TrackMode, i32, i32, i32)> {
    let row = |track: &Track| (track.number, track.session, track.mode, track.first(), track.start, track.end());
    disc.tracks().map(row).collect()
}

fn indexes(disc: &Disc, track: u16) -> Vec<(u8, i32)> {
    let track = disc.track(track).expect("there");
    track.indexes.iter().map(|index| (index.number, index.lba)).collect()
}

fn number_at(disc: &Disc, lba: i32) -> u32 {
    let raw = disc.read_raw(lba).expect("recorded");
    u32::from_le_bytes(raw[..4].try_into().expect("four bytes"))
}

#[test]
fn one_file_with_pregaps_indexes_and_codes() {
    let disc = Folder::new(
        "\u{FEFF}REM GENRE \"not closed\r\n\
         CATALOG 2012345678903\r\n\
         PERFORMER \"Various\"\r\n\
         TITLE \"A b c\"\r\n\
         FILE \"all in one.bin\" BINARY\r\n  \
           TRACK 01 AUDIO\r\n    FLAGS DCP PRE\r\n    ISRC GBCRS2400001\r\n    TITLE One\r\n    INDEX 01 00:00:00\r\n  \
           TRACK 02 AUDIO\r\n    FLAGS 4CH SCMS\r\n    INDEX 00 00:01:00\r\n    INDEX 01 00:01:10\r\n    INDEX 02 00:01:20\r\n  \
           track 03 audio\r\n    pregap 00:02:00\r\n    index 01 00:02:00\r\n    postgap 00:00:05\r\n",
    )
    .with("all in one.bin", 2352, 200)
    .open();
    assert_eq!(
        layout(&disc),
        [
            (1, 1, TrackMode::Audio, -150, 0, 75),
            (2, 1, TrackMode::Audio, 75, 85, 150),
            (3, 1, TrackMode::Audio, 150, 300, 355),
        ]
    );
    assert_eq!(indexes(&disc, 2), [(0, 75), (1, 85), (2, 95)]);
    assert_eq!(disc.track(1).map(|track| track.control), Some(control::COPY_PERMITTED | control::PRE_EMPHASIS));
    assert_eq!(disc.track(2).map(|track| track.control), Some(control::FOUR_CHANNEL));
    assert_eq!(disc.track(1).and_then(|track| track.isrc), Some(*b"GBCRS2400001"));
    assert_eq!(disc.catalog, Some(*b"2012345678903"));
    assert_eq!((number_at(&disc, 74), number_at(&disc, 85), number_at(&disc, 300)), (74, 85, 150));
    assert_eq!(disc.read_raw(200), Ok([0; 2352]), "PREGAP is silence");
    assert_eq!(disc.read_raw(354), Ok([0; 2352]), "POSTGAP is silence");
    let packs = disc.cd_text.expect("texts");
    assert_eq!(packs[..16], *b"\x80\0\0\0A b c\0One\0\0\0");
    assert_eq!(packs[18..34], *b"\x81\0\x01\0Various\0\0\0\0\0");
}

#[test]
fn a_pregap_in_the_file_before_belongs_to_the_track() {
    let disc = Folder::new(
        "FILE a.bin BINARY\nTRACK 01 AUDIO\nINDEX 00 00:00:00\nINDEX 01 00:00:30\nTRACK 02 AUDIO\nINDEX 00 00:01:00\n\
         FILE b.bin BINARY\nINDEX 01 00:00:00\n",
    )
    .with("a.bin", 2352, 100)
    .with("b.bin", 2352, 40)
    .open();
    assert_eq!(layout(&disc), [(1, 1, TrackMode::Audio, -150, 30, 75), (2, 1, TrackMode::Audio, 75, 100, 140),]);
    assert_eq!(number_at(&disc, 0), 0, "hidden sectors before index 1 of the first track");
    assert_eq!((number_at(&disc, 99), number_at(&disc, 100)), (99, 0));
}

#[test]
fn tracks_of_one_file_may_differ_in_sector_size() {
    let bytes = [numbered(2048, 75), numbered(2336, 75), numbered(2324, 75), numbered(2352, 10)].concat();
    let disc = Folder::new(
        "FILE x.bin BINARY\nTRACK 01 MODE1/2048\nINDEX 01 00:00:00\nTRACK 02 MODE2/2336\nINDEX 01 00:01:00\n\
         TRACK 03 MODE2/2324\nINDEX 01 00:02:00\nTRACK 04 AUDIO\nINDEX 01 00:03:00\n",
    )
    .with_bytes("x.bin", &bytes)
    .open();
    assert_eq!(disc.disc_type, 0x20);
    assert_eq!(disc.read_user_data(74).expect("data")[..4], [74, 0, 0, 0]);
    assert_eq!(disc.read_raw(76).expect("data")[12..20], [0x00, 0x03, 0x01, 2, 1, 0, 0, 0]);
    assert_eq!(disc.read_raw(151).expect("data")[15..28], [2, 0, 0, 0x20, 0, 0, 0, 0x20, 0, 1, 0, 0, 0]);
    assert_eq!(number_at(&disc, 234), 9);
}

#[test]
fn sessions_are_apart_as_on_a_disc() {
    let disc = Folder::new(
        "REM SESSION 01\nFILE a.bin BINARY\nTRACK 01 AUDIO\nINDEX 01 00:00:00\nREM SESSION 02\nFILE b.bin BINARY\n\
         TRACK 02 MODE1/2352\nINDEX 00 00:00:00\nINDEX 01 00:02:00\nREM SESSION 03\nFILE c.bin BINARY\n\
         TRACK 03 MODE2/2048\nINDEX 01 00:00:00\n",
    )
    .with("a.bin", 2352, 300)
    .with("b.bin", 2352, 200)
    .with("c.bin", 2048, 20)
    .open();
    assert_eq!(
        layout(&disc),
        [
            (1, 1, TrackMode::Audio, -150, 0, 300),
            (2, 2, TrackMode::Mode1, 11_550, 11_700, 11_750),
            (3, 3, TrackMode::Mode2Xa, 18_500, 18_650, 18_670),
        ]
    );
    assert_eq!(disc.sessions.iter().map(|session| session.lead_out).collect::<Vec<_>>(), [300, 11_750, 18_670]);
    assert_eq!(number_at(&disc, 11_550), 0);
}

#[test]
fn files_are_found_in_any_case_and_behind_foreign_paths() {
    let sheet = "FILE \"C:\\Images\\DISC.BIN\" BINARY\nTRACK 01 AUDIO\nINDEX 01 00:00:00\n";
    let disc = Folder::new(sheet).with("disc.bin", 2352, 5).open();
    assert_eq!(layout(&disc), [(1, 1, TrackMode::Audio, -150, 0, 5)]);
}

#[test]
fn wave_and_motorola_samples_are_put_in_disc_order() {
    let mut wave = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x44\xAC\0\0\x10\xB1\x02\0\x04\0\x10\0".to_vec();
    wave.extend(b"LIST\x03\0\0\0abc\0data\x34\x09\0\0");
    wave.extend((0..2356_u32).map(|place| place.to_le_bytes()[0]));
    let disc = Folder::new(
        "FILE a.wav WAVE\nTRACK 01 AUDIO\nINDEX 01 00:00:00\nFILE b.bin MOTOROLA\nTRACK 02 AUDIO\nINDEX 01 00:00:00\n",
    )
    .with_bytes("a.wav", &wave)
    .with("b.bin", 2352, 1)
    .open();
    assert_eq!(layout(&disc)[0].5, 2);
    assert_eq!(disc.read_raw(0).expect("audio")[..4], [0, 1, 2, 3]);
    assert_eq!(disc.read_raw(1).expect("audio")[..6], [0x30, 0x31, 0x32, 0x33, 0, 0], "filled up with silence");
    assert_eq!(disc.read_raw(2).expect("audio")[..6], [0, 0, 0, 0, 0x11, 0x11]);
}

#[test]
fn what_programs_write_beside_the_rules_is_taken() {
    let sheet = "TITLE A \"quoted\" title\nFILE two words.bin BINARY\nTRACK 01 AUDIO\nTITLE \"12\" mix\"\nINDEX 00 00:00:00\n\
                 INDEX 01 00:00:00\nTRACK 02 AUDIO\nINDEX 00 00:00:05\nINDEX 01 00:00:05\n";
    let utf_16: Vec<u8> =
        "\u{FEFF}".chars().chain(sheet.chars()).flat_map(|letter| (letter as u16).to_le_bytes()).collect();
    for bytes in [sheet.as_bytes(), &utf_16] {
        let disc = Folder::new("").with("two words.bin", 2352, 10).with_bytes("disc.cue", bytes).open();
        assert_eq!(indexes(&disc, 1), [(0, -150), (1, 0)]);
        assert_eq!(indexes(&disc, 2), [(1, 5)]);
        assert_eq!(number_at(&disc, 5), 5);
        let packs = disc.cd_text.expect("titles");
        assert_eq!(packs[4..16], *b"A \"quoted\" t");
        assert_eq!(packs[22..34], *b"itle\x0012\" mix");
    }
}

#[test]
fn cdg_carries_its_sub_channels() {
    let mut sector = numbered(2448, 1);
    sector[2352..].fill(0x2A);
    let disc = Folder::new("FILE a.bin BINARY\nTRACK 01 CDG\nINDEX 01 00:00:00\n").with_bytes("a.bin", &sector).open();
    assert!(disc.sub_channels(0).expect("in a track").iter().all(|symbol| symbol & 0x3F == 0x2A));
}

#[test]
fn a_cd_text_file_is_taken_as_it_is() {
    let pack = [0x80; 18];
    let bytes = [&[0, 20, 0, 0][..], &pack, &[0]].concat();
    let disc = Folder::new("CDTEXTFILE t.cdt\nFILE a.bin BINARY\nTRACK 01 AUDIO\nTITLE x\nINDEX 01 00:00:00\n")
        .with("a.bin", 2352, 1)
        .with_bytes("t.cdt", &bytes)
        .open();
    assert_eq!(disc.cd_text, Some(pack.to_vec()));
}

#[test]
fn an_image_cut_after_opening_fails_the_read_only() {
    let folder = Folder::new("FILE a.bin BINARY\nTRACK 01 MODE1/2048\nINDEX 01 00:00:00\n").with("a.bin", 2048, 4);
    let disc = folder.open();
    fs::OpenOptions::new()
        .write(true)
        .open(folder.0.path().join("a.bin"))
        .and_then(|file| file.set_len(2048))
        .expect("cut");
    assert!(disc.read_user_data(0).is_ok());
    assert_eq!(disc.read_user_data(3).expect_err("cut").sense().key, 0x04);
}

fn sheet_line() -> impl Strategy<Value = String> {
    let keyword = prop::sample::select(vec![
        "FILE",
        "TRACK",
        "INDEX",
        "PREGAP",
        "POSTGAP",
        "FLAGS",
        "ISRC",
        "CATALOG",
        "TITLE",
        "REM SESSION",
        "CDTEXTFILE",
    ]);
    let word = prop::sample::select(vec![
        "01",
        "02",
        "00",
        "99",
        "00:00:00",
        "00:02:00",
        "999:59:74",
        "AUDIO",
        "MODE1/2352",
        "MODE2/2324",
        "a.bin",
        "BINARY",
        "WAVE",
        "\"",
        "GBCRS2400001",
        "4294967295",
    ]);
    (keyword, prop::collection::vec(word, 0..4)).prop_map(|(keyword, words)| format!("{keyword} {}", words.join(" ")))
}

proptest! {
    #[test]
    fn any_text_gives_a_sheet_or_an_error(text in ".{0,400}") {
        let _ = image::cue::parse(Path::new("any.cue"), &text);
    }

    #[test]
    fn any_lines_give_a_disc_or_an_error(lines in prop::collection::vec(sheet_line(), 0..24)) {
        let folder = Folder::new(&lines.join("\n")).with("a.bin", 2352, 151);
        if let Err(error) = image::open(&folder.sheet()) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn any_bytes_give_a_disc_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let folder = Folder::new("").with_bytes("x.iso", &bytes).with_bytes("x.bin", &bytes).with_bytes("y.cue", &bytes);
        for name in ["x.iso", "x.bin", "y.cue"] {
            if let Err(error) = image::open(&folder.0.path().join(name)) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
