//! Tray, disc and events, as a host lives through them.

use std::path::PathBuf;
use std::time::Duration;

use super::super::testing::{Bench, cd, disc};
use crate::target::{MediaAction, Target};

const READY: &str = "00 00 00 00 00 00";
const MEDIA_EVENT: &str = "4A 01 00 00 10 00 00 00 08 00";

fn event(bench: &mut Bench) -> [u8; 2] {
    let data = bench.data(MEDIA_EVENT);
    [data[4], data[5]]
}

#[test]
fn power_on_with_a_disc() {
    let mut bench = Bench::new("cdrom", Some(cd()));
    bench.data("12 00 00 00 24 00");
    assert_eq!(event(&mut bench), [0, 2]);
    assert_eq!(bench.sense(READY), (6, 0x29, 0));
    assert_eq!(bench.sense(READY), (2, 4, 1));
    let busy = bench.data("4A 01 00 00 40 00 00 00 08 00");
    assert_eq!(busy[4..6], [0, 1]);
    bench.pass(Duration::from_millis(1600));
    assert_eq!(event(&mut bench), [2, 2]);
    bench.data("46 00 00 00 00 00 00 01 00 00");
    bench.data("03 00 00 00 12 00");
    assert_eq!(bench.sense(READY), (6, 0x28, 0));
    bench.good(READY);
}

#[test]
fn ejecting_and_loading() {
    let mut bench = Bench::ready("cdrom", Some(cd()));
    event(&mut bench);
    bench.good("1B 00 00 00 02 00");
    assert_eq!(bench.sense(READY), (2, 0x3A, 2));
    assert_eq!(event(&mut bench), [3, 1]);
    assert_eq!(bench.data("46 00 00 00 00 00 00 00 08 00")[6..], [0, 0]);
    bench.good("1B 01 00 00 03 00");
    assert_eq!(bench.sense(READY), (2, 4, 1));
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.sense(READY), (6, 0x28, 0));
    bench.good(READY);
    assert_eq!(event(&mut bench), [2, 2]);
    assert_eq!(event(&mut bench), [0, 2]);
}

#[test]
fn loading_an_empty_tray() {
    let mut bench = Bench::ready("cdrom", None);
    assert_eq!(bench.sense(READY), (2, 0x3A, 1));
    bench.good("1B 00 00 00 02 00");
    assert_eq!(bench.sense(READY), (2, 0x3A, 2));
    assert_eq!(bench.sense("1B 00 00 00 03 00"), (2, 0x3A, 1));
    assert_eq!(event(&mut bench), [0, 0]);
}

#[test]
fn a_locked_drive_asks() {
    let mut bench = Bench::ready("cdrom", Some(cd()));
    event(&mut bench);
    for (lock, unlock) in [("1E 00 00 00 01 00", "1E 00 00 00 00 00"), ("1E 00 00 00 03 00", "1E 00 00 00 02 00")] {
        bench.good(lock);
        assert_eq!(bench.sense("1B 00 00 00 02 00"), (5, 0x53, 2));
        bench.drive.act(&MediaAction::EjectButton, bench.now).unwrap();
        assert_eq!(event(&mut bench), [1, 2]);
        bench.good(unlock);
    }
    bench.drive.act(&MediaAction::EjectButton, bench.now).unwrap();
    assert_eq!(event(&mut bench), [3, 1]);
    bench.drive.act(&MediaAction::EjectButton, bench.now).unwrap();
    bench.pass(Duration::from_secs(4));
    assert_eq!(event(&mut bench), [2, 2]);
}

#[test]
fn a_disc_is_exchanged_by_hand() {
    let mut bench = Bench::ready("cdrom", Some(cd()));
    event(&mut bench);
    bench.drive.act(&MediaAction::Remove, bench.now).unwrap();
    assert_eq!(event(&mut bench), [3, 0]);
    assert_eq!(bench.sense(READY), (2, 0x3A, 1));
    bench.drive.act(&MediaAction::Insert(PathBuf::from("sim:data-cd")), bench.now).unwrap();
    assert_eq!(bench.sense(READY), (2, 4, 1));
    bench.pass(Duration::from_secs(2));
    assert_eq!(event(&mut bench), [2, 2]);
    assert_eq!(bench.sense("25 00 00 00 00 00 00 00 00 00"), (6, 0x28, 0));
    assert_eq!(bench.data("25 00 00 00 00 00 00 00 00 00")[..4], [0, 0, 0x46, 0x4F]);
    let missing = MediaAction::Insert(PathBuf::from("sim:data-cdd"));
    assert!(bench.drive.act(&missing, bench.now).unwrap_err().contains("data-cd"));
}

#[test]
fn a_disc_that_the_drive_cannot_read() {
    let mut bench = Bench::ready("cdrom", Some(disc("dvd-rom")));
    assert_eq!(bench.sense(READY), (2, 0x30, 0));
    assert_eq!(bench.data("46 00 00 00 00 00 00 00 08 00")[6..], [0, 0]);
}

#[test]
fn stopping_and_starting() {
    let mut bench = Bench::ready("cdrom", Some(disc("data-cd")));
    bench.good("1B 00 00 00 00 00");
    let before = bench.now;
    bench.data("28 00 00 00 00 10 00 00 01 00");
    assert!(bench.now - before > Duration::from_secs(1));
    let mut old = Bench::ready("oldcd", Some(disc("data-cd")));
    old.good("1B 00 00 00 00 00");
    assert_eq!(old.sense(READY), (2, 4, 2));
    old.good("1B 00 00 00 01 00");
    old.good(READY);
    assert_eq!(old.sense("4A 01 00 00 10 00 00 00 08 00"), (5, 0x20, 0));
}

#[test]
fn golden_mechanism_status() {
    let mut bench = Bench::ready("cdrom", Some(cd()));
    bench.good("2B 00 00 00 10 00 00 00 00 00");
    assert_eq!(bench.data("BD 00 00 00 00 00 00 00 00 08 00 00"), [0, 0, 0, 0x10, 0, 0, 0, 0]);
    bench.good("45 00 00 00 00 00 00 10 00 00");
    assert_eq!(bench.data("BD 00 00 00 00 00 00 00 00 08 00 00")[1], 0x20);
    bench.good("1B 00 00 00 02 00");
    assert_eq!(bench.data("BD 00 00 00 00 00 00 00 00 08 00 00")[1], 0x10);
}

#[test]
fn short_and_unknown_commands() {
    let mut bench = Bench::ready("cdrom", Some(cd()));
    assert_eq!(bench.sense("28 00 00 00 00"), (5, 0x24, 0));
    assert_eq!(bench.sense("FF 00 00 00 00 00"), (5, 0x20, 0));
    assert_eq!(bench.sense("2A 00 00 00 00 00 00 00 01 00"), (5, 0x20, 0));
    assert_eq!(bench.sense("9E 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00"), (5, 0x20, 0));
}
