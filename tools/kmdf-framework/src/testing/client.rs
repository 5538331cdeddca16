//! Driver, device and queue objects of the test driver.

use std::cell::Cell;
use std::ffi::c_void;
use std::rc::Rc;

use nt_kernel::layout::{DEVICE_OBJECT, DO_DEVICE_INITIALIZING, IRP};
use nt_kernel::{get, io, put};

use super::{ON_ADD, SERVICE, bound, driver_object, unicode, wdf};
use crate::device::init::InitHandle;
use crate::objects::Handle;
use crate::status;
use crate::structs::{WDF_DRIVER_CONFIG, WDF_IO_QUEUE_CONFIG, WDF_OBJECT_ATTRIBUTES, WDF_OBJECT_CONTEXT_TYPE_INFO};

/// A driver configuration with an AddDevice callback.
pub fn driver_config() -> WDF_DRIVER_CONFIG {
    WDF_DRIVER_CONFIG {
        Size: size_of::<WDF_DRIVER_CONFIG>() as u32,
        EvtDriverDeviceAdd: Some(evt_device_add),
        EvtDriverUnload: None,
        DriverInitFlags: 0,
        DriverPoolTag: 0,
    }
}

unsafe extern "win64" fn evt_device_add(_: Handle, init: *mut c_void) -> i32 {
    let on_add = ON_ADD.with_borrow(Clone::clone).expect("an AddDevice action");
    on_add(InitHandle(init as usize))
}

/// Attributes as their initialiser leaves them.
pub fn attributes() -> WDF_OBJECT_ATTRIBUTES {
    WDF_OBJECT_ATTRIBUTES {
        Size: size_of::<WDF_OBJECT_ATTRIBUTES>() as u32,
        EvtCleanupCallback: None,
        EvtDestroyCallback: None,
        ExecutionLevel: 1,
        SynchronizationScope: 1,
        ParentObject: Handle::NULL,
        ContextSizeOverride: 0,
        ContextTypeInfo: std::ptr::null(),
    }
}

/// A context type of that size; each call makes another type.
pub fn context_type(size: usize) -> *const WDF_OBJECT_CONTEXT_TYPE_INFO {
    let info = Box::leak(Box::new(WDF_OBJECT_CONTEXT_TYPE_INFO {
        Size: size_of::<WDF_OBJECT_CONTEXT_TYPE_INFO>() as u32,
        ContextName: c"TEST_CONTEXT".as_ptr().cast(),
        ContextSize: size,
        UniqueType: std::ptr::null(),
        EvtDriverGetUniqueContextType: std::ptr::null(),
    }));
    info.UniqueType = std::ptr::from_ref(info);
    info
}

/// Creates the WDFDRIVER of the bound driver.
pub fn create_driver(config: &WDF_DRIVER_CONFIG, attributes: *const WDF_OBJECT_ATTRIBUTES) -> Result<Handle, i32> {
    let mut driver = Handle::NULL;
    let status: i32 = wdf!(
        WdfDriverCreate,
        driver_object(),
        unicode(SERVICE),
        attributes,
        std::ptr::from_ref(config),
        &raw mut driver
    );
    if status::ok(status) { Ok(driver) } else { Err(status) }
}

/// A bound driver with its WDFDRIVER.
pub fn driver() -> Handle {
    let _ = Box::leak(bound());
    create_driver(&driver_config(), std::ptr::null()).expect("a driver object")
}

extern "win64" fn bus_dispatch(_: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    put!(irp, IoStatus.Status, status::SUCCESS);
    io::complete(irp, 0);
    status::SUCCESS
}

/// A PDO whose driver completes everything with success.
pub fn pdo() -> *mut DEVICE_OBJECT {
    let bus = io::create_driver("testbus", r"\Registry\Machine\System\CurrentControlSet\Services\testbus");
    put!(bus, MajorFunction, [Some(bus_dispatch as _); 28]);
    let pdo = io::create_device(bus, 0, None, 0x22, 0).expect("a PDO");
    put!(pdo, Flags, get!(pdo, Flags) & !DO_DEVICE_INITIALIZING);
    pdo
}

/// Calls the AddDevice routine with a fresh PDO; `on_add` is the driver's callback.
pub fn add_device(on_add: impl Fn(InitHandle) -> i32 + 'static) -> (i32, *mut DEVICE_OBJECT) {
    ON_ADD.with_borrow_mut(|slot| *slot = Some(Rc::new(on_add)));
    let pdo = pdo();
    let add = get!(get!(driver_object(), DriverExtension), AddDevice).expect("an AddDevice routine");
    (add(driver_object(), pdo), pdo)
}

/// Creates a device from an init.
pub fn create_device(init: InitHandle, attributes: *const WDF_OBJECT_ATTRIBUTES) -> Result<Handle, i32> {
    let mut init = init;
    let mut device = Handle::NULL;
    let status: i32 = wdf!(WdfDeviceCreate, &raw mut init, attributes, &raw mut device);
    assert_eq!(init == InitHandle::NULL, status::ok(status));
    if status::ok(status) { Ok(device) } else { Err(status) }
}

/// A driver with one device that `configure` prepares and `setup` completes; gives the WDFDEVICE.
pub fn device_with(configure: impl Fn(InitHandle) + 'static, setup: impl Fn(Handle) + 'static) -> Handle {
    driver();
    let made = Rc::new(Cell::new(Handle::NULL));
    let out = Rc::clone(&made);
    let (status, _) = add_device(move |init| {
        configure(init);
        let device = create_device(init, std::ptr::null()).expect("a device");
        setup(device);
        out.set(device);
        status::SUCCESS
    });
    assert_eq!(status, status::SUCCESS);
    made.get()
}

/// A queue configuration that is not power-managed.
pub fn queue_config(dispatch_type: u32) -> WDF_IO_QUEUE_CONFIG {
    WDF_IO_QUEUE_CONFIG {
        Size: size_of::<WDF_IO_QUEUE_CONFIG>() as u32,
        DispatchType: dispatch_type,
        PowerManaged: 0,
        AllowZeroLengthRequests: 0,
        DefaultQueue: 0,
        EvtIoDefault: None,
        EvtIoRead: None,
        EvtIoWrite: None,
        EvtIoDeviceControl: None,
        EvtIoInternalDeviceControl: None,
        EvtIoStop: None,
        EvtIoResume: None,
        EvtIoCanceledOnQueue: None,
        Settings: if dispatch_type == 2 { u32::MAX } else { 0 },
        Driver: Handle::NULL,
    }
}

/// Creates a queue.
pub fn create_queue(
    device: Handle,
    config: &WDF_IO_QUEUE_CONFIG,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
) -> Result<Handle, i32> {
    let mut queue = Handle::NULL;
    let status: i32 = wdf!(WdfIoQueueCreate, device, std::ptr::from_ref(config), attributes, &raw mut queue);
    if status::ok(status) { Ok(queue) } else { Err(status) }
}
