//! The device's queues.

use wdk_sys::{
    _WDF_EXECUTION_LEVEL, _WDF_IO_QUEUE_DISPATCH_TYPE, NTSTATUS, WDF_IO_QUEUE_CONFIG, WDF_OBJECT_ATTRIBUTES,
};

use crate::device::{Device, files};
use crate::io::worker;
use crate::wdf::object::attributes;
use crate::wdf::queue::{Queue, config};

/// Makes the serial queue for all requests, the queue of creates, and the one for requests that wait for the volume.
///
/// # Errors
/// The framework's status.
pub fn create(device: &Device) -> Result<(), NTSTATUS> {
    let handle = device.handle();
    let serial = WDF_IO_QUEUE_CONFIG {
        DefaultQueue: 1,
        EvtIoRead: Some(worker::transfer),
        EvtIoWrite: Some(worker::transfer),
        EvtIoDeviceControl: Some(worker::device_control),
        EvtIoCanceledOnQueue: Some(worker::canceled_on_queue),
        ..config(_WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchSequential)
    };
    let serial = Queue::create(handle, serial, attributes())?;
    let creates = WDF_IO_QUEUE_CONFIG {
        EvtIoDefault: Some(files::create),
        ..config(_WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchParallel)
    };
    let passive =
        WDF_OBJECT_ATTRIBUTES { ExecutionLevel: _WDF_EXECUTION_LEVEL::WdfExecutionLevelPassive, ..attributes() };
    let creates = Queue::create(handle, creates, passive)?;
    creates.take_creates(handle)?;
    let volume = config(_WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchManual);
    let volume = Queue::create(handle, volume, attributes())?;
    device.set_queues(serial, creates, volume);
    Ok(())
}
