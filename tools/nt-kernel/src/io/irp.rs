//! IRPs as memory: making, freeing, and moving between stack locations. What is known of each lies in a ledger.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use nt_machine::call::Site;
use nt_machine::findings::{self, Rule};
use nt_machine::memory::{self, Kind};

use super::finish::OnFinish;
use crate::layout::{
    DEVICE_OBJECT, IO_COMPLETION_ROUTINE, IO_STACK_LOCATION, IO_TYPE_IRP, IRP, LIST_ENTRY, PVOID, SL_INVOKE_ON_CANCEL,
    SL_INVOKE_ON_ERROR, SL_INVOKE_ON_SUCCESS, SL_PENDING_RETURNED,
};
use crate::ledger::Ledger;
use crate::{field, get, put, raw, sync};

/// Who made an IRP, which decides who may free it and what happens when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `IoAllocateIrp`: the driver's; a completion routine must stop it.
    Allocated,
    /// `IoInitializeIrp` over memory of the driver.
    OwnMemory,
    /// `IoBuildAsynchronousFsdRequest`: the driver's completion routine frees it.
    Asynchronous,
    /// Belongs to a thread and is the system's to free: requests of programs and `IoBuildDeviceIoControlRequest`.
    Threaded,
    /// `IoMakeAssociatedIrp`.
    Associated,
}

/// One use of a stack location: from the call that entered it until completion left it.
pub(crate) struct Visit {
    pub(crate) device: Cell<*mut DEVICE_OBJECT>,
    /// How it was left: was the location marked pending, and with which status.
    pub(crate) left: Cell<Option<(bool, i32)>>,
    /// A dispatch routine has returned PENDING, before the location was left. Its completion routine may still mark it.
    pub(crate) pended: Cell<bool>,
}

/// What is known of an IRP.
pub(crate) struct Known {
    pub(crate) origin: Origin,
    /// By location, from 1; those never entered are empty.
    visits: Vec<Option<Rc<Visit>>>,
    /// The callback of the driver that got it last, where a framework knows more than the dispatch routine.
    receiver: Option<(&'static str, usize)>,
    /// Called at the very end, for requests of programs.
    pub(crate) on_finish: Option<OnFinish>,
    /// It has reached the top, and its end is to come.
    pub(crate) ending: bool,
    /// The requestor is a 32-bit process.
    pub(crate) wow64: bool,
    /// What `Information` may not exceed, for requests with a buffer of the caller.
    pub(crate) output: Option<usize>,
}

thread_local! {
    static IRPS: RefCell<Ledger<Known>> = const { RefCell::new(Ledger::new()) };
}

pub(super) fn reset() {
    IRPS.replace(Ledger::new());
}

/// The bytes of an IRP with `stack` locations.
#[must_use]
pub(super) const fn size(stack: i8) -> usize {
    size_of::<IRP>() + size_of::<IO_STACK_LOCATION>() * stack as usize
}

/// Allocates an IRP with this many stack locations. It is the caller's: it must be freed with [`free_irp`], and a
/// completion routine must stop its completion.
#[must_use]
pub fn allocate_irp(stack: i8) -> *mut IRP {
    allocate(stack, Origin::Allocated)
}

pub(crate) fn allocate(stack: i8, origin: Origin) -> *mut IRP {
    judge_stack(stack);
    let irp = memory::allocate(Kind::Object, size(stack), 16, u32::from_le_bytes(*b"Irp "), "IRP").cast::<IRP>();
    initialise(irp, size(stack) as u16, stack, origin);
    irp
}

/// The number of the location past the last one must be a positive byte too.
fn judge_stack(stack: i8) {
    if !(1..i8::MAX).contains(&stack) {
        findings::fatal(Rule::BadArgument, "StackSize", format_args!("an IRP with {stack} stack locations"));
    }
}

/// Makes an IRP of memory of the caller.
pub fn initialise_irp(irp: *mut IRP, size: u16, stack: i8) {
    judge_stack(stack);
    if usize::from(size) < self::size(stack) {
        let text = format!("{size} bytes for an IRP with {stack} stack locations");
        findings::fatal(Rule::BadArgument, "PacketSize", text);
    }
    let allocated = with(irp, |known| known.origin == Origin::Allocated).unwrap_or(false);
    if allocated {
        findings::report(
            Rule::BadArgument,
            "Irp",
            "IoInitializeIrp on an IRP from IoAllocateIrp; IoReuseIrp is for that",
        );
    }
    initialise(irp, size, stack, if allocated { Origin::Allocated } else { Origin::OwnMemory });
}

fn initialise(irp: *mut IRP, size: u16, stack: i8, origin: Origin) {
    raw::fill(irp.cast(), 0, usize::from(size));
    put!(irp, Type, IO_TYPE_IRP);
    put!(irp, Size, size);
    put!(irp, StackCount, stack);
    put!(irp, CurrentLocation, stack + 1);
    put!(irp, CurrentStackLocation, location(irp, stack + 1));
    let list = field!(irp, ThreadListEntry);
    raw::write(list, LIST_ENTRY { Flink: list, Blink: list });
    let known = Known {
        origin,
        visits: vec![None; stack as usize],
        receiver: None,
        on_finish: None,
        ending: false,
        wow64: false,
        output: None,
    };
    IRPS.with_borrow_mut(|irps| irps.insert(irp as usize, known));
}

/// Makes an allocated IRP ready for another use, with this status.
pub fn reuse_irp(irp: *mut IRP, status: i32) {
    check(irp);
    if get!(irp, CancelRoutine).is_some() {
        findings::report(Rule::CancelRoutine, "Irp", "IoReuseIrp on an IRP with a cancel routine");
    }
    if let Some(holder) = holder(irp) {
        findings::report(Rule::Lost, "Irp", format_args!("IoReuseIrp on an IRP that {holder} holds"));
    }
    let origin = with(irp, |known| known.origin).unwrap_or(Origin::Allocated);
    if matches!(origin, Origin::Threaded | Origin::Associated) {
        findings::report(Rule::BadArgument, "Irp", "IoReuseIrp on an IRP that the system frees");
    }
    let flags = get!(irp, AllocationFlags);
    initialise(irp, get!(irp, Size), get!(irp, StackCount), origin);
    put!(irp, AllocationFlags, flags);
    put!(irp, IoStatus.Status, status);
}

/// Frees an IRP of [`allocate_irp`].
pub fn free_irp(irp: *mut IRP) {
    check(irp);
    if let Some(holder) = holder(irp) {
        findings::report(Rule::Lost, "Irp", format_args!("an IRP was freed while {holder} holds it"));
    }
    if with(irp, |known| known.origin == Origin::Threaded).unwrap_or(false) {
        findings::report(Rule::BadArgument, "Irp", "an IRP was freed that the system frees");
    }
    release(irp);
}

/// Frees without judging.
pub(crate) fn release(irp: *mut IRP) {
    let known = IRPS.with_borrow_mut(|irps| irps.remove(irp as usize));
    sync::check_freed(irp as usize, size(get!(irp, StackCount)));
    if known.is_some_and(|known| known.origin != Origin::OwnMemory) {
        memory::free(irp.cast());
    }
}

/// Memory of a driver is freed: IRPs that it made there end.
pub(crate) fn check_freed(start: usize, size: usize) {
    for address in IRPS.with_borrow(|irps| irps.within(start, size)) {
        let irp = address as *mut IRP;
        if let Some(holder) = holder(irp) {
            findings::report(Rule::Lost, "P", format_args!("memory of an IRP was freed while {holder} holds the IRP"));
        }
        IRPS.with_borrow_mut(|irps| irps.remove(address));
    }
}

/// Whether this is a live IRP; otherwise the run ends.
pub(crate) fn check(irp: *mut IRP) {
    if IRPS.with_borrow(|irps| irps.contains(irp as usize)) {
        return;
    }
    match memory::lookup(irp as usize) {
        Some(block) if block.freed_by.is_some() => findings::fatal(
            Rule::UseAfterFree,
            "Irp",
            format_args!("the IRP is gone: {}", crate::describe(irp as usize)),
        ),
        _ => findings::fatal(Rule::BadArgument, "Irp", format_args!("{} is no IRP", crate::describe(irp as usize))),
    }
}

/// Whether the IRP is known.
pub(crate) fn is_live(irp: *mut IRP) -> bool {
    IRPS.with_borrow(|irps| irps.contains(irp as usize))
}

/// Looks at, or changes, what is known of an IRP.
pub(crate) fn with<T>(irp: *mut IRP, action: impl FnOnce(&mut Known) -> T) -> Option<T> {
    IRPS.with_borrow_mut(|irps| irps.get_mut(irp as usize).map(action))
}

/// A device is called with the IRP at this location. A driver that gave its own location away keeps the same visit.
pub(super) fn enter(irp: *mut IRP, location: i8, device: *mut DEVICE_OBJECT) -> Rc<Visit> {
    with(irp, |known| {
        let place = &mut known.visits[location as usize - 1];
        if let Some(visit) = place
            && visit.left.get().is_none()
        {
            visit.device.set(device);
            return visit.clone();
        }
        let visit = Rc::new(Visit { device: Cell::new(device), left: Cell::new(None), pended: Cell::new(false) });
        *place = Some(visit.clone());
        visit
    })
    .expect("the IRP was checked")
}

/// Completion leaves this location. False: it is not marked pending, though its dispatch routine returned PENDING.
#[must_use]
pub(super) fn leave(irp: *mut IRP, location: i8, marked: bool, status: i32) -> bool {
    let visit = with(irp, |known| known.visits.get(location as usize - 1).cloned().flatten()).flatten();
    visit.is_none_or(|visit| {
        visit.left.set(Some((marked, status)));
        marked || !visit.pended.get()
    })
}

/// Whether no driver was called with the IRP yet since it was made or reused.
pub(super) fn is_new(irp: *mut IRP) -> bool {
    with(irp, |known| known.visits.iter().all(Option::is_none)).unwrap_or(false)
}

/// Who has the IRP now: the device lowest in the stack that was called and has not completed.
pub(crate) fn holder(irp: *mut IRP) -> Option<String> {
    let device = with(irp, |known| {
        let open = known.visits.iter().flatten().find(|visit| visit.left.get().is_none());
        open.map(|visit| visit.device.get())
    })??;
    Some(super::driver_name(device))
}

/// Notes which callback of the driver gets an IRP, and its address: should the IRP be lost, that is where to look.
pub fn given_to(irp: *mut IRP, callback: &'static str, address: usize) {
    with(irp, |known| known.receiver = Some((callback, address)));
}

/// The callback that got an IRP last.
pub(crate) fn receiver(irp: *mut IRP) -> Option<(String, usize)> {
    with(irp, |known| known.receiver.map(|(callback, address)| (callback.to_owned(), address)))?
}

/// Whether this event ends a wait for a request that the system ends by an APC.
pub(crate) fn is_awaited(event: *mut crate::layout::KEVENT) -> bool {
    live().iter().any(|&(irp, origin)| origin == Origin::Threaded && get!(irp, UserEvent) == event)
}

/// IRPs that exist, oldest first.
pub(crate) fn live() -> Vec<(*mut IRP, Origin)> {
    IRPS.with_borrow(|irps| {
        irps.in_order().into_iter().map(|(address, known)| (address as *mut IRP, known.origin)).collect()
    })
}

/// The call that made an IRP.
pub(crate) fn site(irp: *mut IRP) -> Site {
    IRPS.with_borrow(|irps| irps.site(irp as usize))
}

/// The stack location with this number; the lowest driver's is 1, and `StackCount + 1` is the end.
pub(super) fn location(irp: *mut IRP, number: i8) -> *mut IO_STACK_LOCATION {
    let first = irp.wrapping_add(1).cast::<IO_STACK_LOCATION>();
    first.wrapping_offset(isize::from(number) - 1)
}

/// The location of the driver that has the IRP.
#[must_use]
pub fn current(irp: *mut IRP) -> *mut IO_STACK_LOCATION {
    get!(irp, CurrentStackLocation)
}

/// The location of the driver that will be called.
#[must_use]
pub fn next(irp: *mut IRP) -> *mut IO_STACK_LOCATION {
    current(irp).wrapping_sub(1)
}

/// Lets the next driver use the current location.
pub fn skip(irp: *mut IRP) {
    put!(irp, CurrentLocation, get!(irp, CurrentLocation).wrapping_add(1));
    put!(irp, CurrentStackLocation, current(irp).wrapping_add(1));
}

/// Takes the next location for an allocating driver itself.
pub fn set_next_location(irp: *mut IRP) {
    put!(irp, CurrentLocation, get!(irp, CurrentLocation).wrapping_sub(1));
    put!(irp, CurrentStackLocation, next(irp));
}

/// Below the first location is the IRP itself: who fills the next one there destroys it.
fn judge_next(irp: *mut IRP) {
    if get!(irp, CurrentLocation) <= 1 {
        findings::fatal(Rule::BugCheck, "Irp", "no stack location left to fill (NO_MORE_IRP_STACK_LOCATIONS)");
    }
}

/// Copies the current location, but for the completion routine, to the next.
pub fn copy_to_next(irp: *mut IRP) {
    judge_next(irp);
    let to = next(irp);
    raw::copy_bytes(current(irp).cast(), to.cast(), core::mem::offset_of!(IO_STACK_LOCATION, CompletionRoutine));
    put!(to, Control, 0);
}

/// Sets the routine that is called when the driver below completes.
pub fn set_completion(
    irp: *mut IRP,
    routine: IO_COMPLETION_ROUTINE,
    context: PVOID,
    success: bool,
    error: bool,
    cancel: bool,
) {
    judge_next(irp);
    let to = next(irp);
    put!(to, CompletionRoutine, Some(routine));
    put!(to, Context, context);
    let flags = [(success, SL_INVOKE_ON_SUCCESS), (error, SL_INVOKE_ON_ERROR), (cancel, SL_INVOKE_ON_CANCEL)];
    put!(to, Control, flags.iter().filter(|(on, _)| *on).fold(0, |all, (_, bit)| all | bit));
}

/// Marks the current location pending.
pub fn mark_pending(irp: *mut IRP) {
    let own = current(irp);
    put!(own, Control, get!(own, Control) | SL_PENDING_RETURNED);
}

/// Whether the request comes from a 32-bit program.
#[must_use]
pub fn is_32_bit(irp: *mut IRP) -> bool {
    with(irp, |known| known.wow64).unwrap_or(false)
}
