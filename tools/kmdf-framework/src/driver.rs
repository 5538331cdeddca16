//! The driver object: creation, AddDevice, unload.

use std::cell::Cell;
use std::ffi::c_void;
use std::rc::Rc;

use nt_kernel::layout::{DEVICE_OBJECT, DRIVER_OBJECT, UNICODE_STRING};
use nt_kernel::{get, put, raw};
use nt_machine::{call, memory};

use crate::client::{self, Client, Globals};
use crate::device::{self, DeviceKind};
use crate::fail::{Violation, misuse, require, violation};
use crate::functions::Function;
use crate::objects::{self, Body, CallbackLock, Handle, Kind, Level, Plan, Scope};
use crate::structs::{self, WDF_DRIVER_CONFIG, WDF_DRIVER_VERSION_AVAILABLE_PARAMS, WDF_OBJECT_ATTRIBUTES};
use crate::{bind, dispatch, status, string, unicode};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfDriverCreate", create as *const ()),
    ("WdfDriverGetRegistryPath", get_registry_path as *const ()),
    ("WdfDriverWdmGetDriverObject", get_driver_object as *const ()),
    ("WdfWdmDriverGetWdfDriverHandle", get_driver_handle as *const ()),
    ("WdfDriverIsVersionAvailable", is_version_available as *const ()),
    ("WdfDriverRetrieveVersionString", retrieve_version_string as *const ()),
    ("WdfDriverErrorReportApiMissing", error_report_api_missing as *const ()),
];

/// What the framework keeps of a WDFDRIVER.
pub struct Driver {
    client: Rc<Client>,
    config: WDF_DRIVER_CONFIG,
    registry_path: *mut c_void,
    /// Serialises the AddDevice callback when the driver has a scope.
    lock: Option<Rc<CallbackLock>>,
    unloading: Cell<bool>,
}

impl Body for Driver {
    fn destroy(&self, _handle: Handle) {
        self.client.driver.set(Handle::NULL);
        put!(self.client.globals, Driver, Handle::NULL);
        memory::free(self.registry_path.cast());
    }
}

const NON_PNP: u32 = 1;
const NO_DISPATCH_OVERRIDE: u32 = 2;
const KNOWN_FLAGS: u32 = 0x1F;

unsafe extern "win64" fn create(
    globals: Globals,
    driver_object: *mut DRIVER_OBJECT,
    registry_path: *const UNICODE_STRING,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    config: *const WDF_DRIVER_CONFIG,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    require(driver_object, "DriverObject");
    require(registry_path, "RegistryPath");
    require(config, "DriverConfig");
    let mut unused = Handle::NULL;
    let out = if out.is_null() { &raw mut unused } else { out };
    objects::store(out, "Driver", || make(&client, driver_object, registry_path, attributes, config))
}

fn make(
    client: &Rc<Client>,
    driver_object: *mut DRIVER_OBJECT,
    registry_path: *const UNICODE_STRING,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    config: *const WDF_DRIVER_CONFIG,
) -> Result<Handle, i32> {
    let config = structs::read(config).ok_or(status::INFO_LENGTH_MISMATCH)?;
    if config.DriverInitFlags & !KNOWN_FLAGS != 0 {
        return Err(status::INVALID_PARAMETER);
    }
    let path = unicode::read(registry_path)?;
    if !client.driver.get().is_null() {
        return Err(status::DRIVER_INTERNAL_ERROR);
    }
    let pnp = config.DriverInitFlags & NON_PNP == 0;
    if !pnp && config.EvtDriverDeviceAdd.is_some() {
        return Err(status::INVALID_PARAMETER);
    }
    let mut plan = Plan::check(client, Kind::Driver, attributes, Handle::NULL)?;
    if plan.level == Level::Inherit {
        plan.level = Level::Dispatch;
    }
    if plan.scope == Scope::Inherit {
        plan.scope = Scope::None;
    }
    if !nt_kernel::pool::try_charge() {
        return Err(status::INSUFFICIENT_RESOURCES);
    }
    let registry_path = wide_copy(&path, "registry path of the WDFDRIVER");
    let lock = (plan.scope != Scope::None).then(|| CallbackLock::new(true));
    let body = Driver { client: Rc::clone(client), config, registry_path, lock, unloading: Cell::new(false) };
    let handle = objects::create(plan, Rc::new(body)).inspect_err(|_| {
        memory::free(registry_path.cast());
    })?;
    publish(client, handle, driver_object, &config);
    Ok(handle)
}

/// Memory for the path that `WdfDriverGetRegistryPath` gives out: NUL-terminated, until the driver object goes.
fn wide_copy(text: &str, label: &str) -> *mut c_void {
    let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
    let block = memory::allocate(memory::Kind::Object, units.len() * 2, 16, 0, label);
    raw::copy_bytes(units.as_ptr().cast(), block, units.len() * 2);
    block.cast()
}

/// Makes a created driver object visible: globals and driver object.
fn publish(client: &Client, handle: Handle, driver_object: *mut DRIVER_OBJECT, config: &WDF_DRIVER_CONFIG) {
    let globals = client.globals;
    let pnp = config.DriverInitFlags & NON_PNP == 0;
    let dispatch_override = config.DriverInitFlags & NO_DISPATCH_OVERRIDE == 0;
    client.driver.set(handle);
    put!(globals, Driver, handle);
    put!(globals, DriverFlags, get!(globals, DriverFlags) | config.DriverInitFlags);
    let tag = driver_tag(&get!(globals, DriverName), config.DriverPoolTag);
    put!(globals, DriverTag, tag.unwrap_or(0));
    if let Some(tag) = tag {
        client.tag.set(tag);
    }
    let displace = (pnp && dispatch_override) || config.EvtDriverUnload.is_some();
    put!(globals, DisplaceDriverUnload, u8::from(displace));
    if dispatch_override {
        put!(driver_object, MajorFunction, [Some(dispatch::entry as _); 28]);
    }
    if pnp {
        put!(get!(driver_object, DriverExtension), AddDevice, Some(add_device));
    }
    if displace {
        put!(driver_object, DriverUnload, Some(unload));
    }
}

const DDK_TAG: u32 = u32::from_le_bytes(*b"Ddk ");

/// The driver's tag: the configured one, or the first four characters of its name without a leading "wdf".
fn driver_tag(name: &[u8; 32], configured: u32) -> Option<u32> {
    if configured != 0 && configured != DDK_TAG {
        return Some(configured);
    }
    let length = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    let name = &name[..length];
    let name = match name {
        [w, d, f, rest @ ..] if [w, d, f].map(u8::to_ascii_lowercase) == *b"wdf" => rest,
        _ => name,
    };
    if name.len() <= 2 {
        return None;
    }
    let mut tag = [b' '; 4];
    for (place, byte) in tag.iter_mut().zip(name) {
        *place = *byte;
    }
    Some(u32::from_le_bytes(tag))
}

/// The framework's AddDevice routine.
extern "win64" fn add_device(driver_object: *mut DRIVER_OBJECT, pdo: *mut DEVICE_OBJECT) -> i32 {
    let Some(client) = client::by_driver_object(driver_object) else { return status::NO_SUCH_DEVICE };
    let driver: Rc<Driver> = objects::get(client.driver.get(), Kind::Driver, "Driver");
    let Some(callback) = driver.config.EvtDriverDeviceAdd else { return status::SUCCESS };
    let init = device::init::make(&client, pdo, DeviceKind::Function);
    let result = objects::run_locked(driver.lock.as_ref(), || {
        // SAFETY: the driver gave this callback for devices that are added.
        call::driver("EvtDriverDeviceAdd", || unsafe { callback(client.driver.get(), init.0 as *mut c_void) })
    });
    let (made, filter) = device::init::outcome(init);
    match (status::ok(result), made) {
        (true, None) => status::SUCCESS,
        (true, Some(device)) => {
            device.finish_initializing();
            status::SUCCESS
        }
        (false, made) => {
            if let Some(device) = made {
                device.fail_add();
            }
            // A filter that fails must not keep the stack from loading.
            if filter { status::SUCCESS } else { result }
        }
    }
}

/// The framework's unload routine: `EvtDriverUnload`, then the driver object is deleted.
extern "win64" fn unload(driver_object: *mut DRIVER_OBJECT) {
    let Some(client) = client::by_driver_object(driver_object) else { return };
    let handle = client.driver.get();
    let driver: Rc<Driver> = objects::get(handle, Kind::Driver, "Driver");
    if driver.unloading.replace(true) {
        misuse("DriverObject", "the unload routine is called a second time");
        return;
    }
    if let Some(callback) = driver.config.EvtDriverUnload {
        // SAFETY: the driver gave this callback for its unload.
        call::driver("EvtDriverUnload", || unsafe { callback(handle) });
    }
    objects::delete(handle);
    objects::wait_for_disposals();
}

unsafe extern "win64" fn get_registry_path(_: Globals, driver: Handle) -> *mut c_void {
    objects::get::<Driver>(driver, Kind::Driver, "Driver").registry_path
}

unsafe extern "win64" fn get_driver_object(_: Globals, driver: Handle) -> *mut DRIVER_OBJECT {
    objects::get::<Driver>(driver, Kind::Driver, "Driver").client.driver_object
}

unsafe extern "win64" fn get_driver_handle(_: Globals, driver_object: *mut DRIVER_OBJECT) -> Handle {
    require(driver_object, "DriverObject");
    client::by_driver_object(driver_object).map_or(Handle::NULL, |client| client.driver.get())
}

unsafe extern "win64" fn is_version_available(
    _: Globals,
    driver: Handle,
    parameters: *const WDF_DRIVER_VERSION_AVAILABLE_PARAMS,
) -> u8 {
    let _ = objects::get::<Driver>(driver, Kind::Driver, "Driver");
    require(parameters, "VersionAvailableParams");
    let Some(asked) = structs::read(parameters) else {
        misuse("VersionAvailableParams", "unknown size");
        return 0;
    };
    u8::from(asked.MajorVersion == bind::MAJOR && asked.MinorVersion <= bind::MINOR)
}

unsafe extern "win64" fn retrieve_version_string(_: Globals, driver: Handle, text: Handle) -> i32 {
    let _ = objects::get::<Driver>(driver, Kind::Driver, "Driver");
    let version = format!("Kernel Mode Driver Framework version {}.{}.0", bind::MAJOR, bind::MINOR);
    string::get(text).assign(&version).err().unwrap_or(status::SUCCESS)
}

/// A client that is newer than the framework calls this for a function that the framework lacks. What answers with a
/// status answers INVALID_DEVICE_REQUEST; anything else cannot go on (bug check 0x10D/0x10).
unsafe extern "win64" fn error_report_api_missing(
    _: Globals,
    _driver: Handle,
    _extension: *const u16,
    index: u32,
    returns_status: u8,
) -> i32 {
    if returns_status == 0 {
        violation(Violation::ApiUnavailable, "ApiIndex", format_args!("function {index} is not in this framework"));
    }
    misuse("ApiIndex", format_args!("function {index} is not in this framework"));
    status::INVALID_DEVICE_REQUEST
}

#[cfg(test)]
mod tests {
    use super::driver_tag;

    fn tag(name: &str, configured: u32) -> Option<u32> {
        let mut bytes = [0; 32];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        driver_tag(&bytes, configured)
    }

    #[test]
    fn the_tag_is_configured_or_made_of_the_name() {
        let four = |text: &[u8; 4]| Some(u32::from_le_bytes(*text));
        assert_eq!(tag("cdromrs", 0), four(b"cdro"));
        assert_eq!(tag("WdfEcho", 0), four(b"Echo"));
        assert_eq!(tag("wdfab", 0), None);
        assert_eq!(tag("abc", 0), four(b"abc "));
        assert_eq!(tag("cdromrs", u32::from_le_bytes(*b"Ddk ")), four(b"cdro"));
        assert_eq!(tag("cdromrs", 7), Some(7));
    }
}
