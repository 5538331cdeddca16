//! Files that people give to the tools: drive scripts, request scripts, images.

use std::fs;
use std::path::Path;
use std::time::Duration;

use drive_host::{Adapter, requests};
use tempfile::TempDir;
use virtual_drive::script::ScriptDrive;
use virtual_drive::{DataPhase, Request, Target, image};

/// Sectors looked at of a disc.
const SECTORS: usize = 16;

/// Drive scripts: what is taken answers commands within what was asked for; what is not names its line.
///
/// # Panics
/// When it does not.
pub fn script(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match ScriptDrive::parse("drive.jsonl", text) {
        Ok(mut drive) => {
            for cdb in [&[0; 6][..], &[0x12, 0, 0, 0, 36, 0], &[0x43, 2, 0, 0, 0, 0, 0, 3, 0x24, 0]] {
                for data in [DataPhase::None, DataPhase::In(36), DataPhase::Out(&[0; 8])] {
                    let reply = drive.execute(Request::new(cdb, data, Duration::ZERO));
                    assert!(reply.data.len() <= 36 && reply.transferred <= 36);
                }
            }
        }
        Err(error) => assert!(error.to_string().contains("drive.jsonl:"), "{error}"),
    }
}

/// Request scripts, and the option that describes an adapter: what is not taken names its line.
///
/// # Panics
/// When it does not.
pub fn requests(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Err(error) = requests::parse("requests.jsonl", text) {
        assert!(error.to_string().contains("requests.jsonl:"), "{error}");
    }
    let _ = text.lines().next().unwrap_or_default().parse::<Adapter>();
}

/// CUE sheets beside a raw image of two seconds.
///
/// # Panics
/// When a sheet is refused without its name.
pub fn cue_sheet(data: &[u8]) {
    with_folder(|folder| {
        let sheet = folder.join("disc.cue");
        fs::write(&sheet, data).expect("a temporary file");
        open(&sheet);
    });
}

/// Image files by their content alone.
///
/// # Panics
/// When an image is refused without its name.
pub fn image_file(data: &[u8]) {
    with_folder(|folder| {
        for name in ["image.iso", "image.bin"] {
            let path = folder.join(name);
            fs::write(&path, data).expect("a temporary file");
            open(&path);
        }
    });
}

fn open(path: &Path) {
    match image::open(path) {
        Ok(disc) => {
            for track in disc.tracks() {
                for lba in (track.first()..track.end()).take(SECTORS).chain([track.end() - 1, track.end()]) {
                    let _ = (disc.read_raw(lba), disc.read_user_data(lba));
                }
            }
        }
        Err(error) => {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}

/// A folder of this thread with the files that sheets name.
fn with_folder(run: impl FnOnce(&Path)) {
    thread_local! {
        static FOLDER: TempDir = {
            let folder = TempDir::new().expect("a temporary folder");
            let sectors = vec![0x5A; 150 * 2352];
            for name in ["disc.bin", "x.bin"] {
                fs::write(folder.path().join(name), &sectors).expect("a temporary file");
            }
            folder
        };
    }
    FOLDER.with(|folder| run(folder.path()));
}
