use super::*;
use crate::agid::{Agid, AgidClass, Agids, Grant};
use crate::exclusive::Owner;
use crate::handle::HandleId;
use crate::request::{Mdl, SL_OVERRIDE_VERIFY_VOLUME};
use crate::test_host::{Answer, Host, Reply};
use crate::time::Ticks;

const BLOCKS: u64 = 1000;

fn host() -> Host {
    let mut host = Host::default();
    host.dispatcher.device.geometry.update(Ok(&[0, 0, 0x03, 0xE7, 0, 0, 8, 0]));
    host
}

fn writer(schema: u16, blocking: u32) -> Host {
    let mut host = host();
    host.dispatcher.device.is_writer = true;
    let capability = &mut host.dispatcher.device.capability;
    (capability.write_allowed, capability.schema, capability.blocking) = (true, schema, blocking);
    host
}

fn transfer(write: bool, offset: i64, length: u32) -> Transfer {
    Transfer {
        write,
        offset,
        length,
        mdl: Mdl { address: 0x1000, byte_count: length },
        handle: Some(HandleId(1)),
        stack_flags: 0,
        minor: 0,
        paging: false,
    }
}

fn end(host: &mut Host, transfer: Transfer) -> (NtStatus, u64) {
    host.run_transfer(transfer).end()
}

fn blocks(count: usize) -> Reply {
    Reply::bytes(&std::vec![0x11; count * 2048])
}

#[test]
fn a_read_is_one_command_into_the_callers_pages() {
    let mut host = host();
    host.on("28 00 00 00 00 10 00 00 02 00", blocks(2));
    let answer = host.run_transfer(transfer(false, 0x8000, 4096));
    assert_eq!(answer.end(), (NtStatus::SUCCESS, 4096));
    assert_eq!((answer.commands[0].direction, answer.commands[0].timeout_s), (Direction::In, 10));
}

#[test]
fn a_write_is_one_command_out_of_the_callers_pages() {
    let mut host = writer(schema::RANDOM_WRITABLE, 1);
    host.on("2A 00 00 00 00 10 00 00 01 00", Reply::good());
    let answer = host.run_transfer(transfer(true, 0x8000, 2048));
    assert_eq!((answer.end(), answer.commands[0].data_out.len()), ((NtStatus::SUCCESS, 2048), 2048));
}

#[test]
fn admission_is_checked_in_order() {
    let check = |set: fn(&mut Host, &mut Transfer)| {
        let mut host = host();
        let mut request = transfer(false, 0, 2048);
        set(&mut host, &mut request);
        if request.length != 0 && (request.override_verify() || request.minor == MINOR_VERIFY_CHECKED) {
            host.on("28 00 00 00 00 00 00 00 01 00", blocks(1));
        }
        end(&mut host, request)
    };
    let foreign = Owner { handle: HandleId(9), name: [0; 64] };
    assert_eq!(check(|host, _| host.environment.verify = true), (NtStatus::VERIFY_REQUIRED, 0));
    assert_eq!(
        check(|host, request| {
            host.environment.verify = true;
            request.stack_flags = SL_OVERRIDE_VERIFY_VOLUME;
        }),
        (NtStatus::SUCCESS, 2048)
    );
    assert_eq!(
        check(|host, request| {
            host.environment.verify = true;
            request.minor = MINOR_VERIFY_CHECKED;
        }),
        (NtStatus::SUCCESS, 2048)
    );
    assert_eq!(check(|host, _| host.dispatcher.device.audio_playing = true), (NtStatus::DEVICE_BUSY, 0));
    let mut locked = host();
    locked.dispatcher.device.exclusive = Some(foreign);
    assert_eq!(end(&mut locked, transfer(false, 0, 2048)), (NtStatus::ACCESS_DENIED, 0));
    assert_eq!(end(&mut locked, transfer(false, 0, 0)), (NtStatus::SUCCESS, 0), "nothing is checked for no bytes");
    assert_eq!(check(|_, request| request.length = 0), (NtStatus::SUCCESS, 0));
}

#[test]
fn reads_of_a_rom_drive_stay_within_whole_sectors_of_the_medium() {
    let refused = (NtStatus::INVALID_DEVICE_REQUEST, 0);
    let bytes = i64::try_from(BLOCKS * 2048).unwrap();
    for (offset, length) in [
        (1, 2048),
        (512, 2048),
        (0, 100),
        (bytes, 2048),
        (bytes - 2048, 4096),
        (-2048, 2048),
        (i64::MAX - 2047, 2048),
        (i64::MIN, 2048),
    ] {
        assert_eq!(end(&mut host(), transfer(false, offset, length)), refused, "{offset} {length}");
    }
    let mut host = host();
    host.on("28 00 00 00 03 E7 00 00 01 00", blocks(1));
    assert_eq!(end(&mut host, transfer(false, bytes - 2048, 2048)), (NtStatus::SUCCESS, 2048));
}

#[test]
fn a_writer_leaves_the_bounds_to_the_drive_but_not_the_address() {
    let mut host = writer(schema::RANDOM_WRITABLE, 1);
    host.on("28 00 00 10 00 00 00 00 01 00", Reply::sense(5, 0x21, 0));
    assert_eq!(end(&mut host, transfer(false, 0x10_0000 * 2048, 2048)), (NtStatus::NONEXISTENT_SECTOR, 0));
    assert_eq!(end(&mut host, transfer(false, 0x1_0000_0000 * 2048, 2048)), (NtStatus::INVALID_DEVICE_REQUEST, 0));
}

#[test]
fn writes_keep_to_the_schema_of_the_medium() {
    let allowed = |schema, blocking, offset: i64, length: u32| {
        let mut host = writer(schema, blocking);
        let fits = validate(&host.dispatcher.device, &transfer(true, offset * 2048, length * 2048), false).is_some();
        if !fits {
            assert_eq!(
                end(&mut host, transfer(true, offset * 2048, length * 2048)),
                (NtStatus::INVALID_DEVICE_REQUEST, 0)
            );
        }
        fits
    };
    assert!(allowed(schema::DEFECT_MANAGEMENT, 1, 5, 3));
    assert!(allowed(schema::INCREMENTAL_STREAMING, 16, 5, 3));
    assert!(allowed(schema::RIGID_RESTRICTED_OVERWRITE, 16, 32, 16));
    assert!(!allowed(schema::RIGID_RESTRICTED_OVERWRITE, 16, 32, 8));
    assert!(!allowed(schema::RIGID_RESTRICTED_OVERWRITE, 16, 8, 16));
    assert!(allowed(schema::RESTRICTED_OVERWRITE, 16, 32, 8));
    assert!(!allowed(schema::RESTRICTED_OVERWRITE, 16, 33, 16));
    assert!(allowed(schema::RESTRICTED_OVERWRITE, 0, 33, 16), "a blocking of 0 means 1");
    assert!(!allowed(0, 1, 0, 1));
    assert!(!allowed(0x1234, 1, 0, 1));
    assert_eq!(end(&mut host(), transfer(true, 0, 2048)), (NtStatus::INVALID_DEVICE_REQUEST, 0), "not writable");
}

#[test]
fn large_transfers_are_split_and_summed() {
    let mut host = host();
    host.on("28 00 00 00 00 00 00 00 20 00", blocks(32)).on("28 00 00 00 00 20 00 00 10 00", blocks(16));
    assert_eq!(end(&mut host, transfer(false, 0, 48 * 2048)), (NtStatus::SUCCESS, 48 * 2048));
    host.on("28 00 00 00 00 00 00 00 20 00", blocks(32)).on("28 00 00 00 00 20 00 00 10 00", Reply::sense(3, 0x11, 0));
    assert_eq!(end(&mut host, transfer(false, 0, 48 * 2048)), (NtStatus::DEVICE_DATA_ERROR, 32 * 2048));
    host.dispatcher.device.limits.unaligned = 0x1000;
    let mut request = transfer(false, 0, 3 * 2048);
    request.mdl.address = 0x1010;
    host.on("28 00 00 00 00 00 00 00 02 00", blocks(2)).on("28 00 00 00 00 02 00 00 01 00", blocks(1));
    assert_eq!(end(&mut host, request), (NtStatus::SUCCESS, 3 * 2048));
}

#[test]
fn a_short_part_is_not_made_up_for() {
    let mut host = host();
    host.on("28 00 00 00 00 00 00 00 20 00", blocks(31)).on("28 00 00 00 00 1F 00 00 11 00", blocks(17));
    assert_eq!(end(&mut host, transfer(false, 0, 48 * 2048)), (NtStatus::SUCCESS, 48 * 2048));
    host.on("28 00 00 00 00 00 00 00 20 00", blocks(32)).on("28 00 00 00 00 20 00 00 10 00", blocks(1));
    assert_eq!(end(&mut host, transfer(false, 0, 48 * 2048)), (NtStatus::SUCCESS, 33 * 2048));
    host.on("28 00 00 00 00 00 00 00 20 00", Reply::bytes(&[1; 100]));
    assert_eq!(end(&mut host, transfer(false, 0, 48 * 2048)), (NtStatus::SUCCESS, 100), "no place for the next");
    host.on("28 00 00 00 00 00 00 00 01 00", blocks(1).claiming(u32::MAX));
    assert_eq!(end(&mut host, transfer(false, 0, 2048)), (NtStatus::SUCCESS, 2048), "a lying port");
}

#[test]
fn a_recovered_error_counts_as_done() {
    let mut host = host();
    let recovered = Reply::sense(1, 0x17, 0).with_data(&"22".repeat(65536));
    host.on("28 00 00 00 00 00 00 00 20 00", recovered).on("28 00 00 00 00 20 00 00 01 00", blocks(1));
    assert_eq!(end(&mut host, transfer(false, 0, 33 * 2048)), (NtStatus::SUCCESS, 33 * 2048));
}

#[test]
fn streaming_falls_back_to_plain_commands_when_the_drive_cannot() {
    let mut host = host();
    host.dispatcher.device.capability.streaming_read = true;
    host.handle.as_mut().unwrap().streaming_read = true;
    host.on("A8 00 00 00 00 00 00 00 00 01 80 00", Reply::sense(5, 0x24, 0))
        .on("28 00 00 00 00 00 00 00 01 00", blocks(1));
    assert_eq!(end(&mut host, transfer(false, 0, 2048)), (NtStatus::SUCCESS, 2048));
    assert!(host.dispatcher.device.quirks.no_streaming);
    host.on("28 00 00 00 00 00 00 00 01 00", blocks(1));
    assert_eq!(end(&mut host, transfer(false, 0, 2048)), (NtStatus::SUCCESS, 2048), "and stays with them");
}

#[test]
fn streaming_fails_fast_on_what_will_pass() {
    let mut host = host();
    host.dispatcher.device.capability.streaming_read = true;
    host.handle.as_mut().unwrap().streaming_read = true;
    host.on("A8 00 00 00 00 00 00 00 00 01 80 00", Reply::sense(2, 0x04, 0x01));
    assert_eq!(end(&mut host, transfer(false, 0, 2048)), (NtStatus::DEVICE_NOT_READY, 0));
    // The additional length does not cover the ASC (21): the tables read key 5 alone, this rule reads it all the same.
    let cut = Reply::raw_sense(&[0x70, 0, 5, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0x21, 0, 0, 0, 0, 0]);
    host.on("A8 00 00 00 00 00 00 00 00 01 80 00", cut);
    assert_eq!(end(&mut host, transfer(false, 0, 2048)), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    assert!(!host.dispatcher.device.quirks.no_streaming);
    host.dispatcher.device.capability.streaming_read = false;
    assert_eq!(end(&mut host, transfer(false, 0, 2048)), (NtStatus::INVALID_DEVICE_REQUEST, 0));
}

/// Sends a read that fails with `sense` for ever; gives commands and pauses.
fn for_ever(host: &mut Host, sense: &Reply) -> Answer {
    host.always("28 00 00 00 00 00 00 00 01 00", sense.clone());
    host.run_transfer(transfer(false, 0, 2048))
}

#[test]
fn a_failing_read_ends_within_160_seconds() {
    for (sense, status) in [
        (Reply::sense(2, 0x04, 0x01), NtStatus::DEVICE_NOT_READY),
        (Reply::sense(4, 0x44, 0), NtStatus::IO_DEVICE_ERROR),
        (Reply::port(NtStatus::IO_TIMEOUT), NtStatus::IO_TIMEOUT),
    ] {
        let mut host = host();
        host.dispatcher.device.capability.transfer_retry_delay = Ticks::milliseconds(100);
        let answer = for_ever(&mut host, &sense);
        assert_eq!(answer.end(), (status, 0));
        let total: u64 = answer.waits.iter().map(|pause| pause.0).sum();
        assert!((1_600_000_000..1_800_000_000).contains(&total), "{total}");
    }
    let servo = for_ever(&mut host(), &Reply::sense(4, 0x09, 0));
    assert_eq!((servo.commands.len(), servo.status), (6, NtStatus::IO_DEVICE_ERROR));
}

#[test]
fn becoming_ready_keeps_its_longer_pause() {
    let answer = for_ever(&mut host(), &Reply::sense(2, 0x04, 0x01));
    assert!(answer.waits.iter().all(|pause| *pause == Ticks::seconds(10)));
    assert_eq!(answer.commands.len(), 18);
}

#[test]
fn an_unmounted_medium_change_is_retried_and_forgets_grants() {
    let mut host = Host::mmc();
    host.dispatcher.device.geometry.update(Ok(&[0, 0, 0x03, 0xE7, 0, 0, 8, 0]));
    host.dispatcher.device.agids.grant(Grant::new(AgidClass::Css, Agid::ALL[0]), None);
    host.on("28 00 00 00 00 00 00 00 01 00", Reply::sense(6, 0x28, 0)).on("28 00 00 00 00 00 00 00 01 00", blocks(1));
    assert_eq!(end(&mut host, transfer(false, 0, 2048)), (NtStatus::SUCCESS, 2048));
    assert_eq!(host.dispatcher.device.agids, Agids::default());
}

#[test]
fn a_limit_that_is_no_multiple_of_a_block_is_rounded_down() {
    let mut host = host();
    host.dispatcher.device.limits.aligned = 0x1200;
    host.on("28 00 00 00 00 00 00 00 02 00", blocks(2)).on("28 00 00 00 00 02 00 00 01 00", blocks(1));
    assert_eq!(end(&mut host, transfer(false, 0, 3 * 2048)), (NtStatus::SUCCESS, 3 * 2048));
}

#[test]
fn a_cancelled_transfer_says_so_with_the_bytes_done() {
    let mut host = host();
    host.on("28 00 00 00 00 00 00 00 20 00", blocks(32).cancelling());
    assert_eq!(end(&mut host, transfer(false, 0, 48 * 2048)), (NtStatus::CANCELLED, 32 * 2048));
}

#[test]
fn a_command_never_has_more_blocks_than_it_can_count() {
    let mut host = Host::default();
    host.dispatcher.device.limits = crate::limits::TransferLimits::new(u32::MAX, u32::MAX, 0);
    host.dispatcher.device.geometry.update(Ok(&[0, 0x0F, 0xFF, 0xFF, 0, 0, 2, 0]));
    let most = 65_532 * 512;
    host.on("28 00 00 00 00 00 00 FF FC 00", Reply::bytes(&std::vec![0; most]))
        .on("28 00 00 00 FF FC 00 00 04 00", Reply::bytes(&[0; 2048]));
    let length = u32::try_from(most).unwrap() + 2048;
    let answer = host.run_transfer(transfer(false, 0, length));
    assert_eq!(answer.end(), (NtStatus::SUCCESS, length.into()));
}

#[test]
fn the_time_of_a_refresh_is_not_the_reads() {
    let mut host = host();
    let device = &mut host.dispatcher.device;
    (device.is_mmc, device.capability.update) = (true, crate::capability::Update::Required);
    let not_ready = Reply::sense(2, 0x04, 0x01);
    for (cdb, failures, answer) in [
        ("46 01 00 00 00 00 00 00 08 00", 5, Reply::data("00 00 00 04 00 00 00 00")),
        ("5A 08 2A 00 00 00 00 FF F0 00", 3, Reply::good()),
        ("AC 14 00 00 00 00 00 00 00 C8 00 00", 5, Reply::good()),
        ("AC 00 00 00 00 00 00 00 00 C8 03 00", 5, Reply::good()),
    ] {
        for _ in 0..failures {
            host.on(cdb, not_ready.clone());
        }
        if failures == 5 {
            host.on(cdb, answer);
        }
    }
    host.on("28 00 00 00 00 00 00 00 01 00", not_ready).on("28 00 00 00 00 00 00 00 01 00", blocks(1));
    let answer = host.run_transfer(transfer(false, 0, 2048));
    assert_eq!(answer.end(), (NtStatus::SUCCESS, 2048));
    assert!(answer.waits.iter().map(|pause| pause.0).sum::<u64>() > 1_600_000_000);
}
