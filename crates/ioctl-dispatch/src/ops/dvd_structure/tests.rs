use super::*;
use crate::test_host::{Host, Reply, hex};
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

const READ_STRUCTURE: u32 = 0x0033_5140;
const GET_REGION: u32 = 0x0033_5014;

const COPYRIGHT: &str = "AD 00 00 00 00 00 00 01 00 08 00 00";
const RPC: &str = "A4 00 00 00 00 00 00 00 00 08 08 00";

fn host() -> Host {
    let mut host = Host::mmc();
    host.dispatcher.device.is_dvd = true;
    host
}

/// `DVD_READ_STRUCTURE` in hex.
fn input(offset: i64, format: u32, session: u32, layer: u8) -> String {
    let mut bytes = Vec::new();
    bytes.extend(offset.to_le_bytes());
    bytes.extend(format.to_le_bytes());
    bytes.extend(session.to_le_bytes());
    bytes.push(layer);
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// ioctl-dvd-aacs.md, "Byte-exact examples" and the command layout.
#[test]
fn blocks() {
    for (offset, format, session, layer, output, cdb) in [
        (0, 0, 0, 1, 2052, "AD 00 00 00 00 00 01 00 08 04 00 00"),
        (0, 1, 0, 0, 8, "AD 00 00 00 00 00 00 01 00 08 00 00"),
        (0, 2, 1, 0, 2052, "AD 00 00 00 00 00 00 02 08 04 40 00"),
        (0, 2, 7, 0, 2052, "AD 00 00 00 00 00 00 02 08 04 C0 00"),
        // Only whole formats carry the AGID; the drive sees their low byte.
        (0, 3, 1, 0, 192, "AD 00 00 00 00 00 00 03 00 C0 00 00"),
        (0, 0x102, 1, 0, 2052, "AD 00 00 00 00 00 00 02 08 04 00 00"),
        (0, 0x80, 3, 0, 36, "AD 00 00 00 00 00 00 80 00 24 00 00"),
        (0, 0xFFFF_FFFF, 0, 0xFF, 4, "AD 00 00 00 00 00 FF FF 00 04 00 00"),
        // The address is the offset in blocks, its low 32 bits.
        (0x80000, 5, 0, 0, 8, "AD 00 00 00 01 00 00 05 00 08 00 00"),
        (0x80000 + 2047, 5, 0, 0, 8, "AD 00 00 00 01 00 00 05 00 08 00 00"),
        (-1, 5, 0, 0, 8, "AD 00 FF FF FF FF 00 05 00 08 00 00"),
        (0x1234_5678_9ABC_D000, 5, 0, 0, 8, "AD 00 CF 13 57 9A 00 05 00 08 00 00"),
        (0, 4, 0, 0, 0xFFFE, "AD 00 00 00 00 00 00 04 FF FE 00 00"),
    ] {
        let mut host = host();
        host.on(cdb, Reply::data("00 02 00 00"));
        let answer = host.control(READ_STRUCTURE, &input(offset, format, session, layer), output);
        assert_eq!((answer.end(), &answer.output[..]), ((NtStatus::SUCCESS, 4), &[2, 0, 0, 0][..]), "{cdb}");
        assert_eq!((answer.commands[0].length, answer.commands[0].timeout_s), (output, 10));
    }
}

#[test]
fn cprm_structures_carry_the_agid() {
    for (offset, format, session, output, cdb) in [
        (0, 6, 1, 20, "AD 00 00 00 00 00 00 06 00 14 40 00"),
        (0x1800, 7, 2, 2052, "AD 00 00 00 00 03 00 07 08 04 80 00"),
        (0, 0x106, 1, 20, "AD 00 00 00 00 00 00 06 00 14 00 00"),
    ] {
        let mut host = host();
        host.on(cdb, Reply::data("00 02 00 00"));
        let answer = host.control(READ_STRUCTURE, &input(offset, format, session, 0), output);
        assert_eq!(answer.end(), (NtStatus::SUCCESS, 4), "{cdb}");
    }
}

#[test]
fn checks() {
    let whole = "00".repeat(17);
    for (input, output, expected) in [
        ("".into(), 2052, (NtStatus::INVALID_PARAMETER, 0)),
        ("00".repeat(16), 2052, (NtStatus::INVALID_PARAMETER, 0)),
        (whole.clone(), 0, (NtStatus::BUFFER_TOO_SMALL, 4)),
        (whole.clone(), 3, (NtStatus::BUFFER_TOO_SMALL, 4)),
        (whole.clone(), 5, (NtStatus::INVALID_PARAMETER, 0)),
        (whole.clone(), 17, (NtStatus::INVALID_PARAMETER, 0)),
        (whole.clone(), 0xFFFF, (NtStatus::INVALID_PARAMETER, 0)),
        (whole.clone(), 0x1_0000, (NtStatus::INVALID_PARAMETER, 0)),
    ] {
        assert_eq!(host().control(READ_STRUCTURE, &input, output).end(), expected, "{} {output}", input.len() / 2);
    }
    let mut other = host();
    other.dispatcher.device.is_dvd = false;
    assert_eq!(other.control(READ_STRUCTURE, &whole, 2052).end(), (NtStatus::INVALID_DEVICE_REQUEST, 0));
    let mut unaligned = host();
    unaligned.dispatcher.device.limits.alignment_mask = 0;
    unaligned.on("AD 00 00 00 00 00 00 00 00 05 00 00", Reply::data("08 02 00 00 01"));
    let answer = unaligned.control(READ_STRUCTURE, &(whole + "00"), 5);
    assert_eq!(answer.output, [2, 8, 0, 0, 1]);
}

/// The command asks for what the scratch buffer holds, not for what the caller has room for.
#[test]
fn a_small_scratch_buffer_limits_the_allocation_length() {
    let mut host = host();
    host.scratch_length = 0x1000;
    host.on("AD 00 00 00 00 00 00 00 10 00 00 00", Reply::bytes(&[7; 0x2000]));
    let answer = host.control(READ_STRUCTURE, &input(0, 0, 0, 0), 0x2000);
    assert_eq!((answer.end(), answer.commands[0].length), ((NtStatus::SUCCESS, 0x1000), 0x1000));
}

/// Programs swap the sector fields themselves: only Length is little-endian.
#[test]
fn physical_format_sectors_stay_big_endian() {
    let sent = hex("0802 0000 01 02 00 00 00030000 0021847F 00112233 80");
    let mut host = host();
    host.on("AD 00 00 00 00 00 00 00 08 04 00 00", Reply::bytes(&sent));
    let answer = host.control(READ_STRUCTURE, &input(0, 0, 0, 0), 2052);
    assert_eq!(answer.output, hex("0208 0000 01 02 00 00 00030000 0021847F 00112233 80"));
}

/// What the drive sends is given as it is, zeros at the place of the requested format or not.
#[test]
fn other_structures_are_given_unchanged() {
    for format in [0_u8, 1, 2, 3, 4, 0x30] {
        let mut sent = vec![0; 32];
        sent[..4].copy_from_slice(&[0, 30, 0, 0]);
        for (index, byte) in sent.iter_mut().enumerate().skip(12) {
            *byte = u8::try_from(index).unwrap();
        }
        let mut host = host();
        host.on(&format!("AD 00 00 00 00 00 00 {format:02X} 00 20 00 00"), Reply::bytes(&sent));
        let answer = host.control(READ_STRUCTURE, &input(0, format.into(), 0, 0), 32);
        sent.swap(0, 1);
        assert_eq!(answer.output, sent);
    }
}

#[test]
fn information_is_what_was_transferred() {
    let overrun = || Reply::port(NtStatus::DATA_OVERRUN);
    for (reply, expected, output) in [
        (Reply::good(), (NtStatus::SUCCESS, 0), ""),
        (Reply::data("00"), (NtStatus::SUCCESS, 1), "00"),
        (Reply::data("12 34"), (NtStatus::SUCCESS, 2), "34 12"),
        (Reply::data("12 34 56"), (NtStatus::SUCCESS, 3), "34 12 56"),
        (Reply::data("FF FE 00 00 01"), (NtStatus::SUCCESS, 5), "FE FF 00 00 01"),
        (Reply::data("00 00 00 00 01 02 03 04 05"), (NtStatus::SUCCESS, 8), "00 00 00 00 01 02 03 04"),
        (Reply::data("00 06 00 00").claiming(0xFFFF_FFFF), (NtStatus::SUCCESS, 8), "06 00 00 00 00 00 00 00"),
        // A port that calls an under-run an over-run.
        (overrun(), (NtStatus::DATA_OVERRUN, 0), ""),
        (overrun().with_data("00 02 00"), (NtStatus::DATA_OVERRUN, 0), ""),
        (overrun().with_data("00 04 00 00 01"), (NtStatus::DATA_OVERRUN, 0), ""),
        (overrun().with_data("00 04 00 00 01 02"), (NtStatus::SUCCESS, 6), "04 00 00 00 01 02"),
        (overrun().with_data("08 02 00 00 01 02 03 04"), (NtStatus::SUCCESS, 8), "02 08 00 00 01 02 03 04"),
    ] {
        let mut host = host();
        host.on("AD 00 00 00 00 00 00 01 00 08 00 00", reply.clone());
        let answer = host.control(READ_STRUCTURE, &input(0, 1, 0, 0), 8);
        assert_eq!((answer.end(), answer.output), (expected, hex(output)), "{reply:?}");
    }
}

#[test]
fn region_checks_wait_for_their_turn() {
    for (is_dvd, output, expected) in [
        (false, 0, (NtStatus::INVALID_DEVICE_REQUEST, 0)),
        (false, 4, (NtStatus::INVALID_DEVICE_REQUEST, 0)),
        (true, 0, (NtStatus::BUFFER_TOO_SMALL, 0)),
        (true, 3, (NtStatus::BUFFER_TOO_SMALL, 0)),
    ] {
        let mut host = host();
        host.dispatcher.device.is_dvd = is_dvd;
        assert_eq!(host.control(GET_REGION, "", output).end(), expected);
    }
}

#[test]
fn the_region_combines_disc_and_drive() {
    for (copyright, rpc, expected) in [
        ("00 06 00 00 01 FD 00 00", "00 06 00 00 64 FD 01 00", [1, 0xFD, 0x02, 4]),
        ("00 06 00 00 00 00 00 00", "00 06 00 00 25 FF 01 00", [0, 0, 0, 5]),
        ("00 06 00 00 02 FF 00 00", "00 06 00 00 80 FE 01 00", [2, 0xFF, 0x01, 0]),
        ("00 06 00 00 01 EE 00 00", "00 06 00 00 F8 00 01 00", [1, 0xEE, 0xFF, 0]),
        ("00 06 00 00 01 EE", "FF FF 00 00 47 7F 01 00 00", [1, 0xEE, 0x80, 7]),
    ] {
        for output in [4, 64] {
            let mut host = host();
            host.on(COPYRIGHT, Reply::data(copyright)).on(RPC, Reply::data(rpc));
            let answer = host.control(GET_REGION, "FF FF", output);
            assert_eq!((answer.end(), &answer.output[..]), ((NtStatus::SUCCESS, 4), &expected[..]), "{rpc}");
        }
    }
}

#[test]
fn a_region_that_cannot_be_told_is_an_error() {
    let disc = || Reply::data("00 06 00 00 01 FD 00 00");
    for (reply, status) in [
        (Reply::sense(2, 0x3A, 0), NtStatus::NO_MEDIA_IN_DEVICE),
        (Reply::sense(5, 0x24, 0), NtStatus::INVALID_DEVICE_REQUEST),
        (Reply::good(), NtStatus::IO_DEVICE_ERROR),
        (Reply::data("00 06 00 00 01"), NtStatus::IO_DEVICE_ERROR),
    ] {
        let mut host = host();
        host.on(COPYRIGHT, reply);
        assert_eq!(host.control(GET_REGION, "", 4).end(), (status, 0));
    }
    for (reply, status) in [
        (Reply::sense(5, 0x6F, 1), NtStatus::CSS_KEY_NOT_PRESENT),
        // Phase 1, unknown schemes and empty answers.
        (Reply::data("00 06 00 00 64 FD 00 00"), NtStatus::INVALID_DEVICE_REQUEST),
        (Reply::data("00 06 00 00 64 FD 02 00"), NtStatus::INVALID_DEVICE_REQUEST),
        (Reply::good(), NtStatus::INVALID_DEVICE_REQUEST),
        (Reply::data("00 02 00 00"), NtStatus::INVALID_DEVICE_REQUEST),
        // Neither empty nor whole.
        (Reply::data("00 06 00 00 64 FD 01"), NtStatus::IO_DEVICE_ERROR),
        (Reply::data("00 05 00 00 64 FD 01 00"), NtStatus::IO_DEVICE_ERROR),
        (Reply::port(NtStatus::DATA_OVERRUN), NtStatus::DATA_OVERRUN),
    ] {
        let mut host = host();
        host.on(COPYRIGHT, disc()).on(RPC, reply.clone());
        assert_eq!(host.control(GET_REGION, "", 4).end(), (status, 0), "{reply:?}");
    }
}

#[test]
fn the_region_is_chosen_before_it_is_told() {
    let mut host = host();
    host.dispatcher.device.capability.is_css = true;
    host.dispatcher.device.region.pending = true;
    host.on(COPYRIGHT, Reply::data("00 06 00 00 01 FD 00 00"));
    host.on(COPYRIGHT, Reply::data("00 06 00 00 01 FD 00 00")).on(RPC, Reply::data("00 06 00 00 25 FF 01 00"));
    host.on_platform(NtStatus::SUCCESS, 0);
    host.on("A3 00 00 00 00 00 00 00 00 08 06 00", Reply::good());
    host.on(RPC, Reply::data("00 06 00 00 64 FD 01 00")).on(RPC, Reply::data("00 06 00 00 64 FD 01 00"));
    assert_eq!(host.control(GET_REGION, "", 4).output, [1, 0xFD, 0x02, 4]);
}
