//! What our drive answers.

use std::time::Duration;

use virtual_drive::drive::Drive;
use virtual_drive::target::{Completion, DataPhase, Request, Target};

/// One command; a drive in software is ready after its first minutes.
pub(super) fn execute(drive: &mut Drive, cdb: &[u8], room: u32) -> (u8, Vec<u8>, Vec<u8>) {
    let room = usize::try_from(room).unwrap_or(0);
    let data = if room == 0 { DataPhase::None } else { DataPhase::In(room) };
    let reply = drive.execute(Request::new(cdb, data, Duration::from_secs(600)));
    match reply.completion {
        Completion::Status { status, sense } => (status, sense, reply.data),
        Completion::PortFailure(_) | Completion::SrbStatus(_) => (0xFF, Vec::new(), Vec::new()),
    }
}

/// What the drive answers to a command, unit attentions aside; nothing when it refuses.
pub(super) fn answer(drive: &mut Drive, cdb: &[u8]) -> Vec<u8> {
    for _ in 0..8 {
        let (status, sense, data) = execute(drive, cdb, 0xFFFF);
        // Sense key UNIT ATTENTION: told once.
        if status != 2 || sense.get(2).is_none_or(|key| key & 0x0F != 6) {
            return data;
        }
    }
    Vec::new()
}
