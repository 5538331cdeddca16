//! One drive: how the device comes, starts and goes, and what is kept of it.

pub mod add;
pub mod core;
pub mod files;
pub mod flush;
pub mod interfaces;
pub mod poll;
pub mod power;
pub mod queues;
pub mod remove;
pub mod settings;
pub mod start;

use ::core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use ioctl_dispatch::Environment;
use wdk_sys::{
    DEVICE_OBJECT, WDFDEVICE, WDFDEVICE__, WDFIOTARGET__, WDFOBJECT, WDFQUEUE__, WDFREQUEST__, WDFSTRING__, WDFTIMER__,
    WDFWORKITEM__,
};

use crate::device::core::Core;
use crate::io::engine::Engine;
use crate::io::in_hand::InHand;
use crate::io::own_work::{OwnList, OwnWork};
use crate::io::srb::SrbChannel;
use crate::io::start_unit::StartUnits;
use crate::km::bugcheck::{self, Defect};
use crate::km::device_object::DeviceObject;
use crate::km::event::{Event, Gate};
use crate::km::time;
use crate::wdf::object::{Context, ContextType, Kept, context};
use crate::wdf::queue::Queue;
use crate::wdf::target::Target;

/// All that is kept of a device, in its context. What takes memory of its own is added when the device is added and
/// when it starts; after that nothing is allocated.
pub struct Device {
    handle: Kept<WDFDEVICE__>,
    own: Kept<DEVICE_OBJECT>,
    lower: Kept<DEVICE_OBJECT>,
    physical: Kept<DEVICE_OBJECT>,
    /// N of `\Device\CdRomN`.
    pub number: AtomicU32,
    /// N of `\DosDevices\CdRomN`, which may differ.
    pub link_number: AtomicU32,
    /// The link exists.
    pub has_link: AtomicBool,
    /// The drive is in the system's count.
    pub is_counted: AtomicBool,
    /// The mounted-device interface's link, if it was registered.
    pub mounted_interface: Kept<WDFSTRING__>,
    target: Kept<WDFIOTARGET__>,
    serial_queue: Kept<WDFQUEUE__>,
    create_queue: Kept<WDFQUEUE__>,
    volume_queue: Kept<WDFQUEUE__>,
    /// Runs the serial queue's request in hand.
    pub worker: Kept<WDFWORKITEM__>,
    /// The serial queue's request in hand, until the worker has taken it.
    pub presented: Kept<WDFREQUEST__>,
    /// Ticks for media-change polls.
    pub poll_timer: Kept<WDFTIMER__>,
    /// SRBs, for whoever has the engine, and for adding and removing the device.
    pub srbs: SrbChannel,
    /// The drive is claimed.
    pub is_claimed: AtomicBool,
    /// The request to the port has come back.
    pub port_done: Event,
    /// Every decision, and what is known of the drive.
    pub core: Core,
    /// What executes the core's steps, one piece of work at a time.
    pub engine: Gate<Engine>,
    /// The piece of work in hand, as seen by those who want to end it.
    pub in_hand: InHand,
    /// Work of our own that is in the serial queue.
    pub own_list: OwnList,
    /// Media-change polls.
    pub poll: OwnWork,
    /// Default speeds after a media change.
    pub restore_speed: OwnWork,
    /// Ejects that the driver makes of itself.
    pub soft_eject: OwnWork,
    /// START UNIT without waiting.
    pub start_unit: StartUnits,
    /// One flush or shutdown at a time.
    pub flush: Gate<()>,
}

static TYPE: ContextType<Device> = ContextType::new(c"Device", &raw const TYPE);

// SAFETY: handles, numbers and truth values of zero bytes are null, 0 and false; locks are free and slots empty; gates
// are initialised before they are used.
unsafe impl Context for Device {
    fn context_type() -> &'static ContextType<Self> {
        &TYPE
    }
}

impl Device {
    /// The device of a callback's handle.
    ///
    /// # Safety
    /// A live device of this driver; the reference is used no longer than that.
    pub unsafe fn of<'a>(handle: WDFDEVICE) -> &'a Self {
        // SAFETY: as the caller promises.
        unsafe { Self::of_object(handle.cast()) }
    }

    /// The device of an object that has been made with it as parent.
    ///
    /// # Safety
    /// As for [`Self::of`].
    pub unsafe fn of_object<'a>(handle: WDFOBJECT) -> &'a Self {
        // SAFETY: as the caller promises.
        match unsafe { context::<Self>(handle) } {
            Some(device) => device,
            None => bugcheck::stop(Defect::NotThere),
        }
    }

    /// The framework's handle.
    pub fn handle(&self) -> WDFDEVICE {
        self.handle.get()
    }

    /// The handle as that of a parent.
    pub fn object(&self) -> WDFOBJECT {
        self.handle.get().cast()
    }

    /// Keeps the handle and the device objects: ours, the one below and the physical one.
    pub fn identify(&self, handle: WDFDEVICE, own: DeviceObject, lower: DeviceObject, physical: DeviceObject) {
        self.handle.set(handle);
        self.own.set(own.as_ptr());
        self.lower.set(lower.as_ptr());
        self.physical.set(physical.as_ptr());
    }

    /// Our device object.
    pub fn own(&self) -> DeviceObject {
        // SAFETY: kept by `identify`; it lives longer than this context.
        unsafe { DeviceObject::new(self.own.get()) }
    }

    /// The device object below.
    pub fn lower(&self) -> DeviceObject {
        // SAFETY: as above; we are attached to it.
        unsafe { DeviceObject::new(self.lower.get()) }
    }

    /// The physical device object.
    pub fn physical(&self) -> DeviceObject {
        // SAFETY: as above; the bus driver keeps it as long as there is a stack on it.
        unsafe { DeviceObject::new(self.physical.get()) }
    }

    /// Keeps the target and the queues.
    pub fn set_target(&self, target: Target) {
        self.target.set(target.raw());
    }

    /// The driver below.
    pub fn target(&self) -> Target {
        // SAFETY: kept by `set_target`; it lives as long as the device.
        unsafe { Target::from_raw(self.target.get()) }
    }

    /// Keeps the queues: serial, of creates, of those that wait for the volume.
    pub fn set_queues(&self, serial: Queue, create: Queue, volume: Queue) {
        self.serial_queue.set(serial.raw());
        self.create_queue.set(create.raw());
        self.volume_queue.set(volume.raw());
    }

    /// The default queue, which presents one request at a time.
    pub fn serial_queue(&self) -> Queue {
        // SAFETY: kept by `set_queues`; it lives as long as the device.
        unsafe { Queue::from_raw(self.serial_queue.get()) }
    }

    /// The queue of creates.
    pub fn create_queue(&self) -> Queue {
        // SAFETY: as above.
        unsafe { Queue::from_raw(self.create_queue.get()) }
    }

    /// The queue of requests that wait for the volume.
    pub fn volume_queue(&self) -> Queue {
        // SAFETY: as above.
        unsafe { Queue::from_raw(self.volume_queue.get()) }
    }

    /// The system's state for a call into the core.
    pub fn environment(&self, cancelled: bool) -> Environment {
        let own = self.own();
        Environment { now: time::now(), mounted: own.mounted(), verify: own.verify_volume(), cancelled }
    }

    /// N of `\Device\CdRomN`.
    pub fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }
}
