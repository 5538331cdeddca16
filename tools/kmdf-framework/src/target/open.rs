//! Remote targets: making, opening and closing them.

use std::rc::Rc;

use nt_kernel::layout::{DEVICE_OBJECT, DEVICE_RELATIONS, IRP_MJ_PNP};
use nt_kernel::{field, file, get, io, objects as kernel_objects, pool, put, raw};
use nt_machine::threads;

use super::rules::State;
use super::{Target, of};
use crate::client::{self, Globals};
use crate::device;
use crate::fail::{misuse, require};
use crate::functions::Function;
use crate::objects::{self, Handle, Kind, Plan, store};
use crate::structs::{self, WDF_IO_TARGET_OPEN_PARAMS, WDF_OBJECT_ATTRIBUTES};
use crate::{status, unicode};

/// What this module implements.
pub(super) const FUNCTIONS: &[Function] = &[
    ("WdfIoTargetCreate", create as *const ()),
    ("WdfIoTargetOpen", open as *const ()),
    ("WdfIoTargetClose", close as *const ()),
    ("WdfIoTargetCloseForQueryRemove", close_for_query_remove as *const ()),
];

/// `WDF_IO_TARGET_OPEN_TYPE`
const USE_EXISTING_DEVICE: u32 = 1;
const BY_NAME: u32 = 2;
const REOPEN: u32 = 3;

/// Result of a create that opened what was there.
const FILE_OPENED: u32 = 1;

const IRP_MN_QUERY_DEVICE_RELATIONS: u8 = 0x07;
const TARGET_DEVICE_RELATION: usize = 4;

impl Target {
    /// Drops what an open took.
    pub(super) fn forget_device(&self) {
        if self.local {
            return;
        }
        let (file, pdo) = (self.file.replace(std::ptr::null_mut()), self.pdo.replace(std::ptr::null_mut()));
        self.device.set(std::ptr::null_mut());
        for referenced in [file.cast::<u8>(), pdo.cast::<u8>()] {
            if !referenced.is_null() {
                kernel_objects::dereference(referenced);
            }
        }
        let handle = self.file_handle.replace(std::ptr::null_mut());
        if !handle.is_null() {
            kernel_objects::close(handle);
        }
        if let Some(opened) = self.opened.take() {
            let closing = opened.close();
            threads::block("the close of a target's file", None, &|| closing.done());
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.state.get(), State::Started | State::Stopped | State::Purged)
    }
}

unsafe extern "win64" fn create(
    globals: Globals,
    device: Handle,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    let client = client::of(globals);
    let owner = device::get(device).handle.get();
    store(out, "IoTarget", || {
        let plan = Plan::check(&client, Kind::IoTarget, attributes, owner)?;
        if objects::ancestor(plan.parent, Kind::Device) != Some(owner) {
            return Err(status::INVALID_DEVICE_REQUEST);
        }
        objects::create(plan, Rc::new(Target::new(owner, false)))
    })
}

unsafe extern "win64" fn open(_: Globals, handle: Handle, params: *mut WDF_IO_TARGET_OPEN_PARAMS) -> i32 {
    let target = of(handle);
    require(params, "OpenParams");
    let Some(given) = structs::read(params.cast_const()) else { return status::INFO_LENGTH_MISMATCH };
    open_with(&target, &given, params).err().unwrap_or(status::SUCCESS)
}

fn open_with(
    target: &Target,
    params: &WDF_IO_TARGET_OPEN_PARAMS,
    out: *mut WDF_IO_TARGET_OPEN_PARAMS,
) -> Result<(), i32> {
    if target.local || target.is_open() || target.state.get() == State::Deleted {
        return Err(status::INVALID_DEVICE_STATE);
    }
    match params.Type {
        USE_EXISTING_DEVICE => open_device(target, params),
        BY_NAME => open_named(target, params, out),
        REOPEN => reopen(target),
        _ => Err(status::INVALID_PARAMETER),
    }
}

fn open_device(target: &Target, params: &WDF_IO_TARGET_OPEN_PARAMS) -> Result<(), i32> {
    let notified = params.EvtIoTargetQueryRemove.is_some()
        || params.EvtIoTargetRemoveCanceled.is_some()
        || params.EvtIoTargetRemoveComplete.is_some();
    if params.TargetDeviceObject.is_null() || (notified && params.TargetFileObject.is_null()) {
        return Err(status::INVALID_PARAMETER);
    }
    let pdo = target_pdo(params.TargetDeviceObject)?;
    if !params.TargetFileObject.is_null() {
        kernel_objects::reference(params.TargetFileObject.cast());
    }
    target.file.set(params.TargetFileObject);
    target.pdo.set(pdo);
    target.device.set(params.TargetDeviceObject);
    target.state.set(State::Started);
    Ok(())
}

/// Asks a stack for its PDO, which comes referenced; a stack that does not answer has none to show.
fn target_pdo(device: *mut DEVICE_OBJECT) -> Result<*mut DEVICE_OBJECT, i32> {
    if !pool::try_charge() {
        return Err(status::INSUFFICIENT_RESOURCES);
    }
    let sent = io::send(io::attached_top(device), |_, location| {
        put!(location, MajorFunction, IRP_MJ_PNP);
        put!(location, MinorFunction, IRP_MN_QUERY_DEVICE_RELATIONS);
        put!(location, Parameters.Others.Argument1, TARGET_DEVICE_RELATION as *mut _);
    });
    let relations = sent.information as *mut DEVICE_RELATIONS;
    if !status::ok(sent.status) || relations.is_null() {
        return Ok(std::ptr::null_mut());
    }
    let pdo = if get!(relations, Count) == 0 {
        std::ptr::null_mut()
    } else {
        raw::read(field!(relations, Objects).cast::<*mut DEVICE_OBJECT>())
    };
    pool::free(relations.cast());
    Ok(pdo)
}

/// Opens a device by its name, as a program does, with the framework's own handle.
fn open_by_name(target: &Target, name: String, access: u32) -> Result<(), i32> {
    if !pool::try_charge() {
        return Err(status::INSUFFICIENT_RESOURCES);
    }
    let file = file::open_for_driver(&name, access)?;
    let device = io::attached_top(file.device);
    let pdo = target_pdo(device).inspect_err(|_| {
        let closing = file.close();
        threads::block("the close of a target's file", None, &|| closing.done());
    })?;
    kernel_objects::reference(file.object.cast());
    target.opened.set(Some(file));
    target.file_handle.set(kernel_objects::open_object(file.object.cast()));
    target.file.set(file.object);
    target.pdo.set(pdo);
    target.device.set(device);
    target.reopen.replace(Some((name, access)));
    target.state.set(State::Started);
    Ok(())
}

fn open_named(
    target: &Target,
    params: &WDF_IO_TARGET_OPEN_PARAMS,
    out: *mut WDF_IO_TARGET_OPEN_PARAMS,
) -> Result<(), i32> {
    let name = unicode::read(&params.TargetDeviceName)?;
    if name.is_empty() {
        return Err(status::INVALID_PARAMETER);
    }
    open_by_name(target, name, params.DesiredAccess)?;
    put!(out, FileInformation, FILE_OPENED);
    Ok(())
}

fn reopen(target: &Target) -> Result<(), i32> {
    let named = target.reopen.borrow().clone();
    let (name, access) = named.ok_or(status::INVALID_DEVICE_REQUEST)?;
    open_by_name(target, name, access)
}

fn close_to(handle: Handle, state: State) {
    let target = of(handle);
    if target.local {
        misuse("IoTarget", "a device's local I/O target cannot be closed");
        return;
    }
    if !target.is_open() && target.state.get() != State::ClosedForQueryRemove {
        return;
    }
    target.state.set(state);
    target.run_down();
    target.forget_device();
}

unsafe extern "win64" fn close(_: Globals, target: Handle) {
    close_to(target, State::Closed);
}

unsafe extern "win64" fn close_for_query_remove(_: Globals, target: Handle) {
    close_to(target, State::ClosedForQueryRemove);
}
