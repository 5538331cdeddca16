//! IRPs that a test sends.

use std::cell::Cell;
use std::ffi::c_void;
use std::rc::Rc;

use nt_kernel::layout::{DEVICE_OBJECT, FILE_OBJECT, IRP};
use nt_kernel::{field, get, io, put, raw};

use super::wdf;
use crate::objects::Handle;
use crate::status;

/// An IRP that a test sent to a device.
pub struct Sent {
    /// The IRP, until it is freed.
    pub irp: *mut IRP,
    /// What the dispatch routine returned.
    pub returned: i32,
    done: Rc<Cell<Option<(i32, usize)>>>,
}

extern "win64" fn came_back(_: *mut DEVICE_OBJECT, irp: *mut IRP, context: *mut c_void) -> i32 {
    // SAFETY: the context is the cell that `send` leaked a reference of.
    let done = unsafe { Rc::from_raw(context.cast::<Cell<Option<(i32, usize)>>>()) };
    assert!(done.get().is_none(), "completed twice");
    done.set(Some((get!(irp, IoStatus.Status), get!(irp, IoStatus.Information))));
    status::MORE_PROCESSING_REQUIRED
}

impl Sent {
    /// Status and information, once completed.
    pub fn outcome(&self) -> Option<(i32, usize)> {
        self.done.get()
    }

    /// Status, once completed.
    pub fn status(&self) -> Option<i32> {
        self.done.get().map(|(status, _)| status)
    }

    /// Cancels it.
    pub fn cancel(&self) -> bool {
        io::cancel(self.irp)
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if self.done.get().is_some() {
            io::free_irp(self.irp);
        }
    }
}

/// Sends an IRP to the top of a device's stack; `fill` sets parameters in the next stack location.
pub fn send(device: Handle, major: u8, fill: impl FnOnce(*mut IRP)) -> Sent {
    let wdm: *mut DEVICE_OBJECT = wdf!(WdfDeviceWdmGetDeviceObject, device);
    send_to(wdm, major, fill)
}

/// As [`send`], to a WDM device.
pub fn send_to(wdm: *mut DEVICE_OBJECT, major: u8, fill: impl FnOnce(*mut IRP)) -> Sent {
    let irp = io::allocate_irp(get!(wdm, StackSize));
    let next = io::next(irp);
    put!(next, MajorFunction, major);
    fill(irp);
    let done = Rc::new(Cell::new(None));
    let context = Rc::into_raw(Rc::clone(&done)).cast_mut().cast();
    io::set_completion(irp, came_back, context, true, true, true);
    let returned = io::call_driver(wdm, irp);
    Sent { irp, returned, done }
}

/// A device control without buffers.
pub fn send_control(device: Handle, code: u32) -> Sent {
    send(device, 0xE, |irp| {
        let next = io::next(irp);
        put!(next, Parameters.DeviceIoControl.IoControlCode, code);
    })
}

/// A read of that many bytes.
pub fn send_read(device: Handle, length: u32) -> Sent {
    send(device, 3, |irp| put!(io::next(irp), Parameters.Read.Length, length))
}

/// A create, cleanup or close of a file object.
pub fn send_file(device: Handle, major: u8, file: *mut FILE_OBJECT) -> Sent {
    send(device, major, |irp| put!(io::next(irp), FileObject, file))
}

/// Memory for a file object; it is never freed.
pub fn file_object() -> *mut FILE_OBJECT {
    let block = Box::leak(Box::new([0_u64; size_of::<FILE_OBJECT>() / 8]));
    let file: *mut FILE_OBJECT = block.as_mut_ptr().cast();
    raw::write(field!(file, Type), 5_i16);
    file
}
