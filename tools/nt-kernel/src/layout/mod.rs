//! Structures of the kernel that drivers read and write directly, with their x64 layouts.
//!
//! Types and members have the names that the WDK gives them, and mean what the WDK's documentation says; that is why
//! they carry no documentation of their own. Unnamed unions are flattened to the member that a storage driver uses; where
//! two are used, the second is in a comment. Every size and offset is asserted when compiling, and a test compares them
//! with the fact table of kernel structures.
#![expect(missing_docs, reason = "names and meanings are the WDK's")]
#![expect(non_camel_case_types, non_snake_case, reason = "the names of the WDK")]

/// Declares structures with their size and the offset of each member, and asserts both.
macro_rules! layout {
    ($($(#[$meta:meta])* $name:ident($size:literal) { $($offset:literal $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$meta])*
            #[repr(C)]
            #[derive(Clone, Copy)]
            pub struct $name { $(pub $field: $type,)* }
            const _: () = {
                assert!(size_of::<$name>() == $size);
                $(assert!(core::mem::offset_of!($name, $field) == $offset);)*
            };
        )*
        /// Structure, its size, and each member with offset and size: what the test compares with the fact table.
        #[cfg(test)]
        pub(super) const LAYOUT: &[(&str, usize, &[(&str, usize, usize)])] = &[
            $((stringify!($name), $size, &[$((stringify!($field), $offset, super::size_of_member(|s: &$name| &s.$field)),)*]),)*
        ];
    };
}

#[cfg(test)]
const fn size_of_member<S, T>(_member: fn(&S) -> &T) -> usize {
    size_of::<T>()
}

mod base;
mod io;
mod ke;

pub use base::*;
pub use io::*;
pub use ke::*;

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// Every (member, offset, size) of a structure, through all its unions.
    fn members(fields: &Value, into: &mut BTreeSet<(String, u64, u64)>) {
        for field in fields.as_array().into_iter().flatten() {
            if let Some(name) = field["name"].as_str() {
                into.insert((name.to_owned(), field["offset"].as_u64().unwrap(), field["size"].as_u64().unwrap()));
            }
            members(&field["fields"], into);
        }
    }

    #[test]
    fn layouts_are_those_of_the_fact_table() {
        let table: Value = serde_json::from_str(include_str!("../../tables/kernel-structs.json")).unwrap();
        let mut compared = 0;
        for (name, size, fields) in [super::base::LAYOUT, super::io::LAYOUT, super::ke::LAYOUT].concat() {
            // A view of a stack location's parameters is found among those of the table.
            let view = VIEWS.iter().find(|(own, _)| *own == name).map(|(_, view)| *view);
            let (known, start) = match view {
                Some(view) => (parameters(&table, view), PARAMETERS_OFFSET),
                None => (&table["structs"][name], 0),
            };
            if known.is_null() {
                assert!(NOT_IN_THE_TABLE.contains(&name), "{name} is in no table");
                continue;
            }
            if view.is_none() {
                assert_eq!(known["size"].as_u64(), Some(size as u64), "size of {name}");
            }
            let mut all = BTreeSet::new();
            members(&known["fields"], &mut all);
            for &(field, offset, size) in fields {
                // Bytes that only fill are ours to name.
                if field.starts_with("Fill") {
                    continue;
                }
                assert!(
                    all.contains(&(field.to_owned(), start + offset as u64, size as u64)),
                    "{name}.{field} at {offset:#x}, {size} bytes"
                );
                compared += 1;
            }
        }
        assert!(compared > 200, "only {compared} members compared");
    }

    const PARAMETERS_OFFSET: u64 = 8;

    fn parameters<'a>(table: &'a Value, view: &str) -> &'a Value {
        let fields = table["structs"]["IO_STACK_LOCATION"]["fields"].as_array().unwrap();
        let parameters = fields.iter().find(|field| field["name"] == "Parameters").unwrap();
        parameters["fields"].as_array().unwrap().iter().find(|field| field["name"] == view).unwrap()
    }

    /// The views of `PARAMETERS`, with their names in the table.
    const VIEWS: &[(&str, &str)] = &[
        ("PARAMETERS_CREATE", "Create"),
        ("PARAMETERS_READ", "Read"),
        ("PARAMETERS_DEVICE_CONTROL", "DeviceIoControl"),
        ("PARAMETERS_POWER", "Power"),
        ("PARAMETERS_QUERY_INTERFACE", "QueryInterface"),
        ("PARAMETERS_USAGE", "UsageNotification"),
        ("PARAMETERS_OTHERS", "Others"),
    ];

    /// Structures that are the documentation's alone.
    const NOT_IN_THE_TABLE: &[&str] = &["IO_REMOVE_LOCK", "KSPIN_LOCK_QUEUE", "SLIST_HEADER"];
}
