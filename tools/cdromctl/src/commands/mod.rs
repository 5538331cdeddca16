//! The commands.

mod batch;
mod config;
mod events;
mod info;
mod ioctl;
mod ioctls;
mod raw_read;
mod read;
mod session;
mod speed;
mod structure;
mod toc;
mod tray;

use std::process::ExitCode;

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::{Command, Common};
use crate::{drive, output};

/// Does what the command line says.
pub fn run(command: Option<&Command>, common: &Common) -> Result<ExitCode> {
    if common.drive.as_deref() == Some(drive::LIST) {
        output::text(drive::list())?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(command) = command else { bail!("nothing to do; `cdromctl --help` lists the commands") };
    match command {
        Command::Batch { requests } => return batch::run(common, requests),
        Command::Ioctl(arguments) => return ioctl::run(common, arguments),
        Command::Ioctls => ioctls::run(common),
        Command::Info => info::run(common),
        Command::Toc => toc::tracks(common),
        Command::Sessions => toc::sessions(common),
        Command::Cdtext => toc::text(common),
        Command::Structure { format, layer, session } => structure::run(common, *format, *layer, *session),
        Command::Config => config::run(common),
        Command::Events { seconds } => events::run(common, *seconds),
        Command::Read { offset, lba, count, output } => read::run(common, *offset, *lba, *count, output),
        Command::RawRead { track, lba, count, output } => raw_read::run(common, *track, *lba, *count, output),
        Command::Eject => tray::run(common, tray::EJECT),
        Command::Load => tray::run(common, tray::LOAD),
        Command::Lock => tray::run(common, tray::LOCK),
        Command::Unlock => tray::run(common, tray::UNLOCK),
        Command::Speed { read, write } => speed::run(common, read, write),
        Command::Session(command) => session::run(common, *command),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// A progress bar for `bytes`, on stderr if that is a terminal.
fn progress(bytes: u64) -> ProgressBar {
    const TEMPLATE: &str = "{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(bytes).with_style(style)
}
