//! Ways to drives that are not ours, each a [`Target`](virtual_drive::Target).
#![forbid(unsafe_code)]

pub mod iscsi;
#[cfg(unix)]
pub mod qemu;
