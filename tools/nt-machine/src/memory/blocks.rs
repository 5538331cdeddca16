//! The books of all blocks, live and freed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{PAGE, Space, describe_site};
use crate::call::Site;

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Pool that is always resident.
    NonPagedPool,
    /// Pool that may not be touched at DISPATCH_LEVEL.
    PagedPool,
    /// A program's memory.
    User,
    /// A kernel object that the host made.
    Object,
    /// A second mapping of other memory.
    View,
    /// The stack of a simulated thread.
    Stack,
}

impl Kind {
    pub(super) fn space(self) -> Space {
        if self == Self::User { Space::User } else { Space::System }
    }

    fn words(self) -> &'static str {
        match self {
            Self::NonPagedPool => "non-paged pool block",
            Self::PagedPool => "paged pool block",
            Self::User => "user buffer",
            Self::Object => "object",
            Self::View => "mapping",
            Self::Stack => "stack",
        }
    }
}

/// A block of memory.
#[derive(Clone, Debug)]
pub struct Block {
    /// The first byte.
    pub address: usize,
    /// Bytes.
    pub size: usize,
    /// What it is.
    pub kind: Kind,
    /// The pool tag, 0 where there is none.
    pub tag: u32,
    /// What the host calls it.
    pub label: String,
    /// The kernel call that allocated it.
    pub allocated_by: Site,
    /// The kernel call that freed it.
    pub freed_by: Option<Site>,
}

impl Block {
    /// Names the block: kind, label, tag, size, who allocated it, who freed it.
    pub fn describe(&self) -> String {
        let mut text = format!("a {} ", self.kind.words());
        if self.kind == Kind::Object {
            text.insert(1, 'n');
        }
        if !self.label.is_empty() {
            text += &format!("'{}' ", self.label);
        }
        if self.tag != 0 {
            text += &format!("tagged '{}' ", self.tag.to_le_bytes().escape_ascii());
        }
        text += &format!("of {} bytes", self.size);
        if self.kind != Kind::Stack {
            text += &format!(" (allocated by {}", describe_site(&self.allocated_by));
            if let Some(site) = &self.freed_by {
                text += &format!("; freed by {}", describe_site(site));
            }
            text.push(')');
        }
        text
    }

    /// Where an address is, seen from the block: "12 bytes after", "4 bytes before", "8 bytes into".
    pub fn place_of(&self, address: usize) -> String {
        if address < self.address {
            format!("{} bytes before", self.address - address)
        } else if address < self.address + self.size {
            format!("{} bytes into", address - self.address)
        } else {
            format!("{} bytes after the end of", address - self.address - self.size)
        }
    }

    /// Whether the whole range lies in the block.
    fn holds(&self, address: usize, size: usize) -> bool {
        address >= self.address && size <= self.size && address - self.address <= self.size - size
    }
}

/// A block with its pages.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) pages: usize,
    pub(super) length: usize,
    /// Live mappings of the pages, this one apart.
    pub(super) views: usize,
    /// Of a mapping: the first page that it shows.
    pub(super) source: Option<usize>,
    pub(super) block: Block,
}

impl Entry {
    /// An address in the pages that hold the bytes.
    pub(super) fn owner(&self) -> usize {
        self.source.unwrap_or(self.pages)
    }
}

/// All blocks by the address of their first page. Address space is handed out upwards in two regions, so within one
/// region the order is that of allocation.
#[derive(Default)]
pub(super) struct Blocks {
    entries: BTreeMap<usize, (u64, Entry)>,
    allocations: u64,
    /// Whose turn it is to lie at the front, by kind, tag and size.
    turns: BTreeSet<(Kind, u32, usize)>,
    /// Freed blocks by first page, the oldest first.
    freed: VecDeque<usize>,
}

/// How many freed blocks are remembered.
const FREED_BLOCKS: usize = 1 << 16;

impl Blocks {
    /// Whether a new block lies against the back of its pages: every second one of its sort, from the first.
    pub(super) fn next_is_at_back(&mut self, kind: Kind, tag: u32, size: usize) -> bool {
        let sort = (kind, tag, size);
        let at_front = self.turns.remove(&sort);
        if !at_front {
            self.turns.insert(sort);
        }
        !at_front
    }

    pub(super) fn insert(&mut self, entry: Entry) {
        self.allocations += 1;
        self.entries.insert(entry.pages, (self.allocations, entry));
    }

    /// The block whose pages, or the inaccessible page on either side, hold the address; between two, the nearer.
    pub(super) fn around(&self, address: usize) -> Option<&Entry> {
        let before = self.entries.range(..=address).next_back().map(|found| &found.1.1);
        let before = before.filter(|entry| address < entry.pages + entry.length + PAGE);
        if let Some(entry) = before.filter(|entry| address < entry.pages + entry.length) {
            return Some(entry);
        }
        let after = self.entries.range(address..).next().map(|found| &found.1.1);
        let after = after.filter(|entry| entry.pages - address <= PAGE);
        match (before, after) {
            (Some(before), Some(after)) => {
                let end = before.block.address + before.block.size;
                Some(if address - end <= after.block.address - address { before } else { after })
            }
            (before, after) => before.or(after),
        }
    }

    fn page_run(&self, address: usize) -> Option<&Entry> {
        let entry = &self.entries.range(..=address).next_back()?.1.1;
        (address < entry.pages + entry.length).then_some(entry)
    }

    /// The live block that starts at the address.
    pub(super) fn live_at(&self, address: usize) -> Option<&Entry> {
        self.page_run(address).filter(|entry| entry.block.address == address && entry.block.freed_by.is_none())
    }

    /// The live block that holds the whole range.
    pub(super) fn holding(&self, address: usize, size: usize) -> Option<&Entry> {
        self.page_run(address).filter(|entry| entry.block.freed_by.is_none() && entry.block.holds(address, size))
    }

    pub(super) fn live(&self) -> Vec<Block> {
        let mut live: Vec<_> = self.entries.values().filter(|entry| entry.1.block.freed_by.is_none()).collect();
        live.sort_by_key(|entry| entry.0);
        live.into_iter().map(|entry| entry.1.block.clone()).collect()
    }

    fn entry_mut(&mut self, address: usize) -> Option<&mut Entry> {
        let entry = &mut self.entries.range_mut(..=address).next_back()?.1.1;
        (address < entry.pages + entry.length).then_some(entry)
    }

    pub(super) fn set_freed(&mut self, address: usize, site: Site) -> Option<Block> {
        let entry = self.entry_mut(address)?;
        entry.block.freed_by = Some(site);
        let (block, pages) = (entry.block.clone(), entry.pages);
        self.freed.push_back(pages);
        if self.freed.len() > FREED_BLOCKS {
            let oldest = self.freed.pop_front();
            oldest.and_then(|oldest| self.entries.remove(&oldest));
        }
        Some(block)
    }

    pub(super) fn count_view(&mut self, owner: usize, change: isize) {
        if let Some(entry) = self.entry_mut(owner) {
            entry.views = entry.views.saturating_add_signed(change);
        }
    }
}
