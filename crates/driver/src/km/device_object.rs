//! Fields of device objects.

use core::sync::atomic::{AtomicU32, Ordering};

use wdk_sys::{DO_VERIFY_VOLUME, PDEVICE_OBJECT, VPB_MOUNTED};

/// A device object that outlives the use of this value: our own, or one below it that ours is attached to.
#[derive(Clone, Copy)]
pub struct DeviceObject(PDEVICE_OBJECT);

impl DeviceObject {
    /// The device object behind `pointer`.
    ///
    /// # Safety
    /// `pointer` is a device object, and it stays one for as long as the value is used.
    pub const unsafe fn new(pointer: PDEVICE_OBJECT) -> Self {
        Self(pointer)
    }

    /// The pointer, for calls.
    pub const fn as_ptr(self) -> PDEVICE_OBJECT {
        self.0
    }

    /// Stack locations that a request to it needs.
    pub fn stack_size(self) -> i8 {
        // SAFETY: a live device object; the field does not change once the stack is built.
        unsafe { (*self.0).StackSize }
    }

    /// AlignmentRequirement: bits that must be 0 in a buffer's address.
    pub fn alignment(self) -> u32 {
        // SAFETY: a live device object.
        unsafe { (*self.0).AlignmentRequirement }
    }

    /// Adds `bits` to Characteristics, which nobody else changes after the device has started.
    pub fn add_characteristics(self, bits: u32) {
        // SAFETY: a live device object of ours.
        let characteristics = unsafe { &raw mut (*self.0).Characteristics };
        // SAFETY: aligned, and read and written as a whole by everybody.
        let characteristics = unsafe { AtomicU32::from_ptr(characteristics) };
        characteristics.fetch_or(bits, Ordering::Relaxed);
    }

    fn flags(self) -> &'static AtomicU32 {
        // SAFETY: a live device object.
        let flags = unsafe { &raw mut (*self.0).Flags };
        // SAFETY: aligned; file systems and drivers change single bits of it with interlocked operations.
        unsafe { AtomicU32::from_ptr(flags) }
    }

    /// Whether any of `bits` is set in Flags.
    pub fn has_flag(self, bits: u32) -> bool {
        self.flags().load(Ordering::Relaxed) & bits != 0
    }

    /// Whether a file system has to verify the volume before the next request.
    pub fn verify_volume(self) -> bool {
        self.has_flag(DO_VERIFY_VOLUME)
    }

    /// Makes file systems verify the volume.
    pub fn set_verify_volume(self) {
        self.flags().fetch_or(DO_VERIFY_VOLUME, Ordering::Relaxed);
    }

    /// Whether a file system is mounted on it.
    pub fn mounted(self) -> bool {
        // SAFETY: a live device object; the I/O manager made the volume parameter block with it.
        let vpb = unsafe { (*self.0).Vpb };
        if vpb.is_null() {
            return false;
        }
        // SAFETY: a volume parameter block of a live device object.
        let flags = unsafe { &raw const (*vpb).Flags };
        // SAFETY: as above; file systems change it at any time.
        let flags = unsafe { flags.read_volatile() };
        u32::from(flags) & VPB_MOUNTED != 0
    }
}
