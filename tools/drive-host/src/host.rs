//! The driver around the core: serial queue, handles, buffers, timers.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ioctl_dispatch::arrival::Arrival;
use ioctl_dispatch::buffers::SCRATCH_MAX;
use ioctl_dispatch::descriptors::{AdapterDescriptor, DeviceDescriptor, PowerDescriptor};
use ioctl_dispatch::device::Identity;
use ioctl_dispatch::ioctl::{ControlCode, Method};
use ioctl_dispatch::request::{Irql, Transfer};
use ioctl_dispatch::step::PortReply;
use ioctl_dispatch::{
    Buffers, Completion, Device, Dispatcher, Environment, Handle, HandleId, Job, NtStatus, Outcome, Request, Step,
};
use virtual_drive::{MediaAction, Target};

use crate::adapter::Adapter;
use crate::clock::{Clock, span};
use crate::memory::Memory;
use crate::names::Access;
use crate::pass_through;
use crate::port::Port;
use crate::record::{Cause, Recorder};
use crate::registry::Registry;
use crate::system::System;

mod engine;

/// How a session is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The adapter above the drive.
    pub adapter: Adapter,
    /// Registry values at the start.
    pub registry: Registry,
    /// Use the machine's clock and wait for real, as a real drive needs it.
    pub real_time: bool,
    /// How long the device is left alone after its start, for the first polls.
    pub settle: Duration,
    /// The most steps that one piece of work may take.
    pub step_limit: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            adapter: Adapter::default(),
            registry: Registry::default(),
            real_time: false,
            settle: Duration::from_secs(2),
            step_limit: 100_000,
        }
    }
}

/// What ends a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The device did not start.
    #[error("the device did not start: {0}")]
    Start(NtStatus),
    /// A piece of work has no end.
    #[error("{what} took more than {steps} steps and was given up; this is a fault of the driver core")]
    Endless {
        /// The job.
        what: String,
        /// The limit.
        steps: u32,
    },
    /// No such handle.
    #[error("handle {0:?} is not open")]
    NoHandle(HandleId),
}

/// Identifies a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

/// A device-control request.
#[derive(Clone, Debug)]
pub struct Ioctl {
    /// The control code.
    pub code: ControlCode,
    /// The handle; `None` for a request without a file object.
    pub handle: Option<HandleId>,
    /// Input bytes.
    pub input: Vec<u8>,
    /// Output buffer length.
    pub output_length: u32,
    /// RequestorMode is KernelMode.
    pub kernel_mode: bool,
    /// The caller is a 32-bit process.
    pub wow64: bool,
    /// Flags of the stack location.
    pub stack_flags: u8,
    /// Where in a page a direct output buffer starts.
    pub mdl_offset: u32,
}

impl Ioctl {
    /// A request of a user's program.
    #[must_use]
    pub fn new(code: ControlCode, handle: HandleId, input: &[u8], output_length: u32) -> Self {
        Self {
            code,
            handle: Some(handle),
            input: input.to_vec(),
            output_length,
            kernel_mode: false,
            wow64: false,
            stack_flags: 0,
            mdl_offset: 0,
        }
    }
}

/// A request that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// `IoStatus.Status`.
    pub status: NtStatus,
    /// `IoStatus.Information`.
    pub information: u64,
    /// Its buffers.
    pub memory: Memory,
}

impl Completed {
    /// What the caller gets back: the output up to Information, nothing after an error.
    #[must_use]
    pub fn returned(&self) -> &[u8] {
        let output = self.memory.output();
        let length = usize::try_from(self.information).unwrap_or(usize::MAX).min(output.len());
        if self.status.is_error() { &[] } else { &output[..length] }
    }
}

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
        self.next_poll = Some(self.clock.now() + Duration::from_millis(100));
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

    /// Hands a device-control request to the driver; it is cancelled at `cancel_after` from now.
    ///
    /// # Errors
    /// The handle is not open.
    pub fn control(&mut self, ioctl: &Ioctl, cancel_after: Option<Duration>) -> Result<RequestId, HostError> {
        let memory = match ioctl.code.method() {
            Method::OutDirect => Memory::out_direct(&ioctl.input, ioctl.output_length, ioctl.mdl_offset),
            _ => Memory::buffered(&ioctl.input, ioctl.output_length),
        };
        let request = Request {
            code: ioctl.code,
            input_length: u32::try_from(ioctl.input.len()).unwrap_or(u32::MAX),
            output_length: ioctl.output_length,
            handle: ioctl.handle,
            kernel_mode: ioctl.kernel_mode,
            wow64: ioctl.wow64,
            stack_flags: ioctl.stack_flags,
            irql: Irql::Passive,
            system_address: memory.system_address(),
            mdl: memory.mdl(),
            type3_input: None,
        };
        let mut item = self.item(Job::Control(request), ioctl.handle, memory, Cause::Request, cancel_after);
        let id = RequestId(self.next_id());
        item.id = Some(id);
        let access = match ioctl.handle {
            Some(handle) => self.handles.get(&handle.0).ok_or(HostError::NoHandle(handle))?.access,
            None => Access::ReadWrite,
        };
        if !ioctl.kernel_mode && !access.permits(ioctl.code) {
            self.finish(item, Completion::new(NtStatus::ACCESS_DENIED, 0));
            return Ok(id);
        }
        self.port.recorder.go_on(Cause::Request);
        let arrival = self.lend(&mut item, |dispatcher, handle, environment, buffers| {
            dispatcher.arrive(&request, handle, environment, buffers)
        });
        self.arrived(arrival, &request, item);
        Ok(id)
    }

    fn arrived(&mut self, arrival: Arrival, request: &Request, mut item: Item) {
        match arrival {
            Arrival::Complete(completion) => self.finish(item, completion),
            Arrival::Queue | Arrival::QueueInCallerThread => self.queue.push_back(item),
            Arrival::Forward => {
                let completion = self.pass_down(request, None, &mut item);
                self.finish(item, completion);
            }
            Arrival::Ask(call) => {
                let (status, value) = self.ask(call);
                let completion = self.lend(&mut item, |dispatcher, _, environment, buffers| {
                    dispatcher.answer(request, status, value, environment, buffers)
                });
                self.finish(item, completion);
            }
        }
    }

    /// Hands a read or write to the driver.
    ///
    /// # Errors
    /// The handle is not open.
    pub fn transfer(
        &mut self,
        mut transfer: Transfer,
        memory: Memory,
        cancel_after: Option<Duration>,
    ) -> Result<RequestId, HostError> {
        if let Some(handle) = transfer.handle.filter(|handle| !self.handles.contains_key(&handle.0)) {
            return Err(HostError::NoHandle(handle));
        }
        transfer.mdl = memory.mdl().unwrap_or(transfer.mdl);
        Ok(self.submit(Job::Transfer(transfer), transfer.handle, memory, Cause::Request, cancel_after))
    }

    /// Hands a flush (or a shutdown) to the driver.
    ///
    /// # Errors
    /// The handle is not open.
    pub fn flush(&mut self, shutdown: bool, handle: Option<HandleId>) -> Result<RequestId, HostError> {
        if let Some(handle) = handle.filter(|handle| !self.handles.contains_key(&handle.0)) {
            return Err(HostError::NoHandle(handle));
        }
        let job = if shutdown { Job::Shutdown } else { Job::Flush };
        Ok(self.submit(job, handle, Memory::default(), Cause::Request, None))
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
