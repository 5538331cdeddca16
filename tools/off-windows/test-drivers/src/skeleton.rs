//! The good driver that every sin stands in.

use core::ptr::null_mut;

use wdk_sys::{
    _WDF_DEVICE_IO_TYPE, _WDF_IO_QUEUE_DISPATCH_TYPE, _WDF_SYNCHRONIZATION_SCOPE, _WDF_TRI_STATE, DRIVER_OBJECT,
    IRP_MJ_FLUSH_BUFFERS, IRP_MJ_PNP, IRP_MJ_POWER, NT_SUCCESS, NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT, PIRP,
    PWDFDEVICE_INIT, STATUS_INSUFFICIENT_RESOURCES, STATUS_SUCCESS, ULONG, WDF_DRIVER_CONFIG, WDF_IO_QUEUE_CONFIG,
    WDF_PNPPOWER_EVENT_CALLBACKS, WDF_POWER_DEVICE_STATE, WDFDEVICE, WDFDRIVER, WDFQUEUE, WDFREQUEST,
};

use crate::kernel::{ContextType, NON_PAGED, allocate, attributes, free};
use crate::sins::{self, Place};
use crate::{irp, sins::SINS};

/// What the driver keeps of its device.
#[repr(C)]
pub struct Device {
    /// A block that lives as long as the device is started.
    pub block: *mut u8,
    /// How many controls were answered.
    pub answered: u32,
    /// Makes the size no multiple of eight.
    pub odd: u32,
}

/// The context of a device.
pub static DEVICE: ContextType = ContextType::new(&DEVICE, c"Device", size_of::<Device>());

/// The device's context.
pub fn device(of: WDFDEVICE) -> *mut Device {
    DEVICE.of(of.cast()).cast()
}

/// The driver's entry.
///
/// # Safety
/// Called once by the framework's stub, at PASSIVE_LEVEL.
// SAFETY: the name that the stub calls; nothing else has it.
#[unsafe(export_name = "DriverEntry")]
unsafe extern "system" fn driver_entry(driver: &mut DRIVER_OBJECT, path: PCUNICODE_STRING) -> NTSTATUS {
    let mut config = WDF_DRIVER_CONFIG {
        Size: size_of::<WDF_DRIVER_CONFIG>() as u32,
        EvtDriverDeviceAdd: Some(device_add),
        EvtDriverUnload: Some(driver_unload),
        ..WDF_DRIVER_CONFIG::default()
    };
    let mut handle: WDFDRIVER = null_mut();
    let status = wdf!(WdfDriverCreate(driver as PDRIVER_OBJECT, path, null_mut(), &raw mut config, &raw mut handle));
    if NT_SUCCESS(status) {
        choose(handle);
    }
    status
}

/// Reads which sin it is to be.
fn choose(driver: WDFDRIVER) {
    let mut key = null_mut();
    let access = 0x20019; // KEY_READ
    if !NT_SUCCESS(wdf!(WdfDriverOpenParametersRegistryKey(driver, access, null_mut(), &raw mut key))) {
        return;
    }
    let (name, mut units, mut length) = (text!("Sin"), [0u16; 64], 0);
    let bytes = size_of_val(&units) as ULONG;
    let buffer = units.as_mut_ptr().cast();
    let status = wdf!(WdfRegistryQueryValue(key, &raw const name, bytes, buffer, &raw mut length, null_mut()));
    wdf!(WdfRegistryClose(key));
    if NT_SUCCESS(status) {
        sins::choose(&units[..length as usize / 2]);
    }
}

extern "C" fn driver_unload(_driver: WDFDRIVER) {
    if let Some(Place::Unload(sin)) = sins::chosen() {
        sin();
    }
}

extern "C" fn device_add(_driver: WDFDRIVER, mut init: PWDFDEVICE_INIT) -> NTSTATUS {
    let mut power = WDF_PNPPOWER_EVENT_CALLBACKS {
        Size: size_of::<WDF_PNPPOWER_EVENT_CALLBACKS>() as u32,
        EvtDeviceD0Exit: Some(d0_exit),
        EvtDeviceSelfManagedIoInit: Some(io_init),
        EvtDeviceSelfManagedIoCleanup: Some(io_cleanup),
        ..WDF_PNPPOWER_EVENT_CALLBACKS::default()
    };
    wdf!(WdfDeviceInitSetPnpPowerEventCallbacks(init, &raw mut power));
    wdf!(WdfDeviceInitSetPowerPolicyOwnership(init, 0));
    wdf!(WdfDeviceInitSetIoType(init, _WDF_DEVICE_IO_TYPE::WdfDeviceIoDirect));
    wdf!(WdfDeviceInitSetDeviceType(init, 2)); // FILE_DEVICE_CD_ROM
    let mut status = preprocess(init, IRP_MJ_FLUSH_BUFFERS, flush);
    match sins::chosen() {
        Some(Place::Pnp(_)) => status = preprocess(init, IRP_MJ_PNP, pnp),
        Some(Place::Power(_)) => status = preprocess(init, IRP_MJ_POWER, power_irp),
        _ => {}
    }
    if !NT_SUCCESS(status) {
        return status;
    }
    let mut own = attributes(null_mut());
    own.ContextTypeInfo = DEVICE.info();
    if matches!(sins::chosen(), Some(Place::Locked(_))) {
        own.SynchronizationScope = _WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeDevice;
    }
    let mut device = null_mut();
    let status = wdf!(WdfDeviceCreate(&raw mut init, &raw mut own, &raw mut device));
    if !NT_SUCCESS(status) {
        return status;
    }
    let mut config = WDF_IO_QUEUE_CONFIG {
        Size: size_of::<WDF_IO_QUEUE_CONFIG>() as u32,
        DispatchType: _WDF_IO_QUEUE_DISPATCH_TYPE::WdfIoQueueDispatchSequential,
        PowerManaged: _WDF_TRI_STATE::WdfFalse,
        DefaultQueue: 1,
        EvtIoRead: Some(read),
        EvtIoDeviceControl: Some(control),
        ..WDF_IO_QUEUE_CONFIG::default()
    };
    wdf!(WdfIoQueueCreate(device, &raw mut config, null_mut(), null_mut()))
}

type Preprocess = unsafe extern "C" fn(WDFDEVICE, PIRP) -> NTSTATUS;

fn preprocess(init: PWDFDEVICE_INIT, major: u32, routine: Preprocess) -> NTSTATUS {
    wdf!(WdfDeviceInitAssignWdmIrpPreprocessCallback(init, Some(routine), major as u8, null_mut(), 0))
}

extern "C" fn io_init(handle: WDFDEVICE) -> NTSTATUS {
    let block = allocate(NON_PAGED, 40);
    if block.is_null() {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    // SAFETY: the context lives as long as the device.
    unsafe { (*device(handle)).block = block };
    if let Some(Place::Start(sin)) = sins::chosen() {
        sin(handle);
    }
    STATUS_SUCCESS
}

extern "C" fn io_cleanup(handle: WDFDEVICE) {
    if let Some(Place::Remove(sin)) = sins::chosen() {
        sin(handle);
    }
    // SAFETY: the context lives as long as the device.
    let block = unsafe { core::mem::replace(&mut (*device(handle)).block, null_mut()) };
    if !block.is_null() {
        free(block);
    }
}

extern "C" fn d0_exit(handle: WDFDEVICE, _target: WDF_POWER_DEVICE_STATE) -> NTSTATUS {
    match sins::chosen() {
        Some(Place::Exit(sin)) => sin(handle),
        _ => STATUS_SUCCESS,
    }
}

/// The good answer to a control: how many there were.
pub fn answer(handle: WDFDEVICE, request: WDFREQUEST) {
    let mut buffer = null_mut();
    let status = wdf!(WdfRequestRetrieveOutputBuffer(request, 4, &raw mut buffer, null_mut()));
    let mut information = 0;
    if NT_SUCCESS(status) {
        // SAFETY: the context lives as long as the device.
        let device = unsafe { &mut *device(handle) };
        device.answered += 1;
        // SAFETY: the framework says that four bytes are there.
        unsafe { buffer.cast::<u32>().write_unaligned(device.answered) };
        information = 4;
    }
    wdf!(WdfRequestCompleteWithInformation(request, status, information));
}

extern "C" fn control(queue: WDFQUEUE, request: WDFREQUEST, _output: usize, _input: usize, _code: ULONG) {
    let device = wdf!(WdfIoQueueGetDevice(queue));
    match sins::chosen() {
        Some(Place::Control(sin) | Place::Locked(sin)) => sin(device, request),
        _ => answer(device, request),
    }
}

extern "C" fn read(_queue: WDFQUEUE, request: WDFREQUEST, length: usize) {
    let mut buffer = null_mut();
    let status = wdf!(WdfRequestRetrieveOutputBuffer(request, length, &raw mut buffer, null_mut()));
    if NT_SUCCESS(status) {
        // SAFETY: the framework says that so many bytes are there.
        unsafe { core::ptr::write_bytes(buffer.cast::<u8>(), 0x5A, length) };
    }
    let information = if NT_SUCCESS(status) { length as u64 } else { 0 };
    wdf!(WdfRequestCompleteWithInformation(request, status, information));
}

extern "C" fn flush(handle: WDFDEVICE, request: PIRP) -> NTSTATUS {
    if let Some(Place::Flush(sin)) = sins::chosen() {
        return sin(handle, request);
    }
    irp::complete(request, STATUS_SUCCESS, 0);
    STATUS_SUCCESS
}

/// Gives an IRP to the framework, as if no preprocess routine were there.
pub fn pass_on(handle: WDFDEVICE, request: PIRP) -> NTSTATUS {
    irp::skip(request);
    wdf!(WdfDeviceWdmDispatchPreprocessedIrp(handle, request))
}

extern "C" fn pnp(handle: WDFDEVICE, request: PIRP) -> NTSTATUS {
    match sins::chosen() {
        Some(Place::Pnp(sin)) => sin(handle, request).unwrap_or_else(|| pass_on(handle, request)),
        _ => pass_on(handle, request),
    }
}

extern "C" fn power_irp(handle: WDFDEVICE, request: PIRP) -> NTSTATUS {
    match sins::chosen() {
        Some(Place::Power(sin)) => sin(handle, request).unwrap_or_else(|| pass_on(handle, request)),
        _ => pass_on(handle, request),
    }
}

const _: () = assert!(SINS.len() > 50);
