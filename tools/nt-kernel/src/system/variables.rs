//! Variables that the kernel exports, in blocks of their own.

use std::cell::RefCell;

use nt_machine::memory::{self, Kind};

use crate::layout::PVOID;
use crate::objects::Kind as ObjectKind;
use crate::raw;

/// The build of Windows that the kernel says it is: 10, version 22H2.
pub(super) const BUILD: u32 = 19045;

enum Content {
    /// A number of so many bytes.
    Number(u64, usize),
    /// A pointer to an object type.
    Type(Option<ObjectKind>),
    /// In the page that the kernel shares with everyone, whose loads the machine carries out.
    At(usize),
    /// A pointer to the process object.
    Process,
}

const VARIABLES: &[(&str, Content)] = &[
    ("IoFileObjectType", Content::Type(Some(ObjectKind::File))),
    ("IoDeviceObjectType", Content::Type(Some(ObjectKind::Device))),
    ("IoDriverObjectType", Content::Type(Some(ObjectKind::Driver))),
    ("ExEventObjectType", Content::Type(Some(ObjectKind::Event))),
    ("PsThreadType", Content::Type(Some(ObjectKind::Thread))),
    ("PsProcessType", Content::Type(None)),
    ("PsInitialSystemProcess", Content::Process),
    ("NtBuildNumber", Content::Number(0xF000_0000 | BUILD as u64, 4)),
    ("KeNumberProcessors", Content::Number(1, 1)),
    ("KeTickCount", Content::At(0xFFFF_F780_0000_0320)),
    ("InitSafeBootMode", Content::Number(0, 4)),
    ("KdDebuggerEnabled", Content::Number(0, 1)),
    ("KdDebuggerNotPresent", Content::Number(1, 1)),
    ("MmUserProbeAddress", Content::Number(memory::SYSTEM_START as u64, 8)),
    ("MmHighestUserAddress", Content::Number(memory::SYSTEM_START as u64 - 1, 8)),
    ("MmSystemRangeStart", Content::Number(memory::SYSTEM_START as u64, 8)),
];

/// A variable that was asked for.
struct Made {
    name: &'static str,
    address: usize,
    /// Of an object type: the address of the type, and the objects it stands for.
    kind: Option<(usize, ObjectKind)>,
}

thread_local! {
    static MADE: RefCell<Vec<Made>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn reset() {
    MADE.replace(Vec::new());
}

/// The address of a variable.
pub(crate) fn variable(name: &str) -> Option<*const ()> {
    let known = MADE.with_borrow(|made| made.iter().find(|own| own.name == name).map(|own| own.address));
    if let Some(at) = known {
        return Some(at as *const ());
    }
    let (name, content) = VARIABLES.iter().find(|(own, _)| *own == name)?;
    let (bytes, kind) = match content {
        Content::At(address) => return Some(*address as *const ()),
        Content::Number(value, size) => {
            let mut bytes = value.to_le_bytes().to_vec();
            bytes.resize(*size, 0);
            (bytes, None)
        }
        Content::Type(kind) => {
            let block = memory::allocate(Kind::Object, 0x10, 16, 0, &format!("object type of {name}"));
            raw::fill(block, 0, 0x10);
            ((block as usize).to_le_bytes().to_vec(), kind.map(|kind| (block as usize, kind)))
        }
        Content::Process => ((super::process() as usize).to_le_bytes().to_vec(), None),
    };
    let block = memory::allocate(Kind::Object, bytes.len(), 8, 0, name);
    raw::put_bytes(block, &bytes);
    MADE.with_borrow_mut(|made| made.push(Made { name, address: block as usize, kind }));
    Some(block.cast_const().cast())
}

/// The kind of objects that an object type stands for; null and others stand for any.
pub(crate) fn object_kind(kind: PVOID) -> Option<ObjectKind> {
    MADE.with_borrow(|made| {
        made.iter().find_map(|own| own.kind.filter(|(at, _)| *at == kind as usize).map(|(_, kind)| kind))
    })
}
