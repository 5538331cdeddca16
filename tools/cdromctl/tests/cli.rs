//! The command line as people and programs use it: commands, JSON, exit codes, and what bad input is told.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn cdromctl(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cdromctl")).args(arguments).output().unwrap()
}

/// Standard output of a call that ends well.
fn done(arguments: &[&str]) -> String {
    let output = cdromctl(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&done(&[&["--json"], arguments].concat())).unwrap()
}

/// Exit code and the complaint on standard error.
fn refused(arguments: &[&str]) -> (i32, String) {
    let output = cdromctl(arguments);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && !complaint.contains("panicked"), "{arguments:?}: {complaint}");
    (output.status.code().unwrap(), complaint)
}

fn file(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

const TWO_SESSIONS: &str = "--drive=sim:cdrom-twosession";

#[test]
fn info_names_drive_disc_and_region() {
    let report = json(&[TWO_SESSIONS, "info"]);
    assert_eq!((&report["mmc"], &report["state"]), (&Value::Bool(true), &Value::from("disc ready")));
    assert_eq!((&report["tracks"], report["sessions"].as_array().unwrap().len()), (&Value::from(4), 2));
    let movie = json(&["--drive", "sim:dvdrom-movie", "info"]);
    assert_eq!(movie["region"]["drive_regions"], serde_json::json!([1]));
    assert_eq!(json(&["--drive", "sim:cdrom-empty", "info"])["state"], "no disc");
    assert_eq!(json(&["--drive", "sim:oldcd-data", "info"])["mmc"], false);
    for (name, _) in virtual_drive::sim::list() {
        assert!(done(&["--drive", &format!("sim:{name}"), "info"]).starts_with("drive "), "{name}");
    }
}

#[test]
fn tracks_sessions_and_texts_are_shown() {
    let toc = json(&[TWO_SESSIONS, "toc"]);
    let tracks = toc["tracks"].as_array().unwrap();
    assert_eq!(tracks.iter().map(|track| track["data"] == true).collect::<Vec<_>>(), [false, false, false, true]);
    let sessions = json(&[TWO_SESSIONS, "sessions"]);
    let end = &sessions["sessions"][0]["lead_out"];
    let third = &tracks[2];
    let ends = third["start"].as_i64().unwrap() + third["sectors"].as_i64().unwrap();
    assert_eq!(end, &Value::from(ends), "a session's last track ends at its lead-out");
    assert!(done(&[TWO_SESSIONS, "cdtext"]).starts_with("album     title "));
    assert!(done(&[TWO_SESSIONS, "toc"]).lines().count() == 6);
}

#[test]
fn configuration_structures_and_events_are_shown() {
    let report = json(&["--drive", "sim:dvdrom-movie", "config"]);
    assert_eq!(report["current_profile"]["name"], "DVD-ROM");
    assert!(report["features"].as_array().unwrap().len() > 5);
    let structure = json(&["--drive", "sim:dvdrom-movie", "structure", "--format", "copyright"]);
    assert_eq!(structure["length"], 4);
    assert!(done(&["--drive", "sim:cdrom-data", "events", "--seconds", "30"]).contains("media arrived"));
}

#[test]
fn sectors_are_read_whole_and_in_place() {
    let folder = TempDir::new().unwrap();
    let output = |name: &str| folder.path().join(name).display().to_string();
    let (part, raw, wave) = (output("part"), output("raw.bin"), output("song.WAV"));
    let toc = json(&[TWO_SESSIONS, "toc"]);
    let start = toc["tracks"][3]["start"].as_i64().unwrap();
    let descriptor = (start + 16).to_string();
    done(&[TWO_SESSIONS, "read", "--lba", &descriptor, "--count", "2", "--output", &part]);
    let cooked = fs::read(&part).unwrap();
    assert_eq!((cooked.len(), &cooked[1..6]), (4096, &b"CD001"[..]));
    done(&[TWO_SESSIONS, "raw-read", "--lba", &descriptor, "--count", "2", "--output", &raw]);
    let whole = fs::read(&raw).unwrap();
    assert_eq!((whole.len(), &whole[16..2064]), (4704, &cooked[..2048]));
    done(&[TWO_SESSIONS, "raw-read", "--track", "3", "--output", &wave]);
    let sectors = toc["tracks"][2]["sectors"].as_u64().unwrap();
    assert_eq!(fs::metadata(&wave).unwrap().len(), 44 + sectors * 2352);
    let offset = ((start + 16) * 2048).to_string();
    let piped = cdromctl(&[TWO_SESSIONS, "read", "--offset", &offset, "--count", "1", "--output", "-"]);
    assert_eq!(piped.stdout, cooked[..2048]);
}

#[test]
fn the_drive_is_moved_locked_and_slowed() {
    for command in [&["eject"][..], &["load"], &["lock"], &["unlock"], &["speed", "--read", "8x"]] {
        done(&[&[TWO_SESSIONS], command].concat());
    }
    assert_eq!(done(&["--drive", "sim:dvdrom-movie", "session", "start"]), "session 0\n");
    done(&["--drive", "sim:dvdrom-movie", "session", "end"]);
}

#[test]
fn one_request_is_sent_and_traced() {
    let folder = TempDir::new().unwrap();
    let rules = "{\"cdb\": \"12\", \"data\": \"058005021f0000004f5241434c45202043442054574f2053455353494f4e2020312e3030\"}\n{\"cdb\": \"25\", \"data\": \"0001D4BF00000800\"}\n{\"cdb\": \"00\"}\n";
    let drive = file(&folder, "drive.jsonl", rules);
    let drive = format!("--drive=script:{drive}");
    let line = json(&[&drive, "ioctl", "IOCTL_DISK_GET_LENGTH_INFO", "--out-len", "8"]);
    assert_eq!((&line["status"], &line["out"]), (&Value::from("0x00000000"), &Value::from("0000a60e00000000")));
    assert_eq!(line["commands"][0]["cdb"], "25000000000000000000");
    let output = cdromctl(&[&drive, "--trace", "ioctl", "0x0007405C", "--out-len", "8", "--whole-output"]);
    let trace = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(trace.contains("READ CAPACITY (10)") && trace.contains("(start) 12 00 00 00 24 00  INQUIRY"), "{trace}");
    assert!(trace.contains("sense 5/20/00 INVALID COMMAND OPERATION CODE"), "{trace}");
    let failed = cdromctl(&[&drive, "ioctl", "IOCTL_CDROM_READ_TOC"]);
    assert_eq!(failed.status.code(), Some(1), "an error status is exit code 1");
    let alias = json(&[&drive, "ioctl", "IOCTL_DISK_CHECK_VERIFY", "--mode", "kernel", "--wow64"]);
    assert_eq!(alias["status"], "0x00000000");
}

#[test]
fn the_table_has_every_code_and_its_older_names() {
    let table = json(&["ioctls"]);
    let rows = table["ioctls"].as_array().unwrap();
    assert_eq!(rows.len(), ioctl_dispatch::ioctl::IOCTLS.len());
    assert!(done(&["ioctls"]).contains("    also IOCTL_DISK_EJECT_MEDIA"));
}

#[test]
fn a_script_gives_a_result_line_for_each_line() {
    let folder = TempDir::new().unwrap();
    let requests = file(
        &folder,
        "requests.jsonl",
        "# a comment\n{\"open\": \"A\"}\n{\"ioctl\": \"IOCTL_CDROM_READ_TOC\", \"handle\": \"A\", \"out_len\": 804}\n{\"close\": \"A\"}\n",
    );
    let output = done(&[TWO_SESSIONS, "--json", "batch", &requests]);
    let lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<&Value> = lines.iter().map(|line| &line["line"]).filter(|line| !line.is_null()).collect();
    assert_eq!(numbers, [2, 3, 4]);
    assert_eq!((&lines[0]["cause"], &lines[1]["cause"]), (&Value::from("start"), &Value::from("poll")));
    let toc = lines.iter().find(|line| line["line"] == 3).unwrap();
    assert_eq!((&toc["status"], toc["out"].as_str().unwrap().len()), (&Value::from("0x00000000"), 88));
    let whole = done(&[TWO_SESSIONS, "--whole-output", "batch", &requests]);
    let toc = whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(|line| line["line"] == 3);
    assert_eq!(toc.unwrap()["out"].as_str().unwrap().len(), 2 * 804);
}

#[test]
fn bad_input_is_named_with_a_way_out() {
    let folder = TempDir::new().unwrap();
    let wrong_drive = file(&folder, "drive.jsonl", "\n{\"cbd\": \"00\"}");
    let wrong_script = file(&folder, "requests.jsonl", "{\"ioctl\": \"IOCTL_CDROM_REED_TOC\"}");
    let no_handle = file(&folder, "handles.jsonl", "{\"ioctl\": \"0x24000\", \"handle\": \"B\"}");
    let missing = file(&folder, "disc.cue", "FILE \"nowhere.bin\" BINARY\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n");
    let script = format!("--drive=script:{wrong_drive}");
    let cases: &[(&[&str], &str)] = &[
        (&["info"], "Give --drive IMAGE"),
        (&["--drive", "no/disc.iso", "info"], "--drive no/disc.iso: no such file"),
        (&["--drive", "sim:cdrw-blnak", "info"], "cdrw-blank"),
        (&["--drive", &missing, "info"], "nowhere.bin"),
        (&[&script, "info"], "drive.jsonl:2: unknown key `cbd`; the nearest known key is `cdb`"),
        (&["--drive", "script:none.jsonl", "info"], "none.jsonl"),
        (
            &[TWO_SESSIONS, "batch", &wrong_script],
            "requests.jsonl:1: `IOCTL_CDROM_REED_TOC` is no control code's name; the nearest are IOCTL_CDROM_READ_TOC",
        ),
        (&[TWO_SESSIONS, "batch", &no_handle], "handles.jsonl:1: handle `B` is not open"),
        (&[TWO_SESSIONS, "batch", "nothing.jsonl"], "nothing.jsonl"),
        (&[TWO_SESSIONS, "ioctl", "READ_TOK"], "nearest"),
        (&[TWO_SESSIONS, "ioctl", "1", "--in", "0x12"], "--in: `x` at position 2"),
        (&["--adapter", "max-pags=1", TWO_SESSIONS, "info"], "write `max-pages=NUMBER`"),
        (
            &["--registry", "Autorum=1", TWO_SESSIONS, "info"],
            "--registry: the driver reads no registry value `Autorum`; it reads Autorun",
        ),
        (&[TWO_SESSIONS, "raw-read", "--track", "9", "--output", "x.wav"], "the disc has the tracks 1, 2, 3, 4"),
        (&[TWO_SESSIONS, "raw-read", "--track", "4", "--output", "x.wav"], "data sectors"),
        (&[TWO_SESSIONS, "raw-read", "--track", "1", "--output", "x.mp3"], "must end in .wav"),
        (&[TWO_SESSIONS, "read", "--output", "no/such/folder/x"], "no/such/folder/x"),
        (&[TWO_SESSIONS, "speed", "--read", "fast"], "--read fast: give kB/s"),
        (&[TWO_SESSIONS], "nothing to do; `cdromctl --help`"),
        (&[TWO_SESSIONS, "frobnicate"], "unrecognized subcommand"),
    ];
    for (arguments, message) in cases {
        let (code, complaint) = refused(arguments);
        assert!(code == 2 && complaint.contains(message), "{arguments:?}: {code} {complaint}");
    }
    if cfg!(target_os = "linux") {
        let (code, complaint) = refused(&["--drive", "/dev/no-such-drive", "info"]);
        assert!(code == 2 && complaint.contains("ls /dev/sr*"), "{complaint}");
        assert!(refused(&["--drive", "/dev/null", "info"]).1.contains("takes no SCSI commands"));
    }
}

#[test]
fn what_the_drive_refuses_is_exit_code_1() {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("out.bin").display().to_string();
    let past_the_end = [TWO_SESSIONS, "raw-read", "--lba", "34000", "--count", "200", "--output", &output];
    let cases: &[(&[&str], &str)] = &[
        (&["--drive", "sim:cdrom-empty", "toc"], "STATUS_NO_MEDIA_IN_DEVICE (0xC0000013); there is no disc"),
        (&[TWO_SESSIONS, "session", "start"], "STATUS_INVALID_DEVICE_REQUEST"),
        (&past_the_end, "LOGICAL BLOCK ADDRESS OUT OF RANGE"),
    ];
    for (arguments, message) in cases {
        let (code, complaint) = refused(arguments);
        assert!(code == 1 && complaint.contains(message), "{arguments:?}: {code} {complaint}");
    }
}

#[test]
fn help_has_examples_and_exit_codes() {
    assert!(done(&["--help"]).contains("Exit codes: 0 done, 1"));
    for command in ["raw-read", "ioctl", "batch", "read", "speed"] {
        assert!(done(&[command, "--help"]).contains("Example"), "{command}");
    }
    assert!(done(&["batch", "--help"]).contains("cancel_after_ms"));
    assert!(done(&["--drive", "sim:list"]).contains("sim:cdrom-twosession"));
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cdromctl"))
        .arg("ioctls")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Files of this extension that `cargo xtask test` put into its folder of images that other tools made; `None` in a test
/// run of its own.
fn foreign(extension: &str) -> Option<Vec<PathBuf>> {
    let folder = std::env::var_os("CDROMRS_FOREIGN_IMAGES")?;
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    Some(entries.filter(|path| path.extension().is_some_and(|other| other.eq_ignore_ascii_case(extension))).collect())
}

#[test]
fn foreign_images_of_one_track_are_read_byte_for_byte() {
    let Some(images) = foreign("iso") else { return };
    assert!(!images.is_empty(), "nothing to read");
    let target = TempDir::new().unwrap();
    let output = target.path().join("copy").display().to_string();
    for image in images {
        let drive = format!("--drive={}", image.display());
        assert!(done(&[&drive, "info"]).contains("disc ready"), "{drive}");
        done(&[&drive, "read", "--output", &output]);
        let (copy, original) = (fs::read(&output).unwrap(), fs::read(&image).unwrap());
        let whole = original.len() / 2048 * 2048;
        assert!(copy.len() >= whole && copy[..whole] == original[..whole], "{drive}");
    }
}

/// Sheets of a Mode 1 track of 2048-byte sectors and an audio track, in one file.
#[test]
fn foreign_images_of_data_and_audio_are_read_byte_for_byte() {
    let Some(sheets) = foreign("cue") else { return };
    let target = TempDir::new().unwrap();
    let [data, audio] = ["data", "audio.bin"].map(|name| target.path().join(name).display().to_string());
    for sheet in sheets {
        let drive = format!("--drive={}", sheet.display());
        let sectors = json(&[&drive, "toc"])["tracks"][0]["sectors"].to_string();
        done(&[&drive, "read", "--lba", "0", "--count", &sectors, "--output", &data]);
        done(&[&drive, "raw-read", "--track", "2", "--output", &audio]);
        let copy = [fs::read(&data).unwrap(), fs::read(&audio).unwrap()].concat();
        assert!(copy == fs::read(sheet.with_extension("bin")).unwrap(), "{drive}");
    }
}

#[test]
fn a_recorded_session_is_replayed() {
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("drive.jsonl").display().to_string();
    let replay = format!("script:{script}");
    for drive in ["sim:cdrom-twosession", "sim:dvdrom-movie", "sim:cdrom-empty"] {
        for command in [&["info"][..], &["config"], &["--json", "ioctl", "IOCTL_CDROM_READ_TOC", "--out-len", "804"]] {
            let said = |arguments: &[&str]| {
                let output = cdromctl(&[arguments, command].concat());
                let text = String::from_utf8(output.stdout).unwrap();
                let lines = text.lines().filter(|line| !line.starts_with("at ")).map(str::to_owned);
                (output.status.code(), lines.collect::<Vec<_>>())
            };
            let recorded = said(&["--drive", drive, "--record", &script]);
            assert_eq!(said(&["--drive", &replay]), recorded, "{drive} {command:?}");
        }
    }
    assert!(fs::read_to_string(&script).unwrap().starts_with("# Recorded by cdromctl "));
    let nowhere = folder.path().join("none/drive.jsonl").display().to_string();
    let (code, complaint) = refused(&["--drive", "sim:cdrom-data", "--record", &nowhere, "info"]);
    assert!(code == 2 && complaint.contains("--record "), "{complaint}");
}

#[test]
fn peers_that_are_not_there_are_named() {
    for (drive, expected) in [
        ("iscsi://", "names no target"),
        ("iscsi://127.0.0.1:1/target/1", "no iSCSI target answers at 127.0.0.1:1"),
        ("/dev/null", "/dev/null takes no SCSI commands"),
    ] {
        let (code, complaint) = refused(&["--drive", drive, "info"]);
        assert!(code == 2 && complaint.contains(expected), "{complaint}");
    }
}
