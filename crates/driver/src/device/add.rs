//! A drive was found: the device is made in the order that the system expects. What fails is undone by the framework,
//! which deletes the device, and by [`remove::cleanup`](crate::device::remove::cleanup).

use core::ptr::null_mut;
use core::sync::atomic::Ordering;

use wdk_sys::{
    _WDF_DEVICE_IO_TYPE, _WDF_EXECUTION_LEVEL, _WDF_FILEOBJECT_CLASS, _WDF_REMOVE_LOCK_OPTIONS_FLAGS,
    _WDF_SYNCHRONIZATION_SCOPE, _WDF_TRI_STATE, FILE_DEVICE_CD_ROM, FILE_REMOVABLE_MEDIA, IRP_MJ_FLUSH_BUFFERS,
    IRP_MJ_SHUTDOWN, NTSTATUS, PWDFDEVICE_INIT, STATUS_OBJECT_NAME_COLLISION, STATUS_OBJECT_NAME_EXISTS,
    STATUS_SUCCESS, WDF_FILEOBJECT_CONFIG, WDF_OBJECT_ATTRIBUTES, WDF_PNPPOWER_EVENT_CALLBACKS,
    WDF_REMOVE_LOCK_OPTIONS, WDFDEVICE, WDFDRIVER, call_unsafe_wdf_function_binding,
};

use crate::device::files::{self, FileContext};
use crate::device::{Device, flush, interfaces, power, queues, remove, start};
use crate::io::engine::Engine;
use crate::io::own_work::Task;
use crate::io::request_context::RequestContext;
use crate::io::srb::CLAIM;
use crate::io::{arrive, worker};
use crate::km::device_object::DeviceObject;
use crate::km::links::{self, Name};
use crate::status;
use crate::wdf::object::{size_field, with_context};
use crate::wdf::target::Target;
use crate::wdf::{sent_request, work_item};

/// Name of the device objects, before the number.
pub const DEVICE_NAME: &str = r"\Device\CdRom";

/// Name of the links to them, before the number.
pub const LINK_NAME: &str = r"\DosDevices\CdRom";

/// A new drive. PASSIVE_LEVEL.
#[unsafe(link_section = "PAGE")]
pub extern "C" fn device_add(_driver: WDFDRIVER, init: PWDFDEVICE_INIT) -> NTSTATUS {
    status::of(add(init))
}

#[unsafe(link_section = "PAGE")]
fn add(mut init: PWDFDEVICE_INIT) -> Result<(), NTSTATUS> {
    set_callbacks(init)?;
    set_kind(init);
    let device = create_device(&mut init)?;
    reach_lower(device)?;
    claim(device)?;
    queues::create(device)?;
    align(device);
    prepare_work(device)?;
    create_link(device)?;
    interfaces::register(device)
}

/// What the framework calls.
#[unsafe(link_section = "PAGE")]
fn set_callbacks(init: PWDFDEVICE_INIT) -> Result<(), NTSTATUS> {
    let mut pnp = WDF_PNPPOWER_EVENT_CALLBACKS {
        Size: size_field::<WDF_PNPPOWER_EVENT_CALLBACKS>(),
        EvtDeviceD0Entry: Some(power::d0_entry),
        EvtDeviceD0Exit: Some(power::d0_exit),
        EvtDeviceSelfManagedIoInit: Some(start::self_managed_io_init),
        EvtDeviceSelfManagedIoCleanup: Some(remove::self_managed_io_cleanup),
        EvtDeviceSurpriseRemoval: Some(remove::surprise_removal),
        ..WDF_PNPPOWER_EVENT_CALLBACKS::default()
    };
    // SAFETY: the framework's structure for a device that is not made yet; the same holds for all calls with `init`.
    unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitSetPnpPowerEventCallbacks, init, &raw mut pnp) };
    // SAFETY: as above.
    unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDeviceInitSetIoInCallerContextCallback,
            init,
            Some(arrive::in_caller_context)
        );
    };
    for major in [IRP_MJ_FLUSH_BUFFERS, IRP_MJ_SHUTDOWN] {
        let major = u8::try_from(major).unwrap_or(0);
        // SAFETY: as above; without a list all minor functions are meant.
        status::check(unsafe {
            call_unsafe_wdf_function_binding!(
                WdfDeviceInitAssignWdmIrpPreprocessCallback,
                init,
                Some(flush::preprocess),
                major,
                null_mut(),
                0
            )
        })?;
    }
    let mut requests = with_context::<RequestContext>(Some(worker::request_cleanup));
    // SAFETY: as above.
    unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitSetRequestAttributes, init, &raw mut requests) };
    let mut config = WDF_FILEOBJECT_CONFIG {
        Size: size_field::<WDF_FILEOBJECT_CONFIG>(),
        EvtFileCleanup: Some(files::cleanup),
        AutoForwardCleanupClose: _WDF_TRI_STATE::WdfTrue,
        // File systems send requests with file objects of their own, or with none.
        FileObjectClass: _WDF_FILEOBJECT_CLASS::WdfFileObjectWdfCannotUseFsContexts
            | _WDF_FILEOBJECT_CLASS::WdfFileObjectCanBeOptional,
        ..WDF_FILEOBJECT_CONFIG::default()
    };
    let mut attributes = WDF_OBJECT_ATTRIBUTES {
        ExecutionLevel: _WDF_EXECUTION_LEVEL::WdfExecutionLevelPassive,
        SynchronizationScope: _WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeNone,
        ..with_context::<FileContext>(Some(files::forget))
    };
    // SAFETY: as above.
    unsafe {
        call_unsafe_wdf_function_binding!(WdfDeviceInitSetFileObjectConfig, init, &raw mut config, &raw mut attributes);
    };
    Ok(())
}

/// What kind of device it is.
#[unsafe(link_section = "PAGE")]
fn set_kind(init: PWDFDEVICE_INIT) {
    // The port driver owns the power policy.
    // SAFETY: the framework's structure for a device that is not made yet.
    unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitSetPowerPolicyOwnership, init, 0) };
    // SAFETY: as above.
    unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitSetExclusive, init, 0) };
    // SAFETY: as above.
    unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitSetDeviceType, init, FILE_DEVICE_CD_ROM) };
    // SAFETY: as above.
    unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitSetCharacteristics, init, FILE_REMOVABLE_MEDIA, 0) };
    // SAFETY: as above.
    unsafe {
        call_unsafe_wdf_function_binding!(WdfDeviceInitSetIoType, init, _WDF_DEVICE_IO_TYPE::WdfDeviceIoDirect);
    };
    // SAFETY: as above.
    unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitSetPowerPageable, init) };
    let mut locks = WDF_REMOVE_LOCK_OPTIONS {
        Size: size_field::<WDF_REMOVE_LOCK_OPTIONS>(),
        Flags: _WDF_REMOVE_LOCK_OPTIONS_FLAGS::WDF_REMOVE_LOCK_OPTION_ACQUIRE_FOR_IO.cast_unsigned(),
    };
    // SAFETY: as above.
    unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitSetRemoveLockOptions, init, &raw mut locks) };
}

/// Makes the device with the lowest number that is free.
#[unsafe(link_section = "PAGE")]
fn create_device(init: &mut PWDFDEVICE_INIT) -> Result<&'static Device, NTSTATUS> {
    let mut number = 0_u32;
    loop {
        let units = Name::numbered(DEVICE_NAME, number);
        let name = units.string();
        // SAFETY: the framework's structure for a device that is not made yet; the name is copied.
        status::check(unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitAssignName, *init, &raw const name) })?;
        let mut attributes = WDF_OBJECT_ATTRIBUTES {
            ExecutionLevel: _WDF_EXECUTION_LEVEL::WdfExecutionLevelDispatch,
            SynchronizationScope: _WDF_SYNCHRONIZATION_SCOPE::WdfSynchronizationScopeNone,
            ..with_context::<Device>(Some(remove::cleanup))
        };
        let mut handle: WDFDEVICE = null_mut();
        // SAFETY: as above.
        let made =
            unsafe { call_unsafe_wdf_function_binding!(WdfDeviceCreate, init, &raw mut attributes, &raw mut handle) };
        match status::check(made) {
            Ok(()) => {
                // SAFETY: made just now; the framework deletes it when it has gone.
                let device = unsafe { Device::of(handle) };
                identify(device, handle, number);
                return Ok(device);
            }
            Err(STATUS_OBJECT_NAME_COLLISION) => number = number.checked_add(1).ok_or(made)?,
            Err(status) => return Err(status),
        }
    }
}

/// Keeps what is known of a new device, and makes its events.
#[unsafe(link_section = "PAGE")]
fn identify(device: &Device, handle: WDFDEVICE, number: u32) {
    // SAFETY: a live device; the same holds for the calls below.
    let own = unsafe { call_unsafe_wdf_function_binding!(WdfDeviceWdmGetDeviceObject, handle) };
    // SAFETY: as above.
    let lower = unsafe { call_unsafe_wdf_function_binding!(WdfDeviceWdmGetAttachedDevice, handle) };
    // SAFETY: as above.
    let physical = unsafe { call_unsafe_wdf_function_binding!(WdfDeviceWdmGetPhysicalDevice, handle) };
    // SAFETY: device objects that outlive the device's context.
    let objects = [own, lower, physical].map(|object| unsafe { DeviceObject::new(object) });
    let [own, lower, physical] = objects;
    device.identify(handle, own, lower, physical);
    device.number.store(number, Ordering::Relaxed);
    device.port_done.initialize_notification(false);
    device.in_hand.initialize();
    // SAFETY: nobody else knows the device yet.
    unsafe { device.flush.initialize(()) };
}

/// Opens the way to the driver below, and makes what is sent on it.
#[unsafe(link_section = "PAGE")]
fn reach_lower(device: &Device) -> Result<(), NTSTATUS> {
    device.srbs.initialize(device.lower())?;
    let target = Target::open(device.handle(), device.lower())?;
    device.set_target(target);
    let request = sent_request::create(device.object(), target)?;
    device.in_hand.set_request(request);
    // SAFETY: nobody else knows the device yet.
    unsafe { device.engine.initialize(Engine::new(request)) };
    device.start_unit.initialize(device)
}

/// Takes the drive, as early as possible, before another class driver does.
#[unsafe(link_section = "PAGE")]
fn claim(device: &Device) -> Result<(), NTSTATUS> {
    // SAFETY: initialised above; nobody else knows the device yet.
    status::check(unsafe { device.srbs.call(device.lower(), CLAIM) })?;
    device.is_claimed.store(true, Ordering::Relaxed);
    Ok(())
}

/// Asks for buffers that suit the port too.
#[unsafe(link_section = "PAGE")]
fn align(device: &Device) {
    let alignment = device.lower().alignment();
    if alignment > device.own().alignment() {
        // SAFETY: a live device.
        unsafe {
            call_unsafe_wdf_function_binding!(WdfDeviceSetAlignmentRequirement, device.handle(), alignment);
        };
    }
}

/// Makes what runs work.
#[unsafe(link_section = "PAGE")]
fn prepare_work(device: &Device) -> Result<(), NTSTATUS> {
    device.worker.set(work_item::create(device.object(), Some(worker::work))?);
    device.poll.initialize(device, Task::Poll, null_mut())?;
    device.restore_speed.initialize(device, Task::RestoreSpeed, null_mut())?;
    device.soft_eject.initialize(device, Task::SoftEject, null_mut())
}

/// Makes the link for programs. Its number begins at the device's, and is the next one that is free.
#[unsafe(link_section = "PAGE")]
fn create_link(device: &Device) -> Result<(), NTSTATUS> {
    let target = Name::numbered(DEVICE_NAME, device.number());
    let mut number = device.number();
    loop {
        match links::create(&Name::numbered(LINK_NAME, number), &target) {
            STATUS_SUCCESS => break,
            status @ (STATUS_OBJECT_NAME_COLLISION | STATUS_OBJECT_NAME_EXISTS) => {
                number = number.checked_add(1).ok_or(status)?;
            }
            status => return status::check(status),
        }
    }
    device.link_number.store(number, Ordering::Relaxed);
    device.has_link.store(true, Ordering::Relaxed);
    Ok(())
}
