//! Writing and reading back on every kind of medium.

use super::super::testing::{Bench, disc, hex};
use std::time::Duration;

const NEXT: &str = "52 01 00 00 00 FF 00 00 FF 00";

fn block(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|index| (index as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

fn write(bench: &mut Bench, lba: u32, data: &[u8]) -> (u8, u8, u8) {
    let [a, b, c, d] = lba.to_be_bytes();
    let [high, low] = u16::try_from(data.len() / 2048).unwrap().to_be_bytes();
    bench.send_sense(&format!("2A 00 {a:02X} {b:02X} {c:02X} {d:02X} 00 {high:02X} {low:02X} 00"), data)
}

fn read(bench: &mut Bench, lba: u32, blocks: u16) -> Vec<u8> {
    let [a, b, c, d] = lba.to_be_bytes();
    let [high, low] = blocks.to_be_bytes();
    bench.data(&format!("28 00 {a:02X} {b:02X} {c:02X} {d:02X} 00 {high:02X} {low:02X} 00"))
}

/// Next writable address and free blocks.
fn next_writable(bench: &mut Bench) -> (u32, u32) {
    let data = bench.data(NEXT);
    let field = |at: usize| u32::from_be_bytes(data[at..at + 4].try_into().unwrap());
    assert_eq!(data[7] & 1, 1, "the address is valid");
    (field(12), field(16))
}

/// Changes bytes of page 05.
fn set_write_page(bench: &mut Bench, changes: &[(usize, u8)]) {
    let mut list = bench.data("5A 08 05 00 00 00 00 00 FF 00");
    list[..8].fill(0);
    for (offset, value) in changes {
        list[8 + offset] = *value;
    }
    let length = list.len();
    bench.send(&format!("55 10 00 00 00 00 00 00 {length:02X} 00"), &list);
}

#[test]
fn sequential_media_are_written_in_order_and_closed() {
    for (model, name) in [
        ("cdrw", "cd-r-blank"),
        ("cdrw", "cd-rw-blank"),
        ("dvdwriter", "dvd-r-blank"),
        ("dvdwriter", "dvd-rw-blank"),
        ("dvdwriter", "dvd+r-blank"),
        ("bdwriter", "bd-r-blank"),
    ] {
        let mut bench = Bench::ready(model, Some(disc(name)));
        let (next, free) = next_writable(&mut bench);
        assert_eq!(next, 0, "{name}");
        let data = block(1, 32 * 2048);
        assert_eq!(write(&mut bench, 16, &data), (5, 0x21, 2), "{name}");
        assert_eq!(write(&mut bench, 0, &data), (0, 0, 0), "{name}");
        assert_eq!(write(&mut bench, 32, &data), (0, 0, 0), "{name}");
        assert_eq!(next_writable(&mut bench), (64, free - 64), "{name}");
        bench.good("35 00 00 00 00 00 00 00 00 00");
        set_write_page(&mut bench, &[(3, 0xC4)]);
        bench.good("5B 00 02 00 00 00 00 00 00 00");
        assert_eq!(read(&mut bench, 32, 32), data, "{name}");
        assert_eq!(
            bench.data("51 00 00 00 00 00 00 00 22 00")[2] & 0x0F,
            0x01,
            "{name}: appendable, last session empty"
        );
        let (second, _) = next_writable(&mut bench);
        assert!(second >= 64, "{name}");
        assert_eq!(write(&mut bench, second, &data), (0, 0, 0), "{name}");
        bench.good("5B 00 06 00 00 00 00 00 00 00");
        assert_eq!(read(&mut bench, second, 32), data, "{name}");
        assert_eq!(bench.data("51 00 00 00 00 00 00 00 22 00")[2] & 0x0F, 0x0E, "{name}: complete");
        assert_eq!(write(&mut bench, second + 32, &data), (7, 0x27, 0), "{name}");
        assert_eq!(bench.sense("5B 00 02 00 00 00 00 00 00 00"), (5, 0x30, 5), "{name}");
    }
}

#[test]
fn overwritable_media_take_any_formatted_block() {
    for (model, name) in
        [("dvdwriter", "dvd-ram"), ("dvdwriter", "dvd+rw"), ("dvdwriter", "dvd-rw-ro"), ("bdwriter", "bd-re")]
    {
        let mut bench = Bench::ready(model, Some(disc(name)));
        let data = block(7, 16 * 2048);
        assert_eq!(write(&mut bench, 0x8000, &data), (0, 0, 0), "{name}");
        assert_eq!(read(&mut bench, 0x8000, 16), data, "{name}");
        let last = bench.data("25 00 00 00 00 00 00 00 00 00");
        let last = u32::from_be_bytes(last[..4].try_into().unwrap());
        assert_eq!(write(&mut bench, last - 7, &data), (5, 0x21, 0), "{name}");
        let odd = write(&mut bench, 0x8008, &data);
        assert_eq!(odd, if name == "dvd-rw-ro" { (5, 0x21, 2) } else { (0, 0, 0) }, "{name}");
        bench.good("5B 00 02 00 00 00 00 00 00 00");
    }
}

#[test]
fn unformatted_media_must_be_formatted() {
    for (name, kind) in [("dvd+rw-blank", 0x26), ("dvd-rw-blank", 0x10), ("bd-re-blank", 0x30)] {
        let mut bench = Bench::ready("bdwriter", Some(disc(name)));
        let data = block(3, 32 * 2048);
        if name != "dvd-rw-blank" {
            assert_eq!(write(&mut bench, 0, &data), (3, 0x31, 0), "{name}");
        }
        let list = [0, 0x02, 0, 8, 0xFF, 0xFF, 0xFF, 0xFF, kind << 2, 0, 0, 0];
        bench.send("04 11 00 00 00 00", &list);
        assert_eq!(bench.sense("00 00 00 00 00 00"), (2, 4, 4), "{name}");
        bench.pass(Duration::from_secs(5));
        let sense = bench.data("03 00 00 00 12 00");
        assert_eq!((sense[2], sense[12], sense[13], sense[15]), (2, 4, 4, 0x80), "{name}");
        assert!(sense[16] > 0, "{name}: progress");
        let busy = bench.data("4A 01 00 00 40 00 00 00 08 00");
        assert_eq!(busy[..6], [0, 6, 6, 0x5E, 0, 1], "{name}");
        bench.pass(Duration::from_secs(60));
        bench.good("00 00 00 00 00 00");
        assert_eq!(write(&mut bench, 64, &data), (0, 0, 0), "{name}");
        assert_eq!(read(&mut bench, 64, 32), data, "{name}");
    }
}

#[test]
fn format_is_refused() {
    let mut bench = Bench::ready("dvdwriter", Some(disc("dvd+rw")));
    let list = |kind: u8, blocks: u8| [0, 0, 0, 8, blocks, 0, 0, 0, kind << 2, 0, 0, 0];
    assert_eq!(bench.send_sense("04 11 00 00 00 00", &list(0x10, 0)), (5, 0x26, 0));
    assert_eq!(bench.send_sense("04 11 00 00 00 00", &list(0x26, 0x7F)), (5, 0x26, 0));
    assert_eq!(bench.send_sense("04 12 00 00 00 00", &list(0x26, 0)), (5, 0x24, 0));
    assert_eq!(bench.send_sense("04 11 00 00 00 00", &[0; 4]), (5, 0x1A, 0));
    let mut bench = Bench::ready("dvdwriter", Some(disc("dvd-r-blank")));
    assert_eq!(bench.send_sense("04 11 00 00 00 00", &list(0x00, 0)), (5, 0x30, 5));
    let mut bench = Bench::ready("cdrom", Some(disc("data-cd")));
    assert_eq!(bench.send_sense("04 11 00 00 00 00", &list(0x00, 0)), (5, 0x20, 0));
}

#[test]
fn blanking_makes_a_new_disc() {
    let mut bench = Bench::ready("cdrw", Some(disc("cd-rw")));
    bench.good("A1 11 00 00 00 00 00 00 00 00 00 00");
    assert_eq!(bench.sense("25 00 00 00 00 00 00 00 00 00"), (2, 4, 7));
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.data("51 00 00 00 00 00 00 00 22 00")[2], 0x10);
    let mut bench = Bench::ready("cdrw", Some(disc("cd-r-appendable")));
    assert_eq!(bench.sense("A1 01 00 00 00 00 00 00 00 00 00 00"), (5, 0x30, 5));
    assert_eq!(bench.sense("A1 07 00 00 00 00 00 00 00 00 00 00"), (5, 0x24, 0));
}

#[test]
fn full_media_say_so() {
    let mut bench = Bench::ready("cdrw", Some(disc("cd-r-blank")));
    bench.good("53 00 00 00 00 00 00 00 40 00");
    let data = block(1, 65 * 2048);
    assert_eq!(write(&mut bench, 0, &data), (5, 0x63, 0));
    assert_eq!(write(&mut bench, 0, &data[2048..]), (0, 0, 0));
    assert_eq!(write(&mut bench, 64, &data), (5, 0x63, 0));
    let information = bench.data("52 01 00 00 00 01 00 00 FF 00");
    assert_eq!(information[6] & 0x80, 0x80, "reserved");
}

#[test]
fn audio_at_once_by_track() {
    let mut bench = Bench::ready("cdrw", Some(disc("cd-r-blank")));
    set_write_page(&mut bench, &[(3, 0xC0), (4, 0x00)]);
    let audio = block(9, 10 * 2352);
    bench.send("2A 00 00 00 00 00 00 00 0A 00", &audio);
    bench.good("5B 00 01 00 00 01 00 00 00 00");
    let (next, _) = next_writable(&mut bench);
    assert_eq!(next, 160);
    set_write_page(&mut bench, &[(3, 0x04), (4, 0x08)]);
    assert_eq!(write(&mut bench, 160, &block(2, 4096)), (0, 0, 0));
    bench.good("5B 00 02 00 00 00 00 00 00 00");
    assert_eq!(bench.data("BE 04 00 00 00 00 00 00 0A 10 00 00"), audio);
    assert_eq!(read(&mut bench, 160, 2), block(2, 4096));
    assert_eq!(bench.data("43 00 00 00 00 00 00 00 FF 00")[2..6], [1, 2, 0, 0x10]);
}

#[test]
fn session_at_once_by_cue_sheet() {
    let mut bench = Bench::ready("cdrw", Some(disc("cd-r-blank")));
    // Lead-in; track 1 with pregap, 300 frames of audio; track 2 of 75 frames; lead-out.
    let sheet = hex("01 00 00 01 00 00 00 00 \
         01 01 00 00 00 00 00 00 \
         01 01 01 00 00 00 02 00 \
         01 02 01 00 00 00 06 00 \
         01 AA 01 01 00 00 07 00");
    let send = "5D 00 00 00 00 00 00 00 28 00";
    assert_eq!(bench.send_sense(send, &sheet), (5, 0x2C, 0));
    set_write_page(&mut bench, &[(2, 0x42), (3, 0x00), (4, 0x00)]);
    let mut wrong = sheet.clone();
    wrong[24..32].copy_from_slice(&hex("01 02 01 00 00 00 01 00"));
    assert_eq!(bench.send_sense(send, &wrong), (5, 0x26, 0));
    assert_eq!(bench.send_sense("5D 00 00 00 00 00 00 00 24 00", &sheet), (5, 0x26, 0));
    bench.send(send, &sheet);
    bench.send("2A 00 FF FF FF 6A 00 00 96 00", &vec![0; 150 * 2352]);
    let audio = block(5, 375 * 2352);
    bench.send("2A 00 00 00 00 00 00 01 77 00", &audio);
    bench.good("35 00 00 00 00 00 00 00 00 00");
    assert_eq!(bench.data("43 00 00 00 00 00 00 00 FF 00")[2..4], [1, 2]);
    assert_eq!(bench.data("BE 04 00 00 01 2C 00 00 01 10 00 00"), audio[300 * 2352..301 * 2352]);
    assert_eq!(bench.data("51 00 00 00 00 00 00 00 22 00")[2] & 3, 2);
}

#[test]
fn power_calibration() {
    let mut bench = Bench::ready("cdrw", Some(disc("cd-r-blank")));
    let before = bench.now;
    bench.send("54 01 00 00 00 00 00 00 00 00", &[]);
    assert!(bench.now - before >= Duration::from_secs(1));
    assert_eq!(bench.send_sense("54 00 00 00 00 00 00 00 07 00", &[0; 7]), (5, 0x1A, 0));
}

#[test]
fn pressed_media_are_not_written() {
    let mut bench = Bench::ready("dvdwriter", Some(disc("dvd-rom-dl")));
    assert_eq!(write(&mut bench, 0, &block(0, 2048)), (5, 0x30, 5));
    let mut bench = Bench::ready("dvdrom-css", Some(disc("dvd-r-blank")));
    assert_eq!(write(&mut bench, 0, &block(0, 2048)), (5, 0x20, 0));
}
