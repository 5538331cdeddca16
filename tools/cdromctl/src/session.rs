//! A started device, and a program's view of it.

use std::time::Duration;

use anyhow::{Context, Result};
use drive_host::{Host, Options};

use crate::cli::Common;
use crate::{drive, trace};

/// Starts the device on the drive of the command line.
pub fn start(common: &Common, settle: Duration) -> Result<Host> {
    let name = common.drive.as_deref().context("which drive? Give --drive IMAGE, sim:NAME, script:FILE or /dev/srN")?;
    let chosen = drive::open(name)?;
    let options = Options { adapter: common.adapter, real_time: chosen.real, settle, ..Options::default() };
    let mut host = Host::prepare(chosen.target, &options);
    if common.trace {
        host.recorder().set_trace(Box::new(trace::show));
    }
    host.power_up(settle)?;
    Ok(host)
}
