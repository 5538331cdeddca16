//! Queues as a client sees them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use nt_machine::findings::Rule;
use nt_machine::{irql, threads};

use super::Handle;
use crate::status;
use crate::structs::WDF_IO_QUEUE_CONFIG;
use crate::testing::*;

thread_local! {
    static SEEN: RefCell<VecDeque<Handle>> = const { RefCell::new(VecDeque::new()) };
    static QUEUE: Cell<Handle> = const { Cell::new(Handle::NULL) };
    static COMPLETE_INSIDE: Cell<bool> = const { Cell::new(false) };
}

fn next_seen() -> Handle {
    SEEN.with_borrow_mut(VecDeque::pop_front).expect("a presented request")
}

fn complete(request: Handle, status: i32) {
    wdf!(WdfRequestComplete, request, status)
}

unsafe extern "win64" fn on_control(_: Handle, request: Handle, _: usize, _: usize, code: u32) {
    log(format!("control {code}"));
    SEEN.with_borrow_mut(|seen| seen.push_back(request));
    if COMPLETE_INSIDE.get() {
        complete(request, status::SUCCESS);
    }
}

unsafe extern "win64" fn on_read(_: Handle, request: Handle, length: usize) {
    log(format!("read {length}"));
    complete(request, status::SUCCESS);
}

unsafe extern "win64" fn on_cancel(request: Handle) {
    log("cancel");
    complete(request, status::CANCELLED);
}

unsafe extern "win64" fn on_canceled_on_queue(_: Handle, request: Handle) {
    log("canceled on queue");
    complete(request, status::CANCELLED);
}

unsafe extern "win64" fn on_state(_: Handle, context: usize) {
    log(format!("state {context}"));
}

fn config(dispatch_type: u32) -> WDF_IO_QUEUE_CONFIG {
    let mut config = queue_config(dispatch_type);
    if dispatch_type != 3 {
        config.EvtIoDeviceControl = Some(on_control);
    }
    config
}

/// A device whose default queue is configured so.
fn device(config: WDF_IO_QUEUE_CONFIG) -> Handle {
    SEEN.with_borrow_mut(VecDeque::clear);
    COMPLETE_INSIDE.set(false);
    let config = WDF_IO_QUEUE_CONFIG { DefaultQueue: 1, ..config };
    device_with(|_| {}, move |device| QUEUE.set(create_queue(device, &config, std::ptr::null()).unwrap()))
}

fn second_queue(device: Handle, config: &WDF_IO_QUEUE_CONFIG) -> Handle {
    create_queue(device, config, std::ptr::null()).unwrap()
}

fn state() -> u32 {
    let none = std::ptr::null_mut::<u32>();
    wdf!(WdfIoQueueGetState, QUEUE.get(), none, none)
}

fn mark_ex(request: Handle) -> i32 {
    wdf!(WdfRequestMarkCancelableEx, request, Some(on_cancel as unsafe extern "win64" fn(Handle)))
}

fn retrieve(queue: Handle) -> Result<Handle, i32> {
    let mut request = Handle::NULL;
    let status: i32 = wdf!(WdfIoQueueRetrieveNextRequest, queue, &raw mut request);
    if status::ok(status) { Ok(request) } else { Err(status) }
}

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

const STATE: Option<unsafe extern "win64" fn(Handle, usize)> = Some(on_state);

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

#[test]
fn a_passive_queue_presents_in_a_work_item_when_it_must() {
    unsafe extern "win64" fn note_irql(_: Handle, request: Handle, _: usize, _: usize, _: u32) {
        log(format!("at {}", irql::current()));
        complete(request, status::SUCCESS);
    }
    assert_clean(&world(|| {
        let config = WDF_IO_QUEUE_CONFIG { EvtIoDeviceControl: Some(note_irql), DefaultQueue: 1, ..queue_config(1) };
        let device = device_with(
            |_| {},
            move |device| {
                let passive = crate::structs::WDF_OBJECT_ATTRIBUTES { ExecutionLevel: 2, ..attributes() };
                create_queue(device, &config, &raw const passive).unwrap();
            },
        );
        let old = irql::raise(irql::DISPATCH);
        let sent = send_control(device, 4);
        assert_eq!(sent.outcome(), None);
        irql::lower(old);
        threads::block("completion", None, &|| sent.outcome().is_some());
        assert_eq!(taken(), ["at 0"]);
    }));
}

#[test]
fn a_serialised_queue_presents_under_its_lock_and_never_recursively() {
    thread_local! {
        static INSIDE: Cell<u32> = const { Cell::new(0) };
    }
    unsafe extern "win64" fn nested(_: Handle, request: Handle, _: usize, _: usize, code: u32) {
        INSIDE.set(INSIDE.get() + 1);
        log(format!("control {code} at {} depth {}", irql::current(), INSIDE.get()));
        complete(request, status::SUCCESS);
        INSIDE.set(INSIDE.get() - 1);
    }
    assert_clean(&world(|| {
        let config = WDF_IO_QUEUE_CONFIG { EvtIoDeviceControl: Some(nested), DefaultQueue: 1, ..queue_config(1) };
        let device = device_with(
            |_| {},
            move |device| {
                let scoped = crate::structs::WDF_OBJECT_ATTRIBUTES { SynchronizationScope: 3, ..attributes() };
                QUEUE.set(create_queue(device, &config, &raw const scoped).unwrap());
            },
        );
        let () = wdf!(WdfIoQueueStop, QUEUE.get(), None::<unsafe extern "win64" fn(Handle, usize)>, 0_usize);
        let sent: Vec<_> = (1..=2).map(|code| send_control(device, code << 2)).collect();
        let () = wdf!(WdfIoQueueStart, QUEUE.get());
        threads::block("completion", None, &|| sent.iter().all(|sent| sent.outcome().is_some()));
        assert_eq!(taken(), ["control 4 at 2 depth 1", "control 8 at 2 depth 1"]);
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

unsafe extern "win64" fn for_reserved(_: Handle, _: Handle) -> i32 {
    log("reserve");
    status::SUCCESS
}

unsafe extern "win64" fn for_request(_: Handle, _: Handle) -> i32 {
    log("resources");
    status::SUCCESS
}

unsafe extern "win64" fn refuse(_: Handle, _: *mut nt_kernel::layout::IRP) -> u32 {
    log("examine");
    1
}

fn policy(kind: u32) -> crate::structs::WDF_IO_QUEUE_FORWARD_PROGRESS_POLICY {
    crate::structs::WDF_IO_QUEUE_FORWARD_PROGRESS_POLICY {
        Size: 40,
        TotalForwardProgressRequests: 1,
        ForwardProgressReservedPolicy: kind,
        ForwardProgressReservePolicySettings: if kind == 2 { Some(refuse) } else { None },
        EvtIoAllocateResourcesForReservedRequest: Some(for_reserved),
        EvtIoAllocateRequestResources: Some(for_request),
    }
}

fn assign_policy(policy: &crate::structs::WDF_IO_QUEUE_FORWARD_PROGRESS_POLICY) -> i32 {
    wdf!(WdfIoQueueAssignForwardProgressPolicy, QUEUE.get(), std::ptr::from_ref(policy))
}

/// Sends a control whose request cannot be allocated.
fn send_short_of_memory(device: Handle, code: u32) -> Sent {
    nt_kernel::pool::set_failure(Some(1));
    let sent = send_control(device, code);
    nt_kernel::pool::set_failure(None);
    sent
}

#[test]
fn reserved_requests_serve_irps_when_memory_is_short() {
    assert_clean(&world(|| {
        let device = device(config(2));
        let mut none = policy(1);
        none.TotalForwardProgressRequests = 0;
        assert_eq!(assign_policy(&none), status::INVALID_PARAMETER);
        assert_eq!(assign_policy(&policy(1)), status::SUCCESS);
        assert_eq!(assign_policy(&policy(1)), status::INVALID_PARAMETER);
        let first = send_short_of_memory(device, 4);
        let (second, third) = (send_short_of_memory(device, 8), send_short_of_memory(device, 12));
        assert_eq!([first.returned, second.returned, third.returned], [status::PENDING; 3]);
        let request = next_seen();
        let reserved: u8 = wdf!(WdfRequestIsReserved, request);
        assert_eq!(reserved, 1);
        assert!(second.cancel());
        complete(request, status::SUCCESS);
        assert_eq!(next_seen(), request);
        complete(request, status::UNSUCCESSFUL);
        assert_eq!(
            [first.status(), second.status(), third.status()],
            [Some(status::SUCCESS), Some(status::CANCELLED), Some(status::UNSUCCESSFUL)]
        );
        let ordinary = send_control(device, 4);
        complete(next_seen(), status::SUCCESS);
        assert!(ordinary.outcome().is_some());
        assert_eq!(taken(), ["reserve", "control 4", "control 12", "resources", "control 4"]);
    }));
}

#[test]
fn the_policy_decides_who_gets_a_reserved_request() {
    for (kind, expected) in [(2, vec!["reserve", "examine"]), (3, vec!["reserve"])] {
        assert_clean(&world(move || {
            let device = device(config(1));
            assert_eq!(assign_policy(&policy(kind)), status::SUCCESS);
            assert_eq!(send_short_of_memory(device, 4).outcome(), Some((status::UNSUCCESSFUL, 0)));
            assert_eq!(taken(), expected);
        }));
    }
}
