//! Interlocked lists. One simulated processor runs at a time, so they need no lock to be whole.

use nt_machine::call::Export;
use nt_machine::findings::{self, Rule};
use nt_machine::irql::HIGH;

use crate::exports::function;
use crate::layout::{LIST_ENTRY, SINGLE_LIST_ENTRY, SLIST_HEADER};
use crate::{get, put};

fn judge(entry: *mut LIST_ENTRY) {
    let (next, before) = (get!(entry, Flink), get!(entry, Blink));
    if get!(next, Blink) != entry || get!(before, Flink) != entry {
        let text = format!("the list at {} is torn", crate::describe(entry as usize));
        findings::fatal(Rule::BugCheck, "ListHead", text);
    }
}

fn insert(entry: *mut LIST_ENTRY, before: *mut LIST_ENTRY, after: *mut LIST_ENTRY) {
    put!(entry, Flink, after);
    put!(entry, Blink, before);
    put!(before, Flink, entry);
    put!(after, Blink, entry);
}

extern "win64" fn insert_head(head: *mut LIST_ENTRY, entry: *mut LIST_ENTRY, _lock: *mut usize) -> *mut LIST_ENTRY {
    judge(head);
    let first = get!(head, Flink);
    insert(entry, head, first);
    if first == head { core::ptr::null_mut() } else { first }
}

extern "win64" fn insert_tail(head: *mut LIST_ENTRY, entry: *mut LIST_ENTRY, _lock: *mut usize) -> *mut LIST_ENTRY {
    judge(head);
    let last = get!(head, Blink);
    insert(entry, last, head);
    if last == head { core::ptr::null_mut() } else { last }
}

extern "win64" fn remove_head(head: *mut LIST_ENTRY, _lock: *mut usize) -> *mut LIST_ENTRY {
    judge(head);
    let first = get!(head, Flink);
    if first == head {
        return core::ptr::null_mut();
    }
    let second = get!(first, Flink);
    put!(head, Flink, second);
    put!(second, Blink, head);
    first
}

extern "win64" fn push_slist(head: *mut SLIST_HEADER, entry: *mut SINGLE_LIST_ENTRY) -> *mut SINGLE_LIST_ENTRY {
    let first = get!(head, Next);
    put!(entry, Next, first);
    put!(head, Next, entry);
    put!(head, Depth, get!(head, Depth).wrapping_add(1));
    first
}

extern "win64" fn pop_slist(head: *mut SLIST_HEADER) -> *mut SINGLE_LIST_ENTRY {
    let first = get!(head, Next);
    if !first.is_null() {
        put!(head, Next, get!(first, Next));
        put!(head, Depth, get!(head, Depth).wrapping_sub(1));
    }
    first
}

extern "win64" fn flush_slist(head: *mut SLIST_HEADER) -> *mut SINGLE_LIST_ENTRY {
    let first = get!(head, Next);
    put!(head, Next, core::ptr::null_mut());
    put!(head, Depth, 0);
    first
}

extern "win64" fn initialise_slist(head: *mut SLIST_HEADER) {
    put!(head, Next, core::ptr::null_mut());
    put!(head, Depth, 0);
    put!(head, Sequence, 0);
}

extern "win64" fn query_depth_slist(head: *mut SLIST_HEADER) -> u16 {
    get!(head, Depth)
}

pub(super) const EXPORTS: &[Export] = &[
    function("ExInterlockedInsertHeadList", HIGH, insert_head as *const ()),
    function("ExInterlockedInsertTailList", HIGH, insert_tail as *const ()),
    function("ExInterlockedRemoveHeadList", HIGH, remove_head as *const ()),
    function("ExpInterlockedPushEntrySList", HIGH, push_slist as *const ()),
    function("ExpInterlockedPopEntrySList", HIGH, pop_slist as *const ()),
    function("ExpInterlockedFlushSList", HIGH, flush_slist as *const ()),
    function("InitializeSListHead", HIGH, initialise_slist as *const ()),
    function("ExQueryDepthSList", HIGH, query_depth_slist as *const ()),
];
