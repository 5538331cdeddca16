//! Creation, presentation, routing by type.

use super::*;

#[test]
fn creation_is_refused_in_order() {
    assert_clean(&world(|| {
        let device = device(config(1));
        let refused = |change: fn(&mut WDF_IO_QUEUE_CONFIG)| {
            let mut config = config(1);
            change(&mut config);
            create_queue(device, &config, std::ptr::null()).unwrap_err()
        };
        assert_eq!(refused(|c| c.Size = 12), status::INFO_LENGTH_MISMATCH);
        assert_eq!(refused(|c| c.DispatchType = 4), status::INVALID_PARAMETER);
        assert_eq!(refused(|c| c.EvtIoDeviceControl = None), status::WDF_NO_CALLBACK);
        assert_eq!(refused(|c| c.DispatchType = 3), status::INVALID_PARAMETER);
        assert_eq!(refused(|c| c.Settings = 2), status::INVALID_PARAMETER);
        assert_eq!(refused(|c| c.DefaultQueue = 1), status::UNSUCCESSFUL);
        let status: i32 = wdf!(
            WdfIoQueueCreate,
            device,
            &raw const *Box::leak(Box::new(config(1))),
            std::ptr::null::<u8>(),
            std::ptr::null_mut::<Handle>()
        );
        assert_eq!(status, status::INVALID_PARAMETER_4);
    }));
}

#[test]
fn a_sequential_queue_presents_the_next_when_one_is_completed() {
    assert_clean(&world(|| {
        let device = device(config(1));
        let sent: Vec<_> = (1..=3).map(|code| send_control(device, code << 2)).collect();
        assert!(sent.iter().all(|sent| sent.returned == status::PENDING));
        assert_eq!(taken(), ["control 4"]);
        complete(next_seen(), status::SUCCESS);
        assert_eq!(taken(), ["control 8"]);
        assert_eq!(sent[0].outcome(), Some((status::SUCCESS, 0)));
        assert_eq!(sent[1].outcome(), None);
        complete(next_seen(), status::UNSUCCESSFUL);
        complete(next_seen(), status::WDF_BUSY);
        assert_eq!(sent[1].status(), Some(status::UNSUCCESSFUL));
        assert_eq!(sent[2].status(), Some(status::DEVICE_BUSY));
        assert_eq!(state(), 0xF);
    }));
}

#[test]
fn a_handler_that_completes_at_once_still_gives_pending() {
    assert_clean(&world(|| {
        let device = device(config(1));
        COMPLETE_INSIDE.set(true);
        let sent = send_control(device, 4);
        assert_eq!((sent.returned, sent.status()), (status::PENDING, Some(status::SUCCESS)));
    }));
}

#[test]
fn a_parallel_queue_presents_up_to_its_limit() {
    assert_clean(&world(|| {
        let device = device(WDF_IO_QUEUE_CONFIG { Settings: 2, ..config(2) });
        let sent: Vec<_> = (1..=3).map(|code| send_control(device, code << 2)).collect();
        assert_eq!(taken(), ["control 4", "control 8"]);
        complete(next_seen(), status::SUCCESS);
        assert_eq!(taken(), ["control 12"]);
        complete(next_seen(), status::SUCCESS);
        complete(next_seen(), status::SUCCESS);
        assert!(sent.iter().all(|sent| sent.outcome().is_some()));
    }));
}

#[test]
fn zero_length_transfers_are_completed_unless_the_queue_wants_them() {
    assert_clean(&world(|| {
        let reads = WDF_IO_QUEUE_CONFIG { EvtIoRead: Some(on_read), ..config(1) };
        let plain = device(reads);
        assert_eq!(send_read(plain, 0).outcome(), Some((status::SUCCESS, 0)));
        assert_eq!(send_read(plain, 5).status(), Some(status::SUCCESS));
        assert_eq!(taken(), ["read 5"]);
    }));
    assert_clean(&world(|| {
        let reads = WDF_IO_QUEUE_CONFIG { EvtIoRead: Some(on_read), AllowZeroLengthRequests: 1, ..config(1) };
        let wanting = device(reads);
        assert_eq!(send_read(wanting, 0).status(), Some(status::SUCCESS));
        assert_eq!(taken(), ["read 0"]);
    }));
}

#[test]
fn what_has_no_handler_is_refused() {
    assert_clean(&world(|| {
        let device = device(config(1));
        assert_eq!(send_read(device, 5).outcome(), Some((status::INVALID_DEVICE_REQUEST, 0)));
        let flush = send(device, 9, |_| {});
        assert_eq!((flush.returned, flush.status()), (status::INVALID_DEVICE_REQUEST, Some(flush.returned)));
    }));
}

#[test]
fn requests_go_to_the_queue_of_their_type() {
    assert_clean(&world(|| {
        SEEN.with_borrow_mut(VecDeque::clear);
        let device = device_with(
            |_| {},
            |device| {
                let default = WDF_IO_QUEUE_CONFIG { DefaultQueue: 1, ..config(1) };
                let default = create_queue(device, &default, std::ptr::null()).unwrap();
                let reads = WDF_IO_QUEUE_CONFIG { EvtIoRead: Some(on_read), ..queue_config(1) };
                let reads = second_queue(device, &reads);
                let configure = |queue: Handle, kind: u32| -> i32 {
                    wdf!(WdfDeviceConfigureRequestDispatching, device, queue, kind)
                };
                assert_eq!(configure(reads, 9), status::INVALID_PARAMETER);
                assert_eq!(configure(reads, 4), status::INVALID_DEVICE_REQUEST);
                assert_eq!(configure(default, 0xE), status::INVALID_DEVICE_REQUEST);
                assert_eq!(configure(reads, 3), status::SUCCESS);
                assert_eq!(configure(reads, 3), status::WDF_BUSY);
                assert_eq!(configure(reads, 0), status::INVALID_DEVICE_REQUEST);
            },
        );
        assert_eq!(send_read(device, 7).status(), Some(status::SUCCESS));
        let sent = send_control(device, 4);
        complete(next_seen(), status::SUCCESS);
        assert!(sent.outcome().is_some());
        assert_eq!(taken(), ["read 7", "control 4"]);
    }));
}

#[test]
fn a_request_that_cannot_be_allocated_fails_the_irp() {
    assert_clean(&world(|| {
        let device = device(config(1));
        nt_kernel::pool::set_failure(Some(1));
        let sent = send_control(device, 4);
        assert_eq!(sent.outcome(), Some((status::INSUFFICIENT_RESOURCES, 0)));
        assert_eq!(sent.returned, status::INSUFFICIENT_RESOURCES);
    }));
}

#[test]
fn without_a_lock_a_completion_presents_the_next_request_on_the_same_stack() {
    thread_local! {
        static DEPTH: Cell<u32> = const { Cell::new(0) };
    }
    unsafe extern "win64" fn nested(_: Handle, request: Handle, _: usize, _: usize, code: u32) {
        DEPTH.set(DEPTH.get() + 1);
        log(format!("control {code} depth {}", DEPTH.get()));
        complete(request, status::SUCCESS);
        DEPTH.set(DEPTH.get() - 1);
    }
    assert_clean(&world(|| {
        let device = device(WDF_IO_QUEUE_CONFIG { EvtIoDeviceControl: Some(nested), ..config(1) });
        let () = wdf!(WdfIoQueueStop, QUEUE.get(), None::<unsafe extern "win64" fn(Handle, usize)>, 0_usize);
        let sent: Vec<_> = (1..=2).map(|code| send_control(device, code << 2)).collect();
        let () = wdf!(WdfIoQueueStart, QUEUE.get());
        assert!(sent.iter().all(|sent| sent.outcome().is_some()));
        assert_eq!(taken(), ["control 4 depth 1", "control 8 depth 2"]);
    }));
}
