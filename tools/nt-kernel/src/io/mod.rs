//! The I/O manager: driver and device objects, IRPs and their way through a stack of drivers.

mod build;
mod cancel;
mod device;
mod engine;
mod exports;
mod finish;
pub(crate) mod irp;
mod send;

pub use crate::names::{create_symbolic_link, delete_symbolic_link, links};
pub use build::{Buffers, build_device_control, build_fsd, fill_device_control, fill_fsd};
pub use cancel::{acquire_cancel_lock, cancel, release_cancel_lock, set_cancel_routine};
pub use device::{
    attach, attached_top, create_device, create_driver, delete_device, delete_driver, detach, driver_name, is_device,
    lower, shutdown_devices,
};
pub use engine::{call_driver, complete};
pub use irp::{
    allocate_irp, copy_to_next, current, free_irp, given_to, initialise_irp, is_32_bit, mark_pending, next, reuse_irp,
    set_completion, set_next_location, skip,
};
pub use send::{Sent, forward_synchronously, send};

pub(crate) use build::discard;
pub(crate) use device::{count_open, left as device_objects};
pub(crate) use exports::EXPORTS;
pub(crate) use finish::Final;

pub(crate) fn reset() {
    irp::reset();
    cancel::reset();
    device::reset();
}

/// Names of major functions, for messages.
#[must_use]
pub fn major_name(major: u8) -> &'static str {
    const NAMES: [&str; 28] = [
        "IRP_MJ_CREATE",
        "IRP_MJ_CREATE_NAMED_PIPE",
        "IRP_MJ_CLOSE",
        "IRP_MJ_READ",
        "IRP_MJ_WRITE",
        "IRP_MJ_QUERY_INFORMATION",
        "IRP_MJ_SET_INFORMATION",
        "IRP_MJ_QUERY_EA",
        "IRP_MJ_SET_EA",
        "IRP_MJ_FLUSH_BUFFERS",
        "IRP_MJ_QUERY_VOLUME_INFORMATION",
        "IRP_MJ_SET_VOLUME_INFORMATION",
        "IRP_MJ_DIRECTORY_CONTROL",
        "IRP_MJ_FILE_SYSTEM_CONTROL",
        "IRP_MJ_DEVICE_CONTROL",
        "IRP_MJ_INTERNAL_DEVICE_CONTROL",
        "IRP_MJ_SHUTDOWN",
        "IRP_MJ_LOCK_CONTROL",
        "IRP_MJ_CLEANUP",
        "IRP_MJ_CREATE_MAILSLOT",
        "IRP_MJ_QUERY_SECURITY",
        "IRP_MJ_SET_SECURITY",
        "IRP_MJ_POWER",
        "IRP_MJ_SYSTEM_CONTROL",
        "IRP_MJ_DEVICE_CHANGE",
        "IRP_MJ_QUERY_QUOTA",
        "IRP_MJ_SET_QUOTA",
        "IRP_MJ_PNP",
    ];
    NAMES.get(usize::from(major)).copied().unwrap_or("an unknown major function")
}

#[cfg(test)]
mod tests;
