//! The part of the entry stub.

use nt_kernel::layout::{DRIVER_OBJECT, UNICODE_STRING};
use nt_kernel::{io, raw};

use super::{DRIVER, GLOBALS, SERVICE, TABLE, unicode};
use crate::bind::bind_exports;
use crate::client::Globals;
use crate::status;
use crate::structs::{WDF_BIND_INFO, WDF_VERSION};

/// Bind information of a client for a minor version.
pub struct Bind {
    /// What the client passes.
    pub info: WDF_BIND_INFO,
    array: Vec<*const ()>,
    table: Box<*mut *const ()>,
}

impl Bind {
    /// For a version with that many functions.
    pub fn new(minor: u32, count: u32) -> Box<Bind> {
        let component: Vec<u16> = "KmdfLibrary\0".encode_utf16().collect();
        let mut bind = Box::new(Bind {
            info: WDF_BIND_INFO {
                Size: size_of::<WDF_BIND_INFO>() as u32,
                Component: component.leak().as_ptr(),
                Version: WDF_VERSION { Major: 1, Minor: minor, Build: 0 },
                FuncCount: count,
                FuncTable: std::ptr::null_mut(),
                Module: std::ptr::null_mut(),
            },
            array: vec![std::ptr::null(); count as usize],
            table: Box::new(std::ptr::null_mut()),
        });
        bind.info.FuncTable = if count <= 438 { bind.array.as_mut_ptr().cast() } else { (&raw mut *bind.table).cast() };
        bind
    }

    /// Entry of the table that the client got.
    pub fn entry(&self, index: usize) -> *const () {
        if self.table.is_null() { self.array[index] } else { raw::read(self.table.wrapping_add(index)) }
    }
}

type VersionBind =
    extern "win64" fn(*mut DRIVER_OBJECT, *const UNICODE_STRING, *mut WDF_BIND_INFO, *mut Globals) -> i32;
type VersionUnbind = extern "win64" fn(*const UNICODE_STRING, *mut WDF_BIND_INFO, Globals) -> i32;

fn export(name: &str) -> *const () {
    bind_exports(name).expect("an export").address
}

/// Calls `WdfVersionBind`.
pub fn version_bind(
    driver: *mut DRIVER_OBJECT,
    path: *const UNICODE_STRING,
    info: *mut WDF_BIND_INFO,
    globals: *mut Globals,
) -> i32 {
    // SAFETY: the export has this prototype.
    let bind = unsafe { std::mem::transmute::<*const (), VersionBind>(export("WdfVersionBind")) };
    bind(driver, path, info, globals)
}

/// Calls `WdfVersionUnbind`.
pub fn version_unbind(info: *mut WDF_BIND_INFO, globals: Globals) -> i32 {
    // SAFETY: the export has this prototype.
    let unbind = unsafe { std::mem::transmute::<*const (), VersionUnbind>(export("WdfVersionUnbind")) };
    unbind(unicode(SERVICE), info, globals)
}

/// A bound test driver without WDFDRIVER.
pub fn bound() -> Box<Bind> {
    bound_as(15, 444)
}

/// As [`bound`], for another version.
pub fn bound_as(minor: u32, count: u32) -> Box<Bind> {
    let driver = io::create_driver("testclient", SERVICE);
    let mut bind = Bind::new(minor, count);
    let mut globals: Globals = std::ptr::null_mut();
    assert_eq!(version_bind(driver, unicode(SERVICE), &raw mut bind.info, &raw mut globals), status::SUCCESS);
    DRIVER.set(driver);
    GLOBALS.set(globals);
    TABLE.set(if bind.table.is_null() { bind.array.as_mut_ptr() } else { *bind.table });
    bind
}

/// Globals of the bound driver.
pub fn globals() -> Globals {
    GLOBALS.get()
}

/// Driver object of the bound driver.
pub fn driver_object() -> *mut DRIVER_OBJECT {
    DRIVER.get()
}
