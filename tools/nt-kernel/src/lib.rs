//! The Windows kernel as a storage class driver sees it: the part of ntoskrnl.exe that a KMDF host stands for.
//!
//! A [`Kernel`] on top of a live [`nt_machine::Machine`] provides the exports that drivers import ([`export`],
//! [`resolve`]), and to the rest of the host what the framework, a port driver and a program need: IRPs and stacks of
//! devices ([`io`]), memory lists ([`mdl`]), waiting and deferring ([`sync`]), [`registry`], the PnP and power managers'
//! services ([`pnp`], [`power`]) and requests of programs ([`mod@file`]).
//!
//! Structures that drivers read and write have their real [`layout`], in guarded blocks. All state belongs to the
//! operating-system thread; nothing of it depends on addresses, real time or the order of a hash table. Pointers come from
//! drivers under test: functions take them as they are, judge them where they can, and leave the rest to the machine,
//! which turns a fault into a finding that names the block.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(
    clippy::not_unsafe_ptr_arg_deref,
    reason = "a driver's pointer is judged by the machine: a bad one faults and becomes a finding"
)]
#![allow(
    clippy::macro_metavars_in_unsafe,
    reason = "the metavariables of `field!` are names of fields and places of arrays"
)]

pub mod error_log;
mod exception;
mod exports;
pub mod file;
pub mod io;
pub mod layout;
mod ledger;
mod lookaside;
pub mod mdl;
pub mod names;
pub mod objects;
pub mod pnp;
pub mod pool;
pub mod power;
pub mod raw;
pub mod registry;
pub mod rtl;
pub mod status;
pub mod sync;
pub mod system;
#[cfg(test)]
mod testing;
mod unload;

use std::marker::PhantomData;

pub use exports::{export, resolve};
pub use unload::{check_at_unload, report_lost};

/// What a kernel is made with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values of the registry: full path of the key, name, value.
    pub registry: Vec<(String, String, registry::Value)>,
    /// Print what drivers print for a debugger.
    pub debug_output: bool,
}

/// The guard of the operating-system thread's kernel. Dropping it forgets everything; memory goes with the machine.
pub struct Kernel {
    /// Bound to its operating-system thread.
    marker: PhantomData<*mut ()>,
}

impl Kernel {
    /// Sets up the kernel of this thread; there must be a live machine.
    #[must_use]
    pub fn new(options: Options) -> Self {
        reset(options.debug_output);
        for (path, name, value) in options.registry {
            // A path that is none is a mistake of the host's configuration, seen when the driver looks for it.
            registry::set(&path, &name, value).ok();
        }
        Self { marker: PhantomData }
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        reset(false);
    }
}

fn reset(debug_output: bool) {
    pool::reset();
    lookaside::reset();
    objects::reset();
    names::reset();
    io::reset();
    mdl::reset();
    sync::reset();
    registry::reset();
    pnp::reset();
    power::reset();
    error_log::reset();
    system::reset(debug_output);
}

/// What an address is, for messages.
#[must_use]
pub(crate) fn describe(address: usize) -> String {
    if address == 0 {
        return "null".to_owned();
    }
    match nt_machine::memory::lookup(address) {
        Some(block) if block.address == address => block.describe(),
        Some(block) => format!("{} {}", block.place_of(address), block.describe()),
        None => format!("{address:#x}"),
    }
}
