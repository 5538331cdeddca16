use super::*;
use crate::Buffers;
use crate::ops::CommandResult;
use crate::sense::SenseCode;
use crate::test_host::{Answer, Host, Reply, hex};
use std::vec::Vec;

const READ_KEY: u32 = 0x0033_5004;
const GET_RPC: &str = "1C000000 00000000 08000000 00000000 0000000000000000";

const COPYRIGHT: &str = "AD 00 00 00 00 00 00 01 00 08 00 00";
const RPC: &str = "A4 00 00 00 00 00 00 00 00 08 08 00";
const SET: &str = "A3 00 00 00 00 00 00 00 00 08 06 00";

/// CSS, playable in region 2 only.
const REGION_2_DISC: &str = "00 06 00 00 01 FD 00 00";

/// No region, 5 changes left, phase 2.
const NO_REGION: &str = "00 06 00 00 25 FF 01 00";

/// Region 2 set, 4 changes left.
const REGION_2_DRIVE: &str = "00 06 00 00 64 FD 01 00";

fn host() -> Host {
    let mut host = Host::mmc();
    let device = &mut host.dispatcher.device;
    device.is_dvd = true;
    device.capability.is_css = true;
    device.region.pending = true;
    host
}

/// Asks for the RPC state; the pick runs as scripted before it.
fn ask(host: &mut Host) -> Answer {
    host.on(RPC, Reply::data(REGION_2_DRIVE));
    let answer = host.control(READ_KEY, GET_RPC, 28);
    assert_eq!(answer.end(), (NtStatus::SUCCESS, 28), "the pick never shows in the answer");
    assert!(!host.dispatcher.device.region.running);
    answer
}

#[test]
fn the_region_of_the_first_disc_is_set_and_confirmed() {
    let mut host = host();
    host.on(COPYRIGHT, Reply::data(REGION_2_DISC)).on(RPC, Reply::data(NO_REGION));
    host.on_platform(NtStatus::SUCCESS, 0);
    host.on(SET, Reply::good()).on(RPC, Reply::data(REGION_2_DRIVE));
    let answer = ask(&mut host);
    assert_eq!(answer.calls, [PlatformCall::ReadDefaultRegion]);
    assert_eq!(answer.commands[2].data_out, [0, 6, 0, 0, 0xFD, 0, 0, 0]);
    assert!(answer.commands.iter().all(|command| (command.length, command.timeout_s) == (8, 10)));
    assert!(!host.dispatcher.device.region.pending && answer.effects.is_empty());
    assert_eq!(ask(&mut host).commands.len(), 1);
}

#[test]
fn the_default_region_wins_where_the_disc_allows_it() {
    let absent = (NtStatus::OBJECT_NAME_NOT_FOUND, 7);
    let value = |value| (NtStatus::SUCCESS, value);
    for (forbidden, default, chosen) in [
        (0xFD, value(2), 0xFD),
        (0xFD, value(1), 0xFD),
        (0xE0, value(3), 0xFB),
        (0xE0, value(8), 0xFE),
        (0x7F, value(8), 0x7F),
        (0x7F, value(0), 0x7F),
        (0x00, value(8), 0x7F),
        (0x00, value(9), 0xFE),
        (0x00, value(u64::MAX), 0xFE),
        (0x00, value(0x1_0000_0003), 0xFE),
        (0x00, absent, 0xFE),
        (0xF0, absent, 0xFE),
        // Playable nowhere: taken as playable everywhere.
        (0xFF, value(4), 0xF7),
        (0xFF, value(0), 0xFE),
    ] {
        let mut host = host();
        host.on(COPYRIGHT, Reply::bytes(&[0, 6, 0, 0, 1, forbidden, 0, 0])).on(RPC, Reply::data(NO_REGION));
        host.on_platform(default.0, default.1);
        host.on(SET, Reply::good()).on(RPC, Reply::bytes(&[0, 6, 0, 0, 0x64, chosen, 1, 0]));
        let answer = ask(&mut host);
        assert_eq!(answer.commands[2].data_out[4], chosen, "{forbidden:02X} {default:?}");
        assert!(answer.effects.is_empty());
    }
}

#[test]
fn nothing_is_set_unless_a_css_disc_says_so() {
    for reply in [
        Reply::sense(2, 0x3A, 0),
        Reply::sense(5, 0x24, 0),
        Reply::data("00 06 00 00 01"),
        Reply::data("00 06 00 00 00 FD 00 00"),
        Reply::data("00 06 00 00 02 FD 00 00"),
        Reply::data("00 06 00 00 10 FD 00 00"),
    ] {
        let mut host = host();
        host.on(COPYRIGHT, reply);
        ask(&mut host);
        assert!(host.dispatcher.device.region.pending, "tried again with the next disc");
    }
    let mut host = host();
    host.dispatcher.device.capability.is_css = false;
    assert_eq!(ask(&mut host).commands.len(), 1);
    assert!(host.dispatcher.device.region.pending);
}

#[test]
fn nothing_is_set_unless_a_whole_answer_of_a_phase_2_drive_says_so() {
    for (reply, pending) in [
        (Reply::sense(5, 0x24, 0), true),
        (Reply::good(), true),
        (Reply::data("00 06 00 00 25 FF 01"), true),
        (Reply::data("00 05 00 00 25 FF 01 00"), true),
        (Reply::data("00 02 00 00 25 FF 01 00"), true),
        (Reply::data("00 06 00 00 25 FF 00 00"), true),
        (Reply::data("00 06 00 00 25 FF 02 00"), true),
        // A region, or too few changes: that is settled for good.
        (Reply::data("00 06 00 00 64 FD 01 00"), false),
        (Reply::data("00 06 00 00 25 FE 01 00"), false),
        (Reply::data("00 06 00 00 21 FF 01 00"), false),
        (Reply::data("00 06 00 00 20 FF 01 00"), false),
    ] {
        let mut host = host();
        host.on(COPYRIGHT, Reply::data(REGION_2_DISC)).on(RPC, reply.clone());
        let answer = ask(&mut host);
        assert_eq!((host.dispatcher.device.region.pending, answer.calls.len()), (pending, 0), "{reply:?}");
    }
}

#[test]
fn two_changes_left_are_enough() {
    let mut host = host();
    host.on(COPYRIGHT, Reply::data(REGION_2_DISC)).on(RPC, Reply::data("00 06 00 00 22 FF 01 00"));
    host.on_platform(NtStatus::SUCCESS, 0);
    host.on(SET, Reply::good()).on(RPC, Reply::data(REGION_2_DRIVE));
    ask(&mut host);
}

#[test]
fn a_drive_that_refuses_is_asked_again_later() {
    for sense in [Reply::sense(5, 0x6F, 5), Reply::sense(5, 0x30, 2), Reply::sense(2, 0x3A, 0)] {
        let mut host = host();
        host.on(COPYRIGHT, Reply::data(REGION_2_DISC)).on(RPC, Reply::data(NO_REGION));
        host.on_platform(NtStatus::SUCCESS, 0).on(SET, sense);
        ask(&mut host);
        assert!(host.dispatcher.device.region.pending);
    }
}

#[test]
fn a_region_that_was_not_kept_is_logged() {
    for (confirmation, entries) in [
        (Reply::data("00 06 00 00 64 FE 01 00"), 1),
        (Reply::data(NO_REGION), 1),
        (Reply::sense(5, 0x24, 0), 0),
        (Reply::good(), 0),
    ] {
        let mut host = host();
        host.on(COPYRIGHT, Reply::data(REGION_2_DISC)).on(RPC, Reply::data(NO_REGION));
        host.on_platform(NtStatus::SUCCESS, 0);
        host.on(SET, Reply::good()).on(RPC, confirmation);
        let answer = ask(&mut host);
        let logged: Vec<_> = answer.effects.iter().filter(|effect| matches!(effect, Effect::Log(_))).collect();
        assert_eq!(logged.len(), entries);
        assert!(!host.dispatcher.device.region.pending);
    }
}

#[test]
fn a_cancelled_request_leaves_the_choice_for_the_next() {
    let steps = [(COPYRIGHT, REGION_2_DISC), (RPC, NO_REGION)];
    for cancelled_at in 0..=steps.len() {
        let mut host = host();
        for (index, (cdb, data)) in steps.into_iter().enumerate().take(cancelled_at + 1) {
            let reply = Reply::data(data);
            host.on(cdb, if index == cancelled_at { reply.cancelling() } else { reply });
        }
        if cancelled_at >= 1 {
            host.on_platform(NtStatus::SUCCESS, 0);
        }
        let set = cancelled_at == steps.len();
        if set {
            host.on(SET, Reply::good().cancelling());
        }
        assert_eq!(host.control(READ_KEY, GET_RPC, 28).end(), (NtStatus::CANCELLED, 0));
        assert_eq!(host.dispatcher.device.region.pending, !set, "{cancelled_at}");
        host.environment.cancelled = false;
        if !set {
            host.on(COPYRIGHT, Reply::sense(2, 0x3A, 0));
        }
        ask(&mut host);
    }
}

#[test]
fn the_pick_is_no_part_of_the_request() {
    let mut host = host();
    host.environment.mounted = true;
    host.stack_flags = crate::request::SL_OVERRIDE_VERIFY_VOLUME;
    // Override-verify belongs to the request: the driver's own command is not repeated for it.
    host.on(COPYRIGHT, Reply::sense(6, 0x29, 0));
    ask(&mut host);
}

/// What the start sequence makes of the drive's answer.
#[test]
fn a_drive_without_a_region_gets_one() {
    let success = |length: u32| (NtStatus::SUCCESS, length);
    for (data, (status, transferred), pending) in [
        (NO_REGION, success(8), true),
        ("00 06 00 00 25 FD 00 00", success(8), true),
        ("00 02 00 00 00 00 00 00", success(4), true),
        ("00 00 00 00 00 00 00 00", success(0), true),
        (REGION_2_DRIVE, success(8), false),
        ("00 06 00 00 A4 FD 01 00", success(8), false),
        ("00 06 00 00 25 FF 00 00", success(6), false),
        (NO_REGION, (NtStatus::INVALID_DEVICE_REQUEST, 0), false),
    ] {
        let mut host = Host::mmc();
        let request = host.request(0, &[], 0);
        let mut scratch = hex(data);
        let mut buffers = Buffers { scratch: &mut scratch, features: &mut [], system: &mut [] };
        let result = CommandResult { status, transferred, srb: SrbStatus::SUCCESS, sense: SenseCode::NONE };
        let mut context = Context {
            device: &mut host.dispatcher.device,
            request,
            handle: None,
            environment: &host.environment,
            buffers: &mut buffers,
        };
        note_at_start(Input::Command(result), &mut context);
        assert_eq!(host.dispatcher.device.region.pending, pending, "{data} {transferred}");
    }
}
