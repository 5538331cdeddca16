//! Device interfaces.

use std::cell::RefCell;

use super::node::{self, Property};
use super::{guid, guid_text};
use crate::layout::{DEVICE_OBJECT, DEVPROPKEY, GUID};
use crate::{names, status};

/// A device interface.
#[derive(Clone, Debug)]
pub struct Interface {
    /// The symbolic link's name.
    pub name: String,
    /// The class.
    pub class: GUID,
    /// The reference string.
    pub reference: Option<String>,
    /// The device it belongs to.
    pub pdo: *mut DEVICE_OBJECT,
    /// Programs can see and open it.
    pub enabled: bool,
    /// Its properties.
    pub properties: Vec<(DEVPROPKEY, Property)>,
}

thread_local! {
    static INTERFACES: RefCell<Vec<Interface>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn reset() {
    INTERFACES.replace(Vec::new());
}

/// Registers an interface, or finds the one that is registered; gives its name and whether it was there before.
///
/// # Errors
/// `INVALID_DEVICE_REQUEST` when the device is no PDO.
pub(crate) fn register(pdo: *mut DEVICE_OBJECT, class: GUID, reference: Option<&str>) -> Result<(String, bool), i32> {
    let instance = node::with(pdo, |node| node.instance.replace('\\', "#"))?;
    let mut name = format!(r"\??\{instance}#{}", guid_text(&class));
    if let Some(reference) = reference {
        name = format!(r"{name}\{reference}");
    }
    INTERFACES.with_borrow_mut(|all| {
        if all.iter().any(|own| own.name == name) {
            return Ok((name, true));
        }
        let reference = reference.map(str::to_owned);
        all.push(Interface { name: name.clone(), class, reference, pdo, enabled: false, properties: Vec::new() });
        Ok((name, false))
    })
}

/// Registers an interface of a device and gives its name.
///
/// # Errors
/// `INVALID_DEVICE_REQUEST` when the device is no PDO.
pub fn register_interface(pdo: *mut DEVICE_OBJECT, class: &[u8; 16], reference: Option<&str>) -> Result<String, i32> {
    register(pdo, guid(class), reference).map(|(name, _)| name)
}

/// Enables or disables an interface. Enabled already: OBJECT_NAME_EXISTS; not enabled: OBJECT_NAME_NOT_FOUND.
pub fn set_interface_state(name: &str, on: bool) -> i32 {
    let found = INTERFACES.with_borrow_mut(|all| {
        let own = all.iter_mut().find(|own| own.name.eq_ignore_ascii_case(name))?;
        let before = core::mem::replace(&mut own.enabled, on);
        Some((before, own.pdo, own.name.clone()))
    });
    match (found, on) {
        (None, _) | (Some((false, ..)), false) => status::OBJECT_NAME_NOT_FOUND,
        (Some((true, ..)), true) => status::OBJECT_NAME_EXISTS,
        (Some((false, pdo, name)), true) => {
            // A PDO without a name has one of the bus's making on Windows; here the link says whose it is.
            let target = names::device_name(pdo).unwrap_or_else(|| r"\Device\NamelessPdo".to_owned());
            names::create_symbolic_link(&name, &target);
            status::SUCCESS
        }
        (Some((true, _, name)), false) => {
            names::delete_symbolic_link(&name);
            status::SUCCESS
        }
    }
}

/// Sets a property of an interface; no bytes delete it.
pub fn set_interface_property(name: &str, key: &DEVPROPKEY, property: Property) -> i32 {
    INTERFACES.with_borrow_mut(|all| match all.iter_mut().find(|own| own.name.eq_ignore_ascii_case(name)) {
        Some(own) => {
            node::set(&mut own.properties, key, property);
            status::SUCCESS
        }
        None => status::OBJECT_NAME_NOT_FOUND,
    })
}

/// All interfaces, in the order of registration.
#[must_use]
pub fn interfaces() -> Vec<Interface> {
    INTERFACES.with_borrow(Vec::clone)
}

/// The path of an interface's registry key.
///
/// # Errors
/// `OBJECT_NAME_NOT_FOUND` when there is no such interface.
pub fn interface_key(name: &str) -> Result<String, i32> {
    let all = interfaces();
    let own = all.iter().find(|own| own.name.eq_ignore_ascii_case(name)).ok_or(status::OBJECT_NAME_NOT_FOUND)?;
    let class = guid_text(&own.class);
    let instance = own.name.trim_start_matches(r"\??\").replace('\\', "#");
    Ok(format!(r"{}\DeviceClasses\{class}\##?#{instance}\Device Parameters", crate::registry::CONTROL))
}
