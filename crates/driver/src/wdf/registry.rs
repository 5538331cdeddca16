//! Registry keys. PASSIVE_LEVEL.

use core::ptr::null_mut;

use wdk_sys::{
    NT_SUCCESS, NTSTATUS, PWDF_OBJECT_ATTRIBUTES, REG_MULTI_SZ, REG_OPTION_NON_VOLATILE, REG_SZ, UNICODE_STRING,
    WDF_NO_OBJECT_ATTRIBUTES, WDFKEY, call_unsafe_wdf_function_binding,
};

use crate::km::links::string_of;
use crate::wdf::driver;

/// An open key, which is closed when the value goes.
pub struct Key(WDFKEY);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: opened by this driver, and closed only here.
        unsafe { call_unsafe_wdf_function_binding!(WdfRegistryClose, self.0) };
    }
}

/// Takes over the key that `open` opens; `None` if there is none, or none to be had: then there is nothing to close.
pub fn opened(open: impl FnOnce(PWDF_OBJECT_ATTRIBUTES, *mut WDFKEY) -> NTSTATUS) -> Option<Key> {
    let mut key: WDFKEY = null_mut();
    NT_SUCCESS(open(WDF_NO_OBJECT_ATTRIBUTES, &raw mut key)).then(|| Key(key))
}

/// A short name as UTF-16 for one call.
struct Units([u16; 40], usize);

impl Units {
    #[unsafe(link_section = "PAGE")]
    fn new(name: &str) -> Self {
        let mut units = Self([0; 40], 0);
        for (unit, byte) in units.0.iter_mut().zip(name.bytes()) {
            *unit = u16::from(byte);
            units.1 = units.1.saturating_add(1);
        }
        units
    }

    #[unsafe(link_section = "PAGE")]
    fn string(&self) -> UNICODE_STRING {
        string_of(self.0.get(..self.1).unwrap_or(&[]))
    }
}

impl Key {
    #[unsafe(link_section = "PAGE")]
    fn open_below(parent: WDFKEY, name: &UNICODE_STRING, access: u32) -> Option<Self> {
        opened(|attributes, key| {
            // SAFETY: an open key or null, and a valid name.
            unsafe { call_unsafe_wdf_function_binding!(WdfRegistryOpenKey, parent, name, access, attributes, key) }
        })
    }

    /// The key with a full name.
    #[unsafe(link_section = "PAGE")]
    pub fn open_path(name: &UNICODE_STRING, access: u32) -> Option<Self> {
        Self::open_below(null_mut(), name, access)
    }

    /// The service's own key.
    #[unsafe(link_section = "PAGE")]
    pub fn service(access: u32) -> Option<Self> {
        let path = driver::registry_path();
        let length = (0..)
            .map(|index| path.wrapping_add(index))
            // SAFETY: the framework ends the path with a NUL, where this stops.
            .position(|unit| unsafe { unit.read() } == 0)?;
        // SAFETY: that many units were just read, and they stay as long as the driver.
        let units = unsafe { core::slice::from_raw_parts(path, length) };
        Self::open_path(&string_of(units), access)
    }

    /// A key below this one.
    #[unsafe(link_section = "PAGE")]
    pub fn open(&self, name: &str, access: u32) -> Option<Self> {
        let units = Units::new(name);
        Self::open_below(self.0, &units.string(), access)
    }

    /// A key below this one, made if it is missing.
    #[unsafe(link_section = "PAGE")]
    pub fn create(&self, name: &str, access: u32) -> Option<Self> {
        let units = Units::new(name);
        let name = units.string();
        opened(|attributes, key| {
            // SAFETY: an open key and a valid name.
            unsafe {
                call_unsafe_wdf_function_binding!(
                    WdfRegistryCreateKey,
                    self.0,
                    &raw const name,
                    access,
                    REG_OPTION_NON_VOLATILE,
                    null_mut(),
                    attributes,
                    key
                )
            }
        })
    }

    /// A REG_DWORD.
    #[unsafe(link_section = "PAGE")]
    pub fn u32(&self, name: &str) -> Option<u32> {
        let units = Units::new(name);
        let name = units.string();
        let mut value = 0;
        // SAFETY: an open key and a valid name.
        let status = unsafe {
            call_unsafe_wdf_function_binding!(WdfRegistryQueryULong, self.0, &raw const name, &raw mut value)
        };
        NT_SUCCESS(status).then_some(value)
    }

    /// Sets a REG_DWORD. What cannot be kept is learned again at the next start.
    #[unsafe(link_section = "PAGE")]
    pub fn set_u32(&self, name: &str, value: u32) {
        let units = Units::new(name);
        let name = units.string();
        // SAFETY: an open key and a valid name.
        let _ = unsafe { call_unsafe_wdf_function_binding!(WdfRegistryAssignULong, self.0, &raw const name, value) };
    }

    #[unsafe(link_section = "PAGE")]
    fn units<'a>(&self, name: &UNICODE_STRING, wanted: u32, room: &'a mut [u16]) -> Option<&'a [u16]> {
        let size = u32::try_from(size_of_val(room)).unwrap_or(u32::MAX);
        let (mut length, mut kind) = (0, 0);
        // SAFETY: an open key, a valid name and a buffer as long as it says.
        let status = unsafe {
            call_unsafe_wdf_function_binding!(
                WdfRegistryQueryValue,
                self.0,
                name,
                size,
                room.as_mut_ptr().cast(),
                &raw mut length,
                &raw mut kind
            )
        };
        let length = usize::try_from(length >> 1).unwrap_or(0);
        (NT_SUCCESS(status) && kind == wanted).then(|| room.get(..length)).flatten()
    }

    /// A REG_SZ; `None` if there is none or `room` is too small.
    #[unsafe(link_section = "PAGE")]
    pub fn string<'a>(&self, name: &UNICODE_STRING, room: &'a mut [u16]) -> Option<&'a [u16]> {
        self.units(name, REG_SZ, room)
    }

    /// A REG_MULTI_SZ; empty if there is none or `room` is too small.
    #[unsafe(link_section = "PAGE")]
    pub fn multi_string<'a>(&self, name: &str, room: &'a mut [u16]) -> &'a [u16] {
        let units = Units::new(name);
        self.units(&units.string(), REG_MULTI_SZ, room).unwrap_or(&[])
    }

    /// Deletes a value.
    #[unsafe(link_section = "PAGE")]
    pub fn remove(&self, name: &UNICODE_STRING) {
        // SAFETY: an open key and a valid name. That there is none is as good.
        let _ = unsafe { call_unsafe_wdf_function_binding!(WdfRegistryRemoveValue, self.0, name) };
    }
}
