//! Forwarding, retrieving, finding.

use super::*;

#[test]
fn a_manual_queue_gives_requests_when_asked() {
    assert_clean(&world(|| {
        let device = device(config(3));
        let queue = QUEUE.get();
        assert_eq!(retrieve(queue), Err(status::NO_MORE_ENTRIES));
        let first = send_control(device, 4);
        let second = send_control(device, 8);
        assert_eq!(taken(), Vec::<String>::new());
        let request = retrieve(queue).unwrap();
        let status: i32 = wdf!(WdfRequestRequeue, request);
        assert_eq!(status, status::SUCCESS);
        assert_eq!(retrieve(queue), Ok(request));
        let () = wdf!(WdfIoQueueStop, queue, None::<unsafe extern "win64" fn(Handle, usize)>, 0_usize);
        assert_eq!(retrieve(queue), Err(status::WDF_PAUSED));
        let () = wdf!(WdfIoQueueStart, queue);
        complete(request, status::SUCCESS);
        complete(retrieve(queue).unwrap(), status::SUCCESS);
        assert!(first.outcome().is_some() && second.outcome().is_some());
    }));
}

#[test]
fn finding_a_request_references_it_and_leaves_it_there() {
    assert_clean(&world(|| {
        let device = device(config(3));
        let queue = QUEUE.get();
        let sent = send_control(device, 4);
        let mut found = Handle::NULL;
        let find = |after: Handle, out: *mut Handle| -> i32 {
            wdf!(WdfIoQueueFindRequest, queue, after, Handle::NULL, std::ptr::null_mut::<u8>(), out)
        };
        assert_eq!(find(Handle::NULL, &raw mut found), status::SUCCESS);
        let mut next = Handle::NULL;
        assert_eq!(find(found, &raw mut next), status::NO_MORE_ENTRIES);
        let mut taken = Handle::NULL;
        let status: i32 = wdf!(WdfIoQueueRetrieveFoundRequest, queue, found, &raw mut taken);
        assert_eq!((status, taken), (status::SUCCESS, found));
        assert_eq!(find(found, &raw mut next), status::NOT_FOUND);
        complete(found, status::SUCCESS);
        assert!(sent.outcome().is_some());
        wdf!(WdfObjectDereferenceActual, found, 0_usize, 0_i32, std::ptr::null::<u8>())
    }));
}

#[test]
fn forwarding_lets_the_queue_go_on_and_respects_the_destination() {
    assert_clean(&world(|| {
        let device = device(config(1));
        let other = second_queue(device, &config(3));
        let first = send_control(device, 4);
        let second = send_control(device, 8);
        let request = next_seen();
        let () = wdf!(WdfIoQueueDrain, other, None::<unsafe extern "win64" fn(Handle, usize)>, 0_usize);
        let status: i32 = wdf!(WdfRequestForwardToIoQueue, request, other);
        assert_eq!(status, status::WDF_BUSY);
        let () = wdf!(WdfIoQueueStart, other);
        let status: i32 = wdf!(WdfRequestForwardToIoQueue, request, other);
        assert_eq!(status, status::SUCCESS);
        assert_eq!(taken(), ["control 4", "control 8"]);
        assert_eq!(retrieve(other), Ok(request));
        complete(request, status::SUCCESS);
        complete(next_seen(), status::SUCCESS);
        assert!(first.outcome().is_some() && second.outcome().is_some());
    }));
}

#[test]
fn a_ready_notification_comes_when_a_manual_queue_gets_its_first_request() {
    assert_clean(&world(|| {
        let device = device(config(3));
        let queue = QUEUE.get();
        let status: i32 = wdf!(WdfIoQueueReadyNotify, queue, STATE, 3_usize);
        assert_eq!(status, status::SUCCESS);
        let status: i32 = wdf!(WdfIoQueueReadyNotify, queue, STATE, 4_usize);
        assert_eq!(status, status::INVALID_DEVICE_REQUEST);
        let sent: Vec<_> = (1..=2).map(|code| send_control(device, code << 2)).collect();
        assert_eq!(taken(), ["state 3"]);
        while let Ok(request) = retrieve(queue) {
            complete(request, status::SUCCESS);
        }
        assert!(sent.iter().all(|sent| sent.outcome().is_some()));
    }));
}
