//! Blocks of memory in the machine's address space.
//!
//! Every block has pages of its own between two inaccessible ones and lies against either their front or their back:
//! blocks of one kind, tag and size take turns, and the seed says which edge comes first. So over a run both an
//! underrun and an overrun of each sort of block are caught by the processor. Bytes between the block and the edge of
//! its pages hold a pattern that is checked when the block is freed. Freed address space is never used again and stays
//! inaccessible.

mod arena;
mod blocks;
mod paged;
mod raw;

use std::cell::RefCell;

pub use arena::SYSTEM_START;
pub(crate) use arena::{PAGE, Protection, Space};
pub use blocks::{Block, Kind};
use blocks::{Blocks, Entry};
pub(crate) use paged::{add as add_paged, is_closed_at, remove as forget_paged, set_at_dispatch};
pub(crate) use raw::{code, extent_of, name_extent, protect_extent, raw, reserve};

use crate::call::{self, Site};
use crate::findings::{self, Rule};
use crate::image;

/// What fresh memory holds.
pub const FRESH: u8 = 0xA5;

/// What the bytes between a block and the edge of its pages hold.
const SLACK: u8 = 0x5C;

/// What such bytes are compared with, all at once.
const UNTOUCHED: [u8; PAGE] = [SLACK; PAGE];

struct Memory {
    arena: arena::Arena,
    blocks: Blocks,
    extents: raw::Extents,
    /// Puts the first block of each sort at the front rather than at the back.
    flip: bool,
}

thread_local! {
    static MEMORY: RefCell<Option<Memory>> = const { RefCell::new(None) };
}

/// Works on the machine's memory. Never calls anything that could switch threads.
fn with<R>(work: impl FnOnce(&mut Memory) -> R) -> R {
    MEMORY.with_borrow_mut(|memory| work(memory.as_mut().expect("no machine on this thread")))
}

pub(crate) fn set_up(seed: u64) {
    let memory = Memory {
        arena: arena::Arena::new(),
        blocks: Blocks::default(),
        extents: raw::Extents::default(),
        flip: seed & 1 != 0,
    };
    MEMORY.set(Some(memory));
    paged::clear();
}

pub(crate) fn tear_down() {
    paged::clear();
    drop(MEMORY.take());
}

/// Where a block starts in its pages.
enum Place {
    /// Against the front or the back, in turn.
    Edge { align: usize },
    /// That far into the first page.
    Offset(usize),
}

/// Allocates a block, filled with [`FRESH`] bytes and never null.
///
/// # Panics
/// When `align` is no power of two up to a page, when no machine is live or its address space is used up.
pub fn allocate(kind: Kind, size: usize, align: usize, tag: u32, label: &str) -> *mut u8 {
    assert!(align.is_power_of_two() && align <= PAGE, "alignment {align}");
    place(kind, size, Place::Edge { align }, tag, label)
}

/// Allocates a block that starts `page_offset` bytes into a page.
///
/// # Panics
/// When the offset is not within a page; otherwise as [`allocate`].
pub fn allocate_at(kind: Kind, size: usize, page_offset: usize, label: &str) -> *mut u8 {
    assert!(page_offset < PAGE, "page offset {page_offset}");
    place(kind, size, Place::Offset(page_offset), 0, label)
}

fn place(kind: Kind, size: usize, place: Place, tag: u32, label: &str) -> *mut u8 {
    let site = call::site();
    let entry = with(|memory| {
        let offset_in_first = if let Place::Offset(offset) = place { offset } else { 0 };
        let length = (offset_in_first + size.max(1)).next_multiple_of(PAGE);
        let pages = memory.arena.reserve(kind.space(), length);
        memory.arena.protect(pages, length, Protection::ReadWrite);
        let address = match place {
            Place::Offset(offset) => pages + offset,
            // An empty block still has an address of its own within its page.
            Place::Edge { align } if memory.blocks.next_is_at_back(kind, tag, size) != memory.flip => {
                (pages + length - size.max(1)) & !(align - 1)
            }
            Place::Edge { .. } => pages,
        };
        let block = Block { address, size, kind, tag, label: label.to_owned(), allocated_by: site, freed_by: None };
        let entry = Entry { pages, length, views: 0, source: None, block };
        memory.blocks.insert(entry.clone());
        entry
    });
    fill(entry.pages, entry.block.address - entry.pages, SLACK);
    fill(entry.block.address, size, FRESH);
    let end = entry.block.address + size;
    fill(end, entry.pages + entry.length - end, SLACK);
    if kind == Kind::PagedPool {
        paged::add(entry.pages, entry.length, Protection::ReadWrite);
    }
    entry.block.address as *mut u8
}

fn fill(address: usize, size: usize, byte: u8) {
    // SAFETY: the range is part of pages that were just made writable and that nobody else knows of.
    unsafe { std::ptr::write_bytes(address as *mut u8, byte, size) };
}

/// Frees a block. What is no live block is a finding, and so is damage to the bytes around the block.
pub fn free(address: *mut u8) -> Option<Block> {
    let address = address as usize;
    let site = call::site();
    let Some(entry) = with(|memory| memory.blocks.live_at(address).cloned()) else {
        report_bad_free(address);
        return None;
    };
    if entry.block.kind == Kind::View {
        findings::report(Rule::BadArgument, format_args!("{address:#x}"), "frees a mapping, which is to be unmapped");
        return None;
    }
    if entry.block.kind == Kind::PagedPool {
        paged::remove(entry.pages);
        arena::protect(entry.pages, entry.length, Protection::ReadWrite);
    }
    check_slack(&entry);
    with(|memory| {
        memory.arena.protect(entry.pages, entry.length, Protection::None);
        if entry.views == 0 {
            memory.arena.discard(entry.pages, entry.length);
        }
        memory.blocks.set_freed(address, site)
    })
}

fn report_bad_free(address: usize) {
    let argument = format!("{address:#x}");
    match lookup(address) {
        Some(block) if block.freed_by.is_some() => {
            findings::report(Rule::UseAfterFree, argument, format_args!("frees {} again", block.describe()));
        }
        Some(block) => {
            let text = format_args!("frees an address that is {} {}", block.place_of(address), block.describe());
            findings::report(Rule::BadArgument, argument, text);
        }
        None => findings::report(Rule::BadArgument, argument, "frees an address that was never allocated"),
    }
}

/// Looks for the first damaged byte around a block.
fn check_slack(entry: &Entry) {
    let end = entry.block.address + entry.block.size;
    let ranges = [(entry.pages, entry.block.address), (end, entry.pages + entry.length)];
    for (from, to) in ranges {
        // SAFETY: the range is part of the block's own pages, which are readable while it lives; no reference is kept.
        let bytes = unsafe { std::slice::from_raw_parts(from as *const u8, to - from) };
        if bytes.chunks(PAGE).all(|chunk| chunk == &UNTOUCHED[..chunk.len()]) {
            continue;
        }
        if let Some(index) = bytes.iter().position(|&byte| byte != SLACK) {
            let (block, damaged) = (&entry.block, from + index);
            let text =
                format!("byte {:#04x} was written {} {}", bytes[index], block.place_of(damaged), block.describe());
            findings::report(Rule::OutOfBounds, format_args!("{:#x}", block.address), text);
            return;
        }
    }
}

/// The live or freed block that holds the address or is next to it.
pub fn lookup(address: usize) -> Option<Block> {
    let block = with(|memory| memory.blocks.around(address).map(|entry| entry.block.clone()));
    block.or_else(|| crate::threads::stack_block(address))
}

/// The live blocks, in the order of allocation.
pub fn live() -> Vec<Block> {
    with(|memory| memory.blocks.live())
}

/// Maps the pages of a block a second time, in system space, and returns the address there of the byte at `address`.
/// What is not a live range of the machine's memory is a finding, and null.
pub fn view(address: *mut u8, size: usize) -> *mut u8 {
    let address = address as usize;
    let Some(entry) = with(|memory| memory.blocks.holding(address, size).cloned()) else {
        let argument = format!("{address:#x}");
        findings::report(Rule::BadArgument, argument, format_args!("maps {size} bytes that are no live block"));
        return std::ptr::null_mut();
    };
    // A mapping of a mapping shows the pages of the first block.
    let source = entry.source.map_or(address, |source| source + (address - entry.pages));
    let owner = entry.owner();
    let (first, offset) = (source & !(PAGE - 1), source % PAGE);
    let length = (offset + size.max(1)).next_multiple_of(PAGE);
    let site = call::site();
    with(|memory| {
        let pages = memory.arena.reserve(Space::System, length);
        memory.arena.alias(pages, first, length);
        let label = entry.block.label.clone();
        let tag = entry.block.tag;
        let block =
            Block { address: pages + offset, size, kind: Kind::View, tag, label, allocated_by: site, freed_by: None };
        memory.blocks.insert(Entry { pages, length, views: 0, source: Some(first), block });
        memory.blocks.count_view(owner, 1);
        (pages + offset) as *mut u8
    })
}

/// Takes a mapping away. False: the address is not that of a live mapping.
pub fn unview(address: *mut u8) -> bool {
    let address = address as usize;
    let site = call::site();
    with(|memory| {
        let Some(entry) = memory.blocks.live_at(address).filter(|entry| entry.block.kind == Kind::View).cloned() else {
            return false;
        };
        memory.arena.unalias(entry.pages, entry.length);
        memory.blocks.set_freed(address, site);
        memory.blocks.count_view(entry.owner(), -1);
        true
    })
}

/// Whether an access would be legal now: within one live block (and not pageable at DISPATCH_LEVEL), a stack, an
/// image's section, or memory of the host that the process may touch.
pub fn access(address: usize, size: usize, write: bool) -> bool {
    let Some(end) = address.checked_add(size) else { return false };
    if size == 0 {
        return true;
    }
    let closed = paged::is_closed(address, size);
    let inside = MEMORY.with_borrow(|memory| {
        let memory = memory.as_ref()?;
        memory
            .arena
            .contains(address)
            .then(|| memory.blocks.holding(address, size).is_some() || memory.extents.allow(address, end, write))
    });
    inside.map_or_else(|| raw::host_access(address, size), |allowed| allowed && !closed)
}

/// Whether bytes can be read right now, in a signal handler as well: takes no borrow.
pub(crate) fn readable(address: usize, size: usize) -> bool {
    address.checked_add(size).is_some() && raw::host_access(address, size)
}

/// Whether an address is in the machine's address space.
pub(crate) fn is_own(address: usize) -> bool {
    with(|memory| memory.arena.contains(address))
}

/// Names the kernel call that allocated or freed a block.
pub(crate) fn describe_site(site: &Site) -> String {
    let function = if site.function.is_empty() { "the host" } else { site.function };
    if image::contains(site.caller) {
        format!("{function} from {}", image::symbolise_return(site.caller))
    } else {
        function.to_owned()
    }
}

#[cfg(test)]
mod tests;
