//! The kernel's own services, each behind a small safe type or function.

pub mod bugcheck;
pub mod device_object;
pub mod error_log;
pub mod event;
pub mod irp;
pub mod links;
pub mod mdl;
pub mod notification;
pub mod owned_irp;
pub mod properties;
pub mod spin_lock;
pub mod time;

/// KernelMode, as the functions take it.
pub const KERNEL_MODE: wdk_sys::KPROCESSOR_MODE = 0;

/// The address that `pointer` leads to, as a number.
pub fn address<T>(pointer: *const T) -> u64 {
    u64::try_from(pointer.addr()).unwrap_or(0)
}
