//! The vocabulary of the device machine: what it may ask of a device, one step at a time.

/// A device power state as the power callbacks see it (`WDF_POWER_DEVICE_STATE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Power {
    /// Working.
    D0 = 1,
    /// Light sleep.
    D1 = 2,
    /// Deeper sleep.
    D2 = 3,
    /// Off, to be woken again.
    D3 = 4,
    /// Off for good: stop, removal, shutdown, and the state before the first start.
    D3Final = 5,
    /// Kept ready to take the hibernation file.
    PrepareForHibernation = 6,
}

impl Power {
    /// The state that a `DEVICE_POWER_STATE` of a power IRP names.
    #[must_use]
    pub const fn from_device_state(state: i32) -> Option<Power> {
        match state {
            1 => Some(Power::D0),
            2 => Some(Power::D1),
            3 => Some(Power::D2),
            4 => Some(Power::D3),
            _ => None,
        }
    }
}

/// One thing that the machine asks of a device. Those named after an `EvtDevice` callback call it when there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `EvtDevicePrepareHardware`.
    PrepareHardware,
    /// `EvtDeviceReleaseHardware`.
    ReleaseHardware,
    /// Ask the stack for its capabilities (only the power policy owner does).
    QueryCapabilities,
    /// `EvtDeviceD0Entry`, with the state that the device comes from.
    D0Entry(Power),
    /// `EvtDeviceD0EntryPostInterruptsEnabled`, likewise.
    D0EntryPostInterruptsEnabled(Power),
    /// Present requests from power-managed queues again; `EvtIoResume` for those that the driver kept.
    ResumeQueues,
    /// `EvtDeviceSelfManagedIoInit`.
    SelfManagedIoInit,
    /// `EvtDeviceSelfManagedIoRestart`.
    SelfManagedIoRestart,
    /// Enable the interfaces that are to be enabled by the framework.
    EnableInterfaces,
    /// `EvtDeviceSelfManagedIoSuspend`.
    SelfManagedIoSuspend,
    /// Hold the power-managed queues: `EvtIoStop(Suspend)` for what the driver owns, and wait for it.
    HoldQueues,
    /// `EvtDeviceD0ExitPreInterruptsDisabled`, with the state that the device goes to.
    D0ExitPreInterruptsDisabled(Power),
    /// `EvtDeviceD0Exit`, likewise.
    D0Exit(Power),
    /// Disable all interfaces and delete the symbolic link.
    DisableInterfaces,
    /// Cancel what waits in power-managed queues, `EvtIoStop(Purge)` for what the driver owns, and wait for it.
    PurgeManagedQueues,
    /// `EvtDeviceSelfManagedIoFlush`.
    SelfManagedIoFlush,
    /// As [`Step::PurgeManagedQueues`], for the other queues.
    PurgeOtherQueues,
    /// `EvtDeviceSelfManagedIoCleanup`.
    SelfManagedIoCleanup,
    /// `EvtDeviceSurpriseRemoval`.
    SurpriseRemoval,
    /// `EvtDeviceQueryStop`.
    QueryStop,
    /// `EvtDeviceQueryRemove`.
    QueryRemove,
    /// Bring a sleeping device of the power policy owner to D0 with a power IRP.
    Wake,
    /// Tell the PnP manager that the device's state changed, so that it asks and learns of the failure.
    InvalidateState,
}

/// What the machine acts on: the real device, or a recording in the tests.
pub trait Device {
    /// Does one step. The status of a step that cannot fail is not looked at.
    fn perform(&self, step: Step) -> i32;
    /// Whether this driver owns the power policy of its stack.
    fn owns_power_policy(&self) -> bool;
    /// Why a stop or removal may not even be asked of the driver, if it may not: static-stop count, special file in use.
    fn refuses_query(&self) -> Option<i32>;
    /// An event came that this state of the device does not allow.
    fn out_of_order(&self, text: &str);
}
