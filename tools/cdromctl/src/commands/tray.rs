//! `eject`, `load`, `lock`, `unlock`.

use anyhow::Result;

use crate::cli::Common;
use crate::output;
use crate::session::Program;

/// A request about the tray, and its input.
pub type TrayRequest = (&'static str, &'static [u8]);

/// Opens the tray.
pub const EJECT: TrayRequest = ("IOCTL_STORAGE_EJECT_MEDIA", &[]);

/// Closes the tray.
pub const LOAD: TrayRequest = ("IOCTL_STORAGE_LOAD_MEDIA", &[]);

/// Keeps the tray closed.
pub const LOCK: TrayRequest = ("IOCTL_STORAGE_MEDIA_REMOVAL", &[1]);

/// Lets the tray open.
pub const UNLOCK: TrayRequest = ("IOCTL_STORAGE_MEDIA_REMOVAL", &[0]);

/// Sends the request.
pub fn run(common: &Common, (name, input): TrayRequest) -> Result<()> {
    let mut program = Program::open(common)?;
    program.ask(name, input, 0)?;
    program.close()?;
    if common.json {
        output::line(serde_json::json!({ "done": name }))?;
    }
    Ok(())
}
