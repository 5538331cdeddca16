use super::*;
use crate::effect::Notification;
use crate::exclusive::Owner;
use crate::handle::HandleId;
use crate::request::Job;
use crate::test_host::{Answer, Host, Reply};
use crate::zero_power::Mechanism;

const READY: &str = "00 00 00 00 00 00";

fn event(classes: u8) -> std::string::String {
    std::format!("4A 01 00 00 {classes:02X} 00 00 00 08 00")
}

fn host(classes: u8) -> Host {
    let mut host = Host::default();
    let device = &mut host.dispatcher.device;
    device.initialized = true;
    device.media.enabled = true;
    device.polling.events.mask = classes;
    device.polling.events.supported = classes != 0;
    host
}

fn poll(host: &mut Host) -> Answer {
    assert!(host.dispatcher.device.tick());
    assert!(!host.dispatcher.device.tick(), "one at a time");
    let answer = host.run(Job::Poll);
    assert!(!host.dispatcher.device.polling.outstanding);
    answer
}

#[test]
fn readiness_says_that_a_medium_is_there() {
    let mut host = host(0);
    host.on(READY, Reply::good());
    poll(&mut host);
    assert_eq!(host.dispatcher.device.media.known, MediaState::Present);
    host.on(READY, Reply::sense(2, 0x3A, 0));
    let answer = poll(&mut host);
    assert_eq!(host.dispatcher.device.media.known, MediaState::NotPresent);
    assert_eq!((answer.commands.len(), answer.commands[0].timeout_s), (1, 20));
}

#[test]
fn an_answer_with_sense_says_nothing_of_readiness() {
    for reply in [Reply::sense(1, 0x17, 0), Reply::sense(5, 0x5D, 0), Reply::sense(0, 0, 0)] {
        let mut host = host(0);
        host.on(READY, reply);
        poll(&mut host);
        assert_eq!(host.dispatcher.device.media.known, MediaState::Unknown);
    }
}

#[test]
fn a_failed_poll_is_not_retried_and_starts_no_spindle() {
    let mut host = host(0);
    host.dispatcher.device.safe_start_unit = true;
    host.on(READY, Reply::sense(2, 0x04, 0x02));
    let answer = poll(&mut host);
    assert!(answer.waits.is_empty() && !answer.effects.contains(&Effect::StartUnit));
}

#[test]
fn media_events() {
    let change = |code: u8| std::format!("00 06 04 5E {code:02X} 02 00 00");
    for (code, state, effect) in [
        (1, MediaState::Unknown, Some(Effect::Notify(Notification::EjectRequest))),
        (2, MediaState::Present, Some(Effect::SetVerifyVolume)),
        (3, MediaState::NotPresent, None),
        (4, MediaState::Present, Some(Effect::SetVerifyVolume)),
        (5, MediaState::Unknown, None),
    ] {
        let mut host = host(0x5A);
        host.environment.mounted = true;
        host.on(&event(0x5A), Reply::data(&change(code))).on(&event(0x5A), Reply::data(&change(0)));
        let answer = poll(&mut host);
        assert_eq!(host.dispatcher.device.media.known, state, "{code}");
        assert!(effect.is_none_or(|effect| answer.effects.contains(&effect)), "{code}");
    }
}

#[test]
fn other_events() {
    let mut host = host(0x5A);
    host.on(&event(0x5A), Reply::data("00 06 03 5E 01 00 12 34"))
        .on(&event(0x5A), Reply::data("00 06 06 5E 01 01 00 32"));
    let answer = poll(&mut host);
    let notified = |wanted: Notification| answer.effects.contains(&Effect::Notify(wanted));
    assert!(notified(Notification::ExternalRequest { button_status: 1, request: 0x1234 }));
    assert!(notified(Notification::BecomingReady { reason: 1, estimated_100ms: 50 }));
}

#[test]
fn a_drawer_that_moved_is_looked_at_each_time_anew() {
    let mut host = host(0x40);
    host.dispatcher.device.zero_power.mechanism = Some(Mechanism::Drawer);
    let moved = Reply::data("00 06 06 40 02 00 00 00");
    let (closed_empty, open) = (Reply::sense(2, 0x3A, 1), Reply::sense(2, 0x3A, 2));
    for (ready, effects) in [
        (open, &[Effect::MarkActive(true)][..]),
        (closed_empty.clone(), &[Effect::MarkActive(false)]),
        (closed_empty, &[]),
        (Reply::good(), &[Effect::MarkActive(true)]),
    ] {
        host.on(&event(0x40), moved.clone()).on(READY, ready);
        let marks: std::vec::Vec<_> =
            poll(&mut host).effects.into_iter().filter(|effect| matches!(effect, Effect::MarkActive(_))).collect();
        assert_eq!(marks, effects);
    }
}

#[test]
fn changed_features_ask_for_a_refresh_on_mmc_drives() {
    for (is_mmc, change, required) in [(true, 1, true), (true, 2, true), (true, 3, false), (false, 1, false)] {
        let mut host = host(0x5A);
        host.dispatcher.device.is_mmc = is_mmc;
        host.on(&event(0x5A), Reply::data(&std::format!("00 06 01 5E 02 00 00 {change:02X}")));
        host.on(&event(0x5A), Reply::data("00 02 80 5E"));
        poll(&mut host);
        assert_eq!(host.dispatcher.device.capability.update == crate::capability::Update::Required, required);
    }
}

#[test]
fn a_drive_that_always_has_news_loses_its_events() {
    let mut host = host(0x10);
    host.always(&event(0x10), Reply::data("00 06 04 5E 01 00 00 00"));
    let answer = poll(&mut host);
    assert_eq!(answer.commands.len(), 33);
    assert!(answer.effects.contains(&Effect::WriteRegistry(RegistryWrite::MmcDetectionState(1))));
    assert!(!host.dispatcher.device.polling.events.supported);
    host.on(READY, Reply::good());
    poll(&mut host);
}

#[test]
fn a_drive_that_stays_busy_is_not_driven_to_the_limit() {
    let mut host = host(0x5A);
    host.on(&event(0x5A), Reply::data("00 06 06 5E 01 01 00 32"));
    assert_eq!(poll(&mut host).commands.len(), 1);
}

#[test]
fn repeated_operational_changes_are_left_out_for_a_while() {
    let mut host = host(0x5A);
    let change = Reply::data("00 06 01 5E 02 00 00 00");
    for _ in 0..5 {
        host.on(&event(0x5A), change.clone());
    }
    host.on(&event(0x58), Reply::data("00 06 03 5E 00 00 00 00"));
    host.on(&event(0x50), Reply::data("00 06 04 5E 00 02 00 00"));
    host.on(&event(0x40), Reply::data("00 06 06 5E 00 00 00 00"));
    poll(&mut host);
    let events = &host.dispatcher.device.polling.events;
    assert_eq!((events.mask, events.quiet), (0x5A, 0), "all are asked for again");
}

#[test]
fn one_class_at_a_time_for_drives_that_need_it() {
    let mut host = host(0x5A);
    host.dispatcher.device.polling.events.cycling = true;
    host.on(&event(0x5A), Reply::data("00 06 01 5E 00 00 00 00"))
        .on(&event(0x58), Reply::data("00 06 04 5E 02 02 00 00"));
    host.on(&event(0x5A), Reply::data("00 06 04 5E 00 02 00 00"));
    poll(&mut host);
    assert!(!host.dispatcher.device.polling.events.cycling, "it answered for another class than the first");
    assert_eq!(host.dispatcher.device.media.known, MediaState::Present);
}

#[test]
fn hostile_answers_are_ignored() {
    for answer in [
        "",
        "00 06 04 5E",
        "00 06 04 5E 02 02 00",
        "00 02 04 5E 02 02 00 00",
        "FF FF 84 5E 02 02 00 00",
        "00 06 00 5E 02 02 00 00",
    ] {
        let mut host = host(0x10);
        host.on(&event(0x10), Reply::data(answer));
        poll(&mut host);
        assert_eq!(host.dispatcher.device.media.known, MediaState::Unknown, "{answer}");
    }
}

#[test]
fn polls_are_refused_while_a_handle_has_the_drive_to_itself() {
    let mut host = host(0x10);
    host.dispatcher.device.exclusive = Some(Owner { handle: HandleId(1), name: [0; 64] });
    let answer = poll(&mut host);
    assert_eq!((answer.status, answer.commands.len()), (NtStatus::ACCESS_DENIED, 0));
}

#[test]
fn polls_are_due_only_when_they_can_tell_something() {
    let cases: [fn(&mut Device); 5] = [
        |device| device.initialized = false,
        |device| device.media.enabled = false,
        |device| device.media.disables = 1,
        |device| device.surprise_removed = true,
        |device| device.polling.suspended = true,
    ];
    for set in cases {
        let mut host = host(0x10);
        set(&mut host.dispatcher.device);
        assert!(!host.dispatcher.device.tick());
    }
    let mut device = Device::default();
    assert_eq!(device.poll_period(), None);
    device.media.enabled = true;
    assert_eq!(device.poll_period(), Some(Ticks::milliseconds(1000)));
    device.quirks.slow_poll = true;
    assert_eq!(device.poll_period(), Some(Ticks::milliseconds(2000)));
    device.polling.asynchronous = true;
    assert_eq!(device.poll_period(), None);
}

#[test]
fn a_signal_that_cannot_be_followed_is_kept() {
    let mut host = host(0);
    host.dispatcher.device.polling.asynchronous = true;
    assert_eq!(host.dispatcher.device.request_poll(), NtStatus::SUCCESS);
    assert_eq!(host.dispatcher.device.request_poll(), NtStatus::UNSUCCESSFUL);
    host.on(READY, Reply::good());
    assert!(host.run(Job::Poll).effects.contains(&Effect::Poll));
    assert!(host.dispatcher.device.polling.outstanding);
}

#[test]
fn a_signal_on_the_way_down_is_followed_in_d0() {
    let mut host = host(0);
    host.dispatcher.device.polling.asynchronous = true;
    host.dispatcher.device.polling.suspended = true;
    assert_eq!(host.dispatcher.device.request_poll(), NtStatus::UNSUCCESSFUL);
    assert_eq!(host.run(Job::PowerUp).effects, [Effect::Poll]);
    assert!(!host.run(Job::PowerUp).effects.contains(&Effect::Poll), "once");
}

#[test]
fn a_poll_that_was_queued_on_the_way_down_is_dropped() {
    for asynchronous in [false, true] {
        let mut host = host(0);
        host.dispatcher.device.polling.asynchronous = asynchronous;
        assert!(host.dispatcher.device.tick());
        host.dispatcher.device.polling.suspended = true;
        assert!(host.run(Job::Poll).commands.is_empty());
        assert!(!host.dispatcher.device.polling.outstanding);
        let polls = host.run(Job::PowerUp).effects.contains(&Effect::Poll);
        assert_eq!(polls, asynchronous, "where there is no timer the signal is kept");
    }
}

#[test]
fn notifications_are_counted_by_handle() {
    let mut host = host(0);
    let control = |host: &mut Host, input: &str| host.control(0x002D_0944, input, 0).status;
    assert_eq!(control(&mut host, "00"), NtStatus::INVALID_DEVICE_STATE);
    assert_eq!(control(&mut host, ""), NtStatus::INFO_LENGTH_MISMATCH);
    assert_eq!(control(&mut host, "02"), NtStatus::SUCCESS);
    assert_eq!(control(&mut host, "01"), NtStatus::SUCCESS);
    assert_eq!((host.handle.unwrap().mcn_disables, host.dispatcher.device.media.disables), (2, 2));
    host.dispatcher.device.set_media_state(MediaState::Present);
    assert_eq!(host.dispatcher.device.media.reported, MediaState::Unknown);
    assert_eq!(control(&mut host, "00"), NtStatus::SUCCESS);
    assert_eq!(control(&mut host, "00"), NtStatus::SUCCESS);
    assert_eq!(host.dispatcher.device.media.reported, MediaState::Present, "what changed meanwhile is not broadcast");
    host.handle = None;
    assert_eq!(control(&mut host, "01"), NtStatus::INVALID_PARAMETER);
    let mut request = host.request(0x002D_0944, &[1], 0);
    request.kernel_mode = true;
    assert_eq!(host.send(request, &[1]).status, NtStatus::SUCCESS);
    assert_eq!(host.dispatcher.device.media.kernel_disables, 1);
}
