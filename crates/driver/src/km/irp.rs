//! Fields of IRPs and their stack locations: all access to them is here.
//!
//! Members inside anonymous unions are reached by their offset, since bindings of different kits number those unions
//! differently; the offsets are part of the system's binary interface.

use core::mem::offset_of;
use core::ptr::null_mut;

use wdk_sys::ntddk::{IofCompleteRequest, PsIsThreadTerminating};
use wdk_sys::{IO_STACK_LOCATION, IRP, NTSTATUS, PETHREAD, PIO_COMPLETION_ROUTINE, PIRP, PMDL, PVOID};

use crate::km::mdl::Mdl;

/// `Tail.Overlay.CurrentStackLocation`.
const CURRENT_STACK_LOCATION: usize = 0xB8;
/// `Tail.Overlay.Thread`.
const THREAD: usize = 0x98;
/// `AssociatedIrp.SystemBuffer`.
const SYSTEM_BUFFER: usize = 0x18;
const _: () = assert!(size_of::<IRP>() == 0xD0 && offset_of!(IRP, AssociatedIrp) == SYSTEM_BUFFER);
const _: () = assert!(offset_of!(IRP, IoStatus) == 0x30 && offset_of!(IRP, Tail) == 0x78);
const _: () = assert!(size_of::<IO_STACK_LOCATION>() == 0x48 && offset_of!(IO_STACK_LOCATION, Parameters) == 8);

/// `IRP_PAGING_IO | IRP_SYNCHRONOUS_PAGING_IO` of `Flags`.
const PAGING: u32 = 0x02 | 0x40;

/// `SL_INVOKE_ON_CANCEL | SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR` of a location's Control.
const INVOKE_ALWAYS: u8 = 0xE0;

/// An IRP that this driver holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Irp(PIRP);

impl Irp {
    /// The IRP behind `pointer`.
    ///
    /// # Safety
    /// It is one, and this driver holds it for as long as the value is used.
    pub const unsafe fn new(pointer: PIRP) -> Self {
        Self(pointer)
    }

    /// The pointer, for calls.
    pub const fn as_ptr(self) -> PIRP {
        self.0
    }

    fn field<T>(self, offset: usize) -> *mut T {
        self.0.wrapping_byte_add(offset).cast()
    }

    /// Whether somebody has asked for it to end early.
    pub fn is_cancelled(self) -> bool {
        // SAFETY: a held IRP.
        let cancel = unsafe { &raw const (*self.0).Cancel };
        // SAFETY: as above; another processor may set it.
        unsafe { cancel.read_volatile() != 0 }
    }

    /// Whether RequestorMode is KernelMode.
    pub fn kernel_mode(self) -> bool {
        // SAFETY: a held IRP.
        unsafe { (*self.0).RequestorMode == 0 }
    }

    /// Whether it moves pages of memory.
    pub fn paging(self) -> bool {
        // SAFETY: a held IRP.
        unsafe { (*self.0).Flags & PAGING != 0 }
    }

    fn thread(self) -> PETHREAD {
        // SAFETY: a held IRP, in which this member lies at this place.
        unsafe { self.field::<PETHREAD>(THREAD).read() }
    }

    /// Whether it belongs to a thread.
    pub fn has_thread(self) -> bool {
        !self.thread().is_null()
    }

    /// Whether the thread that it belongs to is ending.
    pub fn thread_is_terminating(self) -> bool {
        // SAFETY: a thread lives as long as the IRPs that belong to it.
        self.has_thread() && unsafe { PsIsThreadTerminating(self.thread()) } != 0
    }

    /// AssociatedIrp.SystemBuffer.
    pub fn system_buffer(self) -> *mut u8 {
        // SAFETY: a held IRP, in which this member lies at this place.
        unsafe { self.field::<*mut u8>(SYSTEM_BUFFER).read() }
    }

    /// Sets AssociatedIrp.SystemBuffer of an IRP that this driver allocated.
    pub fn set_system_buffer(self, buffer: *mut u8) {
        // SAFETY: a held IRP, in which this member lies at this place.
        unsafe { self.field::<*mut u8>(SYSTEM_BUFFER).write(buffer) };
    }

    /// MdlAddress.
    pub fn mdl(self) -> Option<Mdl> {
        // SAFETY: a held IRP.
        let mdl: PMDL = unsafe { (*self.0).MdlAddress };
        // SAFETY: the I/O manager or the sender locked its pages, and it lives until the IRP is completed.
        unsafe { Mdl::new(mdl) }
    }

    /// IoStatus.Status.
    pub fn status(self) -> NTSTATUS {
        // SAFETY: a held IRP; the status is the first member of IoStatus.
        unsafe { self.field::<NTSTATUS>(offset_of!(IRP, IoStatus)).read() }
    }

    /// Sets IoStatus.Status.
    pub fn set_status(self, status: NTSTATUS) {
        // SAFETY: a held IRP; the status is the first member of IoStatus.
        unsafe { self.field::<NTSTATUS>(offset_of!(IRP, IoStatus)).write(status) };
    }

    /// Completes it. It must not be used after that.
    pub fn complete(self, status: NTSTATUS) -> NTSTATUS {
        self.set_status(status);
        // SAFETY: this driver holds it, no cancel routine is set, and the caller lets go of it.
        unsafe { IofCompleteRequest(self.0, 0) };
        status
    }

    /// The location of the driver that holds it.
    pub fn location(self) -> Location {
        // SAFETY: a held IRP, in which this member lies at this place.
        Location(unsafe { self.field::<*mut IO_STACK_LOCATION>(CURRENT_STACK_LOCATION).read() })
    }

    /// The location of the next lower driver.
    pub fn next_location(self) -> Location {
        Location(self.location().0.wrapping_sub(1))
    }
}

/// A stack location of an IRP that this driver holds.
#[derive(Clone, Copy)]
pub struct Location(*mut IO_STACK_LOCATION);

/// `Parameters.DeviceIoControl`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ControlParameters {
    /// OutputBufferLength.
    pub output_length: u32,
    _pad: u32,
    /// InputBufferLength.
    pub input_length: u32,
    _pad2: u32,
    /// IoControlCode.
    pub code: u32,
    _pad3: u32,
    /// Type3InputBuffer.
    pub type3_input: *mut u8,
}

/// `Parameters.Read` and `Parameters.Write`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TransferParameters {
    /// Length.
    pub length: u32,
    _pad: u32,
    _key: u32,
    _pad2: u32,
    /// ByteOffset.
    pub offset: i64,
}

impl Location {
    /// MajorFunction.
    pub fn major(self) -> u8 {
        // SAFETY: a live location.
        unsafe { (*self.0).MajorFunction }
    }

    /// MinorFunction.
    pub fn minor(self) -> u8 {
        // SAFETY: a live location.
        unsafe { (*self.0).MinorFunction }
    }

    /// Sets MinorFunction.
    pub fn set_minor(self, minor: u8) {
        // SAFETY: a live location of ours.
        unsafe { (*self.0).MinorFunction = minor };
    }

    /// Flags.
    pub fn flags(self) -> u8 {
        // SAFETY: a live location.
        unsafe { (*self.0).Flags }
    }

    fn parameters<T>(self) -> *mut T {
        self.0.wrapping_byte_add(offset_of!(IO_STACK_LOCATION, Parameters)).cast()
    }

    /// Parameters of a device control.
    pub fn control(self) -> ControlParameters {
        // SAFETY: a live location; the parameters have this shape, and any bytes are values of it.
        unsafe { self.parameters::<ControlParameters>().read() }
    }

    /// Parameters of a read or write.
    pub fn transfer(self) -> TransferParameters {
        // SAFETY: as above.
        unsafe { self.parameters::<TransferParameters>().read() }
    }

    /// Parameters.Scsi.Srb.
    pub fn srb(self) -> PVOID {
        // SAFETY: as above.
        unsafe { self.parameters::<PVOID>().read() }
    }

    /// A copy of the location, to be changed and passed on: without the completion routine, which is that of the
    /// driver above.
    pub fn copy(self) -> IO_STACK_LOCATION {
        // SAFETY: a live location.
        let location = unsafe { self.0.read() };
        IO_STACK_LOCATION { Control: 0, CompletionRoutine: None, Context: null_mut(), ..location }
    }

    /// Writes the next location of an IRP that this driver allocated, with a routine that is called in every case.
    pub fn write(self, mut location: IO_STACK_LOCATION, routine: PIO_COMPLETION_ROUTINE, context: PVOID) {
        location.CompletionRoutine = routine;
        location.Context = context;
        location.Control = INVOKE_ALWAYS;
        // SAFETY: the next location of an IRP with enough of them.
        unsafe { self.0.write(location) };
    }
}

/// A location for a device control.
pub fn control_location(minor: u8, code: u32, input_length: u32, output_length: u32) -> IO_STACK_LOCATION {
    let mut location = empty_location(0x0E, minor);
    let control =
        ControlParameters { output_length, _pad: 0, input_length, _pad2: 0, code, _pad3: 0, type3_input: null_mut() };
    // SAFETY: a location of our own, whose parameters have room for this.
    unsafe { Location(&raw mut location).parameters::<ControlParameters>().write(control) };
    location
}

/// A location for an internal device control that carries `srb`. `code` lies where a control code lies.
pub fn srb_location(minor: u8, code: u32, srb: PVOID) -> IO_STACK_LOCATION {
    let mut location = empty_location(0x0F, minor);
    let place = Location(&raw mut location);
    // SAFETY: a location of our own: the third word of the parameters.
    unsafe { place.parameters::<u64>().wrapping_add(2).write(u64::from(code)) };
    // SAFETY: a location of our own: the first word of the parameters.
    unsafe { place.parameters::<PVOID>().write(srb) };
    location
}

fn empty_location(major: u8, minor: u8) -> IO_STACK_LOCATION {
    IO_STACK_LOCATION { MajorFunction: major, MinorFunction: minor, ..IO_STACK_LOCATION::default() }
}
