//! What belongs to one open of the device.

/// Identifies a file object: its address, or any number that is unique among the open ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HandleId(pub u64);

/// The state of one file object that was opened through the device itself.
///
/// The driver keeps it in the file object's context and lends it to each call for a request of that file object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    /// Which file object this is.
    pub id: HandleId,
    /// `IOCTL_STORAGE_EJECTION_CONTROL` locks held.
    pub secure_locks: u32,
    /// `IOCTL_STORAGE_MCN_CONTROL` disables held.
    pub mcn_disables: u32,
    /// Reads through this handle use READ (12) with the streaming bit.
    pub streaming_read: bool,
    /// Writes through this handle use WRITE (12) with the streaming bit.
    pub streaming_write: bool,
}

impl Handle {
    /// The state right after the open.
    #[must_use]
    pub const fn new(id: HandleId) -> Self {
        Self { id, secure_locks: 0, mcn_disables: 0, streaming_read: false, streaming_write: false }
    }
}
