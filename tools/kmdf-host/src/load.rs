//! Bringing a driver in: image, imports, driver object, entry point, AddDevice, unload.

use nt_kernel::layout::{DEVICE_OBJECT, DRIVER_INITIALIZE, DRIVER_OBJECT, PVOID, UNICODE_STRING};
use nt_kernel::registry::{self, Value};
use nt_kernel::{get, io, put, raw, status};
use nt_machine::image::{self, Image, LoadError};
use nt_machine::memory::{self, Kind};
use nt_machine::{call, findings};

use crate::registry::{Data, Root, SERVICE, Setting, service_key};

/// Writes the registry values that the driver is to find.
///
/// # Panics
/// When the registry refuses a value below a key that was just made.
pub fn write_registry(settings: &[Setting], pdo: *mut DEVICE_OBJECT) {
    let keep = |setting: &Setting| -> Result<(), i32> {
        let root = match setting.root {
            Root::Service => service_key(),
            Root::Device => nt_kernel::pnp::device_key(pdo, HARDWARE_KEY)?,
            Root::Absolute => String::new(),
        };
        let path: Vec<&str> =
            [root.as_str(), setting.key.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
        let value = match &setting.data {
            Data::Number(number) => Value::dword(*number),
            Data::Text(text) => Value::string(text),
        };
        registry::open(&path.join("\\"), true)?.set(&setting.name, value)
    };
    for setting in settings {
        if let Err(status) = keep(setting) {
            panic!("the registry refused {setting:?}: {}", status::name(status));
        }
    }
}

/// `PLUGPLAY_REGKEY_DEVICE`.
const HARDWARE_KEY: u32 = 1;

/// Loads the image and resolves its imports: framework functions from the framework, all others from the kernel. A
/// function that is not provided ends the run when it is called.
pub fn image(file: &[u8], path: &str) -> Result<Image, LoadError> {
    image::load(file, path, &mut |module, name| {
        let resolved = if module.eq_ignore_ascii_case("WDFLDR.SYS") {
            kmdf_framework::bind_exports(name).map(|export| call::thunk(&export))
        } else {
            nt_kernel::resolve(module, name)
        };
        resolved.unwrap_or_else(|| call::missing(name))
    })
}

/// The driver object of the image.
pub fn driver_object(image: &Image) -> *mut DRIVER_OBJECT {
    let driver = io::create_driver(SERVICE, &service_key());
    put!(driver, DriverStart, pointer(image.base));
    put!(driver, DriverSize, u32::try_from(image.size).unwrap_or(u32::MAX));
    put!(driver, DriverInit, pointer(image.entry));
    driver
}

fn pointer(address: usize) -> PVOID {
    core::ptr::with_exposed_provenance_mut(address)
}

/// Calls the image's entry point. On a simulated thread.
pub fn driver_entry(driver: *mut DRIVER_OBJECT, entry: usize) -> i32 {
    let path: Vec<u8> = service_key().encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    let text = memory::allocate(Kind::Object, path.len(), 2, 0, "registry path");
    raw::put_bytes(text, &path);
    let string = memory::allocate(Kind::Object, size_of::<UNICODE_STRING>(), 8, 0, "registry path");
    let length = u16::try_from(path.len() - 2).unwrap_or(0);
    raw::write(string.cast(), UNICODE_STRING { Length: length, MaximumLength: length + 2, Buffer: text.cast() });
    // SAFETY: the loader gives the address of the image's entry point, which has this signature by convention; the image
    // stays loaded for as long as the run lasts.
    let entry = unsafe { core::mem::transmute::<PVOID, DRIVER_INITIALIZE>(pointer(entry)) };
    let status = call::driver("DriverEntry", || entry(driver, string.cast()));
    memory::free(string);
    memory::free(text);
    status
}

/// Calls the driver's AddDevice. On a simulated thread.
pub fn add_device(driver: *mut DRIVER_OBJECT, pdo: *mut DEVICE_OBJECT) -> i32 {
    match get!(get!(driver, DriverExtension), AddDevice) {
        Some(add) => call::driver("AddDevice", || add(driver, pdo)),
        None => {
            findings::report(findings::Rule::PnpOrder, "DriverEntry", "set no AddDevice routine");
            status::NOT_IMPLEMENTED
        }
    }
}

/// Calls the driver's unload routine. On a simulated thread.
pub fn unload(driver: *mut DRIVER_OBJECT) {
    if let Some(unload) = get!(driver, DriverUnload) {
        call::driver("DriverUnload", || unload(driver));
    }
}
