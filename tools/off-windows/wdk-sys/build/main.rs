//! Writes the bindings from the tables in `../tables`, as `wdk-sys` itself has bindgen write them from the kit's headers:
//! the same names, types and values.

mod constants;
mod functions;
mod types;

use std::path::{Path, PathBuf};
use std::{env, error, fs};

use serde_json::{Map, Value};

/// A table by names.
type Table = Map<String, Value>;

fn main() -> Result<(), Box<dyn error::Error>> {
    wdk_build::configure_wdk_library_build()?;
    let tables = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../tables");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed={}", tables.display());

    let generated_types = types::write(&table(&tables, "types.json")?, &list(&tables, "opaque.json")?)?;
    fs::write(out.join("types.rs"), generated_types)?;
    fs::write(out.join("ntddk.rs"), functions::write(&table(&tables, "functions.json")?)?)?;
    fs::write(
        out.join("constants.rs"),
        constants::write(&table(&tables, "constants.json")?, &table(&tables, "statuses.json")?)?,
    )?;
    fs::write(out.join("call.rs"), call_macro(&out.join("types.rs")))?;
    Ok(())
}

fn table(folder: &Path, name: &str) -> Result<Table, Box<dyn error::Error>> {
    Ok(serde_json::from_str(&fs::read_to_string(folder.join(name))?)?)
}

fn list(folder: &Path, name: &str) -> Result<Vec<String>, Box<dyn error::Error>> {
    Ok(serde_json::from_str(&fs::read_to_string(folder.join(name))?)?)
}

/// The macro that calls a function of the framework. `wdk-macros` wants to know where the types stand; nobody but this
/// crate can tell.
fn call_macro(types: &Path) -> String {
    format!(
        "/// Calls a framework function by its name, with the driver's globals as the first argument.\n\
         #[macro_export]\n\
         macro_rules! call_unsafe_wdf_function_binding {{\n\
             ( $($tt:tt)* ) => {{\n\
                 $crate::__proc_macros::call_unsafe_wdf_function_binding!(r\"{}\", $($tt)*)\n\
             }}\n\
         }}\n",
        types.display()
    )
}

/// What is wrong with a row of a table.
fn fault(name: &str, what: &str) -> String {
    format!("{name}: {what}")
}

/// A string of a row.
fn text<'t>(row: &'t Value, key: &str, name: &str) -> Result<&'t str, String> {
    row.get(key).and_then(Value::as_str).ok_or_else(|| fault(name, &format!("no \"{key}\"")))
}

/// A type of the tables in Rust: paths of `core` written out, since nothing is imported where it will stand.
fn rust_type(table: &str) -> String {
    let mut out = String::new();
    let mut rest = table;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_alphabetic() || letter == '_') {
        let (before, from) = rest.split_at(at);
        let end = from.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        out.push_str(before);
        match word {
            "Option" => out.push_str("::core::option::Option"),
            "PhantomData" => out.push_str("::core::marker::PhantomData"),
            "CStr" => out.push_str("::core::ffi::CStr"),
            _ if word.starts_with("c_") => {
                out.push_str("::core::ffi::");
                out.push_str(word);
            }
            _ => out.push_str(word),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}
