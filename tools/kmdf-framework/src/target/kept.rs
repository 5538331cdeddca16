//! Requests that wait in a stopped target. Their senders may cancel them there.

use std::cell::RefCell;
use std::collections::BTreeMap;

use nt_kernel::layout::{DEVICE_OBJECT, IRP};
use nt_kernel::{get, io};

use super::{Target, of, sending};
use crate::objects::Handle;
use crate::request::{self, Request};
use crate::status;

thread_local! {
    /// The kept requests by IRP, for the cancel routine.
    static KEPT: RefCell<BTreeMap<usize, Handle>> = const { RefCell::new(BTreeMap::new()) };
}

/// Forgets the requests of an earlier run.
pub(super) fn clear() {
    KEPT.with_borrow_mut(BTreeMap::clear);
}

impl Target {
    pub(super) fn keep(&self, irp: *mut IRP, request: Handle) {
        self.kept.borrow_mut().push_back(request);
        KEPT.with_borrow_mut(|kept| kept.insert(irp as usize, request));
        io::set_cancel_routine(irp, Some(cancelled));
    }

    /// Takes a request out. Whoever takes it out completes or sends it. False: it is not there.
    pub(super) fn take_kept(&self, request: &Request) -> bool {
        let taken = {
            let mut kept = self.kept.borrow_mut();
            let at = kept.iter().position(|kept| *kept == request.handle.get());
            at.and_then(|at| kept.remove(at)).is_some()
        };
        if taken {
            let irp = request.irp.get();
            KEPT.with_borrow_mut(|kept| kept.remove(&(irp as usize)));
            io::set_cancel_routine(irp, None);
        }
        taken
    }

    /// Takes out the one that waits longest.
    pub(super) fn take_first_kept(&self) -> Option<Handle> {
        let first = self.kept.borrow().front().copied()?;
        self.take_kept(&request::get(first)).then_some(first)
    }
}

/// The sender of a kept request gave it up.
extern "win64" fn cancelled(_device: *mut DEVICE_OBJECT, irp: *mut IRP) {
    io::release_cancel_lock(get!(irp, CancelIrql));
    let Some(handle) = KEPT.with_borrow(|kept| kept.get(&(irp as usize)).copied()) else { return };
    let request = request::get(handle);
    let target = of(request.sending.target());
    if target.take_kept(&request) {
        sending::complete_unsent(&target, &request, status::CANCELLED);
    }
}
