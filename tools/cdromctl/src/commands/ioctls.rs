//! `ioctls`: lists the control codes.

use std::fmt;

use anyhow::Result;
use ioctl_dispatch::ioctl::{ALIASES, ControlCode, IOCTLS, find, while_locked};
use serde::Serialize;

use crate::cli::Common;
use crate::output;

#[derive(Serialize)]
struct Table {
    ioctls: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    code: String,
    access: &'static str,
    method: String,
    route: String,
    while_locked: String,
    operation: String,
    other_names: Vec<&'static str>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<42} {:<12} {:<6} {:<10} {:<18} while locked", "name", "code", "access", "method", "route")?;
        for row in &self.ioctls {
            writeln!(
                f,
                "{:<42} {:<12} {:<6} {:<10} {:<18} {}",
                row.name, row.code, row.access, row.method, row.route, row.while_locked
            )?;
            for other in &row.other_names {
                writeln!(f, "    also {other}")?;
            }
        }
        Ok(())
    }
}

/// Lists the table.
pub fn run(common: &Common) -> Result<()> {
    let others = |code: ControlCode| {
        let aliases = ALIASES
            .iter()
            .filter(move |(_, other)| *other != code && other.normalized() == code && find(code).is_some());
        aliases.map(|(name, _)| *name).collect()
    };
    let rows = IOCTLS.iter().map(|row| Row {
        name: row.name,
        code: format!("{:#010X}", row.code.0),
        access: match (row.code.needs_read_access(), row.code.needs_write_access()) {
            (false, false) => "any",
            (true, false) => "r",
            (false, true) => "w",
            (true, true) => "rw",
        },
        method: format!("{:?}", row.code.method()),
        route: format!("{:?}", row.route),
        while_locked: format!("{:?}", while_locked(row.code)),
        operation: format!("{:?}", row.operation),
        other_names: others(row.code),
    });
    output::report(common, &Table { ioctls: rows.collect() })
}
