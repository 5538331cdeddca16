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
/// `RAW_READ_INFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawReadInfo {
    /// Offset
    pub disk_offset: u64,
    /// Count
    pub sector_count: u32,
    /// Mode
    pub track_mode: u32,
}
impl RawReadInfo {
    /// From bytes
    #[must_use]
    pub fn from_bytes(_bytes: &[u8; 16]) -> Self {
        Self { disk_offset: 0, sector_count: 0, track_mode: 0 }
    }
    /// Read
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(Self::from_bytes)
    }
}
/// TRACK_MODE_TYPE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackMode(pub u32);
/// Layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectorLayout {
    /// Length
    pub sector_length: u32,
}
impl TrackMode {
    /// Layout.
    #[must_use]
    pub fn layout(self) -> Option<SectorLayout> {
        None
    }
}
