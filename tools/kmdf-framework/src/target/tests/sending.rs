//! Formats, sends and what comes back.

use nt_kernel::layout::{DO_BUFFERED_IO, DO_DIRECT_IO, IRP};
use nt_kernel::{io, pool, raw};
use nt_machine::findings::Rule;
use nt_machine::time::{self, SECOND};
use nt_machine::{irql, threads};

use super::*;
use crate::status;

#[test]
fn an_asynchronous_send_comes_back_with_its_completion_parameters() {
    assert_clean(&world(|| {
        let target = target();
        let (input, _) = memory(b"command!");
        let (output, bytes) = memory(&[0; 16]);
        let request = request(target);
        assert_eq!(format_ioctl(target, request, BUFFERED, input, output), status::SUCCESS);
        set_completion(request, 7);
        PORT.set(Port::Answer(status::SUCCESS, 5));
        FILL.set(0xEE);
        assert!(send_async(request, target, NO_OPTIONS));
        assert_eq!(taken(), ["7: 0x0 5 type 14"]);
        assert_eq!(raw::bytes(bytes, 6), [0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0]);
        let seen = seen();
        assert_eq!((seen.major, seen.minor, seen.parameters), (14, 0, [16, 8, BUFFERED as usize, 0]));
        assert_eq!(seen.user_buffer, bytes);
        delete(&[request, input, output]);
    }));
}

#[test]
fn buffers_go_down_by_the_method_of_the_code() {
    assert_clean(&world(|| {
        let target = target();
        let (input, from) = memory(b"command!");
        let (output, to) = memory(&[0; 16]);
        let request = request(target);
        for code in [IN_DIRECT, OUT_DIRECT, NEITHER] {
            assert_eq!(format_ioctl(target, request, code, input, output), status::SUCCESS);
            set_completion(request, 0);
            assert!(send_async(request, target, NO_OPTIONS));
            let seen = seen();
            match code {
                NEITHER => assert_eq!((seen.parameters[3], seen.user_buffer), (from as usize, to)),
                _ => assert_eq!((seen.system_buffer, seen.has_mdl), (from, true)),
            }
        }
        delete(&[request, input, output]);
    }));
}

#[test]
fn others_carry_the_addresses_of_their_arguments() {
    assert_clean(&world(|| {
        let target = target();
        let (first, address) = memory(&[1; 32]);
        let mut bytes = 77_usize;
        let descriptor = WDF_MEMORY_DESCRIPTOR {
            Type: 3,
            u: WDF_MEMORY_DESCRIPTOR_u { HandleType: WDF_MEMORY_DESCRIPTOR_handle { Memory: first, Offsets: NO_PART } },
        };
        let none: *const WDF_MEMORY_DESCRIPTOR = std::ptr::null();
        PORT.set(Port::Answer(status::SUCCESS, 3));
        let status: i32 = wdf!(
            WdfIoTargetSendInternalIoctlOthersSynchronously,
            target,
            Handle::NULL,
            0x1234_u32,
            &raw const descriptor,
            none,
            none,
            NO_OPTIONS,
            &raw mut bytes
        );
        assert_eq!((status, bytes), (status::SUCCESS, 3));
        let seen = seen();
        assert_eq!((seen.major, seen.parameters), (15, [address as usize, 0, 0x1234, 0]));
        delete(&[first]);
    }));
}

#[test]
fn a_direct_control_fills_a_buffer_on_the_drivers_stack() {
    assert_clean(&world(|| {
        let target = target();
        let mut buffer = [1_u8; 9000];
        let descriptor = WDF_MEMORY_DESCRIPTOR {
            Type: 1,
            u: WDF_MEMORY_DESCRIPTOR_u {
                BufferType: WDF_MEMORY_DESCRIPTOR_buffer { Buffer: buffer.as_mut_ptr().cast(), Length: 9000 },
            },
        };
        PORT.set(Port::Answer(status::SUCCESS, 8999));
        FILL.set(0x77);
        let mut bytes = 0_usize;
        let status: i32 = wdf!(
            WdfIoTargetSendIoctlSynchronously,
            target,
            Handle::NULL,
            OUT_DIRECT,
            std::ptr::null::<WDF_MEMORY_DESCRIPTOR>(),
            &raw const descriptor,
            NO_OPTIONS,
            &raw mut bytes
        );
        assert_eq!((status, bytes), (status::SUCCESS, 8999));
        let seen = raw::bytes(buffer.as_ptr(), 9000);
        assert!(seen[..8999].iter().all(|byte| *byte == 0x77));
        assert_eq!(seen[8999], 1);
    }));
}

#[test]
fn transfers_take_the_form_that_the_lower_device_asks_for() {
    assert_clean(&world(|| {
        let target = target();
        let lower: *mut DEVICE_OBJECT = wdf!(WdfIoTargetWdmGetTargetDeviceObject, target);
        let (memory, bytes) = memory(&[1; 16]);
        let offset = 0x8000_i64;
        let part = WDFMEMORY_OFFSET { BufferOffset: 4, BufferLength: 8 };
        let request = request(target);
        PORT.set(Port::Answer(status::SUCCESS, 6));
        for (flags, filled) in [(DO_BUFFERED_IO, true), (DO_DIRECT_IO, true), (0, false)] {
            let old = get!(lower, Flags) & !(DO_BUFFERED_IO | DO_DIRECT_IO);
            put!(lower, Flags, old | flags);
            raw::fill(bytes, 1, 16);
            FILL.set(0x33);
            let formatted: i32 =
                wdf!(WdfIoTargetFormatRequestForRead, target, request, memory, &raw const part, &raw const offset);
            assert_eq!(formatted, status::SUCCESS);
            assert!(send_async(request, target, &options(SYNCHRONOUS, 0)));
            let seen = seen();
            assert_eq!((seen.major, seen.parameters), (3, [8, 0, 0x8000, 0]));
            assert_eq!((seen.has_mdl, seen.user_buffer.is_null()), (flags == DO_DIRECT_IO, flags != 0));
            let expected = if filled { [1, 1, 1, 1, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 1, 1] } else { [1; 12] };
            assert_eq!(raw::bytes(bytes, 12), expected);
            // SAFETY: the structure consists of numbers; zero is a value of each.
            let mut params = unsafe { std::mem::zeroed::<WDF_REQUEST_COMPLETION_PARAMS>() };
            params.Size = size_of::<WDF_REQUEST_COMPLETION_PARAMS>() as u32;
            let () = wdf!(WdfRequestGetCompletionParams, request, &raw mut params);
            assert_eq!((params.Type, &params.Parameters[..3]), (3, &[memory.0, 6, 4][..]));
            reuse(request);
        }
        delete(&[request, memory]);
    }));
}

#[test]
fn a_synchronous_sender_waits_for_what_is_pended() {
    assert_clean(&world(|| {
        let target = target();
        PORT.set(Port::Pend);
        let work = || {
            threads::block("the port's work", Some(time::now() + SECOND), &|| false);
            port_completes(status::SUCCESS, 12);
        };
        threads::spawn("port", irql::PASSIVE, Box::new(work));
        let mut bytes = 0;
        assert_eq!(send_ioctl(target, NO_OPTIONS, &raw mut bytes), status::SUCCESS);
        assert_eq!(bytes, 12);
    }));
}

#[test]
fn a_timeout_cancels_and_is_told_as_such_but_only_when_the_port_cancelled() {
    assert_clean(&world(|| {
        let target = target();
        PORT.set(Port::Pend);
        let begin = time::now();
        let limited = options(TIMEOUT, -3 * SECOND);
        assert_eq!(send_ioctl(target, &raw const limited, std::ptr::null_mut()), status::IO_TIMEOUT);
        assert_eq!(time::now() - begin, 3 * SECOND);
        PORT.set(Port::Deaf);
        let late = || {
            threads::block("the deaf port's work", Some(time::now() + 9 * SECOND), &|| false);
            port_completes(status::IO_DEVICE_ERROR, 0);
        };
        threads::spawn("port", irql::PASSIVE, Box::new(late));
        assert_eq!(send_ioctl(target, &raw const limited, std::ptr::null_mut()), status::IO_DEVICE_ERROR);
    }));
}

#[test]
fn an_asynchronous_timeout_is_told_to_the_completion_routine() {
    assert_clean(&world(|| {
        let target = target();
        let request = request(target);
        PORT.set(Port::Pend);
        assert_eq!(format_ioctl(target, request, BUFFERED, Handle::NULL, Handle::NULL), status::SUCCESS);
        set_completion(request, 1);
        assert!(send_async(request, target, &options(TIMEOUT, -SECOND)));
        threads::block("the time-out", Some(time::now() + 2 * SECOND), &|| false);
        assert_eq!(taken(), ["1: 0xc00000b5 0 type 14"]);
        delete(&[request]);
    }));
}

#[test]
fn a_time_out_that_comes_with_the_completion_does_no_harm() {
    worlds(|| {
        let target = target();
        for work in [SECOND - 1, SECOND, SECOND + 1] {
            let request = request(target);
            PORT.set(Port::Deaf);
            assert_eq!(format_ioctl(target, request, BUFFERED, Handle::NULL, Handle::NULL), status::SUCCESS);
            set_completion(request, 1);
            assert!(send_async(request, target, &options(TIMEOUT, -SECOND)));
            threads::block("the port's work", Some(time::now() + work), &|| false);
            port_completes(status::SUCCESS, 0);
            // What is late must not hit the next send.
            PORT.set(Port::Pend);
            reuse(request);
            assert_eq!(format_ioctl(target, request, BUFFERED, Handle::NULL, Handle::NULL), status::SUCCESS);
            set_completion(request, 2);
            assert!(send_async(request, target, NO_OPTIONS));
            threads::block("the time-out", Some(time::now() + SECOND), &|| false);
            port_completes(status::SUCCESS, 0);
            delete(&[request]);
            assert_eq!(taken(), ["1: 0x0 0 type 14", "2: 0x0 0 type 14"]);
        }
    });
}

#[test]
fn a_sent_request_is_cancelled_through_its_port() {
    assert_clean(&world(|| {
        let target = target();
        let request = request(target);
        PORT.set(Port::Pend);
        assert_eq!(format_ioctl(target, request, BUFFERED, Handle::NULL, Handle::NULL), status::SUCCESS);
        set_completion(request, 1);
        let cancelled: u8 = wdf!(WdfRequestCancelSentRequest, request);
        assert_eq!(cancelled, 0);
        assert!(send_async(request, target, NO_OPTIONS));
        let cancelled: u8 = wdf!(WdfRequestCancelSentRequest, request);
        assert_eq!(cancelled, 1);
        assert_eq!(taken(), ["1: 0xc0000120 0 type 14"]);
        delete(&[request]);
    }));
}

#[test]
fn options_are_refused() {
    assert_clean(&world(|| {
        let target = target();
        let request = request(target);
        assert_eq!(format_ioctl(target, request, BUFFERED, Handle::NULL, Handle::NULL), status::SUCCESS);
        assert!(!send_async(request, target, &options(0x40, 0)));
        assert_eq!(status_of(request), status::INVALID_PARAMETER);
        assert!(!send_async(request, target, &options(SEND_AND_FORGET | TIMEOUT, 0)));
        assert!(!send_async(request, target, &options(SEND_AND_FORGET, 0)));
        assert_eq!(status_of(request), status::INVALID_DEVICE_STATE);
        let forget = options(SEND_AND_FORGET, 0);
        assert_eq!(send_ioctl(target, &raw const forget, std::ptr::null_mut()), status::INVALID_PARAMETER);
        delete(&[request]);
    }));
}

#[test]
fn a_location_of_the_driver_goes_down_as_it_is() {
    assert_clean(&world(|| {
        let target = target();
        let request = request(target);
        let irp: *mut IRP = wdf!(WdfRequestWdmGetIrp, request);
        let mut location = raw::read(io::next(irp));
        location.MajorFunction = 15;
        location.MinorFunction = 1;
        let () = wdf!(WdfRequestWdmFormatUsingStackLocation, request, &raw const location);
        PORT.set(Port::Answer(status::IO_DEVICE_ERROR, 9));
        assert!(send_async(request, target, &options(SYNCHRONOUS, 0)));
        assert_eq!((seen().major, seen().minor, status_of(request)), (15, 1, status::IO_DEVICE_ERROR));
        reuse(request);
        assert_eq!(status_of(request), status::SUCCESS);
        delete(&[request]);
    }));
}

#[test]
fn a_part_outside_its_memory_is_refused() {
    assert_clean(&world(|| {
        let target = target();
        let request = request(target);
        let (input, _) = memory(b"12345678");
        let part = WDFMEMORY_OFFSET { BufferOffset: 4, BufferLength: 5 };
        let status: i32 = wdf!(
            WdfIoTargetFormatRequestForIoctl,
            target,
            request,
            BUFFERED,
            input,
            &raw const part,
            Handle::NULL,
            NO_PART
        );
        assert_eq!(status, status::INTEGER_OVERFLOW);
        delete(&[request, input]);
    }));
}

#[test]
fn every_allocation_of_a_send_may_fail() {
    assert_clean(&world(|| {
        let target = target();
        let mut bytes = [0_u8; 8];
        let descriptor = WDF_MEMORY_DESCRIPTOR {
            Type: 1,
            u: WDF_MEMORY_DESCRIPTOR_u {
                BufferType: WDF_MEMORY_DESCRIPTOR_buffer { Buffer: bytes.as_mut_ptr().cast(), Length: 8 },
            },
        };
        let none: *const WDF_MEMORY_DESCRIPTOR = std::ptr::null();
        let mut failures = 0;
        for nth in 1.. {
            pool::set_failure(Some(nth));
            let status: i32 = wdf!(
                WdfIoTargetSendIoctlSynchronously,
                target,
                Handle::NULL,
                BUFFERED,
                &raw const descriptor,
                none,
                NO_OPTIONS,
                std::ptr::null_mut::<usize>()
            );
            if status == status::SUCCESS {
                break;
            }
            assert_eq!(status, status::INSUFFICIENT_RESOURCES, "allocation {nth}");
            failures = nth;
        }
        pool::set_failure(None);
        assert!(failures >= 2, "{failures}");
    }));
}

#[test]
fn a_second_send_stops_the_run() {
    let finding = fatal(|| {
        let target = target();
        let request = request(target);
        PORT.set(Port::Pend);
        assert_eq!(format_ioctl(target, request, BUFFERED, Handle::NULL, Handle::NULL), status::SUCCESS);
        set_completion(request, 1);
        assert!(send_async(request, target, NO_OPTIONS));
        send_async(request, target, NO_OPTIONS);
    });
    assert_eq!(finding.rule, Rule::BugCheck);
}

#[test]
fn sins_with_sent_requests_are_findings() {
    let findings = world(|| {
        let target = target();
        let unformatted = request(target);
        set_completion(unformatted, 0);
        assert!(!send_async(unformatted, target, NO_OPTIONS));
        assert_eq!(status_of(unformatted), status::REQUEST_NOT_ACCEPTED);
        let deleted = request(target);
        PORT.set(Port::Pend);
        assert_eq!(format_ioctl(target, deleted, BUFFERED, Handle::NULL, Handle::NULL), status::SUCCESS);
        set_completion(deleted, 1);
        assert!(send_async(deleted, target, NO_OPTIONS));
        delete(&[unformatted, deleted]);
        port_completes(status::SUCCESS, 0);
    });
    assert_eq!(rules(&findings), [Rule::BadArgument, Rule::BadArgument]);
}
