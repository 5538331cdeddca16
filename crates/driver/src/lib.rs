//! `cdromrs.sys`: the CD-ROM class driver. What it decides is in `ioctl-dispatch`; this crate does what only a driver
//! can.
//!
//! - [`km`] and [`wdf`] are small types over the kernel's and the framework's functions. Almost all that the compiler
//!   cannot check is in them.
//! - [`device`] is how a drive comes, starts and goes.
//! - [`io`] is how requests go through.
#![no_std]
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::as_conversions,
    clippy::unreachable
)]

mod device;
mod io;
mod km;
mod status;
mod wdf;

use wdk_sys::{DRIVER_OBJECT, NTSTATUS, PCUNICODE_STRING};

/// The driver's entry: tells the framework where to bring new devices. There is nothing to undo when the driver goes.
///
/// # Safety
/// Called once by the system, through the framework's stub, at PASSIVE_LEVEL.
// SAFETY: the name that the stub calls; nothing else has it.
#[unsafe(export_name = "DriverEntry")]
#[unsafe(link_section = "INIT")]
pub unsafe extern "system" fn driver_entry(driver: &mut DRIVER_OBJECT, registry_path: PCUNICODE_STRING) -> NTSTATUS {
    // SAFETY: the system's arguments, passed on once.
    unsafe { wdf::driver::create(driver, registry_path, Some(device::add::device_add)) }
}
