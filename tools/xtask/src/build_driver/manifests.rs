//! The driver has two manifests, one for each way to build it. They must say the same.

use std::path::Path;

use toml::{Table, Value};

use crate::workspace;

fn read(path: &str) -> Table {
    let text = std::fs::read_to_string(workspace::root().join(path)).expect(path);
    text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn part<'t>(table: &'t Table, path: &[&str]) -> Option<&'t Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.get(key))
}

/// The dependencies with their paths from the root of the tree.
fn dependencies(table: &Table, kind: &str, folder: &str) -> Table {
    let mut dependencies = part(table, &[kind]).and_then(Value::as_table).cloned().unwrap_or_default();
    for value in dependencies.iter_mut().filter_map(|(_, value)| value.as_table_mut()) {
        if let Some(Value::String(path)) = value.get_mut("path") {
            let whole =
                workspace::root().join(folder).join(Path::new(path)).canonicalize().expect("a path that is there");
            *path = whole.display().to_string();
        }
    }
    dependencies
}

#[test]
fn both_manifests_say_the_same() {
    let (on, off) = ("crates/driver", "tools/off-windows/driver");
    let (windows, here) = (read(&format!("{on}/Cargo.toml")), read(&format!("{off}/Cargo.toml")));
    for kind in ["dependencies", "build-dependencies"] {
        assert_eq!(dependencies(&windows, kind, on), dependencies(&here, kind, off), "{kind}");
    }
    for path in [
        &["package", "name"][..],
        &["package", "version"],
        &["package", "description"],
        &["package", "metadata"],
        &["lib", "crate-type"],
    ] {
        assert_eq!(part(&windows, path), part(&here, path), "{path:?}");
    }
}

#[test]
fn both_workspaces_compile_and_lint_alike() {
    let (windows, here) = (read("crates/driver/Cargo.toml"), read("tools/off-windows/Cargo.toml"));
    let common = |path: &[&str]| part(&here, &[&["workspace"], path].concat());
    for path in [&["package", "edition"][..], &["package", "rust-version"], &["package", "license"]] {
        assert_eq!(part(&windows, path), common(path), "{path:?}");
    }
    assert_eq!(part(&windows, &["lints"]), common(&["lints"]));
    assert_eq!(part(&windows, &["profile"]), part(&here, &["profile"]));
}

#[test]
fn the_framework_is_the_same_everywhere() {
    let manifest = read("crates/driver/Cargo.toml");
    let model = part(&manifest, &["package", "metadata", "wdk", "driver-model"]).expect("a driver model");
    let minor = model.get("target-kmdf-version-minor").and_then(Value::as_integer).expect("a version");
    let stub = include_str!("../../../off-windows/wdk-sys/src/entry.rs");
    assert!(stub.contains(&format!("[1, {minor}, 0]")) && stub.contains(&format!("\"WdfFunctions_010{minor}\"")));
    let stand_in = include_str!("../../../off-windows/wdk-build/src/lib.rs");
    assert!(stand_in.contains(&format!("(\"driver_model__target_kmdf_version_minor\", \"{minor}\")")));
}
