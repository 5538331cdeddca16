//! A driver and a port for tests: runs requests through the real dispatcher against a script of commands and replies.
//!
//! ```text
//! let mut host = Host::default();
//! host.on("43 02 00 00 00 00 00 03 24 00", Reply::data("00 02 01 01"));
//! let answer = host.control(0x0002_4000, "", 804);
//! assert_eq!((answer.status, answer.information), (NtStatus::SUCCESS, 4));
//! ```
#![allow(dead_code, reason = "a tool box for the tests of every operation")]

use std::collections::VecDeque;
use std::string::String;
use std::vec;
use std::vec::Vec;

use scsi_cdb::Direction;

use crate::arrival::Arrival;
use crate::buffers::SCRATCH_MAX;
use crate::ioctl::ControlCode;
use crate::limits::PAGE_SIZE;
use crate::request::{Irql, Mdl};
use crate::step::{PlatformCall, PortReply};
use crate::time::Ticks;
use crate::{Buffers, Dispatcher, Effect, Environment, Handle, HandleId, Job, NtStatus, Outcome, Request, Step};

/// What buffers hold before a request: bytes of these values in an answer come from nowhere.
pub const CALLER_FILL: u8 = 0xA5;
/// What the scratch buffer holds before a request.
pub const SCRATCH_FILL: u8 = 0xEE;

/// Steps of one request after which a test fails, so that nothing loops for ever.
const STEP_LIMIT: usize = 10_000;

/// Bytes from hex digits; blanks are ignored.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|digit| !digit.is_whitespace()).collect();
    assert_eq!(digits.len() % 2, 0, "odd number of digits: {text}");
    digits.chunks(2).map(|pair| u8::from_str_radix(&String::from_iter(pair), 16).expect("hex")).collect()
}

/// What the port says of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    status: NtStatus,
    scsi_status: u8,
    sense: Vec<u8>,
    data: Vec<u8>,
    claimed: Option<u32>,
    cancels: bool,
}

impl Reply {
    /// GOOD, no data.
    pub fn good() -> Self {
        Self::bytes(&[])
    }

    /// GOOD with these bytes; those that the command did not ask for are not moved.
    pub fn bytes(data: &[u8]) -> Self {
        Self {
            status: NtStatus::SUCCESS,
            scsi_status: 0,
            sense: Vec::new(),
            data: data.to_vec(),
            claimed: None,
            cancels: false,
        }
    }

    /// As [`Self::bytes`], in hex.
    pub fn data(text: &str) -> Self {
        Self::bytes(&hex(text))
    }

    /// CHECK CONDITION with fixed-format sense of this key, code and qualifier.
    pub fn sense(key: u8, asc: u8, ascq: u8) -> Self {
        let sense = vec![0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, ascq, 0, 0, 0, 0];
        Self { scsi_status: 0x02, sense, ..Self::good() }
    }

    /// CHECK CONDITION with these sense bytes.
    pub fn raw_sense(sense: &[u8]) -> Self {
        Self { scsi_status: 0x02, sense: sense.to_vec(), ..Self::good() }
    }

    /// The port fails the request with `status`.
    pub fn port(status: NtStatus) -> Self {
        Self { status, ..Self::good() }
    }

    /// Another SCSI status without sense.
    pub fn scsi_status(scsi_status: u8) -> Self {
        Self { scsi_status, ..Self::good() }
    }

    /// The same reply from a port that claims to have moved `length` bytes.
    pub fn claiming(self, length: u32) -> Self {
        Self { claimed: Some(length), ..self }
    }

    /// The same reply; the request is cancelled while the command runs.
    pub fn cancelling(self) -> Self {
        Self { cancels: true, ..self }
    }

    /// The same reply with this data.
    pub fn with_data(self, text: &str) -> Self {
        Self { data: hex(text), ..self }
    }
}

/// One command that reached the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The command descriptor block.
    pub cdb: Vec<u8>,
    /// Which way data moves.
    pub direction: Direction,
    /// Transfer length.
    pub length: u32,
    /// Time-out in seconds.
    pub timeout_s: u32,
    /// The data of a data-out command.
    pub data_out: Vec<u8>,
}

/// How a request or a job ended.
#[derive(Clone, Debug)]
pub struct Answer {
    /// `IoStatus.Status`; NOT_SUPPORTED where the request was passed down.
    pub status: NtStatus,
    /// `IoStatus.Information`.
    pub information: u64,
    /// The caller's buffer up to Information; empty for error statuses.
    pub output: Vec<u8>,
    /// The caller's whole buffer, whatever the status.
    pub whole_output: Vec<u8>,
    /// Commands in order.
    pub commands: Vec<Sent>,
    /// System calls in order.
    pub calls: Vec<PlatformCall>,
    /// Pauses in order.
    pub waits: Vec<Ticks>,
    /// Effects in order.
    pub effects: Vec<Effect>,
    /// Passed down.
    pub forwarded: bool,
    /// Parked.
    pub parked: bool,
}

impl Answer {
    /// Status and Information.
    pub fn end(&self) -> (NtStatus, u64) {
        (self.status, self.information)
    }
}

/// The driver around a dispatcher, and the port below it.
#[derive(Debug)]
pub struct Host {
    /// The dispatcher.
    pub dispatcher: Dispatcher,
    /// The handle that requests carry; `None` for requests without a file object.
    pub handle: Option<Handle>,
    /// The system's state.
    pub environment: Environment,
    /// Override-verify and other flags of the stack location.
    pub stack_flags: u8,
    /// The kept GET CONFIGURATION answer.
    pub features: Vec<u8>,
    /// Size of the scratch buffer.
    pub scratch_length: usize,
    script: VecDeque<(Vec<u8>, Reply)>,
    always: Vec<(Vec<u8>, Reply)>,
    any: Option<VecDeque<Reply>>,
    for_all: Option<Reply>,
    platform: VecDeque<(NtStatus, u64, Vec<u8>)>,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            dispatcher: Dispatcher::default(),
            handle: Some(Handle::new(HandleId(1))),
            environment: Environment { now: Ticks(1), mounted: false, verify: false, cancelled: false },
            stack_flags: 0,
            features: vec![0; SCRATCH_MAX],
            scratch_length: SCRATCH_MAX,
            script: VecDeque::new(),
            always: Vec::new(),
            any: None,
            for_all: None,
            platform: VecDeque::new(),
        }
    }
}

/// The memory of one request.
struct Memory {
    scratch: Vec<u8>,
    system: Vec<u8>,
    pages: Vec<u8>,
}

impl Host {
    /// A host of an MMC drive.
    pub fn mmc() -> Self {
        let mut host = Self::default();
        host.dispatcher.device.is_mmc = true;
        host
    }

    /// The next command must be this one; it is answered so.
    pub fn on(&mut self, cdb: &str, reply: Reply) -> &mut Self {
        self.script.push_back((hex(cdb), reply));
        self
    }

    /// The next system call ends so.
    pub fn on_platform(&mut self, status: NtStatus, value: u64) -> &mut Self {
        self.platform.push_back((status, value, Vec::new()));
        self
    }

    /// The next system call leaves `data` in the scratch buffer and gives its length.
    pub fn on_platform_data(&mut self, data: &[u8]) -> &mut Self {
        self.platform.push_back((NtStatus::SUCCESS, u64::try_from(data.len()).unwrap(), data.to_vec()));
        self
    }

    /// The request that [`Self::control`] sends.
    pub fn request(&self, code: u32, input: &[u8], output_length: u32) -> Request {
        let direct = code & 3 == 2;
        Request {
            code: ControlCode(code),
            input_length: u32::try_from(input.len()).unwrap(),
            output_length,
            handle: self.handle.map(|handle| handle.id),
            kernel_mode: false,
            wow64: false,
            stack_flags: self.stack_flags,
            irql: Irql::Passive,
            system_address: 0x1000,
            mdl: (direct && output_length != 0)
                .then_some(Mdl { address: u64::from(PAGE_SIZE), byte_count: output_length }),
            type3_input: None,
        }
    }

    /// Sends a device-control request with `input` in hex.
    pub fn control(&mut self, code: u32, input: &str, output_length: u32) -> Answer {
        let input = hex(input);
        self.send(self.request(code, &input, output_length), &input)
    }

    /// Sends `request`: its arrival, and its turn in the queue if it is queued. Every scripted command must come.
    pub fn send(&mut self, request: Request, input: &[u8]) -> Answer {
        let output = usize::try_from(request.output_length).unwrap();
        let direct = request.mdl.is_some();
        let system_length = if direct { input.len() } else { input.len().max(output) };
        let mut memory = self.memory(system_length, if direct { output } else { 0 });
        memory.system[..input.len()].copy_from_slice(input);
        let mut handle = self.handle;
        let arrival = {
            let mut buffers =
                Buffers { scratch: &mut memory.scratch, features: &mut self.features, system: &mut memory.system };
            let arrival = self.dispatcher.arrive(&request, handle.as_mut(), &self.environment, &mut buffers);
            if let Arrival::Ask(_) = arrival {
                let (status, value, _) = next_platform(&mut self.platform, self.any.is_some());
                Arrival::Complete(self.dispatcher.answer(&request, status, value, &self.environment, &mut buffers))
            } else {
                arrival
            }
        };
        self.handle = handle;
        let step = match arrival {
            Arrival::Complete(completion) => Some(Step::Complete(completion)),
            Arrival::Forward => Some(Step::Forward { minor: None }),
            _ => None,
        };
        let mut answer = match step {
            Some(step) => self.follow(step, &mut memory),
            None => self.begin(Job::Control(request), &mut memory),
        };
        let buffer = if direct { &memory.pages } else { &memory.system };
        answer.whole_output = buffer[..output.min(buffer.len())].to_vec();
        if !answer.status.is_error() {
            let length = usize::try_from(answer.information).unwrap();
            assert!(length <= output, "Information {length} exceeds the buffer of {output} bytes");
            answer.output = answer.whole_output[..length].to_vec();
        }
        answer
    }

    /// Runs a read or write. Every scripted command must come.
    pub fn run_transfer(&mut self, transfer: crate::request::Transfer) -> Answer {
        let mut memory = self.memory(0, usize::try_from(transfer.mdl.byte_count).unwrap());
        self.begin(Job::Transfer(transfer), &mut memory)
    }

    /// Every command that no script expects is answered so.
    pub fn reply_to_all(&mut self, reply: Reply) -> &mut Self {
        self.for_all = Some(reply);
        self
    }

    /// This command is answered so whenever it comes; the script is not consulted for it.
    pub fn always(&mut self, cdb: &str, reply: Reply) -> &mut Self {
        self.always.push((hex(cdb), reply));
        self
    }

    /// Commands that the script does not expect are answered with these in turn, whatever they are, then with GOOD
    /// and no data; system calls with SUCCESS and 0.
    pub fn any(&mut self, replies: Vec<Reply>) -> &mut Self {
        self.any = Some(replies.into());
        self
    }

    /// Runs work of the driver's own. Every scripted command must come.
    pub fn run(&mut self, job: Job) -> Answer {
        let mut memory = self.memory(0, 0);
        self.begin(job, &mut memory)
    }

    fn memory(&self, system: usize, pages: usize) -> Memory {
        Memory {
            scratch: vec![SCRATCH_FILL; self.scratch_length],
            system: vec![CALLER_FILL; system],
            pages: vec![CALLER_FILL; pages],
        }
    }

    fn begin(&mut self, job: Job, memory: &mut Memory) -> Answer {
        let mut buffers =
            Buffers { scratch: &mut memory.scratch, features: &mut self.features, system: &mut memory.system };
        let step = self.dispatcher.begin(job, self.handle.as_mut(), &self.environment, &mut buffers);
        self.follow(step, memory)
    }

    fn follow(&mut self, mut step: Step, memory: &mut Memory) -> Answer {
        let mut answer = Answer {
            status: NtStatus::NOT_SUPPORTED,
            information: 0,
            output: Vec::new(),
            whole_output: Vec::new(),
            commands: Vec::new(),
            calls: Vec::new(),
            waits: Vec::new(),
            effects: Vec::new(),
            forwarded: false,
            parked: false,
        };
        for _ in 0..STEP_LIMIT {
            answer.effects.extend(core::iter::from_fn(|| self.dispatcher.take_effect()));
            step = match step {
                Step::Complete(completion) => {
                    answer.status = completion.status;
                    answer.information = completion.information;
                    assert!(self.script.is_empty(), "commands that did not come: {:02X?}", self.script);
                    return answer;
                }
                Step::Forward { .. } => {
                    answer.forwarded = true;
                    return answer;
                }
                Step::Park => {
                    answer.parked = true;
                    return answer;
                }
                Step::Wait(time) => {
                    answer.waits.push(time);
                    self.environment.now = Ticks(self.environment.now.0 + time.0);
                    self.resume(Outcome::Waited, memory)
                }
                Step::Platform(call) => {
                    answer.calls.push(call);
                    let (status, value, data) = next_platform(&mut self.platform, self.any.is_some());
                    memory.scratch[..data.len()].copy_from_slice(&data);
                    self.resume(Outcome::Platform { status, value }, memory)
                }
                Step::Send(command) => {
                    let (sent, reply, transferred) = self.execute(&command, memory);
                    answer.commands.push(sent);
                    self.environment.cancelled |= reply.cancels;
                    let reply = PortReply {
                        status: reply.status,
                        scsi_status: reply.scsi_status,
                        sense: &reply.sense,
                        transferred: reply.claimed.unwrap_or(transferred),
                    };
                    self.resume(Outcome::Command(reply), memory)
                }
            };
        }
        panic!("no end within {STEP_LIMIT} steps");
    }

    fn resume(&mut self, outcome: Outcome<'_>, memory: &mut Memory) -> Step {
        let mut buffers =
            Buffers { scratch: &mut memory.scratch, features: &mut self.features, system: &mut memory.system };
        self.dispatcher.resume(outcome, self.handle.as_mut(), &self.environment, &mut buffers)
    }

    fn execute(&mut self, command: &crate::step::ScsiCommand, memory: &mut Memory) -> (Sent, Reply, u32) {
        use crate::step::Place;
        let always = self.always.iter().find(|(cdb, _)| command.cdb.as_bytes() == cdb).cloned();
        let (expected, reply) = always.unwrap_or_else(|| self.next_reply(command));
        assert_eq!(command.cdb.as_bytes(), expected, "left: the command; right: the script");
        let length = usize::try_from(command.length).unwrap();
        let data = match command.place {
            Place::Scratch => &mut memory.scratch[..length],
            Place::Caller { offset } => &mut memory.pages[usize::try_from(offset).unwrap()..][..length],
        };
        let mut sent = Sent {
            cdb: expected,
            direction: command.direction,
            length: command.length,
            timeout_s: command.timeout_s,
            data_out: Vec::new(),
        };
        let moved = match command.direction {
            Direction::None => 0,
            Direction::In => {
                let moved = reply.data.len().min(length);
                data[..moved].copy_from_slice(&reply.data[..moved]);
                moved
            }
            Direction::Out => {
                sent.data_out = data.to_vec();
                length
            }
        };
        (sent, reply, u32::try_from(moved).unwrap())
    }

    fn next_reply(&mut self, command: &crate::step::ScsiCommand) -> (Vec<u8>, Reply) {
        if let (true, Some(reply)) = (self.script.is_empty(), &self.for_all) {
            return (command.cdb.as_bytes().to_vec(), reply.clone());
        }
        if let (true, Some(any)) = (self.script.is_empty(), &mut self.any) {
            return (command.cdb.as_bytes().to_vec(), any.pop_front().unwrap_or_else(Reply::good));
        }
        self.script.pop_front().unwrap_or_else(|| panic!("no command was due, but came {:?}", command.cdb))
    }
}

fn next_platform(script: &mut VecDeque<(NtStatus, u64, Vec<u8>)>, otherwise_good: bool) -> (NtStatus, u64, Vec<u8>) {
    let good = otherwise_good.then_some((NtStatus::SUCCESS, 0, Vec::new()));
    script.pop_front().or(good).expect("a scripted system call")
}
