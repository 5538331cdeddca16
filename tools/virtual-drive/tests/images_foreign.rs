//! Images that other tools made: checked in, made here when a tool is installed, and those of the folder in
//! `CDROMRS_FOREIGN_IMAGES`.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use virtual_drive::disc::sector::{self, edc};
use virtual_drive::disc::{Disc, MediaType, SectorForm, SectorKind, TrackMode, control};
use virtual_drive::image;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/foreign").join(name)
}

/// Unpacks `name`.gz of the fixtures into `folder`.
fn unpack(folder: &Path, name: &str) -> PathBuf {
    let packed = fs::File::open(fixture(&format!("{name}.gz"))).expect("fixture");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).expect("gzip");
    let path = folder.join(name);
    fs::write(&path, bytes).expect("written");
    path
}

fn open(path: &Path) -> Disc {
    image::open(path).unwrap_or_else(|error| panic!("{error}"))
}

/// The content of a file in the root directory of the ISO 9660 volume that begins at `start`.
fn file_in_root(disc: &Disc, start: i32, name: &str) -> Option<Vec<u8>> {
    let both = |bytes: &[u8]| u32::from_le_bytes(bytes[..4].try_into().expect("four bytes"));
    let read = |from: u32, size: u32| -> Vec<u8> {
        let blocks = (from..from + size.div_ceil(2048)).map(|lba| i32::try_from(lba).expect("small"));
        let mut bytes: Vec<u8> = blocks.flat_map(|lba| disc.read_user_data(lba).expect("recorded")).collect();
        bytes.truncate(usize::try_from(size).expect("small"));
        bytes
    };
    let descriptor = disc.read_user_data(start + 16).expect("recorded");
    assert_eq!(&descriptor[..6], b"\x01CD001");
    let directory = read(both(&descriptor[158..]), both(&descriptor[166..]));
    let mut at = 0;
    while let Some(length) = directory.get(at).copied().filter(|length| *length > 0) {
        let record = &directory[at..at + usize::from(length)];
        let found = &record[33..33 + usize::from(record[32])];
        if found == format!("{name};1").as_bytes() {
            return Some(read(both(&record[2..]), both(&record[10..])));
        }
        at += usize::from(length);
    }
    None
}

/// Makes each Mode 1 and Mode 2 sector again from its user data; it must be the same, EDC and ECC included.
fn assert_sectors_can_be_made_again(disc: &Disc) -> usize {
    let mut made = 0;
    for track in disc.tracks().filter(|track| track.mode.is_data()) {
        for lba in track.start..track.end() {
            let (kind, raw) = disc.read_sector(lba).expect("recorded");
            let Some(offset) = kind.user_data_offset() else {
                if kind == SectorKind::Form2 && raw[2348..] != [0; 4] {
                    assert_eq!(edc(&raw[16..]), 0, "sector {lba}");
                    made += 1;
                }
                continue;
            };
            let mut again = sector::synthesise(track.mode, lba, SectorForm::User2048, &raw[offset..offset + 2048]);
            if raw[16..24] != again[16..24] && kind == SectorKind::Form1 {
                again = sector::with_sub_header(again, raw[16..24].try_into().expect("eight bytes"));
            }
            assert!(raw == again, "sector {lba} has other bytes than ours");
            made += 1;
        }
    }
    made
}

#[test]
fn an_iso_file_of_xorriso() {
    let folder = TempDir::new().expect("temporary folder");
    let disc = open(&unpack(folder.path(), "xorriso.iso"));
    assert_eq!(disc.media, MediaType::CdRom);
    assert_eq!(disc.sessions[0].lead_out, 37);
    assert_eq!(
        file_in_root(&disc, 0, "HELLO.TXT").as_deref(),
        Some(&b"A file on a disc image that xorriso made.\n"[..])
    );
    assert_eq!(file_in_root(&disc, 0, "DIGITS.TXT"), Some(b"0123456789\n".repeat(400)));
    assert_eq!(file_in_root(&disc, 0, "OTHER.TXT"), None);
}

#[test]
fn a_video_cd_of_vcdimager() {
    let folder = TempDir::new().expect("temporary folder");
    let image = unpack(folder.path(), "vcdimager.bin");
    let sheet = folder.path().join("vcdimager.cue");
    fs::copy(fixture("vcdimager.cue"), &sheet).expect("copied");
    let disc = open(&sheet);
    let tracks: Vec<_> =
        disc.tracks().map(|track| (track.mode, track.control, track.first(), track.start, track.end())).collect();
    let copyable = control::DATA | control::COPY_PERMITTED;
    assert_eq!(tracks, [(TrackMode::Mode2Xa, copyable, -150, 0, 300), (TrackMode::Mode2Xa, copyable, 300, 450, 749),]);
    assert_eq!(disc.disc_type, 0x20);
    let descriptor = disc.read_user_data(16).expect("Form 1");
    assert_eq!(&descriptor[40..47], b"FOREIGN");
    assert_eq!(disc.read_sector(16).map(|(kind, _)| kind), Ok(SectorKind::Form1));
    assert_eq!(disc.read_sector(500).map(|(kind, _)| kind), Ok(SectorKind::Form2));
    assert_eq!(disc.read_user_data(500).expect_err("Form 2").sense().asc, 0x64);
    assert_eq!(assert_sectors_can_be_made_again(&disc), 599);
    // The file alone is a disc of one track.
    let alone = open(&image);
    assert_eq!(alone.tracks().count(), 1);
    assert_eq!(alone.read_user_data(16), disc.read_user_data(16));
}

#[test]
fn a_cue_sheet_of_cdrdao() {
    let folder = TempDir::new().expect("temporary folder");
    let sheet = folder.path().join("toc2cue.cue");
    fs::copy(fixture("toc2cue.cue"), &sheet).expect("copied");
    fs::write(folder.path().join("toc2cue.bin"), vec![0; 35 * 2048 + 24 * 2352]).expect("written");
    let disc = open(&sheet);
    let tracks: Vec<_> = disc.tracks().map(|track| (track.mode, track.first(), track.start, track.end())).collect();
    assert_eq!(
        tracks,
        [(TrackMode::Mode1, -150, 0, 35), (TrackMode::Audio, 35, 38, 47), (TrackMode::Audio, 47, 49, 59),]
    );
}

#[test]
fn iso_files_made_now_by_installed_tools() {
    let folder = TempDir::new().expect("temporary folder");
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).expect("made");
    let content = b"made at test time\n".repeat(1000);
    fs::write(tree.join("FILE.TXT"), &content).expect("written");
    for (tool, first) in [("xorriso", &["-as", "mkisofs"][..]), ("genisoimage", &[]), ("mkisofs", &[])] {
        let iso = folder.path().join(format!("{tool}.iso"));
        let arguments = ["-quiet", "-V", "NOW", "-J", "-R", "-o"];
        match Command::new(tool).args(first).args(arguments).arg(&iso).arg(&tree).output() {
            Ok(output) if output.status.success() => {
                assert_eq!(file_in_root(&open(&iso), 0, "FILE.TXT").as_ref(), Some(&content), "{tool}");
            }
            Ok(output) => panic!("{tool}: {}", String::from_utf8_lossy(&output.stderr)),
            Err(_) => eprintln!("{tool} is not installed: nothing to check"),
        }
    }
}

/// Every `.iso` and `.cue` of the folder opens, each track can be read at both ends, and data tracks have a volume.
#[test]
fn images_of_the_given_folder() {
    let Some(folder) = std::env::var_os("CDROMRS_FOREIGN_IMAGES") else {
        eprintln!("CDROMRS_FOREIGN_IMAGES is not set: nothing to check");
        return;
    };
    let listed = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let wanted = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "iso" || extension == "cue");
    let images: Vec<PathBuf> = listed.map(|entry| entry.expect("readable").path()).filter(wanted).collect();
    assert!(!images.is_empty(), "{} holds no .iso and no .cue", folder.display());
    for path in images {
        let disc = open(&path);
        for track in disc.tracks() {
            for lba in [track.start, track.end() - 1] {
                disc.read_raw(lba).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            }
        }
        if let Some(data) = disc.tracks().find(|track| track.mode.is_data()) {
            let descriptor =
                disc.read_user_data(data.start + 16).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let known = [&b"CD001"[..], b"BEA01"].contains(&&descriptor[1..6]);
            assert!(known, "{}: no volume descriptor in block 16 of the data track", path.display());
        }
    }
}
