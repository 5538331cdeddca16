//! WDFDEVICE_INIT: what a driver configures before it creates a device.
//!
//! Drivers hold an opaque pointer. It is dead once the device exists or the AddDevice callback has returned; using it
//! then ends the run.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use nt_kernel::layout::{DEVICE_OBJECT, GUID, UNICODE_STRING};
use nt_kernel::raw;

use crate::client::{self, Client, Globals};
use crate::fail::{Violation, misuse, require, violation};
use crate::functions::Function;
use crate::objects::{self, Handle, Kind};
use crate::status;
use crate::structs::{
    self, EvtInCallerContext, EvtObject, EvtPreprocess, WDF_FDO_EVENT_CALLBACKS, WDF_FILEOBJECT_CONFIG,
    WDF_IO_TYPE_CONFIG, WDF_OBJECT_ATTRIBUTES, WDF_PNPPOWER_EVENT_CALLBACKS, WDF_POWER_POLICY_EVENT_CALLBACKS,
    WDF_REMOVE_LOCK_OPTIONS,
};
use crate::unicode;

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfControlDeviceInitAllocate", control_allocate as *const ()),
    ("WdfControlDeviceInitSetShutdownNotification", control_set_shutdown as *const ()),
    ("WdfDeviceInitFree", free as *const ()),
    ("WdfDeviceInitSetPnpPowerEventCallbacks", set_pnp_power as *const ()),
    ("WdfDeviceInitSetPowerPolicyEventCallbacks", set_power_policy as *const ()),
    ("WdfDeviceInitSetPowerPolicyOwnership", set_ownership as *const ()),
    ("WdfDeviceInitSetIoType", set_io_type as *const ()),
    ("WdfDeviceInitSetIoTypeEx", set_io_type_ex as *const ()),
    ("WdfDeviceInitSetExclusive", set_exclusive as *const ()),
    ("WdfDeviceInitSetPowerNotPageable", set_not_pageable as *const ()),
    ("WdfDeviceInitSetPowerPageable", set_pageable as *const ()),
    ("WdfDeviceInitSetPowerInrush", set_inrush as *const ()),
    ("WdfDeviceInitSetDeviceType", set_device_type as *const ()),
    ("WdfDeviceInitAssignName", assign_name as *const ()),
    ("WdfDeviceInitAssignSDDLString", assign_sddl as *const ()),
    ("WdfDeviceInitSetDeviceClass", set_class as *const ()),
    ("WdfDeviceInitSetCharacteristics", set_characteristics as *const ()),
    ("WdfDeviceInitSetFileObjectConfig", set_file_config as *const ()),
    ("WdfDeviceInitSetRequestAttributes", set_request_attributes as *const ()),
    ("WdfDeviceInitAssignWdmIrpPreprocessCallback", assign_preprocess as *const ()),
    ("WdfDeviceInitSetIoInCallerContextCallback", set_in_caller as *const ()),
    ("WdfDeviceInitSetRemoveLockOptions", set_remove_lock as *const ()),
    ("WdfDeviceInitSetReleaseHardwareOrderOnFailure", set_release_order as *const ()),
    ("WdfFdoInitWdmGetPhysicalDevice", fdo_physical_device as *const ()),
    ("WdfFdoInitSetFilter", fdo_set_filter as *const ()),
    ("WdfFdoInitSetEventCallbacks", fdo_set_callbacks as *const ()),
];

/// Role of a device in its stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// Function driver.
    Function,
    /// Filter driver.
    Filter,
    /// Control device: in no stack.
    Control,
}

/// A preprocess callback of one major function.
#[derive(Clone)]
pub struct Preprocess {
    /// The callback.
    pub callback: EvtPreprocess,
    /// Minor functions it is called for; `None` for all.
    pub minors: Option<Vec<u8>>,
}

/// How the device's buffers arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum IoType {
    /// Addresses as the sender gave them.
    Neither = 1,
    /// Copies in system buffers.
    Buffered = 2,
    /// Descriptions of the sender's pages.
    Direct = 3,
}

/// Everything that was configured; a device keeps it.
#[derive(Clone)]
pub struct Settings {
    /// Role.
    pub kind: DeviceKind,
    /// Name in the object namespace.
    pub name: Option<String>,
    /// Security descriptor as text.
    pub sddl: Option<String>,
    /// Device class.
    pub class: Option<GUID>,
    /// FILE_DEVICE_xxx.
    pub device_type: u32,
    /// FILE_xxx characteristics.
    pub characteristics: u32,
    /// Buffers of reads and writes.
    pub io_type: IoType,
    /// One open at a time.
    pub exclusive: bool,
    /// The power code may be pageable.
    pub pageable: bool,
    /// Needs inrush current at power-up.
    pub inrush: bool,
    /// Power policy ownership, if it was set.
    pub policy_owner: Option<bool>,
    /// PnP and power callbacks.
    pub pnp_power: Option<WDF_PNPPOWER_EVENT_CALLBACKS>,
    /// Power policy callbacks.
    pub power_policy: Option<WDF_POWER_POLICY_EVENT_CALLBACKS>,
    /// Resource callbacks.
    pub fdo: Option<WDF_FDO_EVENT_CALLBACKS>,
    /// File object configuration.
    pub file: Option<WDF_FILEOBJECT_CONFIG>,
    /// Attributes of file objects.
    pub file_attributes: Option<WDF_OBJECT_ATTRIBUTES>,
    /// Attributes of requests from I/O.
    pub request_attributes: Option<WDF_OBJECT_ATTRIBUTES>,
    /// The remove lock is held for I/O too.
    pub lock_for_io: bool,
    /// Preprocess callbacks by major function.
    pub preprocess: BTreeMap<u8, Preprocess>,
    /// Callback in the sender's context.
    pub in_caller_context: EvtInCallerContext,
    /// Shutdown callback of a control device and when it is called (1 first chance, 2 last chance).
    pub shutdown: Option<(EvtObject, u8)>,
}

const FILE_DEVICE_UNKNOWN: u32 = 0x22;
const FILE_AUTOGENERATED_DEVICE_NAME: u32 = 0x80;

/// A WDFDEVICE_INIT.
pub struct DeviceInit {
    /// The driver it was made for.
    pub client: Rc<Client>,
    /// PDO of the stack that is added to; NULL for a control device.
    pub pdo: *mut DEVICE_OBJECT,
    /// What was configured so far.
    pub settings: Settings,
}

/// What drivers hold: no address of memory.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InitHandle(pub usize);

impl InitHandle {
    /// No init.
    pub const NULL: InitHandle = InitHandle(0);
}

const BASE: usize = 0xFFFF_F1DE_0000_0000;
const STEP: usize = 16;

#[derive(Default)]
struct Inits {
    made: usize,
    live: BTreeMap<InitHandle, Rc<RefCell<DeviceInit>>>,
    /// Inits that became a device while their AddDevice callback still runs.
    used: BTreeMap<InitHandle, Handle>,
}

thread_local! {
    static INITS: RefCell<Inits> = const { RefCell::new(Inits { made: 0, live: BTreeMap::new(), used: BTreeMap::new() }) };
}

/// Makes an init for a device of that kind; gives its handle.
pub(crate) fn make(client: &Rc<Client>, pdo: *mut DEVICE_OBJECT, kind: DeviceKind) -> InitHandle {
    let settings = Settings {
        kind,
        name: None,
        sddl: None,
        class: None,
        device_type: FILE_DEVICE_UNKNOWN,
        characteristics: 0,
        io_type: IoType::Buffered,
        exclusive: false,
        pageable: true,
        inrush: false,
        policy_owner: None,
        pnp_power: None,
        power_policy: None,
        fdo: None,
        file: None,
        file_attributes: None,
        request_attributes: None,
        lock_for_io: false,
        preprocess: BTreeMap::new(),
        in_caller_context: None,
        shutdown: None,
    };
    let init = DeviceInit { client: Rc::clone(client), pdo, settings };
    INITS.with_borrow_mut(|inits| {
        let handle = InitHandle(BASE + inits.made * STEP);
        inits.made += 1;
        inits.live.insert(handle, Rc::new(RefCell::new(init)));
        handle
    })
}

/// Forgets an init: its handle is dead from now on.
pub(crate) fn drop_init(handle: InitHandle) {
    let init = INITS.with_borrow_mut(|inits| inits.live.remove(&handle));
    drop(init);
}

/// Ends the life of the init of an AddDevice callback: the device that was made from it, and whether it is a filter's.
pub(crate) fn outcome(handle: InitHandle) -> (Option<Rc<super::Device>>, bool) {
    let known = INITS.with_borrow_mut(|inits| (inits.live.remove(&handle), inits.used.remove(&handle)));
    match known {
        (Some(init), _) => (None, init.borrow().settings.kind == DeviceKind::Filter),
        (None, Some(device)) => {
            let device: Option<Rc<super::Device>> = objects::find(device).and_then(|object| object.body());
            let filter = device.as_ref().is_some_and(|device| device.is_filter());
            (device, filter)
        }
        (None, None) => (None, false),
    }
}

/// An init became a device.
pub(crate) fn used_for(handle: InitHandle, device: Handle) {
    let init = INITS.with_borrow_mut(|inits| {
        let init = inits.live.remove(&handle);
        if init.as_ref().is_some_and(|init| init.borrow().settings.kind != DeviceKind::Control) {
            inits.used.insert(handle, device);
        }
        init
    });
    drop(init);
}

/// The init of a handle that a driver passed; a dead or made-up one ends the run.
#[must_use]
pub fn init(handle: InitHandle) -> Rc<RefCell<DeviceInit>> {
    require(handle.0 as *const u8, "DeviceInit");
    INITS.with_borrow(|inits| inits.live.get(&handle).cloned()).unwrap_or_else(|| {
        violation(
            Violation::InvalidHandle,
            "DeviceInit",
            "no WDFDEVICE_INIT in use: its device exists, or the AddDevice callback has returned",
        )
    })
}

pub(crate) fn clear() {
    let old = INITS.with_borrow_mut(std::mem::take);
    drop(old);
}

/// Changes the settings of an init.
fn change<R>(handle: InitHandle, change: impl FnOnce(&mut Settings) -> R) -> R {
    change_init(handle, |init| change(&mut init.settings))
}

fn change_init<R>(handle: InitHandle, change: impl FnOnce(&mut DeviceInit) -> R) -> R {
    let init = init(handle);
    let mut init = init.borrow_mut();
    change(&mut init)
}

fn ignored(argument: &str, why: &str) {
    misuse(argument, format_args!("{why}: the call is ignored"));
}

unsafe extern "win64" fn control_allocate(globals: Globals, driver: Handle, sddl: *const UNICODE_STRING) -> InitHandle {
    let client = client::of(globals);
    let _ = objects::get::<crate::driver::Driver>(driver, Kind::Driver, "Driver");
    require(sddl, "SDDLString");
    let Ok(text) = unicode::read(sddl) else { return InitHandle::NULL };
    if !nt_kernel::pool::try_charge() {
        return InitHandle::NULL;
    }
    let handle = make(&client, std::ptr::null_mut(), DeviceKind::Control);
    change(handle, |settings| settings.sddl = Some(text));
    handle
}

unsafe extern "win64" fn control_set_shutdown(_: Globals, handle: InitHandle, callback: EvtObject, flags: u8) {
    if callback.is_none() {
        require(std::ptr::null::<u8>(), "Notification");
    }
    change(handle, |settings| {
        if settings.kind != DeviceKind::Control {
            return ignored("DeviceInit", "not a control device");
        }
        if flags & !3 != 0 {
            return ignored("Flags", "unknown flags");
        }
        settings.shutdown = Some((callback, flags));
    });
}

unsafe extern "win64" fn free(_: Globals, handle: InitHandle) {
    let control = change(handle, |settings| settings.kind == DeviceKind::Control);
    if control {
        drop_init(handle);
    } else {
        ignored("DeviceInit", "the framework owns the init of an AddDevice callback");
    }
}

unsafe extern "win64" fn set_pnp_power(_: Globals, handle: InitHandle, callbacks: *const WDF_PNPPOWER_EVENT_CALLBACKS) {
    require(callbacks, "PnpPowerEventCallbacks");
    let Some(callbacks) = structs::read(callbacks) else { return ignored("PnpPowerEventCallbacks", "unknown size") };
    if callbacks.EvtDeviceUsageNotification.is_some() && callbacks.EvtDeviceUsageNotificationEx.is_some() {
        return ignored("PnpPowerEventCallbacks", "both forms of the usage notification are given");
    }
    change(handle, |settings| settings.pnp_power = Some(callbacks));
}

unsafe extern "win64" fn set_power_policy(
    _: Globals,
    handle: InitHandle,
    callbacks: *const WDF_POWER_POLICY_EVENT_CALLBACKS,
) {
    require(callbacks, "PowerPolicyEventCallbacks");
    match structs::read(callbacks) {
        Some(callbacks) => change(handle, |settings| settings.power_policy = Some(callbacks)),
        None => ignored("PowerPolicyEventCallbacks", "unknown size"),
    }
}

unsafe extern "win64" fn set_ownership(_: Globals, handle: InitHandle, owner: u8) {
    change(handle, |settings| settings.policy_owner = Some(owner != 0));
}

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

unsafe extern "win64" fn set_not_pageable(_: Globals, handle: InitHandle) {
    change(handle, |settings| settings.pageable = false);
}

unsafe extern "win64" fn set_pageable(_: Globals, handle: InitHandle) {
    change(handle, |settings| settings.pageable = true);
}

unsafe extern "win64" fn set_inrush(_: Globals, handle: InitHandle) {
    change(handle, |settings| {
        settings.inrush = true;
        settings.pageable = false;
    });
}

unsafe extern "win64" fn set_device_type(_: Globals, handle: InitHandle, device_type: u32) {
    change(handle, |settings| settings.device_type = device_type);
}

/// Copies a string into the init: an allocation on the driver's behalf.
fn copied(string: *const UNICODE_STRING) -> Result<Option<String>, i32> {
    let text = unicode::read_optional(string)?;
    if text.is_some() && !nt_kernel::pool::try_charge() {
        return Err(status::INSUFFICIENT_RESOURCES);
    }
    Ok(text)
}

unsafe extern "win64" fn assign_name(_: Globals, handle: InitHandle, name: *const UNICODE_STRING) -> i32 {
    let init = init(handle);
    match copied(name) {
        Ok(name) => {
            let settings = &mut init.borrow_mut().settings;
            if name.is_some() {
                settings.characteristics &= !FILE_AUTOGENERATED_DEVICE_NAME;
            }
            settings.name = name;
            status::SUCCESS
        }
        Err(status) => status,
    }
}

unsafe extern "win64" fn assign_sddl(_: Globals, handle: InitHandle, sddl: *const UNICODE_STRING) -> i32 {
    let init = init(handle);
    match copied(sddl) {
        Ok(sddl) => {
            init.borrow_mut().settings.sddl = sddl;
            status::SUCCESS
        }
        Err(status) => status,
    }
}

unsafe extern "win64" fn set_class(_: Globals, handle: InitHandle, class: *const GUID) {
    require(class, "DeviceClassGuid");
    change(handle, |settings| settings.class = Some(raw::read(class)));
}

unsafe extern "win64" fn set_characteristics(_: Globals, handle: InitHandle, value: u32, or_in: u8) {
    change(handle, |settings| {
        settings.characteristics = if or_in == 0 { value } else { settings.characteristics | value };
        if settings.characteristics & FILE_AUTOGENERATED_DEVICE_NAME != 0 {
            settings.name = None;
        }
    });
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
    if callback.is_none() {
        require(std::ptr::null::<u8>(), "EvtDeviceWdmIrpPreprocess");
    }
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
    if callback.is_none() {
        require(std::ptr::null::<u8>(), "EvtIoInCallerContext");
    }
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

unsafe extern "win64" fn set_release_order(_: Globals, handle: InitHandle, order: u32) {
    let _ = init(handle);
    // 1 early, 2 late: the difference is seen by bus drivers only.
    if !(1..=2).contains(&order) {
        ignored("ReleaseHardwareOrderOnFailure", "neither early nor late");
    }
}

unsafe extern "win64" fn fdo_physical_device(_: Globals, handle: InitHandle) -> *mut DEVICE_OBJECT {
    init(handle).borrow().pdo
}

unsafe extern "win64" fn fdo_set_filter(_: Globals, handle: InitHandle) {
    change(handle, |settings| {
        if settings.kind == DeviceKind::Control {
            ignored("DeviceInit", "a control device is no filter");
        } else {
            settings.kind = DeviceKind::Filter;
        }
    });
}

unsafe extern "win64" fn fdo_set_callbacks(_: Globals, handle: InitHandle, callbacks: *const WDF_FDO_EVENT_CALLBACKS) {
    require(callbacks, "FdoEventCallbacks");
    match structs::read(callbacks) {
        Some(callbacks) => change(handle, |settings| settings.fdo = Some(callbacks)),
        None => ignored("FdoEventCallbacks", "unknown size"),
    }
}
