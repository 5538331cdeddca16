//! Runs the driver core against a drive, in virtual or real time: what the kernel driver does, minus the kernel.
//!
//! A [`Host`] owns one [`Target`](virtual_drive::Target) and one
//! [`Dispatcher`](ioctl_dispatch::Dispatcher). It keeps the serial queue, handles, buffers, timers and the state that
//! the system would keep; it has no decision of the driver's in it. [`replay`] runs request scripts on it and
//! [`results`] writes what came of them.
#![forbid(unsafe_code)]

pub mod clock;
mod effects;
pub mod host;
pub mod memory;
pub mod names;
mod pass_through;
pub mod port;
pub mod registry;
pub mod replay;
pub mod system;

pub use drive_formats::{Adapter, adapter, record, requests, results};
pub use host::{Completed, Host, HostError, Ioctl, Options, RequestId};
pub use names::Access;
