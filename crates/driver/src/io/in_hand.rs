//! The piece of work in hand, as seen by those who want it to end early.

use core::sync::atomic::{AtomicBool, Ordering};

use ioctl_dispatch::HandleId;
use ioctl_dispatch::time::Ticks;
use wdk_sys::WDFREQUEST__;

use crate::km::event::Event;
use crate::km::spin_lock::SpinLock;
use crate::wdf::object::Kept;
use crate::wdf::sent_request;

/// What is known of the work, under the lock.
struct State {
    /// Its handle's number, 0 if it has none or there is no work.
    handle: u64,
    /// Its command is with the port.
    sent: bool,
    /// Threads that are asking the port just now to end the command.
    cancellers: u32,
}

/// The work in hand. All bytes zero is none, but for the events.
pub struct InHand {
    state: SpinLock<State>,
    cancelled: AtomicBool,
    /// The request that carries commands to the port.
    request: Kept<WDFREQUEST__>,
    /// Signalled when the work shall end: pauses end then.
    ending: Event,
    /// Signalled when nobody asks the port to end the command any more.
    quiet: Event,
    /// Signalled when the request's cancel routine has done its part.
    seen: Event,
}

impl InHand {
    /// Makes the events.
    pub fn initialize(&self) {
        self.ending.initialize_notification(false);
        self.quiet.initialize_synchronization(false);
        self.seen.initialize_synchronization(false);
    }

    /// Says which request carries commands to the port.
    pub fn set_request(&self, request: *mut WDFREQUEST__) {
        self.request.set(request);
    }

    /// Work of `handle` begins.
    pub fn begin(&self, handle: Option<HandleId>) {
        self.cancelled.store(false, Ordering::SeqCst);
        self.ending.clear();
        self.state.with(|state| state.handle = handle.map_or(0, |handle| handle.0));
    }

    /// The work has ended: nobody can end it any more.
    pub fn end(&self) {
        self.state.with(|state| state.handle = 0);
    }

    /// Whether the work shall end.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    /// Waits for `time`, less if the work shall end.
    pub fn pause(&self, time: Ticks) {
        // Which of the two it was, the core sees in the environment.
        let _ = self.ending.wait_at_most(time);
    }

    /// The command is on its way, so that others may ask the port to end it. True if the work shall end and nobody has
    /// asked the port yet.
    pub fn was_sent(&self) -> bool {
        self.state.with(|state| {
            state.sent = true;
            self.is_cancelled()
        })
    }

    /// The command has come back. Waits until nobody touches its request any more.
    pub fn came_back(&self) {
        let busy = self.state.with(|state| {
            state.sent = false;
            state.cancellers != 0
        });
        if busy {
            self.quiet.wait();
        }
    }

    /// Ends the work early. IRQL <= DISPATCH_LEVEL.
    pub fn cancel(&self) {
        self.cancel_if(|_| true);
    }

    /// Ends the work early if it is that of `handle`. IRQL <= DISPATCH_LEVEL.
    pub fn cancel_of(&self, handle: HandleId) {
        self.cancel_if(|state| state.handle == handle.0);
    }

    fn cancel_if(&self, applies: impl FnOnce(&State) -> bool) {
        let sent = self.state.with(|state| {
            if !applies(state) {
                return false;
            }
            self.cancelled.store(true, Ordering::SeqCst);
            self.ending.set();
            if state.sent {
                state.cancellers = state.cancellers.saturating_add(1);
            }
            state.sent
        });
        if !sent {
            return;
        }
        // SAFETY: on its way; `came_back` waits for this thread before the request is used again.
        unsafe { sent_request::cancel(self.request.get()) };
        let last = self.state.with(|state| {
            state.cancellers = state.cancellers.saturating_sub(1);
            state.cancellers == 0 && !state.sent
        });
        if last {
            self.quiet.set();
        }
    }

    /// The cancel routine of the request in hand has been called and is done.
    pub fn cancel_seen(&self) {
        self.seen.set();
    }

    /// Waits for the cancel routine, which has been called or is about to be.
    pub fn wait_for_cancel(&self) {
        self.seen.wait();
    }
}
