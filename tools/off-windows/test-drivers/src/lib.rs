//! A driver for the tests of the host that runs drivers. As it stands it is good: a small KMDF function driver that
//! answers device controls and reads out of its head. The value `Sin` of its service's `Parameters` key names one of
//! [`sins::SINS`], which it then commits; the host has to catch it, and to let the good driver pass.
#![no_std]

#[macro_use]
mod kernel;
mod irp;
mod sins;
mod skeleton;

use core::panic::PanicInfo;

/// The impossible happened: stop the system and say where.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let line = info.location().map_or(0, |place| u64::from(place.line()));
    kernel::bug_check(line)
}
