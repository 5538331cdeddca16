//! File objects: create, cleanup and close.

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::rc::Rc;

use nt_kernel::field;
use nt_kernel::layout::{DEVICE_OBJECT, FILE_OBJECT, IRP, UNICODE_STRING};
use nt_kernel::{get, io, put};
use nt_machine::call;

use crate::client::{Client, Globals};
use crate::device::{Device, Settings};
use crate::dispatch::{complete_irp, forward_irp};
use crate::fail::misuse;
use crate::functions::Function;
use crate::objects::{self, Body, CallbackLock, Handle, Kind, Level, ParentRule, Plan, Scope};
use crate::request::{self, Place, Request};
use crate::structs::{EvtFileCreate, EvtObject, WDF_OBJECT_ATTRIBUTES};
use crate::{queue, status};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfFileObjectGetFileName", get_file_name as *const ()),
    ("WdfFileObjectGetFlags", get_flags as *const ()),
    ("WdfFileObjectGetDevice", get_device as *const ()),
    ("WdfFileObjectWdmGetFileObject", get_wdm as *const ()),
    ("WdfFileObjectGetInitiatorProcessId", get_process_id as *const ()),
];

/// How a WDFFILEOBJECT is found from a FILE_OBJECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// There are none.
    NotRequired,
    /// By FsContext.
    FsContext,
    /// By FsContext2.
    FsContext2,
    /// By the FILE_OBJECT's address.
    Search,
}

const OPTIONAL: u32 = 0x8000_0000;
const FO_STREAM_FILE: u32 = 0x100;

fn class(value: u32) -> Option<Class> {
    match value & !OPTIONAL {
        1 if value & OPTIONAL == 0 => Some(Class::NotRequired),
        2 => Some(Class::FsContext),
        3 => Some(Class::FsContext2),
        4 => Some(Class::Search),
        _ => None,
    }
}

/// True for a file object class that a configuration may have.
#[must_use]
pub(crate) fn valid_class(value: u32) -> bool {
    class(value).is_some()
}

/// What the framework keeps of a WDFFILEOBJECT.
pub struct FileObject {
    device: Rc<Device>,
    file: *mut FILE_OBJECT,
}

impl Body for FileObject {}

/// A device's file objects and how it treats them.
pub struct DeviceFiles {
    class: Class,
    optional: bool,
    create: EvtFileCreate,
    cleanup: EvtObject,
    close: EvtObject,
    /// AutoForwardCleanupClose, with its default resolved for the device's role.
    forward: bool,
    attributes: Option<WDF_OBJECT_ATTRIBUTES>,
    level: Level,
    /// The device's lock serialises the callbacks.
    serialised: bool,
    /// File objects by the WDM object's address.
    known: RefCell<Vec<(usize, Handle)>>,
    open: Cell<usize>,
}

impl DeviceFiles {
    /// The file-object part of a device that is created.
    ///
    /// # Errors
    /// Scope and level rules.
    pub(crate) fn new(client: &Rc<Client>, settings: &Settings, device_level: Level) -> Result<DeviceFiles, i32> {
        use crate::device::DeviceKind::{Control, Filter};
        let attributes = settings.file_attributes;
        let pointer = attributes.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let plan = Plan::check_with(client, Kind::FileObject, pointer, Handle::NULL, ParentRule::Forbidden)?;
        let level = match plan.level {
            Level::Inherit if client.at_least(11) => Level::Passive,
            Level::Inherit => Level::Dispatch,
            level => level,
        };
        if plan.scope == Scope::Queue {
            return Err(status::INVALID_DEVICE_REQUEST);
        }
        let serialised = plan.scope == Scope::Device;
        if serialised && device_level == Level::Passive && level != Level::Passive {
            return Err(status::INVALID_DEVICE_REQUEST);
        }
        let config = settings.file.as_ref();
        let forward = match (settings.kind, config.map_or(2, |config| config.AutoForwardCleanupClose)) {
            (Control, _) | (_, 0) => false,
            (_, 1) => true,
            (kind, _) => kind == Filter,
        };
        Ok(DeviceFiles {
            class: config.and_then(|config| class(config.FileObjectClass)).unwrap_or(Class::NotRequired),
            optional: config.is_some_and(|config| config.FileObjectClass & OPTIONAL != 0),
            create: config.and_then(|config| config.EvtDeviceFileCreate),
            cleanup: config.and_then(|config| config.EvtFileCleanup),
            close: config.and_then(|config| config.EvtFileClose),
            forward,
            attributes,
            level,
            serialised,
            known: RefCell::new(Vec::new()),
            open: Cell::new(0),
        })
    }

    /// The WDFFILEOBJECT of a FILE_OBJECT.
    ///
    /// # Errors
    /// INVALID_DEVICE_REQUEST when a device that needs file objects gets none.
    pub fn find(&self, _device: &Device, file: *mut FILE_OBJECT) -> Result<Handle, i32> {
        if self.class == Class::NotRequired {
            return Ok(Handle::NULL);
        }
        if file.is_null() {
            return if self.optional { Ok(Handle::NULL) } else { Err(status::INVALID_DEVICE_REQUEST) };
        }
        let found = match self.class {
            Class::NotRequired => Handle::NULL,
            Class::FsContext => Handle(get!(file, FsContext) as usize),
            Class::FsContext2 => Handle(get!(file, FsContext2) as usize),
            Class::Search => {
                let known = self.known.borrow();
                known.iter().find(|(address, _)| *address == file as usize).map_or(Handle::NULL, |(_, handle)| *handle)
            }
        };
        Ok(found)
    }

    /// The file object of an I/O request; what the device did not declare possible is reported.
    pub(crate) fn of_request(&self, device: &Device, file: *mut FILE_OBJECT) -> Handle {
        match self.find(device, file) {
            Ok(handle) if !handle.is_null() || self.optional || self.class == Class::NotRequired => handle,
            _ => {
                misuse(
                    "FileObject",
                    "a request came whose FILE_OBJECT was not opened through this device, and the file object class \
                     does not say that file objects are optional",
                );
                Handle::NULL
            }
        }
    }

    fn lock(&self, device: &Device) -> Option<Rc<CallbackLock>> {
        if self.serialised { objects::lock_of(device.handle.get()) } else { None }
    }

    fn set_context(&self, file: *mut FILE_OBJECT, handle: Handle) {
        match self.class {
            Class::FsContext => put!(file, FsContext, handle.0 as *mut c_void),
            Class::FsContext2 => put!(file, FsContext2, handle.0 as *mut c_void),
            Class::NotRequired | Class::Search => {}
        }
    }
}

/// Makes the file object of a create, if the device has file objects.
fn make(device: &Rc<Device>, file: *mut FILE_OBJECT) -> Result<Handle, i32> {
    let files = &device.files;
    if files.class == Class::NotRequired {
        return Ok(Handle::NULL);
    }
    if file.is_null() && !(files.class == Class::Search && device.settings.exclusive) {
        return Err(status::DEVICE_CONFIGURATION_ERROR);
    }
    let attributes = files.attributes.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let mut plan =
        Plan::check_with(&device.client, Kind::FileObject, attributes, device.handle.get(), ParentRule::Forbidden)?;
    plan.level = files.level;
    let handle = objects::create(plan, Rc::new(FileObject { device: Rc::clone(device), file }))?;
    files.known.borrow_mut().push((file as usize, handle));
    if !file.is_null() {
        files.set_context(file, handle);
    }
    Ok(handle)
}

fn unmake(device: &Device, file: *mut FILE_OBJECT, handle: Handle) {
    if handle.is_null() {
        return;
    }
    device.files.known.borrow_mut().retain(|(_, known)| *known != handle);
    if !file.is_null() {
        device.files.set_context(file, Handle::NULL);
    }
    objects::delete(handle);
}

/// IRP_MJ_CREATE.
pub(crate) fn dispatch_create(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    let files = &device.files;
    let file = get!(io::current(irp), FileObject);
    if device.settings.exclusive && files.open.get() > 0 {
        return complete_irp(irp, status::ACCESS_DENIED);
    }
    let handle = match make(device, file) {
        Ok(handle) => handle,
        Err(status) => return complete_irp(irp, status),
    };
    files.open.set(files.open.get() + 1);
    let queue = device.io.queue_for(nt_kernel::layout::IRP_MJ_CREATE);
    if files.create.is_none() && queue.is_none() {
        return if files.forward { forward_create(device, irp) } else { complete_irp(irp, status::SUCCESS) };
    }
    let request = match request::from_io(device, irp) {
        Ok(request) => request,
        Err(status) => {
            undo_create(device, file, handle);
            return complete_irp(irp, status);
        }
    };
    request.file.set(handle);
    io::mark_pending(irp);
    if let Some(callback) = files.create {
        request::create::show(&request);
        let (this, request) = (device.handle.get(), request.handle.get());
        objects::run_locked(files.lock(device).as_ref(), || {
            // SAFETY: the driver configured its file objects with this callback.
            call::driver("EvtDeviceFileCreate", || unsafe { callback(this, request, handle) });
        });
    } else if let Some(queue) = queue
        && queue::enqueue(&queue, &request).is_err()
    {
        request::complete(&request, status::INVALID_DEVICE_STATE);
    }
    status::PENDING
}

fn undo_create(device: &Device, file: *mut FILE_OBJECT, handle: Handle) {
    device.files.open.set(device.files.open.get() - 1);
    unmake(device, file, handle);
}

/// A create request was completed by the driver: after a failure the file object goes without further callbacks.
pub(crate) fn create_completed(device: &Rc<Device>, request: &Request, status: i32) {
    debug_assert_eq!(request.place.get(), Place::Done);
    if !status::ok(status) {
        let file = get!(request.location(), FileObject);
        undo_create(device, file, request.file.get());
    }
}

/// Passes a create down; if it fails below, the file object is undone.
fn forward_create(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    io::copy_to_next(irp);
    io::set_completion(irp, create_returned, std::ptr::null_mut(), true, true, true);
    io::call_driver(device.attached.get(), irp)
}

extern "win64" fn create_returned(wdm: *mut DEVICE_OBJECT, irp: *mut IRP, _: *mut c_void) -> i32 {
    if get!(irp, PendingReturned) != 0 {
        io::mark_pending(irp);
    }
    let status = get!(irp, IoStatus.Status);
    if let Some(device) = crate::device::by_wdm(wdm)
        && !status::ok(status)
    {
        let file = get!(io::current(irp), FileObject);
        let handle = device.files.find(&device, file).unwrap_or(Handle::NULL);
        undo_create(&device, file, handle);
    }
    status::SUCCESS
}

/// IRP_MJ_CLEANUP.
pub(crate) fn dispatch_cleanup(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    let file = get!(io::current(irp), FileObject);
    let stream = !file.is_null() && get!(file, Flags) & FO_STREAM_FILE != 0;
    if !stream {
        let handle = device.files.find(device, file).unwrap_or(Handle::NULL);
        notify(device, "EvtFileCleanup", device.files.cleanup, handle);
        if !handle.is_null() {
            queue::cancel_file(device, handle);
        }
    }
    finish(device, irp)
}

/// IRP_MJ_CLOSE.
pub(crate) fn dispatch_close(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    let file = get!(io::current(irp), FileObject);
    let handle = device.files.find(device, file).unwrap_or(Handle::NULL);
    notify(device, "EvtFileClose", device.files.close, handle);
    device.files.open.set(device.files.open.get().saturating_sub(1));
    unmake(device, file, handle);
    finish(device, irp)
}

fn notify(device: &Device, what: &str, callback: EvtObject, handle: Handle) {
    if let Some(callback) = callback.filter(|_| !handle.is_null()) {
        objects::run_locked(device.files.lock(device).as_ref(), || {
            // SAFETY: the driver configured its file objects with this callback.
            call::driver(what, || unsafe { callback(handle) });
        });
    }
}

fn finish(device: &Device, irp: *mut IRP) -> i32 {
    if device.files.forward { forward_irp(device, irp) } else { complete_irp(irp, status::SUCCESS) }
}

fn get_body(handle: Handle) -> Rc<FileObject> {
    objects::get(handle, Kind::FileObject, "FileObject")
}

unsafe extern "win64" fn get_file_name(_: Globals, handle: Handle) -> *mut UNICODE_STRING {
    let file = get_body(handle).file;
    if file.is_null() { std::ptr::null_mut() } else { field!(file, FileName) }
}

unsafe extern "win64" fn get_flags(_: Globals, handle: Handle) -> u32 {
    let file = get_body(handle).file;
    if file.is_null() { 0 } else { get!(file, Flags) }
}

unsafe extern "win64" fn get_device(_: Globals, handle: Handle) -> Handle {
    get_body(handle).device.handle.get()
}

unsafe extern "win64" fn get_wdm(_: Globals, handle: Handle) -> *mut FILE_OBJECT {
    get_body(handle).file
}

unsafe extern "win64" fn get_process_id(_: Globals, handle: Handle) -> u32 {
    let _ = get_body(handle);
    0
}
