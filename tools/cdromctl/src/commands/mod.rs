//! The commands.

mod batch;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{Cli, Command};

/// Does what the command line says.
pub fn run(cli: &Cli) -> Result<ExitCode> {
    match &cli.command {
        Command::Batch { requests } => batch::run(&cli.common, requests),
    }
}
