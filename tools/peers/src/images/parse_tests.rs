use super::*;

fn get<'a>(facts: &'a Facts, names: &[&str]) -> Vec<&'a str> {
    names.iter().map(|name| facts.get(*name).map_or("-", String::as_str)).collect()
}

#[test]
fn track_lists_and_texts_of_cd_info() {
    let facts = cd_info(
        "Disc mode is listed as: CD-DA\nCD-ROM Track List (1 - 2)\n  #: MSF       LSN    Type   Green? Copy? Channels Premphasis?\n  \
         1: 00:02:00  000000 audio  false  no    2        no\n  2: 00:08:00  000450 audio  false  yes   2        yes\n\
         170: 00:12:00  000750 leadout (1 MB raw, 1 MB formatted)\nMedia Catalog Number (MCN): 0724353231123\n\n\
         Language 0 'English':\nCD-TEXT for Disc:\n\tTITLE: Album: tests\nCD-TEXT for Track  2:\n\tPERFORMER: A second text of several words\n",
    );
    let names = ["tracks", "lead_out", "mcn", "track.1.start", "track.2.start", "track.2.copy", "track.2.pre", "texts"];
    assert_eq!(get(&facts, &names), ["1-2", "750", "0724353231123", "0", "450", "yes", "yes", "2"]);
    assert_eq!(get(&facts, &["text.0.title", "text.2.performer"]), ["Album: tests", "A second text of several words"]);
}

#[test]
fn volumes_of_cd_info() {
    let facts = cd_info(
        "  1: 00:02:00  000000 data   false  no\n170: 00:05:08  000233 leadout (535 KB raw, 466 KB formatted)\n\
         CD-ROM with ISO 9660 filesystem\nISO 9660: 233 blocks, label `VOL1                            '\n",
    );
    assert_eq!(get(&facts, &["track.1.mode", "volume.id", "volume.blocks"]), ["mode1", "VOL1", "233"]);
}

#[test]
fn tables_of_cdrdao() {
    let facts = cdrdao_show_toc(
        "TOC TYPE: CD_DA\nCATALOG NUMBER: 0724353231123\nTRACK  1  Mode AUDIO:\n          ISRC GB AYE 00 00351\n          \
         COPY NOT PERMITTED\n          NO PRE-EMPHASIS\n          START  00:00:00(     0)\n          END    00:04:00(   300)\n\n\
         TRACK  2  Mode MODE1_RAW:\n          COPY PERMITTED\n          PREGAP 00:02:00(   150)\n          \
         START  00:06:00(   450)\n          INDEX  2 00:07:00(   525)\n          END    00:10:00(   750)\n",
    );
    let names = ["tracks", "lead_out", "mcn", "track.1.isrc", "track.1.copy", "track.1.pre", "track.1.pregap"];
    assert_eq!(get(&facts, &names), ["1-2", "750", "0724353231123", "GBAYE0000351", "no", "no", "0"]);
    let names = ["track.2.mode", "track.2.isrc", "track.2.pregap", "track.2.start", "track.2.index.2", "track.2.end"];
    assert_eq!(get(&facts, &names), ["mode1", "none", "150", "450", "525", "750"]);
    let facts = cdrdao_toc_info("a.toc: 2 tracks, length 00:10:00, 750 blocks, 1 MB\n");
    assert_eq!(get(&facts, &["tracks", "lead_out"]), ["1-2", "750"]);
}

#[test]
fn rows_of_cueprint() {
    let facts = cueprint("2\tAlbum\tVarious\t\n1\tFirst\t\tGBAYE0000351\n2\t\t\t\n");
    let names = ["tracks", "text.0.title", "text.1.title", "text.1.performer", "track.1.isrc", "track.2.isrc"];
    assert_eq!(get(&facts, &names), ["1-2", "Album", "First", "-", "GBAYE0000351", "none"]);
}

#[test]
fn volumes_and_files_of_iso_tools() {
    let facts = isoinfo("System id: LINUX\nVolume id: VOL1\nVolume set id: \nVolume size is: 233\n");
    assert_eq!(get(&facts, &["volume.system", "volume.id", "volume.blocks"]), ["LINUX", "VOL1", "233"]);
    let list = "Directory listing of /\nd---------   0    0    0            2048 Nov 21 2026 [     28 02]  . \n\
                ----------   0    0    0               6 Nov 21 2026 [     33 00]  HELLO.TXT;1 \n\n\
                Directory listing of /SUB/\n----------   0    0    0          100000 Nov 21 2026 [     34 00]  LONG.DAT;1 \n";
    let expected = [("33+6".into(), "/HELLO.TXT;1".into()), ("34+100000".into(), "/SUB/LONG.DAT;1".into())];
    assert_eq!(isoinfo_list(list), expected);
    let facts = iso_info("Application : X\nSystem      : LINUX\nVolume      : VOL1\nVolume Set  : Y\n");
    assert_eq!(get(&facts, &["volume.system", "volume.id"]), ["LINUX", "VOL1"]);
    let list = "/:\n  d [LSN     30]      2048 Nov 21 2026 05:14:12  .\n  - [LSN     33]         6 Nov 21 2026 05:14:12  HELLO 2.TXT\n\n\
                /SUB/:\n  -rw-r--r--   1 0 0 [LSN     34]    100000 Nov 21 2026 05:14:12  LONG.DAT\n";
    let expected = [("33+6".into(), "/HELLO 2.TXT".into()), ("34+100000".into(), "/SUB/LONG.DAT".into())];
    assert_eq!(iso_info_list(list), expected);
    let said = "Media blocks : 233 readable , 29944030 writable , 29944286 overall\n\
                Media summary: 1 session, 233 data blocks,  466k data, 57.1g free\nVolume Id    : VOL1\n\
                Volume Set Id: \nSystem Id    : LINUX\nFile data lba:  0 ,       33 ,        1 ,        6 , '/A, B.TXT'\n";
    let names = ["volume.system", "volume.id", "sessions", "lead_out"];
    assert_eq!(get(&xorriso(said), &names), ["LINUX", "VOL1", "1", "233"]);
    assert_eq!(xorriso_files(said), [("33+6".into(), "/A, B.TXT".into())]);
}
