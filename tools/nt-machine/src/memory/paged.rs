//! Pageable memory: accessible only while the running thread is below DISPATCH_LEVEL.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::Protection;
use super::arena::protect;

thread_local! {
    /// Pageable ranges: start to length and protection below DISPATCH_LEVEL.
    static RANGES: RefCell<BTreeMap<usize, (usize, Protection)>> = const { RefCell::new(BTreeMap::new()) };
    /// Whether the running thread is at DISPATCH_LEVEL or above.
    static CLOSED: Cell<bool> = const { Cell::new(false) };
}

/// Adds a range of whole pages.
pub(crate) fn add(start: usize, length: usize, protection: Protection) {
    RANGES.with_borrow_mut(|ranges| ranges.insert(start, (length, protection)));
    if CLOSED.get() {
        protect(start, length, Protection::None);
    }
}

/// Forgets a range, as it is.
pub(crate) fn remove(start: usize) {
    RANGES.with_borrow_mut(|ranges| ranges.remove(&start));
}

/// Follows the level of the running thread.
pub(crate) fn set_at_dispatch(at_dispatch: bool) {
    if CLOSED.replace(at_dispatch) == at_dispatch {
        return;
    }
    RANGES.with_borrow(|ranges| {
        for (&start, &(length, protection)) in ranges {
            protect(start, length, if at_dispatch { Protection::None } else { protection });
        }
    });
}

/// Whether the range touches memory that the level keeps closed.
pub(super) fn is_closed(address: usize, size: usize) -> bool {
    CLOSED.get()
        && RANGES.with_borrow(|ranges| {
            let last = ranges.range(..address + size).next_back();
            last.is_some_and(|(&start, &(length, _))| address < start + length)
        })
}

/// Whether an address is inaccessible for the level alone.
pub(crate) fn is_closed_at(address: usize) -> bool {
    is_closed(address, 1)
}

pub(super) fn clear() {
    drop(RANGES.take());
    CLOSED.set(false);
}
