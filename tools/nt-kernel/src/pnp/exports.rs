//! Exports of the PnP manager.

use core::ffi::c_void;

use nt_machine::call::{self, Export};
use nt_machine::findings::{self, Rule};
use nt_machine::irql::{DISPATCH, PASSIVE};

use super::notify::{self, Invalidation};
use super::{interface, node};
use crate::exports::function;
use crate::layout::{
    CONFIGURATION_INFORMATION, DEVICE_OBJECT, DEVPROPKEY, GUID, NTSTATUS, PVOID, TARGET_DEVICE_CUSTOM_NOTIFICATION,
    UNICODE_STRING,
};
use crate::{pool, raw, rtl, status, sync};

/// Gives a property's bytes, or says how many there are.
fn give(data: &[u8], to: PVOID, room: u32, needed: *mut u32) -> NTSTATUS {
    if !needed.is_null() {
        raw::write(needed, data.len() as u32);
    }
    if (room as usize) < data.len() {
        return status::BUFFER_TOO_SMALL;
    }
    raw::put_bytes(to.cast(), data);
    status::SUCCESS
}

extern "win64" fn get_device_property(
    pdo: *mut DEVICE_OBJECT,
    property: u32,
    length: u32,
    buffer: PVOID,
    needed: *mut u32,
) -> NTSTATUS {
    match node::device_property(pdo, property) {
        Ok(data) => give(&data, buffer, length, needed),
        Err(error) => {
            raw::write(needed, 0);
            error
        }
    }
}

extern "win64" fn get_device_property_data(
    pdo: *mut DEVICE_OBJECT,
    key: *const DEVPROPKEY,
    _locale: u32,
    _flags: u32,
    size: u32,
    data: PVOID,
    needed: *mut u32,
    kind: *mut u32,
) -> NTSTATUS {
    match node::device_property_key(pdo, &raw::read(key)) {
        Ok((own, bytes)) => {
            raw::write(kind, own);
            give(&bytes, data, size, needed)
        }
        Err(error) => error,
    }
}

fn property(kind: u32, size: u32, data: *const c_void) -> super::Property {
    let size = if data.is_null() { 0 } else { size };
    (kind, raw::bytes(data.cast(), size as usize))
}

extern "win64" fn set_device_property_data(
    pdo: *mut DEVICE_OBJECT,
    key: *const DEVPROPKEY,
    _locale: u32,
    _flags: u32,
    kind: u32,
    size: u32,
    data: *const c_void,
) -> NTSTATUS {
    node::set_property_key(pdo, &raw::read(key), property(kind, size, data)).err().unwrap_or(status::SUCCESS)
}

extern "win64" fn set_device_interface_property_data(
    link: *const UNICODE_STRING,
    key: *const DEVPROPKEY,
    _locale: u32,
    _flags: u32,
    kind: u32,
    size: u32,
    data: *const c_void,
) -> NTSTATUS {
    interface::set_interface_property(&rtl::string(link), &raw::read(key), property(kind, size, data))
}

extern "win64" fn get_device_interface_property_data(
    link: *const UNICODE_STRING,
    key: *const DEVPROPKEY,
    _locale: u32,
    _flags: u32,
    size: u32,
    data: PVOID,
    needed: *mut u32,
    kind: *mut u32,
) -> NTSTATUS {
    let (name, key) = (rtl::string(link), raw::read(key));
    let all = interface::interfaces();
    let own = all.iter().find(|own| own.name.eq_ignore_ascii_case(&name));
    let found = own.and_then(|own| own.properties.iter().find(|(own, _)| *own == key));
    match found {
        Some((_, (own, bytes))) => {
            raw::write(kind, *own);
            give(bytes, data, size, needed)
        }
        None => status::OBJECT_NAME_NOT_FOUND,
    }
}

extern "win64" fn register_device_interface(
    pdo: *mut DEVICE_OBJECT,
    class: *const GUID,
    reference: *const UNICODE_STRING,
    link: *mut UNICODE_STRING,
) -> NTSTATUS {
    let reference = (!reference.is_null()).then(|| rtl::string(reference)).filter(|text| !text.is_empty());
    let (name, there) = match interface::register(pdo, raw::read(class), reference.as_deref()) {
        Ok(registered) => registered,
        Err(error) => return error,
    };
    let bytes: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    let buffer = pool::allocate(true, bytes.len(), u32::from_le_bytes(*b"IoSl"));
    if buffer.is_null() {
        return status::INSUFFICIENT_RESOURCES;
    }
    raw::put_bytes(buffer, &bytes);
    let length = (bytes.len() - 2) as u16;
    raw::write(link, UNICODE_STRING { Length: length, MaximumLength: length + 2, Buffer: buffer.cast() });
    if there { status::OBJECT_NAME_EXISTS } else { status::SUCCESS }
}

extern "win64" fn set_device_interface_state(link: *const UNICODE_STRING, on: u8) -> NTSTATUS {
    interface::set_interface_state(&rtl::string(link), on != 0)
}

/// Called once the event was delivered.
type Delivered = extern "win64" fn(PVOID);

extern "win64" fn report_target_device_change_asynchronous(
    pdo: *mut DEVICE_OBJECT,
    structure: *mut TARGET_DEVICE_CUSTOM_NOTIFICATION,
    callback: Option<Delivered>,
    context: PVOID,
) -> NTSTATUS {
    judge_pdo(pdo);
    let answer = notify::report_change(pdo, structure);
    if status::success(answer)
        && let Some(callback) = callback
    {
        let deliver = move || call::driver("device change callback", || callback(context));
        sync::queue_work("device change notification", Box::new(deliver));
    }
    answer
}

extern "win64" fn report_target_device_change(
    pdo: *mut DEVICE_OBJECT,
    structure: *mut TARGET_DEVICE_CUSTOM_NOTIFICATION,
) -> NTSTATUS {
    judge_pdo(pdo);
    notify::report_change(pdo, structure)
}

fn judge_pdo(pdo: *mut DEVICE_OBJECT) {
    if node::with(pdo, |_| ()).is_err() {
        let text = format!("{} is no physical device object", crate::describe(pdo as usize));
        findings::report(Rule::BadArgument, "PhysicalDeviceObject", text);
    }
}

extern "win64" fn invalidate_device_relations(pdo: *mut DEVICE_OBJECT, kind: u32) {
    judge_pdo(pdo);
    notify::invalidate(Invalidation::Relations(pdo, kind));
}

extern "win64" fn invalidate_device_state(pdo: *mut DEVICE_OBJECT) {
    judge_pdo(pdo);
    notify::invalidate(Invalidation::State(pdo));
}

extern "win64" fn get_configuration_information() -> *mut CONFIGURATION_INFORMATION {
    notify::configuration()
}

pub(crate) const EXPORTS: &[Export] = &[
    function("IoGetDeviceProperty", PASSIVE, get_device_property as *const ()),
    function("IoGetDevicePropertyData", PASSIVE, get_device_property_data as *const ()),
    function("IoSetDevicePropertyData", PASSIVE, set_device_property_data as *const ()),
    function("IoRegisterDeviceInterface", PASSIVE, register_device_interface as *const ()),
    function("IoSetDeviceInterfaceState", PASSIVE, set_device_interface_state as *const ()),
    function("IoSetDeviceInterfacePropertyData", PASSIVE, set_device_interface_property_data as *const ()),
    function("IoGetDeviceInterfacePropertyData", PASSIVE, get_device_interface_property_data as *const ()),
    function("IoReportTargetDeviceChangeAsynchronous", DISPATCH, report_target_device_change_asynchronous as *const ()),
    function("IoReportTargetDeviceChange", PASSIVE, report_target_device_change as *const ()),
    function("IoInvalidateDeviceRelations", DISPATCH, invalidate_device_relations as *const ()),
    function("IoInvalidateDeviceState", PASSIVE, invalidate_device_state as *const ()),
    function("IoGetConfigurationInformation", PASSIVE, get_configuration_information as *const ()),
];
