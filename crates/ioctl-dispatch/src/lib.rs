//! Every decision of a CD-ROM class driver, without doing anything.
//!
//! The driver around this crate owns queues, handles, timers and the port below; this crate says what to do with them.
//! A request [arrives](Dispatcher::arrive) and is answered at once, refused, passed down or put in the serial queue.
//! When its turn comes, [`Dispatcher::begin`] gives the first [`Step`]: send this command, wait that long, do this
//! thing that only the system can do, or complete. The driver does it and calls [`Dispatcher::resume`] with the
//! outcome until the step is a completion. [`Effect`]s that need no answer are collected on the way.
//!
//! Nothing here does I/O, allocates, blocks or reads a clock: time, the system's state and buffers are arguments. All
//! that a program or a drive says is untrusted: lengths are clamped, arithmetic is checked, no byte string panics.
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::as_conversions,
    clippy::unreachable
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::as_conversions,
        clippy::unreachable
    )
)]

#[cfg(test)]
extern crate std;

pub mod agid;
pub mod arrival;
pub mod blob;
pub mod buffers;
pub mod capability;
pub mod descriptors;
pub mod device;
pub mod dispatcher;
pub mod effect;
pub mod event_status;
pub mod exclusive;
pub mod geometry;
pub mod handle;
pub mod ioctl;
pub mod limits;
pub mod media;
pub mod ntstatus;
pub mod ops;
pub mod pass_through;
pub mod port;
pub mod quirks;
pub mod registry;
pub mod removal;
pub mod request;
pub mod sense;
pub mod step;
pub mod time;
pub mod zero_power;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod table_walk;
#[cfg(test)]
mod test_host;

pub use buffers::Buffers;
pub use device::Device;
pub use dispatcher::Dispatcher;
pub use effect::Effect;
pub use handle::{Handle, HandleId};
pub use ntstatus::NtStatus;
pub use request::{Environment, Job, Request};
pub use step::{Completion, Outcome, Step};
