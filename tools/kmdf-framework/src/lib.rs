//! The KMDF runtime of the user-mode driver host.
//!
//! A KMDF driver imports two functions of `WDFLDR.SYS` and reaches everything else through a table of 458 functions
//! that the loader hands it. This crate answers those imports ([`bind_exports`]) and provides the functions: objects
//! with their parents, contexts and references; driver and device creation; file objects; I/O queues; requests; I/O
//! targets; the PnP and power state machine; timers, DPCs, work items, locks, memory, strings and registry keys.
//!
//! What the framework leaves undefined or checks only under its verifier, this crate reports as a finding
//! ([`nt_machine::findings`]); where Windows would stop with bug check 0x10D, the run ends with a fatal finding.
//!
//! State is thread-local, as in the two crates below. No borrow of it is held across a call into the driver or a
//! scheduling point. Every function of the table is `extern "win64"` and takes the driver globals first.

pub mod bind;
pub mod client;
mod clock;
pub mod collection;
pub mod device;
pub mod dispatch;
pub mod dpc;
pub mod driver;
pub mod fail;
pub mod file;
pub mod functions;
pub mod lock;
pub mod lookaside;
pub mod memory;
pub mod objects;
pub mod pnp;
pub mod queue;
pub mod registry;
pub mod request;
mod running;
mod serialise;
pub mod status;
pub mod string;
pub mod structs;
pub mod target;
#[cfg(test)]
mod testing;
pub mod timer;
pub mod unicode;
pub mod workitem;

pub use bind::bind_exports;

/// The framework's state for one run: made after the kernel, dropped before it.
///
/// Dropping forgets every client and object; what a driver left behind is reported by the unbind call, not here.
pub struct Framework {
    _private: (),
}

impl Framework {
    /// Sets up empty framework state on this thread. Needs a live `nt_machine::Machine` and `nt_kernel::Kernel`.
    #[must_use]
    pub fn new() -> Framework {
        clear();
        Framework { _private: () }
    }
}

impl Default for Framework {
    fn default() -> Self {
        Framework::new()
    }
}

impl Drop for Framework {
    fn drop(&mut self) {
        clear();
    }
}

fn clear() {
    functions::clear();
    client::clear();
    objects::clear();
    device::clear();
    request::clear();
    target::clear();
}
