//! What the drive's sense comes to for every request of this group: statuses and repeats (ioctl-dvd-aacs.md, "Error
//! mapping").

use crate::NtStatus;
use crate::test_host::{Host, Reply};
use std::format;
use std::string::{String, ToString};

/// Key, ASC, ASCQ, status, commands sent.
const SENSES: &[(u8, u8, u8, NtStatus, usize)] = &[
    (5, 0x6F, 0x00, NtStatus::CSS_AUTHENTICATION_FAILURE, 1),
    (5, 0x6F, 0x01, NtStatus::CSS_KEY_NOT_PRESENT, 1),
    (5, 0x6F, 0x02, NtStatus::CSS_KEY_NOT_ESTABLISHED, 1),
    (5, 0x6F, 0x03, NtStatus::CSS_SCRAMBLED_SECTOR, 1),
    (5, 0x6F, 0x04, NtStatus::CSS_REGION_MISMATCH, 1),
    (5, 0x6F, 0x05, NtStatus::CSS_RESETS_EXHAUSTED, 1),
    (5, 0x6F, 0x06, NtStatus::COPY_PROTECTION_FAILURE, 1),
    (2, 0x6F, 0x01, NtStatus::CSS_KEY_NOT_PRESENT, 1),
    (5, 0x24, 0x00, NtStatus::INVALID_DEVICE_REQUEST, 1),
    (5, 0x20, 0x00, NtStatus::INVALID_DEVICE_REQUEST, 1),
    (5, 0x2C, 0x00, NtStatus::INVALID_DEVICE_REQUEST, 1),
    (5, 0x25, 0x00, NtStatus::NO_SUCH_DEVICE, 1),
    (2, 0x3A, 0x00, NtStatus::NO_MEDIA_IN_DEVICE, 1),
    (2, 0x30, 0x01, NtStatus::UNRECOGNIZED_MEDIA, 1),
    (2, 0x30, 0x02, NtStatus::UNRECOGNIZED_MEDIA, 1),
    (2, 0x04, 0x01, NtStatus::DEVICE_NOT_READY, 6),
    (2, 0x04, 0x03, NtStatus::NO_MEDIA_IN_DEVICE, 1),
    (2, 0x04, 0x04, NtStatus::DEVICE_NOT_READY, 1),
    (2, 0x04, 0x08, NtStatus::DEVICE_NOT_READY, 6),
    (2, 0x04, 0x02, NtStatus::DEVICE_NOT_READY, 6),
    (6, 0x29, 0x00, NtStatus::IO_DEVICE_ERROR, 6),
    (5, 0x21, 0x00, NtStatus::NONEXISTENT_SECTOR, 1),
    (3, 0x11, 0x00, NtStatus::DEVICE_DATA_ERROR, 1),
    (4, 0x44, 0x00, NtStatus::IO_DEVICE_ERROR, 6),
    (0xB, 0x4B, 0x00, NtStatus::IO_DEVICE_ERROR, 6),
];

/// Code, input, output length, first command.
fn requests() -> [(u32, String, u32, &'static str); 17] {
    let key =
        |length: u32, key_type: u8| format!("{length:02X}000000 00000000 {key_type:02X}000000 {}", "00".repeat(12));
    let structure = "00".repeat(17);
    let agid = || "01000000".to_string();
    let nonce = "01000000 01000000 1000000000000000 0000000000000000";
    [
        (0x0033_5000, String::new(), 4, "A4 00 00 00 00 00 00 00 00 08 00 00"),
        (0x0033_5004, key(24, 1), 36, "A4 00 00 00 00 00 00 00 00 10 01 00"),
        (0x0033_5004, key(24, 0x80), 2072, "AD 00 00 00 00 00 00 02 08 04 00 00"),
        (0x0033_5008, key(24, 1), 0, "A3 00 00 00 00 00 00 00 00 04 01 00"),
        (0x0033_D018, key(24, 2), 0, "A3 00 00 00 00 00 00 00 00 04 02 00"),
        (0x0033_500C, agid(), 0, "A3 00 00 00 00 00 00 00 00 00 7F 00"),
        (0x0033_5014, String::new(), 4, "AD 00 00 00 00 00 00 01 00 08 00 00"),
        (0x0033_5140, structure, 8, "AD 00 00 00 00 00 00 00 00 08 00 00"),
        (0x0033_50C8, String::new(), 4, "A4 00 00 00 00 00 00 02 00 08 00 00"),
        (0x0033_50CC, agid(), 0, "A3 00 00 00 00 00 00 02 00 00 7F 00"),
        (0x0033_50D0, format!("01000000 {}", "00".repeat(112)), 0, "A3 00 00 00 00 00 00 02 00 74 41 00"),
        (0x0033_50D4, agid(), 112, "A4 00 00 00 00 00 00 02 00 74 41 00"),
        (0x0033_50E0, agid(), 32, "AD 00 00 00 00 00 00 80 00 24 40 00"),
        (0x0033_50EC, nonce.to_string(), 32, "A4 00 00 00 00 10 01 02 00 24 61 00"),
        (0x0033_D0F0, nonce.to_string(), 32, "A4 00 00 00 00 10 01 02 00 24 60 00"),
        (0x0033_50C4, agid(), 0x8000, "AD 00 00 00 00 00 01 83 80 04 00 00"),
        (0x0033_50C0, agid(), 4, "AD 00 00 00 00 00 01 83 00 04 00 00"),
    ]
}

fn host() -> Host {
    let mut host = Host::mmc();
    host.dispatcher.device.is_dvd = true;
    host.dispatcher.device.is_aacs = true;
    host
}

#[test]
fn every_sense_has_its_status_for_every_request() {
    for (code, input, output, cdb) in requests() {
        for (key, asc, ascq, status, sends) in SENSES.iter().copied() {
            let mut host = host();
            for _ in 0..sends {
                host.on(cdb, Reply::sense(key, asc, ascq));
            }
            let answer = host.control(code, &input, output);
            assert_eq!(answer.end(), (status, 0), "{code:#x} {key:X}/{asc:02X}/{ascq:02X}");
            assert_eq!(answer.commands.len(), sends);
        }
    }
}

#[test]
fn a_unit_attention_of_a_mounted_volume_is_not_repeated() {
    for (code, input, output, cdb) in requests() {
        let mut host = host();
        host.environment.mounted = true;
        host.on(cdb, Reply::sense(6, 0x28, 0));
        assert_eq!(host.control(code, &input, output).end(), (NtStatus::VERIFY_REQUIRED, 0));
    }
}

/// Override-verify repeats it, as often as any other failure.
#[test]
fn override_verify_has_an_end() {
    for (code, input, output, cdb) in requests() {
        let mut host = host();
        host.environment.mounted = true;
        host.stack_flags = crate::request::SL_OVERRIDE_VERIFY_VOLUME;
        for _ in 0..6 {
            host.on(cdb, Reply::sense(6, 0x28, 0));
        }
        assert_eq!(host.control(code, &input, output).end(), (NtStatus::IO_DEVICE_ERROR, 0), "{code:#x}");
    }
}

#[test]
fn another_handles_exclusive_access_denies_all() {
    for (code, input, output, _) in requests() {
        let mut host = host();
        let owner = crate::exclusive::Owner { handle: crate::HandleId(9), name: [0; 64] };
        host.dispatcher.device.exclusive = Some(owner);
        assert_eq!(host.control(code, &input, output).end(), (NtStatus::ACCESS_DENIED, 0));
    }
}

#[test]
fn a_cancelled_request_sends_nothing() {
    for (code, input, output, _) in requests() {
        let mut host = host();
        host.environment.cancelled = true;
        let answer = host.control(code, &input, output);
        assert_eq!((answer.end(), answer.commands.len()), ((NtStatus::CANCELLED, 0), 0));
    }
}
