//! `cargo xtask peers`: the comparison with drives and tools of others, which is a program of its own.

use anyhow::{Context, Result};

use crate::workspace::{cargo, root};

/// Where the tables are.
const DOCUMENT: &str = "docs/peers.md";

/// What to compare.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Write the tables into docs/peers.md.
    #[arg(long)]
    write: bool,
    /// Given to the program: `--list`, `--only PART`, `--json`, `--record DIR`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// Runs it; true if every difference is explained.
pub fn run(options: &Options) -> Result<bool> {
    let mut command = cargo(["run", "--quiet", "--release", "--locked", "--package", "peers", "--"]);
    command.args(&options.arguments);
    if options.write {
        command.arg("--write-docs").arg(root().join(DOCUMENT));
    }
    Ok(command.status().context("cannot start cargo")?.success())
}
