//! `session`: authentication sessions.

use anyhow::{Context, Result};

use crate::cli::{Common, SessionCommand};
use crate::output;
use crate::session::Program;

/// DVD_END_ALL_SESSIONS.
const ALL: u32 = u32::MAX;

/// Starts or ends a session.
pub fn run(common: &Common, command: SessionCommand) -> Result<()> {
    let mut program = Program::open_disc(common)?;
    match command {
        SessionCommand::Start { aacs } => {
            let name = if aacs { "IOCTL_AACS_START_SESSION" } else { "IOCTL_DVD_START_SESSION" };
            let answer = program.ask(name, &[], 4)?;
            let id = answer.first_chunk().map(|id| u32::from_le_bytes(*id)).context("the answer has no session id")?;
            if common.json {
                output::line(serde_json::json!({ "session": id }))?;
            } else {
                output::line(format_args!("session {id}"))?;
            }
        }
        SessionCommand::End { id, aacs } => {
            let name = if aacs { "IOCTL_AACS_END_SESSION" } else { "IOCTL_DVD_END_SESSION" };
            program.ask(name, &id.unwrap_or(ALL).to_le_bytes(), 0)?;
            if common.json {
                output::line(serde_json::json!({ "ended": id.map_or("all".into(), |id| id.to_string()) }))?;
            }
        }
    }
    program.close()
}
