//! Device nodes: what the PnP manager knows of a physical device object.

use std::cell::RefCell;

use crate::layout::{DEVICE_OBJECT, DEVPROPKEY};
use crate::{names, status};

/// A property by key: its type and its bytes.
pub type Property = (u32, Vec<u8>);

/// A device node.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// The instance path: `SCSI\CdRom&Ven_ACME&Prod_DVD\4&1&0&000000`.
    pub instance: String,
    /// Legacy properties by the number of `DEVICE_REGISTRY_PROPERTY`, as bytes.
    pub properties: Vec<(u32, Vec<u8>)>,
    /// Properties by key.
    pub keyed: Vec<(DEVPROPKEY, Property)>,
    /// The class and number of the software key: `{4d36e965-e325-11ce-bfc1-08002be10318}\0000`.
    pub driver_key: String,
}

thread_local! {
    static NODES: RefCell<Vec<(*mut DEVICE_OBJECT, Node)>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn reset() {
    NODES.replace(Vec::new());
}

/// Makes a physical device object known, or replaces what is known of it.
pub fn register_node(pdo: *mut DEVICE_OBJECT, node: Node) {
    NODES.with_borrow_mut(|nodes| {
        nodes.retain(|(known, _)| *known != pdo);
        nodes.push((pdo, node));
    });
}

/// Looks at a node. A device that is no PDO, or not known yet, gets INVALID_DEVICE_REQUEST.
pub(super) fn with<T>(pdo: *mut DEVICE_OBJECT, action: impl FnOnce(&mut Node) -> T) -> Result<T, i32> {
    NODES.with_borrow_mut(|nodes| {
        let node = nodes.iter_mut().find(|(known, _)| *known == pdo);
        node.map(|(_, node)| action(node)).ok_or(status::INVALID_DEVICE_REQUEST)
    })
}

/// `DevicePropertyPhysicalDeviceObjectName`.
const PHYSICAL_DEVICE_OBJECT_NAME: u32 = 0xB;

/// A legacy property.
///
/// # Errors
/// `OBJECT_NAME_NOT_FOUND` when the device has no such property, `INVALID_DEVICE_REQUEST` when it is no PDO.
pub fn device_property(pdo: *mut DEVICE_OBJECT, property: u32) -> Result<Vec<u8>, i32> {
    let known =
        with(pdo, |node| node.properties.iter().find(|(own, _)| *own == property).map(|(_, data)| data.clone()))?;
    match known {
        None if property == PHYSICAL_DEVICE_OBJECT_NAME => {
            let name = names::device_name(pdo).ok_or(status::OBJECT_NAME_NOT_FOUND)?;
            Ok(name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect())
        }
        known => known.ok_or(status::OBJECT_NAME_NOT_FOUND),
    }
}

/// A property by key.
///
/// # Errors
/// `OBJECT_NAME_NOT_FOUND` when the device has no such property, `INVALID_DEVICE_REQUEST` when it is no PDO.
pub fn device_property_key(pdo: *mut DEVICE_OBJECT, key: &DEVPROPKEY) -> Result<Property, i32> {
    let known = with(pdo, |node| node.keyed.iter().find(|(own, _)| own == key).map(|(_, property)| property.clone()))?;
    known.ok_or(status::OBJECT_NAME_NOT_FOUND)
}

/// Sets a property by key; no bytes delete it.
///
/// # Errors
/// `INVALID_DEVICE_REQUEST` when the device is no PDO.
pub fn set_property_key(pdo: *mut DEVICE_OBJECT, key: &DEVPROPKEY, property: Property) -> Result<(), i32> {
    with(pdo, |node| set(&mut node.keyed, key, property))
}

pub(super) fn set(all: &mut Vec<(DEVPROPKEY, Property)>, key: &DEVPROPKEY, property: Property) {
    all.retain(|(own, _)| own != key);
    if !property.1.is_empty() {
        all.push((*key, property));
    }
}

/// The path of a device's registry key: 1 the hardware key (`Device Parameters`), 2 the software key.
///
/// # Errors
/// `INVALID_DEVICE_REQUEST` when the device is no PDO, `INVALID_PARAMETER` for another kind.
pub fn device_key(pdo: *mut DEVICE_OBJECT, kind: u32) -> Result<String, i32> {
    const DEVICE: u32 = 1;
    const DRIVER: u32 = 2;
    let (instance, driver) = with(pdo, |node| (node.instance.clone(), node.driver_key.clone()))?;
    match kind & 3 {
        DEVICE => Ok(format!(r"\Registry\Machine\System\CurrentControlSet\Enum\{instance}\Device Parameters")),
        DRIVER => Ok(format!(r"{}\Class\{driver}", crate::registry::CONTROL)),
        _ => Err(status::INVALID_PARAMETER),
    }
}
