//! The buffers that a format names: memory objects with offsets, or the descriptors of the synchronous senders.

use nt_kernel::layout::MDL;
use nt_kernel::{mdl, raw};

use crate::fail::misuse;
use crate::memory;
use crate::objects::Handle;
use crate::status;
use crate::structs::{WDF_MEMORY_DESCRIPTOR, WDFMEMORY_OFFSET};

/// A buffer for a request.
#[derive(Clone, Copy)]
pub(super) enum Buffer {
    /// None: no bytes.
    Absent,
    /// An address.
    Plain { address: *mut u8, length: usize },
    /// A description of pages.
    Pages { mdl: *mut MDL, length: usize },
    /// Part of a memory object, which the format keeps alive.
    Memory { handle: Handle, address: *mut u8, offset: usize, length: usize },
}

/// `WDF_MEMORY_DESCRIPTOR_TYPE`
const TYPE_BUFFER: u32 = 1;
const TYPE_MDL: u32 = 2;
const TYPE_HANDLE: u32 = 3;

impl Buffer {
    /// A memory object of which a driver names a part; no memory object is no buffer.
    ///
    /// # Errors
    /// STATUS_INTEGER_OVERFLOW for a part that is not inside.
    pub(super) fn of_memory(handle: Handle, part: *const WDFMEMORY_OFFSET, argument: &str) -> Result<Buffer, i32> {
        if handle.is_null() {
            return Ok(Buffer::Absent);
        }
        let (address, size) = memory::of(handle, argument).buffer();
        let part = (!part.is_null()).then(|| raw::read(part));
        let (offset, length) = memory::part(size, part)?;
        Ok(Buffer::Memory { handle, address: address.wrapping_add(offset), offset, length })
    }

    /// What a descriptor describes; none is no buffer.
    ///
    /// # Errors
    /// STATUS_INVALID_PARAMETER for an unknown type, a length without an address, or a NULL handle.
    pub(super) fn of_descriptor(descriptor: *const WDF_MEMORY_DESCRIPTOR, argument: &str) -> Result<Buffer, i32> {
        if descriptor.is_null() {
            return Ok(Buffer::Absent);
        }
        let kind = raw::read(descriptor.cast::<u32>());
        let union = descriptor.cast::<u8>().wrapping_add(std::mem::offset_of!(WDF_MEMORY_DESCRIPTOR, u));
        let address = raw::read(union.cast::<*mut u8>());
        let second = union.wrapping_add(8);
        match kind {
            TYPE_HANDLE if address.is_null() => Err(status::INVALID_PARAMETER),
            TYPE_HANDLE => Buffer::of_memory(Handle(address as usize), raw::read(second.cast()), argument),
            TYPE_BUFFER | TYPE_MDL => {
                let length = raw::read(second.cast::<u32>()) as usize;
                match (address.is_null(), kind) {
                    (true, _) if length > 0 => Err(status::INVALID_PARAMETER),
                    (true, _) => Ok(Buffer::Absent),
                    (false, TYPE_BUFFER) => Ok(Buffer::Plain { address, length }),
                    (false, _) => Ok(Buffer::Pages { mdl: address.cast(), length }),
                }
            }
            _ => {
                misuse(argument, format_args!("{kind} is no type of memory descriptor"));
                Err(status::INVALID_PARAMETER)
            }
        }
    }

    /// Its bytes.
    pub(super) fn length(&self) -> usize {
        match *self {
            Buffer::Absent => 0,
            Buffer::Plain { length, .. } | Buffer::Pages { length, .. } | Buffer::Memory { length, .. } => length,
        }
    }

    /// Where its bytes are for the kernel; NULL without any.
    ///
    /// # Errors
    /// STATUS_INSUFFICIENT_RESOURCES when pages cannot be mapped.
    pub(super) fn address(&self) -> Result<*mut u8, i32> {
        match *self {
            Buffer::Absent => Ok(std::ptr::null_mut()),
            Buffer::Plain { address, .. } | Buffer::Memory { address, .. } => Ok(address),
            Buffer::Pages { mdl, .. } => {
                let mapped = mdl::map(mdl);
                if mapped.is_null() { Err(status::INSUFFICIENT_RESOURCES) } else { Ok(mapped) }
            }
        }
    }

    /// The memory object and the offset into it, for the completion parameters.
    pub(super) fn memory(&self) -> (Handle, usize) {
        match *self {
            Buffer::Memory { handle, offset, .. } => (handle, offset),
            _ => (Handle::NULL, 0),
        }
    }
}
