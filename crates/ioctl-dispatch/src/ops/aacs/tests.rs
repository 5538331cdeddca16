use super::*;
use crate::test_host::{Answer as Ended, Host, Reply, hex};
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

const MKB_SIZE: u32 = 0x0033_50C0;
const MKB: u32 = 0x0033_50C4;
const SEND_CERTIFICATE: u32 = 0x0033_50D0;
const SEND_CHALLENGE: u32 = 0x0033_50DC;

/// Code, output bytes, block for AGID 1, the AGID ends with it.
const EXCHANGES: [(u32, u16, &str, bool); 7] = [
    (0x0033_50D4, 112, "A4 00 00 00 00 00 00 02 00 74 41 00", false),
    (0x0033_50D8, 80, "A4 00 00 00 00 00 00 02 00 54 42 00", false),
    (0x0033_50E0, 32, "AD 00 00 00 00 00 00 80 00 24 40 00", true),
    (0x0033_50E4, 32, "AD 00 00 00 00 00 00 81 00 24 40 00", true),
    (0x0033_50E8, 32, "AD 00 00 00 00 00 00 82 00 24 40 00", true),
    (0x0033_50EC, 32, "A4 00 12 34 56 78 20 02 00 24 61 00", true),
    (0x0033_D0F0, 32, "A4 00 12 34 56 78 20 02 00 24 60 00", false),
];

fn host() -> Host {
    let mut host = Host::mmc();
    host.dispatcher.device.is_aacs = true;
    host
}

fn is_nonce(code: u32) -> bool {
    matches!(code, 0x0033_50EC | 0x0033_D0F0)
}

/// The input of `code`: SessionId, for nonces the blocks and a handle too.
fn input(code: u32, session: u32) -> String {
    let session: String = session.to_le_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
    if is_nonce(code) { session + "20000000 7856341200000000 FFFFFFFFFFFFFFFF" } else { session }
}

fn body(length: u16) -> Vec<u8> {
    (0..length).map(|index| 0x30_u8.wrapping_add(u8::try_from(index).unwrap())).collect()
}

/// An answer with this Length field and body.
fn with_length(length: u16, body: &[u8]) -> Reply {
    let mut bytes = Vec::from(length.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(body);
    Reply::bytes(&bytes)
}

/// ioctl-dvd-aacs.md, "Byte-exact examples".
#[test]
fn answers_are_given_without_their_header() {
    for (code, length, cdb, _) in EXCHANGES {
        for session in 0..4_u8 {
            let mut block = hex(cdb);
            block[10] = (block[10] & 0x3F) | (session << 6);
            let block: String = block.iter().map(|byte| format!("{byte:02X}")).collect();
            let mut host = host();
            host.on(&block, with_length(length + 2, &body(length)));
            let answer = host.control(code, &input(code, session.into()), length.into());
            assert_eq!((answer.end(), answer.output), ((NtStatus::SUCCESS, length.into()), body(length)));
            assert_eq!((answer.commands[0].length, answer.commands[0].timeout_s), (u32::from(length) + 4, 10));
        }
    }
}

#[test]
fn answer_checks() {
    for (code, length, ..) in EXCHANGES {
        let output = u32::from(length);
        let good = input(code, 1);
        let mismatch = (NtStatus::INFO_LENGTH_MISMATCH, 0);
        let invalid = (NtStatus::INVALID_PARAMETER, 0);
        let mut checks = vec![
            (String::new(), output, mismatch),
            (good[2..].into(), output, mismatch),
            (good.clone() + "00", output, mismatch),
            (good.clone(), 0, (NtStatus::BUFFER_TOO_SMALL, output.into())),
            (good.clone(), output - 1, (NtStatus::BUFFER_TOO_SMALL, output.into())),
            (good.clone(), output + 1, (NtStatus::INVALID_BUFFER_SIZE, 0)),
            (input(code, 4), output, invalid),
            (input(code, u32::MAX), output, invalid),
        ];
        if is_nonce(code) {
            for blocks_and_lba in
                ["00010000 7856341200000000", "20000000 0000000001000000", "FFFFFFFF 0000000000000000"]
            {
                checks.push((format!("01000000 {blocks_and_lba} 0000000000000000"), output, invalid));
            }
            checks.push((format!("01000000 00000000 {} 0000000000000000", "FF".repeat(8)), output, invalid));
        }
        for (input, output, expected) in checks {
            assert_eq!(host().control(code, &input, output).end(), expected, "{code:#x} {input} {output}");
        }
        let mut other = host();
        other.dispatcher.device.is_aacs = false;
        assert_eq!(other.control(code, "", 0).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    }
}

#[test]
fn the_bounds_of_a_nonce_are_allowed() {
    let mut host = host();
    host.on("A4 00 FF FF FF FF FF 02 00 24 E1 00", with_length(34, &body(32)));
    let answer = host.control(0x0033_50EC, "03000000 FF000000 FFFFFFFF00000000 0000000000000000", 32);
    assert_eq!(answer.end(), (NtStatus::SUCCESS, 32));
}

#[test]
fn answers_of_another_length_are_errors() {
    let overrun = |data: &[u8]| {
        let text: String = data.iter().map(|byte| format!("{byte:02X}")).collect();
        Reply::port(NtStatus::DATA_OVERRUN).with_data(&text)
    };
    for (code, length, cdb, _) in EXCHANGES {
        let body = body(length);
        let mut whole = Vec::from((length + 2).to_be_bytes());
        whole.extend([0, 0]);
        whole.extend(&body);
        for (reply, expected) in [
            (Reply::good(), NtStatus::IO_DEVICE_ERROR),
            (with_length(0, &body), NtStatus::IO_DEVICE_ERROR),
            (with_length(1, &body), NtStatus::IO_DEVICE_ERROR),
            (with_length(2, &body), NtStatus::IO_DEVICE_ERROR),
            (with_length(length + 1, &body), NtStatus::IO_DEVICE_ERROR),
            (with_length(length + 3, &body), NtStatus::IO_DEVICE_ERROR),
            (with_length(0xFFFF, &body), NtStatus::IO_DEVICE_ERROR),
            (with_length(length + 2, &body[1..]), NtStatus::IO_DEVICE_ERROR),
            (with_length(length + 2, &body).claiming(9999), NtStatus::SUCCESS),
            (overrun(&[]), NtStatus::DATA_OVERRUN),
            (overrun(&whole[1..]), NtStatus::DATA_OVERRUN),
            (overrun(&whole), NtStatus::SUCCESS),
        ] {
            let mut host = host();
            host.on(cdb, reply.clone());
            let answer = host.control(code, &input(code, 1), length.into());
            let information = if expected.is_success() { length.into() } else { 0 };
            assert_eq!(answer.end(), (expected, information), "{code:#x} {reply:?}");
        }
    }
}

#[test]
fn the_drive_takes_the_agid_back_with_some_answers() {
    let grant = |class| Grant::new(class, Agid::ALL[1]);
    for (code, length, cdb, releases) in EXCHANGES {
        let mut host = host();
        for class in [AgidClass::Aacs, AgidClass::Css] {
            host.dispatcher.device.agids.grant(grant(class), None);
        }
        host.on(cdb, Reply::sense(5, 0x6F, 2));
        assert_eq!(host.control(code, &input(code, 1), length.into()).end(), (NtStatus::CSS_KEY_NOT_ESTABLISHED, 0));
        assert!(host.dispatcher.device.agids.is_held(grant(AgidClass::Aacs)));
        host.on(cdb, with_length(length + 2, &body(length)));
        host.control(code, &input(code, 1), length.into());
        assert_eq!(host.dispatcher.device.agids.is_held(grant(AgidClass::Aacs)), !releases, "{code:#x}");
        assert!(host.dispatcher.device.agids.is_held(grant(AgidClass::Css)));
    }
}

#[test]
fn certificate_and_key_are_sent() {
    for (code, length, cdb, header) in [
        (SEND_CERTIFICATE, 112, "A3 00 00 00 00 00 00 02 00 74 41 00", "00 72 00 00"),
        (SEND_CHALLENGE, 80, "A3 00 00 00 00 00 00 02 00 54 42 00", "00 52 00 00"),
    ] {
        let data = body(length);
        let text: String = data.iter().map(|byte| format!("{byte:02X}")).collect();
        let mut expected = hex(header);
        expected.extend(&data);
        let mut host = host();
        host.on(cdb, Reply::good());
        let answer = host.control(code, &format!("01000000 {text}"), 9);
        assert_eq!((answer.end(), &answer.commands[0].data_out), ((NtStatus::SUCCESS, 0), &expected));
        for (input, status) in [
            (String::new(), NtStatus::INFO_LENGTH_MISMATCH),
            (format!("01000000 {}", &text[2..]), NtStatus::INFO_LENGTH_MISMATCH),
            (format!("01000000 {text} 00"), NtStatus::INFO_LENGTH_MISMATCH),
            (format!("04000000 {text}"), NtStatus::INVALID_PARAMETER),
            (format!("FFFFFFFF {text}"), NtStatus::INVALID_PARAMETER),
        ] {
            assert_eq!(host.control(code, &input, 0).end(), (status, 0));
        }
        host.on(cdb, Reply::sense(5, 0x6F, 0));
        let refused = host.control(code, &format!("01000000 {text}"), 0);
        assert_eq!(refused.end(), (NtStatus::CSS_AUTHENTICATION_FAILURE, 0));
        host.dispatcher.device.is_aacs = false;
        assert_eq!(host.control(code, "", 0).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    }
}

/// A pack of `length` bytes that holds its number, out of `packs`.
fn pack(number: u8, packs: u8, length: u16) -> Vec<u8> {
    let mut bytes = Vec::from((length + 2).to_be_bytes());
    bytes.extend([0, packs]);
    bytes.resize(usize::from(length) + 4, number);
    bytes
}

fn pack_cdb(layer: u8, number: u8) -> String {
    format!("AD 00 00 00 00 {number:02X} {layer:02X} 83 80 04 00 00")
}

fn size_cdb(layer: u8, number: u8) -> String {
    format!("AD 00 00 00 00 {number:02X} {layer:02X} 83 00 04 00 00")
}

fn read_block(host: &mut Host, output: u32) -> Ended {
    host.control(MKB, "00 00 00 00", output)
}

#[test]
fn every_pack_is_read_once() {
    for (last_length, output) in [(0x8000_u16, 0x1_8000_u32), (0x8000, 0x2_0000), (0x1234, 0x1_1234), (0, 0x1_0001)] {
        let mut host = host();
        for (number, length) in [(0, 0x8000), (1, 0x8000), (2, last_length)] {
            host.on(&pack_cdb(7, number), Reply::bytes(&pack(number, 3, length)));
        }
        let answer = host.control(MKB, "07 00 00 00", output);
        let whole = 0x1_0000 + usize::from(last_length);
        assert_eq!(answer.end(), (NtStatus::SUCCESS, u64::try_from(whole).unwrap()));
        assert!(answer.output.iter().enumerate().all(|(index, byte)| usize::from(*byte) == index / 0x8000));
        assert!(answer.commands.iter().all(|command| command.length == 0x8004));
        assert!(answer.whole_output[whole..].iter().all(|byte| *byte == crate::test_host::CALLER_FILL));
    }
    let mut single = host();
    single.on(&pack_cdb(0, 0), Reply::bytes(&pack(9, 1, 0x100)));
    assert_eq!(read_block(&mut single, 0x100).output, [9; 0x100]);
}

#[test]
fn two_hundred_and_fifty_five_packs_are_the_most() {
    let mut host = host();
    for number in 0..255 {
        host.on(&pack_cdb(0, number), Reply::bytes(&pack(number, 255, 0x8000)));
    }
    assert_eq!(read_block(&mut host, 0x8000 * 255).end(), (NtStatus::SUCCESS, 0x8000 * 255));
}

#[test]
fn a_buffer_that_is_too_small_is_told_the_size_before_anything_is_copied() {
    for (packs, length, output) in [(1, 0x8000, 8), (1, 0x8000, 0x7FFF), (3, 0x8000, 0x8000), (3, 0x8000, 0x1_0000)] {
        let mut host = host();
        host.on(&pack_cdb(0, 0), Reply::bytes(&pack(0, packs, length)));
        let answer = read_block(&mut host, output);
        assert_eq!(answer.end(), (NtStatus::BUFFER_TOO_SMALL, u64::from(packs) * 0x8000));
        assert!(answer.whole_output[4..].iter().all(|byte| *byte == crate::test_host::CALLER_FILL));
    }
    // Only the last pack tells how long it is.
    let mut host = host();
    host.on(&pack_cdb(0, 0), Reply::bytes(&pack(0, 2, 0x8000))).on(&pack_cdb(0, 1), Reply::bytes(&pack(1, 2, 0x200)));
    assert_eq!(read_block(&mut host, 0x81FF).end(), (NtStatus::BUFFER_TOO_SMALL, 0x1_0000));
}

#[test]
fn packs_that_contradict_are_errors() {
    let first = || Reply::bytes(&pack(0, 2, 0x8000));
    let cut = |mut bytes: Vec<u8>, length| {
        bytes.truncate(length);
        Reply::bytes(&bytes)
    };
    let claiming = |mut bytes: Vec<u8>, length: u16| {
        bytes[..2].copy_from_slice(&length.to_be_bytes());
        Reply::bytes(&bytes)
    };
    for replies in [
        vec![Reply::good()],
        vec![Reply::data("80 02 00")],
        vec![Reply::bytes(&pack(0, 0, 0x8000))],
        vec![claiming(pack(0, 1, 0x8000), 0)],
        vec![claiming(pack(0, 1, 0x8000), 1)],
        vec![claiming(pack(0, 1, 0x8000), 0x8003)],
        vec![claiming(pack(0, 1, 0x8000), 0xFFFF)],
        vec![cut(pack(0, 1, 0x8000), 0x8003)],
        vec![cut(pack(0, 1, 0x100), 0x103)],
        // Only the last pack may be shorter.
        vec![Reply::bytes(&pack(0, 2, 0x7FFF))],
        vec![first(), Reply::bytes(&pack(1, 3, 0x8000))],
        vec![first(), Reply::bytes(&pack(1, 1, 0x8000))],
        vec![first(), Reply::bytes(&pack(1, 0, 0x8000))],
        vec![first(), cut(pack(1, 2, 0x8000), 0x8003)],
    ] {
        let mut host = host();
        for (number, reply) in (0..).zip(&replies) {
            host.on(&pack_cdb(0, number), reply.clone());
        }
        assert_eq!(read_block(&mut host, 0x2_0000).end(), (NtStatus::IO_DEVICE_ERROR, 0), "{}", replies.len());
    }
}

#[test]
fn a_failure_or_cancellation_between_packs_gives_nothing() {
    let mut host = host();
    host.on(&pack_cdb(0, 0), Reply::bytes(&pack(0, 2, 0x8000))).on(&pack_cdb(0, 1), Reply::sense(5, 0x6F, 1));
    assert_eq!(read_block(&mut host, 0x1_0000).end(), (NtStatus::CSS_KEY_NOT_PRESENT, 0));
    host.on(&pack_cdb(0, 0), Reply::bytes(&pack(0, 2, 0x8000)).cancelling());
    let cancelled = read_block(&mut host, 0x1_0000);
    assert_eq!((cancelled.end(), cancelled.commands.len()), ((NtStatus::CANCELLED, 0), 1));
}

#[test]
fn media_key_block_checks() {
    for (input, output, expected) in [
        ("", 8, (NtStatus::INFO_LENGTH_MISMATCH, 0)),
        ("00 00 00", 8, (NtStatus::INFO_LENGTH_MISMATCH, 0)),
        ("00 00 00 00 00", 8, (NtStatus::INFO_LENGTH_MISMATCH, 0)),
        ("00 00 00 00", 0, (NtStatus::BUFFER_TOO_SMALL, 8)),
        ("00 00 00 00", 7, (NtStatus::BUFFER_TOO_SMALL, 8)),
        ("00 01 00 00", 8, (NtStatus::INVALID_PARAMETER, 0)),
    ] {
        assert_eq!(host().control(MKB, input, output).end(), expected, "{input} {output}");
    }
    let mut small = host();
    small.scratch_length = 0x8003;
    assert_eq!(read_block(&mut small, 0x8000).end(), (NtStatus::INTERNAL_ERROR, 0));
    small.scratch_length = 0x8004;
    small.on(&pack_cdb(255, 0), Reply::bytes(&pack(0, 1, 0x8000)));
    assert_eq!(small.control(MKB, "FF 00 00 00", 0x8000).end(), (NtStatus::SUCCESS, 0x8000));
    small.dispatcher.device.is_aacs = false;
    assert_eq!(small.control(MKB, "", 0).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
}

#[test]
fn media_key_block_size_checks() {
    for (input, output, expected) in [
        ("", 4, (NtStatus::INFO_LENGTH_MISMATCH, 0)),
        ("00 00 00", 4, (NtStatus::INFO_LENGTH_MISMATCH, 0)),
        ("00 00 00 00 00", 4, (NtStatus::INFO_LENGTH_MISMATCH, 0)),
        ("00 00 00 00", 3, (NtStatus::BUFFER_TOO_SMALL, 4)),
        ("00 00 00 00", 5, (NtStatus::INVALID_BUFFER_SIZE, 0)),
        ("00 01 00 00", 4, (NtStatus::INVALID_PARAMETER, 0)),
    ] {
        assert_eq!(host().control(MKB_SIZE, input, output).end(), expected, "{input} {output}");
    }
    let mut other = host();
    other.dispatcher.device.is_aacs = false;
    assert_eq!(other.control(MKB_SIZE, "00 00 00 00", 4).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
}

#[test]
fn the_size_comes_from_the_header_of_the_last_pack() {
    let ok = |size: u32| Ok::<_, NtStatus>(size);
    let failed = Err(NtStatus::IO_DEVICE_ERROR);
    for (script, expected) in [
        (&[(0, "80 02 00 01")][..], ok(0x8000)),
        (&[(0, "00 02 00 01")], ok(0)),
        (&[(0, "80 02 00 03"), (2, "80 02 00 03")], ok(0x1_8000)),
        (&[(0, "80 02 00 FF"), (254, "12 36 00 FF")], ok(0x8000 * 254 + 0x1234)),
        // The number may change once.
        (&[(0, "80 02 00 02"), (1, "80 02 00 04"), (3, "80 02 00 04")], ok(0x2_0000)),
        (&[(0, "80 02 00 02"), (1, "80 02 00 04"), (3, "80 02 00 05")], failed),
        (&[(0, "80 02 00")], failed),
        (&[(0, "80 02 00 00")], failed),
        (&[(0, "00 01 00 01")], failed),
        (&[(0, "80 03 00 01")], failed),
        (&[(0, "80 02 00 02"), (1, "80 02 00 00")], failed),
        (&[(0, "80 02 00 02"), (1, "")], failed),
    ] {
        let mut host = host();
        for (number, data) in script {
            host.on(&size_cdb(3, *number), Reply::data(data));
        }
        let answer = host.control(MKB_SIZE, "03 00 00 00", 4);
        match expected {
            Ok(size) => assert_eq!((answer.end(), answer.output), ((NtStatus::SUCCESS, 4), size.to_le_bytes().into())),
            Err(status) => assert_eq!(answer.end(), (status, 0), "{script:?}"),
        }
    }
    let mut host = host();
    host.on(&size_cdb(0, 0), Reply::sense(5, 0x6F, 1));
    assert_eq!(host.control(MKB_SIZE, "00 00 00 00", 4).end(), (NtStatus::CSS_KEY_NOT_PRESENT, 0));
}
