//! Drives optical drives, real or in software, through the driver core.

mod cli;
mod commands;
mod drive;
mod failure;
mod output;
mod session;
mod trace;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let mut cli = cli::Cli::parse();
    match session::recorded(&mut cli.common, |common| commands::run(cli.command.as_ref(), common)) {
        Ok(code) => code,
        Err(error) => failure::report(&error),
    }
}
