//! File objects and the handles of programs.

use nt_machine::irql::PASSIVE;
use nt_machine::memory::{self, Kind as MemoryKind};
use nt_machine::threads;

use super::request::{self, Operation, Outcome, Pending, RequestOptions};
use crate::layout::{
    DEVICE_OBJECT, DO_DEVICE_INITIALIZING, DO_EXCLUSIVE, FILE_OBJECT, FO_CLEANUP_COMPLETE, FO_DIRECT_DEVICE_OPEN,
    FO_HANDLE_CREATED, FO_SYNCHRONOUS_IO, IO_TYPE_FILE, LIST_ENTRY,
};
use crate::objects::{self, Kind};
use crate::{field, get, io, names, put, raw, status, sync};

/// FILE_READ_DATA.
pub(super) const READ_DATA: u32 = 0x1;
/// FILE_WRITE_DATA.
pub(super) const WRITE_DATA: u32 = 0x2;

/// A handle of a program: its file object and the access that it was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// The file object.
    pub object: *mut FILE_OBJECT,
    /// The device that was opened.
    pub device: *mut DEVICE_OBJECT,
    /// FILE_READ_DATA (1) and FILE_WRITE_DATA (2), and whatever else was asked for.
    pub access: u32,
}

/// Opens a device; the outcome's `file` is the handle.
#[must_use]
pub fn open(device: *mut DEVICE_OBJECT, access: u32) -> Pending {
    request::spawn("open", move |shared| {
        let outcome = match open_here(device, access, RequestOptions::default()) {
            Ok((file, outcome)) => Outcome { file: Some(file), ..outcome },
            Err(outcome) => outcome,
        };
        shared.finish(outcome);
    })
}

/// Opens on the running thread.
pub(super) fn open_here(
    device: *mut DEVICE_OBJECT,
    access: u32,
    options: RequestOptions,
) -> Result<(File, Outcome), Outcome> {
    if get!(device, Flags) & DO_DEVICE_INITIALIZING != 0 {
        return Err(Outcome::refused(status::NO_SUCH_DEVICE));
    }
    if get!(device, Flags) & DO_EXCLUSIVE != 0 && get!(device, ReferenceCount) != 0 {
        return Err(Outcome::refused(status::ACCESS_DENIED));
    }
    let file = File { object: make(device, access), device, access };
    io::count_open(device, 1);
    let outcome = request::perform(device, Some(file), Operation::Create, options, None);
    if status::success(outcome.status) {
        put!(file.object, Flags, get!(file.object, Flags) | FO_HANDLE_CREATED);
        return Ok((file, outcome));
    }
    // A create that failed gets neither cleanup nor close.
    end(file, false);
    Err(outcome)
}

fn make(device: *mut DEVICE_OBJECT, access: u32) -> *mut FILE_OBJECT {
    let size = size_of::<FILE_OBJECT>();
    let block = memory::allocate(MemoryKind::Object, size, 8, 0, "file object");
    raw::fill(block, 0, size);
    let object = block.cast::<FILE_OBJECT>();
    put!(object, Type, IO_TYPE_FILE);
    put!(object, Size, size as i16);
    put!(object, DeviceObject, device);
    put!(object, Vpb, get!(device, Vpb));
    put!(object, ReadAccess, u8::from(access & READ_DATA != 0));
    put!(object, WriteAccess, u8::from(access & WRITE_DATA != 0));
    for share in [field!(object, SharedRead), field!(object, SharedWrite), field!(object, SharedDelete)] {
        raw::write(share, 1);
    }
    let direct = if access & (READ_DATA | WRITE_DATA) == 0 { FO_DIRECT_DEVICE_OPEN } else { 0 };
    put!(object, Flags, FO_SYNCHRONOUS_IO | direct);
    sync::event_init(field!(object, Lock), true, true);
    sync::event_init(field!(object, Event), false, false);
    let list = field!(object, IrpList);
    raw::write(list, LIST_ENTRY { Flink: list, Blink: list });
    objects::register(block, Kind::File, &format!("file object of {}", objects::name(device.cast())));
    object
}

/// The handle goes. With the last reference IRP_MJ_CLOSE is sent, when `close` says so, and the file object ends.
fn end(file: File, close: bool) {
    objects::end(
        file.object.cast(),
        Box::new(move || {
            // The last reference may be dropped at any IRQL and anywhere; a close is sent at PASSIVE_LEVEL.
            let send = move || {
                if close {
                    request::perform(file.device, Some(file), Operation::Close, RequestOptions::default(), None);
                }
                io::count_open(file.device, -1);
                sync::check_freed(file.object as usize, size_of::<FILE_OBJECT>());
                memory::free(file.object.cast());
            };
            threads::spawn("close", PASSIVE, Box::new(send));
        }),
    );
}

impl File {
    /// Closes the handle: IRP_MJ_CLEANUP, and IRP_MJ_CLOSE once nobody has a reference to the file object.
    #[must_use]
    pub fn close(self) -> Pending {
        request::spawn("close handle", move |shared| {
            let outcome = self.clean_up();
            let last = !objects::is_referenced(self.object.cast());
            end(self, true);
            if last {
                let gone = || !memory::access(self.object as usize, 1, false);
                threads::block("the close of a file object", None, &gone);
            }
            shared.finish(outcome);
        })
    }

    fn clean_up(self) -> Outcome {
        let outcome = request::perform(self.device, Some(self), Operation::Cleanup, RequestOptions::default(), None);
        put!(self.object, Flags, get!(self.object, Flags) | FO_CLEANUP_COMPLETE);
        outcome
    }
}

/// Opens a device by name for a driver, on the running thread, as `ZwCreateFile` does. [`File::close`] closes it.
///
/// # Errors
/// `OBJECT_NAME_NOT_FOUND`, or the status of the create.
pub fn open_for_driver(name: &str, access: u32) -> Result<File, i32> {
    let device = names::find_device(name).ok_or(status::OBJECT_NAME_NOT_FOUND)?;
    let options = RequestOptions { kernel: true, ..RequestOptions::default() };
    open_here(device, access, options).map(|(file, _)| file).map_err(|outcome| outcome.status)
}

/// `IoGetDeviceObjectPointer`: opens a device by name, on the running thread, and closes the handle; a reference to the file
/// object stays the caller's, and with it the device on top of the stack.
///
/// # Errors
/// `OBJECT_NAME_NOT_FOUND`, or the status of the create.
pub fn open_by_name(name: &str, access: u32) -> Result<(*mut FILE_OBJECT, *mut DEVICE_OBJECT), i32> {
    let device = names::find_device(name).ok_or(status::OBJECT_NAME_NOT_FOUND)?;
    let options = RequestOptions { kernel: true, ..RequestOptions::default() };
    let (file, _) = open_here(device, access, options).map_err(|outcome| outcome.status)?;
    objects::reference(file.object.cast());
    file.clean_up();
    end(file, true);
    Ok((file.object, io::attached_top(device)))
}
