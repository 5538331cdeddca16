//! Pending.
/// Region pick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegionPick {
    /// pending
    pub pending: bool,
}
