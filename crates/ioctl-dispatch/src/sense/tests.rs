//! Every row of the interpretation tables, seen through a whole request.

use std::vec;
use std::vec::Vec;

use crate::HandleId;
use crate::effect::{Effect, LogRecord, Notification};
use crate::media::MediaState;
use crate::ntstatus::NtStatus;
use crate::request::{Mdl, SL_OVERRIDE_VERIFY_VOLUME, Transfer};
use crate::test_host::{Answer, Host, Reply};
use crate::time::Ticks;

const CHECK_VERIFY: u32 = 0x002D_4800;
const EJECT: u32 = 0x002D_4808;
const TEST_UNIT_READY: &str = "00 00 00 00 00 00";

/// Sends CHECK_VERIFY to a drive that always answers `reply`; `attempts` commands must reach it.
fn failing(host: &mut Host, reply: &Reply, attempts: usize) -> Answer {
    for _ in 0..attempts {
        host.on(TEST_UNIT_READY, reply.clone());
    }
    host.control(CHECK_VERIFY, "", 0)
}

/// (key, ASC, ASCQ), status, attempts, pause between them in seconds.
type Row = ((u8, u8, u8), NtStatus, usize, u64);

const BY_CODE: &[Row] = &[
    ((2, 0x04, 0x01), NtStatus::DEVICE_NOT_READY, 6, 10),
    ((2, 0x04, 0x07), NtStatus::DEVICE_NOT_READY, 6, 10),
    ((2, 0x04, 0x08), NtStatus::DEVICE_NOT_READY, 6, 0),
    ((2, 0x04, 0x03), NtStatus::NO_MEDIA_IN_DEVICE, 1, 0),
    ((2, 0x04, 0x04), NtStatus::DEVICE_NOT_READY, 1, 0),
    ((2, 0x04, 0x00), NtStatus::DEVICE_NOT_READY, 6, 0),
    ((2, 0x04, 0x02), NtStatus::DEVICE_NOT_READY, 6, 0),
    ((5, 0x04, 0x09), NtStatus::DEVICE_NOT_READY, 6, 0),
    ((2, 0x3A, 0x00), NtStatus::NO_MEDIA_IN_DEVICE, 1, 0),
    ((2, 0x3A, 0xCC), NtStatus::NO_MEDIA_IN_DEVICE, 1, 0),
    ((3, 0x30, 0x01), NtStatus::UNRECOGNIZED_MEDIA, 1, 0),
    ((3, 0x30, 0x02), NtStatus::UNRECOGNIZED_MEDIA, 1, 0),
    ((3, 0x30, 0x03), NtStatus::CLEANER_CARTRIDGE_INSTALLED, 1, 0),
    ((5, 0x30, 0x00), NtStatus::INVALID_DEVICE_REQUEST, 1, 0),
    ((2, 0x30, 0x00), NtStatus::DEVICE_NOT_READY, 6, 0),
    ((4, 0x02, 0x00), NtStatus::DEVICE_DATA_ERROR, 6, 0),
    ((5, 0x02, 0x01), NtStatus::INVALID_DEVICE_REQUEST, 1, 0),
    ((4, 0x08, 0x03), NtStatus::IO_DEVICE_ERROR, 6, 1),
    ((5, 0x08, 0x00), NtStatus::INVALID_DEVICE_REQUEST, 1, 0),
    ((5, 0x21, 0x00), NtStatus::NONEXISTENT_SECTOR, 1, 0),
    ((5, 0x24, 0x00), NtStatus::INVALID_DEVICE_REQUEST, 1, 0),
    ((5, 0x25, 0x00), NtStatus::NO_SUCH_DEVICE, 1, 0),
    ((6, 0x28, 0x00), NtStatus::IO_DEVICE_ERROR, 6, 0),
    ((6, 0x3F, 0x03), NtStatus::IO_DEVICE_ERROR, 6, 5),
    ((6, 0x29, 0x00), NtStatus::IO_DEVICE_ERROR, 6, 0),
    ((1, 0x17, 0x01), NtStatus::SUCCESS, 1, 0),
    ((3, 0x18, 0x00), NtStatus::SUCCESS, 1, 0),
    ((1, 0x5D, 0x00), NtStatus::SUCCESS, 1, 0),
    ((3, 0x57, 0x00), NtStatus::UNRECOGNIZED_MEDIA, 1, 0),
    ((3, 0x57, 0x01), NtStatus::DEVICE_DATA_ERROR, 1, 0),
    ((5, 0x6F, 0x00), NtStatus::CSS_AUTHENTICATION_FAILURE, 1, 0),
    ((5, 0x6F, 0x01), NtStatus::CSS_KEY_NOT_PRESENT, 1, 0),
    ((5, 0x6F, 0x02), NtStatus::CSS_KEY_NOT_ESTABLISHED, 1, 0),
    ((5, 0x6F, 0x03), NtStatus::CSS_SCRAMBLED_SECTOR, 1, 0),
    ((5, 0x6F, 0x04), NtStatus::CSS_REGION_MISMATCH, 1, 0),
    ((5, 0x6F, 0x05), NtStatus::CSS_RESETS_EXHAUSTED, 1, 0),
    ((5, 0x6F, 0x06), NtStatus::COPY_PROTECTION_FAILURE, 1, 0),
];

const BY_KEY: &[Row] = &[
    ((0x0, 0x00, 0), NtStatus::IO_DEVICE_ERROR, 6, 0),
    ((0x1, 0x00, 0), NtStatus::SUCCESS, 1, 0),
    ((0x2, 0x00, 0), NtStatus::DEVICE_NOT_READY, 6, 0),
    ((0x3, 0x11, 5), NtStatus::DEVICE_DATA_ERROR, 1, 0),
    ((0x4, 0x44, 0), NtStatus::IO_DEVICE_ERROR, 6, 0),
    ((0x5, 0x20, 0), NtStatus::INVALID_DEVICE_REQUEST, 1, 0),
    ((0x6, 0x2A, 0), NtStatus::IO_DEVICE_ERROR, 6, 0),
    ((0x7, 0x27, 0), NtStatus::MEDIA_WRITE_PROTECTED, 1, 0),
    ((0x8, 0x00, 0), NtStatus::NO_DATA_DETECTED, 1, 0),
    ((0x9, 0x00, 0), NtStatus::IO_DEVICE_ERROR, 6, 0),
    ((0xA, 0x00, 0), NtStatus::IO_DEVICE_ERROR, 6, 0),
    ((0xB, 0x00, 0), NtStatus::IO_DEVICE_ERROR, 6, 1),
    ((0xC, 0x00, 0), NtStatus::IO_DEVICE_ERROR, 6, 0),
    ((0xD, 0x00, 0), NtStatus::IO_DEVICE_ERROR, 6, 0),
    ((0xE, 0x00, 0), NtStatus::IO_DEVICE_ERROR, 6, 0),
    ((0xF, 0x00, 0), NtStatus::IO_DEVICE_ERROR, 6, 0),
];

#[test]
fn every_sense_code_has_its_status_retries_and_pauses() {
    for ((key, asc, ascq), status, attempts, pause) in BY_CODE.iter().chain(BY_KEY) {
        let answer = failing(&mut Host::default(), &Reply::sense(*key, *asc, *ascq), *attempts);
        assert_eq!(answer.end(), (*status, 0), "{key:X}/{asc:02X}/{ascq:02X}");
        let pauses = if *pause == 0 { Vec::new() } else { vec![Ticks::seconds(*pause); attempts - 1] };
        assert_eq!(answer.waits, pauses, "{key:X}/{asc:02X}/{ascq:02X}");
    }
}

#[test]
fn port_failures_have_their_status_retries_and_pauses() {
    for (status, result, attempts, pause) in [
        (NtStatus::IO_TIMEOUT, NtStatus::IO_TIMEOUT, 6, 1),
        (NtStatus::DEVICE_NOT_CONNECTED, NtStatus::DEVICE_NOT_CONNECTED, 1, 0),
        (NtStatus::DEVICE_DOES_NOT_EXIST, NtStatus::NO_SUCH_DEVICE, 1, 0),
        (NtStatus::NO_SUCH_DEVICE, NtStatus::NO_SUCH_DEVICE, 1, 0),
        (NtStatus::DEVICE_NOT_READY, NtStatus::DEVICE_NOT_READY, 6, 1),
        (NtStatus::DATA_OVERRUN, NtStatus::DATA_OVERRUN, 1, 0),
        (NtStatus::INVALID_DEVICE_REQUEST, NtStatus::INVALID_DEVICE_REQUEST, 1, 0),
        (NtStatus::UNSUCCESSFUL, NtStatus::IO_DEVICE_ERROR, 6, 0),
        (NtStatus::IO_DEVICE_ERROR, NtStatus::IO_DEVICE_ERROR, 6, 1),
        (NtStatus::INSUFFICIENT_RESOURCES, NtStatus::INSUFFICIENT_RESOURCES, 1, 0),
        (NtStatus::CANCELLED, NtStatus::CANCELLED, 1, 0),
    ] {
        let answer = failing(&mut Host::default(), &Reply::port(status), attempts);
        assert_eq!(answer.end(), (result, 0), "{status}");
        assert_eq!(answer.waits.len(), if pause == 0 { 0 } else { attempts - 1 }, "{status}");
    }
    for (scsi_status, result, attempts) in
        [(0x18, NtStatus::DEVICE_BUSY, 1), (0x08, NtStatus::DEVICE_NOT_READY, 6), (0x28, NtStatus::IO_DEVICE_ERROR, 6)]
    {
        let answer = failing(&mut Host::default(), &Reply::scsi_status(scsi_status), attempts);
        assert_eq!(answer.status, result, "{scsi_status:#x}");
    }
}

#[test]
fn a_mounted_volume_is_marked_and_the_attention_reported() {
    for (asc, ascq) in [(0x28, 0), (0x5A, 1), (0x3F, 0), (0x29, 0)] {
        let mut host = Host::default();
        host.environment.mounted = true;
        let answer = failing(&mut host, &Reply::sense(6, asc, ascq), 1);
        assert_eq!(answer.status, NtStatus::VERIFY_REQUIRED);
        assert!(answer.effects.contains(&Effect::SetVerifyVolume), "{asc:02X}");
    }
}

#[test]
fn an_override_is_retried_within_the_limit_and_learns_the_geometry() {
    let mut host = Host::default();
    host.environment.mounted = true;
    host.stack_flags = SL_OVERRIDE_VERIFY_VOLUME;
    let attention = Reply::sense(6, 0x28, 0);
    for _ in 0..5 {
        host.on(TEST_UNIT_READY, attention.clone())
            .on("25 00 00 00 00 00 00 00 00 00", Reply::data("00000063 00000800"));
    }
    host.on(TEST_UNIT_READY, attention);
    let answer = host.control(CHECK_VERIFY, "", 0);
    assert_eq!(answer.end(), (NtStatus::IO_DEVICE_ERROR, 0));
    assert_eq!(host.dispatcher.device.geometry.capacity(), 100 * 2048);
}

#[test]
fn media_state_and_change_count_follow_the_sense() {
    for (sense, state, changes) in [
        ((6, 0x28, 0), MediaState::Present, 2),
        ((6, 0x29, 0), MediaState::Unknown, 2),
        ((6, 0x5A, 1), MediaState::Unknown, 2),
        ((6, 0x3F, 0), MediaState::Unknown, 2),
        ((2, 0x3A, 0), MediaState::NotPresent, 0),
        ((2, 0x3A, 0xCC), MediaState::Unavailable, 0),
        ((5, 0x28, 0), MediaState::Present, 1),
    ] {
        let mut host = Host::default();
        host.environment.mounted = true;
        host.dispatcher.device.media.enabled = true;
        failing(&mut host, &Reply::sense(sense.0, sense.1, sense.2), 1);
        let media = host.dispatcher.device.media;
        assert_eq!((media.known, media.change_count), (state, changes), "{sense:02X?}");
    }
}

#[test]
fn an_mmc_drive_says_what_became_of_its_medium() {
    for (sense, status, attempts, update) in [
        ((6, 0x28, 0), NtStatus::IO_DEVICE_ERROR, 6, true),
        ((6, 0x29, 0), NtStatus::IO_DEVICE_ERROR, 6, true),
        ((6, 0x5A, 1), NtStatus::DEVICE_BUSY, 6, false),
        ((6, 0x5A, 2), NtStatus::DEVICE_BUSY, 6, true),
        ((6, 0x5A, 3), NtStatus::DEVICE_BUSY, 6, true),
        ((2, 0x3A, 0), NtStatus::NO_MEDIA_IN_DEVICE, 1, false),
        ((5, 0x27, 0), NtStatus::INVALID_DEVICE_REQUEST, 1, false),
    ] {
        let mut host = Host::mmc();
        host.dispatcher.device.capability.write_allowed = true;
        let answer = failing(&mut host, &Reply::sense(sense.0, sense.1, sense.2), attempts);
        assert_eq!(answer.status, status, "{sense:02X?}");
        let capability = host.dispatcher.device.capability;
        let required = capability.update == crate::capability::Update::Required;
        assert_eq!((required, capability.write_allowed), (update, sense == (6, 0x5A, 1)), "{sense:02X?}");
    }
}

#[test]
fn a_drive_that_writes_is_busy_for_some_commands() {
    let mut host = Host::mmc();
    let capacity = "25 00 00 00 00 00 00 00 00 00";
    for _ in 0..3 {
        host.on(capacity, Reply::sense(2, 0x04, 0x08));
    }
    assert_eq!(host.control(0x0007_0000, "", 24).end(), (NtStatus::DEVICE_BUSY, 0));
}

#[test]
fn becoming_ready_is_broadcast_and_start_unit_sent_where_it_is_safe() {
    let answer = failing(&mut Host::default(), &Reply::sense(2, 0x04, 0x07), 6);
    let ready = Effect::Notify(Notification::BecomingReady { reason: 2, estimated_100ms: 100 });
    assert_eq!(answer.effects.iter().filter(|effect| **effect == ready).count(), 6);
    let mut host = Host::default();
    assert!(!failing(&mut host, &Reply::sense(2, 0x04, 0x02), 6).effects.contains(&Effect::StartUnit));
    host.dispatcher.device.safe_start_unit = true;
    assert!(failing(&mut host, &Reply::sense(2, 0x04, 0x02), 6).effects.contains(&Effect::StartUnit));
}

#[test]
fn log_entries_are_written_once_for_readiness() {
    let mut host = Host::default();
    let hardware = Reply::sense(4, 0x44, 0);
    let logged = |answer: &Answer| answer.effects.iter().filter(|effect| matches!(effect, Effect::Log(_))).count();
    assert_eq!(logged(&failing(&mut host, &hardware, 6)), 1);
    assert_eq!(logged(&failing(&mut host, &hardware, 6)), 0, "until such a command succeeds");
    host.on("1B 00 00 00 02 00", Reply::good());
    host.control(EJECT, "", 0);
    let answer = failing(&mut host, &hardware, 6);
    let Some(Effect::Log(record)) = answer.effects.iter().find(|effect| matches!(effect, Effect::Log(_))) else {
        panic!("no entry");
    };
    assert_eq!((record.error_code, record.unique_value), (0xC004_000B, 257));
    assert_eq!((record.major_function, record.control_code), (0x0E, CHECK_VERIFY));
    assert_eq!(record.final_status, NtStatus::SUCCESS, "it will be retried");
}

#[test]
fn cancellation_is_honoured_before_a_retry() {
    let mut host = Host::default();
    host.environment.cancelled = true;
    assert_eq!(host.control(CHECK_VERIFY, "", 0).end(), (NtStatus::CANCELLED, 0), "and before the first command");
}

#[test]
fn a_lock_is_tried_three_times() {
    let mut host = Host::default();
    for _ in 0..3 {
        host.on("1E 00 00 00 01 00", Reply::sense(2, 0x04, 0x01));
    }
    let answer = host.control(0x002D_4804, "01", 0);
    assert_eq!((answer.status, answer.waits.len()), (NtStatus::DEVICE_NOT_READY, 2));
    assert_eq!(host.dispatcher.device.removal.simple, 0, "a lock that failed does not count");
}

#[test]
fn an_unlock_is_not_forced_on_a_drive_that_is_gone() {
    for status in [NtStatus::DEVICE_DOES_NOT_EXIST, NtStatus::INSUFFICIENT_RESOURCES] {
        let mut host = Host::default();
        host.dispatcher.device.removal.simple = 1;
        host.on("1E 00 00 00 00 00", Reply::port(status));
        assert!(!host.control(0x002D_4804, "00", 0).status.is_success());
    }
}

fn records(answer: &Answer) -> Vec<LogRecord> {
    let record = |effect: &Effect| if let Effect::Log(record) = effect { Some(*record) } else { None };
    answer.effects.iter().filter_map(record).collect()
}

/// Reads 32 sectors from sector 16 on; the drive of 1000 sectors answers with `replies`.
fn read(paging: bool, streaming: bool, replies: Vec<Reply>) -> Answer {
    let mut host = Host::default();
    let device = &mut host.dispatcher.device;
    device.geometry.update(Ok(&[0, 0, 0x03, 0xE7, 0, 0, 8, 0]));
    device.capability.streaming_read = true;
    host.handle.as_mut().unwrap().streaming_read = streaming;
    host.any(replies).run_transfer(Transfer {
        write: false,
        offset: 16 * 2048,
        length: 32 * 2048,
        mdl: Mdl { address: 0x1000, byte_count: 32 * 2048 },
        handle: Some(HandleId(1)),
        stack_flags: 0,
        minor: 0,
        paging,
    })
}

/// A medium error in fixed format whose Information names `sector`.
fn bad_sector(sector: u32) -> Reply {
    let [a, b, c, d] = sector.to_be_bytes();
    Reply::raw_sense(&[0xF0, 0, 3, a, b, c, d, 10, 0, 0, 0, 0, 0x11, 0, 0, 0, 0, 0])
}

#[test]
fn paging_failures_are_logged_when_they_are_final() {
    let generic = (0x8004_0033, 301);
    for (reply, expected) in [
        (Reply::sense(5, 0x24, 0), &[generic][..]),
        (Reply::sense(3, 0x30, 1), &[(0xC004_0007, 256)]),
        (Reply::sense(3, 0x30, 2), &[]),
        (Reply::sense(3, 0x30, 3), &[]),
        (Reply::sense(3, 0x11, 0), &[(0xC004_0007, 256)]),
        (Reply::sense(5, 0x21, 0), &[]),
        (Reply::scsi_status(0x18), &[]),
        (Reply::port(NtStatus::INSUFFICIENT_RESOURCES), &[generic]),
    ] {
        let logged: Vec<_> = records(&read(true, false, vec![reply.clone()]))
            .iter()
            .map(|record| {
                assert_eq!((record.major_function, record.flags & 1), (3, 1));
                (record.error_code, record.unique_value)
            })
            .collect();
        assert_eq!(logged, expected, "{reply:?}");
        let without_code = logged == [generic] || reply == Reply::sense(3, 0x30, 1);
        let plain = records(&read(false, false, vec![reply]));
        assert_eq!(plain.len(), if without_code { 0 } else { logged.len() });
    }
    assert!(records(&read(true, false, vec![Reply::sense(2, 0x04, 0x08)])).is_empty(), "it was retried");
}

#[test]
fn a_bad_sector_is_named_if_the_command_read_it() {
    for (reply, streaming, sector) in [
        (bad_sector(20), false, 20),
        (bad_sector(16), false, 16),
        (bad_sector(47), false, 47),
        (bad_sector(48), false, 16),
        (bad_sector(15), false, 16),
        (Reply::raw_sense(&[0x72, 3, 0x11, 0, 0, 0, 20, 0]), false, 16),
        // The 12-byte command's count is looked for where the 10-byte one has it.
        (bad_sector(20), true, 16),
    ] {
        let records = records(&read(false, streaming, vec![reply]));
        assert_eq!(records[0].device_offset, sector * 2048, "{sector} {streaming}");
    }
    assert_eq!(records(&read(false, false, vec![Reply::port(NtStatus::DEVICE_NOT_CONNECTED)]))[0].device_offset, 0);
}

#[test]
fn a_read_says_nothing_about_readiness() {
    let mut host = Host::default();
    host.dispatcher.device.geometry.update(Ok(&[0, 0, 0x03, 0xE7, 0, 0, 8, 0]));
    let hardware = Reply::sense(4, 0x44, 0);
    assert_eq!(records(&failing(&mut host, &hardware, 6)).len(), 1);
    host.on("28 00 00 00 00 00 00 00 01 00", Reply::bytes(&[0; 2048]));
    let transfer = Transfer {
        write: false,
        offset: 0,
        length: 2048,
        mdl: Mdl { address: 0x1000, byte_count: 2048 },
        handle: Some(HandleId(1)),
        stack_flags: 0,
        minor: 0,
        paging: false,
    };
    assert_eq!(host.run_transfer(transfer).status, NtStatus::SUCCESS);
    host.on(TEST_UNIT_READY, Reply::good());
    assert_eq!(host.control(CHECK_VERIFY, "", 0).status, NtStatus::SUCCESS);
    assert!(records(&failing(&mut host, &hardware, 6)).is_empty());
    host.on("25 00 00 00 00 00 00 00 00 00", Reply::data("000003E7 00000800"));
    assert_eq!(host.control(0x0007_405C, "", 8).status, NtStatus::SUCCESS);
    assert_eq!(records(&failing(&mut host, &hardware, 6)).len(), 1, "a command of the driver's own ended well");
}
