//! The logical unit's queue: one command at a time, held while it is frozen or locked.

use std::collections::VecDeque;

/// What lets an entry pass a held queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bypass {
    /// It passes a frozen queue.
    pub frozen: bool,
    /// It passes a locked queue.
    pub locked: bool,
}

/// Identifies an entry for as long as the port has it.
pub type Id = u64;

#[derive(Debug)]
struct Entry<T> {
    id: Id,
    bypass: Bypass,
    work: T,
}

/// The queue.
#[derive(Debug)]
pub struct Queue<T> {
    waiting: VecDeque<Entry<T>>,
    running: Option<Entry<T>>,
    frozen: bool,
    locks: u32,
    next: Id,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), running: None, frozen: false, locks: 0, next: 1 }
    }
}

impl<T> Queue<T> {
    /// Appends an entry.
    pub fn push(&mut self, work: T, bypass: Bypass) -> Id {
        let id = self.next;
        self.next += 1;
        self.waiting.push_back(Entry { id, bypass, work });
        id
    }

    /// Starts the first entry that may run, if none runs.
    pub fn start(&mut self) -> Option<(Id, &mut T)> {
        if self.running.is_some() {
            return None;
        }
        let (frozen, locked) = (self.frozen, self.locks > 0);
        let may = |entry: &Entry<T>| (!frozen || entry.bypass.frozen) && (!locked || entry.bypass.locked);
        let at = self.waiting.iter().position(may)?;
        self.running = self.waiting.remove(at);
        self.running.as_mut().map(|entry| (entry.id, &mut entry.work))
    }

    /// Takes the entry that runs, if it is still this one.
    pub fn finish(&mut self, id: Id) -> Option<T> {
        self.running.take_if(|entry| entry.id == id).map(|entry| entry.work)
    }

    /// Takes the first entry for which `wanted` holds, running or waiting.
    pub fn take(&mut self, wanted: impl Fn(&T) -> bool) -> Option<T> {
        if let Some(entry) = self.running.take_if(|entry| wanted(&entry.work)) {
            return Some(entry.work);
        }
        let at = self.waiting.iter().position(|entry| wanted(&entry.work))?;
        self.waiting.remove(at).map(|entry| entry.work)
    }

    /// Takes all entries that wait.
    pub fn flush(&mut self) -> Vec<T> {
        self.waiting.drain(..).map(|entry| entry.work).collect()
    }

    /// Takes everything, what runs first.
    pub fn take_all(&mut self) -> Vec<T> {
        let running = self.running.take().map(|entry| entry.work);
        running.into_iter().chain(self.flush()).collect()
    }

    /// Whether there is an entry for which `wanted` holds.
    pub fn holds(&self, wanted: impl Fn(&T) -> bool) -> bool {
        self.running.iter().chain(&self.waiting).any(|entry| wanted(&entry.work))
    }

    /// Holds the queue after an error, or lets it go on.
    pub fn set_frozen(&mut self, frozen: bool) {
        self.frozen = frozen;
    }

    /// Whether the queue is frozen.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Holds the queue until as many calls of [`Self::unlock`].
    pub fn lock(&mut self) {
        self.locks += 1;
    }

    /// Undoes one lock; false if there was none.
    pub fn unlock(&mut self) -> bool {
        let locked = self.locks > 0;
        self.locks = self.locks.saturating_sub(1);
        locked
    }

    /// Whether the queue is locked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.locks > 0
    }

    /// Entries that run or wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len() + usize::from(self.running.is_some())
    }

    /// Whether nothing runs or waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_runs_at_a_time_in_order() {
        let mut queue = Queue::default();
        let first = queue.push("a", Bypass::default());
        queue.push("b", Bypass::default());
        assert_eq!(queue.start().map(|(_, work)| *work), Some("a"));
        assert!(queue.start().is_none());
        assert_eq!(queue.finish(first), Some("a"));
        assert_eq!(queue.start().map(|(_, work)| *work), Some("b"));
        assert_eq!(queue.finish(first), None, "it has ended already");
        assert_eq!((queue.take(|work| *work == "b"), queue.len()), (Some("b"), 0));
    }

    #[test]
    fn a_held_queue_lets_only_those_pass_that_may() {
        let mut queue = Queue::default();
        queue.push("plain", Bypass::default());
        let urgent = queue.push("urgent", Bypass { frozen: true, locked: false });
        queue.set_frozen(true);
        assert_eq!(queue.start().map(|(_, work)| *work), Some("urgent"));
        queue.finish(urgent);
        queue.lock();
        queue.set_frozen(false);
        assert!(queue.start().is_none() && queue.is_locked());
        assert!(queue.unlock() && !queue.unlock());
        assert_eq!(queue.flush(), ["plain"]);
        assert!(queue.is_empty());
    }
}
