//! Setting a machine up on the current operating-system thread, and taking it down.

use std::cell::Cell;
use std::marker::PhantomData;

use crate::{call, fault, findings, image, irql, memory, processor, random, threads, time};

/// What a machine is made with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Decides every choice of the scheduler. With 0 a thread runs until it waits, in the order of becoming ready,
    /// which makes traces easy to read.
    pub seed: u64,
    /// One line on standard error for each export call, callback, context switch and finding.
    pub trace: bool,
}

thread_local! {
    static LIVE: Cell<bool> = const { Cell::new(false) };
    static TRACE: Cell<bool> = const { Cell::new(false) };
}

/// The guard of this thread's machine. Dropping it unmaps all memory and abandons the simulated threads.
pub struct Machine {
    // Bound to its operating-system thread.
    marker: PhantomData<*mut ()>,
}

impl Machine {
    /// Sets up the machine of this operating-system thread.
    ///
    /// # Panics
    /// When the thread has a machine already, or when the system refuses the address space.
    pub fn new(options: &Options) -> Self {
        assert!(!LIVE.replace(true), "this thread has a machine already");
        TRACE.set(options.trace);
        findings::clear();
        time::clear();
        irql::clear();
        random::seed(options.seed);
        memory::set_up(options.seed);
        processor::set_up();
        threads::set_up(options.seed);
        call::set_up();
        image::set_up();
        fault::set_up();
        Self { marker: PhantomData }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        threads::tear_down();
        time::clear();
        fault::tear_down();
        image::tear_down();
        call::tear_down();
        processor::tear_down();
        memory::tear_down();
        irql::clear();
        LIVE.set(false);
    }
}

/// Whether a trace was asked for.
pub(crate) fn tracing() -> bool {
    TRACE.get()
}

/// Writes one line of the trace, when there is one.
macro_rules! trace {
    ($($argument:tt)*) => {
        if $crate::machine::tracing() {
            $crate::machine::trace_line(format_args!($($argument)*));
        }
    };
}
pub(crate) use trace;

/// Prints a trace line: virtual time in milliseconds, thread, IRQL, text.
#[cold]
pub(crate) fn trace_line(text: std::fmt::Arguments<'_>) {
    let milliseconds = time::now() as f64 / 10_000.0;
    eprintln!("{milliseconds:12.4} {:>3} {} {text}", threads::current().0, irql::current());
}
