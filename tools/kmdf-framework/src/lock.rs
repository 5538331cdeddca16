//! Spin locks and wait locks.

use std::cell::Cell;
use std::rc::Rc;

use nt_kernel::sync::WAIT_LOCK;
use nt_machine::findings::{self, Rule};
use nt_machine::threads::{self, ThreadId};
use nt_machine::{call, irql};

use crate::client::{self, Globals};
use crate::clock;
use crate::fail::{Violation, require_irql, violation};
use crate::functions::Function;
use crate::objects::{self, Body, Handle, Kind, Plan, store};
use crate::status;
use crate::structs::WDF_OBJECT_ATTRIBUTES;

/// What this module implements.
pub const FUNCTIONS: &[Function] = &[
    ("WdfSpinLockCreate", spin_lock_create as *const ()),
    ("WdfSpinLockAcquire", spin_lock_acquire as *const ()),
    ("WdfSpinLockRelease", spin_lock_release as *const ()),
    ("WdfWaitLockCreate", wait_lock_create as *const ()),
    ("WdfWaitLockAcquire", wait_lock_acquire as *const ()),
    ("WdfWaitLockRelease", wait_lock_release as *const ()),
];

const DISPATCH_LEVEL: u8 = 2;

/// A lock of either kind: who holds it, and at which IRQL a spin lock's holder was.
#[derive(Default)]
struct Lock {
    owner: Cell<Option<ThreadId>>,
    old_irql: Cell<u8>,
}

impl Lock {
    fn free(&self) -> bool {
        self.owner.get().is_none()
    }

    fn mine(&self) -> bool {
        self.owner.get() == Some(threads::current())
    }
}

impl Body for Lock {
    fn dispose(&self, handle: Handle) {
        if !self.free() {
            findings::report(Rule::Lock, handle, "the lock is deleted while it is held");
        }
    }
}

fn create(globals: Globals, kind: Kind, attributes: *const WDF_OBJECT_ATTRIBUTES, out: *mut Handle) -> i32 {
    let client = client::of(globals);
    store(out, "Lock", || {
        let plan = Plan::check(&client, kind, attributes, client.driver.get())?;
        objects::create(plan, Rc::new(Lock::default()))
    })
}

fn require_owner(lock: &Lock, handle: Handle) {
    if !lock.mine() {
        violation(
            Violation::InvalidLockOperation,
            "Lock",
            format_args!("lock {handle} is not held by the thread that releases it"),
        );
    }
}

unsafe extern "win64" fn spin_lock_create(
    globals: Globals,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    create(globals, Kind::SpinLock, attributes, out)
}

unsafe extern "win64" fn spin_lock_acquire(_: Globals, handle: Handle) {
    let lock: Rc<Lock> = objects::get(handle, Kind::SpinLock, "SpinLock");
    if lock.mine() {
        findings::fatal(Rule::Lock, "SpinLock", format_args!("this thread holds spin lock {handle} already: deadlock"));
    }
    let old = irql::raise(DISPATCH_LEVEL.max(irql::current()));
    threads::spin("spin lock", &|| lock.free());
    lock.owner.set(Some(threads::current()));
    lock.old_irql.set(old);
    call::hold(handle.0, "WDFSPINLOCK");
}

unsafe extern "win64" fn spin_lock_release(_: Globals, handle: Handle) {
    let lock: Rc<Lock> = objects::get(handle, Kind::SpinLock, "SpinLock");
    require_owner(&lock, handle);
    lock.owner.set(None);
    call::release(handle.0);
    irql::lower(lock.old_irql.get());
}

unsafe extern "win64" fn wait_lock_create(
    globals: Globals,
    attributes: *const WDF_OBJECT_ATTRIBUTES,
    out: *mut Handle,
) -> i32 {
    create(globals, Kind::WaitLock, attributes, out)
}

unsafe extern "win64" fn wait_lock_acquire(_: Globals, handle: Handle, timeout: *const i64) -> i32 {
    let lock: Rc<Lock> = objects::get(handle, Kind::WaitLock, "Lock");
    let timeout = (!timeout.is_null()).then(|| nt_kernel::raw::read(timeout));
    let free = match timeout {
        Some(0) => lock.free(),
        _ => wait(&lock, handle, timeout),
    };
    if !free {
        return status::TIMEOUT;
    }
    lock.owner.set(Some(threads::current()));
    call::hold(handle.0, WAIT_LOCK);
    status::SUCCESS
}

/// Waits until a lock is free; false when the time came first.
fn wait(lock: &Lock, handle: Handle, timeout: Option<i64>) -> bool {
    require_irql(0, "Timeout");
    if lock.mine() && timeout.is_none() {
        findings::fatal(Rule::Lock, "Lock", format_args!("this thread holds wait lock {handle} already: deadlock"));
    }
    threads::block("wait lock", timeout.map(clock::deadline), &|| lock.free())
}

unsafe extern "win64" fn wait_lock_release(_: Globals, handle: Handle) {
    let lock: Rc<Lock> = objects::get(handle, Kind::WaitLock, "Lock");
    if lock.free() {
        findings::report(Rule::Lock, "Lock", format_args!("wait lock {handle} is released while nobody holds it"));
        return;
    }
    require_owner(&lock, handle);
    lock.owner.set(None);
    call::release(handle.0);
}

#[cfg(test)]
mod tests;
