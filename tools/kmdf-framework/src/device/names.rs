//! Symbolic link and device interfaces.

use nt_kernel::layout::UNICODE_STRING;
use nt_kernel::{io, pnp as kernel_pnp, raw};

use super::Device;
use crate::client::Globals;
use crate::fail::require;
use crate::functions::Function;
use crate::objects::Handle;
use crate::{status, string, unicode};

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfDeviceCreateSymbolicLink", create_link as *const ()),
    ("WdfDeviceCreateDeviceInterface", create_interface as *const ()),
    ("WdfDeviceSetDeviceInterfaceState", set_interface_state as *const ()),
    ("WdfDeviceSetDeviceInterfaceStateEx", set_interface_state_ex as *const ()),
    ("WdfDeviceRetrieveDeviceInterfaceString", retrieve_interface_string as *const ()),
    ("WdfDeviceRetrieveDeviceName", retrieve_name as *const ()),
];

/// A GUID as its bytes.
type Guid = [u8; 16];

/// A device interface.
#[derive(Clone)]
pub(crate) struct Interface {
    class: Guid,
    reference: Option<String>,
    /// The symbolic link that registration gave.
    link: String,
    /// Turned on at the end of a start.
    auto_enable: bool,
    enabled: bool,
}

impl Device {
    /// The name that a symbolic link of this device leads to: its own, or its PDO's.
    fn link_target(&self) -> Result<String, i32> {
        const PHYSICAL_DEVICE_OBJECT_NAME: u32 = 0xE;
        if let Some(name) = &self.settings.name {
            return Ok(name.clone());
        }
        if self.is_control() {
            return Err(status::INVALID_DEVICE_STATE);
        }
        let bytes = kernel_pnp::device_property(self.pdo, PHYSICAL_DEVICE_OBJECT_NAME)?;
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        Ok(String::from_utf16_lossy(&units).trim_end_matches('\0').to_owned())
    }

    /// Removes the symbolic link, if there is one.
    pub fn delete_symbolic_link(&self) {
        if let Some(link) = self.link.take() {
            io::delete_symbolic_link(&link);
        }
    }

    /// End of a successful start: turns on every interface that is to be enabled by itself.
    pub fn enable_interfaces(&self) {
        self.switch_interfaces(true);
    }

    /// Removal or failure: turns all interfaces off.
    pub fn disable_interfaces(&self) {
        self.switch_interfaces(false);
    }

    fn switch_interfaces(&self, on: bool) {
        let count = self.interfaces.borrow().len();
        for at in 0..count {
            let interface = self.interfaces.borrow()[at].clone();
            if interface.enabled != on && (interface.auto_enable || !on) {
                self.interfaces.borrow_mut()[at].enabled = on;
                let _ = kernel_pnp::set_interface_state(&interface.link, on);
            }
        }
    }

    fn find_interface(&self, class: Guid, reference: Option<&str>) -> Option<usize> {
        let interfaces = self.interfaces.borrow();
        interfaces.iter().position(|known| known.class == class && known.reference.as_deref() == reference)
    }

    fn set_interface(&self, class: Guid, reference: Option<&str>, on: bool) {
        let Some(at) = self.find_interface(class, reference) else { return };
        let link = {
            let interface = &mut self.interfaces.borrow_mut()[at];
            interface.enabled = on;
            interface.link.clone()
        };
        let _ = kernel_pnp::set_interface_state(&link, on);
    }
}

unsafe extern "win64" fn create_link(_: Globals, device: Handle, name: *const UNICODE_STRING) -> i32 {
    let device = super::get(device);
    require(name, "SymbolicLinkName");
    answer(|| {
        let name = unicode::read(name)?;
        if name.is_empty() || device.link.borrow().is_some() {
            return Err(status::INVALID_DEVICE_REQUEST);
        }
        let target = device.link_target()?;
        if !nt_kernel::pool::try_charge() {
            return Err(status::INSUFFICIENT_RESOURCES);
        }
        match io::create_symbolic_link(&name, &target) {
            made if status::ok(made) => *device.link.borrow_mut() = Some(name),
            failed => return Err(failed),
        }
        Ok(())
    })
}

/// Status of a function that has nothing else to say.
fn answer(work: impl FnOnce() -> Result<(), i32>) -> i32 {
    work().err().unwrap_or(status::SUCCESS)
}

unsafe extern "win64" fn create_interface(
    _: Globals,
    device: Handle,
    class: *const Guid,
    reference: *const UNICODE_STRING,
) -> i32 {
    let device = super::get(device);
    require(class, "InterfaceClassGUID");
    answer(|| {
        let reference = unicode::read_optional(reference)?;
        if device.is_control() {
            return Err(status::INVALID_DEVICE_REQUEST);
        }
        if !nt_kernel::pool::try_charge() {
            return Err(status::INSUFFICIENT_RESOURCES);
        }
        let class = raw::read(class);
        let link = kernel_pnp::register_interface(device.pdo, &class, reference.as_deref())?;
        // One that is made after the start stays off until the driver turns it on.
        let auto_enable = true;
        device.interfaces.borrow_mut().push(Interface { class, reference, link, auto_enable, enabled: false });
        Ok(())
    })
}

unsafe extern "win64" fn set_interface_state(
    _: Globals,
    device: Handle,
    class: *const Guid,
    reference: *const UNICODE_STRING,
    on: u8,
) {
    let device = super::get(device);
    require(class, "InterfaceClassGUID");
    if let Ok(reference) = unicode::read_optional(reference) {
        device.set_interface(raw::read(class), reference.as_deref(), on != 0);
    }
}

/// As the plain form; the last argument also decides whether a start turns the interface on by itself.
unsafe extern "win64" fn set_interface_state_ex(
    _: Globals,
    device: Handle,
    class: *const Guid,
    reference: *const UNICODE_STRING,
    on: u8,
) {
    let device = super::get(device);
    require(class, "InterfaceClassGUID");
    let Ok(reference) = unicode::read_optional(reference) else { return };
    let class = raw::read(class);
    if let Some(at) = device.find_interface(class, reference.as_deref()) {
        device.interfaces.borrow_mut()[at].auto_enable = on != 0;
    }
    if device.pnp.is_started() {
        device.set_interface(class, reference.as_deref(), on != 0);
    }
}

unsafe extern "win64" fn retrieve_interface_string(
    _: Globals,
    device: Handle,
    class: *const Guid,
    reference: *const UNICODE_STRING,
    text: Handle,
) -> i32 {
    let device = super::get(device);
    require(class, "InterfaceClassGUID");
    let text = string::get(text);
    answer(|| {
        let reference = unicode::read_optional(reference)?;
        let at = device.find_interface(raw::read(class), reference.as_deref()).ok_or(status::OBJECT_NAME_NOT_FOUND)?;
        let link = device.interfaces.borrow()[at].link.clone();
        if link.is_empty() {
            return Err(status::INVALID_DEVICE_STATE);
        }
        text.assign(&link)
    })
}

unsafe extern "win64" fn retrieve_name(_: Globals, device: Handle, text: Handle) -> i32 {
    let device = super::get(device);
    let text = string::get(text);
    answer(|| {
        let name = device.link_target().map_err(|_| status::INVALID_DEVICE_STATE)?;
        text.assign(&name)
    })
}
