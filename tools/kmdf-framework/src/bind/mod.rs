//! The loader: the exports of `WDFLDR.SYS` that a client's entry stub calls.

#[cfg(test)]
mod tests;

use std::rc::Rc;

use nt_kernel::layout::{DRIVER_OBJECT, UNICODE_STRING};
use nt_kernel::{get, put, raw};
use nt_machine::call::Export;
use nt_machine::findings::{self, Rule};

use crate::client::{self, Client, Globals};
use crate::functions;
use crate::objects::{self, Handle, Kind};
use crate::structs::{WDF_BIND_INFO, WDF_BIND_INFO2, WDF_CLASS_BIND_INFO};
use crate::{status, unicode};

/// Version of this framework.
pub const MAJOR: u32 = 1;
/// Minor version of this framework.
pub const MINOR: u32 = 33;
/// Structures that this version knows, for clients that may be newer.
const STRUCTURE_COUNT: u32 = 81;

/// Table lengths that a released version had. Any other count is no client of ours.
const HISTORICAL_COUNTS: [u32; 13] = [383, 386, 387, 396, 432, 438, 444, 446, 448, 451, 453, 454, 458];
/// Clients up to this count (1.13) have an array of function pointers; later ones a pointer to the table.
const LAST_ARRAY_COUNT: u32 = 438;
/// First minor version whose stub can declare an older acceptable one.
const FIRST_WITH_MINIMUM: u32 = 25;

/// The export of `WDFLDR.SYS` with that name.
#[must_use]
pub fn bind_exports(name: &str) -> Option<Export> {
    let exports: [(&'static str, *const ()); 4] = [
        ("WdfVersionBind", version_bind as *const ()),
        ("WdfVersionUnbind", version_unbind as *const ()),
        ("WdfVersionBindClass", version_bind_class as *const ()),
        ("WdfVersionUnbindClass", version_unbind_class as *const ()),
    ];
    let (name, address) = exports.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(Export { name, address, max_irql: 0, min_irql: 0 })
}

fn component(info: *mut WDF_BIND_INFO) -> String {
    let text = get!(info, Component);
    if text.is_null() {
        return String::new();
    }
    let units: Vec<u16> = (0..64).map(|at| raw::read(text.wrapping_add(at))).take_while(|unit| *unit != 0).collect();
    String::from_utf16_lossy(&units)
}

/// The client's table length and whether it is newer than this framework; or why it cannot be served.
fn accept(info: *mut WDF_BIND_INFO) -> Result<(u32, bool), String> {
    let size = get!(info, Size) as usize;
    let extended = match size {
        _ if size == size_of::<WDF_BIND_INFO>() => false,
        _ if size == size_of::<WDF_BIND_INFO2>() => true,
        _ => return Err(format!("a bind information of {size} bytes is unknown")),
    };
    if component(info) != "KmdfLibrary" {
        return Err(format!("the component is {:?}, not KmdfLibrary", component(info)));
    }
    let version = get!(info, Version);
    let count = get!(info, FuncCount);
    if version.Major != MAJOR {
        return Err(format!("built for version {}.{}, this is {MAJOR}.{MINOR}", version.Major, version.Minor));
    }
    if version.Minor <= MINOR {
        return Ok((count, false));
    }
    let minimum =
        extended.then(|| get!(info.cast::<WDF_BIND_INFO2>(), MinimumVersionRequired)).filter(|at| !at.is_null());
    let minimum = minimum.map(raw::read).filter(|minimum| (FIRST_WITH_MINIMUM..=MINOR).contains(minimum));
    if minimum.is_none() {
        return Err(format!("needs version {}.{}, this is {MAJOR}.{MINOR}", version.Major, version.Minor));
    }
    Ok((count.min(functions::ROWS.len() as u32), true))
}

/// Gives the client the table in the form that it expects.
fn hand_out(info: *mut WDF_BIND_INFO, count: u32) {
    let place = get!(info, FuncTable);
    let table = functions::table();
    if count > LAST_ARRAY_COUNT {
        raw::write(place.cast::<*mut *const ()>(), table);
    } else {
        raw::copy_bytes(table.cast::<u8>().cast_const(), place.cast(), count as usize * size_of::<*const ()>());
    }
}

/// Tells a client with extended bind information what is there for it.
fn describe(info: *mut WDF_BIND_INFO, count: u32, newer: bool) {
    if get!(info, Size) as usize != size_of::<WDF_BIND_INFO2>() {
        return;
    }
    let info = info.cast::<WDF_BIND_INFO2>();
    let write_count = |place: *mut u32, value: u32| {
        if newer && !place.is_null() {
            raw::write(place, value);
        }
    };
    let flag = get!(info, ClientVersionHigherThanFramework);
    if !flag.is_null() {
        raw::write(flag, u8::from(newer));
    }
    write_count(get!(info, FuncCountPtr), count);
    let structures = get!(info, StructCountPtr);
    write_count(structures, STRUCTURE_COUNT);
}

unsafe extern "win64" fn version_bind(
    driver_object: *mut DRIVER_OBJECT,
    registry_path: *const UNICODE_STRING,
    info: *mut WDF_BIND_INFO,
    globals: *mut Globals,
) -> i32 {
    if driver_object.is_null() || registry_path.is_null() || info.is_null() || globals.is_null() {
        return status::INVALID_PARAMETER;
    }
    if get!(info, FuncTable).is_null() {
        return status::INVALID_PARAMETER;
    }
    let (count, newer) = match accept(info) {
        Ok(accepted) => accepted,
        Err(why) => {
            findings::report(Rule::BadArgument, "BindInfo", format_args!("the framework refuses the client: {why}"));
            return status::REVISION_MISMATCH;
        }
    };
    if !HISTORICAL_COUNTS.contains(&count) {
        return status::INVALID_PARAMETER;
    }
    let Ok(path) = unicode::read(registry_path) else { return status::INVALID_PARAMETER };
    // The framework leaves its status variable alone when its own globals cannot be allocated.
    if !nt_kernel::pool::try_charge() {
        return status::INVALID_PARAMETER;
    }
    let client = client::register(driver_object, path, get!(info, Version).Minor);
    hand_out(info, count);
    describe(info, count, newer);
    put!(info, Module, client.globals.cast());
    raw::write(globals, client.globals);
    status::SUCCESS
}

unsafe extern "win64" fn version_unbind(
    _registry_path: *const UNICODE_STRING,
    info: *mut WDF_BIND_INFO,
    globals: Globals,
) -> i32 {
    if info.is_null() || globals.is_null() {
        return status::UNSUCCESSFUL;
    }
    let Some(client) = client::find(globals) else {
        findings::report(Rule::BadArgument, "Globals", "unbinds globals that no bind gave out");
        return status::UNSUCCESSFUL;
    };
    if !client.driver.get().is_null() {
        // The entry point failed after the driver object was created.
        objects::delete(client.driver.get());
        objects::wait_for_disposals();
    }
    report_leaks(&client);
    put!(info, Module, std::ptr::null_mut());
    client::unregister(&client);
    status::SUCCESS
}

/// What a driver leaves behind when it unloads, with the call that created it.
fn report_leaks(client: &Rc<Client>) {
    for object in objects::live(client) {
        // A request that came from I/O is no leak but a request that nobody will complete.
        let rule = if object.kind == Kind::Request { Rule::Lost } else { Rule::Leak };
        findings::report_at(
            rule,
            object.created_by.function,
            object.kind.name(),
            object.created_by.caller,
            format_args!("{} references left at unload", object.references()),
        );
    }
    debug_assert_eq!(client.driver.get(), Handle::NULL);
}

unsafe extern "win64" fn version_bind_class(
    info: *mut WDF_BIND_INFO,
    globals: *mut Globals,
    class: *mut WDF_CLASS_BIND_INFO,
) -> i32 {
    if info.is_null() || globals.is_null() || class.is_null() {
        return status::INVALID_PARAMETER;
    }
    let name = get!(class, ClassName);
    let units: Vec<u16> = match name.is_null() {
        true => Vec::new(),
        false => (0..64).map(|at| raw::read(name.wrapping_add(at))).take_while(|unit| *unit != 0).collect(),
    };
    let name = String::from_utf16_lossy(&units);
    findings::report(Rule::Missing, "ClassBindInfo", format_args!("the class library {name:?} is not provided"));
    status::NOT_SUPPORTED
}

unsafe extern "win64" fn version_unbind_class(_: *mut WDF_BIND_INFO, _: *mut Globals, _: *mut WDF_CLASS_BIND_INFO) {}
