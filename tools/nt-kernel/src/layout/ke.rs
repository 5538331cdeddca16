//! Dispatcher objects, DPCs, locks.

use super::{LIST_ENTRY, PVOID, SINGLE_LIST_ENTRY};

layout! {
    /// The first four bytes mean different things for different objects; `Type` and `Size` do for all.
    DISPATCHER_HEADER(0x18) {
        0x0 Type: u8,
        0x1 Signalling: u8,
        0x2 Size: u8,
        0x3 TimerMiscFlags: u8,
        0x4 SignalState: i32,
        0x8 WaitListHead: LIST_ENTRY,
    }
    KEVENT(0x18) {
        0x0 Header: DISPATCHER_HEADER,
    }
    KSEMAPHORE(0x20) {
        0x0 Header: DISPATCHER_HEADER,
        0x18 Limit: i32,
    }
    KMUTANT(0x38) {
        0x0 Header: DISPATCHER_HEADER,
        0x18 MutantListEntry: LIST_ENTRY,
        0x28 OwnerThread: PVOID,
        0x30 Abandoned: u8,
        0x31 ApcDisable: u8,
    }
    KTIMER(0x40) {
        0x0 Header: DISPATCHER_HEADER,
        0x18 DueTime: u64,
        0x20 TimerListEntry: LIST_ENTRY,
        0x30 Dpc: *mut KDPC,
        0x38 Processor: u16,
        0x3a TimerType: u8,
        0x3b TimerDifObjTracking: i8,
        0x3c Period: u32,
    }
    KDPC(0x40) {
        0x0 Type: u8,
        0x1 Importance: u8,
        0x2 Number: u16,
        0x8 DpcListEntry: SINGLE_LIST_ENTRY,
        0x10 ProcessorHistory: usize,
        0x18 DeferredRoutine: Option<KDEFERRED_ROUTINE>,
        0x20 DeferredContext: PVOID,
        0x28 SystemArgument1: PVOID,
        0x30 SystemArgument2: PVOID,
        0x38 DpcData: PVOID,
    }
    FAST_MUTEX(0x38) {
        0x0 Count: i32,
        0x8 Owner: PVOID,
        0x10 Contention: u32,
        0x18 Event: KEVENT,
        0x30 OldIrql: u32,
    }
    KSPIN_LOCK_QUEUE(0x10) {
        0x0 Next: PVOID,
        0x8 Lock: *mut usize,
    }
    KLOCK_QUEUE_HANDLE(0x18) {
        0x0 LockQueue: KSPIN_LOCK_QUEUE,
        0x10 OldIrql: u8,
    }
    WORK_QUEUE_ITEM(0x20) {
        0x0 List: LIST_ENTRY,
        0x10 WorkerRoutine: Option<WORKER_THREAD_ROUTINE>,
        0x18 Parameter: PVOID,
    }
    /// The free build's part of a remove lock; a checked build's goes on.
    IO_REMOVE_LOCK(0x20) {
        0x0 Removed: u8,
        0x1 Reserved: [u8; 3],
        0x4 IoCount: i32,
        0x8 RemoveEvent: KEVENT,
    }
    #[repr(align(16))]
    SLIST_HEADER(0x10) {
        0x0 Next: *mut SINGLE_LIST_ENTRY,
        0x8 Depth: u16,
        0xa Sequence: u16,
    }
}

/// A DPC routine: the DPC, its context and the two arguments of the call that queued it.
pub type KDEFERRED_ROUTINE = extern "win64" fn(*mut KDPC, PVOID, PVOID, PVOID);
/// The routine of a WORK_QUEUE_ITEM.
pub type WORKER_THREAD_ROUTINE = extern "win64" fn(PVOID);

/// Types of dispatcher objects, as `DISPATCHER_HEADER.Type` has them.
pub mod object_type {
    pub const NOTIFICATION_EVENT: u8 = 0;
    pub const SYNCHRONIZATION_EVENT: u8 = 1;
    pub const MUTANT: u8 = 2;
    pub const SEMAPHORE: u8 = 5;
    pub const THREAD: u8 = 6;
    pub const NOTIFICATION_TIMER: u8 = 8;
    pub const SYNCHRONIZATION_TIMER: u8 = 9;
    pub const DPC: u8 = 0x13;
}
