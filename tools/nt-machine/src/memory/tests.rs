//! Blocks, their edges, and mappings.

use super::*;
use crate::testing::{death, machine, on_thread};
use crate::threads::{self, RunEnd};
use crate::{Machine, Options, irql};

const TAG: u32 = u32::from_le_bytes(*b"Test");

fn peek(address: usize) -> u8 {
    // SAFETY: faults on inaccessible memory, which the machine turns into the end of the run.
    unsafe { (address as *const u8).read_volatile() }
}

fn poke(address: usize, byte: u8) {
    // SAFETY: as for `peek`.
    unsafe { (address as *mut u8).write_volatile(byte) };
}

#[test]
fn blocks_lie_at_the_back_and_at_the_front_in_turn() {
    let _machine = machine();
    let first = allocate(Kind::NonPagedPool, 48, 16, TAG, "") as usize;
    let second = allocate(Kind::NonPagedPool, 48, 16, TAG, "") as usize;
    assert_eq!(((first + 48) % PAGE, second % PAGE), (0, 0));
    assert_eq!(peek(first), FRESH);
    assert!(live().iter().map(|block| block.address).eq([first, second]));
    assert_eq!(lookup(first + 8).map(|block| block.tag), Some(TAG));
}

#[test]
fn the_seed_flips_the_turns() {
    let _machine = Machine::new(&Options { seed: 1, trace: false });
    let first = allocate(Kind::NonPagedPool, 48, 16, TAG, "") as usize;
    assert_eq!(first % PAGE, 0);
}

#[test]
fn an_overrun_at_the_back_ends_the_run() {
    let _machine = machine();
    let block = allocate(Kind::NonPagedPool, 32, 16, TAG, "numbers") as usize;
    let finding = death(move || poke(block + 32 + 5, 1));
    assert_eq!(finding.rule, Rule::OutOfBounds);
    let expected = format!(
        "writes 1 bytes at {:#x}, 5 bytes after the end of a non-paged pool block 'numbers' tagged 'Test' of 32 bytes",
        block + 37
    );
    assert!(finding.text.starts_with(&expected), "{finding}");
}

#[test]
fn an_underrun_at_the_front_ends_the_run() {
    let _machine = machine();
    allocate(Kind::NonPagedPool, 32, 16, TAG, "");
    let block = allocate(Kind::NonPagedPool, 32, 16, TAG, "") as usize;
    let finding = death(move || {
        peek(block - 2);
    });
    assert_eq!(finding.rule, Rule::OutOfBounds);
    assert!(finding.text.contains("reads 1 bytes") && finding.text.contains("2 bytes before"), "{finding}");
}

#[test]
fn an_access_that_runs_over_the_end_is_named_by_its_beginning() {
    let _machine = machine();
    let block = allocate(Kind::User, 32, 16, 0, "buffer") as usize;
    let finding = death(move || {
        // SAFETY: as for `peek`.
        unsafe { ((block + 28) as *mut u64).write_unaligned(0) };
    });
    assert_eq!(finding.rule, Rule::OutOfBounds);
    assert!(finding.text.contains("beginning 4 bytes before the byte 0 bytes after the end"), "{finding}");
}

#[test]
fn freed_memory_stays_inaccessible_and_is_named() {
    let _machine = machine();
    let block = allocate(Kind::NonPagedPool, 32, 16, TAG, "");
    assert!(free(block).is_some());
    let address = block as usize;
    let finding = death(move || {
        peek(address + 3);
    });
    assert_eq!(finding.rule, Rule::UseAfterFree);
    assert!(finding.text.contains("3 bytes into") && finding.text.contains("freed by"), "{finding}");
}

#[test]
fn a_second_free_and_a_free_of_nothing_are_findings() {
    let _machine = machine();
    let block = allocate(Kind::NonPagedPool, 32, 16, TAG, "");
    free(block);
    assert!(free(block).is_none());
    assert!(free(block.wrapping_add(8)).is_none());
    assert!(free(0x1000 as *mut u8).is_none());
    let rules: Vec<Rule> = findings::take().into_iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, [Rule::UseAfterFree, Rule::UseAfterFree, Rule::BadArgument]);
}

#[test]
fn damage_between_block_and_edge_is_found_at_the_free() {
    let _machine = machine();
    for (offset, place) in [(41, "1 bytes after the end of"), (-3, "3 bytes before")] {
        let block = allocate_at(Kind::NonPagedPool, 40, 0x100, "");
        poke(block.wrapping_offset(offset) as usize, 0);
        free(block);
        let findings = findings::take();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].rule, Rule::OutOfBounds);
        assert!(findings[0].text.contains(place), "{}", findings[0]);
    }
    free(allocate_at(Kind::NonPagedPool, 40, 0x100, ""));
    assert!(!findings::any());
}

#[test]
fn a_view_shows_the_same_bytes_at_the_same_page_offset() {
    let _machine = machine();
    let block = allocate_at(Kind::User, 5000, 0x123, "buffer") as usize;
    let mapped = view((block + 0x10) as *mut u8, 4000) as usize;
    assert!(block < SYSTEM_START && mapped >= SYSTEM_START);
    assert_eq!(mapped % PAGE, (block + 0x10) % PAGE);
    poke(block + 0x10 + 3999, 7);
    assert_eq!(peek(mapped + 3999), 7);
    poke(mapped, 9);
    assert_eq!(peek(block + 0x10), 9);
    // A mapping of the mapping shows the same bytes again.
    let again = view((mapped + 1) as *mut u8, 8) as usize;
    poke(again, 11);
    assert_eq!(peek(block + 0x11), 11);
    assert!(access(mapped, 4000, true) && !access(mapped, 4001, true));
    assert!(unview(again as *mut u8) && unview(mapped as *mut u8));
    assert!(!unview(mapped as *mut u8));
    assert_eq!(peek(block + 0x11), 11);
    assert!(free(block as *mut u8).is_some());
    assert!(!findings::any() && live().is_empty());
    let finding = death(move || poke(mapped, 1));
    assert_eq!(finding.rule, Rule::UseAfterFree);
}

#[test]
fn a_buffer_freed_under_a_view_keeps_its_bytes() {
    let _machine = machine();
    let block = allocate(Kind::User, 64, 16, 0, "");
    poke(block as usize, 5);
    let mapped = view(block, 64);
    free(block);
    assert_eq!(peek(mapped as usize), 5);
}

#[test]
fn a_view_of_no_block_is_a_finding() {
    let _machine = machine();
    let block = allocate(Kind::User, 64, 16, 0, "");
    assert!(view(block, 65).is_null());
    assert_eq!(findings::take()[0].rule, Rule::BadArgument);
}

#[test]
fn access_knows_blocks_stacks_and_the_host() {
    let _machine = machine();
    let block = allocate(Kind::NonPagedPool, 32, 16, TAG, "") as usize;
    assert!(access(block, 32, true) && !access(block, 33, false) && !access(block - 1, 2, false));
    let local = 5_u64;
    assert!(access(&raw const local as usize, 8, true));
    assert!(!access(0, 1, false) && !access(usize::MAX, 2, false));
    let (end, findings) = on_thread(|| {
        let local = [0_u8; 16];
        if !access(&raw const local as usize, 16, true) {
            findings::report(Rule::BadArgument, "", "the thread's own stack is memory");
        }
    });
    assert_eq!((end, findings), (RunEnd::Done, Vec::new()));
}

#[test]
fn paged_pool_is_closed_at_dispatch_level() {
    let _machine = machine();
    let block = allocate(Kind::PagedPool, 32, 16, TAG, "") as usize;
    let (end, findings) = on_thread(move || {
        poke(block, 1);
        let old = irql::raise(irql::DISPATCH);
        assert!(!access(block, 1, false));
        irql::lower(old);
        assert_eq!(peek(block), 1);
    });
    assert_eq!((end, findings), (RunEnd::Done, Vec::new()));
    let finding = death(move || {
        irql::raise(irql::DISPATCH);
        poke(block + 4, 1);
    });
    assert_eq!(finding.rule, Rule::PagedAtDispatch);
    assert!(finding.text.contains("4 bytes into a paged pool block"), "{finding}");
    assert_eq!(peek(block), 1, "the main context is at PASSIVE_LEVEL");
    assert!(free(block as *mut u8).is_some());
}

#[test]
fn each_thread_has_its_own_level_of_access() {
    let _machine = machine();
    let block = allocate(Kind::PagedPool, 32, 16, TAG, "") as usize;
    threads::spawn("high", irql::DISPATCH, Box::new(|| threads::spin("nothing", &|| false)));
    let (_, findings) = on_thread(move || poke(block, 3));
    assert_eq!(findings, Vec::new());
}

#[test]
fn an_empty_block_has_an_address_and_no_bytes() {
    let _machine = machine();
    for _ in 0..2 {
        let block = allocate(Kind::NonPagedPool, 0, 16, TAG, "");
        assert!(!access(block as usize, 1, false));
        assert_eq!(lookup(block as usize).map(|block| block.size), Some(0));
        assert!(free(block).is_some());
    }
    assert!(!findings::any());
}

#[test]
fn mappings_merge_again_after_frees() {
    let _machine = machine();
    let mappings = || std::fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.matches("nt-machine").count());
    let before = mappings();
    for _ in 0..500 {
        free(allocate(Kind::NonPagedPool, 100, 16, TAG, ""));
    }
    assert!(mappings() < before + 50, "{} mappings, {before} before", mappings());
}

#[test]
fn machines_are_cheap_to_make() {
    for seed in 0..2000 {
        let _machine = Machine::new(&Options { seed, trace: false });
        let block = allocate(Kind::PagedPool, 100, 16, TAG, "");
        let (end, _) = on_thread(move || poke(block as usize, 1));
        assert_eq!(end, RunEnd::Done);
    }
}
