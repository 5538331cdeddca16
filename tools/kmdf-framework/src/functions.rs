//! The function table: 458 entries, in the order and with the IRQL limits of `tables/functions.json`.
//!
//! Each subject module lists what it implements in a `FUNCTIONS` constant; `SUBJECTS` collects them. An entry that
//! no subject implements is a stub that ends the run and names itself.

use std::cell::Cell;
use std::sync::LazyLock;

use nt_kernel::raw;
use nt_machine::call::{self, Export};
use nt_machine::memory;
use serde::Deserialize;

/// One implemented function: the WDF name and the address of its `extern "win64"` implementation.
pub type Function = (&'static str, *const ());

/// Everything that is implemented, by subject.
const SUBJECTS: &[&[&[Function]]] = &[
    &[crate::objects::FUNCTIONS],
    &[crate::driver::FUNCTIONS, crate::fail::FUNCTIONS],
    &[
        crate::device::init::identity::FUNCTIONS,
        crate::device::init::io::FUNCTIONS,
        crate::device::init::power::FUNCTIONS,
    ],
    &[crate::device::create::FUNCTIONS],
    &[crate::device::accessors::FUNCTIONS],
    &[crate::device::names::FUNCTIONS],
    &[crate::device::properties::FUNCTIONS],
    &[crate::dispatch::FUNCTIONS],
    &[crate::file::FUNCTIONS],
    &[crate::queue::create::FUNCTIONS],
    &[crate::queue::control::FUNCTIONS],
    &[crate::queue::retrieve::FUNCTIONS],
    &[crate::queue::power::FUNCTIONS],
    &[crate::queue::reserve::FUNCTIONS],
    &[crate::request::accessors::FUNCTIONS],
    &[crate::request::buffers::FUNCTIONS],
    &[crate::request::user_buffers::FUNCTIONS],
    &[crate::request::cancel::FUNCTIONS],
    &[crate::request::complete::FUNCTIONS],
    &[crate::request::create::FUNCTIONS],
    crate::target::FUNCTIONS,
    crate::pnp::FUNCTIONS,
    &[crate::timer::FUNCTIONS],
    &[crate::dpc::FUNCTIONS],
    &[crate::workitem::FUNCTIONS],
    &[crate::lock::FUNCTIONS],
    &[crate::memory::FUNCTIONS],
    &[crate::lookaside::FUNCTIONS],
    &[crate::string::FUNCTIONS],
    &[crate::collection::FUNCTIONS],
    crate::registry::FUNCTIONS,
];

/// One row of the data.
#[derive(Debug, Deserialize)]
pub struct Row<'a> {
    /// Position in the table.
    pub index: usize,
    /// WDF name.
    pub name: &'a str,
    max_irql: Option<&'a str>,
    min_irql: Option<&'a str>,
    #[serde(default, borrow)]
    max_irql_when: Vec<Condition<'a>>,
}

#[derive(Debug, Deserialize)]
struct Condition<'a> {
    max_irql: &'a str,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    functions: Vec<Row<'a>>,
}

/// The rows of the table, by index.
pub static ROWS: LazyLock<Vec<Row<'static>>> = LazyLock::new(|| {
    let data: Data<'static> = serde_json::from_str(include_str!("../tables/functions.json"))
        .expect("the function data is part of this crate and is read by its tests");
    data.functions
});

impl Row<'_> {
    /// The highest IRQL at which any form of the call is legal. A function whose limit depends on its arguments checks
    /// the stricter case itself, with [`crate::fail::require_irql`].
    #[must_use]
    pub fn max_irql(&self) -> u8 {
        let conditions = self.max_irql_when.iter().map(|condition| level(condition.max_irql)).max();
        self.max_irql.map(level).or(conditions).unwrap_or(HIGH_LEVEL)
    }

    /// The lowest IRQL at which the call is legal.
    #[must_use]
    pub fn min_irql(&self) -> u8 {
        self.min_irql.map_or(0, level)
    }
}

const HIGH_LEVEL: u8 = 15;

fn level(name: &str) -> u8 {
    match name {
        "PASSIVE_LEVEL" => 0,
        "APC_LEVEL" => 1,
        "DISPATCH_LEVEL" => 2,
        // "DISPATCH_LEVEL+1" is the annotation of what may be called anywhere below the device interrupts' top.
        _ => HIGH_LEVEL,
    }
}

fn implemented() -> impl Iterator<Item = &'static Function> {
    SUBJECTS.iter().flat_map(|subject| subject.iter()).flat_map(|part| part.iter())
}

/// Where a function of the table is implemented, `None` if it is not.
#[must_use]
pub fn implementation(name: &str) -> Option<*const ()> {
    implemented().find(|(known, _)| *known == name).map(|(_, address)| *address)
}

thread_local! {
    static TABLE: Cell<*mut *const ()> = const { Cell::new(std::ptr::null_mut()) };
}

/// The table in memory that a driver can read: made at the first bind of a run, shared by all clients.
pub(crate) fn table() -> *mut *const () {
    if TABLE.get().is_null() {
        let bytes = ROWS.len() * size_of::<*const ()>();
        let table = memory::allocate(memory::Kind::Object, bytes, 16, 0, "WDF function table").cast::<*const ()>();
        for row in ROWS.iter() {
            raw::write(table.wrapping_add(row.index), entry(row));
        }
        TABLE.set(table);
    }
    TABLE.get()
}

fn entry(row: &Row<'static>) -> *const () {
    match implementation(row.name) {
        Some(address) => {
            call::thunk(&Export { name: row.name, address, max_irql: row.max_irql(), min_irql: row.min_irql() })
        }
        None => call::missing(row.name),
    }
}

#[cfg(test)]
pub(crate) fn table_entry(index: usize) -> *const () {
    raw::read(table().wrapping_add(index))
}

pub(crate) fn clear() {
    TABLE.set(std::ptr::null_mut());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_the_whole_table_in_order() {
        assert_eq!(ROWS.len(), 458);
        assert!(ROWS.iter().enumerate().all(|(index, row)| row.index == index));
    }

    #[test]
    fn every_implementation_has_a_row_and_only_one_implementation() {
        let mut names: Vec<_> = implemented().map(|(name, _)| *name).collect();
        names.sort_unstable();
        for pair in names.windows(2) {
            assert_ne!(pair[0], pair[1], "implemented twice");
        }
        for name in names {
            assert!(ROWS.iter().any(|row| row.name == name), "{name} is in no row");
        }
    }

    #[test]
    fn limits_come_from_the_annotations() {
        let row = |name| ROWS.iter().find(|row| row.name == name).unwrap();
        assert_eq!(row("WdfDeviceCreate").max_irql(), 0);
        assert_eq!(row("WdfRequestComplete").max_irql(), 2);
        assert_eq!(row("WdfIoTargetStop").max_irql(), 2);
        assert_eq!(row("WdfObjectGetTypedContextWorker").max_irql(), HIGH_LEVEL);
        assert_eq!(row("WdfDpcEnqueue").max_irql(), HIGH_LEVEL);
    }
}
