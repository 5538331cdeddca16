//! The sins by name. A sin is a function of the same name, so that the test can tell from the symbol of the address in a
//! finding that the host blames the right place.

mod crashes;
mod irql;
mod leaks;
mod locks;
mod memory;
mod pnp;
mod requests;
mod timers;

use core::sync::atomic::{AtomicUsize, Ordering};

use wdk_sys::{NTSTATUS, PIRP, WDFDEVICE, WDFREQUEST};

/// Where a sin is committed.
pub enum Place {
    /// While the device starts, at PASSIVE_LEVEL.
    Start(fn(WDFDEVICE)),
    /// In the place of the answer to a device control.
    Control(fn(WDFDEVICE, WDFREQUEST)),
    /// The same, with a callback lock over the device's callbacks.
    Locked(fn(WDFDEVICE, WDFREQUEST)),
    /// With a flush IRP that the framework does not see.
    Flush(fn(WDFDEVICE, PIRP) -> NTSTATUS),
    /// With a plug-and-play IRP before the framework sees it; nothing lets the framework have it.
    Pnp(fn(WDFDEVICE, PIRP) -> Option<NTSTATUS>),
    /// With a power IRP before the framework sees it.
    Power(fn(WDFDEVICE, PIRP) -> Option<NTSTATUS>),
    /// When the device leaves D0.
    Exit(fn(WDFDEVICE) -> NTSTATUS),
    /// When the device is removed.
    Remove(fn(WDFDEVICE)),
    /// When the driver is unloaded.
    Unload(fn()),
}

/// A sin.
pub struct Sin {
    name: &'static str,
    place: Place,
}

macro_rules! sins {
    ($($module:ident: $($place:ident $name:ident),+;)+) => {
        /// All of them.
        pub const SINS: &[Sin] = &[
            $($(Sin { name: stringify!($name), place: Place::$place($module::$name) },)+)+
        ];
    };
}

sins! {
    memory:
        Control pool_read_behind, Control pool_read_before, Control pool_write_behind, Control pool_write_before,
        Control request_buffer_behind, Control request_buffer_before, Control mapping_behind, Control context_behind,
        Control context_before, Control pool_after_free, Control buffer_after_completion, Control irp_after_completion,
        Start pool_freed_twice, Start pool_freed_inside, Start pool_freed_with_other_tag, Control context_of_deleted;
    irql:
        Control wait_at_dispatch, Control framework_above_its_level, Control kernel_above_its_level,
        Control kernel_below_its_level, Control returns_raised, Control paged_pool_at_dispatch,
        Control paged_code_at_dispatch, Control paged_pool_allocated_at_dispatch;
    requests:
        Control request_never_completed, Control completed_twice, Flush irp_completed_twice, Control completed_cancelable,
        Flush irp_completed_with_cancel_routine, Control information_too_big, Flush pending_not_marked,
        Flush completed_with_pending, Flush marked_but_not_pending, Flush no_stack_left, Control stale_handle,
        Flush sent_and_completed, Flush stopped_and_forgotten;
    leaks:
        Start pool_left, Start mdl_left, Start irp_left, Start object_reference_left, Start key_left,
        Start device_reference_left, Control file_reference_left, Start link_left, Start work_item_left,
        Start pages_left_locked, Start request_left;
    locks:
        Start spin_lock_not_owned, Start wait_lock_not_owned, Control spin_lock_held_on_return,
        Control wait_lock_held_on_return, Start spin_lock_taken_twice, Start mutex_not_owned, Locked callback_lock_twice,
        Start wait_lock_released_by_other, Start mutex_released_by_other,
        Start lock_not_there;
    pnp:
        Pnp start_completed_early, Pnp remove_not_passed_down, Pnp remove_refused, Power power_never_answered,
        Exit d0_exit_fails, Pnp start_not_waited_for, Remove removal_waits_for_ever;
    timers:
        Start timer_freed_armed, Unload timer_armed_at_unload, Unload work_item_at_unload;
    crashes:
        Start function_not_there, Start stack_overflow, Start fast_fail, Start null_dereference, Control waits_for_ever,
        Start bug_check, Start code_written, Start wild_call, Start breakpoint, Start spins_for_ever, Start division_by_zero;
}

static CHOSEN: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Chooses by name; a name that is not there leaves the driver good. The units may end with a zero.
pub fn choose(units: &[u16]) {
    let units = units.strip_suffix(&[0]).unwrap_or(units);
    let named = |sin: &Sin| sin.name.bytes().map(u16::from).eq(units.iter().copied());
    if let Some(index) = SINS.iter().position(named) {
        CHOSEN.store(index, Ordering::Relaxed);
    }
}

/// The place of the chosen one.
pub fn chosen() -> Option<&'static Place> {
    SINS.get(CHOSEN.load(Ordering::Relaxed)).map(|sin| &sin.place)
}
