use super::*;
use crate::Device;
use crate::ntstatus::NtStatus;
use crate::request::Job;
use crate::test_host::{Host, Reply};

const STOP: &str = "1B 01 00 00 00 00";

fn host() -> Host {
    let mut host = Host::default();
    host.dispatcher.device.initialized = true;
    host
}

fn drawer(device: &mut Device) {
    device.zero_power.mechanism = Some(Mechanism::Drawer);
}

#[test]
fn the_stop_budget_leaves_thirty_seconds() {
    for (watchdog, budget) in [
        (0, (10, 4)),
        (1, (2, 1)),
        (31, (2, 1)),
        (32, (2, 1)),
        (39, (9, 1)),
        (40, (10, 2)),
        (60, (10, 4)),
        (120, (10, 4)),
    ] {
        assert_eq!(stop_budget(watchdog), budget, "{watchdog}");
    }
}

#[test]
fn leaving_d0_locks_quiesces_flushes_and_stops() {
    let mut host = host();
    host.dispatcher.device.capability.write_allowed = true;
    host.dispatcher.device.removal.simple = 1;
    host.on_platform(NtStatus::SUCCESS, 0).on_platform(NtStatus::IO_DEVICE_ERROR, 0);
    host.on("35 00 00 00 00 00 00 00 00 00", Reply::good()).on(STOP, Reply::sense(5, 0x24, 0));
    let answer = host.run(Job::PowerDown { last: false, watchdog_s: 0 });
    assert_eq!(answer.end(), (NtStatus::SUCCESS, 1), "the queue is to be unlocked");
    assert_eq!(answer.calls.len(), 2);
    assert!(answer.effects.contains(&Effect::SetVerifyVolume));
    let device = &host.dispatcher.device;
    assert_eq!(device.media.change_count, 1);
    assert!(device.polling.suspended && device.removal.lost_in_drive && !device.zero_power.active);
}

#[test]
fn removal_skips_the_queue() {
    let mut host = host();
    host.on(STOP, Reply::good());
    let answer = host.run(Job::PowerDown { last: true, watchdog_s: 0 });
    assert_eq!((answer.end(), answer.calls.len()), ((NtStatus::SUCCESS, 0), 0));
    host.dispatcher.device.surprise_removal();
    assert!(host.run(Job::PowerDown { last: true, watchdog_s: 0 }).commands.is_empty());
}

#[test]
fn a_button_on_a_drive_without_power_opens_its_tray() {
    for (reason, ejects) in [(1, false), (2, true)] {
        let mut host = host();
        drawer(&mut host.dispatcher.device);
        host.on_platform(NtStatus::SUCCESS, 0).on_platform(NtStatus::SUCCESS, 0).on(STOP, Reply::good());
        host.run(Job::PowerDown { last: false, watchdog_s: 0 });
        assert!(host.dispatcher.device.zero_power.active);
        host.on_platform(NtStatus::SUCCESS, reason);
        let answer = host.run(Job::PowerUp);
        assert_eq!(answer.effects.contains(&Effect::SoftEject), ejects);
        assert!(!host.dispatcher.device.zero_power.active);
    }
}

#[test]
fn the_first_failure_after_waking_up_and_a_short_becoming_ready_are_waited_for() {
    let mut host = host();
    drawer(&mut host.dispatcher.device);
    host.dispatcher.device.zero_power.active = true;
    host.on_platform(NtStatus::SUCCESS, 0);
    host.run(Job::PowerUp);
    let ready = "00 00 00 00 00 00";
    host.on(ready, Reply::sense(6, 0x29, 0));
    for _ in 0..14 {
        host.on(ready, Reply::sense(2, 0x04, 0x01));
    }
    host.on(ready, Reply::good());
    let answer = host.control(0x002D_4800, "", 0);
    assert_eq!(answer.status, NtStatus::SUCCESS);
    let short = answer.waits.iter().filter(|pause| pause.as_milliseconds() == 200).count();
    assert_eq!(short, 14);
}

#[test]
fn the_display_changes_the_idle_time_out() {
    let mut host = host();
    host.on_platform(NtStatus::SUCCESS, 0);
    let answer = host.run(Job::Display(true));
    assert_eq!(
        answer.calls,
        [PlatformCall::EnableIdlePower { wake_capable: false, d3_cold: false, timeout_ms: 60_000 }]
    );
    assert!(answer.effects.contains(&Effect::MarkActive(true)));
    assert!(host.run(Job::Display(true)).calls.is_empty(), "no news");
    host.on_platform(NtStatus::NOT_SUPPORTED, 0);
    host.run(Job::Display(false));
    assert!(host.dispatcher.device.zero_power.marked_active, "what the port refused did not happen");
}
