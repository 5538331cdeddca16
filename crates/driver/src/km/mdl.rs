//! Memory descriptor lists: what the headers' macros do.

use core::ptr::{NonNull, null_mut};

use ioctl_dispatch::request::Mdl as Shape;
use wdk_sys::ntddk::MmMapLockedPagesSpecifyCache;
use wdk_sys::{_MEMORY_CACHING_TYPE, _MM_PAGE_PRIORITY, MDL_MAPPED_TO_SYSTEM_VA, MDL_SOURCE_IS_NONPAGED_POOL, PMDL};

use crate::km::{KERNEL_MODE, address};

/// The system mapping is for data only.
const MDL_MAPPING_NO_EXECUTE: u32 = 0x4000_0000;

/// The list of a request that this driver holds.
#[derive(Clone, Copy)]
pub struct Mdl(NonNull<wdk_sys::MDL>);

impl Mdl {
    /// The list behind `pointer`, if there is one.
    ///
    /// # Safety
    /// `pointer` is null or a list with locked pages that lives as long as the value is used.
    pub unsafe fn new(pointer: PMDL) -> Option<Self> {
        NonNull::new(pointer).map(Self)
    }

    /// Start address and length of what it describes.
    pub fn shape(self) -> Shape {
        // SAFETY: a live list.
        let header = unsafe { self.0.as_ref() };
        let start = address(header.StartVa);
        Shape { address: start.wrapping_add(u64::from(header.ByteOffset)), byte_count: header.ByteCount }
    }

    /// The pages as the system sees them; `None` if they could not be mapped, which is tried harder where memory
    /// itself waits for them (`paging`). The mapping goes away with the list.
    pub fn system_address(self, paging: bool) -> Option<NonNull<u8>> {
        // SAFETY: a live list; this driver is the only one that maps it while it holds the request.
        let header = unsafe { self.0.as_ref() };
        let mapped = MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL;
        if u32::from(header.MdlFlags.cast_unsigned()) & mapped != 0 {
            return NonNull::new(header.MappedSystemVa.cast());
        }
        let priority = if paging { _MM_PAGE_PRIORITY::HighPagePriority } else { _MM_PAGE_PRIORITY::NormalPagePriority };
        // SAFETY: locked pages, mapped for the kernel; a failure gives null.
        let address = unsafe {
            MmMapLockedPagesSpecifyCache(
                self.0.as_ptr(),
                KERNEL_MODE,
                _MEMORY_CACHING_TYPE::MmCached,
                null_mut(),
                0,
                priority.cast_unsigned() | MDL_MAPPING_NO_EXECUTE,
            )
        };
        NonNull::new(address.cast())
    }
}
