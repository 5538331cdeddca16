//! Cancellation and completion, in order and out of it.

use nt_machine::findings::Rule;

use super::*;

#[test]
fn a_waiting_request_that_is_cancelled_is_completed_unseen() {
    assert_clean(&world(|| {
        let device = device(WDF_IO_QUEUE_CONFIG { EvtIoCanceledOnQueue: Some(on_canceled_on_queue), ..config(1) });
        let first = send_control(device, 4);
        let second = send_control(device, 8);
        assert!(second.cancel());
        assert_eq!(second.outcome(), Some((status::CANCELLED, 0)));
        assert!(!first.cancel());
        complete(next_seen(), status::CANCELLED);
        assert_eq!(taken(), ["control 4"]);
    }));
}

#[test]
fn a_forwarded_request_that_is_cancelled_comes_back() {
    assert_clean(&world(|| {
        let device = device(config(1));
        let told = WDF_IO_QUEUE_CONFIG { EvtIoCanceledOnQueue: Some(on_canceled_on_queue), ..config(3) };
        let told = second_queue(device, &told);
        let silent = second_queue(device, &config(3));
        for (queue, expected) in [(told, vec!["control 4", "canceled on queue"]), (silent, vec!["control 4"])] {
            let sent = send_control(device, 4);
            let status: i32 = wdf!(WdfRequestForwardToIoQueue, next_seen(), queue);
            assert_eq!(status, status::SUCCESS);
            assert!(sent.cancel());
            assert_eq!(sent.status(), Some(status::CANCELLED));
            assert_eq!(taken(), expected);
        }
    }));
}

#[test]
fn a_marked_request_that_is_cancelled_gets_its_routine() {
    assert_clean(&world(|| {
        let device = device(config(1));
        let sent = send_control(device, 4);
        assert_eq!(mark_ex(next_seen()), status::SUCCESS);
        assert!(sent.cancel());
        assert_eq!(sent.status(), Some(status::CANCELLED));
        assert_eq!(taken(), ["control 4", "cancel"]);
    }));
}

#[test]
fn unmarking_gives_the_request_back_unless_it_is_cancelled() {
    assert_clean(&world(|| {
        let device = device(config(1));
        let sent = send_control(device, 4);
        let request = next_seen();
        assert_eq!(mark_ex(request), status::SUCCESS);
        let status: i32 = wdf!(WdfRequestUnmarkCancelable, request);
        assert_eq!(status, status::SUCCESS);
        assert!(!sent.cancel());
        let cancelled: u8 = wdf!(WdfRequestIsCanceled, request);
        assert_eq!(cancelled, 1);
        assert_eq!(mark_ex(request), status::CANCELLED);
        assert_eq!(taken(), ["control 4"]);
        let () = wdf!(WdfRequestMarkCancelable, request, Some(on_cancel as unsafe extern "win64" fn(Handle)));
        assert_eq!(taken(), ["cancel"]);
        assert_eq!(sent.status(), Some(status::CANCELLED));
    }));
}

#[test]
fn completing_a_marked_request_is_a_finding() {
    let findings = world(|| {
        let device = device(config(1));
        let sent = send_control(device, 4);
        let request = next_seen();
        mark_ex(request);
        complete(request, status::SUCCESS);
        assert!(sent.outcome().is_some());
    });
    assert_eq!(rules(&findings), [Rule::CancelRoutine]);
}

#[test]
fn completing_twice_ends_the_run() {
    let finding = fatal(|| {
        let device = device(config(1));
        let sent = send_control(device, 4);
        let request = next_seen();
        complete(request, status::SUCCESS);
        assert!(sent.outcome().is_some());
        complete(request, status::SUCCESS);
    });
    assert_eq!((finding.rule, finding.function.as_str()), (Rule::DoubleCompletion, "WdfRequestComplete"));
}

#[test]
fn more_information_than_the_buffer_holds_is_a_finding() {
    unsafe extern "win64" fn too_much(_: Handle, request: Handle, length: usize) {
        wdf!(WdfRequestCompleteWithInformation, request, status::SUCCESS, length + 1)
    }
    let findings = world(|| {
        let device = device(WDF_IO_QUEUE_CONFIG { EvtIoRead: Some(too_much), ..config(1) });
        assert_eq!(send_read(device, 512).outcome(), Some((status::SUCCESS, 512)));
    });
    assert_eq!(rules(&findings), [Rule::Information]);
}
