//! What reaches the device and how: buffers, file objects, requests, callbacks before the queues.

use std::rc::Rc;

use nt_kernel::raw;

use super::{DeviceKind, InitHandle, IoType, Preprocess, change, ignored, init};
use crate::client::Globals;
use crate::fail::{require, require_callback};
use crate::functions::Function;
use crate::objects::{self, Handle, Kind};
use crate::status;
use crate::structs::{
    self, EvtInCallerContext, EvtPreprocess, WDF_FILEOBJECT_CONFIG, WDF_IO_TYPE_CONFIG, WDF_OBJECT_ATTRIBUTES,
    WDF_REMOVE_LOCK_OPTIONS,
};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfDeviceInitSetIoType", set_io_type as *const ()),
    ("WdfDeviceInitSetIoTypeEx", set_io_type_ex as *const ()),
    ("WdfDeviceInitSetExclusive", set_exclusive as *const ()),
    ("WdfDeviceInitSetFileObjectConfig", set_file_config as *const ()),
    ("WdfDeviceInitSetRequestAttributes", set_request_attributes as *const ()),
    ("WdfDeviceInitAssignWdmIrpPreprocessCallback", assign_preprocess as *const ()),
    ("WdfDeviceInitSetIoInCallerContextCallback", set_in_caller as *const ()),
    ("WdfDeviceInitSetRemoveLockOptions", set_remove_lock as *const ()),
];

fn io_type(value: u32) -> Option<IoType> {
    match value {
        1 => Some(IoType::Neither),
        2 => Some(IoType::Buffered),
        3 => Some(IoType::Direct),
        _ => None,
    }
}

unsafe extern "win64" fn set_io_type(_: Globals, handle: InitHandle, value: u32) {
    match io_type(value) {
        Some(value) => change(handle, |settings| settings.io_type = value),
        None => ignored("IoType", "not Neither, Buffered or Direct"),
    }
}

unsafe extern "win64" fn set_io_type_ex(_: Globals, handle: InitHandle, config: *const WDF_IO_TYPE_CONFIG) {
    require(config, "IoTypeConfig");
    let Some(config) = structs::read(config) else { return ignored("IoTypeConfig", "unknown size") };
    match io_type(config.ReadWriteIoType) {
        Some(value) => change(handle, |settings| settings.io_type = value),
        None => ignored("IoTypeConfig", "ReadWriteIoType is not Neither, Buffered or Direct"),
    }
}

unsafe extern "win64" fn set_exclusive(_: Globals, handle: InitHandle, exclusive: u8) {
    change(handle, |settings| settings.exclusive = exclusive != 0);
}

unsafe extern "win64" fn set_file_config(
    _: Globals,
    handle: InitHandle,
    config: *const WDF_FILEOBJECT_CONFIG,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
) {
    require(config, "FileObjectConfig");
    let Some(config) = structs::read(config) else { return ignored("FileObjectConfig", "unknown size") };
    if config.AutoForwardCleanupClose > 2 {
        return ignored("FileObjectConfig", "AutoForwardCleanupClose is not False, True or UseDefault");
    }
    if !crate::file::valid_class(config.FileObjectClass) {
        return ignored("FileObjectConfig", "unknown FileObjectClass");
    }
    let Some(attributes) = attributes_for(handle, Kind::FileObject, attributes, "FileObjectAttributes") else { return };
    change(handle, |settings| {
        settings.file = Some(config);
        settings.file_attributes = attributes;
    });
}

/// Validates attributes that are used later, once for each object: `None` if they are refused.
fn attributes_for(
    handle: InitHandle,
    kind: Kind,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    argument: &str,
) -> Option<Option<WDF_OBJECT_ATTRIBUTES>> {
    let client = Rc::clone(&init(handle).borrow().client);
    let rule = objects::ParentRule::Forbidden;
    if let Err(status) = objects::Plan::check_with(&client, kind, attributes, Handle::NULL, rule) {
        ignored(argument, &format!("refused with {}", status::name(status)));
        return None;
    }
    Some(if attributes.is_null() { None } else { structs::read(attributes) })
}

unsafe extern "win64" fn set_request_attributes(
    _: Globals,
    handle: InitHandle,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
) {
    require(attributes, "RequestAttributes");
    if let Some(attributes) = attributes_for(handle, Kind::Request, attributes, "RequestAttributes") {
        change(handle, |settings| settings.request_attributes = attributes);
    }
}

const LAST_MAJOR: u8 = 0x1B;

unsafe extern "win64" fn assign_preprocess(
    _: Globals,
    handle: InitHandle,
    callback: EvtPreprocess,
    major: u8,
    minors: *const u8,
    count: u32,
) -> i32 {
    require_callback(callback.is_some(), "EvtDeviceWdmIrpPreprocess");
    if count > 0 {
        require(minors, "MinorFunctions");
    }
    let init = init(handle);
    if major > LAST_MAJOR {
        return status::INVALID_PARAMETER;
    }
    let minors = (count > 0).then(|| raw::bytes(minors, count as usize));
    let settings = &mut init.borrow_mut().settings;
    if settings.preprocess.get(&major).is_some_and(|known| known.minors.is_some()) {
        return status::INVALID_DEVICE_REQUEST;
    }
    if !nt_kernel::pool::try_charge() {
        return status::INSUFFICIENT_RESOURCES;
    }
    settings.preprocess.insert(major, Preprocess { callback, minors });
    status::SUCCESS
}

unsafe extern "win64" fn set_in_caller(_: Globals, handle: InitHandle, callback: EvtInCallerContext) {
    require_callback(callback.is_some(), "EvtIoInCallerContext");
    change(handle, |settings| settings.in_caller_context = callback);
}

const ACQUIRE_FOR_IO: u32 = 1;

unsafe extern "win64" fn set_remove_lock(_: Globals, handle: InitHandle, options: *const WDF_REMOVE_LOCK_OPTIONS) {
    require(options, "Options");
    let Some(options) = structs::read(options) else { return ignored("Options", "unknown size") };
    if options.Flags & !ACQUIRE_FOR_IO != 0 {
        return ignored("Options", "unknown flags");
    }
    change(handle, |settings| {
        if settings.kind == DeviceKind::Control {
            ignored("DeviceInit", "a control device has no remove lock options");
        } else {
            settings.lock_for_io = options.Flags & ACQUIRE_FOR_IO != 0;
        }
    });
}
