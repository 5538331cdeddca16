//! Opens of the device: create, clean-up, and what is kept between them.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ioctl_dispatch::{Handle, HandleId, NtStatus};
use wdk_sys::{STATUS_INTERNAL_ERROR, WDFFILEOBJECT, WDFOBJECT, WDFQUEUE, WDFREQUEST};

use crate::device::Device;
use crate::io::complete::fail;
use crate::io::forward;
use crate::io::own_work::{OwnWork, Task};
use crate::io::request_context::{Kind, RequestContext, Told};
use crate::km::address;
use crate::wdf::file;
use crate::wdf::object::{Context, ContextType, context};
use crate::wdf::queue::Queue;
use crate::wdf::request::Request;

/// What is kept of a file object that was opened through the device.
pub struct FileContext {
    opened: AtomicBool,
    id: AtomicU64,
    handle: UnsafeCell<Handle>,
    cleanup: OwnWork,
}

static TYPE: ContextType<FileContext> = ContextType::new(c"FileContext", &raw const TYPE);

// SAFETY: zero bytes are one that is not open, with a handle of numbers and truth values, and work without memory.
unsafe impl Context for FileContext {
    fn context_type() -> &'static ContextType<Self> {
        &TYPE
    }
}

// SAFETY: the handle is reached under the core's lock only.
unsafe impl Sync for FileContext {}

impl FileContext {
    /// Which handle it is.
    pub fn id(&self) -> HandleId {
        HandleId(self.id.load(Ordering::Relaxed))
    }

    /// What the core keeps of it.
    ///
    /// # Safety
    /// The core's lock is held while the reference lives.
    #[allow(clippy::mut_from_ref, reason = "the core's lock guards it")]
    pub unsafe fn handle(&self) -> &mut Handle {
        // SAFETY: as the caller promises.
        unsafe { &mut *self.handle.get() }
    }

    fn open(&self, file: WDFFILEOBJECT) {
        let id = HandleId(address(file));
        self.id.store(id.0, Ordering::Relaxed);
        // SAFETY: the file is being opened: nobody else can reach it.
        unsafe { self.handle.get().write(Handle::new(id)) };
        self.opened.store(true, Ordering::Release);
    }
}

/// What is kept of `file`; `None` if it was not opened through this device.
///
/// # Safety
/// A live file object, for as long as the reference is used.
pub unsafe fn of<'a>(file: WDFFILEOBJECT) -> Option<&'a FileContext> {
    // SAFETY: as the caller promises.
    unsafe { context::<FileContext>(file.cast()) }.filter(|file| file.opened.load(Ordering::Acquire))
}

/// A program opens the device. PASSIVE_LEVEL.
pub extern "C" fn create(queue: WDFQUEUE, request: WDFREQUEST) {
    // SAFETY: the framework gives the request to this driver.
    let request = unsafe { Request::from_raw(request) };
    // SAFETY: the framework calls with a live queue.
    let queue = unsafe { Queue::from_raw(queue) };
    // SAFETY: the queue's device is ours.
    let device = unsafe { Device::of(queue.device()) };
    let file = request.file_object();
    if file.is_null() {
        return request.complete(STATUS_INTERNAL_ERROR, 0);
    }
    // SAFETY: the request's file object.
    let Some(context) = (unsafe { context::<FileContext>(file.cast()) }) else {
        return request.complete(STATUS_INTERNAL_ERROR, 0);
    };
    let place = core::ptr::from_ref(context).cast_mut();
    if let Err(status) = context.cleanup.initialize(device, Task::Cleanup, place) {
        return request.complete(status, 0);
    }
    context.open(file);
    forward::create(device, request);
}

/// The last handle of an open file is closed: what waits for it ends, then the core undoes what it left.
/// PASSIVE_LEVEL.
pub extern "C" fn cleanup(file: WDFFILEOBJECT) {
    // SAFETY: the framework calls with a live file object.
    let Some(context) = (unsafe { of(file) }) else { return };
    // SAFETY: as above; its device is ours.
    let device = unsafe { file::device(file) };
    // SAFETY: a live device of this driver.
    let device = unsafe { Device::of(device) };
    device.in_hand.cancel_of(context.id());
    while let Some(request) = device.serial_queue().retrieve_of(file) {
        let waiting = request.context::<RequestContext>();
        if waiting.kind() == Kind::InCallerThread {
            waiting.tell(Told::Cancelled);
            // The thread that was told owns it now.
            let _ = request.into_raw();
        } else {
            fail(device, request, NtStatus::CANCELLED);
        }
    }
    while let Some(request) = device.volume_queue().retrieve_of(file) {
        fail(device, request, NtStatus::CANCELLED);
    }
    context.cleanup.submit();
    context.cleanup.wait_until_idle();
}

/// A file object goes away. PASSIVE_LEVEL.
pub extern "C" fn forget(file: WDFOBJECT) {
    // SAFETY: the framework calls with a live object.
    if let Some(context) = unsafe { context::<FileContext>(file) } {
        context.cleanup.free();
    }
}
