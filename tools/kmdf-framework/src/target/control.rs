//! Starting, stopping and purging targets.

use std::rc::Rc;

use nt_machine::threads;

use super::rules::State;
use super::{Target, of, sending};
use crate::client::Globals;
use crate::fail::{misuse, require_irql};
use crate::functions::Function;
use crate::objects::Handle;
use crate::request;
use crate::status;

/// What this module implements.
pub(super) const FUNCTIONS: &[Function] = &[
    ("WdfIoTargetStart", start as *const ()),
    ("WdfIoTargetStop", stop as *const ()),
    ("WdfIoTargetPurge", purge as *const ()),
];

/// `WDF_IO_TARGET_SENT_IO_ACTION`
const CANCEL_SENT: i32 = 1;
const WAIT_FOR_SENT: i32 = 2;
const LEAVE_SENT: i32 = 3;

/// `WDF_IO_TARGET_PURGE_IO_ACTION`
const PURGE_AND_WAIT: i32 = 1;
const PURGE: i32 = 2;

impl Target {
    /// Waits until every request that was sent has come back and its completion routine has returned.
    fn wait(&self, what: &str) {
        if self.outstanding.get() > 0 {
            threads::block(what, None, &|| self.outstanding.get() == 0);
        }
    }

    /// Cancels everything that the lower driver has.
    fn cancel_sent(&self) {
        let sent = self.sent.borrow().clone();
        for handle in sent {
            // One cancellation may complete others.
            if self.sent.borrow().contains(&handle) {
                sending::cancel(&request::get(handle));
            }
        }
    }

    /// Completes what waits in the target.
    fn fail_kept(self: &Rc<Self>) {
        while let Some(handle) = self.take_first_kept() {
            sending::complete_unsent(self, &request::get(handle), status::WDF_DEVICE_REMOVED_NOT_SENT);
        }
    }

    /// Takes everything back and waits for it: what close and deletion do. The state already refuses new requests.
    pub(super) fn run_down(&self) {
        let me = of(self.handle.get());
        me.fail_kept();
        self.cancel_sent();
        self.wait("an I/O target that is closed: requests sent to it");
    }
}

unsafe extern "win64" fn start(_: Globals, handle: Handle) -> i32 {
    let target = of(handle);
    match target.state.get() {
        State::Deleted => return status::INVALID_DEVICE_STATE,
        State::Closed | State::ClosedForQueryRemove => {
            misuse("IoTarget", format_args!("I/O target {handle} is started while it is not open"));
            return status::INVALID_DEVICE_STATE;
        }
        State::Started | State::Stopped | State::Purged => target.state.set(State::Started),
    }
    // A request that is sent may stop the target again: the rest waits for the next start then.
    while target.state.get() == State::Started
        && let Some(kept) = target.take_first_kept()
    {
        sending::send_kept(&target, &request::get(kept));
    }
    status::SUCCESS
}

unsafe extern "win64" fn stop(_: Globals, handle: Handle, action: i32) {
    let target = of(handle);
    if !(CANCEL_SENT..=LEAVE_SENT).contains(&action) {
        misuse("Action", format_args!("{action} is no action on sent requests"));
        return;
    }
    if action != LEAVE_SENT {
        require_irql(0, "Action");
    }
    if matches!(target.state.get(), State::Started | State::Purged | State::Stopped) {
        target.state.set(State::Stopped);
    }
    if action == CANCEL_SENT {
        target.cancel_sent();
    }
    if matches!(action, CANCEL_SENT | WAIT_FOR_SENT) {
        target.wait("an I/O target that is stopped: requests sent to it");
    }
}

unsafe extern "win64" fn purge(_: Globals, handle: Handle, action: i32) {
    let target = of(handle);
    if !matches!(action, PURGE_AND_WAIT | PURGE) {
        misuse("Action", format_args!("{action} is no purge action"));
        return;
    }
    if action == PURGE_AND_WAIT {
        require_irql(0, "Action");
    }
    if matches!(target.state.get(), State::Started | State::Purged | State::Stopped) {
        target.state.set(State::Purged);
    }
    target.fail_kept();
    target.cancel_sent();
    if action == PURGE_AND_WAIT {
        target.wait("an I/O target that is purged: requests sent to it");
    }
}
