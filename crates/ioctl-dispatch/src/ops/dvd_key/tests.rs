use super::*;
use crate::HandleId;
use crate::test_host::{Host, Reply, hex};
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

const READ_KEY: u32 = 0x0033_5004;
const SEND_KEY: u32 = 0x0033_5008;
const SEND_KEY2: u32 = 0x0033_D018;

fn host() -> Host {
    let mut host = Host::mmc();
    host.dispatcher.device.is_dvd = true;
    host
}

/// `DVD_COPY_PROTECT_KEY` in hex.
fn key(length: u32, session: u32, key_type: u32, offset: i64, data: &[u8]) -> String {
    let mut bytes = Vec::new();
    for word in [length, session, key_type, 0xF1F2_F3F4] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(offset.to_le_bytes());
    bytes.extend(data);
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A key of this type and AGID to read.
fn wanted(session: u32, key_type: u32) -> String {
    key(24, session, key_type, 0, &[])
}

/// A key of this type and AGID to send.
fn with_data(session: u32, key_type: u32, data: &[u8]) -> String {
    key(24 + u32::try_from(data.len()).unwrap(), session, key_type, 0, data)
}

/// ioctl-dvd-aacs.md, "Byte-exact examples".
#[test]
fn reading_blocks() {
    for (input, output, cdb) in [
        (wanted(1, 1), 36, "A4 00 00 00 00 00 00 00 00 10 41 00"),
        (wanted(1, 2), 32, "A4 00 00 00 00 00 00 00 00 0C 42 00"),
        (wanted(2, 3), 32, "A4 00 00 00 00 00 00 00 00 0C 83 00"),
        (wanted(1, 5), 28, "A4 00 00 00 00 00 00 00 00 08 45 00"),
        (wanted(1, 6), 24, "A4 00 00 00 00 00 00 00 00 04 46 00"),
        (wanted(0, 8), 28, "A4 00 00 00 00 00 00 00 00 08 08 00"),
        (wanted(7, 0x3F), 24, "A4 00 00 00 00 00 00 00 00 04 FF 00"),
        // The drive sees the low bits of type and session; only title keys have an address.
        (key(0, 5, 0x1FF, 0x80000, &[]), 64, "A4 00 00 00 00 00 00 00 00 2C 7F 00"),
        (wanted(0, 1), 0x1_0000, "A4 00 00 00 00 00 00 00 FF EC 01 00"),
        (wanted(0, 1), 0x2_0000, "A4 00 00 00 00 00 00 00 FF FF 01 00"),
    ] {
        let mut host = host();
        host.on(cdb, Reply::data("00 00"));
        let answer = host.control(READ_KEY, &input, output);
        assert_eq!(answer.end(), (NtStatus::SUCCESS, 0), "{cdb}");
        let asked = hex(cdb);
        assert_eq!(answer.commands[0].length, u32::from(u16::from_be_bytes([asked[8], asked[9]])));
        assert_eq!(answer.commands[0].timeout_s, 10);
    }
}

#[test]
fn title_keys_have_an_address() {
    for (offset, cdb) in [
        (0x80000, "A4 00 00 00 01 00 00 00 00 0C 44 00"),
        (0x80000 + 2047, "A4 00 00 00 01 00 00 00 00 0C 44 00"),
        (-2048, "A4 00 FF FF FF FF 00 00 00 0C 44 00"),
        (0x800_0000_0800, "A4 00 00 00 00 01 00 00 00 0C 44 00"),
    ] {
        let mut host = host();
        host.on(cdb, Reply::data("00 0A 00 00 B5 01 02 03 04 05 06 07"));
        let answer = host.control(READ_KEY, &key(32, 1, 4, offset, &[]), 32);
        let mut expected = hex(&key(32, 1, 4, offset, &[1, 2, 3, 4, 5, 6, 7, 0]));
        expected[12..16].copy_from_slice(&[0xB5, 0, 0, 0]);
        assert_eq!(answer.output, expected);
    }
}

#[test]
fn reading_checks() {
    for (key_type, least) in
        [(1, 36), (2, 32), (3, 32), (4, 32), (5, 28), (8, 28), (0x80, 2072), (0, 24), (6, 24), (0x3F, 24), (0x99, 24)]
    {
        for output in [0, least - 4, least - 1] {
            assert_eq!(
                host().control(READ_KEY, &wanted(0, key_type), output).end(),
                (NtStatus::BUFFER_TOO_SMALL, least.into()),
                "{key_type:#x} {output}"
            );
        }
        let odd = host().control(READ_KEY, &wanted(0, key_type), least + 1);
        assert_eq!(odd.end(), (NtStatus::INVALID_PARAMETER, 0));
        let mut other = host();
        other.dispatcher.device.is_dvd = false;
        let refused = other.control(READ_KEY, &wanted(0, key_type), least);
        assert_eq!(refused.end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    }
    assert_eq!(host().control(READ_KEY, "", 64).end(), (NtStatus::BUFFER_TOO_SMALL, 0));
    assert_eq!(host().control(READ_KEY, &"00".repeat(23), 64).end(), (NtStatus::INVALID_PARAMETER, 0));
}

#[test]
fn a_small_scratch_buffer_limits_the_allocation_length() {
    let mut host = host();
    host.scratch_length = 0x1000;
    host.on("A4 00 00 00 00 00 00 00 10 00 01 00", Reply::good());
    assert_eq!(host.control(READ_KEY, &wanted(0, 1), 0x2000).commands[0].length, 0x1000);
}

#[test]
fn key_data_is_what_both_the_length_and_the_transfer_cover() {
    let overrun = || Reply::port(NtStatus::DATA_OVERRUN);
    for (reply, expected) in [
        (Reply::good(), Ok("")),
        (Reply::data("00 06 00"), Ok("")),
        (Reply::data("00 01 00 00 01 02 03 04"), Ok("")),
        (Reply::data("00 00 00 00 01 02 03 04"), Ok("")),
        (Reply::data("00 02 00 00 01 02 03 04"), Ok("header")),
        (Reply::data("00 06 00 00"), Ok("header")),
        (Reply::data("00 06 00 00 01 02"), Ok("01 02")),
        (Reply::data("00 04 00 00 01 02 03 04"), Ok("01 02")),
        (Reply::data("00 06 00 00 01 02 03 04"), Ok("01 02 03 04")),
        (Reply::data("FF FF 00 00 01 02 03 04 05"), Ok("01 02 03 04")),
        (Reply::data("00 06 00 00 01").claiming(900), Ok("01 00 00 00")),
        (overrun(), Err(NtStatus::DATA_OVERRUN)),
        (overrun().with_data("00 06 00 00 01 02"), Err(NtStatus::DATA_OVERRUN)),
        (overrun().with_data("00 01 00"), Err(NtStatus::DATA_OVERRUN)),
        (overrun().with_data("00 04 00 00 01 02"), Ok("01 02")),
        (overrun().with_data("FF FF 00 00 01 02 03 04"), Ok("01 02 03 04")),
    ] {
        let mut host = host();
        host.on("A4 00 00 00 00 00 00 00 00 08 45 00", reply.clone());
        let answer = host.control(READ_KEY, &wanted(1, 5), 28);
        match expected {
            Err(status) => assert_eq!(answer.end(), (status, 0)),
            Ok("") => assert_eq!((answer.end(), answer.output), ((NtStatus::SUCCESS, 0), vec![])),
            Ok(data) => {
                let data = if data == "header" { vec![] } else { hex(data) };
                let length = 24 + u32::try_from(data.len()).unwrap();
                assert_eq!(answer.end(), (NtStatus::SUCCESS, length.into()), "{reply:?}");
                assert_eq!(answer.output, hex(&key(length, 1, 5, 0, &data)));
            }
        }
    }
}

#[test]
fn a_title_key_is_whole_or_an_error() {
    for (reply, expected) in [
        (Reply::good(), (NtStatus::SUCCESS, 0)),
        (Reply::data("00 01 00 00"), (NtStatus::SUCCESS, 0)),
        (Reply::data("00 0A 00 00"), (NtStatus::IO_DEVICE_ERROR, 0)),
        (Reply::data("00 02 00 00 B5 01 02 03 04 05 06 07"), (NtStatus::IO_DEVICE_ERROR, 0)),
        (Reply::data("00 0A 00 00 B5"), (NtStatus::IO_DEVICE_ERROR, 0)),
        (Reply::data("00 0A 00 00 B5 01 02 03 04"), (NtStatus::IO_DEVICE_ERROR, 0)),
        (Reply::data("00 0A 00 00 B5 01 02 03 04 05"), (NtStatus::SUCCESS, 30)),
        (Reply::data("00 08 00 00 B5 01 02 03 04 05 06 07"), (NtStatus::SUCCESS, 30)),
    ] {
        let mut host = host();
        host.on("A4 00 00 00 00 00 00 00 00 0C 44 00", reply.clone());
        let answer = host.control(READ_KEY, &wanted(1, 4), 32);
        assert_eq!(answer.end(), expected, "{reply:?}");
        if expected.1 == 30 {
            assert_eq!(answer.output[12..], hex("B5000000 0000000000000000 01 02 03 04 05 00"));
        }
    }
}

#[test]
fn the_disc_key_is_whole_or_an_error() {
    let mut data = vec![0x77; 2052];
    data[..4].copy_from_slice(&[0x08, 0x02, 0, 0]);
    let mut short_claim = data.clone();
    short_claim[1] = 1;
    let mut long_claim = data.clone();
    long_claim[0] = 0xFF;
    // Zeros at offset 4 of the key made the reference swap bytes behind them.
    let mut zeros = data.clone();
    zeros[8..12].fill(0);
    let failed = (NtStatus::IO_DEVICE_ERROR, 0);
    for (reply, expected) in [
        (Reply::bytes(&data), (NtStatus::SUCCESS, 2072)),
        (Reply::bytes(&long_claim), (NtStatus::SUCCESS, 2072)),
        (Reply::bytes(&zeros), (NtStatus::SUCCESS, 2072)),
        (Reply::bytes(&data[..2051]), failed),
        (Reply::good(), failed),
        (Reply::bytes(&short_claim), failed),
        (Reply::sense(5, 0x6F, 2), (NtStatus::CSS_KEY_NOT_ESTABLISHED, 0)),
    ] {
        for output in [2072, 4096] {
            let mut host = host();
            host.on("AD 00 00 00 00 00 00 02 08 04 40 00", reply.clone());
            let answer = host.control(READ_KEY, &key(24, 1, 0x80, 0x80000, &[]), output);
            assert_eq!(answer.end(), expected);
            if reply == Reply::bytes(&zeros) {
                let header = hex(&key(2072, 1, 0x80, 0x80000, &[]));
                assert_eq!((&answer.output[..24], &answer.output[24..]), (&header[..], &zeros[4..]));
            }
        }
    }
}

/// ioctl-dvd-aacs.md, "Byte-exact examples"; bytes 2 and 3 of the parameter list are zero.
#[test]
fn sending_blocks() {
    let challenge: Vec<u8> = (1..=12).collect();
    let key2: Vec<u8> = (1..=8).collect();
    for (code, input, cdb, header) in [
        (SEND_KEY, with_data(1, 1, &challenge), "A3 00 00 00 00 00 00 00 00 10 41 00", "00 0E 00 00"),
        (SEND_KEY, with_data(1, 3, &key2), "A3 00 00 00 00 00 00 00 00 0C 43 00", "00 0A 00 00"),
        (SEND_KEY, with_data(6, 0x3F, &[]), "A3 00 00 00 00 00 00 00 00 04 BF 00", "00 02 00 00"),
        (SEND_KEY2, with_data(0, 6, &[0xFD, 0, 0, 0]), "A3 00 00 00 00 00 00 00 00 08 06 00", "00 06 00 00"),
        (SEND_KEY2, with_data(0, 0x80, &key2), "A3 00 00 00 00 00 00 00 00 0C 00 00", "00 0A 00 00"),
        (SEND_KEY2, with_data(3, 8, &[7]), "A3 00 00 00 00 00 00 00 00 05 C8 00", "00 03 00 00"),
        (SEND_KEY2, with_data(0, 1, &[7; 0xFFFB]), "A3 00 00 00 00 00 00 00 FF FF 01 00", "FF FD 00 00"),
    ] {
        let mut host = host();
        host.on(cdb, Reply::good());
        let answer = host.control(code, &input, 64);
        assert_eq!(answer.end(), (NtStatus::SUCCESS, 0));
        let mut expected = hex(header);
        expected.extend(&hex(&input)[24..]);
        assert_eq!((&answer.commands[0].data_out, answer.commands[0].timeout_s), (&expected, 10), "{cdb}");
    }
}

#[test]
fn sending_checks() {
    let invalid = (NtStatus::INVALID_PARAMETER, 0);
    for (code, types) in [(SEND_KEY, &[1, 3, 0x3F][..]), (SEND_KEY2, &[1, 2, 3, 4, 5, 6, 8, 0x80, 0x3F])] {
        assert_eq!(host().control(code, "", 0).end(), (NtStatus::BUFFER_TOO_SMALL, 0));
        assert_eq!(host().control(code, &"00".repeat(23), 0).end(), invalid);
        for length in [0, 23, 25, 28, u32::MAX] {
            assert_eq!(host().control(code, &key(length, 0, 1, 0, &[]), 0).end(), invalid);
        }
        for key_type in (0..=0x101).chain([0x8000_0001]) {
            let mut host = host();
            let allowed = types.contains(&key_type);
            if allowed {
                host.on(&format!("A3 00 00 00 00 00 00 00 00 04 {:02X} 00", key_type & 0x3F), Reply::good());
            }
            let expected = if allowed { (NtStatus::SUCCESS, 0) } else { invalid };
            assert_eq!(host.control(code, &with_data(0, key_type, &[]), 0).end(), expected, "{key_type:#x}");
        }
        let mut other = host();
        other.dispatcher.device.is_dvd = false;
        let refused = other.control(code, &with_data(0, 1, &[]), 0);
        assert_eq!(refused.end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    }
}

/// The parameter list has to fit the scratch buffer and the length field, header included.
#[test]
fn keys_that_are_too_long_are_refused() {
    for (scratch, data, accepted) in [
        (0x1000_u32, 0xFFC_usize, true),
        (0x1000, 0xFFD, false),
        (0x1000, 0x1000, false),
        (0x1_0000, 0xFFFB, true),
        (0x1_0000, 0xFFFC, false),
        (0x1_0000, 0x1_0000, false),
    ] {
        let mut host = host();
        host.scratch_length = usize::try_from(scratch).unwrap();
        host.dispatcher.device.limits.aligned = scratch;
        let expected = if accepted {
            let [high, low] = u16::try_from(data + 4).unwrap().to_be_bytes();
            host.on(&format!("A3 00 00 00 00 00 00 00 {high:02X} {low:02X} 01 00"), Reply::good());
            NtStatus::SUCCESS
        } else {
            NtStatus::INVALID_PARAMETER
        };
        assert_eq!(host.control(SEND_KEY2, &with_data(0, 1, &vec![9; data]), 0).end(), (expected, 0), "{data:#x}");
    }
}

#[test]
fn agids_that_come_and_go_as_keys_are_tracked() {
    let mut host = host();
    let agids = |host: &Host| {
        let of = |class| Agid::ALL.map(|agid| host.dispatcher.device.agids.is_held(Grant::new(class, agid)));
        assert_eq!(of(AgidClass::Aacs), [false; 4]);
        of(AgidClass::Css)
    };
    host.on("A4 00 00 00 00 00 00 00 00 08 00 00", Reply::data("00 06 00 00 00 00 00 C0"));
    assert_eq!(host.control(READ_KEY, &wanted(0, 0), 28).information, 28);
    host.on("A4 00 00 00 00 00 00 00 00 08 11 00", Reply::data("00 06 00 00 00 00 00 40"));
    host.control(READ_KEY, &wanted(0, 0x11), 28);
    assert_eq!(agids(&host), [false, true, false, true]);
    host.on("A4 00 00 00 00 00 00 00 00 08 00 00", Reply::data("00 06 00 00 00 00"));
    host.control(READ_KEY, &wanted(0, 0), 28);
    assert_eq!(agids(&host), [false, true, false, true], "nothing was granted");
    host.on("A4 00 00 00 00 00 00 00 00 04 FF 00", Reply::sense(5, 0x6F, 2));
    host.control(READ_KEY, &wanted(3, 0x3F), 24);
    assert_eq!(agids(&host), [false, true, false, true]);
    host.on("A4 00 00 00 00 00 00 00 00 04 FF 00", Reply::data("00 02 00 00"));
    assert_eq!(host.control(READ_KEY, &wanted(3, 0x3F), 24).end(), (NtStatus::SUCCESS, 24));
    assert_eq!(agids(&host), [false, true, false, false]);
    host.on("A3 00 00 00 00 00 00 00 00 04 7F 00", Reply::sense(5, 0x6F, 2));
    host.control(SEND_KEY, &with_data(1, 0x3F, &[]), 0);
    assert_eq!(agids(&host), [false, true, false, false]);
    host.on("A3 00 00 00 00 00 00 00 00 04 7F 00", Reply::good());
    host.control(SEND_KEY, &with_data(1, 0x3F, &[]), 0);
    assert_eq!(agids(&host), [false; 4]);
    let mut ledger = host.dispatcher.device.agids;
    assert!(ledger.orphan(HandleId(1)).is_empty());
}

#[test]
fn an_invalidation_without_an_answer_frees_the_agid() {
    let mut host = host();
    let grant = Grant::new(AgidClass::Css, Agid::ALL[2]);
    host.dispatcher.device.agids.grant(grant, None);
    host.on("A4 00 00 00 00 00 00 00 00 04 BF 00", Reply::good());
    assert_eq!(host.control(READ_KEY, &wanted(2, 0x3F), 24).end(), (NtStatus::SUCCESS, 0));
    assert!(!host.dispatcher.device.agids.is_held(grant));
}

/// The drive's words on a new region, whatever the sense table says of them elsewhere.
#[test]
fn setting_the_region_has_statuses_of_its_own() {
    for (reply, status) in [
        (Reply::sense(2, 0x3A, 0), NtStatus::NO_MEDIA_IN_DEVICE),
        (Reply::sense(5, 0x6F, 4), NtStatus::CSS_REGION_MISMATCH),
        (Reply::sense(5, 0x30, 2), NtStatus::CSS_REGION_MISMATCH),
        (Reply::sense(5, 0x6F, 5), NtStatus::CSS_RESETS_EXHAUSTED),
        (Reply::sense(5, 0x24, 0), NtStatus::INVALID_DEVICE_REQUEST),
    ] {
        let mut host = host();
        host.on("A3 00 00 00 00 00 00 00 00 08 06 00", reply);
        assert_eq!(host.control(SEND_KEY2, &with_data(0, 6, &[0xFD, 0, 0, 0]), 0).end(), (status, 0));
    }
    let mut host = host();
    host.on("A3 00 00 00 00 00 00 00 00 08 01 00", Reply::sense(5, 0x30, 2));
    let other = host.control(SEND_KEY2, &with_data(0, 1, &[0xFD, 0, 0, 0]), 0);
    assert_eq!(other.end(), (NtStatus::UNRECOGNIZED_MEDIA, 0));
}
