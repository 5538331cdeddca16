//! `batch`: runs a request script.

use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use drive_host::{replay, requests};

use crate::cli::Common;
use crate::{failure, session};

/// Runs the script `file`; gives a result line for each of its lines.
pub fn run(common: &Common, file: &Path) -> Result<ExitCode> {
    let name = file.display().to_string();
    let text = if name == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input")?;
        text
    } else {
        std::fs::read_to_string(file).with_context(|| name.clone())?
    };
    let lines = requests::parse_for_core(&name, &text)?;
    let mut host = session::start(common)?;
    let mut output = BufWriter::new(std::io::stdout().lock());
    let mut found = false;
    let mut written = Ok(());
    let result = replay::run(&mut host, &name, &lines, common.whole_output, &mut |line| {
        found |= !line.findings.is_empty();
        if written.is_ok() {
            written = serde_json::to_writer(&mut output, &line)
                .map_err(std::io::Error::from)
                .and_then(|()| output.write_all(b"\n"));
        }
    });
    written.and_then(|()| output.flush()).context("standard output")?;
    result?;
    Ok(if found { ExitCode::from(failure::DRIVE) } else { ExitCode::SUCCESS })
}
