//! The system's error log.

use std::cell::RefCell;

use nt_machine::call::Export;
use nt_machine::findings::{self, Rule};
use nt_machine::irql::DISPATCH;
use nt_machine::memory::{self, Kind};

use crate::exports::function;
use crate::layout::{IO_ERROR_LOG_PACKET, PVOID};
use crate::ledger::{Ledger, Left};
use crate::{get, objects, pool, raw};

/// The largest packet (`ERROR_LOG_MAXIMUM_SIZE`).
const MAXIMUM: u8 = 0xF0;

/// An entry that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The object that the entry is about.
    pub object: String,
    /// `ErrorCode`.
    pub code: i32,
    /// `UniqueErrorValue`.
    pub unique: u32,
    /// `FinalStatus`.
    pub final_status: i32,
    /// The packet as it was written.
    pub packet: Vec<u8>,
}

thread_local! {
    /// Packets that were allocated and not written, with the name of their object.
    static OPEN: RefCell<Ledger<String>> = const { RefCell::new(Ledger::new()) };
    static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn reset() {
    OPEN.replace(Ledger::new());
    ENTRIES.replace(Vec::new());
}

/// The log, oldest entry first.
#[must_use]
pub fn entries() -> Vec<Entry> {
    ENTRIES.with_borrow(Vec::clone)
}

/// Packets that were not written.
pub(crate) fn left() -> Vec<Left> {
    OPEN.with_borrow(|open| open.left(|_, object| format!("error log packet of {object}")))
}

extern "win64" fn allocate(object: PVOID, size: u8) -> PVOID {
    if usize::from(size) < size_of::<IO_ERROR_LOG_PACKET>() || size > MAXIMUM {
        return core::ptr::null_mut();
    }
    if !objects::is(object.cast(), objects::Kind::Device) && !objects::is(object.cast(), objects::Kind::Driver) {
        findings::report(Rule::BadArgument, "IoObject", "neither a device object nor a driver object");
        return core::ptr::null_mut();
    }
    if !pool::try_charge() {
        return core::ptr::null_mut();
    }
    let packet = memory::allocate(Kind::Object, usize::from(size), 8, 0, "error log packet");
    raw::fill(packet, 0, usize::from(size));
    OPEN.with_borrow_mut(|open| open.insert(packet as usize, objects::name(object.cast())));
    packet.cast()
}

/// Takes a packet out of the open ones.
fn take(packet: PVOID) -> Option<String> {
    let object = OPEN.with_borrow_mut(|open| open.remove(packet as usize));
    if object.is_none() {
        let text = format!("{} is no error log packet", crate::describe(packet as usize));
        findings::report(Rule::BadArgument, "ElEntry", text);
    }
    object
}

extern "win64" fn write(packet: PVOID) {
    let Some(object) = take(packet) else { return };
    let header = packet.cast::<IO_ERROR_LOG_PACKET>();
    let size = memory::lookup(packet as usize).map_or(0, |block| block.size);
    let data = usize::from(get!(header, DumpDataSize));
    if data % 4 != 0 || core::mem::offset_of!(IO_ERROR_LOG_PACKET, DumpData) + data > size {
        findings::report(Rule::BadArgument, "ElEntry", format_args!("{data} bytes of dump data in a packet of {size}"));
    }
    let entry = Entry {
        object,
        code: get!(header, ErrorCode),
        unique: get!(header, UniqueErrorValue),
        final_status: get!(header, FinalStatus),
        packet: raw::bytes(packet.cast(), size),
    };
    ENTRIES.with_borrow_mut(|all| all.push(entry));
    memory::free(packet.cast());
}

extern "win64" fn free(packet: PVOID) {
    if take(packet).is_some() {
        memory::free(packet.cast());
    }
}

pub(crate) const EXPORTS: &[Export] = &[
    function("IoAllocateErrorLogEntry", DISPATCH, allocate as *const ()),
    function("IoWriteErrorLogEntry", DISPATCH, write as *const ()),
    function("IoFreeErrorLogEntry", DISPATCH, free as *const ()),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{DEVICE_OBJECT, IRP};
    use crate::put;
    use crate::testing::{clean, device, found};

    extern "win64" fn nothing(_device: *mut DEVICE_OBJECT, _irp: *mut IRP) -> i32 {
        0
    }

    #[test]
    fn entries_are_kept_as_they_were_written() {
        clean(|| {
            let device = device("logger", nothing, None);
            assert!(allocate(device.cast(), 0x2F).is_null());
            assert!(allocate(device.cast(), 0xF1).is_null());
            let packet = allocate(device.cast(), 0x34);
            put!(packet.cast::<IO_ERROR_LOG_PACKET>(), ErrorCode, 0xC004_0007_u32.cast_signed());
            put!(packet.cast::<IO_ERROR_LOG_PACKET>(), DumpDataSize, 8);
            write(packet);
            let entries = entries();
            assert_eq!((entries.len(), entries[0].packet.len()), (1, 0x34));
            assert_eq!(entries[0].code, 0xC004_0007_u32.cast_signed());
        });
        found(Rule::BadArgument, "16 bytes of dump data", || {
            let packet = allocate(device("logger", nothing, None).cast(), 0x34);
            put!(packet.cast::<IO_ERROR_LOG_PACKET>(), DumpDataSize, 16);
            write(packet);
        });
        found(Rule::Leak, "is left", || {
            allocate(device("logger", nothing, None).cast(), 0x34);
            crate::check_at_unload();
        });
    }
}
