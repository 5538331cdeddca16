//! What is made to go wrong: the n-th allocation, the n-th command, a cancellation at the n-th scheduling point.

use std::cell::Cell;
use std::rc::Rc;

use nt_kernel::pool;
use nt_machine::{irql, threads};
use virtual_drive::CommandFault;

use crate::port;

/// What goes wrong, counted from the moment that it is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Injection {
    /// Which allocation fails, from 1.
    pub allocation: Option<u64>,
    /// Which command fails, and how.
    pub command: Option<CommandFault>,
    /// At which scheduling point the request of the line is cancelled, from 1.
    pub cancel_at: Option<u64>,
}

/// What could have gone wrong: how many there were of each since the injection was set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Allocations.
    pub allocations: u64,
    /// Commands that reached the drive.
    pub commands: u64,
    /// Scheduling points.
    pub points: u64,
}

/// Where counting began.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    allocations: u64,
    points: u64,
}

impl Counter {
    /// Puts `injection` into force and begins to count.
    #[must_use]
    pub fn begin(injection: &Injection) -> Self {
        pool::set_failure(injection.allocation);
        port::with(|port| port.unit.set_fault(injection.command));
        Self { allocations: pool::count(), points: threads::points() }
    }

    /// What there was since the beginning.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            allocations: pool::count() - self.allocations,
            commands: port::with(|port| port.unit.commands()),
            points: threads::points() - self.points,
        }
    }
}

/// How often the thread at the point may be asked to go on before it does without the cancellation having ended:
/// whoever cancels then waits for something that this thread holds.
const TURNS: u32 = 32;

/// Calls `cancel` on a thread of its own at the `nth` scheduling point from now. The thread that reached the point goes
/// on when that has happened, as if another processor had cancelled just then.
pub fn cancel_at(nth: u64, cancel: Box<dyn FnOnce()>) {
    let at = threads::points() + nth;
    let mut cancel = Some(cancel);
    threads::on_point(Some(Box::new(move |point| {
        if point < at {
            return;
        }
        let Some(cancel) = cancel.take() else { return };
        let done = Rc::new(Cell::new(false));
        let ended = Rc::clone(&done);
        let body = move || {
            cancel();
            ended.set(true);
        };
        threads::spawn("cancels the request", irql::PASSIVE, Box::new(body));
        let turns = Cell::new(0);
        threads::spin("the cancellation", &|| {
            turns.set(turns.get() + 1);
            done.get() || turns.get() > TURNS
        });
    })));
}

/// Cancels nothing any more.
pub fn forget_cancellation() {
    threads::on_point(None);
}
