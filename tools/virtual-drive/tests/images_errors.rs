//! Bad images: every message names the file, the line and what to do.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use virtual_drive::image;

/// Opens `name` in a folder of `files`; gives the message without the folder.
fn message(name: &str, files: &[(&str, &[u8])]) -> String {
    let folder = TempDir::new().expect("temporary folder");
    for (file, bytes) in files {
        fs::write(folder.path().join(file), bytes).expect("written");
    }
    let error = image::open(&folder.path().join(name)).expect_err("a bad image").to_string();
    let folder_name = folder.path().display().to_string();
    error.replace(&format!("{folder_name}{}", std::path::MAIN_SEPARATOR), "").replace(&folder_name, "FOLDER")
}

/// The message for a sheet; `a.bin` beside it has three audio sectors.
fn sheet(text: &str) -> String {
    message("d.cue", &[("d.cue", text.as_bytes()), ("a.bin", &[0; 3 * 2352])])
}

const TRACK: &str = "FILE a.bin BINARY\nTRACK 01 AUDIO\n";

#[test]
fn files_of_sectors() {
    assert_eq!(
        message("x.iso", &[("x.iso", &[1; 2048 + 5])]),
        "x.iso: 2053 bytes are not a whole number of 2048-byte sectors (2043 missing from the last); copy or download it again"
    );
    assert_eq!(message("x.iso", &[("x.iso", &[])]), "x.iso: the file is empty; an image needs at least one sector");
    assert_eq!(
        message("x.bin", &[("x.bin", &[1; 2048])]),
        "x.bin: cannot tell what this is: no file system and no raw data sectors; give the .cue sheet, or name it .iso"
    );
    let mut raw = virtual_drive::disc::sector::SYNC.to_vec();
    raw.resize(3000, 0);
    assert!(message("x.bin", &[("x.bin", &raw)]).starts_with("x.bin: 3000 bytes are not a whole number of 2352-byte"));
    assert!(image::open(Path::new("no/such.iso")).expect_err("missing").to_string().starts_with("no/such.iso: "));
}

#[test]
fn names_that_are_no_image() {
    let message = |name: &str| image::open(Path::new(name)).expect_err("no image").to_string();
    assert_eq!(
        message("sim:dvdram"),
        "sim:dvdram: there is no such generated disc; the nearest names are dvd-ram, dvd-rom, dvd+r (sim:list shows all)"
    );
    assert_eq!(message("x.TOC"), "x.TOC: .toc files are not read here; convert it with toc2cue of cdrdao");
    assert!(image::open(Path::new("sim:mixed-cd")).is_ok());
}

#[test]
fn files_that_a_sheet_names() {
    assert_eq!(
        sheet("FILE \"b b.bin\" BINARY\nTRACK 01 AUDIO\nINDEX 01 00:00:00"),
        "d.cue, line 1: \"b b.bin\" is not in FOLDER; put the file there or correct FILE"
    );
    assert_eq!(
        sheet(&format!("{TRACK}INDEX 01 00:00:00\nTRACK 02 AUDIO\nINDEX 01 00:00:03")),
        "d.cue, line 5: \"a.bin\" has 7056 bytes and this sheet needs at least 9408; the file is cut short, copy it again"
    );
    assert_eq!(
        sheet(&format!("{TRACK}INDEX 01 00:00:00\nTRACK 02 AUDIO\nINDEX 01 00:01:00\n")),
        "d.cue, line 3: \"a.bin\" has 7056 bytes and this sheet needs at least 178752; the file is cut short, copy it again"
    );
    assert_eq!(
        sheet("FILE a.bin BINARY\nTRACK 01 MODE1/2048\nINDEX 01 00:00:00"),
        "d.cue, line 3: \"a.bin\" has 7056 bytes and ends inside a sector of 2048; 8192 are needed: the file is cut short \
         or the TRACK mode is wrong"
    );
    assert_eq!(
        sheet("FILE a.bin WAVE\nTRACK 01 AUDIO\nINDEX 01 00:00:00"),
        "d.cue, line 1: \"a.bin\" cannot be used as a WAVE file: it has no RIFF WAVE header; it must be PCM, 2 channels, \
         16 bits, 44100 Hz"
    );
    assert_eq!(
        sheet(&format!("{TRACK}INDEX 01 00:00:00\nFILE A.BIN BINARY\n")),
        "d.cue, line 4: no INDEX uses FILE \"A.BIN\"; remove the line or add the TRACK"
    );
    assert_eq!(
        sheet(&format!("CDTEXTFILE a.bin\n{TRACK}INDEX 01 00:00:00")),
        "d.cue, line 1: \"a.bin\" has 7056 bytes and is no CD-TEXT file; it must be packs of 18 bytes"
    );
}

#[test]
fn lines_that_say_nothing_known() {
    assert_eq!(
        sheet("FILE a.bin BINARY\nTRAKC 01 AUDIO"),
        "d.cue, line 2: unknown keyword TRAKC; a CUE sheet has ARRANGER, CATALOG, CDTEXTFILE, COMPOSER, DISC_ID, FILE, \
         FLAGS, GENRE, INDEX, ISRC, MESSAGE, PERFORMER, POSTGAP, PREGAP, REM, SONGWRITER, TITLE and TRACK"
    );
    assert_eq!(
        sheet("FILE a.mp3 MP3"),
        "d.cue, line 1: FILE does not know MP3; use BINARY, MOTOROLA or WAVE (convert other audio files to WAVE)"
    );
    assert_eq!(
        sheet("FILE a.bin BINARY\nTRACK 01 MODE3/2352"),
        "d.cue, line 2: TRACK does not know MODE3/2352; use AUDIO, CDG, MODE1/2048, MODE1/2352, MODE2/2048, MODE2/2324, \
         MODE2/2336, MODE2/2352, CDI/2336 or CDI/2352"
    );
    assert_eq!(
        sheet(&format!("{TRACK}FLAGS DCP LOUD")),
        "d.cue, line 3: FLAGS does not know LOUD; use DCP, PRE, 4CH, SCMS or DATA"
    );
    assert_eq!(
        sheet("FILE \"a.bin BINARY"),
        "d.cue, line 1: the quotation mark is not closed; add \" at the end of the name"
    );
}

#[test]
fn words_of_the_wrong_form() {
    for (line, form) in [
        ("FILE a.bin", "FILE needs a name and a type"),
        ("CATALOG 123", "CATALOG needs 13 digits"),
        ("CATALOG 201234567890X", "CATALOG needs 13 digits"),
        ("CDTEXTFILE", "CDTEXTFILE needs the name of a file"),
        ("REM SESSION two", "REM SESSION needs a number"),
    ] {
        assert_eq!(sheet(line), format!("d.cue, line 1: {form}"));
    }
    let time = "a time mm:ss:ff with seconds below 60 and frames below 75";
    for (line, form) in [
        ("TRACK 100 AUDIO", "TRACK needs a number from 01 to 99 and a mode".to_owned()),
        ("INDEX 01", "INDEX needs a number and a time mm:ss:ff".to_owned()),
        ("INDEX 100 00:00:00", "INDEX needs a number from 00 to 99".to_owned()),
        ("INDEX 01 00:60:00", format!("INDEX needs {time}")),
        ("INDEX 01 00:00:75", format!("INDEX needs {time}")),
        ("PREGAP 2:00", format!("PREGAP needs {time}")),
        (
            "ISRC GB-CRS-24-00001",
            "ISRC needs 12 characters without hyphens: five letters or digits, then seven digits".to_owned(),
        ),
    ] {
        assert_eq!(sheet(&format!("{TRACK}{line}")), format!("d.cue, line 3: {form}"));
    }
}

#[test]
fn lines_out_of_place_or_order() {
    for (text, expected) in [
        ("INDEX 01 00:00:00", "line 1: INDEX must come after a TRACK"),
        ("ISRC GBCRS2400001", "line 1: ISRC must come after a TRACK"),
        ("TRACK 01 AUDIO", "line 1: TRACK must come after the FILE it is in"),
        ("REM SESSION 02", "line 1: REM SESSION 02 is out of order; REM SESSION 01 is expected here"),
    ] {
        assert_eq!(sheet(text), format!("d.cue, {expected}"));
    }
    for (text, expected) in [
        ("", "line 2: TRACK 01 has no INDEX 01; add one, it says where the track begins"),
        ("INDEX 00 00:00:00", "line 2: TRACK 01 has no INDEX 01; add one, it says where the track begins"),
        ("INDEX 02 00:00:00", "line 3: INDEX 02 is out of order; INDEX 00 or INDEX 01 is expected here"),
        (
            "INDEX 01 00:00:02",
            "line 3: the first INDEX of a file must be 00:00:00, not 00:00:02; give what comes before it as INDEX 00",
        ),
        ("POSTGAP 00:00:01", "line 3: POSTGAP must come after the last INDEX of its TRACK"),
        ("INDEX 01 00:00:00\nPREGAP 00:00:01", "line 4: PREGAP must come before the first INDEX of its TRACK"),
        ("INDEX 01 00:00:00\nINDEX 03 00:00:01", "line 4: INDEX 03 is out of order; INDEX 02 is expected here"),
        (
            "INDEX 00 00:00:00\nINDEX 01 00:00:02\nINDEX 02 00:00:01",
            "line 5: INDEX time 00:00:01 is out of order; it must be after 00:00:02, the time of the INDEX before it in this file",
        ),
        ("INDEX 01 00:00:00\nTRACK 03 AUDIO", "line 4: TRACK 03 is out of order; TRACK 02 is expected here"),
        (
            "PREGAP 99:59:74\nINDEX 01 00:00:00",
            "line 2: the tracks end at sector 449852, beyond the last of a CD (449849, 99:59:74)",
        ),
    ] {
        assert_eq!(sheet(&format!("{TRACK}{text}")), format!("d.cue, {expected}"));
    }
    assert_eq!(sheet(""), "d.cue: there is no TRACK; add at least one FILE with a TRACK and its INDEX 01");
}
