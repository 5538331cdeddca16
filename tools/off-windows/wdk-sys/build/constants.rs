//! Constants of the headers, and the statuses that `wdk-sys` lists by hand.

use std::fmt::Write;

use serde_json::Value;

use crate::{Table, fault, rust_type};

/// All constants.
pub fn write(constants: &Table, statuses: &Table) -> Result<String, Box<dyn std::error::Error>> {
    let mut out = String::new();
    for (name, row) in constants {
        let of = row.get(0).and_then(Value::as_str).ok_or_else(|| fault(name, "no type"))?;
        let value = row.get(1).and_then(Value::as_str).ok_or_else(|| fault(name, "no value"))?;
        writeln!(out, "pub const {name}: {} = {value};", rust_type(of))?;
    }
    for (name, value) in statuses {
        let value = value.as_str().ok_or_else(|| fault(name, "no value"))?;
        writeln!(out, "pub const {name}: NTSTATUS = {value}_u32 as NTSTATUS;")?;
    }
    Ok(out)
}
