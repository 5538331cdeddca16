//! Requests that run in their own thread still take their turn in the serial queue: the thread waits for it.

use core::ffi::c_char;
use core::ptr::null_mut;

use ioctl_dispatch::time::Ticks;
use ioctl_dispatch::{Job, NtStatus, Request as ControlRequest};
use wdk_sys::ntddk::IoCancelIrp;
use wdk_sys::{WDFOBJECT, call_unsafe_wdf_function_binding};

use crate::device::Device;
use crate::io::complete::fail;
use crate::io::engine::Work;
use crate::io::request_context::{RequestContext, Told};
use crate::io::worker;
use crate::km::event::Woken;
use crate::status;
use crate::wdf::object::context;
use crate::wdf::request::Request;

/// Pause after an alert that does not end the wait.
const ALERTED_PAUSE: Ticks = Ticks::milliseconds(100);

/// Keeps an object's memory for as long as the value lives, whatever becomes of the object.
struct Reference(WDFOBJECT);

impl Reference {
    fn new(request: &Request) -> Self {
        let handle = request.raw().cast();
        // SAFETY: a live object; the tag and the place are for debuggers.
        unsafe {
            call_unsafe_wdf_function_binding!(WdfObjectReferenceActual, handle, null_mut(), 0, null_mut::<c_char>());
        };
        Self(handle)
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // SAFETY: referenced above.
        unsafe {
            call_unsafe_wdf_function_binding!(WdfObjectDereferenceActual, self.0, null_mut(), 0, null_mut::<c_char>());
        };
    }
}

/// Puts the request in the serial queue, waits for its turn, and runs it in this thread. IRQL <= APC_LEVEL.
pub fn take_turn(device: &Device, request: Request, control: ControlRequest) {
    let irp = request.irp();
    request.context::<RequestContext>().set_control(control, true);
    let reference = Reference::new(&request);
    let handle = request.raw();
    if let Err((request, status)) = request.enqueue(device.handle()) {
        return fail(device, request, status::to_core(status));
    }
    // SAFETY: the reference keeps the context.
    let Some(context) = (unsafe { context::<RequestContext>(reference.0) }) else { return };
    while context.event.wait_alertable() == Woken::Alerted {
        // The thread holds up its program's end only until the request has been taken out of the queue. Any other
        // alert is none of our business, but it may last: no busy waiting then.
        if context.told() == Told::Nothing && irp.thread_is_terminating() {
            // SAFETY: this thread has been told nothing, so the queue has the request, and gives it to this thread by
            // way of `worker::canceled_on_queue` before anybody completes it.
            unsafe { IoCancelIrp(irp.as_ptr()) };
            context.event.wait();
            break;
        }
        if context.event.wait_at_most(ALERTED_PAUSE) == Woken::Signalled {
            break;
        }
    }
    // SAFETY: unless it is gone, whoever told this thread gave it the ownership.
    let request = |told| (told != Told::Gone).then(|| unsafe { Request::from_raw(handle) });
    let told = context.told();
    let Some(request) = request(told) else { return };
    if told == Told::Cancelled {
        return fail(device, request, NtStatus::CANCELLED);
    }
    let file = worker::file_of(&request);
    device.engine.with(|engine| engine.run_request(device, request, Work::new(Job::Control(control), file)));
}
