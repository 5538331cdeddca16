//! What must go well.

use super::*;

#[test]
fn a_fresh_irp_points_past_its_locations() {
    clean(|| {
        let irp = allocate_irp(3);
        assert_eq!((get!(irp, StackCount), get!(irp, CurrentLocation)), (3, 4));
        assert_eq!(current(irp) as usize, irp as usize + 0xD0 + 3 * 0x48);
        assert_eq!(usize::from(get!(irp, Size)), 0xD0 + 3 * 0x48);
        free_irp(irp);
    });
}

#[test]
fn a_request_passes_down_and_up() {
    for bottom in [succeed as crate::layout::DRIVER_DISPATCH, pend] {
        clean(move || {
            CALLS.set(0);
            let port = device("port", bottom, None);
            let class = device("class", watch, Some(port));
            let filter = device("filter", pass, Some(class));
            assert_eq!(get!(filter, StackSize), 3);
            assert_eq!(attached_top(port), filter);
            assert_eq!(flush(filter), Sent { status: status::SUCCESS, information: 7 });
            assert_eq!(CALLS.get(), 1);
        });
    }
}

#[test]
fn pending_is_marked_upward_where_nobody_asks() {
    extern "win64" fn copy_only(device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        copy_to_next(irp);
        call_driver(lower(device), irp)
    }
    // If the location above were not marked, returning PENDING from `copy_only` would be a finding.
    clean(|| {
        let port = device("port", pend, None);
        assert_eq!(flush(device("class", copy_only, Some(port))).status, status::SUCCESS);
    });
}

#[test]
fn a_warning_counts_as_an_error_for_completion_routines() {
    for (success, error, expected) in [(true, false, 0), (false, true, 1)] {
        clean(move || {
            CALLS.set(0);
            let port = device("port", warn, None);
            let irp = own_irp(port);
            // An own location above catches the IRP whatever happens.
            let outer = allocate_irp(2);
            set_next_location(outer);
            put!(next(outer), MajorFunction, IRP_MJ_FLUSH_BUFFERS);
            set_completion(irp, stop, core::ptr::null_mut(), true, true, true);
            call_driver(port, irp);
            CALLS.set(0);
            free_irp(irp);
            set_completion(outer, stop, core::ptr::null_mut(), success, error, false);
            if error {
                call_driver(port, outer);
            }
            free_irp(outer);
            assert_eq!(CALLS.get(), expected);
        });
    }
}

#[test]
fn the_routine_of_the_allocating_driver_gets_no_device() {
    clean(|| {
        SEEN.set(1);
        let port = device("port", succeed, None);
        let irp = own_irp(port);
        set_completion(irp, stop, core::ptr::null_mut(), true, true, true);
        assert_eq!(call_driver(port, irp), status::SUCCESS);
        assert_eq!(SEEN.get(), 0);
        reuse_irp(irp, status::UNSUCCESSFUL);
        assert_eq!((get!(irp, IoStatus.Status), get!(irp, CurrentLocation)), (status::UNSUCCESSFUL, 2));
        free_irp(irp);
    });
}

#[test]
fn an_unset_major_function_fails() {
    clean(|| {
        let driver = create_driver("bare", r"\Registry\Machine\System\CurrentControlSet\Services\bare");
        let bare = create_device(driver, 0, None, 0x22, 0).unwrap();
        assert_eq!(flush(bare), Sent { status: status::INVALID_DEVICE_REQUEST, information: 0 });
    });
}

#[test]
fn a_built_device_control_brings_its_output_at_the_end() {
    extern "win64" fn answer(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        assert_eq!(get!(current(irp), MajorFunction), IRP_MJ_DEVICE_CONTROL);
        let buffer = get!(irp, SystemBuffer).cast::<u8>();
        assert_eq!(crate::raw::bytes(buffer, 4), [1, 2, 3, 0xA5]);
        mark_pending(irp);
        sync::queue_dpc(
            "completion",
            Box::new(move || {
                crate::raw::put_bytes(buffer, b"abcd");
                finish(irp, status::SUCCESS, 2);
            }),
        );
        status::PENDING
    }
    clean(|| {
        let port = device("port", answer, None);
        let (mut input, mut output) = ([1, 2, 3], [9_u8; 4]);
        let buffers =
            Buffers { input: input.as_mut_ptr(), input_length: 3, output: output.as_mut_ptr(), output_length: 4 };
        let (returned, block) = control(port, 0x0022_2000, buffers);
        assert_eq!((returned, block.Status, block.Information), (status::PENDING, status::SUCCESS, 2));
        assert_eq!(&output, b"ab\x09\x09");
    });
}

#[test]
fn an_error_at_once_is_told_by_the_return_value_alone() {
    extern "win64" fn fail(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        finish(irp, status::INVALID_PARAMETER, 0)
    }
    clean(|| {
        let port = device("port", fail, None);
        let null = core::ptr::null_mut();
        let buffers = Buffers { input: null, input_length: 0, output: null, output_length: 0 };
        let (returned, block) = control(port, 0x0022_2000, buffers);
        assert_eq!((returned, block.Status, block.Information), (status::INVALID_PARAMETER, 0x55, 0x55));
    });
}

#[test]
fn the_pending_bit_is_in_the_current_location() {
    clean(|| {
        let irp = allocate_irp(1);
        set_next_location(irp);
        mark_pending(irp);
        assert_eq!(get!(current(irp), Control), SL_PENDING_RETURNED);
        skip(irp);
        free_irp(irp);
    });
}

#[test]
fn success_at_once_leaves_nothing_to_come() {
    extern "win64" fn succeed_raised(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        let old = nt_machine::irql::raise(2);
        finish(irp, status::SUCCESS, 7);
        nt_machine::irql::lower(old);
        status::SUCCESS
    }
    let routines: [crate::layout::DRIVER_DISPATCH; 2] = [succeed, succeed_raised];
    for routine in routines {
        clean(move || {
            let port = device("port", routine, None);
            let null = core::ptr::null_mut();
            let buffers = Buffers { input: null, input_length: 0, output: null, output_length: 0 };
            let mut block = IO_STATUS_BLOCK { Status: 0x55, Information: 0x55 };
            let irp = build_device_control(port, 0x0022_2003, false, buffers, core::ptr::null_mut(), &raw mut block);
            irp::with(irp, |known| known.output = None);
            assert_eq!(call_driver(port, irp), status::SUCCESS);
            assert!(!irp::is_live(irp));
            assert_eq!((block.Status, block.Information), (status::SUCCESS, 7));
        });
    }
}
