//! START UNIT that nobody waits for.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

use ioctl_dispatch::step::{Place, ScsiCommand};
use scsi_cdb::{Cdb, Direction};
use wdk_sys::{NTSTATUS, PWDF_REQUEST_COMPLETION_PARAMS, WDFCONTEXT, WDFIOTARGET, WDFREQUEST, WDFREQUEST__};

use crate::device::Device;
use crate::io::pass_through::PassThrough;
use crate::wdf::object::Kept;
use crate::wdf::sent_request;

const COMMAND: ScsiCommand = ScsiCommand {
    cdb: Cdb::new6([0x1B, 0, 0, 0, 1, 0]),
    direction: Direction::None,
    length: 0,
    timeout_s: 240,
    place: Place::Scratch,
};

/// How many can be on their way: each failure that asks for one gets one, and a command fails so often before it is
/// given up. One more could do no more than those.
const MOST: usize = 6;

/// Requests for the command.
pub struct StartUnits([StartUnit; MOST]);

/// One request for the command.
struct StartUnit {
    request: Kept<WDFREQUEST__>,
    busy: AtomicBool,
    block: UnsafeCell<PassThrough>,
}

// SAFETY: the block is written by whoever made it busy, and not touched by others until it is idle.
unsafe impl Sync for StartUnit {}

impl StartUnits {
    /// Makes the requests.
    ///
    /// # Errors
    /// The framework's status.
    pub fn initialize(&self, device: &Device) -> Result<(), NTSTATUS> {
        self.0.iter().try_for_each(|unit| {
            unit.request.set(sent_request::create(device.object(), device.target())?);
            Ok(())
        })
    }

    /// Sends the command; its result is of no interest. PASSIVE_LEVEL.
    pub fn send(&self, device: &Device) {
        if let Some(unit) = self.0.iter().find(|unit| !unit.busy.swap(true, Ordering::AcqRel)) {
            unit.send(device);
        }
    }
}

impl StartUnit {
    /// Sends it; this thread has made it busy.
    fn send(&self, device: &Device) {
        // SAFETY: it is busy by this thread's doing, and the port has not seen it yet.
        unsafe { &mut *self.block.get() }.fill(&COMMAND, None);
        let context = core::ptr::from_ref(self).cast_mut().cast();
        // SAFETY: our own request, which is not on its way; the block stays as it is until it has come back.
        let sent = unsafe {
            sent_request::send(
                self.request.get(),
                device.target(),
                PassThrough::location(),
                self.block.get().cast(),
                Some(came_back),
                context,
            )
        };
        if sent.is_err() {
            self.busy.store(false, Ordering::Release);
        }
    }
}

/// The command is done.
extern "C" fn came_back(
    _request: WDFREQUEST,
    _target: WDFIOTARGET,
    _params: PWDF_REQUEST_COMPLETION_PARAMS,
    context: WDFCONTEXT,
) {
    // SAFETY: `send` passed a reference to a part of the device, which waits for its target's requests before it goes.
    let start = unsafe { &*context.cast::<StartUnit>() };
    start.busy.store(false, Ordering::Release);
}
