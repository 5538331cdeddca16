//! Standard output. Whoever reads it may stop early, which is no failure.

use std::fmt::Display;
use std::io::{ErrorKind, Write, stdout};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::cli::Common;

/// Writes `text` as it is.
pub fn text(text: impl Display) -> Result<()> {
    read_to_the_end(write!(stdout(), "{text}"))
}

/// Writes `text` and ends the line.
pub fn line(text: impl Display) -> Result<()> {
    read_to_the_end(writeln!(stdout(), "{text}"))
}

/// Gives a report: JSON or text.
pub fn report(common: &Common, report: &(impl Serialize + Display)) -> Result<()> {
    if common.json { line(serde_json::to_string_pretty(report)?) } else { text(report) }
}

/// Judges how writing ended.
pub fn read_to_the_end(written: std::io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output"),
    }
}
