//! Whole request sequences against a drive that lies: the input draws the drive's facts, the requests, every answer of
//! the drive, what the system says and when something is cancelled.
//!
//! Whatever comes, each piece of work ends, after a bounded number of steps and a bounded time of waiting; commands
//! keep within the buffers and the limits of the adapter; no more is returned than there is room for; nothing that is
//! returned or sent to the drive depends on bytes that nobody wrote; no effect is lost; nothing is sent after a
//! cancellation; and closing the handles gives everything back.

use ioctl_dispatch::arrival::Arrival;
use ioctl_dispatch::descriptors::{AdapterDescriptor, DeviceDescriptor, PowerDescriptor};
use ioctl_dispatch::device::Identity;
use ioctl_dispatch::registry::Settings;
use ioctl_dispatch::request::{Mdl, Transfer};
use ioctl_dispatch::step::{Place, PlatformCall, PortReply, ScsiCommand};
use ioctl_dispatch::time::Ticks;
use ioctl_dispatch::{
    Buffers, Completion, Device, Dispatcher, Effect, Environment, Handle, HandleId, Job, NtStatus, Outcome, Request,
    Step,
};
use scsi_cdb::Direction;

use crate::arrivals;
use crate::golden::GOLDEN;
use crate::source::Source;

/// Most steps of one piece of work: a transfer is retried for 160 s, and each attempt takes at least 20 ms here.
const STEPS: u32 = 10_000;

/// Most time that one piece of work spends waiting, beside the commands themselves.
const WAITING: Ticks = Ticks::seconds(600);

/// Most pieces of work of one run.
const JOBS: usize = 24;

/// Statuses with which ports fail requests.
const PORT_FAILURES: [NtStatus; 8] = [
    NtStatus::IO_TIMEOUT,
    NtStatus::DEVICE_NOT_CONNECTED,
    NtStatus::DEVICE_BUSY,
    NtStatus::INSUFFICIENT_RESOURCES,
    NtStatus::CANCELLED,
    NtStatus::DATA_OVERRUN,
    NtStatus::INVALID_DEVICE_REQUEST,
    NtStatus(0xDEAD_BEEF),
];

/// Sense keys with codes that have a meaning of their own to the driver.
const SENSES: [[u8; 3]; 16] = [
    [2, 0x04, 0x01],
    [2, 0x04, 0x00],
    [2, 0x3A, 0x00],
    [2, 0x04, 0x07],
    [3, 0x11, 0x00],
    [4, 0x44, 0x00],
    [5, 0x20, 0x00],
    [5, 0x24, 0x00],
    [5, 0x55, 0x00],
    [5, 0x6F, 0x01],
    [5, 0x64, 0x00],
    [6, 0x28, 0x00],
    [6, 0x29, 0x00],
    [0xB, 0x00, 0x00],
    [1, 0x5D, 0x00],
    [7, 0x27, 0x00],
];

/// One sequence, twice: with other bytes where nobody has written yet.
///
/// # Panics
/// When something of the above does not hold.
pub fn run(data: &[u8]) {
    let first = Session::new(data, 0xA5).run();
    let second = Session::new(data, 0x5A).run();
    for (index, (first, second)) in first.iter().zip(&second).enumerate() {
        assert_eq!(first, second, "event {index} depends on bytes that nobody wrote");
    }
    assert_eq!(first.len(), second.len());
}

/// What can be seen from outside.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    Sent(ScsiCommand, Vec<u8>),
    Asked(PlatformCall),
    Ended(Job, Ending, Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Completed(Completion),
    PassedDown,
    Parked,
}

struct Session<'a> {
    source: Source<'a>,
    dispatcher: Dispatcher,
    handles: [Handle; 2],
    scratch: Vec<u8>,
    features: Vec<u8>,
    environment: Environment,
    waiting: Vec<Job>,
    events: Vec<Event>,
    fill: u8,
}

impl<'a> Session<'a> {
    fn new(data: &'a [u8], fill: u8) -> Self {
        let mut source = Source::new(data);
        let device = device(&mut source);
        let scratch = vec![fill; device.limits.scratch_length() as usize];
        Self {
            source,
            dispatcher: Dispatcher::new(device),
            handles: [Handle::new(HandleId(0xA)), Handle::new(HandleId(0xB))],
            scratch,
            features: vec![0; 0x1_0000],
            environment: Environment { now: Ticks::ZERO, mounted: false, verify: false, cancelled: false },
            waiting: Vec::new(),
            events: Vec::new(),
            fill,
        }
    }

    fn run(mut self) -> Vec<Event> {
        self.execute(Job::Start, None, Vec::new());
        if !self.source.one_in(4) {
            self.assume_a_good_start();
        }
        let jobs = 1 + self.source.below(JOBS);
        for _ in 0..jobs {
            self.one();
            while let Some(job) = self.waiting.pop() {
                self.execute(job, None, Vec::new());
            }
        }
        for handle in 0..self.handles.len() {
            self.execute(Job::Cleanup, Some(handle), Vec::new());
        }
        assert!(self.dispatcher.device.exclusive.is_none(), "exclusive access outlives its handle");
        self.execute(Job::PowerDown { last: true, watchdog_s: 0 }, None, Vec::new());
        self.events
    }

    /// As if the drive had told the truth so far; what few answers would tell.
    fn assume_a_good_start(&mut self) {
        let device = &mut self.dispatcher.device;
        let flags = self.source.byte();
        device.initialized = true;
        device.is_mmc = flags & 1 == 0;
        device.is_dvd = flags & 2 == 0;
        device.is_aacs = flags & 4 == 0;
        device.is_writer = flags & 8 == 0;
        device.capability.write_allowed = flags & 0x30 != 0;
        device.capability.schema = self.source.pick(&[0, 0x20, 0x21, 0x24, 0x26, 0x2C]);
        device.capability.blocking = self.source.pick(&[1, 16, 32]);
        device.c2_pointers = flags & 0x40 == 0;
        device.raw_sub_channel = flags & 0x80 == 0;
        device.geometry.update(Ok(&[0, 0x25, 0x80, 0, 0, 0, 8, 0]));
    }

    fn one(&mut self) {
        self.environment.now.0 += u64::from(self.source.word());
        self.environment.mounted = self.source.one_in(2);
        let handle = self.source.pick(&[Some(0), Some(1), None]);
        match self.source.below(16) {
            0 | 1 => {
                let transfer = self.transfer(handle);
                self.execute(Job::Transfer(transfer), handle, Vec::new());
            }
            2 => self.execute(Job::Poll, None, Vec::new()),
            3 => {
                let job = self.source.pick(&[
                    Job::Flush,
                    Job::Shutdown,
                    Job::RestoreSpeed,
                    Job::PowerDown { last: false, watchdog_s: 30 },
                    Job::PowerUp,
                    Job::Display(false),
                    Job::Display(true),
                ]);
                self.execute(job, None, Vec::new());
            }
            4 => self.execute(Job::Cleanup, handle.or(Some(0)), Vec::new()),
            _ => self.control(handle),
        }
    }

    fn transfer(&mut self, handle: Option<usize>) -> Transfer {
        let length = match self.source.below(8) {
            0 => self.source.word() & 0x000F_FFFF,
            _ => 2048 * (self.source.word() & 0x7F),
        };
        let offset = match self.source.below(8) {
            0 => self.source.long().cast_signed(),
            1 => i64::from(self.source.word()) * 2048,
            _ => i64::from(self.source.word() & 0x001F_FFFF) * 2048,
        };
        Transfer {
            write: self.source.one_in(2),
            offset,
            length,
            mdl: Mdl { address: u64::from(self.source.word()), byte_count: length },
            handle: handle.map(|index| self.handles[index].id),
            stack_flags: self.source.byte(),
            minor: self.source.pick(&[0, 0x34]),
            paging: self.source.one_in(4),
        }
    }

    fn control(&mut self, handle: Option<usize>) {
        let id = handle.map(|index| self.handles[index].id);
        let request = arrivals::request(&mut self.source, id);
        let mut system = arrivals::system_buffer(&mut self.source, &request, self.fill);
        let mut buffers = Buffers { scratch: &mut self.scratch, features: &mut self.features, system: &mut system };
        let own = handle.map(|index| &mut self.handles[index]);
        let arrival = self.dispatcher.arrive(&request, own, &self.environment, &mut buffers);
        self.drain();
        let ending = match arrival {
            Arrival::Complete(completion) => Ending::Completed(completion),
            Arrival::Queue | Arrival::QueueInCallerThread => {
                return self.execute(Job::Control(request), handle, system);
            }
            Arrival::Forward => Ending::PassedDown,
            Arrival::Ask(call) => {
                self.events.push(Event::Asked(call));
                let (status, value) = self.platform(call);
                let mut buffers =
                    Buffers { scratch: &mut self.scratch, features: &mut self.features, system: &mut system };
                Ending::Completed(self.dispatcher.answer(&request, status, value, &self.environment, &mut buffers))
            }
        };
        self.ended(Job::Control(request), ending, &system);
    }

    /// Runs `job` to its end.
    fn execute(&mut self, job: Job, handle: Option<usize>, mut system: Vec<u8>) {
        let begun = self.environment.now;
        let mut commands = Ticks::ZERO;
        let mut sense = Vec::new();
        self.environment.cancelled = self.source.one_in(64);
        let mut step = self.call(None, job, handle, &mut system);
        for _ in 0..STEPS {
            if self.environment.cancelled && matches!(job, Job::Control(_) | Job::Transfer(_)) {
                assert!(!matches!(step, Step::Send(_) | Step::Wait(_)), "{job:?} goes on after its cancellation");
            }
            let spent = self.environment.now.since(begun).since(commands);
            assert!(spent <= WAITING, "{job:?} has waited for {} ms", spent.as_milliseconds());
            let outcome = match step {
                Step::Send(command) => {
                    self.check(&job, &command);
                    let duration = Ticks::milliseconds(20 + u64::from(self.source.byte()));
                    commands.0 += duration.0;
                    self.environment.now.0 += duration.0;
                    Outcome::Command(self.answer(&command, &mut sense))
                }
                Step::Wait(time) => {
                    self.environment.now.0 += time.0;
                    Outcome::Waited
                }
                Step::Platform(call) => {
                    self.events.push(Event::Asked(call));
                    let (status, value) = self.platform(call);
                    Outcome::Platform { status, value }
                }
                Step::Complete(completion) => return self.ended(job, Ending::Completed(completion), &system),
                Step::Forward { .. } => return self.ended(job, Ending::PassedDown, &system),
                Step::Park => return self.ended(job, Ending::Parked, &system),
            };
            self.environment.cancelled |= self.source.one_in(128);
            step = self.call(Some(outcome), job, handle, &mut system);
        }
        panic!("{job:?} has not ended after {STEPS} steps: {:?}", self.dispatcher.state());
    }

    /// One call of the dispatcher, its effects taken.
    fn call(&mut self, outcome: Option<Outcome<'_>>, job: Job, handle: Option<usize>, system: &mut [u8]) -> Step {
        let mut buffers = Buffers { scratch: &mut self.scratch, features: &mut self.features, system };
        let own = handle.map(|index| &mut self.handles[index]);
        let step = match outcome {
            None => self.dispatcher.begin(job, own, &self.environment, &mut buffers),
            Some(outcome) => self.dispatcher.resume(outcome, own, &self.environment, &mut buffers),
        };
        self.drain();
        step
    }

    fn drain(&mut self) {
        while let Some(effect) = self.dispatcher.take_effect() {
            match effect {
                Effect::SetVerifyVolume => self.environment.verify = true,
                Effect::RestoreSpeed => self.waiting.push(Job::RestoreSpeed),
                Effect::Poll => self.waiting.push(Job::Poll),
                _ => {}
            }
        }
        self.waiting.truncate(4);
        assert_eq!(self.dispatcher.device.effects.lost(), 0, "an effect found no place");
    }

    /// A command is one that a port takes.
    fn check(&mut self, job: &Job, command: &ScsiCommand) {
        assert!((1..=108_000).contains(&command.timeout_s), "{command:?}");
        assert_eq!(command.direction == Direction::None, command.length == 0, "{command:?}");
        assert!((6..=16).contains(&command.cdb.as_bytes().len()), "{command:?}");
        let mut sent = Vec::new();
        match command.place {
            Place::Scratch => {
                let length = command.length as usize;
                assert!(length <= self.scratch.len(), "{command:?}");
                if command.direction == Direction::Out {
                    sent = self.scratch[..length].to_vec();
                }
            }
            Place::Caller { offset } => {
                let mdl = match job {
                    Job::Transfer(transfer) => Some(transfer.mdl),
                    Job::Control(request) => request.mdl,
                    _ => None,
                };
                let mdl = mdl.expect("a command for the caller's pages belongs to a request that has some");
                let end = offset.checked_add(command.length).expect("an end");
                assert!(end <= mdl.byte_count, "{command:?} of {mdl:?}");
                assert!(command.length <= self.dispatcher.device.limits.aligned, "{command:?}");
            }
        }
        self.events.push(Event::Sent(*command, sent));
    }

    /// What the drive says: a good answer, a distorted one, noise, or a failure.
    fn answer<'s>(&mut self, command: &ScsiCommand, sense: &'s mut Vec<u8>) -> PortReply<'s> {
        let mut reply =
            PortReply { status: NtStatus::SUCCESS, scsi_status: 0, sense: &[], transferred: command.length };
        // 0 is noise, 1 and 2 are distorted, 6 is sense, 7 a failure of the port; the others are good answers.
        let kind = self.source.pick(&[0, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 6, 6, 6, 7]);
        if command.direction == Direction::In && kind < 6 {
            let answer = self.data(command, kind);
            reply.transferred = u32::try_from(answer.len()).expect("at most the length of the command");
            if command.place == Place::Scratch {
                self.scratch[..answer.len()].copy_from_slice(&answer);
            }
            if self.source.one_in(16) {
                reply.transferred = self.source.word();
                // More than was sent is a lie about bytes that the dispatcher has cleared.
                reply.transferred = reply.transferred.max(u32::try_from(answer.len()).unwrap_or(u32::MAX));
            }
        }
        match kind {
            6 => {
                reply.scsi_status = 2;
                let [key, asc, ascq] = self.source.pick(&SENSES);
                sense.clear();
                sense.extend([0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, ascq, 0, 0, 0, 0]);
                if self.source.one_in(4) {
                    let length = self.source.below(64);
                    sense.resize(length, 0);
                    self.source.fill(sense);
                }
                reply.sense = sense;
                reply.transferred = 0;
            }
            7 => {
                reply.transferred = 0;
                match self.source.below(3) {
                    0 => reply.scsi_status = self.source.byte(),
                    1 => reply.status = self.source.pick(&PORT_FAILURES),
                    _ => reply.status = NtStatus(self.source.word()),
                }
            }
            _ => {}
        }
        reply
    }

    fn data(&mut self, command: &ScsiCommand, kind: usize) -> Vec<u8> {
        let room = command.length as usize;
        let opcode = command.cdb.opcode().0;
        let of_this_command: Vec<_> = GOLDEN.iter().filter(|(code, _)| *code == opcode).collect();
        let mut answer = match kind {
            0 => {
                let mut noise = vec![0; 1 + self.source.below(64)];
                self.source.fill(&mut noise);
                noise.iter().copied().cycle().take(room).collect()
            }
            _ if of_this_command.is_empty() => vec![0; room],
            _ => of_this_command[self.source.below(of_this_command.len())].1.to_vec(),
        };
        if kind < 3 && !answer.is_empty() {
            for _ in 0..=self.source.below(3) {
                let at = self.source.below(answer.len().min(64));
                answer[at] = self.source.byte();
            }
            let length = self.source.below(answer.len() + 1);
            answer.truncate(if self.source.one_in(2) { length } else { usize::MAX });
        }
        answer.truncate(room);
        answer
    }

    fn platform(&mut self, call: PlatformCall) -> (NtStatus, u64) {
        let status = if self.source.one_in(4) { self.source.pick(&PORT_FAILURES) } else { NtStatus::SUCCESS };
        let value = self.source.long() >> self.source.below(64);
        if let PlatformCall::QueryPortProperty { .. } = call {
            // The answer that the value promises is really there: this port is the system's, not the drive's.
            let length = usize::try_from(value & 0x3FF).unwrap_or(0).min(self.scratch.len());
            self.source.fill(&mut self.scratch[..length]);
            return (status, length as u64);
        }
        (status, value)
    }

    fn ended(&mut self, job: Job, ending: Ending, system: &[u8]) {
        self.environment.cancelled = false;
        assert!(self.dispatcher.state().is_none(), "{job:?} has ended and is still in hand");
        let mut returned = Vec::new();
        if let Ending::Completed(completion) = ending
            && !completion.status.is_error()
        {
            let length = usize::try_from(completion.information).expect("a length");
            match job {
                Job::Control(Request { output_length, code, .. }) => {
                    assert!(length <= output_length as usize, "{code}: {length} of {output_length} bytes");
                    returned = system[..length].to_vec();
                }
                Job::Transfer(Transfer { length: most, .. }) => {
                    assert!(length <= most as usize, "{length} of {most} bytes");
                }
                _ => {}
            }
        }
        self.events.push(Event::Ended(job, ending, returned));
    }
}

/// A drive before its start, as the port and the registry describe it.
fn device(source: &mut Source<'_>) -> Device {
    let mut adapter = [0; 32];
    adapter[8..12].copy_from_slice(&source.pick(&[0x1_0000_u32, 0x1000, 0x2_0000, 0, u32::MAX]).to_le_bytes());
    adapter[12..16].copy_from_slice(&source.pick(&[17_u32, 1, 2, 33, u32::MAX]).to_le_bytes());
    adapter[16..20].copy_from_slice(&source.pick(&[1_u32, 0, 3, 0x1FF]).to_le_bytes());
    let mut descriptor = [0; 64];
    source.fill(&mut descriptor[8..36]);
    let mut power = [0; 24];
    source.fill(&mut power);
    let mut value = || if source.one_in(2) { None } else { Some(u32::from(source.byte() & 3)) };
    let settings = Settings {
        zero_power_enabled: value(),
        always_disable_mcn: value(),
        mmc_detection_state: value(),
        user_removal_policy: value(),
        write_cache_enable_override: value(),
        non_mmc: value(),
        no_type_one_get_config: value(),
        non_mmc_vendor_specific_profile: value(),
        hack_mask: value(),
        ..Settings::default()
    };
    let name: Vec<u16> = r"\Device\CdRom0".encode_utf16().collect();
    let identity = Identity {
        number: 0,
        device_name: &name,
        mounted_interface: &name,
        removal_policy: u32::from(source.byte() & 3),
    };
    Device::new(
        &identity,
        &settings,
        AdapterDescriptor::new(&adapter).unwrap_or_default(),
        DeviceDescriptor::new(&descriptor).unwrap_or_default(),
        PowerDescriptor::new(&power),
    )
}
