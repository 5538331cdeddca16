//! The host around the core: time, cancellation, parking, polling, clean-up, what is passed down.

use std::time::Duration;

use drive_host::names::control_code;
use drive_host::record::{Cause, Sent};
use drive_host::results::ResultLine;
use drive_host::{Access, Host, HostError, Ioctl, Options, replay, requests};
use ioctl_dispatch::effect::Notification;
use ioctl_dispatch::{HandleId, NtStatus};
use virtual_drive::script::ScriptDrive;
use virtual_drive::sim;

/// A plain drive with a disc: GET EVENT STATUS NOTIFICATION is not known, so that TEST UNIT READY polls.
const PLAIN: &str = r#"
{"cdb": "12", "data": "05800502 1f000000 4f5241434c452020 43442054574f2053455353494f4e2020 312e3030"}
{"cdb": "25", "data": "0001D4BF 00000800"}
{"cdb": "00"}
{"cdb": "1B"}
{"cdb": "1E"}
"#;

fn host(rules: &str) -> Host {
    let script = ScriptDrive::parse("drive", &format!("{rules}{PLAIN}")).unwrap();
    Host::start(Box::new(script), &Options::default()).unwrap()
}

fn opcodes(sent: &[Sent]) -> Vec<u8> {
    let commands = sent.iter().filter_map(|sent| match sent {
        Sent::Command(command) => Some(command.cdb.opcode().0),
        Sent::Function { .. } => None,
    });
    commands.collect()
}

fn request(name: &str, handle: HandleId, input: &[u8], output_length: u32) -> Ioctl {
    Ioctl::new(control_code(name).unwrap(), handle, input, output_length)
}

fn send(host: &mut Host, name: &str, handle: HandleId, input: &[u8], output_length: u32) -> (NtStatus, Vec<u8>) {
    let id = host.control(&request(name, handle, input, output_length), None).unwrap();
    let completed = host.wait(id).unwrap();
    (completed.status, completed.returned().to_vec())
}

/// Polls that were sent since the last call.
fn polls(host: &mut Host) -> usize {
    host.recorder().take_own().iter().filter(|(cause, _)| *cause == "poll").count()
}

fn replay_lines(host: &mut Host, script: &str) -> Vec<ResultLine> {
    let lines = requests::parse("script", script).unwrap();
    let mut results = Vec::new();
    replay::run(host, "script", &lines, false, &mut |line| results.push(line)).unwrap();
    results
}

fn status_of(results: &[ResultLine], line: usize) -> Option<u32> {
    results.iter().find(|result| result.line == Some(line)).unwrap().outcome.as_ref().unwrap().status
}

#[test]
fn polls_come_at_100_ms_and_then_every_second_unless_they_are_disabled() {
    let mut host = host("");
    assert_eq!(host.now(), Duration::from_secs(2));
    assert_eq!(polls(&mut host), 2, "at 0.1 and 1.1 s");
    host.advance(Duration::from_secs(10)).unwrap();
    assert_eq!(polls(&mut host), 10);
    let handle = host.open(Access::ReadWrite);
    assert_eq!(send(&mut host, "IOCTL_STORAGE_MCN_CONTROL", handle, &[1], 0).0, NtStatus::SUCCESS);
    let _ = polls(&mut host);
    host.advance(Duration::from_secs(10)).unwrap();
    assert_eq!(polls(&mut host), 0);
    host.close(handle, Cause::Own("close")).unwrap();
    let _ = polls(&mut host);
    host.advance(Duration::from_secs(3)).unwrap();
    assert_eq!(polls(&mut host), 3, "the clean-up of the handle gave its disable back");
}

#[test]
fn a_long_command_delays_polls_and_does_not_pile_them_up() {
    let mut host = host("{\"cdb\": \"1B\", \"delay_ms\": 5000}\n");
    let _ = polls(&mut host);
    let handle = host.open(Access::ReadWrite);
    let before = host.now();
    send(&mut host, "IOCTL_STORAGE_LOAD_MEDIA", handle, &[], 0);
    assert!(host.now() - before >= Duration::from_secs(5));
    assert_eq!(polls(&mut host), 1);
}

#[test]
fn a_poll_that_waits_for_its_turn_is_the_only_one() {
    let mut host = host("{\"cdb\": \"00\", \"times\": 2}\n{\"cdb\": \"00\", \"sense\": \"02/04/01\"}\n");
    let handle = host.open(Access::ReadWrite);
    let signal = [1, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    let waiting = request("IOCTL_STORAGE_CHECK_VERIFY", handle, &[], 0);
    let waiting = host.control(&waiting, Some(Duration::from_secs(5))).unwrap();
    host.advance(Duration::from_secs(3)).unwrap();
    let refused = send(&mut host, "IOCTL_STORAGE_EVENT_NOTIFICATION", handle, &signal, 0);
    assert_eq!(refused.0, NtStatus::UNSUCCESSFUL, "the timer's poll is queued already");
    host.wait(waiting).unwrap();
    let started = send(&mut host, "IOCTL_STORAGE_EVENT_NOTIFICATION", handle, &signal, 0);
    assert_eq!(started.0, NtStatus::SUCCESS);
}

#[test]
fn a_request_that_waits_is_woken_by_its_cancellation() {
    let mut host = host("");
    let handle = host.open(Access::ReadWrite);
    let mut busy = host_becoming_ready();
    let waiting = busy.open(Access::ReadWrite);
    let before = busy.now();
    let check = request("IOCTL_STORAGE_CHECK_VERIFY", waiting, &[], 0);
    let id = busy.control(&check, Some(Duration::from_millis(500))).unwrap();
    assert_eq!(busy.wait(id).unwrap().status, NtStatus::CANCELLED);
    assert_eq!(busy.now() - before, Duration::from_millis(500));
    assert_eq!(opcodes(&busy.recorder().take_requests()), [0x00]);
    // One that does not wait is not cancelled.
    let check = request("IOCTL_STORAGE_CHECK_VERIFY", handle, &[], 0);
    let id = host.control(&check, Some(Duration::from_millis(500))).unwrap();
    assert_eq!(host.wait(id).unwrap().status, NtStatus::SUCCESS);
}

/// A drive that gets ready once the polls of the first two seconds are over, and then is becoming ready for ever.
fn host_becoming_ready() -> Host {
    let mut host = host("{\"cdb\": \"00\", \"times\": 2}\n{\"cdb\": \"00\", \"sense\": \"02/04/01\"}\n");
    let handle = host.open(Access::ReadWrite);
    send(&mut host, "IOCTL_STORAGE_MCN_CONTROL", handle, &[1], 0);
    host.recorder().take_requests();
    host
}

#[test]
fn requests_queue_behind_one_that_waits_and_can_be_cancelled_there() {
    let mut host = host_becoming_ready();
    let handle = host.open(Access::ReadWrite);
    let first = request("IOCTL_STORAGE_CHECK_VERIFY", handle, &[], 0);
    let first = host.control(&first, Some(Duration::from_millis(900))).unwrap();
    host.run_ready().unwrap();
    let second = request("IOCTL_STORAGE_LOAD_MEDIA", handle, &[], 0);
    let second = host.control(&second, Some(Duration::from_millis(100))).unwrap();
    let third = request("IOCTL_STORAGE_MEDIA_REMOVAL", handle, &[1], 0);
    let third = host.control(&third, None).unwrap();
    assert_eq!(host.wait(second).unwrap().status, NtStatus::CANCELLED);
    assert!(!host.has_ended(first) && !host.has_ended(third));
    assert_eq!(host.wait(third).unwrap().status, NtStatus::SUCCESS);
    assert_eq!(host.take_ended(first).unwrap().status, NtStatus::CANCELLED);
    assert_eq!(opcodes(&host.recorder().take_requests()), [0x00, 0x1E], "LOAD never reached the drive");
}

#[test]
fn parked_requests_end_with_the_volume_or_with_their_cancellation() {
    let script = r#"
        {"open": "A"}
        {"ioctl": "IOCTL_DISK_ARE_VOLUMES_READY", "handle": "A", "async": true, "label": "p"}
        {"ioctl": "IOCTL_DISK_ARE_VOLUMES_READY", "handle": "A", "cancel_after_ms": 200}
        {"ioctl": "IOCTL_VOLUME_POST_ONLINE", "handle": "A"}
        {"wait": "p"}
        {"ioctl": "IOCTL_DISK_ARE_VOLUMES_READY", "handle": "A"}"#;
    let results = replay_lines(&mut host(""), script);
    let statuses = [3, 4, 5, 6, 7].map(|line| status_of(&results, line));
    assert_eq!(statuses, [Some(0), Some(0xC000_0120), Some(0), None, Some(0)]);
}

#[test]
fn a_request_that_nothing_can_end_is_cancelled_and_reported() {
    let mut host = host("");
    let handle = host.open(Access::ReadWrite);
    assert_eq!(send(&mut host, "IOCTL_DISK_ARE_VOLUMES_READY", handle, &[], 0).0, NtStatus::CANCELLED);
    assert_eq!(host.take_findings().len(), 1);
}

#[test]
fn closing_a_handle_cancels_its_requests_and_unlocks_the_drive() {
    let mut host = host("");
    let handle = host.open(Access::ReadWrite);
    assert_eq!(send(&mut host, "IOCTL_STORAGE_EJECTION_CONTROL", handle, &[1], 0).0, NtStatus::SUCCESS);
    let parked = host.control(&request("IOCTL_DISK_ARE_VOLUMES_READY", handle, &[], 0), None).unwrap();
    host.run_ready().unwrap();
    host.recorder().take_requests();
    host.close(handle, Cause::Request).unwrap();
    assert_eq!(host.take_ended(parked).unwrap().status, NtStatus::CANCELLED);
    assert_eq!(opcodes(&host.recorder().take_requests()), [0x1E]);
    assert_eq!(host.close(handle, Cause::Request), Err(HostError::NoHandle(handle)));
}

#[test]
fn handles_left_open_are_closed_after_the_script() {
    let script =
        "{\"open\": \"A\"}\n{\"ioctl\": \"IOCTL_STORAGE_EJECTION_CONTROL\", \"handle\": \"A\", \"in\": \"01\"}";
    let results = replay_lines(&mut host(""), script);
    assert_eq!(results.last().map(|line| (line.line, line.cause, line.commands.len())), Some((None, Some("close"), 1)));
}

#[test]
fn the_io_manager_checks_access_of_users_only() {
    let mut host = host("");
    let handle = host.open(Access::None);
    assert_eq!(send(&mut host, "IOCTL_STORAGE_CHECK_VERIFY", handle, &[], 0).0, NtStatus::ACCESS_DENIED);
    assert_eq!(send(&mut host, "IOCTL_STORAGE_CHECK_VERIFY2", handle, &[], 0).0, NtStatus::SUCCESS);
    let kernel = Ioctl { kernel_mode: true, ..request("IOCTL_STORAGE_CHECK_VERIFY", handle, &[], 0) };
    let id = host.control(&kernel, None).unwrap();
    assert_eq!(host.wait(id).unwrap().status, NtStatus::SUCCESS);
}

#[test]
fn what_the_driver_does_not_know_is_the_ports_to_answer() {
    let mut host = host("");
    let handle = host.open(Access::ReadWrite);
    assert_eq!(send(&mut host, "0x00041018", handle, &[], 8), (NtStatus::SUCCESS, vec![8, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(send(&mut host, "0x00041018", handle, &[], 7).0, NtStatus::BUFFER_TOO_SMALL);
    assert_eq!(send(&mut host, "0x00041010", handle, &[], 64).0, NtStatus::INVALID_DEVICE_REQUEST);
    assert_eq!(send(&mut host, "0x00ABC000", handle, &[0; 9], 64).0, NtStatus::NOT_SUPPORTED);
    assert!(host.recorder().take_requests().is_empty());
}

#[test]
fn pass_through_reaches_the_drive_after_the_ports_checks() {
    let mut host = host("{\"cdb\": \"43\", \"sense\": \"02/3A/00\"}\n");
    let handle = host.open(Access::ReadWrite);
    let mut call = vec![0; 0x58];
    call[0] = 0x38;
    (call[6], call[7], call[8]) = (6, 0x20, 1);
    (call[0x0C], call[0x10], call[0x18], call[0x20], call[0x24], call[0x28]) = (36, 10, 0x58, 0x38, 0x12, 36);
    let (status, answer) = send(&mut host, "IOCTL_SCSI_PASS_THROUGH", handle, &call, 0x58 + 36);
    assert_eq!((status, answer.len(), &answer[0x58..0x5A]), (NtStatus::SUCCESS, 0x58 + 36, &[5, 0x80][..]));
    assert_eq!((answer[7], answer[0x0C]), (0, 36));
    call[0x24] = 0x43;
    call[6] = 10;
    let (status, answer) = send(&mut host, "IOCTL_SCSI_PASS_THROUGH", handle, &call, 0x58 + 36);
    assert_eq!((status, answer[2], answer[7], answer[0x38 + 12]), (NtStatus::SUCCESS, 2, 18, 0x3A));
    host.recorder().take_requests();
    let mut refuse = |offset: usize, value: u8, status: NtStatus| {
        let mut call = call.clone();
        call[offset] = value;
        assert_eq!(send(&mut host, "IOCTL_SCSI_PASS_THROUGH", handle, &call, 0x58 + 36).0, status, "{offset:#x}");
    };
    refuse(0x00, 0x39, NtStatus::REVISION_MISMATCH);
    refuse(0x06, 17, NtStatus::INVALID_PARAMETER);
    refuse(0x08, 3, NtStatus::INVALID_PARAMETER);
    refuse(0x0C, 37, NtStatus::INVALID_PARAMETER);
    refuse(0x0F, 1, NtStatus::INVALID_PARAMETER);
    refuse(0x10, 0, NtStatus::INVALID_PARAMETER);
    refuse(0x18, 0x59, NtStatus::INVALID_PARAMETER);
    refuse(0x20, 0x37, NtStatus::INVALID_PARAMETER);
    let direct = send(&mut host, "IOCTL_SCSI_PASS_THROUGH_DIRECT", handle, &call, 0x58 + 36);
    assert_eq!(direct.0, NtStatus::INSUFFICIENT_RESOURCES, "there is no process whose memory the pointer could name");
    assert!(host.recorder().take_requests().is_empty());
}

#[test]
fn pass_through_of_a_32_bit_caller_has_its_own_layout() {
    let mut host = host("");
    let handle = host.open(Access::ReadWrite);
    let mut call = vec![0; 0x2C];
    call[0] = 0x2C;
    (call[6], call[8]) = (6, 1);
    (call[0x0C], call[0x10], call[0x14], call[0x1C], call[0x20]) = (36, 10, 0x2C, 0x12, 36);
    let ioctl = request("IOCTL_SCSI_PASS_THROUGH", handle, &call, 0x2C + 36);
    let id = host.control(&ioctl, None).unwrap();
    assert_eq!(host.wait(id).unwrap().status, NtStatus::INVALID_PARAMETER, "too short for a 64-bit caller");
    let id = host.control(&Ioctl { wow64: true, ..ioctl }, None).unwrap();
    let completed = host.wait(id).unwrap();
    assert_eq!((completed.status, completed.information), (NtStatus::SUCCESS, 0x2C + 36));
    assert_eq!(completed.returned()[0x2C..0x2E], [5, 0x80]);
}

#[test]
fn work_without_an_end_is_reported() {
    let script = ScriptDrive::parse("drive", PLAIN).unwrap();
    let options = Options { step_limit: 3, ..Options::default() };
    let error = Host::start(Box::new(script), &options).err().unwrap();
    assert!(matches!(error, HostError::Endless { steps: 3, .. }), "{error}");
}

#[test]
fn mounting_and_verifying_are_seen_by_the_driver() {
    let script = r#"
        {"open": "A"}
        {"x_verify": true}
        {"read": {"offset": 0, "length": 2048}, "handle": "A"}
        {"x_verify": false}
        {"read": {"offset": 0, "length": 2048}, "handle": "A"}"#;
    let mut host = Host::start(Box::new(sim::open("sim:cdrom-data").unwrap()), &Options::default()).unwrap();
    host.system().mounted = true;
    let results = replay_lines(&mut host, script);
    assert_eq!((status_of(&results, 4), status_of(&results, 6)), (Some(0x8000_0016), Some(0)));
    let flag = |line| results.iter().find(|result| result.line == Some(line)).unwrap().verify_flag;
    assert!(flag(3) && flag(4) && !flag(5));
}

#[test]
fn a_disc_that_is_exchanged_is_noticed_by_polling() {
    let script = r#"
        {"open": "A"}
        {"media": "remove"}
        {"advance_ms": 5000}
        {"ioctl": "IOCTL_STORAGE_CHECK_VERIFY", "handle": "A"}
        {"media": {"insert": "sim:audio-cd"}}
        {"advance_ms": 8000}
        {"ioctl": "IOCTL_CDROM_READ_TOC", "handle": "A", "out_len": 804}"#;
    let mut host = Host::start(Box::new(sim::open("sim:cdrom-data").unwrap()), &Options::default()).unwrap();
    host.system().notifications.clear();
    let results = replay_lines(&mut host, script);
    assert_eq!((status_of(&results, 5), status_of(&results, 8)), (Some(0xC000_0013), Some(0)));
    assert!(host.system().notifications.len() >= 2, "{:?}", host.system().notifications);
}

#[test]
fn the_eject_button_of_a_locked_drive_is_reported_and_works_once_unlocked() {
    let script = r#"
        {"open": "A"}
        {"ioctl": "IOCTL_STORAGE_MEDIA_REMOVAL", "handle": "A", "in": "01"}
        {"button": "eject"}
        {"advance_ms": 3000}
        {"ioctl": "IOCTL_STORAGE_CHECK_VERIFY2", "handle": "A"}
        {"ioctl": "IOCTL_STORAGE_MEDIA_REMOVAL", "handle": "A", "in": "00"}
        {"button": "eject"}
        {"advance_ms": 3000}
        {"ioctl": "IOCTL_STORAGE_CHECK_VERIFY2", "handle": "A"}"#;
    let mut host = Host::start(Box::new(sim::open("sim:dvdwriter-ram").unwrap()), &Options::default()).unwrap();
    let results = replay_lines(&mut host, script);
    assert_eq!((status_of(&results, 6), status_of(&results, 10)), (Some(0), Some(0xC000_0013)));
    let asked = host.system().notifications.iter().any(|(_, notification)| *notification == Notification::EjectRequest);
    assert!(asked, "{:?}", host.system().notifications);
}

#[test]
fn script_mistakes_at_run_time_name_file_and_line() {
    for (script, message) in [
        ("{\"close\": \"A\"}", "script:1: handle `A` is not open"),
        ("{\"open\": \"A\"}\n{\"open\": \"A\"}", "script:2: handle `A` is open already"),
        ("\n{\"wait\": \"x\"}", "script:2: no asynchronous request is labelled `x`"),
        ("{\"button\": \"eject\"}", "script:1: a scripted drive has no eject button"),
        ("{\"ioctl\": 0, \"x_minor\": 5}", "script:1: `x_minor` has a meaning for"),
    ] {
        let lines = requests::parse("script", script).unwrap();
        let error = replay::run(&mut host(""), "script", &lines, false, &mut |_| {}).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn real_time_is_waited_for() {
    let script = ScriptDrive::parse("drive", PLAIN).unwrap();
    let options = Options { real_time: true, settle: Duration::from_millis(120), ..Options::default() };
    let started = std::time::Instant::now();
    let mut host = Host::start(Box::new(script), &options).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(120));
    assert_eq!(polls(&mut host), 1);
}
