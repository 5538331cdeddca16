//! Pending.
use super::*;
/// Answer.
pub fn answer(_operation: Operation, _context: &mut Context<'_, '_>) -> Next {
    Next::fail(NtStatus::INVALID_DEVICE_REQUEST)
}
