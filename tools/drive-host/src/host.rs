//! The driver around the core: serial queue, handles, buffers, timers.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ioctl_dispatch::buffers::SCRATCH_MAX;
use ioctl_dispatch::descriptors::{AdapterDescriptor, DeviceDescriptor, PowerDescriptor};
use ioctl_dispatch::device::Identity;
use ioctl_dispatch::ops::poll::FIRST_POLL;
use ioctl_dispatch::{Device, Dispatcher, Handle, HandleId, Job, NtStatus};
use virtual_drive::{MediaAction, Target};

use crate::clock::{Clock, span};
use crate::memory::Memory;
use crate::names::Access;
use crate::port::Port;
use crate::record::{Cause, Recorder};
use crate::system::System;

mod engine;
mod options;
mod submit;

pub use options::{HostError, Options};
pub use submit::{Completed, Ioctl, RequestId};

/// A piece of work for the core.
#[derive(Debug)]
pub(crate) struct Item {
    id: Option<RequestId>,
    job: Job,
    handle: Option<HandleId>,
    cause: Cause,
    memory: Memory,
    cancel_at: Option<Duration>,
    steps: u32,
}

impl Item {
    pub(crate) fn own(job: Job, cause: &'static str) -> Self {
        Self {
            id: None,
            job,
            handle: None,
            cause: Cause::Own(cause),
            memory: Memory::default(),
            cancel_at: None,
            steps: 0,
        }
    }
}

struct Open {
    state: Handle,
    access: Access,
}

/// Until when the host runs.
#[derive(Clone, Copy)]
enum Goal {
    Done(RequestId),
    Time(Duration),
    /// Until something would have to be waited for.
    Now,
}

/// The driver core with a drive, and all that it needs around it.
pub struct Host {
    pub(crate) dispatcher: Dispatcher,
    pub(crate) port: Port,
    pub(crate) clock: Clock,
    pub(crate) system: System,
    handles: BTreeMap<u64, Open>,
    pub(crate) queue: VecDeque<Item>,
    /// The work in hand while it waits, and until when.
    waiting: Option<(Item, Duration)>,
    pub(crate) parked: Vec<Item>,
    ended: BTreeMap<RequestId, Completed>,
    next_poll: Option<Duration>,
    next_id: u64,
    step_limit: u32,
    pub(crate) scratch: Vec<u8>,
    features: Vec<u8>,
}

impl Host {
    /// Starts the device on `target` and lets it settle.
    ///
    /// # Errors
    /// The start failed or has no end.
    pub fn start(target: Box<dyn Target>, options: &Options) -> Result<Self, HostError> {
        let mut host = Self::prepare(target, options);
        host.power_up(options.settle)?;
        Ok(host)
    }

    /// Sets everything up; [`Self::power_up`] follows.
    #[must_use]
    pub fn prepare(target: Box<dyn Target>, options: &Options) -> Self {
        let port = Port::new(target, options.adapter);
        let device = |property| port.descriptor(property).unwrap_or_default();
        let adapter = AdapterDescriptor::new(&device(1)).unwrap_or_default();
        let descriptor = DeviceDescriptor::new(&device(0)).unwrap_or_default();
        let always_disable = options.registry.always_disable_list();
        let device_name: Vec<u16> = r"\Device\CdRom0".encode_utf16().collect();
        let interface = r"\??\IDE#CdRomVirtual#0&0&0.0.0#{53f5630d-b6bf-11d0-94f2-00a0c91efb8b}";
        let mounted_interface: Vec<u16> = interface.encode_utf16().collect();
        let identity =
            Identity { number: 0, device_name: &device_name, mounted_interface: &mounted_interface, removal_policy: 2 };
        let settings = options.registry.settings(&always_disable);
        let device = Device::new(&identity, &settings, adapter, descriptor, PowerDescriptor::default());
        let clock =
            if options.real_time { Clock::Real(std::time::Instant::now()) } else { Clock::Virtual(Duration::ZERO) };
        let scratch = vec![0; usize::try_from(device.limits.scratch_length()).unwrap_or(SCRATCH_MAX)];
        Self {
            dispatcher: Dispatcher::new(device),
            port,
            clock,
            system: System { registry: options.registry.clone(), ..System::default() },
            handles: BTreeMap::new(),
            queue: VecDeque::new(),
            waiting: None,
            parked: Vec::new(),
            ended: BTreeMap::new(),
            next_poll: None,
            next_id: 1,
            step_limit: options.step_limit,
            scratch,
            features: vec![0; SCRATCH_MAX],
        }
    }

    /// Runs the start sequence, then lets `settle` pass.
    ///
    /// # Errors
    /// The start failed or has no end.
    pub fn power_up(&mut self, settle: Duration) -> Result<(), HostError> {
        let id = self.submit(Job::Start, None, Memory::default(), Cause::Own("start"), None);
        let started = self.wait(id)?;
        if !started.status.is_success() {
            return Err(HostError::Start(started.status));
        }
        let period = self.dispatcher.device.poll_period();
        self.next_poll = period.map(|_| self.clock.now() + span(FIRST_POLL));
        self.advance(settle)
    }

    /// The core, to look at.
    #[must_use]
    pub fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    /// The system's state.
    pub fn system(&mut self) -> &mut System {
        &mut self.system
    }

    /// What was sent.
    pub fn recorder(&mut self) -> &mut Recorder {
        &mut self.port.recorder
    }

    /// What was found since the last call: things that a driver must not do.
    pub fn take_findings(&mut self) -> Vec<String> {
        self.port.take_findings()
    }

    /// Time since the session began.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// One line about the drive.
    pub fn describe(&mut self) -> String {
        self.port.target().describe()
    }

    /// Does something to the drive by hand.
    ///
    /// # Errors
    /// What the drive says.
    pub fn act(&mut self, action: &MediaAction) -> Result<(), String> {
        let now = self.clock.now();
        self.port.target().act(action, now)
    }

    /// Opens a handle.
    pub fn open(&mut self, access: Access) -> HandleId {
        let id = HandleId(self.next_id());
        self.handles.insert(id.0, Open { state: Handle::new(id), access });
        id
    }

    /// Closes a handle: what still waits for it is cancelled, then the core cleans up. `cause` says where the commands
    /// belong.
    ///
    /// # Errors
    /// The handle is not open, or the clean-up has no end.
    pub fn close(&mut self, handle: HandleId, cause: Cause) -> Result<(), HostError> {
        if !self.handles.contains_key(&handle.0) {
            return Err(HostError::NoHandle(handle));
        }
        let now = self.clock.now();
        let waiting = self.waiting.as_mut().map(|(item, _)| item).into_iter();
        for item in waiting.chain(&mut self.queue).chain(&mut self.parked) {
            if item.handle == Some(handle) {
                item.cancel_at = Some(now);
            }
        }
        let id = self.submit(Job::Cleanup, Some(handle), Memory::default(), cause, None);
        self.wait(id)?;
        self.handles.remove(&handle.0);
        self.run(Goal::Now)
    }

    /// Handles that are open.
    #[must_use]
    pub fn open_handles(&self) -> Vec<HandleId> {
        self.handles.keys().copied().map(HandleId).collect()
    }

    /// Whether a request has ended.
    #[must_use]
    pub fn has_ended(&self, id: RequestId) -> bool {
        self.ended.contains_key(&id)
    }

    /// Runs until the request has ended, and what it set off as far as it needs no waiting.
    ///
    /// A request that nothing here can ever end is cancelled, which is a finding.
    ///
    /// # Errors
    /// Some work has no end.
    pub fn wait(&mut self, id: RequestId) -> Result<Completed, HostError> {
        self.run(Goal::Done(id))?;
        let completed = self.ended.remove(&id).unwrap_or(Completed {
            status: NtStatus::INVALID_DEVICE_STATE,
            information: 0,
            memory: Memory::default(),
        });
        self.run(Goal::Now)?;
        Ok(completed)
    }

    /// Takes a request that has ended already.
    pub fn take_ended(&mut self, id: RequestId) -> Option<Completed> {
        self.ended.remove(&id)
    }

    /// Runs what can run without waiting.
    ///
    /// # Errors
    /// Some work has no end.
    pub fn run_ready(&mut self) -> Result<(), HostError> {
        self.run(Goal::Now)
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// Some work has no end.
    pub fn advance(&mut self, time: Duration) -> Result<(), HostError> {
        self.run(Goal::Time(self.clock.now().saturating_add(time)))
    }
}
