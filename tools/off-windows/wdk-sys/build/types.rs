//! Structures, unions, enumerations and aliases.

use std::fmt::Write;

use serde_json::Value;

use crate::{Table, fault, rust_type, text};

/// All types, each structure with the assertion of its size and of every member's place.
pub fn write(types: &Table, opaque: &[String]) -> Result<String, Box<dyn std::error::Error>> {
    let mut out = String::new();
    for (name, row) in types {
        match text(row, "kind", name)? {
            "alias" => writeln!(out, "pub type {name} = {};", rust_type(text(row, "type", name)?))?,
            "enum module" => enumeration(&mut out, name, row)?,
            "struct" => record(&mut out, "struct", name, row)?,
            "union" => record(&mut out, "union", name, row)?,
            other => return Err(fault(name, &format!("kind \"{other}\" is unknown")).into()),
        }
    }
    for name in opaque {
        writeln!(out, "#[repr(C)]\n#[derive(Clone, Copy)]\npub struct {name} {{ _unused: [u8; 0] }}")?;
    }
    Ok(out)
}

/// A module with the type and the values, as bindgen's style "module of constants" has it.
fn enumeration(out: &mut String, name: &str, row: &Value) -> Result<(), Box<dyn std::error::Error>> {
    let values = row.get("values").and_then(Value::as_object).ok_or_else(|| fault(name, "no values"))?;
    writeln!(out, "pub mod {name} {{\n    pub type Type = {};", rust_type(text(row, "type", name)?))?;
    for (constant, value) in values {
        let value = value.as_str().ok_or_else(|| fault(constant, "no value"))?;
        writeln!(out, "    pub const {constant}: Type = {value};")?;
    }
    writeln!(out, "}}")?;
    Ok(())
}

fn record(out: &mut String, kind: &str, name: &str, row: &Value) -> Result<(), Box<dyn std::error::Error>> {
    let fields = row.get("fields").and_then(Value::as_array).ok_or_else(|| fault(name, "no fields"))?;
    let mut members = String::new();
    let mut checks = String::new();
    let mut copied = true;
    for field in fields {
        let member = field.get(0).and_then(Value::as_str).ok_or_else(|| fault(name, "a field has no name"))?;
        let of = field.get(1).and_then(Value::as_str).ok_or_else(|| fault(member, "no type"))?;
        // A flexible array at the end: a copy of the structure would lose it.
        copied &= !of.starts_with("__IncompleteArrayField");
        let visible = if member.starts_with("_bitfield") || member == "_phantom_0" { "" } else { "pub " };
        writeln!(members, "    {visible}{member}: {},", rust_type(of))?;
        if let Some(offset) = field.get(2).and_then(Value::as_u64) {
            writeln!(checks, "    assert!(::core::mem::offset_of!({name}, {member}) == {offset});")?;
        }
    }
    for representation in text(row, "repr", name)?.split(") repr(") {
        let inner = representation.trim_start_matches("repr(").trim_end_matches(')');
        let inner = if inner.starts_with("align") { format!("{inner})") } else { inner.to_owned() };
        writeln!(out, "#[repr({inner})]")?;
    }
    if copied {
        writeln!(out, "#[derive(Clone, Copy)]")?;
    }
    writeln!(out, "pub {kind} {name} {{\n{members}}}")?;
    writeln!(
        out,
        "impl Default for {name} {{\n    fn default() -> Self {{\n        unsafe {{ ::core::mem::zeroed() }}\n    }}\n}}"
    )?;
    let number = |key: &str| row.get(key).and_then(Value::as_u64).ok_or_else(|| fault(name, &format!("no {key}")));
    writeln!(out, "const _: () = {{\n    assert!(::core::mem::size_of::<{name}>() == {});", number("size")?)?;
    writeln!(out, "    assert!(::core::mem::align_of::<{name}>() == {});\n{checks}}};", number("align")?)?;
    Ok(())
}
