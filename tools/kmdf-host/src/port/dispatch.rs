//! The port's dispatch routines, and its device object.

use nt_kernel::io;
use nt_kernel::layout::{
    DEVICE_OBJECT, DO_BUS_ENUMERATED_DEVICE, DO_DEVICE_INITIALIZING, DO_DIRECT_IO, DO_POWER_PAGABLE, DRIVER_DISPATCH,
    DRIVER_OBJECT, IRP, IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_CREATE, IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_PNP, IRP_MJ_POWER, IRP_MJ_SYSTEM_CONTROL,
};
use nt_kernel::{get, put, status};

use super::engine::complete;
use super::{controls, pnp, scsi};

/// The routines by major function; the others stay with the kernel's, which refuses.
const ROUTINES: &[(u8, DRIVER_DISPATCH)] = &[
    (IRP_MJ_CREATE, open),
    (IRP_MJ_CLEANUP, open),
    (IRP_MJ_CLOSE, open),
    (IRP_MJ_DEVICE_CONTROL, controls::dispatch),
    (IRP_MJ_INTERNAL_DEVICE_CONTROL, scsi::dispatch),
    (IRP_MJ_PNP, pnp::dispatch),
    (IRP_MJ_POWER, pnp::dispatch_power),
    (IRP_MJ_SYSTEM_CONTROL, leave),
];

/// Fills the port's driver object.
pub fn fill(driver: *mut DRIVER_OBJECT) {
    let mut routines = get!(driver, MajorFunction);
    for (major, routine) in ROUTINES {
        routines[usize::from(*major)] = Some(*routine);
    }
    put!(driver, MajorFunction, routines);
}

/// Makes the device object ready for use.
pub fn prepare(pdo: *mut DEVICE_OBJECT) {
    let set = DO_BUS_ENUMERATED_DEVICE | DO_POWER_PAGABLE | DO_DIRECT_IO;
    put!(pdo, Flags, (get!(pdo, Flags) | set) & !DO_DEVICE_INITIALIZING);
}

extern "win64" fn open(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    complete(irp, status::SUCCESS, 0)
}

/// Requests that the bus driver completes without changing their status.
extern "win64" fn leave(_device: *mut DEVICE_OBJECT, irp: *mut IRP) -> i32 {
    let status = get!(irp, IoStatus.Status);
    io::complete(irp, 0);
    status
}
