//! Requests of others, which this driver has to complete.

use core::mem::forget;

use wdk_sys::{
    IO_STACK_LOCATION, NTSTATUS, PFN_WDF_REQUEST_CANCEL, PFN_WDF_REQUEST_COMPLETION_ROUTINE, WDF_NO_SEND_OPTIONS,
    WDFCONTEXT, WDFDEVICE, WDFFILEOBJECT, WDFREQUEST, call_unsafe_wdf_function_binding,
};

use crate::km::bugcheck::{self, Defect};
use crate::km::irp::Irp;
use crate::status;
use crate::wdf::object::{Context, context};
use crate::wdf::queue::Queue;
use crate::wdf::target::Target;

/// A request that this driver owns. Whoever has it completes it or gives it away: both take the value, so it happens
/// once; a value that would just be dropped stops the system.
#[must_use]
pub struct Request(WDFREQUEST);

impl Drop for Request {
    fn drop(&mut self) {
        bugcheck::stop(Defect::RequestLost);
    }
}

// SAFETY: requests belong to no thread.
unsafe impl Send for Request {}

impl Request {
    /// Takes over the request that the framework gives to a callback.
    ///
    /// # Safety
    /// This driver owns it, and no other value stands for it.
    pub const unsafe fn from_raw(handle: WDFREQUEST) -> Self {
        Self(handle)
    }

    /// The handle, with which the ownership goes.
    pub const fn into_raw(self) -> WDFREQUEST {
        let handle = self.0;
        forget(self);
        handle
    }

    /// The handle, for calls; the ownership stays.
    pub const fn raw(&self) -> WDFREQUEST {
        self.0
    }

    /// The IRP.
    pub fn irp(&self) -> Irp {
        // SAFETY: a live request that came from the I/O manager.
        let irp = unsafe { call_unsafe_wdf_function_binding!(WdfRequestWdmGetIrp, self.0) };
        // SAFETY: this driver holds it as long as it owns the request.
        unsafe { Irp::new(irp) }
    }

    /// The file object, if it was opened through this device.
    pub fn file_object(&self) -> WDFFILEOBJECT {
        // SAFETY: a live request.
        unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetFileObject, self.0) }
    }

    /// Whether a 32-bit process sent it.
    pub fn is_from_32_bit_process(&self) -> bool {
        // SAFETY: a live request.
        unsafe { call_unsafe_wdf_function_binding!(WdfRequestIsFrom32BitProcess, self.0) != 0 }
    }

    /// Its context. The device's requests have one.
    pub fn context<T: Context>(&self) -> &T {
        // SAFETY: a live request; the reference lives no longer than the value that owns it.
        match unsafe { context::<T>(self.0.cast()) } {
            Some(context) => context,
            None => bugcheck::stop(Defect::NotThere),
        }
    }

    /// The queue that has presented it.
    pub fn queue(&self) -> Queue {
        // SAFETY: a live request.
        let queue = unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetIoQueue, self.0) };
        // SAFETY: it lives as long as the device.
        unsafe { Queue::from_raw(queue) }
    }

    /// Its status: that of the last attempt to send it, or what the driver below said.
    pub fn status(&self) -> NTSTATUS {
        // SAFETY: a live request.
        unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetStatus, self.0) }
    }

    /// Its Information.
    pub fn information(&self) -> u64 {
        // SAFETY: a live request.
        unsafe { call_unsafe_wdf_function_binding!(WdfRequestGetInformation, self.0) }
    }

    /// Completes it.
    pub fn complete(self, status: NTSTATUS, information: u64) {
        let handle = self.into_raw();
        // SAFETY: this driver owned it until now, and it is not cancelable.
        unsafe { call_unsafe_wdf_function_binding!(WdfRequestCompleteWithInformation, handle, status, information) };
    }

    /// Puts it in the queue for its kind. It may be presented, and even completed, before this returns.
    ///
    /// # Errors
    /// The framework's status; the request is still owned.
    pub fn enqueue(self, device: WDFDEVICE) -> Result<(), (Self, NTSTATUS)> {
        // SAFETY: called from the callback in the caller's context, for a request that this driver owns.
        let status = unsafe { call_unsafe_wdf_function_binding!(WdfDeviceEnqueueRequest, device, self.0) };
        self.given(status)
    }

    /// Moves it to `queue`.
    ///
    /// # Errors
    /// The framework's status; the request is still owned.
    pub fn forward_to(self, queue: Queue) -> Result<(), (Self, NTSTATUS)> {
        // SAFETY: a queue of the same device, and a request that this driver owns.
        let status = unsafe { call_unsafe_wdf_function_binding!(WdfRequestForwardToIoQueue, self.0, queue.raw()) };
        self.given(status)
    }

    fn given(self, status: NTSTATUS) -> Result<(), (Self, NTSTATUS)> {
        match status::check(status) {
            Ok(()) => {
                forget(self);
                Ok(())
            }
            Err(status) => Err((self, status)),
        }
    }

    /// Sends it to the driver below with `location`. `done` is called once with `context`, maybe before this returns,
    /// and owns the request then.
    ///
    /// # Errors
    /// The request is still owned; [`Self::status`] says why.
    pub fn send_down(
        self,
        target: Target,
        mut location: IO_STACK_LOCATION,
        done: PFN_WDF_REQUEST_COMPLETION_ROUTINE,
        context: WDFCONTEXT,
    ) -> Result<(), Self> {
        // SAFETY: a request that this driver owns, with a location for the driver below.
        unsafe {
            call_unsafe_wdf_function_binding!(WdfRequestWdmFormatUsingStackLocation, self.0, &raw mut location);
        };
        // SAFETY: as above.
        unsafe { call_unsafe_wdf_function_binding!(WdfRequestSetCompletionRoutine, self.0, done, context) };
        // SAFETY: formatted, not cancelable, and with a completion routine.
        let sent = unsafe {
            call_unsafe_wdf_function_binding!(WdfRequestSend, self.0, target.raw(), WDF_NO_SEND_OPTIONS.cast())
        };
        if sent == 0 {
            return Err(self);
        }
        forget(self);
        Ok(())
    }

    /// Lets `cancel` be called when somebody wants it to end early. False if that is so already.
    pub fn mark_cancelable(&self, cancel: PFN_WDF_REQUEST_CANCEL) -> bool {
        // SAFETY: a request that this driver owns and a queue has presented.
        status::check(unsafe { call_unsafe_wdf_function_binding!(WdfRequestMarkCancelableEx, self.0, cancel) }).is_ok()
    }

    /// Takes that back. False if the routine has been called, or is about to be.
    #[must_use]
    pub fn unmark_cancelable(&self) -> bool {
        // SAFETY: marked before.
        status::check(unsafe { call_unsafe_wdf_function_binding!(WdfRequestUnmarkCancelable, self.0) }).is_ok()
    }
}
