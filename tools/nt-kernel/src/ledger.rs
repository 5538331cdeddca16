//! Things of which there are several at a time, by address: found by address, listed in the order in which they came.

use std::collections::BTreeMap;

use nt_machine::call::{self, Site};

/// Something that a driver left behind.
#[derive(Clone, Debug)]
pub(crate) struct Left {
    /// What it is.
    pub(crate) what: String,
    /// The call that made it.
    pub(crate) site: Site,
}

impl Left {
    /// Something whose origin is not known.
    pub(crate) fn of_unknown_origin(what: String) -> Self {
        Self { what, site: Site::default() }
    }
}

#[derive(Debug)]
struct Entry<T> {
    number: u64,
    /// The call that was in progress when the thing came.
    site: Site,
    known: T,
}

/// Entries by the address of the thing they describe.
#[derive(Debug)]
pub(crate) struct Ledger<T> {
    /// Numbers the entries; addresses differ from run to run, and no order may depend on them.
    next: u64,
    entries: BTreeMap<usize, Entry<T>>,
}

impl<T> Ledger<T> {
    pub(crate) const fn new() -> Self {
        Self { next: 0, entries: BTreeMap::new() }
    }

    /// Enters a thing, and gives back what stood there before.
    pub(crate) fn insert(&mut self, address: usize, entry: T) -> Option<T> {
        self.next += 1;
        let entry = Entry { number: self.next, site: call::site(), known: entry };
        self.entries.insert(address, entry).map(|former| former.known)
    }

    pub(crate) fn get(&self, address: usize) -> Option<&T> {
        self.entries.get(&address).map(|entry| &entry.known)
    }

    pub(crate) fn get_mut(&mut self, address: usize) -> Option<&mut T> {
        self.entries.get_mut(&address).map(|entry| &mut entry.known)
    }

    pub(crate) fn remove(&mut self, address: usize) -> Option<T> {
        self.entries.remove(&address).map(|entry| entry.known)
    }

    pub(crate) fn contains(&self, address: usize) -> bool {
        self.entries.contains_key(&address)
    }

    /// The addresses within `size` bytes from `start`.
    pub(crate) fn within(&self, start: usize, size: usize) -> Vec<usize> {
        self.entries.range(start..start.saturating_add(size)).map(|(&address, _)| address).collect()
    }

    /// All entries, oldest first.
    pub(crate) fn in_order(&self) -> Vec<(usize, &T)> {
        self.sorted().into_iter().map(|(address, entry)| (address, &entry.known)).collect()
    }

    /// All entries, oldest first, in words.
    pub(crate) fn left(&self, what: impl Fn(usize, &T) -> String) -> Vec<Left> {
        let left = |(address, entry): (usize, &Entry<T>)| Left { what: what(address, &entry.known), site: entry.site };
        self.sorted().into_iter().map(left).collect()
    }

    /// The call that made a thing.
    pub(crate) fn site(&self, address: usize) -> Site {
        self.entries.get(&address).map(|entry| entry.site).unwrap_or_default()
    }

    fn sorted(&self) -> Vec<(usize, &Entry<T>)> {
        let mut all: Vec<_> = self.entries.iter().map(|(&address, entry)| (address, entry)).collect();
        all.sort_by_key(|(_, entry)| entry.number);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::Ledger;

    #[test]
    fn entries_are_listed_in_the_order_in_which_they_came() {
        let mut ledger = Ledger::new();
        for (address, entry) in [(30, 'a'), (10, 'b'), (20, 'c')] {
            assert!(ledger.insert(address, entry).is_none());
        }
        assert_eq!(ledger.remove(10), Some('b'));
        let order: Vec<_> = ledger.in_order().into_iter().map(|(_, &entry)| entry).collect();
        assert_eq!(order, ['a', 'c']);
        assert_eq!(ledger.within(15, 10), [20]);
    }
}
