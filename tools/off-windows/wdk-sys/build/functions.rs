//! Functions of the kernel, as imports that need no import library.

use std::fmt::Write;

use serde_json::Value;

use crate::{Table, fault, rust_type, text};

/// The functions of the table, all from ntoskrnl.exe.
pub fn write(functions: &Table) -> Result<String, Box<dyn std::error::Error>> {
    let mut out = String::from(
        "#[link(name = \"ntoskrnl.exe\", kind = \"raw-dylib\", modifiers = \"+verbatim\")]\nunsafe extern \"C\" {\n",
    );
    for (name, row) in functions {
        let parameters = row.get("params").and_then(Value::as_array).ok_or_else(|| fault(name, "no params"))?;
        let mut list = Vec::new();
        for parameter in parameters {
            let own = parameter.get(0).and_then(Value::as_str).ok_or_else(|| fault(name, "a parameter has no name"))?;
            let of = parameter.get(1).and_then(Value::as_str).ok_or_else(|| fault(own, "no type"))?;
            list.push(format!("{own}: {}", rust_type(of)));
        }
        if row.get("variadic").and_then(Value::as_bool) == Some(true) {
            list.push("...".to_owned());
        }
        let must_use = if text(row, "returns", name)? == "NTSTATUS" { "    #[must_use]\n" } else { "" };
        let returns = match text(row, "returns", name)? {
            "()" => String::new(),
            other => format!(" -> {}", rust_type(other)),
        };
        writeln!(out, "{must_use}    pub fn {name}({}){returns};", list.join(", "))?;
    }
    out.push_str("}\n");
    Ok(out)
}
