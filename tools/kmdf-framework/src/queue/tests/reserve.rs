//! Requests that are allocated ahead.

use super::*;

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
