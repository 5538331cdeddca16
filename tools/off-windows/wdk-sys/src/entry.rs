//! What the kit's static library `WdfDriverEntry.lib` does: the entry point of a KMDF driver. It binds the image to the
//! framework, calls the driver's own `DriverEntry`, and unbinds when the driver is unloaded.
//!
//! Class extensions and context types shared between modules (`.kmdfclassbind`, `.kmdftypeinit`) are not served; the
//! build refuses an image that has such a section.
#![allow(non_snake_case, non_upper_case_globals, reason = "the framework's names")]

use core::cell::UnsafeCell;
use core::ptr::null_mut;

use crate::types::{
    _WDFFUNCENUM, DRIVER_OBJECT, NTSTATUS, PCUNICODE_STRING, PDRIVER_OBJECT, PDRIVER_UNLOAD, PUNICODE_STRING, PVOID,
    PWDF_DRIVER_GLOBALS, ULONG, UNICODE_STRING, USHORT, WDFFUNC,
};
use crate::{NT_SUCCESS, STATUS_INSUFFICIENT_RESOURCES};

/// The framework's globals of this driver: set by the loader, first argument of every function of the table.
pub static mut WdfDriverGlobals: PWDF_DRIVER_GLOBALS = null_mut();

/// The framework's table of functions. From version 1.15 on the framework has the table, and a driver a pointer to it.
// SAFETY: no other symbol of that name exists in a driver.
#[unsafe(export_name = "WdfFunctions_01015")]
pub static mut WdfFunctions: *const WDFFUNC = core::ptr::null();

/// The version that the driver is built for.
const VERSION: [ULONG; 3] = [1, 15, 0];

/// Room for the registry path, in UTF-16 units.
const PATH_UNITS: usize = 260;

/// What the loader wants to know of the driver.
#[repr(C)]
struct BindInfo {
    size: ULONG,
    component: *const u16,
    version: [ULONG; 3],
    function_count: ULONG,
    function_table: *mut *const WDFFUNC,
    module: PVOID,
}

const _: () = assert!(size_of::<BindInfo>() == 48);
const _: () = assert!(core::mem::offset_of!(BindInfo, function_table) == 32);

#[link(name = "WDFLDR.SYS", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    fn WdfVersionBind(
        driver: PDRIVER_OBJECT,
        registry_path: PUNICODE_STRING,
        info: *mut BindInfo,
        globals: *mut PWDF_DRIVER_GLOBALS,
    ) -> NTSTATUS;
    fn WdfVersionUnbind(registry_path: PUNICODE_STRING, info: *mut BindInfo, globals: PWDF_DRIVER_GLOBALS) -> NTSTATUS;
}

unsafe extern "C" {
    /// The driver's own entry.
    fn DriverEntry(driver: PDRIVER_OBJECT, registry_path: PCUNICODE_STRING) -> NTSTATUS;
}

/// What lives from load to unload. Only load and unload touch it, and the system never runs both at once.
#[repr(transparent)]
struct Kept<T>(UnsafeCell<T>);

// SAFETY: see above: there is one user at a time.
unsafe impl<T> Sync for Kept<T> {}

const fn wide<const N: usize>(ascii: &[u8; N]) -> [u16; N] {
    let mut units = [0; N];
    let mut index = 0;
    while index < N {
        units[index] = ascii[index] as u16;
        index += 1;
    }
    units
}

static COMPONENT: [u16; 12] = wide(b"KmdfLibrary\0");

static BIND_INFO: Kept<BindInfo> = Kept(UnsafeCell::new(BindInfo {
    size: size_of::<BindInfo>() as ULONG,
    component: COMPONENT.as_ptr(),
    version: VERSION,
    function_count: _WDFFUNCENUM::WdfFunctionTableNumEntries as ULONG,
    function_table: &raw mut WdfFunctions,
    module: null_mut(),
}));

static PATH_BUFFER: Kept<[u16; PATH_UNITS]> = Kept(UnsafeCell::new([0; PATH_UNITS]));

static PATH: Kept<UNICODE_STRING> =
    Kept(UnsafeCell::new(UNICODE_STRING { Length: 0, MaximumLength: 0, Buffer: null_mut() }));

/// The unload routine that the framework put into the driver object.
static DISPLACED_UNLOAD: Kept<PDRIVER_UNLOAD> = Kept(UnsafeCell::new(None));

/// The image's entry point.
///
/// # Safety
/// The system calls it once, at PASSIVE_LEVEL, with the new driver object and the path of the service's key; or with
/// no driver object, for a library that only wants its `DriverEntry` called.
// SAFETY: no other symbol of that name exists in a driver; INIT is discarded when this function has returned.
#[unsafe(no_mangle)]
#[unsafe(link_section = "INIT")]
unsafe extern "C" fn FxDriverEntry(driver: *mut DRIVER_OBJECT, registry_path: PCUNICODE_STRING) -> NTSTATUS {
    if driver.is_null() {
        // SAFETY: the arguments are the caller's own.
        return unsafe { DriverEntry(driver, registry_path) };
    }
    // SAFETY: the system gives a valid string.
    let path = unsafe { &*registry_path };
    if !keep_path(path) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    let globals = &raw mut WdfDriverGlobals;
    // SAFETY: all four live until unload; the loader fills the last two.
    let status = unsafe { WdfVersionBind(driver, PATH.0.get(), BIND_INFO.0.get(), globals) };
    if !NT_SUCCESS(status) {
        return status;
    }
    // SAFETY: the arguments are the system's.
    let status = unsafe { DriverEntry(driver, registry_path) };
    if NT_SUCCESS(status) {
        displace_unload(driver);
    } else {
        unbind();
    }
    status
}

/// Copies the registry path, whose storage the system owns; false if there is no room.
fn keep_path(path: &UNICODE_STRING) -> bool {
    let units = usize::from(path.Length) / 2;
    if units >= PATH_UNITS {
        return false;
    }
    let buffer = PATH_BUFFER.0.get().cast::<u16>();
    // SAFETY: `units` fit with a terminating zero to spare, and the system's string holds that many.
    unsafe { core::ptr::copy_nonoverlapping(path.Buffer, buffer, units) };
    let kept = UNICODE_STRING { Length: path.Length, MaximumLength: (PATH_UNITS * 2) as USHORT, Buffer: buffer };
    // SAFETY: nothing else uses it during load.
    unsafe { PATH.0.get().write(kept) };
    true
}

/// Puts `unload` before the framework's unload routine, if the framework asks for it.
fn displace_unload(driver: *mut DRIVER_OBJECT) {
    // SAFETY: set by the loader, and not changed after it.
    let globals = unsafe { WdfDriverGlobals };
    // SAFETY: the loader gave a valid structure.
    let displace = unsafe { (*globals).DisplaceDriverUnload };
    if displace == 0 {
        return;
    }
    // SAFETY: the driver object is the system's, and nobody else changes it while the driver loads.
    let slot = unsafe { &mut (*driver).DriverUnload };
    let theirs = slot.replace(unload);
    // SAFETY: nothing else uses it during load.
    unsafe { DISPLACED_UNLOAD.0.get().write(theirs) };
}

/// What the system calls to unload the driver: the framework's routine, then the end of the binding.
// SAFETY: unloading happens at PASSIVE_LEVEL, so the code may be paged.
#[unsafe(link_section = "PAGE")]
unsafe extern "C" fn unload(driver: PDRIVER_OBJECT) {
    // SAFETY: written during load, and nothing else uses it now.
    let theirs = unsafe { *DISPLACED_UNLOAD.0.get() };
    if let Some(theirs) = theirs {
        // SAFETY: the framework put it where the system would have called it with this argument.
        unsafe { theirs(driver) };
    }
    unbind();
}

fn unbind() {
    // SAFETY: set by the loader, and not changed after it.
    let globals = unsafe { WdfDriverGlobals };
    // SAFETY: the same values that were bound. The status says nothing that could be acted on.
    let _ = unsafe { WdfVersionUnbind(PATH.0.get(), BIND_INFO.0.get(), globals) };
}
