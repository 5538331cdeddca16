//! `cargo xtask inf`: the installation file keeps the rules that can be checked without Windows.

mod parse;
mod registry;
mod rules;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::workspace;

/// Which file to check.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// An INF or INX file; the driver's own without it.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Checks the file; true if nothing is wrong.
pub fn run(options: &Options) -> Result<bool> {
    let path = options.file.clone().unwrap_or_else(|| workspace::root().join("inf/cdromrs.inx"));
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let (inf, mut faults) = parse::parse(&text);
    faults.extend(rules::check(&inf));
    for fault in &faults {
        println!("{}:{fault}", path.display());
    }
    println!("{} sections, {} rules, {} faults", inf.sections.len(), rules::RULES.len(), faults.len());
    Ok(faults.is_empty())
}
