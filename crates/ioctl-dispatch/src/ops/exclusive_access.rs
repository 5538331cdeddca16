//! Pending.
use super::*;
/// Answer.
pub fn answer(_context: &mut Context<'_, '_>) -> Next {
    Next::fail(NtStatus::INVALID_DEVICE_REQUEST)
}
