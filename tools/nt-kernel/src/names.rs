//! The object namespace: device names and symbolic links.

use std::cell::RefCell;
use std::collections::BTreeMap;

use nt_machine::call::{self, Export, Site};
use nt_machine::irql::PASSIVE;

use crate::exports::function;
use crate::layout::{DEVICE_OBJECT, NTSTATUS, UNICODE_STRING};
use crate::ledger::Left;
use crate::{rtl, status};

enum Named {
    Device(*mut DEVICE_OBJECT),
    Link(String),
}

struct Entry {
    /// The name as it was given.
    name: String,
    named: Named,
    /// Who made it.
    site: Site,
}

thread_local! {
    static NAMES: RefCell<BTreeMap<String, Entry>> = const { RefCell::new(BTreeMap::new()) };
}

pub(crate) fn reset() {
    NAMES.replace(BTreeMap::new());
}

/// `\DosDevices` and `\??` are one directory, and names have no case.
fn index(name: &str) -> String {
    let name = name.to_lowercase();
    match name.strip_prefix(r"\dosdevices\").or_else(|| name.strip_prefix(r"\global??\")) {
        Some(rest) => format!(r"\??\{rest}"),
        None => name,
    }
}

fn enter(name: &str, named: Named) -> NTSTATUS {
    if !name.starts_with('\\') {
        return status::OBJECT_PATH_INVALID;
    }
    NAMES.with_borrow_mut(|names| {
        if names.contains_key(&index(name)) {
            return status::OBJECT_NAME_COLLISION;
        }
        names.insert(index(name), Entry { name: name.to_owned(), named, site: call::site() });
        status::SUCCESS
    })
}

/// Gives a device its name.
pub(crate) fn name_device(name: &str, device: *mut DEVICE_OBJECT) -> NTSTATUS {
    enter(name, Named::Device(device))
}

/// The name of a device, when it has one.
#[must_use]
pub fn device_name(device: *mut DEVICE_OBJECT) -> Option<String> {
    NAMES.with_borrow(|names| {
        let own = |entry: &&Entry| matches!(entry.named, Named::Device(named) if named == device);
        names.values().find(own).map(|entry| entry.name.clone())
    })
}

/// Takes a device's name away.
pub(crate) fn forget_device(device: *mut DEVICE_OBJECT) {
    NAMES.with_borrow_mut(|names| {
        names.retain(|_, entry| !matches!(entry.named, Named::Device(named) if named == device));
    });
}

/// Makes a symbolic link.
pub fn create_symbolic_link(name: &str, target: &str) -> NTSTATUS {
    enter(name, Named::Link(target.to_owned()))
}

/// Deletes a symbolic link.
pub fn delete_symbolic_link(name: &str) -> NTSTATUS {
    NAMES.with_borrow_mut(|names| match names.get(&index(name)) {
        Some(Entry { named: Named::Link(_), .. }) => {
            names.remove(&index(name));
            status::SUCCESS
        }
        Some(_) => status::OBJECT_TYPE_MISMATCH,
        None => status::OBJECT_NAME_NOT_FOUND,
    })
}

/// Symbolic links, by name.
pub(crate) fn left() -> Vec<Left> {
    NAMES.with_borrow(|names| {
        let link = |entry: &Entry| match &entry.named {
            Named::Link(target) => {
                Some(Left { what: format!("symbolic link {} to {target}", entry.name), site: entry.site })
            }
            Named::Device(_) => None,
        };
        names.values().filter_map(link).collect()
    })
}

/// All symbolic links with their targets, by name.
#[must_use]
pub fn links() -> Vec<(String, String)> {
    NAMES.with_borrow(|names| {
        let link = |entry: &Entry| match &entry.named {
            Named::Link(target) => Some((entry.name.clone(), target.clone())),
            Named::Device(_) => None,
        };
        names.values().filter_map(link).collect()
    })
}

/// The device that a name leads to, through symbolic links.
#[must_use]
pub fn find_device(name: &str) -> Option<*mut DEVICE_OBJECT> {
    let mut name = name.to_owned();
    // More links than this in a row are a ring.
    for _ in 0..32 {
        let next = NAMES.with_borrow(|names| match &names.get(&index(&name))?.named {
            Named::Device(device) => Some(Ok(*device)),
            Named::Link(target) => Some(Err(target.clone())),
        })?;
        match next {
            Ok(device) => return Some(device),
            Err(target) => name = target,
        }
    }
    None
}

extern "win64" fn io_create_symbolic_link(name: *mut UNICODE_STRING, target: *mut UNICODE_STRING) -> NTSTATUS {
    create_symbolic_link(&rtl::string(name), &rtl::string(target))
}

extern "win64" fn io_delete_symbolic_link(name: *mut UNICODE_STRING) -> NTSTATUS {
    delete_symbolic_link(&rtl::string(name))
}

pub(crate) const EXPORTS: &[Export] = &[
    function("IoCreateSymbolicLink", PASSIVE, io_create_symbolic_link as *const ()),
    function("IoCreateUnprotectedSymbolicLink", PASSIVE, io_create_symbolic_link as *const ()),
    function("IoDeleteSymbolicLink", PASSIVE, io_delete_symbolic_link as *const ()),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_its_device() {
        reset();
        let device = 0x1000 as *mut DEVICE_OBJECT;
        assert_eq!(name_device(r"\Device\CdRom0", device), status::SUCCESS);
        assert_eq!(name_device(r"\device\cdrom0", device), status::OBJECT_NAME_COLLISION);
        assert_eq!(create_symbolic_link(r"\DosDevices\D:", r"\Device\CdRom0"), status::SUCCESS);
        assert_eq!(find_device(r"\??\d:"), Some(device));
        assert_eq!(device_name(device).as_deref(), Some(r"\Device\CdRom0"));
        assert_eq!(links(), [(r"\DosDevices\D:".to_owned(), r"\Device\CdRom0".to_owned())]);
        forget_device(device);
        assert_eq!(find_device(r"\??\D:"), None);
        assert_eq!(delete_symbolic_link(r"\??\D:"), status::SUCCESS);
        assert_eq!(delete_symbolic_link(r"\??\D:"), status::OBJECT_NAME_NOT_FOUND);
    }

    #[test]
    fn a_ring_of_links_leads_nowhere() {
        reset();
        assert_eq!(create_symbolic_link(r"\a", r"\b"), status::SUCCESS);
        assert_eq!(create_symbolic_link(r"\b", r"\a"), status::SUCCESS);
        assert_eq!(find_device(r"\a"), None);
    }
}
