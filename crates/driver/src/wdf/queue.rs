//! I/O queues.

use core::ptr::null_mut;

use wdk_sys::{
    _WDF_IO_QUEUE_DISPATCH_TYPE, _WDF_REQUEST_TYPE, _WDF_TRI_STATE, NT_SUCCESS, NTSTATUS, WDF_IO_QUEUE_CONFIG,
    WDF_OBJECT_ATTRIBUTES, WDFDEVICE, WDFFILEOBJECT, WDFQUEUE, WDFREQUEST, call_unsafe_wdf_function_binding,
};

use crate::status;
use crate::wdf::object::size_field;
use crate::wdf::request::Request;

/// A configuration without handlers. None of this driver's queues is power-managed: the port holds requests while the
/// drive is down.
pub fn config(dispatch: _WDF_IO_QUEUE_DISPATCH_TYPE::Type) -> WDF_IO_QUEUE_CONFIG {
    let mut config = WDF_IO_QUEUE_CONFIG {
        Size: size_field::<WDF_IO_QUEUE_CONFIG>(),
        DispatchType: dispatch,
        PowerManaged: _WDF_TRI_STATE::WdfFalse,
        ..WDF_IO_QUEUE_CONFIG::default()
    };
    if dispatch == _WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchParallel {
        config.Settings.Parallel.NumberOfPresentedRequests = u32::MAX;
    }
    config
}

/// A queue of this driver's device, which lives as long as the device.
#[derive(Clone, Copy)]
pub struct Queue(WDFQUEUE);

impl Queue {
    /// Makes a queue.
    ///
    /// # Errors
    /// The framework's status.
    pub fn create(
        device: WDFDEVICE,
        mut config: WDF_IO_QUEUE_CONFIG,
        mut attributes: WDF_OBJECT_ATTRIBUTES,
    ) -> Result<Self, NTSTATUS> {
        let mut handle: WDFQUEUE = null_mut();
        // SAFETY: a live device, and the handlers of the configuration take what the framework gives them.
        status::check(unsafe {
            call_unsafe_wdf_function_binding!(
                WdfIoQueueCreate,
                device,
                &raw mut config,
                &raw mut attributes,
                &raw mut handle
            )
        })?;
        Ok(Self(handle))
    }

    /// The queue with this handle.
    ///
    /// # Safety
    /// It is live.
    pub const unsafe fn from_raw(handle: WDFQUEUE) -> Self {
        Self(handle)
    }

    /// The handle.
    pub const fn raw(self) -> WDFQUEUE {
        self.0
    }

    /// The device that it belongs to.
    pub fn device(self) -> WDFDEVICE {
        // SAFETY: a live queue.
        unsafe { call_unsafe_wdf_function_binding!(WdfIoQueueGetDevice, self.0) }
    }

    /// Lets it take the opens of the device.
    ///
    /// # Errors
    /// The framework's status.
    pub fn take_creates(self, device: WDFDEVICE) -> Result<(), NTSTATUS> {
        // SAFETY: a live queue of that device.
        status::check(unsafe {
            call_unsafe_wdf_function_binding!(
                WdfDeviceConfigureRequestDispatching,
                device,
                self.0,
                _WDF_REQUEST_TYPE::WdfRequestTypeCreate
            )
        })
    }

    /// Presents no more requests, and waits until the one in hand has ended. PASSIVE_LEVEL.
    pub fn stop(self) {
        // SAFETY: a live queue, and the caller has none of its requests.
        unsafe { call_unsafe_wdf_function_binding!(WdfIoQueueStopSynchronously, self.0) };
    }

    /// Presents requests again.
    pub fn start(self) {
        // SAFETY: a live queue.
        unsafe { call_unsafe_wdf_function_binding!(WdfIoQueueStart, self.0) };
    }

    /// Takes no requests any more and cancels those that wait.
    pub fn purge(self) {
        // SAFETY: a live queue; without a callback nothing has to be waited for.
        unsafe { call_unsafe_wdf_function_binding!(WdfIoQueuePurge, self.0, None, null_mut()) };
    }

    fn retrieved(status: NTSTATUS, request: WDFREQUEST) -> Option<Request> {
        // SAFETY: the framework gave it to this driver.
        (NT_SUCCESS(status) && !request.is_null()).then(|| unsafe { Request::from_raw(request) })
    }

    /// Takes the oldest request out.
    pub fn retrieve(self) -> Option<Request> {
        let mut request: WDFREQUEST = null_mut();
        // SAFETY: a live queue that is not parallel.
        let status =
            unsafe { call_unsafe_wdf_function_binding!(WdfIoQueueRetrieveNextRequest, self.0, &raw mut request) };
        Self::retrieved(status, request)
    }

    /// Takes the oldest request of an open file out.
    pub fn retrieve_of(self, file: WDFFILEOBJECT) -> Option<Request> {
        let mut request: WDFREQUEST = null_mut();
        // SAFETY: a live queue that is not parallel, and a live file object.
        let status = unsafe {
            call_unsafe_wdf_function_binding!(WdfIoQueueRetrieveRequestByFileObject, self.0, file, &raw mut request)
        };
        Self::retrieved(status, request)
    }
}
