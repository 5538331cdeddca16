//! Work of our own takes its turn among the requests of others: it is an IRP that the driver sends to its own device.

use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use wdk_sys::{NTSTATUS, PDEVICE_OBJECT, PIRP, PVOID, STATUS_MORE_PROCESSING_REQUIRED};

use crate::device::Device;
use crate::device::files::FileContext;
use crate::km::event::Event;
use crate::km::irp::{Irp, control_location};
use crate::km::owned_irp::OwnedIrp;
use crate::km::spin_lock::SpinLock;

/// The code in such an IRP: a disk code that no program can send with this meaning, since the IRP itself is looked at.
pub const CODE: u32 = 0x0007_C0C8;

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// A media-change poll.
    Poll,
    /// Default speeds after a media change.
    RestoreSpeed,
    /// IOCTL_STORAGE_EJECT_MEDIA of our own.
    SoftEject,
    /// The clean-up of a closed handle.
    Cleanup,
}

/// No IRP is on its way.
const IDLE: u8 = 0;
/// The IRP is on its way.
const BUSY: u8 = 1;
/// The IRP is on its way, and is to be sent again when it has come back.
const AGAIN: u8 = 2;

/// One kind of work. All bytes zero is one without memory, but for the event.
pub struct OwnWork {
    irp: OwnedIrp,
    state: AtomicU8,
    task: AtomicU8,
    /// Signalled while no IRP is on its way.
    idle: Event,
    file: AtomicPtr<FileContext>,
    device: AtomicPtr<Device>,
    /// The next in the device's list of those on their way.
    next: AtomicPtr<OwnWork>,
}

/// Work that is on its way. Its lock orders what happens to the work too.
pub struct OwnList(SpinLock<*mut OwnWork>);

// SAFETY: entries take themselves out before they go; the lock orders access.
unsafe impl Sync for OwnList {}
// SAFETY: as above.
unsafe impl Send for OwnList {}

impl OwnList {
    fn unlink(first: &mut *mut OwnWork, work: &OwnWork) {
        let mut link: *mut *mut OwnWork = first;
        loop {
            // SAFETY: the list's head, or the link of an entry that is in the list.
            let entry = unsafe { *link };
            if entry.is_null() {
                return;
            }
            // SAFETY: an entry that is in the list is alive.
            let next = unsafe { &(*entry).next };
            if core::ptr::eq(entry, work) {
                // SAFETY: as for the read above; the lock is held.
                unsafe { *link = next.load(Ordering::Relaxed) };
                return;
            }
            link = next.as_ptr();
        }
    }

    /// The work whose IRP `irp` is; null if it is another's.
    pub fn find(&self, irp: Irp) -> *const OwnWork {
        self.0.with(|first| {
            let mut entry = *first;
            while !entry.is_null() {
                // SAFETY: an entry that is in the list is alive.
                let work = unsafe { &*entry };
                if work.irp.is(irp) {
                    break;
                }
                entry = work.next.load(Ordering::Relaxed);
            }
            entry.cast_const()
        })
    }
}

impl OwnWork {
    /// Gets it ready.
    ///
    /// # Errors
    /// STATUS_INSUFFICIENT_RESOURCES.
    pub fn initialize(&self, device: &Device, task: Task, file: *mut FileContext) -> Result<(), NTSTATUS> {
        self.idle.initialize_notification(true);
        self.device.store(core::ptr::from_ref(device).cast_mut(), Ordering::Relaxed);
        self.file.store(file, Ordering::Relaxed);
        let code = match task {
            Task::Poll => 0,
            Task::RestoreSpeed => 1,
            Task::SoftEject => 2,
            Task::Cleanup => 3,
        };
        self.task.store(code, Ordering::Relaxed);
        self.irp.allocate(device.own())
    }

    /// What is to be done.
    pub fn task(&self) -> Task {
        match self.task.load(Ordering::Relaxed) {
            0 => Task::Poll,
            1 => Task::RestoreSpeed,
            2 => Task::SoftEject,
            _ => Task::Cleanup,
        }
    }

    /// For [`Task::Cleanup`], the file that was closed.
    pub fn file(&self) -> *mut FileContext {
        self.file.load(Ordering::Relaxed)
    }

    /// Whether its IRP is on its way.
    pub fn is_busy(&self) -> bool {
        self.state.load(Ordering::Acquire) != IDLE
    }

    fn device(&self) -> &Device {
        // SAFETY: set when it was made ready; the device outlives its own work.
        unsafe { &*self.device.load(Ordering::Relaxed) }
    }

    /// Puts it in the serial queue: at once, or when the one that is there has ended. IRQL <= DISPATCH_LEVEL.
    pub fn submit(&self) {
        if !self.irp.is_allocated() {
            return;
        }
        let begins = self.device().own_list.0.with(|first| match self.state.load(Ordering::Relaxed) {
            IDLE => {
                self.state.store(BUSY, Ordering::Relaxed);
                self.idle.clear();
                self.next.store(*first, Ordering::Relaxed);
                *first = core::ptr::from_ref(self).cast_mut();
                true
            }
            _ => {
                self.state.store(AGAIN, Ordering::Relaxed);
                false
            }
        });
        if begins {
            self.send();
        }
    }

    fn send(&self) {
        let context = core::ptr::from_ref(self).cast_mut().cast();
        self.irp.send(self.device().own(), control_location(0, CODE, 0, 0), Some(come_back), context);
    }

    /// Waits until no IRP is on its way. IRQL <= APC_LEVEL.
    pub fn wait_until_idle(&self) {
        if self.irp.is_allocated() {
            self.idle.wait();
        }
    }

    /// Gives its memory back, once it is idle. PASSIVE_LEVEL.
    pub fn free(&self) {
        self.wait_until_idle();
        self.irp.free();
    }
}

/// The IRP has gone through the queue: it is kept, and sent again if that was asked for.
extern "C" fn come_back(_device: PDEVICE_OBJECT, _irp: PIRP, context: PVOID) -> NTSTATUS {
    // SAFETY: `send` passed a reference to work that is not freed before it is idle.
    let work = unsafe { &*context.cast::<OwnWork>() };
    let device = work.device();
    let again = device.own_list.0.with(|first| {
        if work.state.load(Ordering::Relaxed) == AGAIN {
            work.state.store(BUSY, Ordering::Relaxed);
            return true;
        }
        OwnList::unlink(first, work);
        work.state.store(IDLE, Ordering::Relaxed);
        // From here on whoever waits may give the memory back.
        work.idle.set();
        false
    });
    if again {
        work.send();
    }
    STATUS_MORE_PROCESSING_REQUIRED
}
