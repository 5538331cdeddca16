//! The machine below a user-mode kernel: everything a kernel-mode image takes for granted before the first kernel
//! function exists.
//!
//! A [`Machine`] gives the current operating-system thread an address space whose blocks lie against inaccessible
//! pages ([`memory`]), a loader for kernel-mode images ([`image`]), simulated threads under a seeded scheduler
//! ([`threads`]), a virtual clock ([`time`]), interrupt request levels ([`irql`]), the crossing between host and
//! driver ([`call`]), faults turned into sentences, and the list of what the driver did wrong ([`findings`]).
//!
//! One machine per operating-system thread; all of its state is thread-local. Nothing depends on real time, on
//! addresses chosen by the system or on the order of a hash table: the seed decides everything.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

pub mod call;
mod fault;
pub mod findings;
pub mod image;
pub mod irql;
mod machine;
pub mod memory;
mod processor;
pub mod random;
mod shared_page;
#[cfg(test)]
mod testing;
pub mod threads;
pub mod time;
pub mod unwind;

pub use machine::{Machine, Options};
