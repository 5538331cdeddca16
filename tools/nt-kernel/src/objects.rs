//! Counted objects and handles: device, driver, file and thread objects, registry keys.

use std::cell::RefCell;
use std::collections::BTreeMap;

use nt_machine::call::{self, Export, Site};
use nt_machine::findings::{self, Rule};
use nt_machine::irql::{APC, DISPATCH, PASSIVE};
use nt_machine::memory;

use crate::exports::function;
use crate::layout::{HANDLE, NTSTATUS, PVOID};
use crate::ledger::{Ledger, Left};
use crate::registry::Key;
use crate::{raw, status, system};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A device object.
    Device,
    /// A driver object.
    Driver,
    /// A file object.
    File,
    /// A thread.
    Thread,
    /// An event with a handle or a name.
    Event,
}

struct Object {
    kind: Kind,
    name: String,
    /// References by pointer, beyond the object's own.
    references: i64,
    /// Who took the newest of them.
    referenced_by: Site,
    /// What frees the object once the last reference is gone; set when it was deleted.
    end: Option<Box<dyn FnOnce()>>,
}

/// What a handle stands for.
#[derive(Clone, Debug)]
pub(crate) enum Opened {
    Key(Key),
    Object(usize),
}

thread_local! {
    static OBJECTS: RefCell<Ledger<Object>> = const { RefCell::new(Ledger::new()) };
    static HANDLES: RefCell<BTreeMap<usize, (Opened, Site)>> = const { RefCell::new(BTreeMap::new()) };
    static NEXT_HANDLE: RefCell<usize> = const { RefCell::new(FIRST_HANDLE) };
}

/// Kernel handles have the top bit of a 32-bit value set, sign-extended.
const FIRST_HANDLE: usize = 0xFFFF_FFFF_8000_0004;

pub(crate) fn reset() {
    OBJECTS.replace(Ledger::new());
    HANDLES.replace(BTreeMap::new());
    NEXT_HANDLE.replace(FIRST_HANDLE);
}

/// Makes an address known as an object.
pub fn register(object: *mut u8, kind: Kind, name: &str) {
    let entry = Object { kind, name: name.to_owned(), references: 0, referenced_by: Site::default(), end: None };
    OBJECTS.with_borrow_mut(|objects| objects.insert(object as usize, entry));
}

/// Whether this is a live object of this kind.
#[must_use]
pub fn is(object: *mut u8, kind: Kind) -> bool {
    OBJECTS.with_borrow(|objects| objects.get(object as usize).is_some_and(|known| known.kind == kind))
}

/// The object's name, or what its address is otherwise.
#[must_use]
pub fn name(object: *mut u8) -> String {
    let known = OBJECTS.with_borrow(|objects| objects.get(object as usize).map(|known| known.name.clone()));
    known.unwrap_or_else(|| crate::describe(object as usize))
}

/// Takes a reference and gives the number there are then, the object's own included.
pub fn reference(object: *mut u8) -> i64 {
    count(object, 1)
}

/// Drops a reference; the last one after [`end`] ends the object.
pub fn dereference(object: *mut u8) -> i64 {
    let left = count(object, -1);
    if left == 1 {
        finish(object);
    }
    left
}

/// Ends an object: at once, or when the last reference is dropped. `free` gives its memory back.
pub fn end(object: *mut u8, free: Box<dyn FnOnce()>) {
    OBJECTS.with_borrow_mut(|objects| {
        if let Some(known) = objects.get_mut(object as usize) {
            known.end = Some(free);
        }
    });
    finish(object);
}

/// Whether somebody holds a reference by pointer.
#[must_use]
pub fn is_referenced(object: *mut u8) -> bool {
    OBJECTS.with_borrow(|objects| objects.get(object as usize).is_some_and(|known| known.references != 0))
}

/// References by pointer that somebody still holds, in the order in which the objects were made.
pub(crate) fn references() -> Vec<Left> {
    OBJECTS.with_borrow(|objects| {
        let held = objects.in_order().into_iter().filter(|(_, object)| object.references != 0);
        let left = |(_, object): (usize, &Object)| {
            let Object { kind, name, references, referenced_by, .. } = object;
            Left { what: format!("{references} reference(s) to {kind:?} {name}"), site: *referenced_by }
        };
        held.map(left).collect()
    })
}

fn count(object: *mut u8, by: i64) -> i64 {
    if !OBJECTS.with_borrow(|objects| objects.contains(object as usize)) {
        adopt(object);
    }
    let (left, name) = OBJECTS.with_borrow_mut(|objects| {
        let Some(known) = objects.get_mut(object as usize) else { return (1, String::new()) };
        known.references += by;
        let site = call::site();
        if by > 0 && site.caller != 0 {
            known.referenced_by = site;
        }
        (known.references + 1, known.name.clone())
    });
    if left < 1 {
        findings::report(Rule::BadArgument, "Object", format_args!("{name} dereferenced more often than referenced"));
        OBJECTS.with_borrow_mut(|objects| objects.get_mut(object as usize).map(|known| known.references = 0));
        return 1;
    }
    left
}

/// Objects of threads are the machine's; they become known when a driver first counts on them.
fn adopt(object: *mut u8) {
    let block = memory::lookup(object as usize);
    match block {
        Some(block) if block.freed_by.is_some() => {
            findings::fatal(Rule::UseAfterFree, "Object", format_args!("{} is gone", block.label));
        }
        None if system::is_thread(object) => register(object, Kind::Thread, "a thread"),
        _ => findings::report(Rule::BadArgument, "Object", format_args!("{object:p} is no object")),
    }
}

fn finish(object: *mut u8) {
    let end = OBJECTS.with_borrow_mut(|objects| {
        let known = objects.get_mut(object as usize)?;
        let end = if known.references == 0 { known.end.take() } else { None };
        if end.is_some() {
            objects.remove(object as usize);
        }
        end
    });
    if let Some(free) = end {
        free();
    }
}

/// Opens a handle.
pub(crate) fn open(what: Opened) -> HANDLE {
    let handle = NEXT_HANDLE.with_borrow_mut(|next| core::mem::replace(next, *next + 4));
    if let Opened::Object(object) = what {
        reference(object as *mut u8);
    }
    HANDLES.with_borrow_mut(|handles| handles.insert(handle, (what, call::site())));
    handle as HANDLE
}

/// What a handle stands for; a wrong one is a finding.
pub(crate) fn opened(handle: HANDLE) -> Result<Opened, NTSTATUS> {
    HANDLES.with_borrow(|handles| handles.get(&(handle as usize)).map(|(opened, _)| opened.clone())).ok_or_else(|| {
        findings::report(Rule::BadArgument, "Handle", format_args!("{:#x} is no open handle", handle as usize));
        status::INVALID_HANDLE
    })
}

/// The key that a handle stands for.
pub(crate) fn opened_key(handle: HANDLE) -> Result<Key, NTSTATUS> {
    match opened(handle)? {
        Opened::Key(key) => Ok(key),
        Opened::Object(_) => Err(status::OBJECT_TYPE_MISMATCH),
    }
}

/// Opens a handle to a registry key.
#[must_use]
pub fn open_key(key: Key) -> HANDLE {
    open(Opened::Key(key))
}

/// Opens a handle to an object.
#[must_use]
pub fn open_object(object: *mut u8) -> HANDLE {
    open(Opened::Object(object as usize))
}

/// Closes a handle.
pub fn close(handle: HANDLE) -> NTSTATUS {
    match opened(handle) {
        Ok(what) => {
            HANDLES.with_borrow_mut(|handles| handles.remove(&(handle as usize)));
            if let Opened::Object(object) = what {
                dereference(object as *mut u8);
            }
            status::SUCCESS
        }
        Err(error) => error,
    }
}

/// Handles that are still open.
pub(crate) fn handles() -> Vec<Left> {
    HANDLES.with_borrow(|handles| {
        let text = |opened: &Opened| match opened {
            Opened::Key(key) => format!("handle of the key {}", key.path()),
            Opened::Object(object) => format!("handle of {}", name(*object as *mut u8)),
        };
        handles.values().map(|(opened, site)| Left { what: text(opened), site: *site }).collect()
    })
}

extern "win64" fn reference_object(object: PVOID) -> isize {
    reference(object.cast()) as isize
}

extern "win64" fn dereference_object(object: PVOID) -> isize {
    dereference(object.cast()) as isize
}

extern "win64" fn reference_by_pointer(object: PVOID, _access: u32, kind: PVOID, _mode: u8) -> NTSTATUS {
    if let Some(expected) = system::object_kind(kind)
        && !is(object.cast(), expected)
        && expected != Kind::Thread
    {
        return status::OBJECT_TYPE_MISMATCH;
    }
    reference(object.cast());
    status::SUCCESS
}

extern "win64" fn reference_by_handle(
    handle: HANDLE,
    _access: u32,
    kind: PVOID,
    _mode: u8,
    object: *mut PVOID,
    information: *mut u64,
) -> NTSTATUS {
    let address = match opened(handle) {
        Ok(Opened::Object(address)) => address,
        Ok(Opened::Key(_)) => return status::OBJECT_TYPE_MISMATCH,
        Err(error) => return error,
    };
    if system::object_kind(kind).is_some_and(|expected| !is(address as *mut u8, expected)) {
        return status::OBJECT_TYPE_MISMATCH;
    }
    reference(address as *mut u8);
    raw::write(object, address as PVOID);
    if !information.is_null() {
        raw::write(information, 0x1F_0001 << 32);
    }
    status::SUCCESS
}

extern "win64" fn zw_close(handle: HANDLE) -> NTSTATUS {
    close(handle)
}

pub(crate) const EXPORTS: &[Export] = &[
    function("ObfReferenceObject", DISPATCH, reference_object as *const ()),
    function("ObfDereferenceObject", DISPATCH, dereference_object as *const ()),
    function("ObDereferenceObjectDeferDelete", DISPATCH, dereference_object as *const ()),
    function("ObReferenceObjectByPointer", DISPATCH, reference_by_pointer as *const ()),
    function("ObReferenceObjectByHandle", APC, reference_by_handle as *const ()),
    function("ZwClose", PASSIVE, zw_close as *const ()),
];
