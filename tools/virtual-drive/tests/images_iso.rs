//! Single files of sectors: the media they are taken for.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;
use virtual_drive::disc::{Disc, MediaType, SectorForm, TrackMode, generated, sector};
use virtual_drive::image;

#[test]
fn the_size_tells_the_medium() {
    for (blocks, media) in [(1, MediaType::CdRom), (360_001, MediaType::DvdRom)] {
        let folder = TempDir::new().expect("temporary folder");
        let path = folder.path().join("x.ISO");
        // A hole: no space on the disk.
        File::create(&path).and_then(|file| file.set_len(u64::from(blocks) * 2048)).expect("made");
        let disc = image::open(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((disc.media, disc.capacity), (media, blocks));
        let last = i32::try_from(blocks).expect("small") - 1;
        assert_eq!(disc.read_user_data(last), Ok([0; 2048]));
        assert!(disc.read_user_data(last + 1).is_err());
    }
}

/// Raw sectors of `mode`, made of blocks filled with their address.
fn raw(mode: TrackMode, sectors: i32) -> Vec<u8> {
    let block = |lba: i32| [lba.to_le_bytes()[0]; 2048];
    (0..sectors).flat_map(|lba| sector::synthesise(mode, lba, SectorForm::User2048, &block(lba))).collect()
}

fn open_bytes(name: &str, bytes: &[u8]) -> (TempDir, Disc) {
    let folder = TempDir::new().expect("temporary folder");
    let path: PathBuf = folder.path().join(name);
    fs::write(&path, bytes).expect("written");
    let disc = image::open(&path).unwrap_or_else(|error| panic!("{error}"));
    (folder, disc)
}

#[test]
fn raw_sectors_are_known_by_their_sync_pattern() {
    for (mode, disc_type) in [(TrackMode::Mode1, 0x00), (TrackMode::Mode2Xa, 0x20)] {
        for name in ["x.iso", "x.bin", "x.img"] {
            let (_folder, disc) = open_bytes(name, &raw(mode, 20));
            assert_eq!((disc.media, disc.disc_type), (MediaType::CdRom, disc_type));
            assert_eq!(disc.tracks().map(|track| (track.mode, track.length)).collect::<Vec<_>>(), [(mode, 20)]);
            assert_eq!(disc.read_user_data(19), Ok([19; 2048]));
        }
    }
}

#[test]
fn raw_sectors_may_carry_their_sub_channels() {
    let bytes: Vec<u8> = raw(TrackMode::Mode1, 3).chunks(2352).flat_map(|raw| [raw, &[0x15; 96]].concat()).collect();
    let (_folder, disc) = open_bytes("x.img", &bytes);
    assert_eq!(disc.read_user_data(2), Ok([2; 2048]));
    assert!(disc.sub_channels(2).expect("in a track").iter().all(|symbol| symbol & 0x3F == 0x15));
}

#[test]
fn a_volume_descriptor_makes_any_name_an_iso_file() {
    let mut bytes = vec![0; 20 * 2048];
    bytes[16 * 2048 + 1..][..5].copy_from_slice(b"BEA01");
    let (_folder, disc) = open_bytes("backup.img", &bytes);
    assert_eq!(disc.capacity, 20);
}

/// The volumes of generated discs are file systems to other tools too.
#[test]
fn isoinfo_reads_a_generated_volume() {
    let folder = TempDir::new().expect("temporary folder");
    let path = folder.path().join("data.iso");
    let disc = generated::by_name("data-cd").expect("generated");
    let bytes: Vec<u8> = (0..18_000).flat_map(|lba| disc.read_user_data(lba).expect("recorded")).collect();
    fs::write(&path, bytes).expect("written");
    let isoinfo = |arguments: &[&str]| Command::new("isoinfo").arg("-i").arg(&path).args(arguments).output();
    let Ok(listing) = isoinfo(&["-f"]) else {
        eprintln!("isoinfo is not installed: nothing to check");
        return;
    };
    assert_eq!(String::from_utf8_lossy(&listing.stdout), "/DATA.BIN;1\n/README.TXT;1\n");
    let data = isoinfo(&["-x", "/DATA.BIN;1"]).expect("installed").stdout;
    assert_eq!(data.len(), (18_000 - 22) * 2048);
    assert_eq!(data[..2048], generated::numbered_block(22));
    let read_me = isoinfo(&["-x", "/README.TXT;1"]).expect("installed").stdout;
    assert!(read_me.ends_with(b"block 0000000000, byte 0000 ...\n"));
}
