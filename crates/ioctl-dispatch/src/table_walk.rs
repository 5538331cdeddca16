//! Walks the whole IOCTL table: every check at its boundary, every sense code, short and lying answers, cancellation.
//!
//! What each request answers in detail is tested beside its operation; here no row can be forgotten.

use std::string::String;
use std::vec;
use std::vec::Vec;

use crate::ioctl::{Check, IOCTLS, Ioctl, Operation, Route};
use crate::media::MediaState;
use crate::ntstatus::NtStatus;
use crate::request::Irql;
use crate::test_host::{Answer, Host, Reply, hex};

/// A request that passes every check of its row: input, output length.
struct Sample {
    operation: Operation,
    input: &'static str,
    output: u32,
}

const fn sample(operation: Operation, input: &'static str, output: u32) -> Sample {
    Sample { operation, input, output }
}

const KEY_24: &str = "18000000 00000000 3F000000 00000000 0000000000000000";
const NAME: &str = "01000000 00000000 4F776E00";

/// One valid request per operation; lengths that are too short here are padded with zeros to what the checks want.
const SAMPLES: &[Sample] = &[
    sample(Operation::ReadToc, "", 804),
    sample(Operation::LastSession, "", 12),
    sample(Operation::ReadTocEx, "80000000", 804),
    sample(Operation::ReadQChannel, "0100", 16),
    sample(Operation::PlayAudio, "000200 010000", 0),
    sample(Operation::SeekAudio, "000200", 0),
    sample(Operation::PauseAudio, "", 0),
    sample(Operation::ResumeAudio, "", 0),
    sample(Operation::StopAudio, "", 0),
    sample(Operation::GetVolume, "", 4),
    sample(Operation::SetVolume, "FFFFFFFF", 0),
    sample(Operation::RawRead, "0000000000000000 01000000 02000000", 2352),
    sample(Operation::Geometry, "", 24),
    sample(Operation::GeometryEx, "", 32),
    sample(Operation::LengthInfo, "", 8),
    sample(Operation::ReadCapacity, "", 32),
    sample(Operation::CheckVerify, "", 4),
    sample(Operation::CheckVerify2, "", 4),
    sample(Operation::MediaRemoval, "01", 0),
    sample(Operation::EjectionControl, "01", 0),
    sample(Operation::Eject, "", 0),
    sample(Operation::Load, "", 0),
    sample(Operation::InquiryData, "", 36),
    sample(Operation::GetConfiguration, "000000000000000000000000000000000000000000000000", 64),
    sample(Operation::SetSpeed, "00000000 FFFF FFFF 00000000", 0),
    sample(Operation::EnableStreaming, "01000000", 0),
    sample(Operation::SendOpc, "01000000 0100 0000", 0),
    sample(Operation::GetPerformance, "01000000 01000000 01000000 01000000 00000000", 24),
    sample(Operation::IsWritable, "", 0),
    sample(Operation::Verify, "0000000000000000 00100000 00000000", 0),
    sample(Operation::PartitionInfo, "", 32),
    sample(Operation::PartitionInfoEx, "", 144),
    sample(Operation::DriveLayout, "", 40),
    sample(Operation::DriveLayoutEx, "", 192),
    sample(Operation::SetReadAhead, "0000010000000000 0000020000000000", 0),
    sample(Operation::DvdStartSession, "", 4),
    sample(Operation::DvdReadKey, "18000000 00000000 01000000 00000000 0000000000000000", 36),
    sample(Operation::DvdSendKey, KEY_24, 0),
    sample(Operation::DvdEndSession, "00000000", 0),
    sample(Operation::DvdGetRegion, "", 4),
    sample(Operation::DvdReadStructure, "0000000000000000 00000000 00000000 00", 2052),
    sample(Operation::AacsMediaKeyBlockSize, "00000000", 4),
    sample(Operation::AacsMediaKeyBlock, "00000000", 0x8000),
    sample(Operation::AacsStartSession, "", 4),
    sample(Operation::AacsEndSession, "00000000", 0),
    sample(Operation::AacsSendCertificate, "00000000", 0),
    sample(Operation::AacsGetCertificate, "00000000", 112),
    sample(Operation::AacsGetChallengeKey, "00000000", 80),
    sample(Operation::AacsSendChallengeKey, "00000000", 0),
    sample(Operation::AacsReadVolumeId, "00000000", 32),
    sample(Operation::AacsReadSerialNumber, "00000000", 32),
    sample(Operation::AacsReadMediaId, "00000000", 32),
    sample(Operation::AacsReadBindingNonce, "00000000 01000000 1000000000000000 0000000000000000", 32),
    sample(Operation::AacsGenerateBindingNonce, "00000000 01000000 1000000000000000 0000000000000000", 32),
    sample(Operation::ExclusiveAccess, NAME, 0),
    sample(Operation::McnControl, "01", 0),
    sample(Operation::Reserve, "", 0),
    sample(Operation::Release, "", 0),
    sample(Operation::PersistentReserveIn, "00000000 0C000000 00 00 0800", 8),
    sample(Operation::PersistentReserveOut, "00000000 24000000 00 00", 0),
    sample(Operation::MediaTypes, "", 72),
    sample(Operation::QueryProperty, "04000000 00000000 00000000", 28),
    sample(Operation::DeviceNumber, "", 12),
    sample(Operation::GetHotplugInfo, "", 8),
    sample(Operation::SetHotplugInfo, "08000000 00000000", 0),
    sample(Operation::PriorityHint, "", 0),
    sample(Operation::EventNotification, "01000000 10000000 0100000000000000", 0),
    sample(Operation::FindNewDevices, "", 0),
    sample(Operation::MountUniqueId, "", 64),
    sample(Operation::MountDeviceName, "", 64),
    sample(Operation::MountSuggestedLink, "", 64),
    sample(Operation::VolumesReady, "", 0),
    sample(Operation::VolumeOnline, "", 0),
    sample(Operation::VolumePostOnline, "", 0),
    sample(Operation::PassThrough, "", 0),
];

/// A drive that can do everything, so that only the checks of a row refuse a request.
fn capable() -> Host {
    let mut host = Host::mmc();
    host.any(Vec::new());
    let device = &mut host.dispatcher.device;
    (device.is_dvd, device.is_aacs, device.initialized, device.safe_start_unit) = (true, true, true, true);
    (device.c2_pointers, device.raw_sub_channel) = (true, true);
    device.media.enabled = true;
    device.geometry.update(Ok(&[0, 0, 0xFF, 0xFF, 0, 0, 8, 0]));
    device.mounted_interface = crate::blob::Blob::new(&[u16::from(b'X'); 8]);
    device.device_name = crate::blob::Blob::new(&[u16::from(b'Y'); 8]);
    device.inquiry = crate::blob::Blob::new(&[5; 36]);
    device.capability.write_allowed = true;
    device.capability.schema = crate::capability::schema::DEFECT_MANAGEMENT;
    host
}

/// The sample of a row, its input padded to the least length that the row's checks let pass.
fn valid(row: &Ioctl) -> (Vec<u8>, u32) {
    let sample = SAMPLES
        .iter()
        .find(|sample| sample.operation == row.operation)
        .unwrap_or_else(|| panic!("{} has no sample", row.name));
    let mut input = hex(&sample.input.replace(' ', ""));
    let least = row.checks.iter().filter_map(|check| match check {
        Check::InputAtLeast(length, _) | Check::InputExactly(length, _) => usize::try_from(*length).ok(),
        _ => None,
    });
    let own = match row.operation {
        Operation::ExclusiveAccess => 72,
        Operation::PersistentReserveOut => 36,
        Operation::PassThrough => 64,
        _ => 0,
    };
    let length = least.chain([own, input.len()]).max().unwrap_or(0);
    input.resize(length, 0);
    (input, sample.output)
}

fn run(host: &mut Host, row: &Ioctl, input: &[u8], output: u32) -> Answer {
    let request = host.request(row.code.0, input, output);
    host.send(request, input)
}

fn rows() -> impl Iterator<Item = &'static Ioctl> {
    IOCTLS.iter()
}

/// Statuses that checks answer with.
fn refused(status: NtStatus) -> bool {
    matches!(
        status,
        NtStatus::BUFFER_TOO_SMALL
            | NtStatus::INFO_LENGTH_MISMATCH
            | NtStatus::INVALID_PARAMETER
            | NtStatus::INVALID_BUFFER_SIZE
            | NtStatus::INVALID_LEVEL
            | NtStatus::INVALID_USER_BUFFER
    )
}

#[test]
fn every_row_lets_its_sample_pass() {
    for row in rows() {
        let (input, output) = valid(row);
        let answer = run(&mut capable(), row, &input, output);
        assert!(!refused(answer.status), "{}: {}", row.name, answer.status);
    }
}

#[test]
fn every_length_check_refuses_one_byte_less_or_more() {
    for row in rows() {
        let (input, output) = valid(row);
        let check = |input: &[u8], output: u32, expected: (NtStatus, u64)| {
            assert_eq!(
                run(&mut capable(), row, input, output).end(),
                expected,
                "{} {} {output}",
                row.name,
                input.len()
            );
        };
        let resized = |length: u32| {
            let mut bytes = input.clone();
            bytes.resize(usize::try_from(length).unwrap(), 0);
            bytes
        };
        for rule in row.checks {
            match *rule {
                Check::InputPresent => check(&[], output, (NtStatus::BUFFER_TOO_SMALL, 0)),
                Check::InputAtLeast(least, status) => check(&resized(least - 1), output, (status, 0)),
                Check::InputExactly(length, status) => {
                    check(&resized(length - 1), output, (status, 0));
                    check(&resized(length + 1), output, (status, 0));
                }
                Check::OutputAtLeast(least) => {
                    check(&input, least - 1, (NtStatus::BUFFER_TOO_SMALL, least.into()));
                    check(&input, 0, (NtStatus::BUFFER_TOO_SMALL, least.into()));
                }
                Check::OutputAtLeastSilently(least) => check(&input, least - 1, (NtStatus::BUFFER_TOO_SMALL, 0)),
                Check::OutputAtMost(most, status) => check(&input, most + 1, (status, 0)),
                Check::OutputAligned => check(&input, output | 1, (NtStatus::INVALID_PARAMETER, 0)),
                Check::U32AtMost(offset, most) => {
                    let mut bytes = input.clone();
                    bytes[offset..][..4].copy_from_slice(&(most + 1).to_le_bytes());
                    check(&bytes, output, (NtStatus::INVALID_PARAMETER, 0));
                    bytes[offset..][..4].copy_from_slice(&most.to_le_bytes());
                    assert!(!refused(run(&mut capable(), row, &bytes, output).status), "{}", row.name);
                }
                Check::Dvd | Check::Aacs => {
                    let mut plain = capable();
                    (plain.dispatcher.device.is_dvd, plain.dispatcher.device.is_aacs) = (false, false);
                    let answer = run(&mut plain, row, &input, output);
                    assert_eq!(answer.end(), (NtStatus::INVALID_DEVICE_REQUEST, 0), "{}", row.name);
                    assert!(answer.commands.is_empty(), "{}", row.name);
                }
                Check::Rule(_) => {}
            }
        }
    }
}

#[test]
fn every_row_is_refused_while_another_handle_has_the_drive() {
    for row in rows() {
        let (input, output) = valid(row);
        let mut host = capable();
        host.dispatcher.device.exclusive = Some(crate::exclusive::Owner { handle: crate::HandleId(99), name: [0; 64] });
        let answer = run(&mut host, row, &input, output);
        let denied = answer.end() == (NtStatus::ACCESS_DENIED, 0);
        match row.while_locked() {
            crate::ioctl::WhileLocked::Denied => assert!(denied && answer.commands.is_empty(), "{}", row.name),
            crate::ioctl::WhileLocked::Allowed if row.operation == Operation::ExclusiveAccess => assert!(denied),
            crate::ioctl::WhileLocked::Allowed => assert!(!denied, "{}", row.name),
            crate::ioctl::WhileLocked::Restricted => {}
        }
    }
}

/// (key, ASC, ASCQ) of every row of the sense tables.
const SENSE: &[(u8, u8, u8)] = &[
    (0, 0, 0),
    (1, 0, 0),
    (1, 0x17, 0),
    (1, 0x18, 0),
    (1, 0x5D, 0),
    (2, 0, 0),
    (2, 0x04, 0x00),
    (2, 0x04, 0x01),
    (2, 0x04, 0x02),
    (2, 0x04, 0x03),
    (2, 0x04, 0x04),
    (2, 0x04, 0x07),
    (2, 0x04, 0x08),
    (2, 0x30, 0x00),
    (2, 0x3A, 0x00),
    (2, 0x3A, 0x01),
    (2, 0x3A, 0xCC),
    (3, 0x02, 0x00),
    (3, 0x11, 0x05),
    (3, 0x30, 0x01),
    (3, 0x30, 0x02),
    (3, 0x30, 0x03),
    (3, 0x57, 0x00),
    (4, 0x08, 0x03),
    (4, 0x09, 0x00),
    (4, 0x44, 0x00),
    (5, 0x20, 0x00),
    (5, 0x21, 0x00),
    (5, 0x24, 0x00),
    (5, 0x25, 0x00),
    (5, 0x26, 0x00),
    (5, 0x27, 0x00),
    (5, 0x2C, 0x00),
    (5, 0x53, 0x02),
    (5, 0x55, 0x00),
    (5, 0x64, 0x00),
    (5, 0x6F, 0x00),
    (5, 0x6F, 0x01),
    (5, 0x6F, 0x02),
    (5, 0x6F, 0x03),
    (5, 0x6F, 0x04),
    (5, 0x6F, 0x05),
    (5, 0x6F, 0x06),
    (6, 0x28, 0x00),
    (6, 0x29, 0x00),
    (6, 0x2A, 0x00),
    (6, 0x2E, 0x00),
    (6, 0x3F, 0x00),
    (6, 0x5A, 0x01),
    (6, 0x5A, 0x02),
    (6, 0x5A, 0x03),
    (7, 0x27, 0x00),
    (8, 0x00, 0x00),
    (9, 0, 0),
    (0xA, 0, 0),
    (0xB, 0, 0),
    (0xC, 0, 0),
    (0xD, 0, 0),
    (0xE, 0, 0),
    (0xF, 0, 0),
];

/// Most commands that one request may cost: four AGIDs of two classes, or a refresh of four commands and two of its
/// own, each tried six times.
const COMMAND_BOUND: usize = 48;

/// Longest that a request may take when every command fails at once, in seconds of pauses.
const PAUSE_BOUND_S: u64 = 500;

fn bounded(row: &Ioctl, what: &str, answer: &Answer, output: u32) {
    assert!(answer.commands.len() <= COMMAND_BOUND, "{} {what}: {} commands", row.name, answer.commands.len());
    let pauses: u64 = answer.waits.iter().map(|pause| pause.as_milliseconds()).sum();
    assert!(pauses <= PAUSE_BOUND_S * 1000, "{} {what}: {pauses} ms", row.name);
    if answer.status.is_success() {
        assert!(answer.information <= u64::from(output), "{} {what}", row.name);
    }
    for command in &answer.commands {
        assert!((1..=108_000).contains(&command.timeout_s), "{} {what}", row.name);
    }
}

#[test]
fn every_sense_code_ends_every_request_in_time_and_with_its_status() {
    for row in rows() {
        let (input, output) = valid(row);
        for mounted in [false, true] {
            for (key, asc, ascq) in SENSE {
                let what = std::format!("{key:X}/{asc:02X}/{ascq:02X} mounted {mounted}");
                let status = plain_status(*key, *asc, *ascq, mounted);
                let mut host = capable();
                host.environment.mounted = mounted;
                host.reply_to_all(Reply::sense(*key, *asc, *ascq));
                let answer = run(&mut host, row, &input, output);
                bounded(row, &what, &answer, output);
                if answer.status.is_error() && row.operation != Operation::PassThrough {
                    assert!(answer.information == 0, "{} {what}", row.name);
                }
                if is_plain(row.operation) && !answer.commands.is_empty() {
                    assert_eq!(answer.status, status, "{} {what}", row.name);
                }
            }
        }
    }
}

/// Operations of one command that hand its status on as it is.
fn is_plain(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::PlayAudio
            | Operation::SeekAudio
            | Operation::PauseAudio
            | Operation::ResumeAudio
            | Operation::StopAudio
            | Operation::CheckVerify
            | Operation::CheckVerify2
            | Operation::Eject
            | Operation::Load
            | Operation::SendOpc
            | Operation::Verify
            | Operation::SetReadAhead
            | Operation::SetSpeed
            | Operation::DvdSendKey
            | Operation::DvdEndSession
            | Operation::AacsSendCertificate
            | Operation::AacsSendChallengeKey
    )
}

/// What the tables say of a code on an MMC drive, for a command without exceptions of its own.
fn plain_status(key: u8, asc: u8, ascq: u8, mounted: bool) -> NtStatus {
    let verify = if mounted { NtStatus::VERIFY_REQUIRED } else { NtStatus::IO_DEVICE_ERROR };
    match (key, asc, ascq) {
        (6, 0x5A, _) => NtStatus::DEVICE_BUSY,
        (_, 0x04, 0x03) | (_, 0x3A, _) => NtStatus::NO_MEDIA_IN_DEVICE,
        (_, 0x04, _) => NtStatus::DEVICE_NOT_READY,
        (_, 0x30, 1 | 2) | (_, 0x57, 0) => NtStatus::UNRECOGNIZED_MEDIA,
        (_, 0x30, 3) => NtStatus::CLEANER_CARTRIDGE_INSTALLED,
        (_, 0x02, 0) => NtStatus::DEVICE_DATA_ERROR,
        (_, 0x21, _) => NtStatus::NONEXISTENT_SECTOR,
        (_, 0x24, _) => NtStatus::INVALID_DEVICE_REQUEST,
        (_, 0x25, _) => NtStatus::NO_SUCH_DEVICE,
        (_, 0x28 | 0x3F, _) => verify,
        (_, 0x17 | 0x18 | 0x5D, _) => NtStatus::SUCCESS,
        (_, 0x6F, 0) => NtStatus::CSS_AUTHENTICATION_FAILURE,
        (_, 0x6F, 1) => NtStatus::CSS_KEY_NOT_PRESENT,
        (_, 0x6F, 2) => NtStatus::CSS_KEY_NOT_ESTABLISHED,
        (_, 0x6F, 3) => NtStatus::CSS_SCRAMBLED_SECTOR,
        (_, 0x6F, 4) => NtStatus::CSS_REGION_MISMATCH,
        (_, 0x6F, 5) => NtStatus::CSS_RESETS_EXHAUSTED,
        (_, 0x6F, _) => NtStatus::COPY_PROTECTION_FAILURE,
        (1, ..) => NtStatus::SUCCESS,
        (2, ..) => NtStatus::DEVICE_NOT_READY,
        (3, ..) => NtStatus::DEVICE_DATA_ERROR,
        (5, ..) => NtStatus::INVALID_DEVICE_REQUEST,
        (6, ..) => verify,
        (7, ..) => NtStatus::MEDIA_WRITE_PROTECTED,
        (8, ..) => NtStatus::NO_DATA_DETECTED,
        _ => NtStatus::IO_DEVICE_ERROR,
    }
}

#[test]
fn short_and_lying_answers_never_give_more_than_was_received() {
    let lies: [(&str, Reply); 7] = [
        ("nothing", Reply::good()),
        ("one byte", Reply::data("FF")),
        ("four bytes", Reply::data("00 FF FF FF")),
        ("zeros", Reply::bytes(&[0; 0x1_0000])),
        ("ones", Reply::bytes(&[0xFF; 0x1_0000])),
        ("nothing, said to be everything", Reply::good().claiming(u32::MAX)),
        ("ones, said to be nothing", Reply::bytes(&[0xFF; 0x1_0000]).claiming(0)),
    ];
    for row in rows() {
        let (input, output) = valid(row);
        for (what, reply) in &lies {
            let mut host = capable();
            host.reply_to_all(reply.clone());
            bounded(row, what, &run(&mut host, row, &input, output), output);
        }
        for length in 0..64 {
            let mut host = capable();
            host.reply_to_all(Reply::bytes(&vec![0x01; length]));
            bounded(row, "short", &run(&mut host, row, &input, output), output);
        }
    }
}

#[test]
fn port_failures_end_every_request() {
    for row in rows() {
        let (input, output) = valid(row);
        for status in [
            NtStatus::IO_TIMEOUT,
            NtStatus::IO_DEVICE_ERROR,
            NtStatus::DEVICE_DOES_NOT_EXIST,
            NtStatus::DEVICE_NOT_CONNECTED,
            NtStatus::BUFFER_OVERFLOW,
            NtStatus::INSUFFICIENT_RESOURCES,
            NtStatus(0xC000_1234),
        ] {
            let mut host = capable();
            host.reply_to_all(Reply::port(status));
            let what = String::from(status.name().unwrap_or("another status"));
            bounded(row, &what, &run(&mut host, row, &input, output), output);
        }
    }
}

#[test]
fn a_removed_device_says_so_in_every_failure() {
    for row in rows() {
        let (input, output) = valid(row);
        let mut host = capable();
        host.dispatcher.device.surprise_removal();
        host.reply_to_all(Reply::port(NtStatus::NO_SUCH_DEVICE));
        let answer = run(&mut host, row, &input, output);
        let passed_on = answer.forwarded || answer.parked;
        let gone = answer.status == NtStatus::DEVICE_DOES_NOT_EXIST;
        assert!(passed_on || answer.status.is_success() || gone, "{}: {}", row.name, answer.status);
    }
}

#[test]
fn cancelled_requests_send_nothing_more() {
    for row in rows().filter(|row| row.route == Route::Serial) {
        let (input, output) = valid(row);
        let mut host = capable();
        host.environment.cancelled = true;
        let answer = run(&mut host, row, &input, output);
        assert!(answer.commands.is_empty(), "{}", row.name);
    }
}

#[test]
fn the_media_state_follows_any_request() {
    let mut host = capable();
    host.reply_to_all(Reply::sense(2, 0x3A, 0));
    let row = rows().find(|row| row.operation == Operation::Eject).unwrap();
    run(&mut host, row, &[], 0);
    assert_eq!(host.dispatcher.device.media.known, MediaState::NotPresent);
}

#[test]
fn raised_irql_reaches_no_queue_that_has_to_wait() {
    for row in rows().filter(|row| matches!(row.route, Route::CallerThread | Route::PassThrough)) {
        let (input, output) = valid(row);
        let mut host = capable();
        let mut request = host.request(row.code.0, &input, output);
        request.irql = Irql::Dispatch;
        let answer = host.send(request, &input);
        let refused = matches!(answer.status, NtStatus::INVALID_LEVEL | NtStatus::INVALID_DEVICE_REQUEST);
        assert!(refused && !answer.forwarded, "{}: {}", row.name, answer.status);
    }
}
