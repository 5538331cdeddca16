//! Clients of the framework: one for each driver image that bound to it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use nt_kernel::layout::DRIVER_OBJECT;
use nt_machine::memory;

use crate::fail::{Violation, violation};
use crate::objects::Handle;
use crate::structs::WDF_DRIVER_GLOBALS;

/// First argument of every function of the table.
pub type Globals = *mut WDF_DRIVER_GLOBALS;

/// What the framework knows of a bound driver.
pub struct Client {
    /// The public globals, in memory that the driver reads.
    pub globals: Globals,
    /// Minor framework version that the driver was built for.
    pub minor: u32,
    /// Registry path of the service.
    pub registry_path: String,
    /// The driver object that was passed at bind.
    pub driver_object: *mut DRIVER_OBJECT,
    /// The WDFDRIVER, NULL before `WdfDriverCreate` and after its deletion.
    pub driver: Cell<Handle>,
    /// Tag of allocations on behalf of the driver.
    pub tag: Cell<u32>,
}

impl Client {
    /// True if the driver was built for that minor version or a later one.
    #[must_use]
    pub fn at_least(&self, minor: u32) -> bool {
        self.minor >= minor
    }
}

thread_local! {
    static CLIENTS: RefCell<Vec<Rc<Client>>> = const { RefCell::new(Vec::new()) };
}

/// Default tag of allocations: "FxDr".
const DEFAULT_TAG: u32 = u32::from_le_bytes(*b"FxDr");

/// Registers a driver: makes its globals, zeroed but for the driver's name.
pub(crate) fn register(driver_object: *mut DRIVER_OBJECT, registry_path: String, minor: u32) -> Rc<Client> {
    let globals = memory::allocate(memory::Kind::Object, size_of::<WDF_DRIVER_GLOBALS>(), 16, 0, "WDF_DRIVER_GLOBALS")
        .cast::<WDF_DRIVER_GLOBALS>();
    let value = WDF_DRIVER_GLOBALS {
        Driver: Handle::NULL,
        DriverFlags: 0,
        DriverTag: 0,
        DriverName: driver_name(&registry_path),
        DisplaceDriverUnload: 0,
    };
    // SAFETY: the block was just allocated with the structure's size and alignment.
    unsafe { globals.write(value) };
    let client = Rc::new(Client {
        globals,
        minor,
        registry_path,
        driver_object,
        driver: Cell::new(Handle::NULL),
        tag: Cell::new(DEFAULT_TAG),
    });
    CLIENTS.with_borrow_mut(|clients| clients.push(Rc::clone(&client)));
    client
}

/// Forgets a driver and frees its globals.
pub(crate) fn unregister(client: &Rc<Client>) {
    CLIENTS.with_borrow_mut(|clients| clients.retain(|known| !Rc::ptr_eq(known, client)));
    memory::free(client.globals.cast());
}

/// The client with these globals.
pub(crate) fn find(globals: *const WDF_DRIVER_GLOBALS) -> Option<Rc<Client>> {
    CLIENTS.with_borrow(|clients| clients.iter().find(|known| known.globals.cast_const() == globals).cloned())
}

/// The client of a driver object.
pub(crate) fn by_driver_object(driver_object: *mut DRIVER_OBJECT) -> Option<Rc<Client>> {
    CLIENTS.with_borrow(|clients| clients.iter().find(|known| known.driver_object == driver_object).cloned())
}

/// The client that calls a function of the table; anything but a bound driver's globals ends the run.
#[must_use]
pub fn of(globals: Globals) -> Rc<Client> {
    find(globals).unwrap_or_else(|| {
        violation(Violation::InvalidHandle, "DriverGlobals", format_args!("{globals:p} are not this driver's globals"))
    })
}

pub(crate) fn clear() {
    CLIENTS.with_borrow_mut(Vec::clear);
}

/// Last component of the registry path, narrowed to 8 bits, at most 31 characters; "WDF" without a backslash.
fn driver_name(registry_path: &str) -> [u8; 32] {
    let name = registry_path.rsplit_once('\\').map_or("WDF", |(_, name)| name);
    let mut bytes = [0; 32];
    for (byte, unit) in bytes.iter_mut().take(31).zip(name.encode_utf16()) {
        *byte = unit as u8;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::driver_name;

    #[test]
    fn the_name_is_the_last_component_in_31_characters() {
        assert_eq!(&driver_name(r"\Registry\Machine\System\Services\cdromrs")[..8], b"cdromrs\0");
        assert_eq!(&driver_name("cdromrs")[..4], b"WDF\0");
        let long = driver_name(&format!("\\{}", "x".repeat(40)));
        assert_eq!((long[30], long[31]), (b'x', 0));
    }
}
