use std::vec;

use super::*;
use crate::capability::Update;
use crate::exclusive::Owner;
use crate::test_host::Host;
use crate::{HandleId, Job, Step};

const PASS_THROUGH: [u32; 4] = [0x0004_D004, 0x0004_D014, 0x0004_D044, 0x0004_D048];

/// Codes that no row serves: private ones, aliases of nothing, codes of the port, of volumes and of other drivers.
const UNKNOWN: [u32; 9] = [
    0x0007_C0C8,
    0x0007_0C00,
    0x002D_0C10,
    0x0004_D008,
    0x0004_1018,
    0x0056_0000,
    0x004D_0018,
    0x0009_0018,
    0x0002_4034,
];

fn arrive(host: &mut Host, request: &Request) -> Arrival {
    let mut system = vec![0; usize::try_from(request.input_length.max(request.output_length)).unwrap()];
    let mut buffers = Buffers { scratch: &mut [], features: &mut [], system: &mut system };
    host.dispatcher.arrive(request, None, &host.environment, &mut buffers)
}

fn begin(host: &mut Host, request: &Request) -> Step {
    let mut system = vec![0; usize::try_from(request.input_length.max(request.output_length)).unwrap()];
    let mut buffers = Buffers { scratch: &mut [], features: &mut [], system: &mut system };
    host.dispatcher.begin(Job::Control(*request), None, &host.environment, &mut buffers)
}

fn lock_by_another(host: &mut Host) {
    host.dispatcher.device.exclusive = Some(Owner { handle: HandleId(99), name: [0; 64] });
}

#[test]
fn unknown_codes_wait_for_their_turn_where_the_thread_can() {
    let mut host = Host::mmc();
    host.dispatcher.device.capability.update = Update::Required;
    for code in UNKNOWN {
        for (irql, expected) in [
            (Irql::Passive, Arrival::QueueInCallerThread),
            (Irql::Apc, Arrival::Forward),
            (Irql::Dispatch, Arrival::Forward),
        ] {
            let mut request = host.request(code, &[0; 4], 4);
            request.irql = irql;
            assert_eq!(arrive(&mut host, &request), expected, "{code:#X} {irql:?}");
        }
        let request = host.request(code, &[0; 4], 4);
        assert_eq!(begin(&mut host, &request), Step::Forward { minor: None }, "no refresh comes first: {code:#X}");
    }
}

#[test]
fn acpi_codes_never_wait() {
    let mut host = Host::default();
    for irql in [Irql::Passive, Irql::Apc, Irql::Dispatch] {
        let mut request = host.request(0x0032_C004, &[0; 4], 4);
        request.irql = irql;
        assert_eq!(arrive(&mut host, &request), Arrival::Forward);
    }
}

#[test]
fn pass_through_needs_the_whole_structure_of_the_caller() {
    let mut host = Host::mmc();
    host.dispatcher.device.capability.update = Update::Required;
    for (code, lengths) in PASS_THROUGH.into_iter().zip([(56, 44), (56, 44), (64, 52), (64, 52)]) {
        for (wow64, least) in [(false, lengths.0), (true, lengths.1)] {
            for (length, expected) in [
                (0, Arrival::complete(NtStatus::INVALID_PARAMETER, 0)),
                (least - 1, Arrival::complete(NtStatus::INVALID_PARAMETER, 0)),
                (least, Arrival::QueueInCallerThread),
                (least + 100, Arrival::QueueInCallerThread),
            ] {
                let mut request = host.request(code, &vec![0; length], 0);
                request.wow64 = wow64;
                assert_eq!(arrive(&mut host, &request), expected, "{code:#X} {wow64} {length}");
            }
        }
        let mut request = host.request(code, &[0; 64], 0);
        assert_eq!(begin(&mut host, &request), Step::Forward { minor: Some(IRP_MN_SCSI_CLASS) });
        request.irql = Irql::Dispatch;
        assert_eq!(arrive(&mut host, &request), Arrival::complete(NtStatus::INVALID_LEVEL, 0));
    }
}

#[test]
fn exclusive_access_counts_on_arrival_and_again_at_the_head_of_the_queue() {
    for (code, denied) in [
        (0x0004_D014, true),
        (0x0004_D008, true),
        (0x0004_1018, false),
        (0x0007_C0C8, true),
        (0x0007_0C00, true),
        (0x002D_0C10, true),
        (0x001F_0C00, true),
        (0x001F_0C10, false),
        (0x002D_4800, true),
        (0x001F_4800, true),
        (0x0007_421C, true),
        (0x0056_C064, false),
        (0x0056_0000, false),
        (0x004D_0018, false),
        (0x0032_C004, false),
        (0x0009_0018, false),
        (0x001F_0004, false),
    ] {
        let mut host = Host::default();
        let request = host.request(code, &[0; 64], 64);
        assert_ne!(arrive(&mut host, &request), Arrival::complete(NtStatus::ACCESS_DENIED, 0), "{code:#X}");
        lock_by_another(&mut host);
        let refused = Arrival::complete(NtStatus::ACCESS_DENIED, 0);
        assert_eq!(arrive(&mut host, &request) == refused, denied, "{code:#X}");
        let refused = Step::Complete(Completion::new(NtStatus::ACCESS_DENIED, 0));
        assert_eq!(begin(&mut host, &request) == refused, denied, "{code:#X}");
    }
}

#[test]
fn what_is_answered_at_once_needs_no_passive_level() {
    let mut host = Host::default();
    for (code, output, status) in [
        (0x002D_1080, 12, NtStatus::SUCCESS),
        (0x002D_0C14, 8, NtStatus::SUCCESS),
        (0x002D_1880, 0, NtStatus::NOT_SUPPORTED),
        (0x002D_1C90, 0, NtStatus::UNSUCCESSFUL),
        (0x004D_0008, 64, NtStatus::SUCCESS),
    ] {
        let mut request = host.request(code, &[], output);
        request.irql = Irql::Dispatch;
        let arrival = arrive(&mut host, &request);
        assert!(matches!(arrival, Arrival::Complete(end) if end.status == status), "{code:#X}: {arrival:?}");
    }
}

#[test]
fn a_kernel_volume_online_is_answered_and_a_program_s_is_queued() {
    let mut host = Host::default();
    let mut request = host.request(0x0056_C008, &[], 0);
    assert_eq!(arrive(&mut host, &request), Arrival::Queue);
    request.kernel_mode = true;
    assert_eq!(arrive(&mut host, &request), Arrival::complete(NtStatus::SUCCESS, 0));
    request.code = crate::ioctl::ControlCode(0x0056_C064);
    assert_eq!(arrive(&mut host, &request), Arrival::Queue);
}

#[test]
fn a_request_of_the_caller_s_thread_that_was_cancelled_in_the_queue_does_nothing() {
    let lock = {
        let mut input = [0; 72];
        (input[0], input[8]) = (1, b'a');
        input
    };
    for (code, input) in [
        (0x0002_C05C, &lock[..]),
        (0x0004_D014, &[0; 56]),
        (0x002D_1400, &[3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
        (0x0002_4034, &[]),
    ] {
        for foreign in [false, true] {
            let mut host = Host::default();
            if foreign {
                lock_by_another(&mut host);
            }
            host.environment.cancelled = true;
            let owner = host.dispatcher.device.exclusive;
            let request = host.request(code, input, 64);
            let mut system = input.to_vec();
            system.resize(72, 0);
            let mut buffers = Buffers { scratch: &mut [], features: &mut [], system: &mut system };
            let step = host.dispatcher.begin(Job::Control(request), None, &host.environment, &mut buffers);
            assert_eq!(step, Step::Complete(Completion::new(NtStatus::CANCELLED, 0)), "{code:#X} {foreign}");
            assert_eq!(host.dispatcher.device.exclusive, owner);
        }
    }
}

#[test]
fn failures_of_a_removed_device_say_so_after_the_hard_error_device_is_chosen() {
    let mut host = Host::default();
    host.dispatcher.device.surprise_removal();
    for (status, information, expected, user_induced) in [
        (NtStatus::NO_MEDIA_IN_DEVICE, 0, NtStatus::DEVICE_DOES_NOT_EXIST, true),
        (NtStatus::CANCELLED, 0, NtStatus::DEVICE_DOES_NOT_EXIST, false),
        (NtStatus::BUFFER_OVERFLOW, 8, NtStatus::DEVICE_DOES_NOT_EXIST, false),
        (NtStatus::SUCCESS, 12, NtStatus::SUCCESS, false),
    ] {
        let completion = host.dispatcher.completion(status, information);
        assert_eq!(completion, Completion { status: expected, information, user_induced });
    }
    assert!(Host::default().dispatcher.completion(NtStatus::VERIFY_REQUIRED, 0).user_induced);
}
