use super::*;
use crate::capability::Update;
use crate::descriptors::PowerDescriptor;
use crate::test_host::{Answer, Host, Reply};
use crate::zero_power::Mechanism;
use std::string::String;
use std::vec::Vec;

const INQUIRY: &str = "12 00 00 00 24 00";
const INQUIRY_DATA: &str =
    "05 80 05 32 1F 00 00 00 56 45 4E 44 4F 52 20 20 50 52 4F 44 55 43 54 20 20 20 20 20 20 20 20 20 31 2E 30 30";
const CLASSES: &str = "4A 01 00 00 00 00 00 00 08 00";
const EVENT: &str = "4A 01 00 00 5A 00 00 00 08 00";
const NO_EVENT: &str = "00 06 04 5E 00 02 00 00";
const HEADER: &str = "46 00 00 00 00 00 00 00 08 00";
const ONE: &str = "46 02 00 00 00 00 00 00 0C 00";
const MODE_10: &str = "5A 08 2A 00 00 00 00 00 28 00";
const MODE_6: &str = "1A 08 2A 00 24 00";
const CAPACITY: &str = "25 00 00 00 00 00 00 00 00 00";
const RPC: &str = "A4 00 00 00 00 00 00 00 00 08 08 00";

fn illegal() -> Reply {
    Reply::sense(5, 0x20, 0)
}

/// A drive whose idle-power registration is refused, as with most ports.
fn host() -> Host {
    let mut host = Host::default();
    host.dispatcher.device.policy.notification = true;
    host.on_platform(NtStatus::NOT_SUPPORTED, 0);
    host
}

fn features(list: &[&str]) -> String {
    let body: Vec<u8> = list.iter().flat_map(|text| crate::test_host::hex(text)).collect();
    let length = u32::try_from(body.len() + 4).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| std::format!("{byte:02X}")).collect::<String>();
    std::format!("{}00000008{}", hex(&length.to_be_bytes()), hex(&body))
}

/// Scripts detection of an MMC drive with these features, from the header probe to the end of the mode page.
fn mmc(host: &mut Host, list: &[&str]) {
    let all = features(list);
    let length = all.len() / 2;
    let ask = std::format!("46 00 00 00 00 00 00 {:02X} {:02X} 00", length >> 8, length & 0xFF);
    host.on(HEADER, Reply::data(&all[..16])).on(ONE, Reply::data("00 00 00 0C 00 00 00 08 00 00 03 04"));
    host.on(HEADER, Reply::data(&all[..16])).on(&ask, Reply::data(&all));
    host.on(MODE_10, Reply::data(&std::format!("00 1E 01 00 00 00 00 00 2A 16 3B 33 71 77 {}", "00".repeat(18))));
}

fn up_to_features(host: &mut Host) {
    host.on(INQUIRY, Reply::data(INQUIRY_DATA))
        .on(CLASSES, Reply::data("00 02 80 5E"))
        .on(EVENT, Reply::data(NO_EVENT));
}

fn started(host: &mut Host) -> Answer {
    host.on(CAPACITY, Reply::data("00 00 03 E7 00 00 08 00"));
    host.run(crate::Job::Start)
}

#[test]
fn a_cd_rom_drive() {
    let mut host = host();
    up_to_features(&mut host);
    mmc(&mut host, &["0000 03 04 0008 0100", "001E 01 04 03 000000"]);
    let answer = started(&mut host);
    assert_eq!(answer.end(), (NtStatus::SUCCESS, 0));
    let times: Vec<_> = answer.commands.iter().map(|command| command.timeout_s).collect();
    assert_eq!(times, [10, 4, 4, 4, 4, 4, 4, 10, 20]);
    let device = &host.dispatcher.device;
    assert!(device.initialized && device.is_mmc && !device.is_dvd && !device.is_aacs && !device.is_writer);
    assert!(device.c2_pointers && device.raw_sub_channel && device.polling.events.supported && device.safe_start_unit);
    assert_eq!(device.inquiry.as_slice().len(), 36);
    assert_eq!((device.media.known, device.geometry.capacity()), (MediaState::Present, 1000 * 2048));
    assert_eq!((device.capability.update, device.timeout_s), (Update::Required, 10));
    assert!(answer.effects.contains(&Effect::WriteRegistry(RegistryWrite::MmcDetectionState(2))));
}

#[test]
fn a_dvd_writer_with_aacs_waits_longer() {
    let mut host = host();
    up_to_features(&mut host);
    mmc(&mut host, &["001F 01 00", "0021 00 04 00000000", "010D 00 04 00000000"]);
    host.on(CAPACITY, Reply::sense(2, 0x3A, 1)).on(RPC, Reply::data("00 06 00 00 65 FE 01 00"));
    host.run(crate::Job::Start);
    let device = &host.dispatcher.device;
    assert!(device.is_dvd && device.is_aacs && device.is_writer && !device.region.pending);
    assert_eq!((device.timeout_s, device.media.known), (260, MediaState::NotPresent));
}

#[test]
fn a_drive_without_get_configuration_is_not_asked_again() {
    for (reply, remembered) in [
        (illegal(), true),
        (Reply::sense(2, 0x3A, 0), true),
        (Reply::data("00 00 00 68"), true),
        (Reply::data("00 00 00 04 00 00 00 00"), true),
        (Reply::data("00 00 00 09 00 00 00 00"), true),
        (Reply::data("FF FF FF FE 00 00 00 00"), true),
        (Reply::sense(7, 0, 0), false),
    ] {
        let mut host = host();
        up_to_features(&mut host);
        host.on(HEADER, reply.clone());
        let answer = started(&mut host);
        assert!(!host.dispatcher.device.is_mmc && host.dispatcher.device.initialized);
        let write = Effect::WriteRegistry(RegistryWrite::NonMmc);
        assert_eq!(answer.effects.contains(&write), remembered, "{reply:?}");
    }
    let mut host = host();
    host.dispatcher.device.policy.non_mmc = true;
    up_to_features(&mut host);
    assert!(!started(&mut host).effects.contains(&Effect::WriteRegistry(RegistryWrite::NonMmc)));
}

#[test]
fn a_drive_whose_one_feature_probe_fails_stays_an_mmc_drive() {
    for reply in
        [Reply::sense(5, 0x24, 0), Reply::data("00 00 00 0C"), Reply::data("00 00 00 68 00 00 00 08 00 00 03 04")]
    {
        let mut host = host();
        up_to_features(&mut host);
        let all = features(&["0000 03 04 0008 0100"]);
        host.on(HEADER, Reply::data(&all[..16])).on(ONE, reply).on(HEADER, Reply::data(&all[..16]));
        host.on("46 00 00 00 00 00 00 00 10 00", Reply::data(&all)).on(MODE_10, illegal()).on(MODE_6, illegal());
        let answer = started(&mut host);
        assert!(host.dispatcher.device.is_mmc && host.dispatcher.device.quirks.no_type_one);
        assert!(answer.effects.contains(&Effect::WriteRegistry(RegistryWrite::NoTypeOneGetConfig)));
    }
}

#[test]
fn a_mode_page_counts_without_the_length_field_and_nowhere_but_in_front() {
    for (page, raw_sub_channel) in [
        ("00 00 01 00 00 00 00 00 2A 16 3B 33 71 77", true),
        ("00 00 01 00 00 00 00 08 00 00 00 00 00 00 08 00 2A 16 3B 33 71 77", true),
        ("00 00 01 00 00 00 00 00 01 00 2A 16 3B 33 71 77", false),
        ("00 1E 01 00 00 00 FF FF 2A 16 3B 33 71 77", false),
    ] {
        let mut host = host();
        host.dispatcher.device.quirks.no_type_one = true;
        up_to_features(&mut host);
        let all = features(&["0000 03 04 0008 0100"]);
        host.on(HEADER, Reply::data(&all[..16])).on(HEADER, Reply::data(&all[..16]));
        host.on("46 00 00 00 00 00 00 00 10 00", Reply::data(&all)).on(MODE_10, Reply::data(page));
        if !raw_sub_channel {
            host.on(MODE_6, illegal());
        }
        started(&mut host);
        assert_eq!(host.dispatcher.device.raw_sub_channel, raw_sub_channel, "{page}");
    }
}

#[test]
fn a_feature_list_that_grows_is_read_again_at_its_new_length() {
    let mut host = host();
    host.dispatcher.device.quirks.no_type_one = true;
    up_to_features(&mut host);
    let all = features(&["0000 03 04 0008 0100", "001F 01 00"]);
    host.on(HEADER, Reply::data("00 00 00 08 00 00 00 08")).on(HEADER, Reply::data("00 00 00 08 00 00 00 08"));
    host.on("46 00 00 00 00 00 00 00 0C 00", Reply::data(&all)).on("46 00 00 00 00 00 00 00 14 00", Reply::data(&all));
    host.on(MODE_10, Reply::data("00 1E 01 00 00 00 00 00 2A 16 3B 33 71 77"))
        .on(CAPACITY, illegal())
        .on(RPC, illegal());
    host.run(crate::Job::Start);
    assert!(host.dispatcher.device.is_dvd);
    assert_eq!(host.dispatcher.device.capability.features_length, 20);
}

#[test]
fn a_drive_that_claims_gigabytes_of_features_gets_no_more_than_the_buffer() {
    let mut host = host();
    host.dispatcher.device.quirks.no_type_one = true;
    up_to_features(&mut host);
    let lie = "7F FF FF F0 00 00 00 08 00 00 03 04 00 08 01 00";
    host.on(HEADER, Reply::data(lie)).on(HEADER, Reply::data(lie));
    host.on("46 00 00 00 00 00 00 FF FC 00", Reply::data(lie)).on(MODE_10, illegal()).on(MODE_6, illegal());
    assert_eq!(started(&mut host).status, NtStatus::SUCCESS);
    assert_eq!(host.dispatcher.device.capability.features_length, 0x1_0000);
}

#[test]
fn inquiry_of_drives_that_announce_nothing_more_or_too_little() {
    let with = |additional: &str| INQUIRY_DATA.replacen("1F", additional, 1);
    for (first, second, kept) in [
        (with("00"), Some((INQUIRY, Reply::data(INQUIRY_DATA))), Ok(36)),
        (with("5B"), Some(("12 00 00 00 60 00", Reply::bytes(&[5; 96]))), Ok(96)),
        (with("5B"), Some(("12 00 00 00 60 00", Reply::data(INQUIRY_DATA))), Ok(36)),
        (with("5B"), Some(("12 00 00 00 60 00", illegal())), Ok(36)),
        (with("10"), None, Err(NtStatus::DEVICE_PROTOCOL_ERROR)),
    ] {
        let mut host = host();
        host.dispatcher.device.policy.notification = false;
        host.on(INQUIRY, Reply::data(&first));
        if let Some((cdb, reply)) = second {
            host.on(cdb, reply);
        }
        if kept.is_ok() {
            host.on(HEADER, illegal()).on(CAPACITY, illegal());
        }
        let status = host.run(crate::Job::Start).status;
        assert_eq!(kept.err().unwrap_or(NtStatus::SUCCESS), status);
        if let Ok(length) = kept {
            assert_eq!(host.dispatcher.device.inquiry.as_slice().len(), length, "{first}");
        }
    }
    let mut host = host();
    host.on(INQUIRY, illegal());
    assert_eq!(host.run(crate::Job::Start).status, NtStatus::INVALID_DEVICE_REQUEST);
    assert!(!host.dispatcher.device.initialized);
}

#[test]
fn event_detection_that_fails_leaves_readiness_polling() {
    for (classes, event, remembered) in [
        (illegal(), None, true),
        (Reply::sense(7, 0, 0), None, false),
        (Reply::data("00 02"), None, false),
        (Reply::data("00 02 80 00"), None, false),
        (Reply::data("00 02 80 5E"), Some(Reply::sense(4, 0, 0)), true),
        (Reply::data("00 02 80 5E"), Some(Reply::data("00 06 05 5E 00 00 00 00")), true),
    ] {
        let mut host = host();
        host.on(INQUIRY, Reply::data(INQUIRY_DATA)).on(CLASSES, classes);
        if let Some(event) = event {
            host.on(EVENT, event);
        }
        host.on(HEADER, illegal());
        let answer = started(&mut host);
        assert!(!host.dispatcher.device.polling.events.supported);
        let write = Effect::WriteRegistry(RegistryWrite::MmcDetectionState(1));
        assert_eq!(answer.effects.contains(&write), remembered);
    }
}

#[test]
fn a_unit_attention_does_not_cost_a_drive_its_events() {
    let mut host = host();
    host.on(INQUIRY, Reply::data(INQUIRY_DATA))
        .on(CLASSES, Reply::sense(6, 0x29, 0))
        .on(CLASSES, Reply::data("00 02 80 5E"));
    host.on(EVENT, Reply::sense(6, 0x28, 0)).on(EVENT, Reply::data(NO_EVENT)).on(HEADER, illegal());
    started(&mut host);
    assert!(host.dispatcher.device.polling.events.supported);
}

#[test]
fn notification_that_is_switched_off_starts_all_the_same() {
    let mut host = host();
    host.dispatcher.device.policy.notification = false;
    host.on(INQUIRY, Reply::data(INQUIRY_DATA)).on(HEADER, illegal());
    assert_eq!(started(&mut host).status, NtStatus::SUCCESS);
    assert!(!host.dispatcher.device.media.enabled);
    assert_eq!(host.dispatcher.device.poll_period(), None);
}

#[test]
fn a_dec_rrd_gets_blocks_of_2048_bytes() {
    let mut host = host();
    host.dispatcher.device.quirks.dec_rrd = true;
    host.dispatcher.device.policy.notification = false;
    host.on("15 10 00 00 0C 00", illegal()).on(INQUIRY, Reply::data(INQUIRY_DATA)).on(HEADER, illegal());
    assert_eq!(started(&mut host).commands[0].data_out, [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 8, 0]);
}

#[test]
fn a_drawer_that_can_do_without_power() {
    let mut host = Host::default();
    host.dispatcher.device.policy.notification = true;
    host.dispatcher.device.policy.zero_power = true;
    host.dispatcher.device.power =
        PowerDescriptor { device_attention: true, asynchronous_notification: true, d3_cold: true };
    host.on_platform(NtStatus::SUCCESS, 0).on_platform(NtStatus::SUCCESS, 0);
    up_to_features(&mut host);
    mmc(&mut host, &["0003 03 04 22 000000"]);
    host.on("00 00 00 00 00 00", Reply::sense(2, 0x3A, 1)).on(CAPACITY, Reply::sense(2, 0x3A, 1));
    let answer = host.run(crate::Job::Start);
    assert_eq!(answer.status, NtStatus::SUCCESS);
    let zero_power = &host.dispatcher.device.zero_power;
    assert_eq!((zero_power.mechanism, zero_power.marked_active), (Some(Mechanism::Drawer), false));
    assert!(host.dispatcher.device.polling.asynchronous);
}
