//! Runs a KMDF storage class driver's `.sys` file in user mode.
//!
//! A [`Host`] maps the file into this process, gives it the kernel and the framework that it imports, puts a port driver
//! with a drive in software below it, starts the device as the PnP manager would, and plays the lines of request scripts.
//! Everything is deterministic: a seed decides every choice of the scheduler, and the clock is virtual. What a driver
//! must not do is found and said with function, argument and place.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod host;
mod inject;
mod load;
mod manager;
mod play;
pub mod port;
mod program;
mod registry;
mod report;
mod sweep;
mod thread;

pub use host::{Host, HostError, Options, Stage};
pub use inject::{Counts, Injection};
pub use play::PlayError;
pub use registry::{Data, Root, Setting};
pub use report::{FindingLine, Footprint, Report, sentence};
pub use sweep::{Failures, Sweep, SweepError, Trial};
