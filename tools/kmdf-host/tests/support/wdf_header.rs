//! The C header of the framework that the C test driver is compiled with, written from the tables.
//!
//! The WDK's headers cannot be shipped, and mingw-w64 has the kernel's only. What is written is what the driver's sources
//! mention: every function, structure and callback type by its table row, with the row's size and offsets asserted, so
//! that a mistake of the table or of this writer fails to compile.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;

/// Types that the tables name but do not describe.
const UNTABLED: &str = "typedef void (*WDFFUNC)(void);
typedef struct WDFDEVICE_INIT *PWDFDEVICE_INIT;
typedef void *PLIBRARY_MODULE;
typedef void *PFN_GET_UNIQUE_CONTEXT_TYPE;
typedef ULONG WDF_MAJOR_VERSION, WDF_MINOR_VERSION, WDF_BUILD_NUMBER;
";

/// The tables, parsed.
pub struct Tables {
    functions: BTreeMap<String, Value>,
    callbacks: BTreeMap<String, Value>,
    structs: BTreeMap<String, Value>,
    enums: BTreeMap<String, Value>,
    constants: BTreeMap<String, Value>,
}

impl Tables {
    /// From the text of `wdf.json`.
    pub fn parse(tables: &str) -> Tables {
        let tables: Value = serde_json::from_str(tables).expect("wdf.json is JSON");
        let named = |rows: &Value| {
            let rows = rows.as_array().expect("a list of rows");
            rows.iter().map(|row| (text(&row["name"]).to_owned(), row.clone())).collect()
        };
        let keyed = |rows: &Value| {
            let rows = rows.as_object().expect("an object of rows");
            rows.iter().map(|(name, row)| (name.clone(), row.clone())).collect()
        };
        Tables {
            functions: named(&tables["functions"]),
            callbacks: named(&tables["callbacks"]),
            structs: keyed(&tables["structs"]),
            enums: keyed(&tables["enums"]),
            constants: keyed(&tables["constants"]),
        }
    }

    /// Names of the functions that `used_by_reference` marks: what a class driver is known to need.
    pub fn needed_functions(&self) -> BTreeSet<&str> {
        let needed = |row: &&Value| row["used_by_reference"] == true;
        self.functions.values().filter(needed).map(|row| text(&row["name"])).collect()
    }

    /// Names of the functions that the sources call.
    pub fn called_functions<'a>(&'a self, sources: &str) -> BTreeSet<&'a str> {
        let words = words(sources);
        self.functions.keys().filter(|name| words.contains(name.as_str())).map(String::as_str).collect()
    }

    /// The header for these sources.
    pub fn header(&self, sources: &str) -> String {
        let words = words(sources);
        let functions: Vec<&Value> =
            self.functions.iter().filter(|(name, _)| words.contains(name.as_str())).map(|(_, row)| row).collect();
        let mut wanted = Wanted { tables: self, types: BTreeSet::new(), order: Vec::new() };
        functions.iter().for_each(|row| wanted.signature(row));
        words.iter().for_each(|word| wanted.mentioned(word));

        let mut out = String::from("/* Written from the framework's tables. */\n#pragma once\n\n");
        self.declare_names(&mut out, &wanted.types);
        for name in wanted.types.iter().filter(|name| self.callbacks.contains_key(*name)) {
            let row = &self.callbacks[name];
            let pointer = name.strip_prefix("EVT_").map(|rest| format!("PFN_{rest}")).unwrap_or(format!("P{name}"));
            writeln!(out, "typedef {} (NTAPI {name})({});", text(&row["returns"]), parameters(row, 0)).unwrap();
            writeln!(out, "typedef {name} *{pointer};").unwrap();
        }
        for name in &wanted.order {
            define(&mut out, name, &self.structs[name]);
        }
        out.push_str("\nextern PWDF_DRIVER_GLOBALS WdfDriverGlobals;\nextern const WDFFUNC *WdfFunctions;\n\n");
        functions.iter().for_each(|row| wrap(&mut out, row));
        out
    }

    fn declare_names(&self, out: &mut String, types: &BTreeSet<String>) {
        for (name, row) in &self.constants {
            writeln!(out, "#ifndef {name}\n#define {name} {}\n#endif", text(&row["hex"])).unwrap();
        }
        for name in types.iter().filter(|name| is_handle(name) && !self.structs.contains_key(*name)) {
            match name.as_str() {
                "WDFOBJECT" | "WDFCONTEXT" => writeln!(out, "typedef void *{name};"),
                "WDFFUNC" => Ok(()), // in UNTABLED
                _ => writeln!(out, "typedef struct {name}__ *{name};"),
            }
            .unwrap();
        }
        out.push_str(UNTABLED);
        for (name, row) in &self.enums {
            let constants = row["constants"].as_object().expect("constants of an enumeration");
            let list: Vec<_> = constants.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            writeln!(out, "typedef enum _{name} {{ {} }} {name};", list.join(", ")).unwrap();
        }
        for (name, row) in &self.structs {
            let kind = text(&row["kind"]);
            writeln!(out, "typedef {kind} _{name} {name}, *P{name};\ntypedef const {name} *PC{name};").unwrap();
        }
    }
}

/// Types that have to be declared, structures in the order of their definition.
struct Wanted<'a> {
    tables: &'a Tables,
    types: BTreeSet<String>,
    order: Vec<String>,
}

impl Wanted<'_> {
    fn signature(&mut self, row: &Value) {
        self.add(text(&row["returns"]));
        row["params"].as_array().into_iter().flatten().for_each(|param| self.add(text(&param["type"])));
    }

    /// A word of the sources: a structure whose pointer is named is looked into.
    fn mentioned(&mut self, word: &str) {
        let plain = [word.strip_prefix('P').unwrap_or(word), word.strip_prefix("PC").unwrap_or(word)];
        plain.into_iter().for_each(|word| self.add(word));
        self.add(word);
    }

    /// One type as a table spells it. What is only pointed to needs no definition.
    fn add(&mut self, spelt: &str) {
        let name = spelt.trim_start_matches("const ").split(['*', '[']).next().unwrap_or_default().trim();
        let tables = self.tables;
        if tables.structs.contains_key(name) && !spelt.contains('*') {
            if self.types.insert(name.to_owned()) {
                self.fields(&tables.structs[name]["fields"]);
                self.order.push(name.to_owned());
            }
            return;
        }
        let callback = name.strip_prefix("PFN_").map(|rest| format!("EVT_{rest}"));
        let callback = callback.as_deref().unwrap_or(name);
        if tables.callbacks.contains_key(callback) {
            if self.types.insert(callback.to_owned()) {
                self.signature(&tables.callbacks[callback]);
            }
        } else if is_handle(name) {
            self.types.insert(name.to_owned());
        }
    }

    fn fields(&mut self, fields: &Value) {
        for field in fields.as_array().into_iter().flatten() {
            if field["fields"].is_array() {
                self.fields(&field["fields"]);
            } else {
                self.add(text(&field["type"]));
            }
        }
    }
}

fn define(out: &mut String, name: &str, row: &Value) {
    writeln!(out, "{} _{name} {{", text(&row["kind"])).unwrap();
    members(out, &row["fields"], 0, 1);
    writeln!(out, "}};\n_Static_assert(sizeof({name}) == {}, \"{name}\");", row["size"]).unwrap();
    for field in row["fields"].as_array().into_iter().flatten() {
        if let (Some(field_name), Some(offset)) = (field["name"].as_str(), field["offset"].as_u64())
            && field["bits"].is_null()
            && field["anon"].is_null()
        {
            writeln!(out, "_Static_assert(offsetof({name}, {field_name}) == {offset}, \"{name}.{field_name}\");")
                .unwrap();
        }
    }
}

fn members(out: &mut String, fields: &Value, start: u64, depth: usize) {
    let mut end = start;
    for field in fields.as_array().into_iter().flatten() {
        let indent = "    ".repeat(depth);
        let name = field["name"].as_str().unwrap_or_default();
        let kind = text(&field["type"]);
        let offset = field["offset"].as_u64().unwrap_or(end);
        let size = field["size"].as_u64().unwrap_or(0);
        // A few members are aligned beyond their type: the gap before them is bigger than they are.
        let over_aligned = offset > end && offset - end >= size && size < 8 && offset % 8 == 0;
        if field["fields"].is_array() {
            writeln!(out, "{indent}{kind} {{").unwrap();
            members(out, &field["fields"], field["offset"].as_u64().unwrap_or(start), depth + 1);
            writeln!(out, "{indent}}} {name};").unwrap();
        } else if let Some(bits) = field["bits"].as_u64() {
            writeln!(out, "{indent}{kind} {name} : {bits};").unwrap();
        } else {
            let (kind, array) = kind.split_at(kind.find('[').unwrap_or(kind.len()));
            writeln!(out, "{indent}{kind} {name}{array}{};", if over_aligned { " DECLSPEC_ALIGN(8)" } else { "" })
                .unwrap();
        }
        end = offset + size;
    }
}

/// The inline function by which a driver calls a table entry.
fn wrap(out: &mut String, row: &Value) {
    let returns = text(&row["returns"]);
    let names: Vec<_> =
        row["params"].as_array().into_iter().flatten().skip(1).map(|param| text(&param["name"])).collect();
    let arguments = ["WdfDriverGlobals"].into_iter().chain(names).collect::<Vec<_>>().join(", ");
    let own = parameters(row, 1);
    let own = if own.is_empty() { "void" } else { &own };
    writeln!(
        out,
        "static inline {returns} {}({own}) {{\n    {}(({returns} (NTAPI *)({}))WdfFunctions[{}])({arguments});\n}}",
        text(&row["name"]),
        if returns == "void" || returns == "VOID" { "" } else { "return " },
        parameters(row, 0),
        row["index"],
    )
    .unwrap();
}

fn parameters(row: &Value, skip: usize) -> String {
    let one = |param: &Value| format!("{} {}", text(&param["type"]), text(&param["name"]));
    row["params"].as_array().into_iter().flatten().skip(skip).map(one).collect::<Vec<_>>().join(", ")
}

fn is_handle(name: &str) -> bool {
    name.strip_prefix("WDF").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_uppercase()))
}

fn words(sources: &str) -> BTreeSet<&str> {
    sources.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
