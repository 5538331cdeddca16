//! Memory that the framework allocates, and gives back with the device at the latest.

use core::ptr::{NonNull, null_mut};

use wdk_sys::{
    _POOL_TYPE, NTSTATUS, STATUS_INSUFFICIENT_RESOURCES, WDFMEMORY, WDFOBJECT, call_unsafe_wdf_function_binding,
};

use crate::status;
use crate::wdf::object::{child_of, delete};

/// Non-paged pool whose pages hold no code: `NonPagedPoolNx`.
const NON_PAGED_POOL_NX: _POOL_TYPE::Type = 512;

/// `CdRs`, as a debugger shows it.
const TAG: u32 = u32::from_le_bytes(*b"CdRs");

/// A block of non-paged memory, zeroed when it is allocated.
pub struct Memory {
    handle: WDFMEMORY,
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: memory belongs to no thread.
unsafe impl Send for Memory {}

impl Memory {
    /// Allocates `length` bytes, which live no longer than `parent`.
    ///
    /// # Errors
    /// The framework's status.
    pub fn allocate(parent: WDFOBJECT, length: usize) -> Result<Self, NTSTATUS> {
        let mut attributes = child_of(parent);
        let (mut handle, mut start): (WDFMEMORY, _) = (null_mut(), null_mut());
        // SAFETY: a live parent and a length that is not 0.
        status::check(unsafe {
            call_unsafe_wdf_function_binding!(
                WdfMemoryCreate,
                &raw mut attributes,
                NON_PAGED_POOL_NX,
                TAG,
                length,
                &raw mut handle,
                &raw mut start
            )
        })?;
        let start = NonNull::new(start.cast::<u8>()).ok_or(STATUS_INSUFFICIENT_RESOURCES)?;
        // SAFETY: the framework gave that many bytes.
        unsafe { start.write_bytes(0, length) };
        Ok(Self { handle, start, length })
    }

    /// Where it lies.
    pub const fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Number of its bytes.
    pub const fn length(&self) -> usize {
        self.length
    }

    /// Its bytes.
    pub const fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: that many initialised bytes, which this value owns.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated above; nobody has it any more.
        unsafe { delete(self.handle.cast()) };
    }
}
