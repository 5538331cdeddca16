//! What is common to all that runs a driver above a drive: request scripts, result lines, the adapter, its rules.
//!
//! It knows neither the driver core nor the kernel binary, so that what runs either of them speaks the same formats.
#![forbid(unsafe_code)]

pub mod adapter;
pub mod names;
pub mod pass_through;

pub mod record;
pub mod requests;
pub mod results;
pub mod srb;

pub use adapter::Adapter;
pub use names::Access;
