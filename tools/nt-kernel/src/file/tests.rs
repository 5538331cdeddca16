//! Requests of programs against small drivers.

use core::ffi::c_void;
use std::cell::{Cell, RefCell};

use nt_machine::findings::Rule;
use nt_machine::threads;

use super::*;
use crate::layout::*;
use crate::testing::{clean, device, found};
use crate::{get, io, mdl, names, objects, put, raw, status, sync};

thread_local! {
    static SEEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static HELD: Cell<usize> = const { Cell::new(0) };
}

fn finish(irp: *mut IRP, result: i32, information: usize) -> i32 {
    put!(irp, IoStatus.Status, result);
    put!(irp, IoStatus.Information, information);
    io::complete(irp, 0);
    result
}

/// Serves codes that tell by their function number what to do.
extern "win64" fn serve(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    let own = io::current(irp);
    let major = get!(own, MajorFunction);
    SEEN.with_borrow_mut(|seen| seen.push(major));
    match major {
        IRP_MJ_DEVICE_CONTROL => control(irp, own),
        IRP_MJ_READ => {
            let length = get!(own, Parameters.Read.Length);
            let map = mdl::map(get!(irp, MdlAddress));
            raw::fill(map, get!(own, Parameters.Read.ByteOffset) as u8, length as usize);
            finish(irp, status::SUCCESS, length as usize)
        }
        IRP_MJ_WRITE => {
            let list = get!(irp, MdlAddress);
            let bytes = raw::bytes(mdl::map(list), get!(list, ByteCount) as usize);
            finish(irp, if bytes == b"written" { status::SUCCESS } else { status::UNSUCCESSFUL }, bytes.len())
        }
        _ => finish(irp, status::SUCCESS, 0),
    }
}

fn control(irp: *mut IRP, own: *mut IO_STACK_LOCATION) -> i32 {
    let code = get!(own, Parameters.DeviceIoControl.IoControlCode);
    let input = get!(own, Parameters.DeviceIoControl.InputBufferLength) as usize;
    let output = get!(own, Parameters.DeviceIoControl.OutputBufferLength) as usize;
    let buffer = get!(irp, SystemBuffer).cast::<u8>();
    match code >> 2 & 0xFFF {
        // Turns the input round.
        1 => {
            let mut bytes = raw::bytes(buffer, input);
            bytes.reverse();
            raw::put_bytes(buffer, &bytes[..output.min(input)]);
            finish(irp, status::SUCCESS, output.min(input))
        }
        2 => finish(irp, status::SUCCESS, output + 1),
        3 => finish(irp, status::VERIFY_REQUIRED, output),
        4 => finish(irp, status::IO_DEVICE_ERROR, output),
        // Direct: fills the caller's pages.
        5 => {
            let list = get!(irp, MdlAddress);
            raw::fill(mdl::map(list), 0x42, get!(list, ByteCount) as usize);
            finish(irp, status::SUCCESS, output)
        }
        // Neither: the raw pointers.
        6 => {
            let from = get!(own, Parameters.DeviceIoControl.Type3InputBuffer).cast::<u8>();
            raw::copy_bytes(from, get!(irp, UserBuffer).cast(), input.min(output));
            finish(irp, status::SUCCESS, input.min(output))
        }
        // Waits for its cancellation.
        7 => {
            io::mark_pending(irp);
            io::set_cancel_routine(irp, Some(cancelled));
            HELD.set(irp as usize);
            status::PENDING
        }
        // One byte too far.
        8 => {
            raw::write(buffer.wrapping_add(input.max(output)), 1);
            finish(irp, status::SUCCESS, 0)
        }
        _ => finish(irp, status::INVALID_DEVICE_REQUEST, 0),
    }
}

extern "win64" fn cancelled(_device: *mut DEVICE_OBJECT, irp: *mut IRP) {
    io::release_cancel_lock(get!(irp, CancelIrql));
    finish(irp, status::CANCELLED, 0);
}

fn target() -> *mut DEVICE_OBJECT {
    let device = device("target", serve, None);
    put!(device, Flags, get!(device, Flags) | DO_DIRECT_IO);
    device
}

fn wait(pending: &Pending) -> Outcome {
    threads::block("a request", None, &|| pending.done());
    pending.result().unwrap()
}

/// A device control's code: function, method, access.
const fn code(function: u32, method: u32, access: u32) -> u32 {
    0x22 << 16 | access << 14 | function << 2 | method
}

fn ask(device: *mut DEVICE_OBJECT, code: u32, input: &[u8], output: u32) -> Outcome {
    let operation =
        Operation::DeviceControl { code, input: input.to_vec(), output, content: Vec::new(), internal: false };
    wait(&submit(device, None, operation, RequestOptions::default()))
}

#[test]
fn buffered_output_comes_back_by_information() {
    clean(|| {
        let device = target();
        let outcome = ask(device, code(1, 0, 0), b"abc", 5);
        assert_eq!((outcome.status, outcome.information), (status::SUCCESS, 3));
        assert_eq!(outcome.output, b"cba\xA5\xA5");
        assert_eq!(outcome.system_buffer, b"cba\xA5\xA5");
        let outcome = ask(device, code(1, 0, 0), b"abc", 2);
        assert_eq!((outcome.output.as_slice(), outcome.system_buffer.as_slice()), (&b"cb"[..], &b"cbc"[..]));
    });
}

#[test]
fn errors_and_verify_bring_nothing_back() {
    clean(|| {
        let device = target();
        for (function, expected) in [(3, status::VERIFY_REQUIRED), (4, status::IO_DEVICE_ERROR)] {
            let outcome = ask(device, code(function, 0, 0), b"abcd", 4);
            assert_eq!((outcome.status, outcome.output.as_slice()), (expected, &[0xA5; 4][..]));
        }
    });
}

#[test]
fn the_other_methods_reach_the_callers_memory() {
    clean(|| {
        let device = target();
        assert_eq!(ask(device, code(5, 2, 0), b"in", 3).output, [0x42; 3]);
        assert_eq!(ask(device, code(6, 3, 0), b"abc", 3).output, b"abc");
        let read = |page_offset| {
            let operation = Operation::Read { offset: 0x33, length: 0x1800 };
            let options = RequestOptions { page_offset, ..RequestOptions::default() };
            wait(&submit(device, None, operation, options))
        };
        for page_offset in [None, Some(0xFF0)] {
            let outcome = read(page_offset);
            assert_eq!((outcome.information, outcome.output), (0x1800, vec![0x33; 0x1800]));
        }
        let write = Operation::Write { offset: 0, data: b"written".to_vec() };
        assert_eq!(wait(&submit(device, None, write, RequestOptions::default())).status, status::SUCCESS);
        crate::testing::nothing_left_of_requests();
    });
}

#[test]
fn access_is_checked_for_programs() {
    clean(|| {
        let device = target();
        let file = wait(&open(device, 1)).file.unwrap();
        assert_eq!(get!(device, ReferenceCount), 1);
        let ask = |access, kernel| {
            let code = code(1, 0, access);
            let operation =
                Operation::DeviceControl { code, input: Vec::new(), output: 0, content: Vec::new(), internal: false };
            wait(&submit(device, Some(file), operation, RequestOptions { kernel, ..RequestOptions::default() }))
        };
        assert_eq!(ask(1, false).status, status::SUCCESS);
        let refused = ask(3, false);
        assert_eq!((refused.status, refused.refused), (status::ACCESS_DENIED, true));
        assert_eq!(ask(3, true).status, status::SUCCESS);
        SEEN.take();
        wait(&file.close());
        assert_eq!(SEEN.take(), [IRP_MJ_CLEANUP, IRP_MJ_CLOSE]);
        assert_eq!(get!(device, ReferenceCount), 0);
    });
}

#[test]
fn close_comes_with_the_last_reference() {
    clean(|| {
        let device = target();
        let file = wait(&open(device, 3)).file.unwrap();
        objects::reference(file.object.cast());
        SEEN.take();
        wait(&file.close());
        sync::delay(-1000);
        assert_eq!(SEEN.take(), [IRP_MJ_CLEANUP]);
        objects::dereference(file.object.cast());
        sync::delay(-1000);
        assert_eq!(SEEN.take(), [IRP_MJ_CLOSE]);
    });
}

#[test]
fn a_device_is_found_by_its_name() {
    clean(|| {
        let driver = crate::testing::driver("named", serve);
        let device = io::create_device(driver, 0, Some(r"\Device\Named"), 0x22, 0).unwrap();
        put!(device, Flags, get!(device, Flags) & !DO_DEVICE_INITIALIZING);
        assert_eq!(names::create_symbolic_link(r"\??\N:", r"\Device\Named"), status::SUCCESS);
        let (file, top) = open_by_name(r"\DosDevices\N:", 1).unwrap();
        assert_eq!(top, device);
        assert_eq!(open_by_name(r"\??\O:", 1), Err(status::OBJECT_NAME_NOT_FOUND));
        objects::dereference(file.cast());
    });
}

#[test]
fn a_pending_request_is_cancelled() {
    clean(|| {
        HELD.set(0);
        let device = target();
        let operation = Operation::DeviceControl {
            code: code(7, 0, 0),
            input: Vec::new(),
            output: 0,
            content: Vec::new(),
            internal: false,
        };
        let pending = submit(device, None, operation, RequestOptions::default());
        threads::block("the request", None, &|| HELD.get() != 0);
        assert_eq!(pending.irp() as usize, HELD.get());
        pending.cancel();
        let outcome = wait(&pending);
        assert_eq!((outcome.status, outcome.pended), (status::CANCELLED, true));
        assert!(pending.irp().is_null());
        // Cancelling what is over does nothing.
        pending.cancel();
        sync::delay(-1000);
    });
}

#[test]
fn too_much_information_is_found() {
    found(Rule::Information, "completed with Information 5, and the caller's buffer has 4 bytes", || {
        ask(target(), code(2, 0, 0), &[], 4);
    });
}

#[test]
fn a_write_past_the_system_buffer_is_found() {
    // Blocks of a kind take turns at the edges of their pages: the second lies against the other one.
    found(Rule::OutOfBounds, "", || {
        let device = target();
        for _ in 0..2 {
            ask(device, code(8, 0, 0), b"abcd", 16);
        }
    });
}

#[test]
fn the_requestor_can_be_told() {
    extern "win64" fn judge(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
        let thread = threads::thread_object(threads::current()).cast::<c_void>();
        assert_eq!(get!(irp, Thread), thread);
        let own = io::current(irp);
        let wow64 = io::irp::with(irp, |known| known.wow64).unwrap();
        let all = [get!(irp, RequestorMode), get!(own, Flags), get!(own, MinorFunction), u8::from(wow64)];
        SEEN.set(all.to_vec());
        finish(irp, status::SUCCESS, 0)
    }
    clean(|| {
        let device = device("judge", judge, None);
        let options = RequestOptions { wow64: true, location_flags: 2, minor: 1, ..RequestOptions::default() };
        wait(&submit(device, None, Operation::Flush, options));
        assert_eq!(SEEN.take(), [1, 2, 1, 1]);
        let options = RequestOptions { kernel: true, ..RequestOptions::default() };
        wait(&submit(device, None, Operation::Flush, options));
        assert_eq!(SEEN.take(), [0, 0, 0, 0]);
    });
}
