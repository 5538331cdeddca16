//! Pending.
use super::*;
/// State.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waiting.
    Waiting,
}
/// Resume.
pub fn resume(_state: State, _input: Input, _context: &mut Context<'_, '_>) -> Next {
    Next::fail(NtStatus::INVALID_DEVICE_REQUEST)
}
/// Start.
pub fn start(_context: &mut Context<'_, '_>) -> Next {
    Next::fail(NtStatus::INVALID_DEVICE_REQUEST)
}
/// Routing.
pub enum Routing {
    /// a
    Answer(Next),
    /// b
    Queue,
    /// c
    PassDown,
}
/// At once.
pub fn answer_at_once(_context: &mut Context<'_, '_>) -> Routing {
    Routing::PassDown
}
/// Served.
#[must_use]
pub fn is_served(_input: &[u8]) -> bool {
    false
}
