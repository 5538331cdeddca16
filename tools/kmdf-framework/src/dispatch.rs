//! The way of an IRP into the framework: the dispatch routine of every driver.

use std::ffi::c_void;
use std::rc::Rc;

use nt_kernel::layout::{
    DEVICE_OBJECT, IRP, IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_CREATE, IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_PNP, IRP_MJ_POWER, IRP_MJ_READ, IRP_MJ_SHUTDOWN, IRP_MJ_SYSTEM_CONTROL,
    IRP_MJ_WRITE,
};
use nt_kernel::{get, io, put};
use nt_machine::call;

use crate::client::Globals;
use crate::device::{self, Device};
use crate::fail::{misuse, require};
use crate::functions::Function;
use crate::objects::Handle;
use crate::queue::{self, Queue};
use crate::request::{self, Place};
use crate::structs::EvtPreprocess;
use crate::{file, pnp, status};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfDeviceWdmDispatchPreprocessedIrp", dispatch_preprocessed as *const ()),
    ("WdfDeviceWdmDispatchIrp", dispatch_irp as *const ()),
    ("WdfDeviceWdmDispatchIrpToIoQueue", dispatch_to_queue as *const ()),
    ("WdfDeviceEnqueueRequest", enqueue_request as *const ()),
];

const IRP_MN_REMOVE_DEVICE: u8 = 2;

/// Completes an IRP with a status and no information; gives the status.
pub(crate) fn complete_irp(irp: *mut IRP, status: i32) -> i32 {
    put!(irp, IoStatus.Status, status);
    put!(irp, IoStatus.Information, 0);
    io::complete(irp, 0);
    status
}

/// Passes an IRP down without wanting it back; gives the lower driver's status.
pub(crate) fn forward_irp(device: &Device, irp: *mut IRP) -> i32 {
    io::skip(irp);
    io::call_driver(device.attached.get(), irp)
}

/// True for majors whose IRPs always hold the remove lock: PnP but REMOVE itself, power and WMI.
fn always_locked(major: u8, minor: u8) -> bool {
    match major {
        IRP_MJ_PNP => minor != IRP_MN_REMOVE_DEVICE,
        IRP_MJ_POWER | IRP_MJ_SYSTEM_CONTROL => true,
        _ => false,
    }
}

/// The dispatch routine that the framework puts into a driver object, for every major function.
pub(crate) extern "win64" fn entry(wdm: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    let Some(device) = device::by_wdm(wdm) else { return complete_irp(irp, status::INVALID_DEVICE_REQUEST) };
    let location = io::current(irp);
    let (major, minor) = (get!(location, MajorFunction), get!(location, MinorFunction));
    let is_system = matches!(major, IRP_MJ_PNP | IRP_MJ_POWER | IRP_MJ_SYSTEM_CONTROL);
    if device.settings.lock_for_io && !is_system {
        if let Err(status) = device.remove_lock.acquire(irp as usize) {
            return complete_irp(irp, status);
        }
        own_location(irp);
    }
    let Some(callback) = preprocess(&device, major, minor) else { return dispatch(&device, irp) };
    let locked = always_locked(major, minor);
    if locked && let Err(status) = device.remove_lock.acquire(irp as usize) {
        return complete_irp(irp, status);
    }
    let handle = device.handle.get();
    // SAFETY: the driver assigned this callback to the major function.
    let status = call::driver("EvtDeviceWdmIrpPreprocess", || unsafe { callback(handle, irp) });
    if locked {
        device.remove_lock.release(irp as usize);
    }
    status
}

fn preprocess(device: &Device, major: u8, minor: u8) -> Option<unsafe extern "win64" fn(Handle, *mut IRP) -> i32> {
    let known = device.settings.preprocess.get(&major)?;
    let callback: EvtPreprocess = known.callback;
    callback.filter(|_| known.minors.as_ref().is_none_or(|minors| minors.contains(&minor)))
}

/// Takes a stack location of the framework's own below the driver's, whose completion drops the remove lock.
fn own_location(irp: *mut IRP) {
    io::copy_to_next(irp);
    io::set_completion(irp, io_returned, std::ptr::null_mut(), true, true, true);
    io::set_next_location(irp);
}

extern "win64" fn io_returned(wdm: *mut DEVICE_OBJECT, irp: *mut IRP, _: *mut c_void) -> i32 {
    if get!(irp, PendingReturned) != 0 {
        io::mark_pending(irp);
    }
    if let Some(device) = device::by_wdm(wdm) {
        device.remove_lock.release(irp as usize);
    }
    status::SUCCESS
}

/// What the framework itself does with an IRP.
fn dispatch(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    let location = io::current(irp);
    let (major, minor) = (get!(location, MajorFunction), get!(location, MinorFunction));
    match major {
        IRP_MJ_CREATE => file::dispatch_create(device, irp),
        IRP_MJ_CLEANUP => file::dispatch_cleanup(device, irp),
        IRP_MJ_CLOSE => file::dispatch_close(device, irp),
        IRP_MJ_SHUTDOWN => dispatch_shutdown(device, irp),
        IRP_MJ_READ | IRP_MJ_WRITE | IRP_MJ_DEVICE_CONTROL | IRP_MJ_INTERNAL_DEVICE_CONTROL => dispatch_io(device, irp),
        IRP_MJ_PNP | IRP_MJ_POWER if device.is_control() => complete_irp(irp, status::INVALID_DEVICE_REQUEST),
        IRP_MJ_PNP | IRP_MJ_POWER | IRP_MJ_SYSTEM_CONTROL => {
            if always_locked(major, minor)
                && let Err(status) = device.remove_lock.acquire(irp as usize)
            {
                return complete_irp(irp, status);
            }
            match major {
                IRP_MJ_PNP => pnp::dispatch_pnp(device, irp),
                IRP_MJ_POWER => pnp::dispatch_power(device, irp),
                _ => dispatch_wmi(device, irp),
            }
        }
        _ if device.is_filter() => forward_irp(device, irp),
        _ => complete_irp(irp, status::INVALID_DEVICE_REQUEST),
    }
}

/// WMI: the driver provides nothing, so the request goes down.
fn dispatch_wmi(device: &Device, irp: *mut IRP) -> i32 {
    device.remove_lock.release(irp as usize);
    if device.is_control() { complete_irp(irp, status::INVALID_DEVICE_REQUEST) } else { forward_irp(device, irp) }
}

fn dispatch_shutdown(device: &Device, irp: *mut IRP) -> i32 {
    if let Some((Some(callback), _)) = device.settings.shutdown {
        let handle = device.handle.get();
        // SAFETY: the driver set this callback for the control device.
        call::driver("EvtDeviceShutdownNotification", || unsafe { callback(handle) });
    }
    if device.is_filter() { forward_irp(device, irp) } else { complete_irp(irp, status::SUCCESS) }
}

/// Reads, writes and controls: the driver's dispatch callback for the major function decides, if there is one.
fn dispatch_io(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    let location = io::current(irp);
    let (major, minor) = (get!(location, MajorFunction), get!(location, MinorFunction));
    let Some((Some(callback), context)) = device.io.dispatcher(major) else { return dispatch_io_itself(device, irp) };
    let code = match major {
        IRP_MJ_DEVICE_CONTROL | IRP_MJ_INTERNAL_DEVICE_CONTROL => {
            get!(location, Parameters.DeviceIoControl.IoControlCode)
        }
        _ => 0,
    };
    let handle = device.handle.get();
    call::driver("EvtDeviceWdmIrpDispatch", || {
        // SAFETY: the driver configured this callback for the major function.
        unsafe { callback(handle, major, minor, code, context, irp, 0) }
    })
}

/// What the framework does with a read, write or control.
fn dispatch_io_itself(device: &Rc<Device>, irp: *mut IRP) -> i32 {
    let major = get!(io::current(irp), MajorFunction);
    let queue = device.io.queue_for(major);
    if device.settings.in_caller_context.is_some() {
        return in_caller_context(device, irp, queue.as_ref());
    }
    match queue {
        // A filter whose default queue has no handler for the type does not want it.
        Some(queue) if !(device.is_filter() && !queue.handles(major) && !is_manual(&queue)) => {
            to_queue(device, irp, &queue)
        }
        _ if device.is_filter() => forward_irp(device, irp),
        _ => complete_irp(irp, status::INVALID_DEVICE_REQUEST),
    }
}

fn is_manual(queue: &Queue) -> bool {
    queue.dispatching == queue::Dispatching::Manual
}

/// Makes the request of an IRP and marks the IRP pending.
fn begin(device: &Rc<Device>, irp: *mut IRP) -> Result<Rc<request::Request>, i32> {
    let file = get!(io::current(irp), FileObject);
    let handle = device.files.of_request(device, file);
    let request = request::from_io(device, irp)?;
    request.file.set(handle);
    io::mark_pending(irp);
    Ok(request)
}

fn to_queue(device: &Rc<Device>, irp: *mut IRP, queue: &Rc<Queue>) -> i32 {
    let request = match begin(device, irp) {
        Ok(request) if queue::reserve::prepare(queue, &request) => request,
        Ok(_) => {
            // The IRP is marked pending already, whatever becomes of it.
            queue::reserve::serve(queue, irp, status::INSUFFICIENT_RESOURCES);
            return status::PENDING;
        }
        Err(status) => return queue::reserve::serve(queue, irp, status),
    };
    if queue::enqueue(queue, &request).is_err() {
        put!(irp, IoStatus.Information, 0);
        request::complete(&request, status::INVALID_DEVICE_STATE);
    }
    status::PENDING
}

fn in_caller_context(device: &Rc<Device>, irp: *mut IRP, queue: Option<&Rc<Queue>>) -> i32 {
    let Some(callback) = device.settings.in_caller_context else { return status::PENDING };
    let request = match (begin(device, irp), queue) {
        (Ok(request), _) => request,
        // A reserved request goes to its queue without the callback.
        (Err(status), Some(queue)) => return queue::reserve::serve(queue, irp, status),
        (Err(status), None) => return complete_irp(irp, status),
    };
    request::create::show(&request);
    let (device, request) = (device.handle.get(), request.handle.get());
    io::given_to(irp, "EvtIoInCallerContext", callback as usize);
    // SAFETY: the driver set this callback for requests of this device.
    call::driver("EvtIoInCallerContext", || unsafe { callback(device, request) });
    status::PENDING
}

unsafe extern "win64" fn enqueue_request(_: Globals, device: Handle, request: Handle) -> i32 {
    let device = device::get(device);
    let Some(request) = request::owned(request) else { return status::INVALID_DEVICE_REQUEST };
    enqueue_checked(&device, &request).err().unwrap_or(status::SUCCESS)
}

fn enqueue_checked(device: &Rc<Device>, request: &Rc<request::Request>) -> Result<(), i32> {
    if request.place.get() != Place::Outside || !request.device.as_ref().is_some_and(|own| Rc::ptr_eq(own, device)) {
        misuse("Request", "only a request of this device that no queue has seen can be enqueued");
        return Err(status::INVALID_DEVICE_REQUEST);
    }
    let major = request.major();
    match device.io.queue_for(major) {
        Some(queue) if !(device.is_filter() && !queue.handles(major) && !is_manual(&queue)) => {
            // The driver has seen it: if it is cancelled while it waits, the queue's callback hears of it.
            request.presented.set(true);
            queue::enqueue(&queue, request).inspect_err(|_| request.presented.set(false))
        }
        _ if device.is_filter() => {
            let irp = request.irp.get();
            request.forget(|| {
                forward_irp(device, irp);
            });
            Ok(())
        }
        _ => Err(status::INVALID_DEVICE_REQUEST),
    }
}

unsafe extern "win64" fn dispatch_preprocessed(_: Globals, device: Handle, irp: *mut IRP) -> i32 {
    let device = device::get(device);
    require(irp, "Irp");
    // The callback skipped its location; the framework takes it again.
    io::set_next_location(irp);
    dispatch(&device, irp)
}

/// A dispatch callback gives its IRP back to the framework.
unsafe extern "win64" fn dispatch_irp(_: Globals, device: Handle, irp: *mut IRP, _context: usize) -> i32 {
    let device = device::get(device);
    require(irp, "Irp");
    dispatch_io_itself(&device, irp)
}

const INVOKE_IN_CALLER_CONTEXT: u32 = 1;
const PREPROCESSED: u32 = 2;

unsafe extern "win64" fn dispatch_to_queue(
    _: Globals,
    device: Handle,
    irp: *mut IRP,
    queue: Handle,
    flags: u32,
) -> i32 {
    let device = device::get(device);
    require(irp, "Irp");
    let queue = queue::get(queue);
    if flags & PREPROCESSED != 0 {
        io::set_next_location(irp);
    }
    if flags & !(INVOKE_IN_CALLER_CONTEXT | PREPROCESSED) != 0 {
        return complete_irp(irp, status::INVALID_PARAMETER);
    }
    if flags & INVOKE_IN_CALLER_CONTEXT != 0 && device.settings.in_caller_context.is_some() {
        return in_caller_context(&device, irp, Some(&queue));
    }
    to_queue(&device, irp, &queue)
}
