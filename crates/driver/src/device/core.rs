//! The core behind its lock.

use core::ptr::NonNull;

use ioctl_dispatch::Dispatcher;

use crate::km::spin_lock::SpinLock;

/// The dispatcher, from device start to removal. It is locked for the length of one call at a time; between a step and
/// its outcome others may come in.
pub struct Core(SpinLock<Option<NonNull<Dispatcher>>>);

// SAFETY: the memory belongs to no thread, and only the holder of the lock reaches it.
unsafe impl Sync for Core {}
// SAFETY: as above.
unsafe impl Send for Core {}

impl Core {
    /// Puts the dispatcher in.
    pub fn install(&self, dispatcher: NonNull<Dispatcher>) {
        self.0.with(|slot| *slot = Some(dispatcher));
    }

    /// Takes the dispatcher out: from now on there is no device.
    pub fn remove(&self) {
        self.0.with(|slot| *slot = None);
    }

    /// Lends the dispatcher to `call`, at DISPATCH_LEVEL. `None` before the device has started and after it is gone.
    pub fn with<R>(&self, call: impl FnOnce(&mut Dispatcher) -> R) -> Option<R> {
        self.0.with(|slot| {
            let mut place = (*slot)?;
            // SAFETY: installed by the start, which keeps the memory until it has been taken out; the lock makes this
            // the only reference.
            Some(call(unsafe { place.as_mut() }))
        })
    }
}
