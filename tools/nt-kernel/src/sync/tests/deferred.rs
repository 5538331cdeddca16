//! Timers, DPCs and work items.

use super::*;

extern "win64" fn routine(dpc: *mut KDPC, context: PVOID, first: PVOID, second: PVOID) {
    assert_eq!(irql::current(), DISPATCH);
    assert_eq!((context as usize, get!(dpc, DpcData).is_null()), (7, true));
    COUNT.set(COUNT.get() + 1 + first as u32 + second as u32);
}

fn dpc() -> *mut KDPC {
    let dpc = block();
    call!("KeInitializeDpc", fn(*mut KDPC, PVOID, usize) -> (), dpc, routine as *const () as PVOID, 7);
    dpc
}

fn insert(dpc: *mut KDPC) -> u8 {
    call!("KeInsertQueueDpc", fn(*mut KDPC, usize, usize) -> u8, dpc, 10, 100)
}

#[test]
fn a_dpc_is_queued_once() {
    clean(|| {
        COUNT.set(0);
        let dpc = dpc();
        let old = irql::raise(DISPATCH);
        assert_eq!((insert(dpc), insert(dpc)), (1, 0));
        irql::lower(old);
        flush_dpcs();
        assert_eq!(COUNT.get(), 111);
        assert_eq!(insert(dpc), 1);
        flush_dpcs();
        assert_eq!(COUNT.get(), 222);
    });
}

fn timer() -> *mut KTIMER {
    let timer = block();
    call!("KeInitializeTimer", fn(*mut KTIMER) -> (), timer);
    timer
}

#[test]
fn timers_signal_and_run_their_dpc() {
    clean(|| {
        COUNT.set(0);
        let (timer, dpc) = (timer(), dpc());
        let set = |due: i64| call!("KeSetTimer", fn(*mut KTIMER, i64, *mut KDPC) -> u8, timer, due, dpc);
        let cancel = || call!("KeCancelTimer", fn(*mut KTIMER) -> u8, timer);
        assert_eq!(set(-100 * MS), 0);
        assert_eq!(set(-5 * MS), 1);
        assert_eq!(wait(timer, None), status::SUCCESS);
        flush_dpcs();
        assert_eq!((COUNT.get(), cancel()), (1, 0));
        set(-100 * MS);
        assert_eq!(cancel(), 1);
        delay(-200 * MS);
        assert_eq!(COUNT.get(), 1);
        // Periodic: every 10 ms after the first.
        call!("KeSetTimerEx", fn(*mut KTIMER, i64, u32, *mut KDPC) -> u8, timer, -10 * MS, 10, dpc);
        delay(-55 * MS);
        assert_eq!((cancel(), COUNT.get()), (1, 6));
    });
}

#[test]
fn armed_memory_that_is_freed_is_found() {
    found(Rule::UseAfterFree, "an armed timer", || {
        let timer = timer();
        call!("KeSetTimer", fn(*mut KTIMER, i64, *mut KDPC) -> u8, timer, -MS, core::ptr::null_mut());
        pool::free(timer.cast());
    });
    found(Rule::UseAfterFree, "a queued DPC", || {
        let dpc = dpc();
        insert(dpc);
        pool::free(dpc.cast());
    });
    found(Rule::BadArgument, "initialised while it is armed", || {
        let timer = timer();
        call!("KeSetTimer", fn(*mut KTIMER, i64, *mut KDPC) -> u8, timer, -MS, core::ptr::null_mut());
        call!("KeInitializeTimer", fn(*mut KTIMER) -> (), timer);
    });
    found(Rule::Leak, "is left", || {
        let timer = timer();
        call!("KeSetTimer", fn(*mut KTIMER, i64, *mut KDPC) -> u8, timer, -MS, core::ptr::null_mut());
        crate::check_at_unload();
    });
}

extern "win64" fn work(device: *mut crate::layout::DEVICE_OBJECT, context: PVOID) {
    assert_eq!(irql::current(), PASSIVE);
    assert!(crate::io::is_device(device));
    COUNT.set(context as u32);
}

extern "win64" fn nothing(_device: *mut crate::layout::DEVICE_OBJECT, _irp: *mut crate::layout::IRP) -> i32 {
    status::SUCCESS
}

#[test]
fn work_items_run_at_passive_level() {
    clean(|| {
        COUNT.set(0);
        let device = device("worker", nothing, None);
        let item = call!("IoAllocateWorkItem", fn(*mut crate::layout::DEVICE_OBJECT) -> PVOID, device);
        let old = irql::raise(DISPATCH);
        let queue = export("ntoskrnl.exe", "IoQueueWorkItem").unwrap().address;
        // SAFETY: the export has this type.
        let queue = unsafe { core::mem::transmute::<*const (), extern "win64" fn(PVOID, PVOID, u32, usize)>(queue) };
        queue(item, work as *const () as PVOID, 1, 42);
        irql::lower(old);
        threads::block("the work", None, &|| COUNT.get() == 42);
        call!("IoFreeWorkItem", fn(PVOID) -> (), item);
    });
    found(Rule::Leak, "is left", || {
        let device = device("worker", nothing, None);
        call!("IoAllocateWorkItem", fn(*mut crate::layout::DEVICE_OBJECT) -> PVOID, device);
        crate::check_at_unload();
    });
}
