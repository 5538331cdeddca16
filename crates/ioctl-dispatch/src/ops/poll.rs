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
/// Polling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Polling {
    /// signal
    pub signal_pending: bool,
}
impl Polling {
    /// note
    pub fn note_refused(&mut self, _code: crate::ioctl::ControlCode) {}
}
/// Admit.
pub fn admit(_device: &mut Device) -> Result<(), crate::step::Completion> {
    Ok(())
}
/// Control.
pub fn control(_context: &mut Context<'_, '_>) -> Next {
    Next::fail(NtStatus::INVALID_DEVICE_REQUEST)
}
