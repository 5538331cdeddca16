//! Driver objects, device objects and stacks of them.

use std::cell::RefCell;

use nt_machine::findings::{self, Rule};
use nt_machine::memory::{self, Kind as MemoryKind};

use crate::layout::{
    DEVICE_OBJECT, DEVOBJ_EXTENSION, DO_DEVICE_HAS_NAME, DO_DEVICE_INITIALIZING, DO_EXCLUSIVE, DRIVER_EXTENSION,
    DRIVER_OBJECT, FILE_DEVICE_CD_ROM, FILE_DEVICE_DISK, FILE_DEVICE_TAPE, FILE_DEVICE_VIRTUAL_DISK, IO_TYPE_DEVICE,
    IO_TYPE_DRIVER, IO_TYPE_VPB, IRP, UNICODE_STRING, VPB,
};
use crate::objects::{self, Kind};
use crate::{field, get, names, put, raw, rtl, status, sync};

/// Everything allocated for an object besides itself, freed with it.
type Parts = Vec<*mut u8>;

/// A driver's extension for a client that named it by an address.
struct ClientExtension {
    driver: *mut DRIVER_OBJECT,
    id: usize,
    block: *mut u8,
}

thread_local! {
    static DRIVERS: RefCell<Vec<(*mut DRIVER_OBJECT, Parts)>> = const { RefCell::new(Vec::new()) };
    static DEVICES: RefCell<Vec<*mut DEVICE_OBJECT>> = const { RefCell::new(Vec::new()) };
    /// Deleted devices that still have open handles.
    static LINGERING: RefCell<Vec<*mut DEVICE_OBJECT>> = const { RefCell::new(Vec::new()) };
    static EXTENSIONS: RefCell<Vec<ClientExtension>> = const { RefCell::new(Vec::new()) };
    static SHUTDOWN: RefCell<Vec<*mut DEVICE_OBJECT>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn reset() {
    DRIVERS.replace(Vec::new());
    DEVICES.replace(Vec::new());
    LINGERING.replace(Vec::new());
    EXTENSIONS.replace(Vec::new());
    SHUTDOWN.replace(Vec::new());
}

fn zeroed(size: usize, label: &str) -> *mut u8 {
    let block = memory::allocate(MemoryKind::Object, size, 16, 0, label);
    raw::fill(block, 0, size);
    block
}

/// A string in a block of its own.
fn string_block(text: &str, label: &str) -> (UNICODE_STRING, *mut u8) {
    let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
    let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let block = memory::allocate(MemoryKind::Object, bytes.len(), 2, 0, label);
    raw::put_bytes(block, &bytes);
    let length = (bytes.len() - 2) as u16;
    (UNICODE_STRING { Length: length, MaximumLength: length + 2, Buffer: block.cast() }, block)
}

/// Makes a driver object, as for a driver of this name (`cdrom`) whose service key is given. All its major functions fail
/// with INVALID_DEVICE_REQUEST until they are set.
#[must_use]
pub fn create_driver(name: &str, service_key: &str) -> *mut DRIVER_OBJECT {
    let full = format!(r"\Driver\{name}");
    let driver = zeroed(size_of::<DRIVER_OBJECT>(), &format!("driver object {full}")).cast::<DRIVER_OBJECT>();
    let extension =
        zeroed(size_of::<DRIVER_EXTENSION>(), &format!("driver extension of {full}")).cast::<DRIVER_EXTENSION>();
    let (driver_name, name_block) = string_block(&full, "name of a driver object");
    let service = service_key.rsplit('\\').next().unwrap_or(name);
    let (service_name, service_block) = string_block(service, "service name of a driver object");
    put!(driver, Type, IO_TYPE_DRIVER);
    put!(driver, Size, size_of::<DRIVER_OBJECT>() as i16);
    put!(driver, DriverExtension, extension);
    put!(driver, DriverName, driver_name);
    for major in 0..28 {
        raw::write(field!(driver, MajorFunction[major]), Some(invalid_device_request));
    }
    put!(extension, DriverObject, driver);
    put!(extension, ServiceKeyName, service_name);
    objects::register(driver.cast(), Kind::Driver, &full);
    DRIVERS.with_borrow_mut(|drivers| drivers.push((driver, vec![extension.cast(), name_block, service_block])));
    driver
}

/// Ends a driver object. Devices that it left are found by the check at unload.
pub fn delete_driver(driver: *mut DRIVER_OBJECT) {
    let parts = DRIVERS.with_borrow_mut(|drivers| {
        let at = drivers.iter().position(|(known, _)| *known == driver)?;
        Some(drivers.remove(at).1)
    });
    let Some(mut parts) = parts else { return };
    EXTENSIONS.with_borrow_mut(|all| {
        parts.extend(all.iter().filter(|extension| extension.driver == driver).map(|extension| extension.block));
        all.retain(|extension| extension.driver != driver);
    });
    objects::end(
        driver.cast(),
        Box::new(move || {
            for part in parts {
                memory::free(part);
            }
            memory::free(driver.cast());
        }),
    );
}

/// Adds a driver object extension; `None` when there is one with this identification.
pub(super) fn add_driver_extension(driver: *mut DRIVER_OBJECT, id: usize, size: usize) -> Option<*mut u8> {
    if driver_extension(driver, id).is_some() {
        return None;
    }
    let block = zeroed(size, "driver object extension");
    EXTENSIONS.with_borrow_mut(|all| all.push(ClientExtension { driver, id, block }));
    Some(block)
}

/// The driver object extension with this identification.
pub(super) fn driver_extension(driver: *mut DRIVER_OBJECT, id: usize) -> Option<*mut u8> {
    EXTENSIONS.with_borrow(|all| all.iter().find(|own| own.driver == driver && own.id == id).map(|own| own.block))
}

/// The device wants IRP_MJ_SHUTDOWN when the system shuts down.
pub(super) fn register_shutdown(device: *mut DEVICE_OBJECT) {
    SHUTDOWN.with_borrow_mut(|all| all.push(device));
}

/// It no longer does.
pub(super) fn unregister_shutdown(device: *mut DEVICE_OBJECT) {
    SHUTDOWN.with_borrow_mut(|all| all.retain(|&known| known != device));
}

/// The devices that want IRP_MJ_SHUTDOWN, the last registered first.
#[must_use]
pub fn shutdown_devices() -> Vec<*mut DEVICE_OBJECT> {
    SHUTDOWN.with_borrow(|all| all.iter().rev().copied().collect())
}

/// The name of a device's driver, for messages.
#[must_use]
pub fn driver_name(device: *mut DEVICE_OBJECT) -> String {
    if !is_device(device) {
        return crate::describe(device as usize);
    }
    objects::name(get!(device, DriverObject).cast())
}

/// Whether this is a live device object.
#[must_use]
pub fn is_device(device: *mut DEVICE_OBJECT) -> bool {
    objects::is(device.cast(), Kind::Device)
}

/// What a major function does that the driver did not set.
extern "win64" fn invalid_device_request(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    put!(irp, IoStatus.Status, status::INVALID_DEVICE_REQUEST);
    put!(irp, IoStatus.Information, 0);
    super::complete(irp, 0);
    status::INVALID_DEVICE_REQUEST
}

/// Makes a device object with `extension` bytes of device extension.
///
/// # Errors
/// `OBJECT_NAME_COLLISION` and `OBJECT_PATH_INVALID` for its name.
pub fn create_device(
    driver: *mut DRIVER_OBJECT,
    extension: usize,
    name: Option<&str>,
    kind: u32,
    characteristics: u32,
) -> Result<*mut DEVICE_OBJECT, i32> {
    let text = name.map_or_else(|| format!("device of {}", objects::name(driver.cast())), str::to_owned);
    let device = zeroed(size_of::<DEVICE_OBJECT>(), &format!("device object {text}")).cast::<DEVICE_OBJECT>();
    if let Some(name) = name {
        let result = names::name_device(name, device);
        if !status::success(result) {
            memory::free(device.cast());
            return Err(result);
        }
        put!(device, Flags, DO_DEVICE_HAS_NAME);
    }
    let more = zeroed(size_of::<DEVOBJ_EXTENSION>(), "device object extension").cast::<DEVOBJ_EXTENSION>();
    put!(more, Type, 0xD);
    put!(more, DeviceObject, device);
    put!(device, Type, IO_TYPE_DEVICE);
    put!(device, Size, (size_of::<DEVICE_OBJECT>() + extension) as u16);
    put!(device, DriverObject, driver);
    put!(device, Flags, get!(device, Flags) | DO_DEVICE_INITIALIZING);
    put!(device, Characteristics, characteristics);
    put!(device, DeviceType, kind);
    put!(device, StackSize, 1);
    put!(device, DeviceObjectExtension, more);
    sync::event_init(field!(device, DeviceLock), true, true);
    if extension != 0 {
        let block = zeroed(extension, &format!("device extension of {text}"));
        put!(device, DeviceExtension, block.cast());
    }
    if matches!(kind, FILE_DEVICE_CD_ROM | FILE_DEVICE_DISK | FILE_DEVICE_TAPE | FILE_DEVICE_VIRTUAL_DISK) {
        let vpb = zeroed(size_of::<VPB>(), &format!("volume parameter block of {text}")).cast::<VPB>();
        put!(vpb, Type, IO_TYPE_VPB);
        put!(vpb, Size, size_of::<VPB>() as i16);
        put!(vpb, RealDevice, device);
        put!(device, Vpb, vpb);
    }
    // The newest device comes first in the driver's list.
    put!(device, NextDevice, get!(driver, DeviceObject));
    put!(driver, DeviceObject, device);
    objects::register(device.cast(), Kind::Device, &text);
    DEVICES.with_borrow_mut(|devices| devices.push(device));
    Ok(device)
}

/// Marks a device as exclusive, as `IoCreateDevice` was asked to.
pub(super) fn set_exclusive(device: *mut DEVICE_OBJECT) {
    put!(device, Flags, get!(device, Flags) | DO_EXCLUSIVE);
}

/// Deletes a device object. It lingers while there are open handles or references.
pub fn delete_device(device: *mut DEVICE_OBJECT) {
    if !is_device(device) {
        findings::fatal(
            Rule::BadArgument,
            "DeviceObject",
            format_args!("{} is no device object", crate::describe(device as usize)),
        );
    }
    if !get!(device, AttachedDevice).is_null() {
        findings::report(Rule::PnpOrder, "DeviceObject", "a device with another attached to it was deleted");
    }
    if !lower(device).is_null() {
        findings::report(Rule::PnpOrder, "DeviceObject", "a device was deleted while attached to another");
    }
    names::forget_device(device);
    let driver = get!(device, DriverObject);
    let mut link = field!(driver, DeviceObject);
    while raw::read(link) != device && !raw::read(link).is_null() {
        link = field!(raw::read(link), NextDevice);
    }
    if raw::read(link) == device {
        raw::write(link, get!(device, NextDevice));
    }
    DEVICES.with_borrow_mut(|devices| devices.retain(|&known| known != device));
    if get!(device, ReferenceCount) == 0 {
        end(device);
    } else {
        LINGERING.with_borrow_mut(|all| all.push(device));
    }
}

/// Counts an open handle of a device, or its end; the last one ends a device that was deleted meanwhile.
pub(crate) fn count_open(device: *mut DEVICE_OBJECT, by: i32) {
    put!(device, ReferenceCount, get!(device, ReferenceCount) + by);
    let ends = get!(device, ReferenceCount) == 0
        && LINGERING.with_borrow_mut(|all| {
            let before = all.len();
            all.retain(|&known| known != device);
            all.len() != before
        });
    if ends {
        end(device);
    }
}

fn end(device: *mut DEVICE_OBJECT) {
    objects::end(
        device.cast(),
        Box::new(move || {
            let extension = get!(device, DeviceExtension);
            // A framework points this at memory of its own.
            let own = memory::lookup(extension as usize).is_some_and(|block| {
                block.address == extension as usize && block.label.starts_with("device extension of ")
            });
            if own {
                sync::check_freed(extension as usize, memory::lookup(extension as usize).map_or(0, |block| block.size));
                memory::free(extension.cast());
            }
            for part in [get!(device, DeviceObjectExtension).cast::<u8>(), get!(device, Vpb).cast()] {
                if !part.is_null() {
                    memory::free(part);
                }
            }
            sync::check_freed(device as usize, size_of::<DEVICE_OBJECT>());
            memory::free(device.cast());
        }),
    );
}

/// Puts a device on top of the stack that `target` belongs to, and gives the device below it then.
pub fn attach(source: *mut DEVICE_OBJECT, target: *mut DEVICE_OBJECT) -> *mut DEVICE_OBJECT {
    let below = attached_top(target);
    put!(below, AttachedDevice, source);
    put!(get!(source, DeviceObjectExtension), AttachedTo, below);
    put!(source, StackSize, get!(below, StackSize) + 1);
    put!(source, AlignmentRequirement, get!(below, AlignmentRequirement));
    put!(source, SectorSize, get!(below, SectorSize));
    below
}

/// Takes the device on top of this one off it.
pub fn detach(below: *mut DEVICE_OBJECT) {
    let above = get!(below, AttachedDevice);
    if above.is_null() {
        findings::report(Rule::PnpOrder, "TargetDevice", "nothing is attached to the device");
        return;
    }
    put!(get!(above, DeviceObjectExtension), AttachedTo, core::ptr::null_mut());
    put!(below, AttachedDevice, core::ptr::null_mut());
}

/// The device on top of the stack that this one belongs to.
#[must_use]
pub fn attached_top(device: *mut DEVICE_OBJECT) -> *mut DEVICE_OBJECT {
    let mut top = device;
    while !get!(top, AttachedDevice).is_null() {
        top = get!(top, AttachedDevice);
    }
    top
}

/// The device that this one is attached to, or null.
#[must_use]
pub fn lower(device: *mut DEVICE_OBJECT) -> *mut DEVICE_OBJECT {
    get!(get!(device, DeviceObjectExtension), AttachedTo)
}

/// Devices that were not deleted, with the names of their drivers.
pub(crate) fn left() -> Vec<(String, String)> {
    let devices = DEVICES.with_borrow(|devices| {
        devices.iter().copied().map(|device| (objects::name(device.cast()), device)).collect::<Vec<_>>()
    });
    devices.into_iter().map(|(name, device)| (name, driver_name(device))).collect()
}

pub(super) extern "win64" fn io_create_device(
    driver: *mut DRIVER_OBJECT,
    extension: u32,
    name: *mut UNICODE_STRING,
    kind: u32,
    characteristics: u32,
    exclusive: u8,
    device: *mut *mut DEVICE_OBJECT,
) -> i32 {
    raw::write(device, core::ptr::null_mut());
    if !crate::pool::try_charge() {
        return status::INSUFFICIENT_RESOURCES;
    }
    let name = (!name.is_null()).then(|| rtl::string(name));
    match create_device(driver, extension as usize, name.as_deref(), kind, characteristics) {
        Ok(made) => {
            if exclusive != 0 {
                set_exclusive(made);
            }
            raw::write(device, made);
            status::SUCCESS
        }
        Err(error) => error,
    }
}
