//! IRPs that this driver allocates, sends and waits for itself.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

use ioctl_dispatch::time::Ticks;
use wdk_sys::ntddk::{IoAllocateIrp, IoCancelIrp, IoFreeIrp, IoReuseIrp, IofCallDriver};
use wdk_sys::{
    IO_STACK_LOCATION, IRP, NTSTATUS, PDEVICE_OBJECT, PIO_COMPLETION_ROUTINE, PIRP, PVOID,
    STATUS_INSUFFICIENT_RESOURCES, STATUS_MORE_PROCESSING_REQUIRED, STATUS_NOT_SUPPORTED,
};

use crate::km::device_object::DeviceObject;
use crate::km::event::{Event, Woken};
use crate::km::irp::Irp;

/// Memory for one IRP, allocated once and used again and again. All bytes zero is one without memory.
pub struct OwnedIrp(AtomicPtr<IRP>);

impl OwnedIrp {
    /// Allocates it with locations for `target`.
    ///
    /// # Errors
    /// STATUS_INSUFFICIENT_RESOURCES.
    pub fn allocate(&self, target: DeviceObject) -> Result<(), NTSTATUS> {
        // SAFETY: IRQL <= DISPATCH_LEVEL; the target's number of locations.
        let irp = unsafe { IoAllocateIrp(target.stack_size(), 0) };
        if irp.is_null() {
            return Err(STATUS_INSUFFICIENT_RESOURCES);
        }
        self.0.store(irp, Ordering::Release);
        Ok(())
    }

    /// Whether it has memory.
    pub fn is_allocated(&self) -> bool {
        !self.as_ptr().is_null()
    }

    /// Whether `irp` is it.
    pub fn is(&self, irp: Irp) -> bool {
        self.as_ptr() == irp.as_ptr()
    }

    /// The pointer, for structures that carry it; null without memory.
    pub fn as_ptr(&self) -> PIRP {
        self.0.load(Ordering::Acquire)
    }

    /// Gives the memory back. It must not be on its way.
    pub fn free(&self) {
        let irp = self.0.swap(null_mut(), Ordering::AcqRel);
        if !irp.is_null() {
            // SAFETY: allocated by `allocate`, and its completion routine has kept it.
            unsafe { IoFreeIrp(irp) };
        }
    }

    /// Sends it to `target`. `routine` is called in every case and must keep the IRP.
    pub fn send(
        &self,
        target: DeviceObject,
        location: IO_STACK_LOCATION,
        routine: PIO_COMPLETION_ROUTINE,
        context: PVOID,
    ) {
        let pointer = self.as_ptr();
        // SAFETY: allocated by `allocate` and not on its way.
        unsafe { IoReuseIrp(pointer, STATUS_NOT_SUPPORTED) };
        // SAFETY: this driver holds it until it is sent.
        unsafe { Irp::new(pointer) }.next_location().write(location, routine, context);
        // SAFETY: its next location is filled in, and the target is below or at our own device. What is returned is
        // seen by the completion routine too.
        let _ = unsafe { IofCallDriver(target.as_ptr(), pointer) };
    }

    /// Sends it and waits until it has come back. After `limit` it is cancelled. IRQL <= APC_LEVEL.
    pub fn call(&self, target: DeviceObject, location: IO_STACK_LOCATION, done: &Event, limit: Ticks) -> NTSTATUS {
        done.clear();
        let context = core::ptr::from_ref(done).cast_mut().cast();
        self.send(target, location, Some(come_back), context);
        if done.wait_at_most(limit) == Woken::TimeOut {
            // SAFETY: this driver allocated it and has not freed it; cancelling one that is done does nothing.
            unsafe { IoCancelIrp(self.as_ptr()) };
            // The driver below has the memory until it gives it back.
            done.wait();
        }
        // SAFETY: it has come back.
        unsafe { Irp::new(self.as_ptr()) }.status()
    }
}

/// Keeps the IRP and wakes its sender; the context is the event.
extern "C" fn come_back(_device: PDEVICE_OBJECT, _irp: PIRP, context: PVOID) -> NTSTATUS {
    // SAFETY: the sender passed a reference to an event and waits for it.
    let done = unsafe { &*context.cast::<Event>() };
    done.set();
    STATUS_MORE_PROCESSING_REQUIRED
}
