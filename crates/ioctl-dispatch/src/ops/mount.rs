//! Pending.
use super::*;
/// Answer.
pub fn answer(_operation: Operation, _context: &mut Context<'_, '_>) -> Next {
    Next::fail(NtStatus::INVALID_DEVICE_REQUEST)
}
/// Suggested.
pub fn suggested_link(_input: Input, _context: &mut Context<'_, '_>) -> Next {
    Next::fail(NtStatus::INVALID_DEVICE_REQUEST)
}
