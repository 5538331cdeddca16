//! IRP_MJ_FLUSH_BUFFERS and IRP_MJ_SHUTDOWN: they do not go through a queue, they stop one.

use ioctl_dispatch::{Completion, Job, NtStatus};
use wdk_sys::{IRP_MJ_SHUTDOWN, NTSTATUS, PIRP, WDFDEVICE};

use crate::device::Device;
use crate::io::complete::note_user_induced;
use crate::io::engine::Work;
use crate::km::irp::Irp;
use crate::status;

/// A file system wants all data to be on the medium. PASSIVE_LEVEL.
pub extern "C" fn preprocess(device: WDFDEVICE, irp: PIRP) -> NTSTATUS {
    // SAFETY: the framework calls with a live device of this driver.
    let device = unsafe { Device::of(device) };
    // SAFETY: the framework hands the IRP over.
    let irp = unsafe { Irp::new(irp) };
    let job = if u32::from(irp.location().major()) == IRP_MJ_SHUTDOWN { Job::Shutdown } else { Job::Flush };
    let completion = run(device, job);
    note_user_induced(device, irp, completion);
    irp.complete(status::to_system(completion.status))
}

fn run(device: &Device, job: Job) -> Completion {
    if device.core.with(|dispatcher| dispatcher.device.initialized) != Some(true) {
        return Completion::new(NtStatus::DEVICE_NOT_READY, 0);
    }
    device.flush.with(|()| {
        let queue = device.serial_queue();
        queue.stop();
        let completion = device.engine.with(|engine| engine.run_own(device, Work::new(job, None)));
        queue.start();
        completion
    })
}
