//! Start, stop, drain and purge.

use nt_machine::{irql, threads};

use super::*;

#[test]
fn a_stopped_queue_keeps_requests_and_tells_when_the_driver_has_none() {
    assert_clean(&world(|| {
        let device = device(config(1));
        let sent: Vec<_> = (1..=2).map(|code| send_control(device, code << 2)).collect();
        let () = wdf!(WdfIoQueueStop, QUEUE.get(), STATE, 7_usize);
        complete(next_seen(), status::SUCCESS);
        assert_eq!(taken(), ["control 4", "state 7"]);
        assert_eq!(state(), 1 | 8);
        let () = wdf!(WdfIoQueueStart, QUEUE.get());
        assert_eq!(taken(), ["control 8"]);
        complete(next_seen(), status::SUCCESS);
        assert!(sent.iter().all(|sent| sent.outcome().is_some()));
    }));
}

#[test]
fn a_drained_queue_refuses_new_requests_and_delivers_old_ones() {
    assert_clean(&world(|| {
        let device = device(config(1));
        let sent: Vec<_> = (1..=2).map(|code| send_control(device, code << 2)).collect();
        let () = wdf!(WdfIoQueueDrain, QUEUE.get(), STATE, 7_usize);
        assert_eq!(send_control(device, 4).outcome(), Some((status::INVALID_DEVICE_STATE, 0)));
        complete(next_seen(), status::SUCCESS);
        assert_eq!(taken(), ["control 4", "control 8"]);
        complete(next_seen(), status::SUCCESS);
        assert_eq!(taken(), ["state 7"]);
        assert!(sent.iter().all(|sent| sent.outcome().is_some()));
    }));
}

#[test]
fn a_purge_cancels_what_waits_and_what_is_marked() {
    assert_clean(&world(|| {
        let device = device(config(2));
        let marked = send_control(device, 4);
        let unmarked = send_control(device, 8);
        assert_eq!(mark_ex(next_seen()), status::SUCCESS);
        let () = wdf!(WdfIoQueuePurge, QUEUE.get(), STATE, 7_usize);
        assert_eq!(marked.status(), Some(status::CANCELLED));
        let request = next_seen();
        assert_eq!(mark_ex(request), status::CANCELLED);
        complete(request, status::SUCCESS);
        assert_eq!(unmarked.status(), Some(status::SUCCESS));
        assert_eq!(taken(), ["control 4", "control 8", "cancel", "state 7"]);
        assert_eq!(send_control(device, 4).status(), Some(status::INVALID_DEVICE_STATE));
        let () = wdf!(WdfIoQueueStart, QUEUE.get());
        COMPLETE_INSIDE.set(true);
        assert_eq!(send_control(device, 4).status(), Some(status::SUCCESS));
    }));
}

#[test]
fn a_synchronous_stop_waits_for_the_driver() {
    assert_clean(&world(|| {
        let device = device(config(1));
        let sent = send_control(device, 4);
        let request = next_seen();
        threads::spawn("completer", irql::PASSIVE, Box::new(move || complete(request, status::SUCCESS)));
        let () = wdf!(WdfIoQueueStopSynchronously, QUEUE.get());
        assert!(sent.outcome().is_some());
        let kept = send_control(device, 8);
        assert_eq!(taken(), ["control 4"]);
        let () = wdf!(WdfIoQueuePurgeSynchronously, QUEUE.get());
        assert_eq!(kept.status(), Some(status::CANCELLED));
    }));
}

#[test]
fn a_second_completion_callback_is_fatal() {
    let finding = fatal(|| {
        let device = device(config(1));
        let _sent = send_control(device, 4);
        let () = wdf!(WdfIoQueueStop, QUEUE.get(), STATE, 1_usize);
        wdf!(WdfIoQueueStop, QUEUE.get(), STATE, 2_usize)
    });
    assert!(finding.text.contains("0x10D/0xA"), "{}", finding.text);
}
