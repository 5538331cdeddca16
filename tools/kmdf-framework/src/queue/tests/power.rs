//! Power-managed queues.

use nt_machine::findings::Rule;
use nt_machine::{irql, threads};

use super::super::{hold, purge, resume};
use super::*;

thread_local! {
    /// What `EvtIoStop` does: complete, acknowledge and keep, acknowledge and give back.
    static ANSWER: Cell<Answer> = const { Cell::new(Answer::Complete) };
}

#[derive(Clone, Copy)]
enum Answer {
    Complete,
    Keep,
    GiveBack,
}

fn acknowledge(request: Handle, requeue: u8) {
    wdf!(WdfRequestStopAcknowledge, request, requeue)
}

unsafe extern "win64" fn on_stop(_: Handle, request: Handle, flags: u32) {
    log(format!("stop {flags:#x}"));
    match ANSWER.get() {
        Answer::Complete => complete(request, status::CANCELLED),
        Answer::Keep => acknowledge(request, 0),
        Answer::GiveBack => acknowledge(request, 1),
    }
}

unsafe extern "win64" fn on_resume(_: Handle, _: Handle) {
    log("resume");
}

/// A device whose default queue is power-managed. The device was never started, so that the queue is held.
fn managed(stop: bool, answer: Answer) -> Handle {
    ANSWER.set(answer);
    device(WDF_IO_QUEUE_CONFIG {
        PowerManaged: 2,
        EvtIoStop: if stop { Some(on_stop) } else { None },
        EvtIoResume: Some(on_resume),
        ..config(1)
    })
}

fn body(device: Handle) -> std::rc::Rc<crate::device::Device> {
    crate::device::get(device)
}

#[test]
fn a_held_queue_presents_when_the_device_enters_d0() {
    assert_clean(&world(|| {
        let device = managed(true, Answer::Complete);
        assert_eq!(state() & 0x10, 0x10);
        let sent = send_control(device, 4);
        assert_eq!(taken(), Vec::<String>::new());
        resume(&body(device));
        assert_eq!(taken(), ["control 4"]);
        assert_eq!(state() & 0x10, 0);
        complete(next_seen(), status::SUCCESS);
        assert!(sent.outcome().is_some());
    }));
}

#[test]
fn a_request_that_the_driver_keeps_is_resumed() {
    assert_clean(&world(|| {
        let device = managed(true, Answer::Keep);
        resume(&body(device));
        let sent = send_control(device, 4);
        hold(&body(device));
        let waiting = send_control(device, 8);
        resume(&body(device));
        assert_eq!(taken(), ["control 4", "stop 0x1", "resume"]);
        complete(next_seen(), status::SUCCESS);
        complete(next_seen(), status::SUCCESS);
        assert!(sent.outcome().is_some() && waiting.outcome().is_some());
    }));
}

#[test]
fn a_request_that_the_driver_gives_back_is_presented_again_first() {
    assert_clean(&world(|| {
        let device = managed(true, Answer::GiveBack);
        resume(&body(device));
        let sent = [send_control(device, 4), send_control(device, 8)];
        hold(&body(device));
        let first = next_seen();
        assert_eq!(taken(), ["control 4", "stop 0x1"]);
        resume(&body(device));
        assert_eq!(taken(), ["control 4"]);
        assert_eq!(next_seen(), first);
        complete(first, status::SUCCESS);
        complete(next_seen(), status::SUCCESS);
        assert!(sent.iter().all(|sent| sent.outcome().is_some()));
    }));
}

#[test]
fn without_a_stop_callback_the_driver_is_waited_for() {
    assert_clean(&world(|| {
        let device = managed(false, Answer::Complete);
        resume(&body(device));
        let sent = send_control(device, 4);
        let request = next_seen();
        threads::spawn("completer", irql::PASSIVE, Box::new(move || complete(request, status::SUCCESS)));
        hold(&body(device));
        assert_eq!(sent.status(), Some(status::SUCCESS));
    }));
}

#[test]
fn a_cancelable_request_is_told_so() {
    assert_clean(&world(|| {
        let device = managed(true, Answer::Keep);
        resume(&body(device));
        let sent = send_control(device, 4);
        assert_eq!(mark_ex(next_seen()), status::SUCCESS);
        hold(&body(device));
        assert_eq!(taken(), ["control 4", "stop 0x10000001"]);
        assert!(sent.cancel());
        assert_eq!(sent.status(), Some(status::CANCELLED));
        assert_eq!(taken(), ["cancel"]);
    }));
}

#[test]
fn removal_cancels_what_waits_and_asks_for_the_rest() {
    assert_clean(&world(|| {
        let device = managed(true, Answer::Complete);
        resume(&body(device));
        let sent = [send_control(device, 4), send_control(device, 8)];
        purge(&body(device), true);
        assert_eq!(taken(), ["control 4", "stop 0x2"]);
        assert!(sent.iter().all(|sent| sent.status() == Some(status::CANCELLED)));
        let () = wdf!(WdfIoQueueStart, QUEUE.get());
        assert_eq!(send_control(device, 4).status(), Some(status::INVALID_DEVICE_STATE));
    }));
}

#[test]
fn an_acknowledgement_that_nobody_asked_for_is_a_finding() {
    let findings = world(|| {
        let device = managed(true, Answer::Complete);
        resume(&body(device));
        let sent = send_control(device, 4);
        let request = next_seen();
        acknowledge(request, 0);
        complete(request, status::SUCCESS);
        assert!(sent.outcome().is_some());
    });
    assert_eq!(rules(&findings), [Rule::BadArgument]);
}
