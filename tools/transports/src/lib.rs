//! Ways to drives that are not ours, each a [`Target`](virtual_drive::Target).
#![forbid(unsafe_code)]

#[cfg(unix)]
pub mod qemu;
