//! Callbacks in progress: who runs them, and the wait until nobody does.

use std::cell::RefCell;

use nt_machine::threads::{self, ThreadId};

/// The threads that are inside a callback of one object.
#[derive(Default)]
pub(crate) struct Running {
    threads: RefCell<Vec<ThreadId>>,
}

impl Running {
    /// Runs `work`, seen as a callback in progress.
    pub(crate) fn during<R>(&self, work: impl FnOnce() -> R) -> R {
        let me = threads::current();
        self.threads.borrow_mut().push(me);
        let result = work();
        let mut running = self.threads.borrow_mut();
        if let Some(at) = running.iter().rposition(|thread| *thread == me) {
            running.remove(at);
        }
        result
    }

    /// True when the running thread is inside the callback.
    pub(crate) fn here(&self) -> bool {
        self.threads.borrow().contains(&threads::current())
    }

    /// True when no thread is.
    pub(crate) fn idle(&self) -> bool {
        self.threads.borrow().is_empty()
    }
}
