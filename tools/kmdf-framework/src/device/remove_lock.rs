//! Remove locks: IRPs inside a device are counted, and its removal waits for them.

use std::cell::{Cell, RefCell};

use nt_machine::threads;

use crate::status;

/// Counts the IRPs inside a device.
#[derive(Default)]
pub struct RemoveLock {
    /// Tags of the holders: IRP addresses.
    holders: RefCell<Vec<usize>>,
    removed: Cell<bool>,
}

impl RemoveLock {
    /// Enters with a tag (the IRP).
    ///
    /// # Errors
    /// DELETE_PENDING once removal waits.
    pub fn acquire(&self, tag: usize) -> Result<(), i32> {
        if self.removed.get() {
            return Err(status::DELETE_PENDING);
        }
        self.holders.borrow_mut().push(tag);
        Ok(())
    }

    /// Leaves. The tag must have entered.
    pub fn release(&self, tag: usize) {
        let mut holders = self.holders.borrow_mut();
        let at = holders.iter().rposition(|holder| *holder == tag);
        if let Some(at) = at {
            holders.remove(at);
        }
    }

    /// True if the tag is inside.
    #[must_use]
    pub fn holds(&self, tag: usize) -> bool {
        self.holders.borrow().contains(&tag)
    }

    /// Lets nobody in any more and waits until all are out. PASSIVE_LEVEL.
    pub fn drain(&self) {
        self.removed.set(true);
        if !self.holders.borrow().is_empty() {
            threads::block("remove lock: IRPs inside the device", None, &|| self.holders.borrow().is_empty());
        }
    }
}
