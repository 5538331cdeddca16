//! Resource lists. Devices of the host have no hardware resources: their lists are empty.

use std::rc::Rc;

use crate::client::Globals;
use crate::device::Device;
use crate::functions::Function;
use crate::objects::{self, Body, Handle, Kind, Plan};

/// What this module implements.
pub(super) const FUNCTIONS: &[Function] = &[
    ("WdfCmResourceListGetCount", get_count as *const ()),
    ("WdfCmResourceListGetDescriptor", get_descriptor as *const ()),
];

/// The lists of a device: they live as long as the device.
#[derive(Clone, Copy)]
pub(super) struct Lists {
    pub(super) raw: Handle,
    pub(super) translated: Handle,
}

struct Empty;
impl Body for Empty {}

/// The lists of a device, made at its first start.
///
/// # Errors
/// STATUS_INSUFFICIENT_RESOURCES.
pub(super) fn lists(device: &Rc<Device>) -> Result<Lists, i32> {
    if let Some(lists) = device.pnp.lists.get() {
        return Ok(lists);
    }
    let make = || {
        let plan = Plan::check(&device.client, Kind::ResourceList, std::ptr::null(), device.handle.get())?;
        objects::create(plan, Rc::new(Empty))
    };
    let raw = make()?;
    let translated = make().inspect_err(|_| objects::abandon(raw))?;
    let lists = Lists { raw, translated };
    device.pnp.lists.set(Some(lists));
    Ok(lists)
}

unsafe extern "win64" fn get_count(_: Globals, list: Handle) -> u32 {
    let _: Rc<Empty> = objects::get(list, Kind::ResourceList, "List");
    0
}

unsafe extern "win64" fn get_descriptor(_: Globals, list: Handle, _index: u32) -> *mut u8 {
    let _: Rc<Empty> = objects::get(list, Kind::ResourceList, "List");
    std::ptr::null_mut()
}
