//! TEST UNIT READY on behalf of a program (storage-media-change.md 3).

use scsi_cdb::test_unit_ready::TestUnitReady;

use super::{Context, Input, Next};
use crate::ioctl::Operation;
use crate::step::ScsiCommand;

/// Time-out of TEST UNIT READY in seconds.
const TIMEOUT_S: u32 = 20;

/// Whether the media change count is part of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is, where there is room for it.
    WithCount,
    /// It is not: CHECK_VERIFY2 never gives it.
    WithoutCount,
}

/// TEST UNIT READY as this driver sends it.
#[must_use]
pub fn command() -> ScsiCommand {
    ScsiCommand::new(&TestUnitReady {}).timeout(TIMEOUT_S)
}

/// Asks the drive.
#[must_use]
pub fn start(operation: Operation) -> Next {
    let with_count = operation == Operation::CheckVerify;
    Next::send(command(), if with_count { State::WithCount } else { State::WithoutCount })
}

/// Gives the media change count if it is wanted.
pub fn resume(state: State, input: Input, context: &mut Context<'_, '_>) -> Next {
    let result = input.command();
    if !result.status.is_success() {
        return Next::fail(result.status);
    }
    match state {
        State::WithCount if context.request.output_length >= 4 => {
            let count = context.device.media.change_count.to_le_bytes();
            Next::success(context.write(0, &count))
        }
        _ => Next::success(0),
    }
}
