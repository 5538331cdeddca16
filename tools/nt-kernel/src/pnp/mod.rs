//! The PnP manager's services: device nodes and their properties, device interfaces, notifications, invalidations.

mod exports;
mod interface;
mod node;
mod notify;

pub use interface::{
    Interface, interface_key, interfaces, register_interface, set_interface_property, set_interface_state,
};
pub use node::{Node, Property, device_key, device_property, device_property_key, register_node, set_property_key};
pub use notify::{
    Invalidation, Notification, configuration, invalidate, invalidations, notifications, report_change,
    take_notifications,
};

pub(crate) use exports::EXPORTS;

use crate::layout::GUID;

pub(crate) fn reset() {
    node::reset();
    interface::reset();
    notify::reset();
}

/// A GUID as text: `{53f56308-b6bf-11d0-94f2-00a0c91efb8b}`.
#[must_use]
pub fn guid_text(guid: &GUID) -> String {
    let GUID { Data1: a, Data2: b, Data3: c, Data4: d } = guid;
    let tail: String = d[2..].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{{{a:08x}-{b:04x}-{c:04x}-{:02x}{:02x}-{tail}}}", d[0], d[1])
}

/// A GUID from its bytes in memory.
#[must_use]
pub fn guid(bytes: &[u8; 16]) -> GUID {
    crate::raw::read(bytes.as_ptr().cast())
}

#[cfg(test)]
mod tests;
