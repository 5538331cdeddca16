//! The end of a device: what its object's disposal does, and what follows the REMOVE IRP.

use std::rc::Rc;

use nt_kernel::io;
use nt_machine::findings::{self, Rule};

use super::{BY_WDM, Device};
use crate::objects;
use crate::request::{self, Place};

/// The part of a device's disposal that precedes its own `EvtCleanup`; its children are disposed already.
pub(super) fn dispose(device: &Device) {
    device.delete_symbolic_link();
}

/// After `EvtDestroy`: nothing is left but the WDM object, if removal has not deleted it.
pub(super) fn destroy(device: &Device) {
    delete_wdm(device);
}

fn delete_wdm(device: &Device) {
    let wdm = device.wdm.replace(std::ptr::null_mut());
    if wdm.is_null() {
        return;
    }
    BY_WDM.with_borrow_mut(|known| known.remove(&(wdm as usize)));
    io::delete_device(wdm);
}

impl Device {
    /// Requests that no queue waits for and that nobody will complete.
    fn report_forgotten(&self) {
        for request in request::of_device(self.wdm.get()) {
            if request.place.get() == Place::Outside && !request.sending.is_sent() {
                let created = objects::any(request.handle.get(), "Request").created_by;
                findings::report_at(
                    Rule::Lost,
                    "EvtIoInCallerContext",
                    "Request",
                    created.caller,
                    format_args!("{} was never completed, queued or sent", request.describe()),
                );
            }
        }
    }

    /// First half of the final removal, before REMOVE goes down: disposes the children and runs the device's
    /// `EvtCleanup`, waits for postponed disposals and for IRPs inside the device.
    pub fn begin_removal(self: &Rc<Self>) {
        self.io.forbid_accepting();
        self.report_forgotten();
        objects::begin_delete(self.handle.get());
        objects::wait_for_disposals();
        self.remove_lock.drain();
    }

    /// Second half, after REMOVE came back: detaches and deletes the WDM object and drops the device's reference.
    pub fn end_removal(self: &Rc<Self>) {
        let lower = self.attached.replace(std::ptr::null_mut());
        if !lower.is_null() {
            io::detach(lower);
        }
        delete_wdm(self);
        objects::end_delete(self.handle.get());
        objects::wait_for_disposals();
    }
}
