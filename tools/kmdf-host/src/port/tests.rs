//! The port through requests, as a class driver above it sees it.

use std::cell::Cell;
use std::rc::Rc;

use drive_formats::Adapter;
use drive_formats::record::Sent as Recorded;
use nt_kernel::io::{self, Sent};
use nt_kernel::layout::{DEVICE_OBJECT, IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL};
use nt_kernel::{Kernel, get, put, raw, status};
use nt_machine::memory::{self, Kind};
use nt_machine::{Machine, findings, irql, threads, time};
use virtual_drive::script::ScriptDrive;

use super::srb::{self, Srb, flags, function, srb_status};
use super::{Unit, install, minor, with};
use crate::thread;

struct Rig {
    pdo: *mut DEVICE_OBJECT,
    _kernel: Kernel,
    _machine: Machine,
}

const SCRIPT: &str = "{\"cdb\": \"00\", \"sense\": \"02/3A/01\"}\n{\"cdb\": \"25\", \"data\": \"0000012300000800\"}\n\
                      {\"cdb\": \"1B\", \"delay_ms\": 5000}\n{\"cdb\": \"2A\"}\n{\"cdb\": \"12\", \"data\": \"05800532\"}";

fn rig() -> Rig {
    let machine = Machine::new(&nt_machine::Options::default());
    let kernel = Kernel::new(nt_kernel::Options::default());
    let drive = ScriptDrive::parse("drive", SCRIPT).unwrap();
    let pdo = install(Unit::new(Box::new(drive), Adapter::default())).unwrap();
    Rig { pdo, _kernel: kernel, _machine: machine }
}

impl Drop for Rig {
    fn drop(&mut self) {
        super::uninstall();
    }
}

/// Device control with `input` in a system buffer with room for `output` bytes; gives the buffer after it too.
fn control(pdo: *mut DEVICE_OBJECT, code: u32, minor: u8, input: &[u8], output: usize) -> (Sent, Vec<u8>) {
    let input = input.to_vec();
    thread::call("a driver", move || {
        let room = input.len().max(output);
        let buffer = memory::allocate(Kind::NonPagedPool, room, 8, 0, "system buffer");
        raw::fill(buffer, 0xA5, room);
        raw::put_bytes(buffer, &input);
        let sent = io::send(pdo, |irp, stack| {
            put!(irp, SystemBuffer, buffer.cast());
            put!(stack, MajorFunction, IRP_MJ_DEVICE_CONTROL);
            put!(stack, MinorFunction, minor);
            put!(stack, Parameters.DeviceIoControl.IoControlCode, code);
            put!(stack, Parameters.DeviceIoControl.InputBufferLength, u32::try_from(input.len()).unwrap());
            put!(stack, Parameters.DeviceIoControl.OutputBufferLength, u32::try_from(output).unwrap());
        });
        let bytes = raw::bytes(buffer, room);
        memory::free(buffer);
        (sent, bytes)
    })
    .unwrap()
}

/// A pass-through structure: block, length of data in, data, time-out 10 s, 18 bytes of sense behind the structure.
fn pass_through(cdb: &[u8], length: u32, data: u64) -> Vec<u8> {
    let mut structure = vec![0; 0x38];
    structure[0] = 0x38;
    structure[6] = u8::try_from(cdb.len()).unwrap();
    (structure[7], structure[8], structure[0x10], structure[0x20]) = (18, 1, 10, 0x38);
    structure[0x0C..0x10].copy_from_slice(&length.to_le_bytes());
    structure[0x18..0x20].copy_from_slice(&data.to_le_bytes());
    structure[0x24..0x24 + cdb.len()].copy_from_slice(cdb);
    structure
}

const BUFFERED: u32 = 0x0004_D004;
const DIRECT: u32 = 0x0004_D014;

#[test]
fn buffered_pass_through_brings_data_and_sense() {
    let rig = rig();
    let (sent, out) = control(rig.pdo, BUFFERED, 1, &pass_through(&[0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8, 0x50), 0x58);
    assert_eq!((sent.status, sent.information), (status::SUCCESS, 0x58));
    assert_eq!((&out[0x50..0x58], out[0x0C]), (&[0, 0, 1, 0x23, 0, 0, 8, 0][..], 8));
    let (sent, out) = control(rig.pdo, BUFFERED, 1, &pass_through(&[0; 6], 0, 0), 0x58);
    assert_eq!((sent.status, sent.information), (status::SUCCESS, 0x4A), "a CHECK CONDITION is a success");
    assert_eq!((out[2], out[7], out[0x38], out[0x38 + 12]), (2, 18, 0x70, 0x3A));
    let (sent, out) = control(rig.pdo, BUFFERED, 1, &pass_through(&[0x12, 0, 0, 0, 8, 0], 8, 0x50), 0x58);
    assert_eq!((sent.status, sent.information, out[0x0C]), (status::SUCCESS, 0x54, 4), "a short answer is a success");
    assert!(!findings::any());
}

#[test]
fn direct_pass_through_reaches_memory_that_the_requestor_may_use() {
    let rig = rig();
    let data = memory::allocate(Kind::PagedPool, 8, 2, 0, "data");
    let structure = pass_through(&[0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8, data.expose_provenance() as u64);
    let (sent, _) = control(rig.pdo, DIRECT, 1, &structure, 0x4A);
    assert_eq!((sent.status, sent.information), (status::SUCCESS, 0x38));
    assert_eq!(raw::bytes(data, 8), [0, 0, 1, 0x23, 0, 0, 8, 0]);
    memory::free(data);
    assert!(!findings::any());
    let (sent, _) = control(rig.pdo, DIRECT, 1, &structure, 0x4A);
    assert_eq!(sent.status, status::INSUFFICIENT_RESOURCES);
    assert!(findings::take()[0].text.contains("not accessible"), "a driver's own request must be in order");
}

#[test]
fn a_claimed_device_takes_requests_of_its_class_driver_only() {
    let rig = rig();
    let structure = pass_through(&[0; 6], 0, 0);
    assert_eq!(control(rig.pdo, BUFFERED, 0, &structure, 0x58).0.status, status::SUCCESS);
    with(|port| port.claimed = true);
    assert_eq!(control(rig.pdo, BUFFERED, 0, &structure, 0x58).0.status, status::INVALID_DEVICE_REQUEST);
    assert_eq!(control(rig.pdo, BUFFERED, 1, &structure, 0x58).0.status, status::SUCCESS);
}

#[test]
fn controls_answer_as_a_stock_port() {
    let rig = rig();
    let query = |property: u32, kind: u32| [property.to_le_bytes(), kind.to_le_bytes(), [0; 4]].concat();
    for (code, input, output, expected) in [
        (0x002D_1400, query(1, 0), 32, (status::SUCCESS, 32)),
        (0x002D_1400, query(0, 0), 8, (status::SUCCESS, 8)),
        (0x002D_1400, query(1, 1), 0, (status::SUCCESS, 0)),
        (0x002D_1400, query(3, 0), 32, (status::INVALID_PARAMETER_1, 0)),
        (0x002D_1400, query(1, 2), 32, (status::INVALID_PARAMETER_2, 0)),
        (0x002D_1400, vec![0; 11], 32, (status::INVALID_PARAMETER, 0)),
        (0x0004_1018, vec![], 8, (status::SUCCESS, 8)),
        (0x0004_1018, vec![], 7, (status::BUFFER_TOO_SMALL, 0)),
        (0x0004_1010, vec![], 24, (status::INVALID_DEVICE_REQUEST, 0)),
        (0x0004_D008, vec![], 0, (status::NOT_IMPLEMENTED, 0)),
        (0x0004_D048, vec![0; 0x40], 0x40, (status::NOT_SUPPORTED, 0)),
    ] {
        let (sent, _) = control(rig.pdo, code, 0, &input, output);
        assert_eq!((sent.status, sent.information), expected, "{code:#x} {input:?}");
    }
}

/// An SRB in a block of its own, with its sense buffer behind it.
fn new_srb(function: u8, cdb: &[u8], set: u32) -> *mut Srb {
    let srb: *mut Srb = memory::allocate(Kind::NonPagedPool, srb::SIZE + 18, 8, 0, "SRB").cast();
    raw::fill(srb.cast(), 0, srb::SIZE + 18);
    put!(srb, Length, u16::try_from(srb::SIZE).unwrap());
    put!(srb, Function, function);
    put!(srb, CdbLength, u8::try_from(cdb.len()).unwrap());
    put!(srb, SrbFlags, set);
    put!(srb, TimeOutValue, 10);
    put!(srb, SenseInfoBuffer, srb.cast::<u8>().wrapping_add(srb::SIZE).cast());
    put!(srb, SenseInfoBufferLength, 18);
    raw::put_bytes(nt_kernel::field!(srb, Cdb).cast(), cdb);
    srb
}

/// Sends an SRB; `list` describes its data.
fn send_srb(pdo: *mut DEVICE_OBJECT, srb: *mut Srb, list: *mut nt_kernel::layout::MDL) -> Sent {
    io::send(pdo, |irp, stack| {
        put!(irp, MdlAddress, list);
        put!(srb, OriginalRequest, irp);
        put!(stack, MajorFunction, IRP_MJ_INTERNAL_DEVICE_CONTROL);
        put!(stack, Parameters.Others.Argument1, srb.cast());
    })
}

fn on_thread<R: 'static>(work: impl FnOnce() -> R + 'static) -> R {
    thread::call("a driver", work).unwrap()
}

#[test]
fn an_srb_moves_data_through_the_mdl() {
    let rig = rig();
    let pdo = rig.pdo;
    on_thread(move || {
        let data = memory::allocate(Kind::NonPagedPool, 16, 4, 0, "data");
        let list = nt_kernel::mdl::allocate(data, 16);
        nt_kernel::mdl::build_nonpaged(list);
        let srb = new_srb(function::EXECUTE, &[0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], flags::DATA_IN);
        // Four bytes into the list.
        put!(srb, DataBuffer, data.wrapping_add(4).cast());
        put!(srb, DataTransferLength, 12);
        let sent = send_srb(pdo, srb, list);
        assert_eq!((sent.status, sent.information), (status::SUCCESS, 8));
        assert_eq!((get!(srb, SrbStatus), get!(srb, DataTransferLength)), (srb_status::SUCCESS, 8));
        assert_eq!(raw::bytes(data, 12)[4..], [0, 0, 1, 0x23, 0, 0, 8, 0]);
        put!(srb, DataBuffer, data.wrapping_add(8).cast());
        put!(srb, DataTransferLength, 12);
        assert_eq!(send_srb(pdo, srb, list).status, status::INVALID_PARAMETER);
        nt_kernel::mdl::free(list);
    });
    assert!(findings::take()[0].text.contains("beyond the request's MDL"));
}

#[test]
fn an_error_freezes_the_queue_until_it_is_released() {
    let rig = rig();
    let pdo = rig.pdo;
    on_thread(move || {
        let srb = new_srb(function::EXECUTE, &[0; 6], 0);
        assert_eq!(send_srb(pdo, srb, core::ptr::null_mut()).status, status::IO_DEVICE_ERROR);
        let ended = srb_status::AUTOSENSE_VALID | srb_status::QUEUE_FROZEN | 0x04;
        assert_eq!((get!(srb, SrbStatus), get!(srb, ScsiStatus)), (ended, 2));
        assert_eq!(get!(srb, SenseInfoBufferLength), 18);
        assert!(with(|port| port.is_frozen()));
        let bypass = new_srb(function::EXECUTE, &[0; 6], flags::BYPASS_FROZEN_QUEUE | flags::NO_QUEUE_FREEZE);
        assert_eq!(send_srb(pdo, bypass, core::ptr::null_mut()).status, status::IO_DEVICE_ERROR);
        let release = new_srb(function::RELEASE_QUEUE, &[], 0);
        assert_eq!(send_srb(pdo, release, core::ptr::null_mut()).status, status::SUCCESS);
        assert!(!with(|port| port.is_frozen()));
    });
    assert!(!findings::any());
}

#[test]
fn functions_have_their_statuses() {
    let rig = rig();
    let pdo = rig.pdo;
    on_thread(move || {
        for (code, set, expected) in [
            (function::CLAIM_DEVICE, 0, (status::SUCCESS, srb_status::SUCCESS)),
            (function::CLAIM_DEVICE, 0, (status::DEVICE_BUSY, srb_status::BUSY)),
            (function::RELEASE_DEVICE, 0, (status::SUCCESS, srb_status::SUCCESS)),
            (function::RELEASE_QUEUE, 0, (status::SUCCESS, srb_status::SUCCESS)),
            (function::FLUSH_QUEUE, 0, (status::INVALID_DEVICE_REQUEST, srb_status::INVALID_REQUEST)),
            (function::FLUSH, 0, (status::SUCCESS, srb_status::SUCCESS)),
            (function::LOCK_QUEUE, 0, (status::SUCCESS, srb_status::SUCCESS)),
            (function::UNLOCK_QUEUE, flags::BYPASS_LOCKED_QUEUE, (status::SUCCESS, srb_status::SUCCESS)),
            (function::QUIESCE_DEVICE, 0, (status::SUCCESS, srb_status::SUCCESS)),
            (0x55, 0, (status::NOT_IMPLEMENTED, srb_status::BAD_FUNCTION)),
        ] {
            let srb = new_srb(code, &[], set);
            let sent = send_srb(pdo, srb, core::ptr::null_mut());
            assert_eq!((sent.status, get!(srb, SrbStatus)), expected, "{code:#x}");
            if code == function::CLAIM_DEVICE && sent.status == status::SUCCESS {
                assert_eq!(get!(srb, DataBuffer), pdo.cast());
            }
        }
    });
    let sent = with(|port| port.unit.recorder.take_requests());
    let code = |sent: &Recorded| match sent {
        Recorded::Function { code, .. } => Some(*code),
        Recorded::Command(_) => None,
    };
    let codes: Vec<u8> = sent.iter().filter_map(code).collect();
    assert_eq!(codes, [0x08, 0x18, 0x19, 0x1A]);
    assert!(!findings::any());
}

#[test]
fn a_command_takes_its_time_and_can_be_cancelled_in_it() {
    let rig = rig();
    let pdo = rig.pdo;
    let start = time::now();
    on_thread(move || {
        let srb = new_srb(function::EXECUTE, &[0x1B, 0, 0, 0, 1, 0], 0);
        assert_eq!(send_srb(pdo, srb, core::ptr::null_mut()).status, status::SUCCESS);
    });
    assert_eq!(time::now() - start, 5 * time::SECOND);
    let irp = Rc::new(Cell::new(core::ptr::null_mut::<nt_kernel::layout::IRP>()));
    let shown = Rc::clone(&irp);
    threads::spawn(
        "cancels",
        irql::PASSIVE,
        Box::new(move || {
            threads::block("the request", None, &|| !irp.get().is_null());
            assert!(io::cancel(irp.get()));
        }),
    );
    let status = on_thread(move || {
        let srb = new_srb(function::EXECUTE, &[0x1B, 0, 0, 0, 1, 0], 0);
        let sent = io::send(pdo, |irp, stack| {
            put!(srb, OriginalRequest, irp);
            put!(stack, MajorFunction, IRP_MJ_INTERNAL_DEVICE_CONTROL);
            put!(stack, Parameters.Others.Argument1, srb.cast());
            shown.set(irp);
        });
        assert_eq!(get!(srb, SrbStatus), srb_status::ABORTED);
        sent.status
    });
    assert_eq!(status, status::CANCELLED);
    assert!(!findings::any() && with(|port| port.outstanding()) == 0);
}

#[test]
fn a_drive_that_is_pulled_out_ends_what_is_queued() {
    let rig = rig();
    let pdo = rig.pdo;
    let first = Rc::new(Cell::new(0));
    let ended = Rc::clone(&first);
    threads::spawn(
        "a driver",
        irql::PASSIVE,
        Box::new(move || {
            let srb = new_srb(function::EXECUTE, &[0x1B, 0, 0, 0, 1, 0], 0);
            ended.set(send_srb(pdo, srb, core::ptr::null_mut()).status);
        }),
    );
    threads::settle();
    let surprise = on_thread(move || {
        io::send(pdo, |_, stack| {
            put!(stack, MajorFunction, nt_kernel::layout::IRP_MJ_PNP);
            put!(stack, MinorFunction, minor::SURPRISE_REMOVAL);
        })
        .status
    });
    threads::settle();
    assert_eq!((surprise, first.get()), (status::SUCCESS, status::DEVICE_DOES_NOT_EXIST));
}
