//! Drives in software: an MMC target with discs, and a drive given by a script of its answers.
//!
//! Everything here stands on the target's side of the SCSI bus: a [`Target`] takes a command descriptor block and
//! gives data, status, sense and the time it took. It knows nothing of the driver above it.
#![forbid(unsafe_code)]

pub mod disc;
pub mod drive;
pub mod fault;
pub mod hostile;
pub mod image;
mod nearest;
mod open;
pub mod script;
pub mod sim;
pub mod target;

pub use fault::{CommandFault, FaultKind, Faults, Faulty};
pub use nearest::nearest;
pub use open::open;
pub use target::{Completion, DataPhase, MediaAction, Reply, Request, Target};
