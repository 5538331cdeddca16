//! Stacks of simulated threads.

use corosensei::stack::{Stack, StackPointer};

use crate::memory::{self, PAGE, Protection};

/// Bytes of a stack. A driver is entitled to some 20 KiB; the host's own code runs on it as well.
pub(crate) const STACK_SIZE: usize = 512 * 1024;

/// A stack in the machine's address space, which ends with the machine.
pub(crate) struct SimulatedStack {
    start: usize,
}

impl SimulatedStack {
    pub(crate) fn new() -> Self {
        let start = memory::reserve("stack", STACK_SIZE);
        memory::protect_extent(start, STACK_SIZE, Protection::ReadWrite);
        Self { start }
    }

    /// The lowest usable address.
    pub(crate) fn start(&self) -> usize {
        self.start
    }
}

// SAFETY: `start` is the start of STACK_SIZE writable bytes that nobody else uses, below which `reserve` leaves an
// inaccessible page; both stay mapped until the machine ends, after its coroutines.
unsafe impl Stack for SimulatedStack {
    fn base(&self) -> StackPointer {
        StackPointer::new(self.start + STACK_SIZE).expect("not at the end of the address space")
    }

    fn limit(&self) -> StackPointer {
        StackPointer::new(self.start - PAGE).expect("not at the start of the address space")
    }
}
