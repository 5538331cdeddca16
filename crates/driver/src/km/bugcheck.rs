//! The end of the system, should the impossible happen: a bug check that names the place, without formatting any text.

use core::panic::{Location, PanicInfo};

use wdk_sys::ntddk::KeBugCheckEx;

/// Code of all bug checks of this driver; its parameters are the kind, a hash of the source file's name, line and
/// column.
const DRIVER_DEFECT: u32 = 0xE0CD_0001;

/// What went wrong: the first parameter.
#[derive(Clone, Copy)]
pub enum Defect {
    /// A panic.
    Panic,
    /// A request was dropped without having been completed.
    RequestLost,
    /// A part of the device was used before it was there.
    NotThere,
}

impl Defect {
    const fn number(self) -> u64 {
        match self {
            Self::Panic => 0,
            Self::RequestLost => 1,
            Self::NotThere => 2,
        }
    }
}

/// Stops the system and names the caller's place.
#[cold]
#[track_caller]
pub fn stop(defect: Defect) -> ! {
    stop_at(defect, Some(Location::caller()))
}

fn stop_at(defect: Defect, place: Option<&Location<'_>>) -> ! {
    let (file, line, column) = place.map_or((0, 0, 0), |place| (hash(place.file()), place.line(), place.column()));
    // SAFETY: callable in every state; it does not return.
    unsafe { KeBugCheckEx(DRIVER_DEFECT, defect.number(), u64::from(file), u64::from(line), u64::from(column)) }
}

/// FNV-1a of the file's name with `/` as separator, so that builds on different systems give the same number.
fn hash(file: &str) -> u32 {
    file.bytes().fold(0x811C_9DC5, |hash, byte| {
        let byte = if byte == b'\\' { b'/' } else { byte };
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    stop_at(Defect::Panic, info.location())
}
